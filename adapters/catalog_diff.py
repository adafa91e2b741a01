"""What has changed between two versions of a catalog: items added, removed, and changed field by field, in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from adapters.catalog_rows import write_row
from adapters.phrases import inner, item_name, joined, load_phrases, same

if TYPE_CHECKING:
    from adapters.canonical import ApplicationItem, LocalizedText
    from adapters.catalog_document import CatalogDocument
    from adapters.phrases import Quad

FILE = "catalog_diff.csv"
_MOMENT = "valid_until"
_CHINA_TIME = timezone(timedelta(hours=8))
_SKIPPED = frozenset({"format", "catalog", "items"})


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field: what stood there and what does now, as in a table; empty where nothing did or does."""

    field: str
    before: str
    after: str
    sentence: LocalizedText


@dataclass(frozen=True, slots=True)
class ItemChange:
    """One item that both versions have, and its fields that differ, in the order of the columns."""

    item: ApplicationItem
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True)
class CatalogDiff:
    """Everything that differs. `summary` has one sentence for each item added or removed, in the order of items."""

    head: tuple[FieldChange, ...]
    added: tuple[ApplicationItem, ...]
    removed: tuple[ApplicationItem, ...]
    changed: tuple[ItemChange, ...]
    summary: tuple[LocalizedText, ...]


def diff_catalogs(before: CatalogDocument, after: CatalogDocument) -> CatalogDiff:
    """Compare two versions; identifiers say which items are the same."""
    added = tuple(item for item in after.items if item.item not in before.items)
    removed = tuple(item for item in before.items if item.item not in after.items)
    changes = (
        ItemChange(item, _fields(before.items.get(item.item), item))
        for item in after.items
        if item.item in before.items
    )
    phrases = load_phrases(FILE)
    told = [("added", item) for item in added] + [("removed", item) for item in removed]
    return CatalogDiff(
        head=_head(before, after),
        added=added,
        removed=removed,
        changed=tuple(change for change in changes if change.fields),
        summary=tuple(joined((phrases.fill(key, item=item_name(item)),)) for key, item in told),
    )


def _fields(before: ApplicationItem, after: ApplicationItem) -> tuple[FieldChange, ...]:
    """Compare the rows of one item, cell by cell."""
    then, now = write_row(before), write_row(after)
    name = item_name(after)
    return tuple(
        FieldChange(column, then[column], now[column], _sentence(column, then[column], now[column], item=name))
        for column in now
        if then[column] != now[column]
    )


def _head(before: CatalogDocument, after: CatalogDocument) -> tuple[FieldChange, ...]:
    """Compare what the versions say of themselves."""
    then, now = before.plain(), after.plain()
    keys = [key for key in dict.fromkeys((*then, *now)) if key not in _SKIPPED]
    texts = [(key, _text(key, then.get(key)), _text(key, now.get(key))) for key in keys]
    return tuple(FieldChange(key, was, is_, _sentence(key, was, is_)) for key, was, is_ in texts if was != is_)


def _text(key: str, value: object) -> str:
    """Write a value of a head as text: lists and objects joined, the end of its life by the clock of China."""
    if key == _MOMENT and isinstance(value, int):
        return datetime.fromtimestamp(value, _CHINA_TIME).isoformat(" ", "minutes") if value else ""
    if isinstance(value, dict):
        return " / ".join(str(part) for part in value.values())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _sentence(field: str, before: str, after: str, *, item: Quad | None = None) -> LocalizedText:
    """Say one change in four languages."""
    phrases = load_phrases(FILE)
    kind = "changed" if before and after else "set" if after else "cleared"
    parts = {"field": phrases[field], "before": inner(same(before)), "after": inner(same(after))}
    if item is None:
        return joined((phrases.fill(f"head_{kind}", **parts),))
    return joined((phrases.fill(kind, item=item, **parts),))
