"""One row of a catalog's CSV and the item it stands for: closed words, dates, relations, printed depths."""

from __future__ import annotations

import re
from collections.abc import Hashable
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from adapters.canonical import ApplicationItem, Depth, ItemTypeRelation
from adapters.depth import legend
from adapters.taxonomy import NAME_COLUMNS, read_name
from adapters.words import (
    SCOPE_RELATIONS,
    ApplicationClass,
    Layer,
    LegalStatus,
    Medium,
    Relation,
    Requirement,
    VenueSet,
)

if TYPE_CHECKING:
    from datetime import date

    from adapters.tables import Record
    from adapters.taxonomy import Taxonomy

YEARS = (2024, 2025, 2026, 2027)
HEADER = (
    "item_id",
    *NAME_COLUMNS,
    "unit",
    "co_units",
    "content",
    "classes",
    "media",
    "relations",
    "residue",
    *(f"depth_{year}" for year in YEARS),
    "depth_note",
    "layer",
    "legal_status",
    "effective_from",
    "effective_to",
    "source",
    "article",
    "synthetic",
    "sensitive",
    "one_time",
    "note",
    "requirement",
    "venue_set",
    "overrides",
)
OPTIONAL = 3
"""How many columns at the end of the header may be missing."""
ITEM_ID = re.compile(r"[A-Z]{2}-[0-9]{2,}\Z")

_RELATIONS = {relation.value: relation for relation in Relation if relation in SCOPE_RELATIONS}


# Many items say the same in these cells; what is equal is kept once, as long as not too much else comes between.
_POOL = 4096
_Value = TypeVar("_Value", bound=Hashable)


@lru_cache(maxsize=_POOL)
def _same_text(text: str) -> str:
    return text


@lru_cache(maxsize=_POOL)
def _same(value: _Value) -> _Value:
    """Give the value that was first made among equal ones; tuples hold members of closed lists, never plain texts."""
    return value


def read_item(record: Record, region: str, taxonomy: Taxonomy, *, catalog: str = "") -> ApplicationItem:
    """Read one row; what is wrong with it is noted in the record. `catalog` is empty for the region's own list."""
    if not ITEM_ID.match(record.text("item_id")):
        record.fault("item_id", "item_identifier")
    classes = record.words("classes", ApplicationClass)
    relations = _relations(record, taxonomy)
    status = record.word("legal_status", LegalStatus)
    start, end = _dates(record, status)
    return ApplicationItem(
        region=region,
        item=record.text("item_id"),
        name=read_name(record),
        unit=_same_text(record.text("unit")),
        co_units=_same_text(record.text("co_units")),
        content=record.text("content"),
        classes=_same(classes),
        media=_same(record.words("media", Medium)),
        relations=_same(relations),
        residue=record.text("residue"),
        depths=_same(_depths(record, classes)),
        depth_note=_same_text(record.text("depth_note")),
        layer=record.word("layer", Layer),
        legal_status=status,
        effective_from=_same(start),
        effective_to=_same(end),
        source=_same_text(record.required("source")),
        article=_same_text(record.text("article")),
        synthetic=record.flag("synthetic"),
        sensitive=record.flag("sensitive"),
        one_time=record.flag("one_time"),
        note=_same_text(record.text("note")),
        requirement=record.word("requirement", Requirement),
        venue_set=record.word("venue_set", VenueSet),
        overrides=_overridden(record),
        catalog=catalog,
    )


def write_row(item: ApplicationItem) -> dict[str, str]:
    """Write an item as the cells of its row, by column; what `read_item` reads from them is the item again."""
    printed = {depth.year: depth.printed for depth in item.depths}
    cells = {
        "item_id": item.item,
        **dict(zip(NAME_COLUMNS, item.name.texts, strict=True)),
        "unit": item.unit,
        "co_units": item.co_units,
        "content": item.content,
        "classes": "+".join(item.classes),
        "media": "+".join(item.media),
        "relations": ";".join(f"{r.item_type}:{r.relation}" for r in item.relations),
        "residue": item.residue,
        **{f"depth_{year}": printed.get(year, "") for year in YEARS},
        "depth_note": item.depth_note,
        "layer": item.layer,
        "legal_status": item.legal_status,
        "effective_from": item.effective_from.isoformat() if item.effective_from else "",
        "effective_to": item.effective_to.isoformat() if item.effective_to else "",
        "source": item.source,
        "article": item.article,
        **{flag: "true" if getattr(item, flag) else "false" for flag in ("synthetic", "sensitive", "one_time")},
        "note": item.note,
        "requirement": item.requirement,
        "venue_set": item.venue_set,
        "overrides": item.overrides,
    }
    return {column: str(cells[column]) for column in HEADER}


def _overridden(record: Record) -> str:
    """Read the identifier of the item that this one stands in the place of; an empty cell names none."""
    cell = record.text("overrides")
    if cell and not ITEM_ID.match(cell):
        record.fault("overrides", "item_identifier")
    return cell


def _depths(record: Record, classes: tuple[ApplicationClass, ...]) -> tuple[Depth, ...]:
    """Give one depth per printed year and class of the row; an empty cell prints nothing."""
    read = legend().read
    printed = [(year, record.text(f"depth_{year}")) for year in YEARS]
    return tuple(Depth(year, c, cell, read(cell, c)) for year, cell in printed if cell for c in classes)


def _dates(record: Record, status: LegalStatus) -> tuple[date | None, date | None]:
    """Read first and last day in force. A draft has neither; what is in force has a first day."""
    start, end = record.day("effective_from"), record.day("effective_to")
    if status is LegalStatus.DRAFT:
        for column in ("effective_from", "effective_to"):
            if record.text(column):
                record.fault(column, "draft_has_no_date")
    elif not record.text("effective_from"):
        record.fault("effective_from", "in_force_has_a_date")
    if start and end and end < start:
        record.fault("effective_to", "ends_before_it_starts")
    return start, end


def _relations(record: Record, taxonomy: Taxonomy) -> tuple[ItemTypeRelation, ...]:
    """Read `TYPE:relation;TYPE:relation`, each type known and named once; an empty cell names none."""
    cell = record.text("relations")
    found: list[ItemTypeRelation] = []
    parts = cell.split(";") if cell else []
    for part in parts:
        code, _, word = part.partition(":")
        rule = _relation_fault(code, word, taxonomy, {r.item_type for r in found})
        if rule:
            record.fault("relations", rule)
        else:
            found.append(ItemTypeRelation(code, _RELATIONS[word]))
    if len(found) == len(parts):
        _check_scope(record, [r.relation for r in found], residue=bool(record.text("residue")))
    return tuple(found)


def _relation_fault(code: str, word: str, taxonomy: Taxonomy, seen: set[str]) -> str:
    """Give the rule that one relation breaks, empty where it breaks none."""
    if word not in _RELATIONS:
        return "relation"
    if code not in taxonomy:
        return "unknown_item_type"
    return "item_type_repeated" if code in seen else ""


def _check_scope(record: Record, relations: list[Relation], *, residue: bool) -> None:
    """Hold relations and residue against each other.

    An item that is precisely a type, or only a part of it, has nothing else; one that is broader or overlaps has
    something else, of another listed type or as residue; one without any type is nothing but residue.
    """
    beside = len(relations) > 1 or residue
    if not relations and not residue:
        record.fault("residue", "item_type_or_residue")
    for relation in relations:
        if beside and relation in {Relation.EXACT, Relation.NARROWER}:
            record.fault("relations", f"{relation}_stands_alone")
        if not beside and relation in {Relation.BROADER, Relation.OVERLAPPING}:
            record.fault("relations", f"{relation}_needs_more")
