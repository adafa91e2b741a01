"""What one region's item corresponds to in another region, and how much of it the other region provably covers.

Nothing is guessed: every relation follows from how both items stand to the neutral item types (`adapters.scopes`).
Items that are drafts, or not in force on the day asked about, are shown, last and with what they lack, and count for
nothing: the overall relation, the complete set and the uncovered types rest on items in force alone. What a target
item covers beside the source item is named as `beyond` and is never granted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from adapters.canonical import LegalStatus, Relation
from adapters.catalog import item_order
from adapters.errors import UnknownRegionError
from adapters.explanation import explain
from adapters.scopes import Scope, smallest_cover

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from adapters.canonical import ApplicationClass, ApplicationItem, LocalizedText, Medium
    from adapters.catalog import Catalog
    from adapters.taxonomy import Taxonomy

DRAFT = f"legal_status:{LegalStatus.DRAFT}"
NOT_IN_FORCE = "not_in_force"
RESIDUE = "residue"

_BEST_FIRST = {relation: rank for rank, relation in enumerate(Relation)}


@dataclass(frozen=True, slots=True)
class EquivalentItem:
    """Target item that has something in common with the source: it is `relation` than, or to, the source.

    `lost` and `beyond` hold facets: `item_type:TRA.FERRY`, `class:payment`, `medium:electronic`, `residue`; `lost`
    also `legal_status:draft` or `not_in_force`.
    """

    item: ApplicationItem
    relation: Relation
    shared_item_types: tuple[str, ...]
    lost: tuple[str, ...]
    beyond: tuple[str, ...]

    @property
    def in_force(self) -> bool:
        """Whether the target item authorizes anything on the day asked about."""
        return DRAFT not in self.lost and NOT_IN_FORCE not in self.lost


@dataclass(frozen=True, slots=True)
class Equivalence:
    """Answer for one source item and one target region.

    `relation` is that of the best single item in force, or of the complete set, to the source. `items` are in force
    first; then exact, broader, narrower, overlapping; then by identifier. `complete_set` holds identifiers, and only
    where no single item in force covers the source. `uncovered_item_types` are those that no item in force covers whole.
    """

    source: ApplicationItem
    target_region: str
    relation: Relation
    items: tuple[EquivalentItem, ...]
    complete_set: tuple[str, ...]
    uncovered_item_types: tuple[str, ...]
    explanation: LocalizedText


def translate_item(source: ApplicationItem, target: Catalog, taxonomy: Taxonomy, *, on: date) -> Equivalence:
    """Find what a source item corresponds to in another region's catalog on a day.

    Raises:
        UnknownItemTypeError: the source names an item type that this taxonomy does not have.
    """
    mine = Scope.of(source)
    related = {item.item: item for code in mine.touched for item in target.by_type(taxonomy.get(code).code)}
    compared = (_compare(source, mine, item, on) for item in related.values())
    items = sorted(
        (e for e in compared if e.relation is not Relation.NONE),
        key=lambda e: (not e.in_force, _BEST_FIRST[e.relation], item_order(e.item.item)),
    )
    usable = [e for e in items if e.in_force]
    relation, chosen = _best(mine, usable)
    covered = frozenset().union(*(Scope.of(e.item).whole for e in usable))
    return Equivalence(
        source=source,
        target_region=target.region,
        relation=relation,
        items=tuple(items),
        complete_set=tuple(e.item.item for e in chosen) if len(chosen) > 1 else (),
        uncovered_item_types=tuple(sorted(mine.touched - covered)),
        explanation=explain(
            source,
            relation,
            [e.item for e in chosen or usable],
            [e.item for e in items if not e.in_force],
            taxonomy,
        ),
    )


def _compare(source: ApplicationItem, mine: Scope, item: ApplicationItem, on: date) -> EquivalentItem:
    """Set one target item against the source."""
    theirs = Scope.of(item)
    lost = _facets(source, mine, item, theirs)
    if item.legal_status is LegalStatus.DRAFT:
        lost += (DRAFT,)
    elif not item.in_force(on):
        lost += (NOT_IN_FORCE,)
    return EquivalentItem(
        item=item,
        relation=theirs.relation_to(mine),
        shared_item_types=tuple(sorted(mine.shared(theirs))),
        lost=lost,
        beyond=_facets(item, theirs, source, mine),
    )


def _facets(one: ApplicationItem, scope: Scope, other: ApplicationItem, given: Scope) -> tuple[str, ...]:
    """Name what one item has and the other does not provably give."""
    return (
        *(f"item_type:{code}" for code in sorted(scope.touched - given.whole)),
        *(f"class:{c}" for c in one.classes if c not in other.classes),
        *(f"medium:{m}" for m in one.media if m not in other.media),
        *((RESIDUE,) if scope.residue else ()),
    )


def _best(mine: Scope, usable: Sequence[EquivalentItem]) -> tuple[Relation, list[EquivalentItem]]:
    """Give the overall relation, and the item or the set that covers the source; an empty list where nothing does."""
    if not usable:
        return Relation.NONE, []
    if usable[0].relation in {Relation.EXACT, Relation.BROADER}:
        return usable[0].relation, [usable[0]]
    ordered = sorted(usable, key=lambda e: item_order(e.item.item))
    offers = [(Scope.of(e.item).whole, e.relation is not Relation.NARROWER) for e in ordered]
    chosen = [] if mine.residue else [ordered[n] for n in smallest_cover(mine.touched, offers)]
    if not chosen:
        return usable[0].relation, []
    union_is_source = all(e.relation is Relation.NARROWER for e in chosen)
    return (Relation.EXACT if union_is_source else Relation.BROADER), chosen


class CoverageKind(StrEnum):
    """How much of a source item the home region's items in force cover, taken together."""

    FULL = "full"
    PART = "part"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Coverage:
    """What of a source item is covered whole by the home region's items in force; only types count, never classes.

    `items` are the home items that cover something. `residue` says that the source has a part outside every item type
    which the home region does not cover: then nothing is FULL.
    """

    whole: tuple[str, ...]
    missing: tuple[str, ...]
    items: tuple[str, ...]
    residue: bool
    _offers: frozenset[tuple[str, ApplicationClass, Medium]]

    @property
    def kind(self) -> CoverageKind:
        """How much is covered, whatever the class and the medium."""
        return self._kind(frozenset(self.whole))

    def covered(self, application_class: ApplicationClass, medium: Medium) -> frozenset[str]:
        """Give the types that home items cover whole for a class, with a form of the card.

        Whether the source item itself offers the class and accepts the form is for the caller to ask.
        """
        return frozenset(t for t, c, m in self._offers if t != RESIDUE and c is application_class and m is medium)

    def kind_for(self, application_class: ApplicationClass, medium: Medium) -> CoverageKind:
        """Tell how much home items cover for a class, with a form of the card."""
        return self._kind(frozenset(t for t, c, m in self._offers if c is application_class and m is medium))

    def _kind(self, types: frozenset[str]) -> CoverageKind:
        raise NotImplementedError


def coverage(source: ApplicationItem, home: Catalog, *, on: date) -> Coverage:
    raise NotImplementedError
