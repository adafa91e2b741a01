"""A catalog as a document: who keeps it, on which layer, in place of which version, from when, and its items.

A document is plain data (`plain`): texts, whole numbers, lists and objects with ASCII keys, so that its canonical form
(RFC 8785) is the same wherever it is made, and can be signed. Its items stand in it as the cells of their rows, so a
fault in a document is named by row and column as in a table. Nothing here knows signatures.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import astuple, dataclass, replace
from datetime import date  # noqa: TC003 - pydantic reads annotations at run time
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, StringConstraints, ValidationError, model_validator

from adapters.canonical import LocalizedText
from adapters.catalog import Catalog
from adapters.catalog_rows import HEADER, OPTIONAL, read_item, write_row
from adapters.manifest import RegionCode, Words  # noqa: TC001 - pydantic reads annotations at run time
from adapters.manifest_platform import Part
from adapters.tables import Fault, Record, in_order, read_table, unique
from adapters.words import Layer, LegalStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adapters.canonical import ApplicationItem
    from adapters.taxonomy import Taxonomy

FORMAT = "onecard-catalog/1"
MOST_ITEMS = 20_000
LONGEST_CELL = 4000
CATALOG_ID = r"[a-z][a-z0-9_-]{1,47}"
_MOST_EXACT = 2**53
_TEXT_KEYS = frozenset(HEADER)

CatalogId = Annotated[str, StringConstraints(pattern=f"^{CATALOG_ID}$")]
ItemId = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}-[0-9]{2,6}$")]
Digest = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{43}$")]


class Innovation(Part):
    """The article by which districts of the parties may add to a joint catalog (Chongqing Art. 18)."""

    source: str = Field(min_length=1, max_length=200)
    article: str = Field(min_length=1, max_length=100)


class CatalogHead(Part):
    """What a document says of itself, before its items.

    `regions` are those whose list it is: none for a national one, the parties for a joint one, else one. Each of them
    signs it. `division` is the city of a city or supplementary list; `extends` the catalog whose items it inherits,
    `drops` those of them that it does not keep. `previous` is the digest of the version that it replaces, empty for
    the first. `valid_until`, Unix seconds, ends its life as a cached copy; 0 is for what ships with the program.
    """

    catalog: CatalogId
    title: Words
    layer: Layer
    regions: tuple[RegionCode, ...] = Field(default=(), max_length=40)
    division: Annotated[str, StringConstraints(pattern=r"^([1-9][0-9]{5})?$")] = ""
    extends: Annotated[str, StringConstraints(pattern=f"^({CATALOG_ID})?$")] = ""
    drops: tuple[ItemId, ...] = Field(default=(), max_length=1000)
    sequence: int = Field(default=1, ge=1, le=1_000_000)
    previous: Digest | Literal[""] = ""
    legal_status: LegalStatus
    effective_from: date | None = None
    effective_to: date | None = None
    valid_until: int = Field(default=0, ge=0, lt=_MOST_EXACT)
    synthetic: bool
    innovation: Innovation | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> CatalogHead:
        parties = {Layer.NATIONAL: self.regions == (), Layer.JOINT: len(self.regions) > 1}
        local = self.layer in {Layer.CITY, Layer.SUPPLEMENTARY}
        day, end = self.effective_from, self.effective_to
        rules = {
            "a national catalog has no region, a joint one several, any other one": parties.get(
                self.layer, len(self.regions) == 1
            ),
            "a region is named once": len(set(self.regions)) == len(self.regions),
            "only a city or supplementary catalog has a division": bool(self.division) <= local,
            "a draft has no days, what is in force has a first one": (day is None)
            is (self.legal_status is LegalStatus.DRAFT),
            "the last day is not before the first": end is None or (day is not None and day <= end),
            "the first version replaces none, a later one does": (self.sequence == 1) is (not self.previous),
            "national and joint catalogs extend none": not self.extends or self.layer not in parties,
            "only a joint catalog takes innovations of districts": self.innovation is None or self.layer is Layer.JOINT,
        }
        if not all(rules.values()):
            raise ValueError("; ".join(rule for rule, kept in rules.items() if not kept))
        return self

    @property
    def name(self) -> LocalizedText:
        """The title."""
        return LocalizedText(self.title.zh_hans, self.title.zh_hant, self.title.en, self.title.pt)

    @property
    def owner(self) -> str:
        """What its items give as their region: the one region, or the catalog where there is none or several."""
        return self.regions[0] if len(self.regions) == 1 else self.catalog

    def in_effect(self, on: date) -> bool:
        """Tell whether it is in effect on a day: never as a draft, nor outside its days."""
        if self.effective_from is None:
            return False
        return self.effective_from <= on and (self.effective_to is None or on <= self.effective_to)


@dataclass(frozen=True, slots=True)
class CatalogDocument:
    """Head and items. `rows` says in which row of its table an item stood, for faults that are found later."""

    head: CatalogHead
    items: Catalog
    rows: Mapping[str, int]

    def plain(self) -> dict[str, object]:
        """Give the document as plain data, items in order; what stands empty is left out."""
        head = self.head
        told: dict[str, object] = {
            "format": FORMAT,
            "catalog": head.catalog,
            "title": dict(zip(("zh-Hans", "zh-Hant", "en", "pt"), astuple(head.name), strict=True)),
            "layer": head.layer.value,
            "regions": list(head.regions),
            "division": head.division,
            "extends": head.extends,
            "drops": list(head.drops),
            "sequence": head.sequence,
            "previous": head.previous,
            "legal_status": head.legal_status.value,
            "effective_from": head.effective_from.isoformat() if head.effective_from else "",
            "effective_to": head.effective_to.isoformat() if head.effective_to else "",
            "valid_until": head.valid_until,
            "synthetic": head.synthetic,
            "items": [{column: cell for column, cell in write_row(item).items() if cell} for item in self.items],
        }
        if head.innovation is not None:
            told["innovation"] = {"source": head.innovation.source, "article": head.innovation.article}
        return {key: value for key, value in told.items() if value not in ("", [])}

    def following(self, *, previous: str, items: Sequence[ApplicationItem], **changes: object) -> CatalogDocument:
        """Make the next version, which replaces the one of this digest."""
        head = CatalogHead.model_validate(
            {**dict(self.head), "sequence": self.head.sequence + 1, "previous": previous, **changes}
        )
        return make_document(head, items)


def make_document(head: CatalogHead, items: Sequence[ApplicationItem]) -> CatalogDocument:
    """Make a document of items, which become those of its owner (RegionDataError where two share an identifier)."""
    catalog = "" if head.catalog in head.regions else head.catalog
    owned = tuple(replace(item, region=head.owner, catalog=catalog) for item in items)
    found = Catalog(head.owner, owned)
    return CatalogDocument(head, found, {item.item: row for row, item in enumerate(found, start=2)})


def parse_head(file: str, text: str) -> tuple[CatalogHead | None, list[Fault]]:
    """Read the head of a document, TOML; a fault has row 0 and names the key."""
    try:
        return read_head(file, tomllib.loads(text))
    except tomllib.TOMLDecodeError:
        return None, [Fault(file, 0, "", "not_toml")]


def read_head(file: str, data: Mapping[str, object]) -> tuple[CatalogHead | None, list[Fault]]:
    """Read the head of a document from plain data; every fault has row 0 and names the key."""
    try:
        return CatalogHead.model_validate(data), []
    except ValidationError as error:
        return None, [Fault(file, 0, ".".join(map(str, e["loc"])), _rule(e)) for e in error.errors()]


def _rule(error: Any) -> str:  # noqa: ANN401 - what pydantic tells of one fault
    """Give the rule that a key breaks: our own words, or the name of pydantic's rule; never the value."""
    told = error.get("ctx", {}).get("error")
    return str(told) if told else str(error["type"])


def parse_document(file: str, head: CatalogHead, text: str, taxonomy: Taxonomy) -> tuple[CatalogDocument, list[Fault]]:
    """Read the items of a document from CSV, header `catalog_rows.HEADER`; with a fault it is not to be used."""
    records, faults = read_table(file, text, HEADER, optional=OPTIONAL)
    return _read_items(head, records, faults, taxonomy)


def read_rows(
    file: str, head: CatalogHead, rows: Sequence[Mapping[str, str]], taxonomy: Taxonomy
) -> tuple[CatalogDocument, list[Fault]]:
    """Read the items of a document from rows of cells by column; what a row does not have is empty."""
    faults: list[Fault] = []
    records = [
        Record(file, number, {column: row.get(column, "") for column in HEADER}, faults)
        for number, row in enumerate(rows, start=2)
    ]
    return _read_items(head, records, faults, taxonomy)


def read_document(data: object, taxonomy: Taxonomy) -> tuple[CatalogDocument | None, list[Fault]]:
    """Read a document from plain data, as `plain` gives it, and report all faults at once.

    A fault of the head has row 0 and names the key; one of an item has the row that it would have in a table.
    """
    if not isinstance(data, dict) or data.get("format") != FORMAT or not isinstance(data.get("items"), list):
        return None, [Fault("document", 0, "format", "catalog_document")]
    told = {key: value for key, value in data.items() if key not in {"format", "items"}}
    file = "document"
    head, faults = read_head(file, _blank_days(told))
    rows: list[object] = data["items"]
    if len(rows) > MOST_ITEMS:
        return None, [*faults, Fault(file, 0, "items", f"at_most_{MOST_ITEMS}")]
    records: list[Record] = []
    for number, cells in enumerate(rows, start=2):
        if not _is_row(cells):
            faults.append(Fault(file, number, "", "cells_by_column"))
        else:
            records.append(Record(file, number, {c: cells.get(c, "") for c in HEADER}, faults))  # type: ignore[attr-defined]  # checked above
    if head is None:
        return None, in_order(faults)
    return _read_items(head, records, faults, taxonomy)


def _blank_days(told: dict[str, object]) -> dict[str, object]:
    """Leave out empty days, which plain data writes as empty texts."""
    return {key: value for key, value in told.items() if not (key.startswith("effective_") and value == "")}


def _is_row(cells: object) -> bool:
    """Tell whether an entry is an object of cells by known columns, none empty and none too long."""
    return (
        isinstance(cells, dict)
        and _TEXT_KEYS.issuperset(cells)
        and all(isinstance(cell, str) and 0 < len(cell) <= LONGEST_CELL for cell in cells.values())
    )


def _read_items(
    head: CatalogHead, records: list[Record], faults: list[Fault], taxonomy: Taxonomy
) -> tuple[CatalogDocument, list[Fault]]:
    unique(records, "item_id")
    catalog = "" if head.catalog in head.regions else head.catalog
    items = [read_item(record, head.owner, taxonomy, catalog=catalog) for record in records]
    for record, item in zip(records, items, strict=True):
        if item.layer is not head.layer:
            record.fault("layer", "layer_of_the_catalog")
        if head.legal_status is LegalStatus.DRAFT and item.legal_status is not LegalStatus.DRAFT:
            record.fault("legal_status", "draft_as_its_catalog")
    rows = {item.item: record.row for record, item in zip(records, items, strict=True)}
    sound = {item.item: item for item in items} if faults else None
    return CatalogDocument(head, Catalog(head.owner, tuple(sound.values() if sound else items)), rows), in_order(faults)


def is_catalog_id(text: str) -> bool:
    """Tell whether a text has the form of a catalog's identifier."""
    return re.fullmatch(CATALOG_ID, text) is not None
