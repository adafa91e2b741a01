"""Forged tokens at full speed from a process of their own: what is left to those whose tokens are good.

All forged tokens differ, are well formed, name a known caller and a known key, and bear a signature of another key: of
all kinds the dearest to refuse. They come from the address of the good calls, by as many streams as those or by very
many, and again as soon as they are refused. Three loads are measured beside one another: the good calls alone; with the
forgers at the same gateway; and with as many calls a second of the same process to a bare echo server instead, which
shows how much of the loss is the machine's, its cores being shared by client, forgers and gateways.

A gateway that hears too many false tokens refuses in turn, so the rest is measured too: what it spends a second on
forgers when it has no other calls, and how fast it refuses them.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bench.bare import ECHO
from bench.figures import Aim, Figure, Line, ratio
from bench.load import background, measure
from bench.payloads import VISITED
from bench.process import BenchError, cpu_seconds
from bench.stage import FEDERATED, TRANSLATE
from bench.trust_forged import BAD_SIGNATURE, forged_tokens
from gateway.callers import SCOPES
from gateway.sandbox.layout import Layout, caller_id
from trust.keys import SigningKey
from trust.signer import CallerTokenSigner

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from bench.figures import Sample
    from bench.load import Background, Target, Wire
    from bench.stage import Stage

STREAMS = 8
_MIN_LEFT = 0.7
_TOKENS = 4096
_SETTLED_SECONDS = 2.0
"""After this long the refusals that anybody may have in a row are used up."""

_PERCENT = 100
_METHODS = (FEDERATED, TRANSLATE)
"""The dearest call and the cheapest."""

_REFUSED = {"UNAUTHENTICATED"}
# Beyond as many as are recorded as evidence, a stranger is refused without a look.
_ALSO = {"RESOURCE_EXHAUSTED"}


@dataclass(frozen=True, slots=True)
class Forgers:
    """How forgers come: streams, each with one call at a time, over so many connections."""

    streams: int
    connections: int

    def __str__(self) -> str:
        """Say it."""
        over = f" over {self.connections} connections" if self.connections > 1 else ""
        return f"{self.streams} streams of forged tokens{over}"


FORGERS = (Forgers(streams=STREAMS, connections=1), Forgers(streams=512, connections=8))


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """Good calls alone, beside forgers and beside the same load on an echo; forged calls per second."""

    alone: Sample
    forged: Sample
    elsewhere: Sample
    forgeries: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Attacks:
    """All attacks by method and forgers, and the share of a core that a gateway spends on forgers and no others."""

    found: dict[tuple[str, Forgers], Attack]
    shares: dict[Forgers, float]


def attack(stage: Stage, sandbox: Path, *, seconds: float) -> Attacks:
    """Measure each method once (BenchError where a forged call is not refused)."""
    false = _forged(Layout.load(sandbox))
    return Attacks(
        found={(name, by): _attack(stage, name, by, false, seconds) for name in _METHODS for by in FORGERS},
        shares={by: _share(stage, by, false, seconds) for by in FORGERS},
    )


def _share(stage: Stage, by: Forgers, false: Sequence[str], seconds: float) -> float:
    """Measure what the gateway spends on forgers when it has no other calls."""
    target = stage.targets[TRANSLATE]
    with _forgers(target, stage.wire, by, false) as forgers:
        before = cpu_seconds(target.counted)
        time.sleep(seconds)
        spent = cpu_seconds(target.counted) - before
    _require_refusals(forgers)
    return spent / seconds


@contextmanager
def _forgers(target: Target, wire: Wire, by: Forgers, false: Sequence[str], pace: float = 0.0) -> Iterator[Background]:
    """Let forgers call a target; they have begun a while before the context is entered."""
    with background(target, wire, streams=by.streams, connections=by.connections, tokens=false, pace=pace) as found:
        time.sleep(_SETTLED_SECONDS)
        yield found


def _rate(forgers: Background) -> float:
    return forgers.failures / forgers.seconds


def _require_refusals(forgers: Background) -> None:
    """Demand that every forged call was refused (BenchError)."""
    if forgers.calls or set(forgers.failed) - _ALSO != _REFUSED:
        raise BenchError(f"forged calls: {forgers.calls} were answered, others ended with {forgers.failed}")


def _forged(layout: Layout) -> list[str]:
    """Forge tokens of the platform that makes the good calls."""
    pem = layout.caller_key(VISITED).read_bytes()
    key = SigningKey.from_pem(pem, issuer=caller_id(VISITED))
    signer = CallerTokenSigner(key, new_id=lambda: "forged")
    audience = next(site.gateway for site in layout.sites if site.region == VISITED)
    good = signer.issue(audience=audience, now=int(time.time()), scopes=sorted(SCOPES))
    return forged_tokens(BAD_SIGNATURE, good, key, _TOKENS)


def _attack(stage: Stage, name: str, by: Forgers, false: Sequence[str], seconds: float) -> Attack:
    target, wire = stage.targets[name], stage.wire

    def good() -> Sample:
        return measure(target, wire, streams=STREAMS, seconds=seconds)

    alone = good()
    with _forgers(target, wire, by, false) as forgers:
        forged = good()
    _require_refusals(forgers)
    aside = replace(target, address=stage.targets[ECHO].address)
    with _forgers(aside, wire, by, false, pace=_rate(forgers)):
        elsewhere = good()
    return Attack(alone=alone, forged=forged, elsewhere=elsewhere, forgeries=_rate(forgers))


def _left(found: Sequence[Attack]) -> Figure:
    return ratio([one.forged.rate for one in found], [one.alone.rate for one in found])


def _each(attacks: Sequence[Attacks]) -> dict[tuple[str, Forgers], list[Attack]]:
    """Sort the repetitions by method and forgers."""
    return {key: [one.found[key] for one in attacks] for key in attacks[0].found}


def attack_lines(attacks: Sequence[Attacks]) -> list[Line]:
    """Make the lines of each method and kind of forgers, and those of a gateway that hears forgers only."""
    lines = [
        line
        for (name, by), found in _each(attacks).items()
        for line in _lines(found, f"{name}, {STREAMS} streams, beside {by}")
    ]
    shares = [
        Line(
            name=f"a gateway that hears {by} and nobody else, of one core",
            figure=Figure.of(one.shares[by] * _PERCENT for one in attacks),
            unit="%",
        )
        for by in FORGERS
    ]
    return [*lines, *shares]


def _lines(found: Sequence[Attack], name: str) -> tuple[Line, ...]:
    """Make the lines of one attack: rates beside both references, CPU, and how fast forgers were refused."""
    alone, forged, elsewhere = (
        [one.alone for one in found],
        [one.forged for one in found],
        [one.elsewhere for one in found],
    )
    return (
        _beside(name, "/s", [one.rate for one in forged], "the same alone", [one.rate for one in alone]),
        _beside(
            "the same",
            "/s",
            [one.rate for one in forged],
            "as many calls of the forgers' process to an echo server",
            [one.rate for one in elsewhere],
        ),
        _beside(
            "the same: server CPU of a good call, with what forgers cost meanwhile",
            "µs",
            [one.micros for one in forged],
            "the same alone",
            [one.micros for one in alone],
        ),
        Line(name="forged calls refused meanwhile", figure=Figure.of(one.forgeries for one in found), unit="/s"),
    )


def _beside(name: str, unit: str, ours: Sequence[float], beside: str, reference: Sequence[float]) -> Line:
    return Line(
        name=name,
        figure=Figure.of(ours),
        unit=unit,
        beside=beside,
        reference=Figure.of(reference),
        ratio=ratio(ours, reference),
    )


def attack_aims(attacks: Sequence[Attacks]) -> list[Aim]:
    """Hold what is left to good calls against what was aimed at, method by method."""
    return [
        Aim(f"{name} beside {by}, rate against alone", "at least", _MIN_LEFT, _left(found).median, "×")
        for (name, by), found in _each(attacks).items()
    ]
