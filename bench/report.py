"""The figures as a table of the terminal, as Markdown between two markers, and as JSON."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from rich.table import Table

from bench.figures import quantity, spread

if TYPE_CHECKING:
    from rich.console import Console

    from bench.figures import Aim, Figure, Line, Row

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
TRUST_BEGIN, TRUST_END = "<!-- figures of trust: begin -->", "<!-- figures of trust: end -->"
WEB_BEGIN, WEB_END = "<!-- figures of the public catalog: begin -->", "<!-- figures of the public catalog: end -->"
STATUS_BEGIN, STATUS_END = "<!-- figures of card states: begin -->", "<!-- figures of card states: end -->"
CATALOG_BEGIN, CATALOG_END = "<!-- figures of the catalogs: begin -->", "<!-- figures of the catalogs: end -->"
EXCHANGE_BEGIN, EXCHANGE_END = "<!-- figures of the exchange: begin -->", "<!-- figures of the exchange: end -->"
_CALL_HEADS = (
    "what",
    "streams",
    "server CPU µs",
    "platform CPU µs",
    "per second",
    "beside",
    "CPU ratio",
    "rate ratio",
    "client core",
)
_AIM_HEADS = ("aim", "wanted", "measured", "")
_NODE_HEADS = ("nodes", "median", "lowest", "highest")
_LINE_HEADS = ("what", "measured", "beside", "that", "ratio")


@dataclass(frozen=True, slots=True)
class NodeFigure:
    """One line about nodes: a name, a figure, its unit."""

    name: str
    figure: Figure
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that one run found."""

    machine: str
    seconds: float
    repeats: int
    rows: tuple[Row, ...] = ()
    nodes: tuple[NodeFigure, ...] = ()
    lines: tuple[Line, ...] = ()
    aims: tuple[Aim, ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """Give all of it as JSON values."""
        rows = [{**asdict(row), "client_bound": row.client_bound} for row in self.rows]
        return {**asdict(self), "rows": rows, "aims": [aim.as_json() for aim in self.aims]}


def conditions() -> tuple[str, str]:
    """Name the machine in general words, and say how busy it was before."""
    interpreter = f"{platform.python_implementation()} {'.'.join(platform.python_version_tuple()[:2])}"
    return (
        f"a machine with {os.cpu_count()} virtual cores, {platform.system()}, {interpreter}",
        f"Before the run, other work on the machine kept {os.getloadavg()[0]:.1f} processes busy on average.",
    )


def _call_cells(row: Row) -> tuple[str, ...]:
    """Write a row; a star marks a rate that may be the client's limit."""
    return (
        row.name,
        str(row.streams),
        row.micros.text(0 if row.micros.median >= 100 else 1),
        row.apart_micros.text() if row.apart_micros else "",
        row.rate.text() + ("*" if row.client_bound else ""),
        row.reference or "",
        row.cpu_ratio.text(2) if row.cpu_ratio else "",
        row.rate_ratio.text(2) if row.rate_ratio else "",
        f"{row.client_share.median:.2f}",
    )


def _aim_cells(aim: Aim) -> tuple[str, ...]:
    limit, measured = quantity(aim.limit, aim.unit), quantity(aim.measured, aim.unit)
    return aim.name, f"{aim.kind} {limit}", measured, "met" if aim.met else "NOT MET"


def _node_cells(node: NodeFigure) -> tuple[str, ...]:
    figure = node.figure
    return node.name, *(quantity(value, node.unit) for value in (figure.median, figure.low, figure.high))


def _line_cells(line: Line) -> tuple[str, ...]:
    return (
        line.name,
        spread(line.figure, line.unit),
        line.beside,
        spread(line.reference, line.unit) if line.reference else "",
        spread(line.ratio, "×") if line.ratio else "",
    )


def _tables(report: Report) -> list[tuple[tuple[str, ...], list[tuple[str, ...]]]]:
    tables = [
        (_AIM_HEADS, [_aim_cells(aim) for aim in report.aims]),
        (_CALL_HEADS, [_call_cells(row) for row in report.rows]),
        (_NODE_HEADS, [_node_cells(node) for node in report.nodes]),
        (_LINE_HEADS, [_line_cells(line) for line in report.lines]),
    ]
    return [(heads, lines) for heads, lines in tables if lines]


def print_report(report: Report, console: Console) -> None:
    """Print the tables and notes."""
    for heads, lines in _tables(report):
        table = Table()
        for n, head in enumerate(heads):
            table.add_column(head, justify="right" if n else "left", overflow="fold")
        for line in lines:
            table.add_row(*line)
        console.print(table)
    for note in report.notes:
        console.print(f"- {note}", highlight=False)


def markdown(report: Report) -> str:
    """Write the tables and notes as Markdown."""
    parts = [f"Measured on {report.machine}; {report.repeats} repetitions of {report.seconds:g} s each."]
    for heads, lines in _tables(report):
        rule = ["---", *(["---:"] * (len(heads) - 1))]
        parts.append("\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rule, *lines)))
    parts.append("\n".join(f"- {note}" for note in report.notes))
    return "\n\n".join(part for part in parts if part)


def between_markers(text: str, inner: str, *, begin: str = BEGIN, end: str = END) -> str:
    """Put new text between two markers (ValueError where they are not there once each, in order)."""
    head, found, rest = text.partition(begin)
    _, ended, tail = rest.partition(end)
    if not found or not ended or begin in rest or end in tail:
        raise ValueError("the markers of the figures are not there once each")
    return f"{head}{begin}\n\n{inner}\n\n{end}{tail}"
