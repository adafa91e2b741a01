"""Submits: how many a gateway has on disk in a second, and whether each costs more when many are stored already."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Final

from bench.exchange_fill import fill
from bench.exchange_stage import SUBMIT, ExchangeStage
from bench.figures import Aim, Figure, Line, Sample, ratio, row
from bench.load import measure, probe
from bench.payloads import METHODS, checked_reply, submit_request

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.figures import Row, Samples
    from bench.load import Target, Wire

    Say = Callable[[str], None]

STREAMS: Final = (1, 8, 32)
AIM_STREAMS: Final = 32
FEW, MANY = 10_000, 1_000_000
_ECHO = "echo of a submit"
_MIN_RATE, _MAX_P99, _MAX_GROWTH = 1_000.0, 50.0, 1.2
_COMMIT_SECONDS = 2.0
_MILLI = 1000.0


def measure_submits(
    folder: Path, *, seconds: float, repeats: int, say: Say
) -> tuple[tuple[Row, ...], list[Line], list[Aim]]:
    """Measure submits beside an echo and beside the commits of SQLite; nothing is handed over meanwhile."""
    samples: Samples = {}
    with ExchangeStage(folder) as stage:
        ours = stage.target()
        echo = stage.echo(checked_reply(METHODS["submit"], probe(ours, stage.wire)), name=_ECHO)
        with stage.home_away():
            for n in range(repeats):
                say(f"submits, repetition {n + 1} of {repeats}")
                for streams in STREAMS:
                    for target in (echo, ours):
                        found = measure(target, stage.wire, streams=streams, seconds=seconds)
                        samples.setdefault((target.name, streams), []).append(found)
        commits = [commit_rate(folder / f"commits-{n}.sqlite") for n in range(repeats)]
    rows = [row(name, streams, samples, reference=_ECHO if name == SUBMIT else None)
            for name in (_ECHO, SUBMIT) for streams in STREAMS]  # fmt: skip
    lines = [_p99(streams, samples) for streams in STREAMS]
    most = samples[SUBMIT, AIM_STREAMS]
    lines.append(
        Line(
            name=f"submits on disk in a second, {AIM_STREAMS} streams",
            figure=Figure.of(one.rate for one in most),
            unit="",
            beside="commits of one row by SQLite alone, one after the other",
            reference=Figure.of(commits),
            ratio=ratio([one.rate for one in most], commits),
        )
    )
    aims = [
        Aim(f"durable submits a second, {AIM_STREAMS} streams", "at least", _MIN_RATE, rows[-1].rate.median),
        Aim(f"p99 of a submit, {AIM_STREAMS} streams", "at most", _MAX_P99, lines[-2].figure.median, "ms"),
    ]
    return tuple(rows), lines, aims


def _p99(streams: int, samples: Samples) -> Line:
    ours, bare = samples[SUBMIT, streams], samples[_ECHO, streams]
    return Line(
        name=f"p99 of a submit, {streams} streams",
        figure=Figure.of(one.p99_seconds * _MILLI for one in ours),
        unit="ms",
        beside="that of the echo",
        reference=Figure.of(one.p99_seconds * _MILLI for one in bare),
    )


def measure_growth(folder: Path, *, seconds: float, repeats: int, say: Say) -> tuple[list[Line], list[Aim]]:
    """Measure submits to a store with ten thousand requests and to one with a million, in turn."""
    folder.mkdir()
    say(f"filling a store with {MANY:,} requests")
    with (
        ExchangeStage(folder / "many", prepare=partial(fill, requests=MANY)) as many,
        ExchangeStage(folder / "few", prepare=partial(fill, requests=FEW)) as few,
        many.home_away(),
        few.home_away(),
    ):
        samples: dict[int, list[Sample]] = {FEW: [], MANY: []}
        targets = {FEW: _checked(few), MANY: _checked(many)}
        for n in range(repeats):
            say(f"submits to many, repetition {n + 1} of {repeats}")
            for count, (target, wire) in targets.items():
                samples[count].append(measure(target, wire, streams=AIM_STREAMS, seconds=seconds))
    line = Line(
        name=f"CPU of a submit where {MANY:,} are stored",
        figure=Figure.of(one.micros for one in samples[MANY]),
        unit="µs",
        beside=f"where {FEW:,} are",
        reference=Figure.of(one.micros for one in samples[FEW]),
        ratio=ratio([one.micros for one in samples[MANY]], [one.micros for one in samples[FEW]]),
    )
    assert line.ratio is not None
    name = f"CPU of a submit, {MANY:,} stored against {FEW:,}"
    return [line], [Aim(name, "at most", _MAX_GROWTH, line.ratio.median, "×")]


def _checked(stage: ExchangeStage) -> tuple[Target, Wire]:
    target, wire = stage.target(), stage.wire
    checked_reply(target.method, probe(target, wire))
    return target, wire


def commit_rate(file: Path) -> float:
    """Give how many rows SQLite alone commits in a second, one after the other, as durably as the gateway does."""
    content = submit_request()
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = wal")
        connection.execute("PRAGMA synchronous = full")
        connection.execute("CREATE TABLE requests (id INTEGER PRIMARY KEY, content BLOB)")
        count, began = 0, time.perf_counter()
        while time.perf_counter() < began + _COMMIT_SECONDS:
            connection.execute("INSERT INTO requests (content) VALUES (?)", (content,))
            count += 1
        return count / (time.perf_counter() - began)
