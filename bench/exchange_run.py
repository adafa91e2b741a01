"""The order of the measurements of the exchange, and what becomes tables of them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bench.exchange_backlog import measure_backlog
from bench.exchange_submits import measure_growth, measure_submits
from bench.report import Report, conditions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.figures import Aim, Line, Row

    Say = Callable[[str], None]

SUBMITS, GROWTH, BACKLOG = "submits", "growth", "backlog"
EXCHANGE_PARTS = (SUBMITS, GROWTH, BACKLOG)


def run_exchange(parts: Sequence[str], *, seconds: float, repeats: int, say: Say, away_seconds: float = 0.0) -> Report:
    """Measure some parts of the exchange (BenchError where something does not start, or a request is lost)."""
    machine, load_before = conditions()
    rows: tuple[Row, ...] = ()
    lines: list[Line] = []
    aims: list[Aim] = []
    with tempfile.TemporaryDirectory(prefix="onecard-bench-") as name:
        folder = Path(name)
        if SUBMITS in parts:
            rows, lines, aims = measure_submits(folder / SUBMITS, seconds=seconds, repeats=repeats, say=say)
        if GROWTH in parts:
            found, aimed = measure_growth(folder / GROWTH, seconds=seconds, repeats=repeats, say=say)
            lines, aims = lines + found, aims + aimed
        if BACKLOG in parts:
            found, aimed = measure_backlog(folder / BACKLOG, away_seconds=away_seconds, say=say)
            lines, aims = lines + found, aims + aimed
    notes = (
        "Each cell is the median, with lowest and highest in brackets; ratios are taken pair by pair.",
        "Submits go to SQLite with synchronous=FULL; the gateway that is asked hangs, so that nothing is handed over.",
        "The walk and the backlog are one run each, of their own length.",
        load_before,
    )
    return Report(
        machine=machine, seconds=seconds, repeats=repeats, rows=rows, lines=tuple(lines), aims=tuple(aims), notes=notes
    )
