"""The citizen's question about a card, and its answer: which services accept it, in which form, for what, from when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.words import ApplicationClass
from gateway.services.model import Decision

if TYPE_CHECKING:
    from datetime import date

    from adapters.canonical import ApplicationItem
    from adapters.words import Medium
    from gateway.services.model import ClassVerdict
    from trust.agreement import Agreement


@dataclass(frozen=True, slots=True, kw_only=True)
class CardUse:
    """The question. What is empty or None narrows nothing; `item_type` is a code or a pattern such as `CUL.*`.

    A pattern asks for any of the types that it stands for.
    """

    home: str
    visited: str
    on: date
    item: str = ""
    item_type: str = ""
    application_class: ApplicationClass | None = None
    medium: Medium | None = None


@dataclass(frozen=True, slots=True)
class AcceptedUse:
    """What a card is accepted for: the verdict on a class, and the forms of the card for which it holds."""

    verdict: ClassVerdict
    media: tuple[Medium, ...]


def allowed_types(item: ApplicationItem, verdict: ClassVerdict) -> frozenset[str]:
    """Give the item types for which a verdict on an item lets a card be used: its limits, or all of the item's."""
    if not verdict.usable:
        return frozenset()
    return frozenset(verdict.item_types or (relation.item_type for relation in item.relations))


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAnswer:
    """Whether one service accepts the card. `media` has the verdicts by class for each form that was asked about.

    `home_items` are the items of the home region that cover something of it; `accepted_types` are the item types for
    which any of the forms and classes asked about is accepted, those that were not asked about among them. `since` is
    the first day from which on, without a break, it has been accepted in one of the ways shown, None where it is not.
    """

    item: ApplicationItem
    media: tuple[tuple[Medium, tuple[ClassVerdict, ...]], ...]
    home_items: tuple[str, ...]
    accepted_types: tuple[str, ...] = ()
    since: date | None = None

    @property
    def accepted(self) -> bool:
        """Whether any form of the card is accepted for any class, entirely or in part."""
        return any(verdict.usable for _, verdicts in self.media for verdict in verdicts)

    @property
    def limited(self) -> bool:
        """Whether it is accepted, and never for the whole service."""
        return self.accepted and not any(
            verdict.decision is Decision.ALLOWED for _, verdicts in self.media for verdict in verdicts
        )

    @property
    def excluded_types(self) -> tuple[str, ...]:
        """The types of a service accepted in part for which it is not accepted at all, in the order of the item."""
        types = (relation.item_type for relation in self.item.relations)
        return tuple(code for code in types if code not in self.accepted_types) if self.limited else ()

    @property
    def uses(self) -> tuple[AcceptedUse, ...]:
        """What it is accepted for, class by class; forms of the card that are treated alike stand together."""
        table: dict[ClassVerdict, list[Medium]] = {}
        for medium, verdicts in self.media:
            for verdict in verdicts:
                if verdict.usable:
                    table.setdefault(verdict, []).append(medium)
        order = list(ApplicationClass)
        found = (AcceptedUse(verdict, tuple(media)) for verdict, media in table.items())
        return tuple(sorted(found, key=lambda use: order.index(use.verdict.application_class)))

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is not accepted, each reason once; that a class is not offered counts only where nothing else does."""
        told = dict.fromkeys(v.reason for _, verdicts in self.media for v in verdicts if not v.usable)
        return tuple(reason for reason in told if reason != "CLASS_NOT_OFFERED") or tuple(told)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionAnswer:
    """What one visited region accepts. `refusal` is the reason where it accepts nothing at all, otherwise empty."""

    question: CardUse
    agreement: Agreement | None
    refusal: str
    accepted: tuple[ServiceAnswer, ...]
    refused: tuple[ServiceAnswer, ...]

    @property
    def at_home(self) -> bool:
        """Whether the card is used in its own region, which needs no agreement."""
        return self.question.home == self.question.visited
