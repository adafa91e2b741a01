"""The order of measurements: repetitions interleaved, each of our targets right after its reference."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.bare import CHAIN, ECHO, FETCH, RELAY
from bench.figures import Aim, Figure, Samples, row
from bench.ghz import find_ghz, measure_with_ghz, write_descriptors
from bench.load import measure
from bench.payloads import HOME, VISITED
from bench.report import NodeFigure, Report, conditions
from bench.stage import BATCHES, FEDERATED, LOCAL, TRANSLATE, Stage
from bench.startup import start_sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.figures import Row
    from bench.startup import Startup

STREAMS = (1, 8, 32)
AIM_STREAMS = 8
BATCH_STREAMS = 1
STARTS = 3
ORDER = (ECHO, TRANSLATE, FETCH, LOCAL, RELAY, CHAIN, FEDERATED)
REFERENCE_OF = {TRANSLATE: ECHO, LOCAL: FETCH, FEDERATED: CHAIN}
GHZ = "{} (ghz)"
_FILL_CALLS, _FILL_SECONDS = 21_000, 90.0
_MAX_RATIO, _MIN_RATE, _MIN_IDENTITIES, _MAX_READY, _MAX_MB = 1.5, 0.5, 30_000, 5.0, 120.0


def run(*, seconds: float, repeats: int, with_ghz: bool, say: Callable[[str], None]) -> Report:
    """Measure everything (BenchError where a part does not start or a call fails)."""
    machine, load_before = conditions()
    with tempfile.TemporaryDirectory(prefix="onecard-bench-") as name:
        folder = Path(name)
        starts = [_start(folder / f"start-{n}", say) for n in range(STARTS)]
        stage_folder = folder / "stage"
        stage_folder.mkdir()
        with Stage(stage_folder) as stage:
            alone, fresh = stage.start_seconds, stage.resident()
            samples: Samples = {}
            for n in range(repeats):
                say(f"repetition {n + 1} of {repeats}")
                _repetition(stage, samples, seconds, find_ghz() if with_ghz else None)
            say("filling the memory of requests")
            calls = _fill(stage)
            loaded = stage.resident()
    rows = _rows(samples)
    return Report(
        machine=machine,
        seconds=seconds,
        repeats=repeats,
        rows=rows,
        nodes=_nodes(starts, (alone, fresh, loaded), calls),
        aims=_aims(rows, starts, loaded),
        notes=_notes(rows, load_before),
    )


def _start(folder: Path, say: Callable[[str], None]) -> Startup:
    folder.mkdir()
    start = start_sandbox(folder)
    say(f"sandbox ready after {start.seconds:.1f} s")
    return start


def _repetition(stage: Stage, samples: Samples, seconds: float, ghz: str | None) -> None:
    """Measure each target once at each number of streams."""
    for streams in STREAMS:
        for name in ORDER:
            found = measure(stage.targets[name], stage.wire, streams=streams, seconds=seconds)
            samples.setdefault((name, streams), []).append(found)
    for name in BATCHES:
        found = measure(stage.targets[name], stage.wire, streams=BATCH_STREAMS, seconds=seconds)
        samples.setdefault((name, BATCH_STREAMS), []).append(found)
    if ghz is None:
        return
    descriptors = stage.wire.log.with_name("contract.binpb")
    write_descriptors(descriptors)
    for name in ORDER:
        found = measure_with_ghz(
            ghz, stage.targets[name], stage.wire, descriptors=descriptors, streams=AIM_STREAMS, seconds=seconds
        )
        samples.setdefault((GHZ.format(name), AIM_STREAMS), []).append(found)


def _rows(samples: Samples) -> tuple[Row, ...]:
    """Make the rows in the order of the table: by target, then by streams."""
    rows = [row(name, streams, samples, reference=REFERENCE_OF.get(name)) for name in ORDER for streams in STREAMS]
    rows += [row(name, BATCH_STREAMS, samples, reference=None) for name in BATCHES]
    for name in ORDER:
        key = GHZ.format(name)
        if (key, AIM_STREAMS) in samples:
            bare = REFERENCE_OF.get(name)
            rows.append(row(key, AIM_STREAMS, samples, reference=GHZ.format(bare) if bare else None))
    return tuple(rows)


def _aims(rows: tuple[Row, ...], starts: list[Startup], loaded: dict[str, float]) -> tuple[Aim, ...]:
    """Hold the figures against what was aimed at."""
    by_name = {row.name: row for row in rows if row.streams == AIM_STREAMS or row.name in BATCHES}
    translate, federated = by_name[TRANSLATE].cpu_ratio, by_name[FEDERATED].rate_ratio
    assert translate is not None
    assert federated is not None
    batch = min(by_name[name].core_rate.median for name in BATCHES)
    at = f"{AIM_STREAMS} streams"
    return (
        Aim(f"TranslateIdentity, CPU against the echo, {at}", "at most", _MAX_RATIO, translate.median, "×"),
        Aim(f"VerifyCard federated, rate against {CHAIN}, {at}", "at least", _MIN_RATE, federated.median, "×"),
        Aim("BatchTranslateIdentities, per second of one core", "at least", _MIN_IDENTITIES, batch, "identities"),
        Aim("sandbox ready, median", "at most", _MAX_READY, Figure.of(s.seconds for s in starts).median, "s"),
        Aim("the largest node after load", "at most", _MAX_MB, max(loaded.values()), "MB"),
    )


def _fill(stage: Stage) -> int:
    """Verify so many cards that a gateway remembers as many answers as it ever does; gives how many it were.

    What a node holds depends on this and not on the length of the measurements.
    """
    calls, ends = 0, time.monotonic() + _FILL_SECONDS
    while calls < _FILL_CALLS and time.monotonic() < ends:
        calls += measure(stage.targets[FEDERATED], stage.wire, streams=AIM_STREAMS, seconds=5.0).calls
    return calls


def _nodes(
    starts: list[Startup], seen: tuple[dict[str, float], dict[str, float], dict[str, float]], calls: int
) -> tuple[NodeFigure, ...]:
    """Put together what was seen of nodes: CPU of the start, VmRSS before and after load, by region."""
    alone, fresh, loaded = seen
    visited, home = f"gateway of {VISITED}", f"gateway of {HOME}"
    return (
        NodeFigure("sandbox of nine gateways: start to ready, wall", Figure.of(s.seconds for s in starts), "s"),
        NodeFigure("the same: CPU of all its processes", Figure.of(s.cpu_seconds for s in starts), "s"),
        NodeFigure("the same: CPU of one gateway", Figure.of(c for s in starts for c in s.gateway_cpu_seconds), "s"),
        NodeFigure("CPU of the start of a gateway by itself", Figure.of(alone.values()), "s"),
        NodeFigure("VmRSS of a gateway of it, unused", Figure.of(m for s in starts for m in s.resident), "MB"),
        NodeFigure("the same: Pss", Figure.of(m for s in starts for m in s.shared_fairly), "MB"),
        NodeFigure("VmRSS of a gateway by itself, unused", Figure.of(fresh.values()), "MB"),
        NodeFigure(
            f"VmRSS, {visited}, after load and {calls:,} more cards verified", Figure.of([loaded[VISITED]]), "MB"
        ),
        NodeFigure(f"VmRSS, {home}, after the same", Figure.of([loaded[HOME]]), "MB"),
    )


def _notes(rows: tuple[Row, ...], load_before: str) -> tuple[str, ...]:
    """Say what a reader must know of these figures."""
    bound = [f"{row.name} at {row.streams}" for row in rows if row.client_bound and GHZ.format("") not in row.name]
    notes = [
        "Each cell is the median, with lowest and highest in brackets.",
        "Ratios are taken pair by pair, each of ours with the reference measured in the same repetition.",
        "For batches, CPU and rate are per identity.",
        load_before,
    ]
    if bound:
        notes.append(f"* The Python client used a whole core or nearly so at: {', '.join(bound)}.")
    return tuple(notes)
