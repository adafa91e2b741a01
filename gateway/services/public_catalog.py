"""What a node shows the public of regions, catalogs, items, item types and agreements: published data, nobody's own.

A `PublicCatalog` never changes, but for what it asks of other days. Whoever keeps one makes another where a catalog or
an agreement has changed, and `revision` tells the two apart.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adapters.errors import UnknownRegionError
from adapters.words import ApplicationClass, Layer, LegalStatus
from gateway.errors import UnknownCatalogError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from adapters.canonical import ApplicationItem
    from adapters.catalog import Catalog
    from adapters.equivalence import Equivalence, EquivalenceBook
    from adapters.taxonomy import Taxonomy
    from adapters.words import Medium
    from gateway.services.catalog_version import Version
    from gateway.services.shown_lists import Lists, ShownList, ShownRegion
    from trust.agreement import Agreement

STANDS = "OK"
"""Reason of an agreement that every party has signed and none has stopped."""


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
    """Regions by code, catalogs by identifier (regions' own lists first), taxonomy, agreements, and how these stand.

    `standing` holds a reason by agreement: `STANDS`, or why it does not. `lists` knows other versions and other days.
    """

    regions: Mapping[str, ShownRegion]
    lists: Mapping[str, ShownList]
    taxonomy: Taxonomy
    agreements: tuple[Agreement, ...]
    standing: Mapping[str, str]
    book: EquivalenceBook = field(repr=False)
    known: Lists = field(repr=False)
    revision: str = field(init=False)

    def __post_init__(self) -> None:
        """Compute the revision from what is shown."""
        parts = [f"{name}:{version.digest}" for name in self.lists for version in self.known.versions(name)]
        parts += [f"{name}:stale" for name, shown in self.lists.items() if shown.stale]
        parts += [f"{name}:{shown.version.digest}" for name, shown in self.lists.items()]
        parts += [f"{a.id}:{self.standing.get(a.id, '')}" for a in self.agreements]
        object.__setattr__(self, "revision", hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16])

    def region(self, code: str) -> ShownRegion:
        """Give one region (UnknownRegionError, which does not repeat what was asked)."""
        found = self.regions.get(code)
        if found is None:
            raise UnknownRegionError
        return found

    def list(self, catalog: str) -> ShownList:
        """Give one catalog as it holds today (UnknownCatalogError)."""
        found = self.lists.get(catalog)
        if found is None:
            raise UnknownCatalogError
        return found

    def version_on(self, catalog: str, on: date) -> Version:
        """Give the version of a shown catalog that holds on a day (UnknownCatalogError, CatalogStaleError)."""
        self.list(catalog)
        return self.known.current(catalog, on)

    def item(self, catalog: str, item: str, *, on: date) -> ApplicationItem:
        """Give one item as it is listed on a day (UnknownCatalogError, CatalogStaleError, UnknownItemError)."""
        return self.version_on(catalog, on).items.get(item)

    def agreement(self, agreement: str) -> Agreement | None:
        """Find an agreement by its id."""
        return next((a for a in self.agreements if a.id == agreement), None)

    def agreements_of(self, region: str) -> tuple[Agreement, ...]:
        """Give the agreements to which a region is a party, by id."""
        return tuple(a for a in self.agreements if region in a.regions)

    def lists_of(self, region: str) -> tuple[ShownList, ...]:
        """Give the catalogs that concern a region: its own, what that extends, what extends it, and joint ones."""
        own = self.region(region).own.head
        return tuple(
            shown
            for name, shown in self.lists.items()
            if region in shown.head.regions or name in {own.catalog, own.extends}
        )

    def joint_lists(self, one: str, other: str) -> tuple[ShownList, ...]:
        """Give the joint catalogs of two regions."""
        return tuple(
            shown
            for shown in self.lists.values()
            if shown.head.layer is Layer.JOINT and {one, other}.issubset(shown.head.regions)
        )

    def joined(self, one: str, other: str, *, on: date) -> Agreement | None:
        """Give the agreement that joins two regions on a day, whether it stands or not."""
        return next((a for a in self.agreements if a.joins(one, other) and a.in_force(on)), None)

    def partners(self, region: str, *, on: date) -> tuple[str, ...]:
        """Give the shown regions with which a region has an agreement on a day, in order."""
        return tuple(code for code in self.regions if self.joined(region, code, on=on))

    def touching(self, code: str) -> Iterator[tuple[ShownList, tuple[ApplicationItem, ...]]]:
        """Give the items that touch an item type, by catalog (UnknownItemTypeError at once)."""
        node = self.taxonomy.get(code)
        return ((shown, items) for shown in self.lists.values() if (items := shown.items.by_type(node.code)))

    def translate(self, catalog: str, item: str, target: str, *, on: date) -> Equivalence:
        """Give what an item corresponds to in another shown region on a day (UnknownRegionError, CatalogStaleError)."""
        return self.book.translate(catalog, item, self.region(target).code, on=on)


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
