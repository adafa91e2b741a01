"""What a node shows the public of regions, items, item types and agreements; published data only, nothing personal.

A `PublicCatalog` never changes. Whoever keeps one makes another where a catalog or an agreement has changed, and
`revision` tells the two apart.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adapters.canonical import LocalizedText
from adapters.errors import UnknownRegionError
from adapters.words import ApplicationClass, LegalStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from adapters.adapter import ManifestAdapter
    from adapters.canonical import ApplicationItem
    from adapters.card_rules import CardRules
    from adapters.catalog import Catalog
    from adapters.equivalence import Equivalence, EquivalenceBook
    from adapters.manifest import Manifest
    from adapters.taxonomy import Taxonomy
    from adapters.venues import Venues
    from adapters.words import Medium
    from trust.agreement import Agreement

STANDS = "OK"
"""Reason of an agreement that every party has signed and none has stopped."""


@dataclass(frozen=True, slots=True)
class ShownRegion:
    """A region as the public sees it: what its manifest says of it, its catalog, its rules of the card, its venues."""

    manifest: Manifest
    catalog: Catalog
    rules: CardRules
    venues: Venues

    @classmethod
    def of(cls, adapter: ManifestAdapter) -> ShownRegion:
        """Take what is public of an installed region."""
        return cls(adapter.manifest, adapter.catalog, adapter.rules, adapter.venues)

    @property
    def code(self) -> str:
        """The region code."""
        return self.manifest.region

    @property
    def name(self) -> LocalizedText:
        """The name of the region."""
        name = self.manifest.name
        return LocalizedText(name.zh_hans, name.zh_hant, name.en, name.pt)

    @property
    def synthetic(self) -> bool:
        """Whether its whole catalog is an example of ours."""
        return self.catalog.synthetic

    @property
    def draft(self) -> bool:
        """Whether its whole catalog is a draft, which authorizes nothing."""
        return self.catalog.legal_status is LegalStatus.DRAFT


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemFilter:
    """Which items of a catalog are wanted; a part that is None narrows nothing."""

    application_class: ApplicationClass | None = None
    medium: Medium | None = None
    legal_status: LegalStatus | None = None
    on: date | None = None

    def of(self, catalog: Catalog) -> tuple[ApplicationItem, ...]:
        """Give the items that meet every condition, in order; drafts are in force on no day and are kept."""
        found = catalog.filter(
            application_class=self.application_class, medium=self.medium, legal_status=self.legal_status
        )
        on = self.on
        return found if on is None else tuple(i for i in found if i.legal_status is LegalStatus.DRAFT or i.in_force(on))


@dataclass(frozen=True, slots=True)
class LevelCount:
    """How many items of one class have which depth in one year: `levels` counts 1, 2 and 3; `unread` has no level."""

    year: int
    application_class: ApplicationClass
    levels: tuple[int, int, int]
    unread: int

    @property
    def total(self) -> int:
        """All items of the class for which something is printed for the year."""
        return sum(self.levels) + self.unread


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicCatalog:
    """Regions by code in the order of their codes, the taxonomy, the agreements, and how each agreement stands.

    `standing` holds a reason by agreement: `STANDS`, or why it does not.
    """

    regions: Mapping[str, ShownRegion]
    taxonomy: Taxonomy
    agreements: tuple[Agreement, ...]
    standing: Mapping[str, str]
    book: EquivalenceBook = field(repr=False)
    revision: str = field(init=False)

    def __post_init__(self) -> None:
        """Compute the revision from what is shown."""
        parts = [f"{code}:{region.catalog.version}" for code, region in self.regions.items()]
        parts += [f"{a.id}:{self.standing.get(a.id, '')}" for a in self.agreements]
        object.__setattr__(self, "revision", hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16])

    def region(self, code: str) -> ShownRegion:
        """Give one region (UnknownRegionError, which does not repeat what was asked)."""
        found = self.regions.get(code)
        if found is None:
            raise UnknownRegionError
        return found

    def item(self, region: str, item: str) -> ApplicationItem:
        """Give one item (UnknownRegionError, UnknownItemError)."""
        return self.region(region).catalog.get(item)

    def agreement(self, agreement: str) -> Agreement | None:
        """Find an agreement by its id."""
        return next((a for a in self.agreements if a.id == agreement), None)

    def agreements_of(self, region: str) -> tuple[Agreement, ...]:
        """Give the agreements to which a region is a party, by id."""
        return tuple(a for a in self.agreements if region in a.regions)

    def joined(self, one: str, other: str, *, on: date) -> Agreement | None:
        """Give the agreement that joins two regions on a day, whether it stands or not."""
        return next((a for a in self.agreements if a.joins(one, other) and a.in_force(on)), None)

    def partners(self, region: str, *, on: date) -> tuple[str, ...]:
        """Give the shown regions with which a region has an agreement on a day, in order."""
        return tuple(code for code in self.regions if self.joined(region, code, on=on))

    def touching(self, code: str) -> Iterator[tuple[str, tuple[ApplicationItem, ...]]]:
        """Give the items that touch an item type, by region (UnknownItemTypeError at once)."""
        node = self.taxonomy.get(code)
        return ((r, items) for r, shown in self.regions.items() if (items := shown.catalog.by_type(node.code)))

    def translate(self, item: ApplicationItem, target: str, *, on: date) -> Equivalence:
        """Give what an item corresponds to in another shown region on a day (UnknownRegionError)."""
        return self.book.translate(item.region, item.item, self.region(target).code, on=on)


def level_counts(items: tuple[ApplicationItem, ...]) -> tuple[LevelCount, ...]:
    """Count the printed depths of items by class and year; a class for which nothing is printed has no row."""
    table: dict[tuple[ApplicationClass, int], list[int]] = {}
    for item in items:
        for depth in item.depths:
            table.setdefault((depth.application_class, depth.year), [0, 0, 0, 0])[(depth.level or 4) - 1] += 1
    return tuple(
        LevelCount(year, c, (counts[0], counts[1], counts[2]), counts[3])
        for c in ApplicationClass
        for (of, year), counts in sorted(table.items(), key=lambda entry: entry[0][1])
        if of is c
    )
