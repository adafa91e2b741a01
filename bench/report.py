"""The figures as a table of the terminal, as Markdown between two markers, and as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from rich.table import Table

from bench.figures import quantity

if TYPE_CHECKING:
    from rich.console import Console

    from bench.figures import Aim, Figure, Row

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
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
    rows: tuple[Row, ...]
    nodes: tuple[NodeFigure, ...]
    aims: tuple[Aim, ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """Give all of it as JSON values."""
        rows = [{**asdict(row), "client_bound": row.client_bound} for row in self.rows]
        return {**asdict(self), "rows": rows, "aims": [aim.as_json() for aim in self.aims]}


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


def _tables(report: Report) -> list[tuple[tuple[str, ...], list[tuple[str, ...]]]]:
    return [
        (_AIM_HEADS, [_aim_cells(aim) for aim in report.aims]),
        (_CALL_HEADS, [_call_cells(row) for row in report.rows]),
        (_NODE_HEADS, [_node_cells(node) for node in report.nodes]),
    ]


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


def between_markers(text: str, inner: str) -> str:
    """Put new text between the two markers (ValueError where they are not there once each, in order)."""
    head, found, rest = text.partition(BEGIN)
    _, ended, tail = rest.partition(END)
    if not found or not ended or BEGIN in rest or END in tail:
        raise ValueError("the markers of the figures are not there once each")
    return f"{head}{BEGIN}\n\n{inner}\n\n{END}{tail}"
