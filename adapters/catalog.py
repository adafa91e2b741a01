"""A region's catalog: its application items, versioned by content, searchable, indexed by neutral item type."""

from __future__ import annotations

import hashlib
import json
from dataclasses import astuple, dataclass, field
from typing import TYPE_CHECKING

from adapters.catalog_rows import HEADER, OPTIONAL, read_item
from adapters.errors import RegionDataError, UnknownItemError
from adapters.tables import in_order, read_table, refuse, unique
from adapters.taxonomy import code_matches
from adapters.words import LegalStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from adapters.canonical import ApplicationItem
    from adapters.tables import Fault
    from adapters.taxonomy import Taxonomy
    from adapters.words import ApplicationClass, Medium

FILE = "catalog.csv"


def item_order(item_id: str) -> tuple[str, int, str]:
    """Order identifiers as people count: `CQ-99` before `CQ-100`."""
    return item_id[:2], len(item_id), item_id


def content_version(items: Iterable[ApplicationItem]) -> str:
    """Give the version: the first 16 hexadecimal digits of SHA-256 over the items, ordered by identifier.

    It depends on what the items say, not on the order of rows or on how the CSV was quoted.
    """
    rows = [astuple(item) for item in sorted(items, key=lambda item: item_order(item.item))]
    text = json.dumps(rows, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Catalog:
    """Items of one region, ordered by identifier (RegionDataError where two share one)."""

    region: str
    items: tuple[ApplicationItem, ...] = field(repr=False)
    version: str = field(init=False)
    _by_id: dict[str, ApplicationItem] = field(init=False, repr=False, compare=False)
    _by_type: dict[str, tuple[ApplicationItem, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Order the items, compute the version, and build both indexes."""
        items = tuple(sorted(self.items, key=lambda item: item_order(item.item)))
        by_type: dict[str, list[ApplicationItem]] = {}
        for item in items:
            for relation in item.relations:
                by_type.setdefault(relation.item_type, []).append(item)
        object.__setattr__(self, "items", items)
        object.__setattr__(self, "version", content_version(items))
        object.__setattr__(self, "_by_id", {item.item: item for item in items})
        object.__setattr__(self, "_by_type", {code: tuple(found) for code, found in by_type.items()})
        if len(self._by_id) != len(items):
            raise RegionDataError(region=self.region, file=FILE, column="item_id", rule="unique")

    def __iter__(self) -> Iterator[ApplicationItem]:
        """Go through the items in order."""
        return iter(self.items)

    def __len__(self) -> int:
        """Count the items."""
        return len(self.items)

    def __contains__(self, item_id: object) -> bool:
        """Tell whether there is an item with this identifier."""
        return item_id in self._by_id

    def get(self, item_id: str) -> ApplicationItem:
        """Give one item (UnknownItemError, which does not repeat what was asked)."""
        item = self._by_id.get(item_id)
        if item is None:
            raise UnknownItemError(region=self.region)
        return item

    def by_type(self, code: str) -> tuple[ApplicationItem, ...]:
        """Give the items that touch an item type, in order."""
        return self._by_type.get(code, ())

    def filter(
        self,
        *,
        application_class: ApplicationClass | None = None,
        medium: Medium | None = None,
        item_type: str = "",
        legal_status: LegalStatus | None = None,
        text: str = "",
    ) -> tuple[ApplicationItem, ...]:
        """Give the items that meet every condition told, in order.

        Args:
            application_class: class that the item offers.
            medium: form of the card that it accepts.
            item_type: code of an item type that it touches, or a pattern such as `TRA.*`.
            legal_status: in force or draft.
            text: part of its identifier or of one of its four names, letter case ignored.
        """
        wanted = text.casefold()
        return tuple(
            item
            for item in self.items
            if (application_class is None or application_class in item.classes)
            and (medium is None or medium in item.media)
            and (legal_status is None or item.legal_status is legal_status)
            and (not item_type or any(code_matches(item_type, r.item_type) for r in item.relations))
            and (not wanted or any(wanted in part.casefold() for part in (item.item, *item.name.texts)))
        )

    @property
    def sources(self) -> tuple[str, ...]:
        """Titles of the legal sources, each once, in the order of the items."""
        return tuple(dict.fromkeys(item.source for item in self.items))

    @property
    def legal_status(self) -> LegalStatus:
        """DRAFT where every item is a draft."""
        binding = any(item.legal_status is LegalStatus.IN_FORCE for item in self.items)
        return LegalStatus.IN_FORCE if binding else LegalStatus.DRAFT

    @property
    def synthetic(self) -> bool:
        """Whether every item is an example of ours."""
        return all(item.synthetic for item in self.items)


def parse_catalog(region: str, text: str, taxonomy: Taxonomy) -> tuple[Catalog | None, list[Fault]]:
    """Read a catalog in CSV, header `catalog_rows.HEADER`.

    Returns:
        The catalog and no fault, or None and every fault that was found, by row and column.
    """
    records, faults = read_table(f"{region}/{FILE}", text, HEADER, optional=OPTIONAL)
    unique(records, "item_id")
    items = tuple([read_item(record, region, taxonomy) for record in records])
    return (None, in_order(faults)) if faults else (Catalog(region, items), [])


def check_catalog(region: str, text: str, taxonomy: Taxonomy) -> list[Fault]:
    """Give all faults of a catalog in CSV; none where it is sound."""
    return parse_catalog(region, text, taxonomy)[1]


def load_catalog(region: str, text: str, taxonomy: Taxonomy) -> Catalog:
    """Read a catalog in CSV (RegionDataError with the first fault and the number of faults)."""
    catalog, faults = parse_catalog(region, text, taxonomy)
    if catalog is None:
        raise refuse(faults, region=region)
    return catalog
