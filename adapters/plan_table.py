"""Reads a plan's table as it was printed: cells merged, shifted, cut by pages, and letters set apart by blanks.

The columns are those of the Chongqing work plan: number, kind, responsible unit, cooperating units, service, content,
forms of the card, classes, and a depth for each of four years. What can be put right in one way only is put right, and
every such repair is told. Where two readings are possible it is a doubt, which a person has to settle by an answer;
as long as one is open, nothing is made of the table.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from adapters.plan_cells import CLASSES, MEDIA, aligned, despaced, is_head, is_sentence, words_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

NOT_A_SERVICE = "保障类"
"""Rows of this kind are tasks of the administration, not services."""

NO_CELL = "\\"
"""What the table prints in the cells of such a row."""

_NUMBER = re.compile(r"[1-9][0-9]{0,3}\Z")
_ENDS_A_SENTENCE = ("。", "！", "？", "等", "”")
_GOES_ON = ("、", "，", ",", "；")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRow:
    """One service as the table prints it. `line` is where it begins in the input, counted from 1."""

    number: int
    line: int
    kind: str = ""
    unit: str = ""
    co_units: str = ""
    name: str = ""
    content: str = ""
    media: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    depths: tuple[str, ...] = ("", "", "", "")


@dataclass(frozen=True, slots=True)
class Repair:
    """Something that was put right: in which row (0 for the table), in which column, and by which rule."""

    row: int
    column: str
    rule: str


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something that has two readings: in which row and column, and the reading that suggests itself."""

    row: int
    column: str
    rule: str
    suggestion: str


@dataclass(slots=True)
class PlanTable:
    """What was read: rows by number, repairs and open doubts; `left_out` are the numbers that are no services."""

    rows: list[PlanRow] = field(default_factory=list)
    repairs: list[Repair] = field(default_factory=list)
    doubts: list[Doubt] = field(default_factory=list)
    left_out: list[int] = field(default_factory=list)


Answers = dict[tuple[int, str], str]
"""What a person has decided, by row and column: `co_units`, or `depths` for all years that are printed empty."""


def read_plan_table(lines: Iterable[Sequence[str]], answers: Mapping[tuple[int, str], str] | None = None) -> PlanTable:
    """Read a table, line by line, each cut into cells.

    Args:
        lines: cells of each line; lines before the first head, and lines that are no cells, are passed over.
        answers: what was decided on doubts of an earlier reading.
    """
    reader = _Reader(dict(answers or {}))
    inside = False
    for number, cells in enumerate(lines, start=1):
        if is_head(cells):
            inside = True
            reader.heads += 1
        elif inside and any(cell.strip() for cell in cells) and len(cells) > 1:
            reader.line(number, [cell.strip() for cell in cells])
    return reader.finish()


class _Reader:
    """Takes lines one after the other; what a row lacks is settled when all are there."""

    def __init__(self, answers: Answers) -> None:
        self.heads = 0
        self._answers = answers
        self._table = PlanTable()
        self._rows: list[PlanRow] = []
        self._orphan: int | None = None

    def line(self, line: int, cells: list[str]) -> None:
        """Take one line: a row, the rest of the row before it, or a number that belongs to the next line."""
        placed, rules = aligned(cells)
        number = int(placed[0]) if _NUMBER.match(placed[0]) else None
        for column, rule in rules:
            self._repair(number or self._following, column, rule)
        if not placed[6] and self._rows:
            self._go_on(number, placed)
            return
        if number is None:
            number, self._orphan = self._orphan or self._following, None
            self._repair(number, "number", "number_on_the_line_before")
        self._rows.append(self._row(number, line, placed))

    @property
    def _following(self) -> int:
        return self._rows[-1].number + 1 if self._rows else 1

    def _go_on(self, number: int | None, cells: list[str]) -> None:
        """Join what a page has cut off to the row before; a number that stands here is that of the next line."""
        if number is not None:
            self._orphan = number
        last = self._rows[-1]
        for column, cell in (("unit", cells[2]), ("co_units", cells[3]), ("name", cells[4]), ("content", cells[5])):
            if cell:
                last = replace(last, **{column: getattr(last, column) + despaced(cell)})
                self._repair(last.number, column, "cell_cut_by_a_page")
        if cells[7]:
            # The last word was cut in two, so the words are read again from both parts together.
            last = replace(last, classes=(*last.classes[:-1], *words_in(_cut(last) + cells[7], CLASSES)))
            self._repair(last.number, "classes", "cell_cut_by_a_page")
        self._rows[-1] = last

    def _row(self, number: int, line: int, cells: list[str]) -> PlanRow:
        texts = {c: cells[n] for n, c in enumerate(("kind", "unit", "co_units", "name", "content"), start=1)}
        for column, text in texts.items():
            if despaced(text) != text:
                self._repair(number, column, "letters_set_apart")
        return PlanRow(
            number=number,
            line=line,
            media=words_in(cells[6], MEDIA),
            classes=_classes(cells[7]),
            depths=(cells[8], cells[9], cells[10], cells[11]),
            **{column: despaced(text) for column, text in texts.items()},
        )

    def _repair(self, row: int, column: str, rule: str) -> None:
        self._table.repairs.append(Repair(row, column, rule))

    def finish(self) -> PlanTable:
        """Settle what is merged downward and across, and leave out what is no service."""
        if self.heads > 1:
            self._repair(0, "", "head_repeated_on_each_page")
        kind = ""
        above: PlanRow | None = None
        for row in self._rows:
            kind = row.kind or kind
            settled = self._settle(row, above)
            above = settled
            if kind == NOT_A_SERVICE or not settled.media:
                self._table.left_out.append(row.number)
                self._repair(row.number, "", "no_service")
            else:
                self._table.rows.append(settled)
        self._check_numbers()
        return self._table

    def _settle(self, row: PlanRow, above: PlanRow | None) -> PlanRow:
        return self._depths(self._units(row, above))

    def _units(self, row: PlanRow, above: PlanRow | None) -> PlanRow:
        """A unit is always responsible, so an empty cell is merged with the one above; who cooperates need not be told.

        Cooperating units that end in a comma go on in the next row: a page has cut the cell of both.
        """
        merged = not row.unit
        if (row.number, "unit") in self._answers:
            row = replace(row, unit=self._asked(row.number, "unit", "", ""))
        if above is None:
            return row
        if above.co_units.endswith(_GOES_ON) and row.co_units:
            row = replace(row, co_units=above.co_units + row.co_units)
            if self._table.rows[-1:] == [above]:
                self._table.rows[-1] = replace(above, co_units=row.co_units)
            self._repair(above.number, "co_units", "cell_cut_by_a_page")
        if not row.unit:
            row = replace(row, unit=above.unit)
            self._repair(row.number, "unit", "merged_with_the_row_above")
        if row.co_units or not merged:
            return row
        return replace(row, co_units=self._asked(row.number, "co_units", "merged_or_none", self._last("co_units")))

    def _last(self, column: str) -> str:
        """Give what was told last in a column, above the row that is being settled."""
        told = (getattr(row, column) for row in reversed(self._table.rows))
        return next((text for text in told if text), "")

    def _depths(self, row: PlanRow) -> PlanRow:
        """A sentence speaks of all years; a level that is printed once, or not at all, may be merged or not planned."""
        first, *rest = row.depths
        if all(row.depths) or row.depths == (NO_CELL,) * 4:
            return row
        if first and is_sentence(first) and not any(rest):
            self._repair(row.number, "depths", "sentence_spans_the_years")
            return replace(row, depths=(first,) * 4)
        suggestion = first or next((r.depths[0] for r in reversed(self._table.rows) if r.depths[0]), "")
        settled = self._asked(row.number, "depths", "merged_or_not_planned", suggestion)
        first, second, third, fourth = (printed or settled for printed in row.depths)
        return replace(row, depths=(first, second, third, fourth))

    def _asked(self, row: int, column: str, rule: str, suggestion: str) -> str:
        """Give what was decided; where nothing was, note the doubt."""
        if (row, column) in self._answers:
            self._repair(row, column, "decided_by_an_answer")
            return self._answers[row, column]
        self._table.doubts.append(Doubt(row, column, rule, suggestion))
        return ""

    def _check_numbers(self) -> None:
        """Every number comes once and in order; anything else means that lines were lost."""
        for place, row in enumerate(self._rows, start=1):
            if row.number != place:
                self._table.doubts.append(Doubt(row.number, "number", "numbers_in_order", str(place)))
                return


def _classes(cell: str) -> tuple[str, ...]:
    """Read the classes of a cell; what is left of a word that a page has cut stands last."""
    found = words_in(cell, CLASSES)
    rest = despaced(cell)
    for word in found:
        rest = rest.replace(word, "", 1)
    return (*found, rest) if rest and rest != NO_CELL else found


def _cut(row: PlanRow) -> str:
    """Give the beginning of the class that a page has cut; empty where none was."""
    return row.classes[-1] if row.classes and row.classes[-1] not in CLASSES else ""
