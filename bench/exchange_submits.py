"""Submits: how many a gateway has on disk in a second, and whether each costs more when many are stored already."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Final

from bench.exchange_fill import fill
from bench.exchange_stage import SUBMIT, ExchangeStage
from bench.exchange_walk import walk
from bench.figures import Aim, Figure, Line, Sample, ratio, row
from bench.load import WARM_SECONDS, measure, probe
from bench.payloads import METHODS, VISITED, checked_reply, submit_request

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
_SIGNED = f"{SUBMIT}, a new token each"
PROCESSES: Final = 2
_TWICE: Final = f"{_SIGNED}, {PROCESSES} processes"
_MOST_RATE = 4_000
"""Calls a second for which there are new tokens; beyond, they come again."""

_MIN_RATE, _MAX_P99, _MAX_GROWTH, _MAX_WALK = 1_000.0, 50.0, 1.2, 60.0
_COMMIT_SECONDS = 2.0
_WARM_SECONDS = 5.0
_LEAST_SECONDS = 3.0
"""Of a measurement beside a large file: SQLite writes its log back each few seconds, and that belongs to the cost."""

_MILLI = 1000.0


def measure_submits(
    folder: Path, *, seconds: float, repeats: int, say: Say
) -> tuple[tuple[Row, ...], list[Line], list[Aim]]:
    """Measure submits beside an echo and beside the commits of SQLite; nothing is handed over meanwhile.

    A platform shows one token for minutes, and its signature is verified once; where each call brings a new one, each
    signature is.
    """
    samples: Samples = {}
    folder.mkdir()
    with ExchangeStage(folder / "one") as stage, ExchangeStage(folder / "two", processes=PROCESSES) as two:
        ours, ours_twice = stage.target(), two.target()
        echo = stage.echo(checked_reply(METHODS["submit"], probe(ours, stage.wire)), name=_ECHO)
        checked_reply(METHODS["submit"], probe(ours_twice, two.wire))
        with stage.home_away(), two.home_away():
            for n in range(repeats):
                say(f"submits, repetition {n + 1} of {repeats}")
                for streams in STREAMS:
                    for target in (echo, ours):
                        found = measure(target, stage.wire, streams=streams, seconds=seconds, frames=True)
                        samples.setdefault((target.name, streams), []).append(found)
                tokens = stage.tokens(round((seconds + WARM_SECONDS) * _MOST_RATE))
                found = measure(ours, stage.wire, streams=AIM_STREAMS, seconds=seconds, tokens=tokens, frames=True)
                samples.setdefault((_SIGNED, AIM_STREAMS), []).append(found)
                tokens = two.tokens(round((seconds + WARM_SECONDS) * _MOST_RATE))
                with stage.resting():
                    found = measure(
                        ours_twice, two.wire, streams=AIM_STREAMS, seconds=seconds, tokens=tokens, frames=True
                    )
                samples.setdefault((_TWICE, AIM_STREAMS), []).append(found)
        commits = [commit_rate(folder / f"commits-{n}.sqlite") for n in range(repeats)]
    rows = [row(_ECHO, streams, samples, reference=None) for streams in STREAMS]
    rows += [row(SUBMIT, streams, samples, reference=_ECHO) for streams in STREAMS]
    rows += [row(name, AIM_STREAMS, samples, reference=_ECHO) for name in (_SIGNED, _TWICE)]
    most = samples[_SIGNED, AIM_STREAMS]
    lines = [_p99(SUBMIT, streams, samples) for streams in STREAMS]
    lines += [_p99(name, AIM_STREAMS, samples) for name in (_SIGNED, _TWICE)]
    aims = [
        Aim(f"durable submits a second, {AIM_STREAMS} streams, each token verified, {PROCESSES} processes", "at least",
            _MIN_RATE, rows[-1].rate.median),
        Aim("the same: p99", "at most", _MAX_P99, lines[-1].figure.median, "ms"),
    ]  # fmt: skip
    lines.append(
        Line(
            name=f"submits on disk in a second, {AIM_STREAMS} streams, each token verified",
            figure=Figure.of(one.rate for one in most),
            unit="",
            beside="commits of one row by SQLite alone, one after the other",
            reference=Figure.of(commits),
            ratio=ratio([one.rate for one in most], commits),
        )
    )
    return tuple(rows), lines, aims


def _p99(name: str, streams: int, samples: Samples) -> Line:
    ours, bare = samples[name, streams], samples[_ECHO, streams]
    return Line(
        name=f"p99 of {name}, {streams} streams",
        figure=Figure.of(one.p99_seconds * _MILLI for one in ours),
        unit="ms",
        beside="that of the echo",
        reference=Figure.of(one.p99_seconds * _MILLI for one in bare),
    )


def measure_growth(folder: Path, *, seconds: float, repeats: int, say: Say) -> tuple[list[Line], list[Aim]]:
    """Measure submits to a store with ten thousand requests and to one with a million, in turn; then walk its log."""
    folder.mkdir()
    say(f"filling a store with {MANY:,} requests")
    many = ExchangeStage(folder / "many", prepare=partial(fill, requests=MANY))
    with many, ExchangeStage(folder / "few", prepare=partial(fill, requests=FEW)) as few:
        with many.home_away(), few.home_away():
            both = {FEW: few, MANY: many}
            samples = _in_turn(both, seconds=max(seconds, _LEAST_SECONDS), repeats=repeats, say=say)
        say("walking its log")
        walked = walk(many.config(VISITED), least=MANY)
    costs = {count: [one.micros for one in found] for count, found in samples.items()}
    line = Line(
        name=f"CPU of a submit where {MANY:,} are stored",
        figure=Figure.of(costs[MANY]),
        unit="µs",
        beside=f"where {FEW:,} are",
        reference=Figure.of(costs[FEW]),
        ratio=(growth := ratio(costs[MANY], costs[FEW])),
    )
    late = {count: [one.p99_seconds * _MILLI for one in found] for count, found in samples.items()}
    slowest = Line(
        name=f"p99 of a submit where {MANY:,} are stored, {AIM_STREAMS} streams",
        figure=Figure.of(late[MANY]),
        unit="ms",
        beside=f"where {FEW:,} are",
        reference=Figure.of(late[FEW]),
        ratio=ratio(late[MANY], late[FEW]),
    )
    aims = [
        Aim(f"CPU of a submit, {MANY:,} stored against {FEW:,}", "at most", _MAX_GROWTH, growth.median, "×"),
        Aim(f"{MANY:,} records verified", "at most", _MAX_WALK, walked[0].figure.median, "s"),
    ]
    return [line, slowest, *walked], aims


def _in_turn(stages: dict[int, ExchangeStage], *, seconds: float, repeats: int, say: Say) -> dict[int, list[Sample]]:
    targets = {count: _checked(stage) for count, stage in stages.items()}
    samples: dict[int, list[Sample]] = {count: [] for count in stages}
    for target, wire in targets.values():
        measure(target, wire, streams=AIM_STREAMS, seconds=_WARM_SECONDS, frames=True)
    for n in range(repeats):
        say(f"submits to few and to many, repetition {n + 1} of {repeats}")
        for count, (target, wire) in targets.items():
            samples[count].append(measure(target, wire, streams=AIM_STREAMS, seconds=seconds, frames=True))
    return samples


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
