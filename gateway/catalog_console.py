"""What `onecard catalog import` and `export` do: read a table of any form, tell all that is wrong, write a catalog."""

from __future__ import annotations

import json
import tomllib
from datetime import date
from typing import TYPE_CHECKING

from adapters.catalog_document import CatalogHead, read_rows
from adapters.catalog_jsonld import to_jsonld
from adapters.layers import check_layers
from adapters.manifest import Words
from adapters.plan_import import Frame, catalog_rows
from adapters.plan_table import PlanTable, read_plan_table
from adapters.registry import load_registry
from adapters.words import Layer, LegalStatus
from gateway.catalog_files import read_file, unusable, write_csv, write_file, write_xlsx
from gateway.console import counted, screen, table
from gateway.errors import UnknownCatalogError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from adapters.catalog import Catalog
    from adapters.catalog_document import CatalogDocument
    from adapters.registry import Registry
    from adapters.tables import Fault
    from gateway.catalog_files import FileContent


_PARTIES: dict[Layer, tuple[str, ...]] = {Layer.NATIONAL: (), Layer.JOINT: ("one_party", "other_party")}
"""Whose list a table is where nothing says so; any other layer has one region."""


def import_table(file: Path, frame: Frame, *, base: str, answers: Path | None, output: Path | None) -> int:
    """Read a table of any form, tell every repair, doubt and fault, and write a catalog only if nothing is open.

    Args:
        file: CSV, XLSX, JSON-LD, or text with tabs.
        frame: what the rows of a plan's table have in common.
        base: list of which it is a version, which lends what a plan's table does not print; empty for none.
        answers: decisions on doubts of an earlier reading, TOML.
        output: `.csv`, `.xlsx` or `.jsonld`; nothing is written where it is left out.

    Returns:
        0 where all is well, 1 where a doubt or a fault is open.

    Raises:
        UnknownCatalogError: `base` is no list that ships.
        SettingsError: a file cannot be used.
    """
    registry, console = load_registry(), screen()
    if base and base not in registry.documents:
        raise UnknownCatalogError
    content = read_file(file)
    faults = list(content.faults)
    plan: PlanTable | None = None
    if content.rows is not None:
        rows = content.rows
    else:
        plan = read_plan_table(content.lines or [], _answers(answers))
        lends = registry.documents.get(base)
        rows = catalog_rows(plan.rows, frame, base=lends.items if lends else None)
        _print_plan(plan, merged=content.merged)
    head = _head_of(base or "imported", rows, registry)
    document, more = read_rows(file.name, head, rows, registry.taxonomy)
    faults += more or (check_layers(document, registry.surroundings) if base in registry.documents else [])
    print_faults(faults)
    if not rows and not faults:
        print_unrecognized(content)
    left = len(plan.doubts) if plan is not None else 0
    good = not faults and not left and bool(rows)
    told = ((len(rows), "item"), (len(faults), "fault"), (left, "doubt"))
    console.print(", ".join(counted(*one) for one in told), soft_wrap=True)
    if good and output is not None:
        _write(output, document.head, document.items)
        console.print(f"written: {output.name}", soft_wrap=True)
    return 0 if good else 1


def export_catalog(document: CatalogDocument, output: Path) -> None:
    """Write a version of a catalog, as CSV, XLSX or JSON-LD by the suffix (SettingsError)."""
    head = document.head
    _write(output, head, document.items)
    told = f"{counted(len(document.items), 'item')} of version {head.sequence} of {head.catalog} written: {output.name}"
    screen().print(told, soft_wrap=True)


def _answers(file: Path | None) -> dict[tuple[int, str], str]:
    """Read decisions, `[[answer]]` with row, column and value (SettingsError where it is something else)."""
    if file is None:
        return {}
    try:
        told = tomllib.loads(file.read_text("utf-8"))
        return {(int(one["row"]), str(one["column"])): str(one["value"]) for one in told["answer"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise unusable(file, f"no [[answer]] of row, column and value ({type(error).__name__})") from None


def _head_of(catalog: str, rows: Sequence[Mapping[str, str]], registry: Registry) -> CatalogHead:
    """Give the head under which rows are checked: that of the list they are of, or one that fits a list of its own."""
    known = registry.documents.get(catalog)
    if known is not None:
        return known.head
    told = rows[0].get("layer", "") if rows else ""
    layer = Layer(told) if told in set(Layer) else Layer.PROVINCE
    draft = bool(rows) and all(row.get("legal_status") == LegalStatus.DRAFT for row in rows)
    return CatalogHead(
        catalog=catalog,
        title=Words.model_validate(dict.fromkeys(("zh-Hans", "zh-Hant", "en", "pt"), catalog)),
        layer=layer,
        regions=_PARTIES.get(layer, (catalog,)),
        legal_status=LegalStatus.DRAFT if draft else LegalStatus.IN_FORCE,
        effective_from=None if draft else date.min,
        synthetic=False,
    )


def _write(output: Path, head: CatalogHead, items: Catalog) -> None:
    match output.suffix.lower():
        case ".csv":
            data = write_csv(items)
        case ".xlsx":
            data = write_xlsx(items)
        case ".jsonld" | ".json":
            told = to_jsonld(head, items, load_registry().taxonomy)
            data = (json.dumps(told, ensure_ascii=False, indent=1) + "\n").encode()
        case _:
            raise unusable(output, "the name ends in .csv, .xlsx or .jsonld")
    write_file(output, data)


def _print_plan(plan: PlanTable, *, merged: int) -> None:
    """Tell what was put right, what was left out, and what a person has to decide."""
    console = screen()
    console.print(
        f"a plan's table: {counted(len(plan.rows), 'service')}, {counted(len(plan.repairs), 'repair')}, "
        f"{counted(len(plan.left_out), 'row')} left out, {counted(merged, 'cell')} filled from merged ones",
        soft_wrap=True,
    )
    repairs = table("row", "column", "repair", least={0: 5, 1: 12}, console=console)
    for repair in plan.repairs:
        repairs.add_row(str(repair.row), repair.column, repair.rule)
    console.print(repairs)
    if plan.doubts:
        doubts = table("row", "column", "doubt", "suggested", least={0: 5, 1: 12, 2: 24}, console=console)
        for doubt in plan.doubts:
            doubts.add_row(str(doubt.row), doubt.column, doubt.rule, doubt.suggestion)
        console.print(doubts)


def print_unrecognized(content: FileContent) -> None:
    """Say what a file lacks that has no items and no fault."""
    words = "no row was found below the heading"
    if content.rows is None:
        words = "no heading was recognized: the first line names the columns, as `onecard catalog export` writes them"
    screen().print(words, soft_wrap=True)


def print_faults(faults: Sequence[Fault]) -> None:
    """Tell every fault by row and column."""
    if not faults:
        return
    console = screen()
    shown = table("row", "column", "rule", least={0: 5, 1: 16}, console=console)
    for fault in faults:
        shown.add_row(str(fault.row), fault.column, fault.rule)
    console.print(shown)
