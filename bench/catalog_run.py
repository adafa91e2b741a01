"""The catalogs: what a hundred thousand items of five hundred catalogs cost, and how soon a long table is checked."""

from __future__ import annotations

import json
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import urlopen

from adapters.catalog_document import read_rows
from adapters.registry import load_registry
from bench.catalog_many import CATALOGS, ITEMS, head_of, lay_down, rows_of
from bench.figures import Aim, Figure, Line, ratio
from bench.payloads import HOME, VISITED
from bench.process import BenchError, Child, cpu_seconds, free_port_base
from bench.report import Report, conditions
from gateway.bootstrap_catalogs import FOLDER
from gateway.sandbox.generate import generate
from gateway.sandbox.layout import Layout
from gateway.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapters.registry import Registry

    Say = Callable[[str], None]

_MOST_RATIO, _MOST_BYTES, _MOST_START, _MOST_CHECK = 1.2, 1000.0, 3.0, 1.0
_LONG_TABLE = 1000
_READY_SECONDS = 60.0
_POLL_SECONDS = 0.01


def run_catalog(*, seconds: float, repeats: int, say: Say) -> Report:
    """Measure the catalogs (BenchError where something does not start)."""
    machine, load_before = conditions()
    registry = load_registry()
    with tempfile.TemporaryDirectory(prefix="onecard-bench-") as name:
        folder = Path(name)
        say(f"{CATALOGS} catalogs of {ITEMS} items are written")
        lay_down(folder / "many", registry)
        say("translations and memory")
        lines, aims = _items(folder, repeats)
        say("start-ups of a gateway")
        starts = _starts(folder, repeats)
        lines += starts
        aims += (
            Aim(f"start-up with {CATALOGS} catalogs", "at most", _MOST_START, starts[0].figure.median, "s"),
            Aim(f"start-up with {CATALOGS} catalogs, CPU", "at most", _MOST_START, starts[1].figure.median, "s"),
        )
    say("long tables")
    lines += (_checks(registry, repeats),)
    aims += (Aim(f"check of a table of {_LONG_TABLE:,} items", "at most", _MOST_CHECK, lines[-1].figure.median, "s"),)
    notes = (
        f"{CATALOGS} catalogs of {ITEMS} items, {CATALOGS * ITEMS:,} in all, made of the items that ship.",
        "A translation is answered anew each time, explanation in four languages included; nothing is remembered.",
        "Memory is what the process grew by, divided by the items; all catalogs have been read.",
        "A start-up is until the gateway is ready, beside a peer and an anchor; what pages search is made later.",
        load_before,
    )
    return Report(machine=machine, seconds=seconds, repeats=repeats, lines=lines, aims=aims, notes=notes)


def _items(folder: Path, repeats: int) -> tuple[tuple[Line, ...], tuple[Aim, ...]]:
    with Child("bench.catalog_node", str(folder / "many"), str(repeats), log=folder / "node.log", pipes=True) as child:
        found = json.loads(child.line())
    share = ratio(found["across"], found["alone"])
    lines = (
        Line(
            name=f"a translation between two of {CATALOGS} catalogs, CPU",
            figure=Figure.of(found["across"]),
            unit="µs",
            beside=f"within one of {ITEMS} items, CPU",
            reference=Figure.of(found["alone"]),
            ratio=share,
        ),
        Line(name="memory of an item", figure=Figure.of([found["bytes"]]), unit="bytes"),
        Line(name=f"heads of {CATALOGS} catalogs read", figure=Figure.of([found["listed_ms"]]), unit="ms"),
    )
    aims = (
        Aim(
            f"a translation with {found['items']:,} items to one with {ITEMS}",
            "at most",
            _MOST_RATIO,
            share.median,
            "×",
        ),
        Aim("memory of an item", "at most", _MOST_BYTES, found["bytes"], "bytes"),
    )
    return lines, aims


def _starts(folder: Path, repeats: int) -> tuple[Line, ...]:
    """Start a gateway with many catalogs and with none but those that ship, by turns."""
    layout = Layout.of(folder / "sandbox", (HOME, VISITED), free_port_base(2))
    generate(layout, load_registry())
    site = next(site for site in layout.sites if site.region == HOME)
    config = layout.config(HOME)
    place = load_settings(config).trust.state / FOLDER
    many: list[tuple[float, float]] = []
    none: list[tuple[float, float]] = []
    with ExitStack() as opened:
        # The peer too: a gateway waits for those that it has never heard of, for as long as the first round may take.
        beside = ("gateway.sandbox", str(layout.folder)), _anchors(layout), _serve(layout.config(VISITED))
        for number, arguments in enumerate(beside):
            opened.enter_context(Child(*arguments, log=folder / f"beside-{number}.log"))
        _start(config, site.web, folder)
        for _ in range(repeats):
            none.append(_start(config, site.web, folder))
            place.symlink_to(folder / "many", target_is_directory=True)
            many.append(_start(config, site.web, folder))
            place.unlink()
    return tuple(
        Line(
            name=f"start-up of a gateway with {CATALOGS} catalogs{what}",
            figure=Figure.of(times := [pair[n] for pair in many]),
            unit="s",
            beside="with what ships",
            reference=Figure.of(base := [pair[n] for pair in none]),
            ratio=ratio(times, base),
        )
        for n, what in enumerate(("", ", CPU"))
    )


def _anchors(layout: Layout) -> tuple[str, ...]:
    return "gateway", "anchor", "serve", "--config", str(layout.anchors_config)


def _serve(config: Path) -> tuple[str, ...]:
    return "gateway", "serve", "--config", str(config)


def _start(config: Path, web: str, folder: Path) -> tuple[float, float]:
    """Start a gateway, and give the seconds until it is ready, and those of CPU that it took (BenchError)."""
    started = time.monotonic()
    with Child(*_serve(config), log=folder / "gateway.log") as child:
        while child.running and time.monotonic() < started + _READY_SECONDS:
            try:
                with urlopen(f"http://{web}/readyz", timeout=1.0):
                    return time.monotonic() - started, cpu_seconds([child.pid])
            except URLError:
                time.sleep(_POLL_SECONDS)
        raise child.failure("did not get ready")


def _checks(registry: Registry, repeats: int) -> Line:
    """Check a long table without a fault, and one with a fault in every row."""
    head = head_of(registry, 0)
    sound = rows_of(registry, 0, _LONG_TABLE)
    faulty = [{**row, "media": "paper"} for row in sound]
    times: dict[int, list[float]] = {0: [], _LONG_TABLE: []}
    for _ in range(repeats):
        for rows, faults in ((sound, 0), (faulty, _LONG_TABLE)):
            started = time.perf_counter()
            found = read_rows("table", head, rows, registry.taxonomy)[1]
            times[faults].append(time.perf_counter() - started)
            if len(found) != faults:
                raise BenchError(f"{len(found)} faults instead of {faults}")
    return Line(
        name=f"a table of {_LONG_TABLE:,} items checked, a fault in each row",
        figure=Figure.of(times[_LONG_TABLE]),
        unit="s",
        beside="without a fault",
        reference=Figure.of(times[0]),
    )
