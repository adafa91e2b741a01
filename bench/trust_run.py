"""The order of the measurements of trust, and what becomes lines and aims of them."""

from __future__ import annotations

import json
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bench.figures import Aim, Figure, Line
from bench.process import Child
from bench.references import HOST
from bench.report import Report, conditions
from bench.stage import Stage
from bench.trust_attack import attack, attack_aims, attack_lines
from bench.trust_revocations import measure_revocations
from bench.trust_rotations import ROTATIONS, STREAMS, measure_rotations
from bench.trust_sandbox import Sandbox
from bench.trust_verification import verification_aims, verification_lines, verify_once

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bench.trust_revocations import Revoked
    from bench.trust_rotations import Rotations
    from gateway.sandbox.layout import Layout

    Say = Callable[[str], None]

VERIFICATION, FORGERS, ROTATION, REVOCATION = "verification", "forgers", "rotations", "revocations"
TRUST_PARTS = (VERIFICATION, FORGERS, ROTATION, REVOCATION)
_ATTACKS = 3
_STILL_SECONDS = 5.0
_POLL_SECONDS, _POLL_DEFAULT_SECONDS = 2, 30
_SETTLED_SECONDS = 10.0
"""From ready on: by then a follower without a stream asks as seldom as it ever does."""
_MAX_FAILED, _MAX_PUSHED, _MAX_POLLED = 0, 1.0, 60.0
_PUSH_LIMIT_SECONDS, _POLL_LIMIT_SECONDS = 20.0, 30.0


def run_trust(parts: Sequence[str], *, seconds: float, repeats: int, say: Say) -> Report:
    """Measure some parts of trust (BenchError where a part does not start, or does not do what it should)."""
    machine, load_before = conditions()
    lines: list[Line] = []
    aims: list[Aim] = []
    with tempfile.TemporaryDirectory(prefix="onecard-bench-") as name:
        folder = Path(name)
        for measured in (_on_stage, _in_sandbox, _without_push):
            for found, aimed in measured(folder / measured.__name__, parts, seconds, repeats, say):
                lines += found
                aims += aimed
    notes = [
        "Verification is CPU of one thread; each line's reference verifies the very same bytes, lot by lot in turn.",
        "Medians, with lowest and highest in brackets; ratios are taken pair by pair.",
        f"Forgers at most {_ATTACKS} repetitions; rotations and revocations one run each, of their own length.",
        load_before,
    ]
    return Report(
        machine=machine, seconds=seconds, repeats=repeats, lines=tuple(lines), aims=tuple(aims), notes=tuple(notes)
    )


_Found = tuple[list[Line], list[Aim]]


def _on_stage(folder: Path, parts: Sequence[str], seconds: float, repeats: int, say: Say) -> Iterator[_Found]:
    """Measure what two gateways are enough for."""
    if VERIFICATION not in parts and FORGERS not in parts:
        return
    folder.mkdir()
    with Stage(folder) as stage:
        if VERIFICATION in parts:
            say("verifying tokens")
            once = [verify_once(folder, number) for number in range(repeats)]
            yield verification_lines(once), verification_aims(once)
        if FORGERS in parts:
            say("forging tokens")
            attacks = [attack(stage, folder / "sandbox", seconds=seconds) for _ in range(min(repeats, _ATTACKS))]
            yield attack_lines(attacks), attack_aims(attacks)


def _in_sandbox(folder: Path, parts: Sequence[str], _seconds: float, _repeats: int, say: Say) -> Iterator[_Found]:
    """Measure what the whole sandbox is needed for."""
    if ROTATION not in parts and REVOCATION not in parts:
        return
    folder.mkdir()
    with Sandbox(folder) as sandbox:
        if ROTATION in parts:
            say("rotating keys under load")
            yield _of_rotations(measure_rotations(sandbox, seconds=_STILL_SECONDS))
        if REVOCATION in parts:
            say("revoking keys")
            yield _of_pushed(measure_revocations(sandbox, most_seconds=_PUSH_LIMIT_SECONDS))


def _without_push(folder: Path, parts: Sequence[str], _seconds: float, _repeats: int, say: Say) -> Iterator[_Found]:
    """Measure revocations where no stream can be had, and nodes ask for lists every two seconds."""
    if REVOCATION not in parts:
        return
    folder.mkdir()
    with _cut(folder) as (adjust, refused), Sandbox(folder, adjust=adjust) as sandbox:
        say("revoking keys without push")
        time.sleep(max(0.0, sandbox.ready_at + _SETTLED_SECONDS - time.monotonic()))
        found = measure_revocations(sandbox, most_seconds=_POLL_LIMIT_SECONDS)
        assert refused() > 0
    yield _of_polled(found)


def _of_rotations(found: Rotations) -> _Found:
    rotating, still = found.rotating, found.still
    rates = rotating.calls / rotating.seconds, still.calls / still.seconds
    failed = sum(rotating.failed.values())
    what = f"{ROTATIONS} rotations of the home's key"
    once = Figure.of
    return [
        Line(
            name=f"VerifyCard federated, {STREAMS} streams, {what} in {rotating.seconds:.0f} s: calls that failed",
            figure=once([failed]),
            unit=f"of {rotating.calls + failed:,}",
        ),
        Line(
            name="the same: calls per second",
            figure=once([rates[0]]),
            unit="/s",
            beside="the same without rotations",
            reference=once([rates[1]]),
            ratio=once([rates[0] / rates[1]]),
        ),
        Line(
            name="the same: the slowest call",
            figure=once([rotating.slowest_seconds * 1000]),
            unit="ms",
            beside="the same without rotations",
            reference=once([still.slowest_seconds * 1000]),
        ),
    ], [Aim(f"calls that fail during {what} under load", "at most", _MAX_FAILED, failed, "calls")]


def _of_pushed(found: tuple[Revoked, ...]) -> _Found:
    pairs = f"{len({one.region for one in found})} keys, {len(found)} times at another gateway"
    after = Figure.of(one.after_answer for one in found)
    calls = Figure.of(one.call_seconds * 1000 for one in found)
    return [
        Line(
            name=f"revoked by the command until refused, by push; {pairs}",
            figure=Figure.of(one.after_answer * 1000 for one in found),
            unit="ms",
            beside="one call before, as often as they were made",
            reference=calls,
        ),
        Line(
            name="the same from the start of the command, a process of its own",
            figure=Figure.of(one.after_start * 1000 for one in found),
            unit="ms",
        ),
    ], [Aim("a revoked key is refused by push, slowest gateway", "at most", _MAX_PUSHED, after.high, "s")]


def _of_polled(found: tuple[Revoked, ...]) -> _Found:
    after = Figure.of(one.after_answer for one in found)
    at_default = max(1.0, after.high / _POLL_SECONDS) * _POLL_DEFAULT_SECONDS  # a whole interval at the least
    return [
        Line(
            name=f"the same with every stream refused, asking every {_POLL_SECONDS} s (poll_seconds)",
            figure=after,
            unit="s",
        ),
        Line(
            name=f"the slowest, computed for the default, {_POLL_DEFAULT_SECONDS} s: one interval at least; not run",
            figure=Figure.of([at_default]),
            unit="s",
        ),
    ], [
        Aim(
            f"the same without push, computed for polls each {_POLL_DEFAULT_SECONDS} s from a run at {_POLL_SECONDS} s",
            "at most",
            _MAX_POLLED,
            at_default,
            "s",
        )
    ]


@contextmanager
def _cut(folder: Path) -> Iterator[tuple[Callable[[Layout], None], Callable[[], int]]]:
    """Give what puts a proxy that refuses streams between all nodes, and what tells how many it refused."""
    with Child("bench.trust_proxy", log=folder / "proxy.log", pipes=True) as proxy:
        address: list[str] = []

        def adjust(layout: Layout) -> None:
            places = {site.region: f"http://{site.web}" for site in layout.sites}
            proxy.tell(json.dumps({**places, "anchors": f"http://{layout.anchors_address}"}))
            address.append(f"http://{HOST}:{proxy.line()}")
            for site in layout.sites:
                _reroute(layout.config(site.region), layout, address[0])

        def refused() -> int:
            with urllib.request.urlopen(f"{address[0]}/-/refused", timeout=5) as reply:  # noqa: S310 - our own address
                return int(reply.read())

        yield adjust, refused


def _reroute(config: Path, layout: Layout, proxy: str) -> None:
    """Let a node fetch what others state through the proxy, and ask for revocations more often."""
    text = config.read_text("utf-8")
    for site in layout.sites:
        text = text.replace(f'federation = "http://{site.web}"', f'federation = "{proxy}/{site.region}"')
    text = text.replace(f'address = "http://{layout.anchors_address}/', f'address = "{proxy}/anchors/')
    text = text.replace("[trust]\n", f"[trust]\npoll_seconds = {_POLL_SECONDS}\n", 1)
    config.write_text(text, "utf-8")
