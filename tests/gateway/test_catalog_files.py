"""Catalogs in files: each form gives back what was written, and a file that is none is refused in words."""

from __future__ import annotations

import datetime
import io
import json
import sys
import zipfile
from importlib.resources import files
from typing import TYPE_CHECKING

import openpyxl
import pytest

from adapters.catalog_jsonld import to_jsonld
from adapters.catalog_rows import HEADER, write_row
from gateway import catalog_files
from gateway.catalog_files import LONGEST_FILE, read_file, write_csv, write_file, write_xlsx
from gateway.errors import SettingsError
from tests.fakes.regions import REGISTRY

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.catalog_files import FileContent


def put(folder: Path, name: str, data: bytes) -> FileContent:
    """Write a file and read it."""
    (folder / name).write_bytes(data)
    return read_file(folder / name)


def refused(folder: Path, name: str, data: bytes) -> str:
    """Write a file that is not read, and give why; the name is told, the path is not."""
    with pytest.raises(SettingsError) as caught:
        put(folder, name, data)
    (told,) = caught.value.faults
    assert told.startswith(f"{name}: ")
    assert str(folder) not in str(caught.value)
    return told


def workbook(*lines: tuple[object, ...], merged: str = "") -> bytes:
    """Make a spreadsheet of some lines."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for line in lines:
        sheet.append(list(line))
    if merged:
        sheet.merge_cells(merged)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize("catalog", REGISTRY.documents)
@pytest.mark.parametrize("form", [".csv", ".xlsx", ".jsonld"])
def test_every_list_comes_back_from_every_form(tmp_path: Path, form: str, catalog: str) -> None:
    """Cell by cell, in the order of the list."""
    document = REGISTRY.documents[catalog]
    data = {
        ".csv": lambda: write_csv(document.items),
        ".xlsx": lambda: write_xlsx(document.items),
        ".jsonld": lambda: json.dumps(to_jsonld(document.head, document.items, REGISTRY.taxonomy)).encode(),
    }[form]()
    content = put(tmp_path, f"list{form}", data)
    assert content.rows == [write_row(item) for item in document.items]
    assert (content.lines, content.faults, content.merged) == (None, (), 0)


def test_the_csv_is_the_one_that_ships() -> None:
    """What is exported and put in the place of the list changes nothing."""
    ships = (files("adapters") / "chongqing" / "catalog.csv").read_bytes().splitlines()
    wide = write_csv(REGISTRY.get("chongqing").catalog).splitlines()
    assert len(wide) == len(ships) == 45
    assert all(line.startswith(shipped) for line, shipped in zip(wide, ships, strict=True))


def test_a_cell_is_text_and_never_a_formula(tmp_path: Path) -> None:
    """A cell that begins as a formula does is what it says, in the spreadsheet and back."""
    row = dict.fromkeys(HEADER, "") | {"item_id": "XX-01", "note": "=HYPERLINK(1)", "content": "+1"}
    data = write_xlsx([row])
    sheet = openpyxl.load_workbook(io.BytesIO(data)).active
    assert sheet is not None
    assert {cell.data_type for line in sheet.iter_rows() for cell in line if cell.value is not None} == {"s"}
    assert put(tmp_path, "x.xlsx", data).rows == [row]


def test_older_lists_have_fewer_columns(tmp_path: Path) -> None:
    """The last columns may be missing; blank lines are passed over."""
    short = HEADER[:-3]
    text = ",".join(short) + "\nXX-01" + "," * (len(short) - 1) + "\n\n"
    content = put(tmp_path, "x.csv", ("\ufeff" + text).encode())
    assert content.rows == [dict.fromkeys(short, "") | {"item_id": "XX-01"}]


@pytest.mark.parametrize("name", ["x.csv", "x.xlsx"])
def test_a_table_with_another_header_is_handed_on_as_lines(tmp_path: Path, name: str) -> None:
    """A plan's table, or a list whose columns are others."""
    data = b"number,name\n1,a\n" if name == "x.csv" else workbook(("number", "name"), ("1", "a"))
    content = put(tmp_path, name, data)
    assert content.rows is None
    assert content.lines == [["number", "name"], ["1", "a"]]


def test_text_is_parted_at_tabs(tmp_path: Path) -> None:
    """Any other suffix is text."""
    assert put(tmp_path, "plan.txt", "序号\t类别\n1\t\n".encode()).lines == [["序号", "类别"], ["1", ""]]
    assert put(tmp_path, "empty.txt", b"").lines == []


def test_merged_cells_all_say_what_the_first_says(tmp_path: Path) -> None:
    """And it is counted how many were filled."""
    content = put(tmp_path, "x.xlsx", workbook(("a", "b"), ("x", "p"), (None, "q"), (None, "r"), merged="A2:A4"))
    assert content.lines == [["a", "b"], ["x", "p"], ["x", "q"], ["x", "r"]]
    assert content.merged == 2


def test_cells_of_other_kinds_are_told_as_text(tmp_path: Path) -> None:
    """Numbers, truth values, days; a program's spreadsheet has them where a person typed text."""
    line = (1, 2.0, 2.5, True, datetime.datetime(2024, 9, 16, tzinfo=datetime.UTC).replace(tzinfo=None), None, "z")
    content = put(tmp_path, "x.xlsx", workbook(line))
    assert content.lines == [["1", "2", "2.5", "true", "2024-09-16", "", "z"]]


def test_what_is_no_file_of_its_form_is_refused(tmp_path: Path) -> None:
    """A sentence each, and no trace."""
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("a.txt", "a")
    broken = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook(("a",)))) as good, zipfile.ZipFile(broken, "w") as archive:
        for entry in good.infolist():
            data = good.read(entry)
            archive.writestr(entry, data[:40] if entry.filename.endswith("workbook.xml") else data)
    assert "no spreadsheet" in refused(tmp_path, "a.xlsx", b"PK no archive")
    assert "no spreadsheet" in refused(tmp_path, "b.xlsx", other.getvalue())
    assert "no spreadsheet" in refused(tmp_path, "c.xlsx", broken.getvalue())
    assert "no JSON" in refused(tmp_path, "a.jsonld", b"{")
    assert "no JSON" in refused(tmp_path, "b.json", b"[" * 200_000)
    assert "no JSON" in refused(tmp_path, "c.json", b"\xff")
    assert "no CSV" in refused(tmp_path, "a.csv", b'"a')
    assert "UTF-8" in refused(tmp_path, "b.csv", "序号".encode("gbk"))


def test_no_file_can_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too long, unpacked too long, too many rows."""
    assert "longer" in refused(tmp_path, "a.csv", b"a" * (LONGEST_FILE + 1))
    monkeypatch.setattr(catalog_files, "_MOST_LINES", 2)
    assert "rows" in refused(tmp_path, "b.xlsx", workbook(("a",), ("b",), ("c",)))
    monkeypatch.setattr(catalog_files, "_LONGEST_UNPACKED", 100)
    assert "unpacks" in refused(tmp_path, "c.xlsx", workbook(("a",)))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """By its name; so is one that cannot be written."""
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(SettingsError, match=r"folder: cannot be written \(IsADirectoryError\)"):
        write_file(folder, b"")
    with pytest.raises(SettingsError, match=r"none\.csv: cannot be read \(FileNotFoundError\)"):
        read_file(tmp_path / "none.csv")


def test_spreadsheets_need_an_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it a sentence names it; every other form works."""
    data = workbook(("a",))
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    (tmp_path / "a.xlsx").write_bytes(data)
    with pytest.raises(SettingsError, match="the extra `web`"):
        read_file(tmp_path / "a.xlsx")
    assert write_csv([]).decode().strip() == ",".join(HEADER)
