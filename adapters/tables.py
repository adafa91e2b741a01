"""Tables shipped as CSV: read strictly, every fault named by file, row and column, never by its value.

A row is counted as a spreadsheet counts it: the header is row 1. Column is empty where a whole row is at fault.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, TypeVar

from adapters.errors import RegionDataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from enum import StrEnum

    Word = TypeVar("Word", bound=StrEnum)

# Control characters, zero-width and bidirectional marks, line separators, byte-order mark, surrogates.
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_FLAGS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in a table: where it is and which rule it breaks."""

    file: str
    row: int
    column: str
    rule: str


def refuse(faults: Sequence[Fault], **metadata: str) -> RegionDataError:
    """Make one error of all faults: the first in full, and how many there are."""
    first = faults[0]
    return RegionDataError(
        file=first.file,
        row=str(first.row),
        column=first.column,
        rule=first.rule,
        faults=str(len(faults)),
        **metadata,
    )


class Record:
    """One row while it is being read. A faulty cell reads as some valid value: who sees faults drops the row."""

    __slots__ = ("_cells", "_faults", "_file", "row", "sound")

    def __init__(self, file: str, row: int, cells: dict[str, str], faults: list[Fault]) -> None:
        """Keep the cells; faults found later are added to `faults`."""
        self._file = file
        self._cells = cells
        self._faults = faults
        self.row = row
        self.sound = True
        for column, cell in cells.items():
            if _FORBIDDEN.search(cell):
                self.fault(column, "forbidden_character")
            elif cell != cell.strip():
                self.fault(column, "blank_ends")

    def fault(self, column: str, rule: str) -> None:
        """Note one fault of this row."""
        self.sound = False
        self._faults.append(Fault(self._file, self.row, column, rule))

    def text(self, column: str) -> str:
        """Give a cell as it stands; it may be empty."""
        return self._cells[column]

    def required(self, column: str) -> str:
        """Give a cell that must not be empty (rule `required`)."""
        if not self._cells[column]:
            self.fault(column, "required")
        return self._cells[column]

    def word(self, column: str, words: type[Word]) -> Word:
        """Give a cell that holds one word of a closed list (rule `closed_word`)."""
        return self._word(column, self._cells[column], words)

    def words(self, column: str, words: type[Word]) -> tuple[Word, ...]:
        """Give a cell of one or more words joined by `+`, in the order of the closed list (rule `repeated`)."""
        found = [self._word(column, cell, words) for cell in self._cells[column].split("+")]
        if self.sound and len(found) != len(set(found)):
            self.fault(column, "repeated")
        return tuple(word for word in words if word in found)

    def _word(self, column: str, cell: str, words: type[Word]) -> Word:
        try:
            return words(cell)
        except ValueError:
            self.fault(column, "closed_word")
            return next(iter(words))

    def flag(self, column: str) -> bool:
        """Give a cell that says `true` or `false` (rule `true_or_false`)."""
        if self._cells[column] not in _FLAGS:
            self.fault(column, "true_or_false")
        return _FLAGS.get(self._cells[column], False)

    def day(self, column: str) -> date | None:
        """Give a cell that holds a day, ISO 8601 `YYYY-MM-DD`, or nothing (rule `iso_date`)."""
        cell = self._cells[column]
        if not cell:
            return None
        try:
            # `fromisoformat` reads more forms than one, so the form is checked first.
            found = date.fromisoformat(cell) if _DAY.match(cell) else None
        except ValueError:
            found = None
        if found is None:
            self.fault(column, "iso_date")
        return found


def read_table(file: str, text: str, header: tuple[str, ...], *, optional: int = 0) -> tuple[list[Record], list[Fault]]:
    """Read CSV text (RFC 4180) with exactly this header; so many columns at its end may be missing, and read empty.

    Returns:
        The rows of the right width, and the faults seen so far: `csv`, `header`, `width`, `empty`. The same list of
        faults grows while the rows are read.
    """
    faults: list[Fault] = []
    records: list[Record] = []
    row, width = 0, len(header)
    missing: dict[str, str] = {}
    try:
        for row, cells in enumerate(csv.reader(io.StringIO(text, newline=""), strict=True), start=1):
            if row == 1:
                width = len(cells)
                if tuple(cells) not in {header, header[: len(header) - optional]}:
                    return [], [Fault(file, 1, "", "header")]
                missing = dict.fromkeys(header[width:], "")
            elif len(cells) != width:
                faults.append(Fault(file, row, "", "width"))
            else:
                records.append(Record(file, row, dict(zip(header, cells, strict=False)) | missing, faults))
    except csv.Error:
        faults.append(Fault(file, row + 1, "", "csv"))
    if not records and not faults:
        faults.append(Fault(file, max(row, 1), "", "empty"))
    return records, faults


def unique(records: Sequence[Record], column: str, key: Callable[[str], str] = str) -> None:
    """Note a fault for each row whose cell stands in an earlier row already (rule `unique`)."""
    seen: set[str] = set()
    for record in records:
        cell = key(record.text(column))
        if cell in seen:
            record.fault(column, "unique")
        seen.add(cell)


def in_order(faults: Sequence[Fault]) -> list[Fault]:
    """Order faults by row; those of one row stay as they were found."""
    return sorted(faults, key=lambda fault: fault.row)
