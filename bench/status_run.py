"""The order of the measurements of card states, and what becomes lines and aims of them."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.figures import Aim, Figure, Line
from bench.process import Child
from bench.report import Report, conditions
from bench.status_cut import cut_aims, cut_lines, line, measure_cut
from bench.status_sets import CARDS, SIZES
from bench.status_spread import measure_spread, spread_aims, spread_lines
from bench.trust_sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Say = Callable[[str], None]
    _Found = tuple[list[Line], list[Aim]]

TABLE, PACKS, RECONCILE, PROPAGATION, CUT = "table", "packs", "reconcile", "propagation", "cut"
STATUS_PARTS = (TABLE, PACKS, RECONCILE, PROPAGATION, CUT)
_MOST_LOOK_UP, _LEAST_EVENTS, _MOST_MB = 2.0, 10_000, 100.0
_MOST_PACK, _MOST_OFFLINE, _MOST_MOVED = 64_000, 1.0, 1_000_000
_KB = 1000


def run_status(parts: Sequence[str], *, seconds: float, repeats: int, say: Say) -> Report:
    """Measure some parts of card states (BenchError where a part does not start, or does not do what it should)."""
    machine, load_before = conditions()
    lines: list[Line] = []
    aims: list[Aim] = []
    measured = {TABLE: _table, PACKS: _packs, RECONCILE: _reconcile, PROPAGATION: _propagation, CUT: _cut}
    with tempfile.TemporaryDirectory(prefix="onecard-bench-") as name:
        for part in STATUS_PARTS:
            if part in parts:
                say(f"card states: {part}")
                folder = Path(name) / part
                folder.mkdir()
                found, aimed = measured[part](folder)
                lines += found
                aims += aimed
    notes = (
        "Table, packs and reconciling are CPU of one thread; propagation and the cut line are wall time on two cores.",
        "All cards are invented. Packs are of one home region of 10 million cards, with keys, a chain and 40 items.",
        "Each part runs once, at its own length.",
        load_before,
    )
    return Report(machine=machine, seconds=seconds, repeats=repeats, lines=tuple(lines), aims=tuple(aims), notes=notes)


def _told(folder: Path, module: str, *, count: int = 1) -> Iterator[Any]:
    """Run a measurement in a process of its own; gives what its lines tell."""
    with Child(module, log=folder / "log", pipes=True) as child:
        for _ in range(count):
            yield json.loads(child.line())


def _table(folder: Path) -> _Found:
    (found,), (kept,) = _told(folder, "bench.status_table"), _told(folder, "bench.status_apply")
    look_up, events = Figure.of(found["look_up"]), Figure.of(kept)
    lines = [
        Line(
            name=f"state of a card, of {found['cards']:,}, looked up",
            figure=look_up,
            unit="µs",
            beside="a dictionary of as many of its keys as were asked for",
            reference=Figure.of(found["bare"]),
            ratio=Figure.of(one / other for one, other in zip(found["look_up"], found["bare"], strict=True)),
        ),
        Line(
            name="events applied with one core, kept on disk",
            figure=events,
            unit="/s",
            beside="in memory alone",
            reference=Figure.of(found["events"]),
        ),
        Line(name=f"memory of {found['cards']:,} cards", figure=Figure.of([found["megabytes"]]), unit="MB"),
    ]
    return lines, [
        Aim("a look-up among a million cards", "at most", _MOST_LOOK_UP, look_up.median, "µs"),
        Aim("events applied with one core, kept on disk", "at least", _LEAST_EVENTS, events.median, "/s"),
        Aim("memory of a million cards", "at most", _MOST_MB, found["megabytes"], "MB"),
    ]


def _packs(folder: Path) -> _Found:
    """Measure packs, and the ways to write their sets."""
    packs = list(_told(folder, "bench.status_packs", count=len(SIZES)))
    sets = list(_told(folder, "bench.status_sets", count=len(SIZES)))
    lines = [line for pack, one in zip(packs, sets, strict=True) for line in _pack_lines(pack, one)]
    slowest = max(max(pack["recognition"], pack["card"]) for pack in packs) / 1000
    return lines, [
        Aim(f"pack of {SIZES[0]:,} reported of {CARDS:,}", "at most", _MOST_PACK / _KB, packs[0]["pack"] / _KB, "KB"),
        Aim("offline verification, the dearest", "at most", _MOST_OFFLINE, slowest, "ms"),
    ]


def _pack_lines(pack: dict[str, Any], one: dict[str, Any]) -> Iterator[Line]:
    reported = f"{pack['reported']:,} reported"

    def kilobytes(value: float) -> Figure:
        return Figure.of([value / _KB])

    yield Line(
        name=f"{reported}: pack; one good card in {pack['one_in']:,.0f} asks online",
        figure=kilobytes(pack["pack"]),
        unit="KB",
        beside="update of 100 more and 100 less",
        reference=kilobytes(pack["update"]),
    )
    for name, what in (
        ("list", "fingerprints packed by zlib"),
        ("cascade", "cascade of Bloom filters"),
        ("clubcard", "Clubcard, at best"),
    ):
        yield Line(
            name=f"{reported}: the set alone",
            figure=kilobytes(one["rice"]),
            unit="KB",
            beside=what,
            reference=kilobytes(one[name]),
            ratio=Figure.of([one["rice"] / one[name]]),
        )
    yield Line(
        name=f"{reported}: a recognition verified offline",
        figure=Figure.of([pack["recognition"] / 1000]),
        unit="ms",
        beside="a physical card by its pseudonym",
        reference=Figure.of([pack["card"] / 1000]),
    )


def _reconcile(folder: Path) -> _Found:
    (found,) = _told(folder, "bench.status_compare")
    moved = found["sent"] + found["received"]
    lines = [
        Line(
            name=f"{found['cards']:,} cards compared, {found['missed']:,} differ: moved",
            figure=Figure.of([moved / _KB]),
            unit="KB",
            beside="all states",
            reference=Figure.of([found["whole"] / _KB]),
            ratio=Figure.of([moved / found["whole"]]),
        ),
        Line(name="the same: CPU of both sides", figure=Figure.of([found["cpu"]]), unit="s"),
    ]
    name = f"{found['cards']:,} cards compared, {found['missed']:,} differ"
    return lines, [Aim(name, "at most", _MOST_MOVED / _KB, moved / _KB, "KB")]


def _propagation(folder: Path) -> _Found:
    with Sandbox(folder) as sandbox:
        found = measure_spread(sandbox, folder)
    return spread_lines(found), spread_aims(found)


def _cut(folder: Path) -> _Found:
    with line(folder) as (cable, adjust), Sandbox(folder, adjust=adjust) as sandbox:
        found = measure_cut(sandbox, cable)
    return cut_lines(found), cut_aims(found)
