"""Catalogs in files of every form: CSV, XLSX, JSON-LD, and the printed table of a plan as text.

Spreadsheets need openpyxl, which comes with the extra `web`; it is loaded when one is read or written, and not before.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import ParseError

from adapters.catalog_jsonld import rows_of_jsonld
from adapters.catalog_rows import HEADER, OPTIONAL, write_row
from gateway.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from adapters.canonical import ApplicationItem
    from adapters.tables import Fault

    Row = dict[str, str]

LONGEST_FILE = 16 * 1024 * 1024
_LONGEST_UNPACKED = 128 * 1024 * 1024
_MOST_LINES = 50_000
_SHORTEST_HEADER = len(HEADER) - OPTIONAL


@dataclass(frozen=True, slots=True)
class FileContent:
    """What a file holds: rows of a catalog by column, or the lines of some other table; one of them is None.

    `merged` counts cells of a spreadsheet that were filled from the cell with which they are merged.
    """

    rows: list[Row] | None
    lines: list[list[str]] | None
    faults: tuple[Fault, ...] = ()
    merged: int = 0


def unusable(path: Path, fault: str) -> SettingsError:
    """Say that a file cannot be used, by its name and not by where it lies."""
    return SettingsError((f"{path.name}: {fault}",), heading="A file cannot be used.")


def read_file(path: Path) -> FileContent:
    """Read a file by its suffix: `.csv`, `.xlsx`, `.jsonld`, `.json`, or text with tabs (SettingsError)."""
    data = _bytes_of(path)
    match path.suffix.lower():
        case ".xlsx":
            lines, merged = _sheet(path, data)
            return _content(lines, merged=merged)
        case ".jsonld" | ".json":
            rows, faults = rows_of_jsonld(_json(path, data))
            return FileContent(rows, None, tuple(faults))
        case ".csv":
            return _content(_csv(path, _text(path, data)))
        case _:
            return _content([line.split("\t") for line in _text(path, data).splitlines()])


def write_file(path: Path, data: bytes) -> None:
    """Write a file (SettingsError)."""
    try:
        path.write_bytes(data)
    except OSError as error:
        raise unusable(path, f"cannot be written ({type(error).__name__})") from None


def write_csv(items: Iterable[ApplicationItem | Row]) -> bytes:
    """Write a catalog as CSV, RFC 4180 but for its line ends, UTF-8."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, HEADER, lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(_cells, items))
    return out.getvalue().encode()


def write_xlsx(items: Iterable[ApplicationItem | Row]) -> bytes:
    """Write a catalog as a spreadsheet of one sheet; every cell is text, so that none is taken for a formula."""
    workbook = _openpyxl().Workbook()
    sheet = workbook.active
    sheet.title = "items"
    for number, cells in enumerate((dict(zip(HEADER, HEADER, strict=True)), *map(_cells, items)), start=1):
        for column, name in enumerate(HEADER, start=1):
            cell = sheet.cell(number, column)
            cell.value, cell.data_type = cells[name], "s"
    sheet.freeze_panes = "B2"
    out = io.BytesIO()
    workbook.save(out)
    return out.getvalue()


def _cells(item: ApplicationItem | Row) -> Row:
    return item if isinstance(item, dict) else write_row(item)


def _content(lines: list[list[str]], *, merged: int = 0) -> FileContent:
    """Tell whether lines are rows of a catalog, by their header."""
    first = tuple(lines[0]) if lines else ()
    if len(first) < _SHORTEST_HEADER or first != HEADER[: len(first)]:
        return FileContent(None, lines, merged=merged)
    rows = [dict(zip(first, line, strict=False)) for line in lines[1:] if any(line)]
    return FileContent(rows, None, merged=merged)


def _csv(path: Path, text: str) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error:
        raise unusable(path, "is no CSV") from None


def _json(path: Path, data: bytes) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise unusable(path, "is no JSON") from None


def _sheet(path: Path, data: bytes) -> tuple[list[list[str]], int]:
    """Read the first sheet of a workbook; merged cells all say what the first of them says."""
    openpyxl = _openpyxl()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > _LONGEST_UNPACKED:
            raise unusable(path, f"unpacks to more than {_LONGEST_UNPACKED} bytes")
        sheet = openpyxl.load_workbook(io.BytesIO(data), data_only=True).worksheets[0]
    except (zipfile.BadZipFile, ParseError, LookupError, ValueError, TypeError, AttributeError, OSError) as error:
        raise unusable(path, f"is no spreadsheet ({type(error).__name__})") from None
    if sheet.max_row > _MOST_LINES:
        raise unusable(path, f"has more than {_MOST_LINES} rows")
    lines = [[_shown(cell.value) for cell in row] for row in sheet.iter_rows()]
    return lines, _fill_merged(lines, sheet.merged_cells.ranges)


def _fill_merged(lines: list[list[str]], ranges: Iterable[Any]) -> int:
    """Write the text of merged cells into each of them, and count those that were empty."""
    filled = 0
    for area in ranges:
        text = lines[area.min_row - 1][area.min_col - 1]
        for row in range(area.min_row - 1, area.max_row):
            for column in range(area.min_col - 1, area.max_col):
                filled += lines[row][column] != text
                lines[row][column] = text
    return filled


def _shown(value: object) -> str:
    """Write a cell as text: nothing as empty, a whole number without a fraction, a day without a time."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    as_day = getattr(value, "date", None)
    return as_day().isoformat() if callable(as_day) else str(value)


def _openpyxl() -> Any:  # noqa: ANN401 - a module that may be missing
    try:
        return import_module("openpyxl")
    except ImportError:
        raise SettingsError(
            ("spreadsheets need openpyxl: install the extra `web`",), heading="Something is not installed."
        ) from None


def _bytes_of(path: Path) -> bytes:
    try:
        if path.stat().st_size > LONGEST_FILE:
            raise unusable(path, f"is longer than {LONGEST_FILE} bytes")
        return path.read_bytes()
    except OSError as error:
        raise unusable(path, f"cannot be read ({type(error).__name__})") from None


def _text(path: Path, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise unusable(path, "is not UTF-8") from None
