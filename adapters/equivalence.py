"""What one region's item corresponds to in another region, and how much of it the other region provably covers.

Nothing is guessed: every relation follows from how both items stand to the neutral item types (`adapters.scopes`).
Items that are drafts, or not in force on the day asked about, are shown, last and with what they lack, and count for
nothing: the overall relation, the complete set and the uncovered types rest on items in force alone. What a target
item covers beside the source item is named as `beyond` and is never granted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from adapters.catalog import item_order
from adapters.errors import UnknownRegionError
from adapters.explanation import explain, sentence
from adapters.facets import relation as relation_of
from adapters.scopes import Scope, smallest_cover
from adapters.words import LegalStatus, Relation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from adapters.canonical import ApplicationItem, LocalizedText
    from adapters.catalog import Catalog
    from adapters.explanation import Clause
    from adapters.taxonomy import Taxonomy
    from adapters.words import ApplicationClass, Medium

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
    first; then exact, broader, narrower, overlapping, conflicting; then by identifier. `complete_set` holds
    identifiers, and only where no single item in force covers the source. `uncovered_item_types` are covered whole by
    no item in force. `clauses` say the same in four languages, facet by facet.
    """

    source: ApplicationItem
    target_region: str
    relation: Relation
    items: tuple[EquivalentItem, ...]
    complete_set: tuple[str, ...]
    uncovered_item_types: tuple[str, ...]
    clauses: tuple[Clause, ...]

    @property
    def explanation(self) -> LocalizedText:
        """The clauses as one sentence in four languages."""
        return sentence(self.clauses)


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
    live = [e for e in items if e.in_force]
    usable = [e for e in live if e.relation is not Relation.CONFLICTING]
    relation, chosen = _best(mine, usable) if usable or not live else (Relation.CONFLICTING, [])
    covered = frozenset[str]().union(*(Scope.of(e.item).whole for e in usable))
    return Equivalence(
        source=source,
        target_region=target.region,
        relation=relation,
        items=tuple(items),
        complete_set=tuple(e.item.item for e in chosen) if len(chosen) > 1 else (),
        uncovered_item_types=tuple(sorted(mine.touched - covered)),
        clauses=explain(
            source,
            relation,
            [e.item for e in chosen or usable or live],
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
        relation=relation_of(source, item),
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
    """What of a source item the home region's items in force cover whole, taken together.

    `items` are the home items that cover something. `residue` says that the source has a part outside every item type
    which the home region does not cover. Only scope is weighed here: whether the source item itself offers a class and
    accepts a form of the card is for the caller to ask.
    """

    whole: tuple[str, ...]
    missing: tuple[str, ...]
    items: tuple[str, ...]
    residue: bool
    _offers: frozenset[tuple[str, ApplicationClass, Medium]] = field(repr=False)

    @property
    def kind(self) -> CoverageKind:
        """How much is covered, whatever the class and the form of the card."""
        if self.whole or not (self.missing or self.residue):
            return CoverageKind.PART if self.missing or self.residue else CoverageKind.FULL
        return CoverageKind.NONE

    def covered(self, application_class: ApplicationClass, medium: Medium) -> frozenset[str]:
        """Give the types of the source that home items cover whole, offering the class and accepting the form."""
        return self._given(application_class, medium) - {RESIDUE}

    def kind_for(self, application_class: ApplicationClass, medium: Medium) -> CoverageKind:
        """Tell how much home items cover that offer the class and accept the form."""
        given = self._given(application_class, medium)
        if self.kind is CoverageKind.FULL and given == {part for part, _, _ in self._offers}:
            return CoverageKind.FULL
        return CoverageKind.PART if given else CoverageKind.NONE

    def _given(self, application_class: ApplicationClass, medium: Medium) -> frozenset[str]:
        """Give the covered parts of the source, its residue among them, for a class and a form of the card."""
        return frozenset(part for part, c, m in self._offers if c is application_class and m is medium)


def coverage(source: ApplicationItem, home: Catalog, *, on: date) -> Coverage:
    """Find how much of a source item the home region's items in force on a day cover whole.

    An item covers itself entirely, residue and all, so a card used at home is measured by the same rule.
    """
    scope = Scope.of(source)
    wanted = scope.touched | ({RESIDUE} if scope.residue else frozenset())
    own = source.item if source.region == home.region and source.item in home else None
    related = {item.item: item for code in scope.touched for item in home.by_type(code)}
    if own:
        related[own] = home.get(own)
    parts = {
        item.item: wanted if item.item == own else wanted & Scope.of(item).whole
        for item in sorted(related.values(), key=lambda item: item_order(item.item))
        if item.in_force(on)
    }
    given = frozenset[str]().union(*parts.values())
    return Coverage(
        whole=tuple(sorted(given - {RESIDUE})),
        missing=tuple(sorted(scope.touched - given)),
        items=tuple(item_id for item_id, types in parts.items() if types),
        residue=RESIDUE in wanted - given,
        _offers=frozenset(
            (part, c, m)
            for item_id, types in parts.items()
            for part in types
            for c in related[item_id].classes
            for m in related[item_id].media
        ),
    )


class Catalogs(Protocol):
    """Finds catalogs as they were on a day; `revision` is another number as soon as any of them has changed."""

    @property
    def revision(self) -> int:
        """Count the changes."""

    def on(self, region: str, day: date) -> Catalog:
        """Give the catalog of a region on a day (UnknownRegionError)."""


class FixedCatalogs:
    """Catalogs that never change, the same on each day."""

    revision = 0

    def __init__(self, catalogs: Mapping[str, Catalog]) -> None:
        """Keep them by region."""
        self._catalogs = dict(catalogs)

    def on(self, region: str, _day: date) -> Catalog:
        """Give the catalog of a region (UnknownRegionError)."""
        catalog = self._catalogs.get(region)
        if catalog is None:
            raise UnknownRegionError
        return catalog


class EquivalenceBook:
    """Answers of `translate_item` and `coverage` between catalogs; the last 4,096 of each are remembered."""

    def __init__(self, taxonomy: Taxonomy, catalogs: Catalogs) -> None:
        """Take where the catalogs are found; what is remembered holds until one of them changes."""
        self._taxonomy = taxonomy
        self._catalogs = catalogs
        self._translated = lru_cache(maxsize=4096)(self._translate)
        self._covered = lru_cache(maxsize=4096)(self._cover)

    @property
    def revision(self) -> int:
        """Another number as soon as any catalog has changed."""
        return self._catalogs.revision

    def translate(self, region: str, item: str, target_region: str, *, on: date) -> Equivalence:
        """Give what an item corresponds to in another region (UnknownRegionError, UnknownItemError)."""
        return self._translated(region, item, target_region, on, self._catalogs.revision)

    def _translate(self, region: str, item: str, target_region: str, on: date, _revision: int) -> Equivalence:
        source = self._catalogs.on(region, on).get(item)
        return translate_item(source, self._catalogs.on(target_region, on), self._taxonomy, on=on)

    def item(self, region: str, item: str, *, on: date) -> ApplicationItem:
        """Give an item as it was on a day (UnknownRegionError, UnknownItemError)."""
        return self._catalogs.on(region, on).get(item)

    def coverage(self, region: str, item: str, home: str, *, on: date) -> Coverage:
        """Give how much of an item the home region's items cover (UnknownRegionError, UnknownItemError)."""
        return self._covered(region, item, home, on, self._catalogs.revision)

    def _cover(self, region: str, item: str, home: str, on: date, _revision: int) -> Coverage:
        return coverage(self._catalogs.on(region, on).get(item), self._catalogs.on(home, on), on=on)
