"""The facets in which two items can differ, and what the difference is: of the one that is offered to the one asked.

Every effect follows from the data of both items by one rule a facet, and each has its mirror: what is less in one
direction is more in the other. Where one side does not say, nothing is told of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING

from adapters.scopes import Scope
from adapters.words import ApplicationClass, LegalStatus, Relation, VenueSet

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapters.canonical import ApplicationItem


class Facet(StrEnum):
    """A respect in which two items can differ."""

    SCOPE = "scope"
    CLASS = "class"
    MEDIUM = "medium"
    DEPTH = "depth"
    ASSURANCE = "assurance"
    LEGAL_STATUS = "legal_status"
    DATES = "dates"
    VENUE_SET = "venue_set"


class Effect(StrEnum):
    """How the offered item stands to the one asked about, in one facet."""

    SAME = "same"
    LESS = "less"
    MORE = "more"
    DIFFERENT = "different"
    CONFLICT = "conflict"
    UNTOLD = "untold"


MIRRORED = {Effect.LESS: Effect.MORE, Effect.MORE: Effect.LESS}

CONFLICTING = (Facet.CLASS, Facet.MEDIUM, Facet.DATES)
"""The facets in which nothing in common means that no use is allowed by both."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One facet: the effect, and what each side says, as closed words, types with relations, or ISO days."""

    facet: Facet
    effect: Effect
    asked: tuple[str, ...]
    offered: tuple[str, ...]


def compare(asked: ApplicationItem, offered: ApplicationItem, *, on: date) -> tuple[Difference, ...]:
    """Set an offered item against the one asked about, facet by facet, those included in which they agree."""
    return tuple(
        Difference(facet, effect(asked, offered, on), told(asked, on), told(offered, on))
        for facet, (told, effect) in _RULES.items()
    )


def conflict(asked: ApplicationItem, offered: ApplicationItem) -> Facet | None:
    """Name the first facet that leaves no use which both items would allow; None where there is none."""
    if set(asked.classes).isdisjoint(offered.classes):
        return Facet.CLASS
    if set(asked.media).isdisjoint(offered.media):
        return Facet.MEDIUM
    return Facet.DATES if _apart(asked, offered) else None


def relation(asked: ApplicationItem, offered: ApplicationItem) -> Relation:
    """Give the strongest R that is proved of `the offered item is R than, or to, the one asked about`."""
    of_scopes = Scope.of(offered).relation_to(Scope.of(asked))
    if of_scopes is not Relation.NONE and conflict(asked, offered) is not None:
        return Relation.CONFLICTING
    return of_scopes


def _by_inclusion(asked: frozenset[str], offered: frozenset[str]) -> Effect:
    if asked == offered:
        return Effect.SAME
    if offered < asked:
        return Effect.LESS
    return Effect.MORE if asked < offered else Effect.DIFFERENT


def _scope(asked: ApplicationItem, offered: ApplicationItem, _on: date) -> Effect:
    stands = Scope.of(offered).relation_to(Scope.of(asked))
    return {
        Relation.EXACT: Effect.SAME,
        Relation.BROADER: Effect.MORE,
        Relation.NARROWER: Effect.LESS,
        Relation.OVERLAPPING: Effect.DIFFERENT,
        Relation.NONE: Effect.UNTOLD,
    }[stands]


def _shared(asked: frozenset[str], offered: frozenset[str]) -> Effect:
    return Effect.CONFLICT if asked.isdisjoint(offered) else _by_inclusion(asked, offered)


def _classes(asked: ApplicationItem, offered: ApplicationItem, _on: date) -> Effect:
    return _shared(frozenset(asked.classes), frozenset(offered.classes))


def _media(asked: ApplicationItem, offered: ApplicationItem, _on: date) -> Effect:
    return _shared(frozenset(asked.media), frozenset(offered.media))


def levels(item: ApplicationItem, year: int) -> dict[ApplicationClass, int]:
    """Give the levels of depth that an item's text plans for a year, by class."""
    return {d.application_class: d.level for d in item.depths if d.year == year and d.level is not None}


def _depth(asked: ApplicationItem, offered: ApplicationItem, on: date) -> Effect:
    """Compare the levels of the classes for which both plan one."""
    mine, theirs = levels(asked, on.year), levels(offered, on.year)
    both = [(mine[c], theirs[c]) for c in ApplicationClass if c in mine and c in theirs]
    if not both:
        return Effect.UNTOLD
    less, more = any(b < a for a, b in both), any(b > a for a, b in both)
    if less and more:
        return Effect.DIFFERENT
    return Effect.LESS if less else Effect.MORE if more else Effect.SAME


def demands(item: ApplicationItem) -> frozenset[str]:
    """Give what a use of the item demands beyond a recognition: that it is for one use, that the item is sensitive."""
    return frozenset(word for word in ("one_time", "sensitive") if getattr(item, word))


def _assurance(asked: ApplicationItem, offered: ApplicationItem, _on: date) -> Effect:
    return _by_inclusion(demands(asked), demands(offered))


def _legal_status(asked: ApplicationItem, offered: ApplicationItem, _on: date) -> Effect:
    if asked.legal_status is offered.legal_status:
        return Effect.SAME
    return Effect.LESS if offered.legal_status is LegalStatus.DRAFT else Effect.MORE


def _days(item: ApplicationItem) -> tuple[date, date] | None:
    return (item.effective_from, item.effective_to or date.max) if item.effective_from else None


def _apart(asked: ApplicationItem, offered: ApplicationItem) -> bool:
    """Tell whether both have days and no day in common."""
    mine, theirs = _days(asked), _days(offered)
    return mine is not None and theirs is not None and (mine[1] < theirs[0] or theirs[1] < mine[0])


def _dates(asked: ApplicationItem, offered: ApplicationItem, _on: date) -> Effect:
    mine, theirs = _days(asked), _days(offered)
    if mine is None or theirs is None:
        return Effect.SAME if mine is theirs else Effect.UNTOLD
    if _apart(asked, offered):
        return Effect.CONFLICT
    if mine == theirs:
        return Effect.SAME
    if mine[0] <= theirs[0] and theirs[1] <= mine[1]:
        return Effect.LESS
    return Effect.MORE if theirs[0] <= mine[0] and mine[1] <= theirs[1] else Effect.DIFFERENT


def _venue_set(asked: ApplicationItem, offered: ApplicationItem, _on: date) -> Effect:
    if VenueSet.UNSTATED in {asked.venue_set, offered.venue_set}:
        return Effect.UNTOLD
    if asked.venue_set is offered.venue_set:
        # Two lists, or two choices of some venues, need not be alike only because both are lists or choices.
        return Effect.UNTOLD if asked.venue_set in {VenueSet.LISTED, VenueSet.SOME} else Effect.SAME
    if asked.venue_set is VenueSet.ALL:
        return Effect.LESS
    return Effect.MORE if offered.venue_set is VenueSet.ALL else Effect.DIFFERENT


def _told_scope(item: ApplicationItem, _on: date) -> tuple[str, ...]:
    types = tuple(f"{r.item_type}:{r.relation}" for r in item.relations)
    return (*types, "residue") if item.residue else types


def _told_dates(item: ApplicationItem, _on: date) -> tuple[str, ...]:
    return tuple(day.isoformat() for day in (item.effective_from, item.effective_to) if day)


_RULES: dict[
    Facet,
    tuple[
        Callable[[ApplicationItem, date], tuple[str, ...]], Callable[[ApplicationItem, ApplicationItem, date], Effect]
    ],
] = {
    Facet.SCOPE: (_told_scope, _scope),
    Facet.CLASS: (lambda item, _: tuple(item.classes), _classes),
    Facet.MEDIUM: (lambda item, _: tuple(item.media), _media),
    Facet.DEPTH: (lambda item, on: tuple(f"{c}:{level}" for c, level in levels(item, on.year).items()), _depth),
    Facet.ASSURANCE: (lambda item, _: tuple(sorted(demands(item))), _assurance),
    Facet.LEGAL_STATUS: (lambda item, _: (item.legal_status.value,), _legal_status),
    Facet.DATES: (_told_dates, _dates),
    Facet.VENUE_SET: (lambda item, _: (item.venue_set.value,) if item.venue_set else (), _venue_set),
}
