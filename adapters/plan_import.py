"""Makes rows of a catalog from a plan's table: what is printed from the table, everything else from the list there is.

A table of the work plan has one language and no relations to item types. Where a catalog is at hand, its items of the
same numbers lend what the table does not print; the cells of new items stay empty, and the check of the catalog then
names each of them by row and column for whoever has to fill it in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.catalog_rows import HEADER, YEARS, write_row
from adapters.plan_cells import CLASSES, MEDIA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.catalog import Catalog
    from adapters.plan_table import PlanRow

Row = dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What every row has in common: the letters of its identifiers, layer, source with its article, and first day.

    `article` has one gap, `{number}`.
    """

    prefix: str
    layer: str
    source: str
    article: str
    effective_from: str


def catalog_rows(rows: Sequence[PlanRow], frame: Frame, *, base: Catalog | None = None) -> list[Row]:
    """Make the rows of a catalog, columns as `catalog_rows.HEADER`, in the order of the plan."""
    return [_row(row, frame, base) for row in rows]


def _row(row: PlanRow, frame: Frame, base: Catalog | None) -> Row:
    item_id = f"{frame.prefix}-{row.number:02}"
    known = write_row(base.get(item_id)) if base is not None and item_id in base else _blank(frame)
    printed = {
        "item_id": item_id,
        "name_zh_hans": row.name,
        "unit": row.unit,
        "co_units": row.co_units,
        "content": row.content,
        "classes": "+".join(CLASSES.get(word, word) for word in row.classes),
        "media": "+".join(MEDIA[word] for word in row.media),
        **{f"depth_{year}": text for year, text in zip(YEARS, row.depths, strict=True)},
        "layer": frame.layer,
        "effective_from": frame.effective_from,
        "source": frame.source,
        "article": frame.article.replace("{number}", str(row.number)),
    }
    return {column: printed.get(column, known[column]) for column in HEADER}


def _blank(frame: Frame) -> Row:
    """Give the row of an item that no list has yet: in force or a draft as its first day says, and nothing more."""
    cells = dict.fromkeys(HEADER, "")
    cells |= dict.fromkeys(("synthetic", "sensitive", "one_time"), "false")
    return cells | {"legal_status": "in_force" if frame.effective_from else "draft"}
