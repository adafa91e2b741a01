"""Forged tokens at full speed from a process of their own: what is left to those whose tokens are good.

All forged tokens differ, are well formed, name a known caller and a known key, and bear a signature of another key: of
all kinds the dearest to refuse. Three loads are measured beside one another: the good calls alone; with the forgers at
the same gateway; and with as many calls a second of the same process to a bare echo server instead, which shows how
much of the loss is the machine's, its cores being shared by client, forgers and gateways.
"""

from __future__ import annotations

import time
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
    from collections.abc import Sequence
    from pathlib import Path

    from bench.load import Background
    from bench.stage import Stage

STREAMS = 8
FORGERS = 8
_MIN_LEFT = 0.7
_TOKENS = 256
_MILLION = 1_000_000
_METHODS = (FEDERATED, TRANSLATE)
"""The dearest call and the cheapest."""

_REFUSED = {"UNAUTHENTICATED"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """Good calls per second alone, beside forgers and beside the same load on an echo; forged calls per second."""

    alone: float
    forged: float
    elsewhere: float
    forgeries: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Attacks:
    """All methods by name, and server CPU microseconds of a forged call where there are no others, and of an echo."""

    methods: dict[str, Attack]
    refusal_micros: float
    echo_micros: float


def attack(stage: Stage, sandbox: Path, *, seconds: float) -> Attacks:
    """Measure each method once (BenchError where a forged call is not refused)."""
    false = _forged(Layout.load(sandbox))
    return Attacks(
        methods={name: _attack(stage, name, false, seconds) for name in _METHODS},
        echo_micros=measure(stage.targets[ECHO], stage.wire, streams=STREAMS, seconds=seconds).micros,
        refusal_micros=_refusal_micros(stage, false, seconds),
    )


def _refusal_micros(stage: Stage, false: Sequence[str], seconds: float) -> float:
    """Measure what the gateway spends on a forged call when it has no others."""
    target = stage.targets[TRANSLATE]
    with background(target, stage.wire, streams=FORGERS, tokens=false) as forgers:
        before = cpu_seconds(target.counted)
        time.sleep(seconds)
        spent = cpu_seconds(target.counted) - before
    _require_refusals(forgers)
    return spent * _MILLION / (_rate(forgers) * seconds)


def _rate(forgers: Background) -> float:
    return sum(forgers.failed.values()) / forgers.seconds


def _require_refusals(forgers: Background) -> None:
    """Demand that every forged call was refused (BenchError)."""
    if forgers.calls or set(forgers.failed) != _REFUSED:
        raise BenchError(f"forged calls: {forgers.calls} were answered, others ended with {forgers.failed}")


def _forged(layout: Layout) -> list[str]:
    """Forge tokens of the platform that makes the good calls."""
    pem = layout.caller_key(VISITED).read_bytes()
    key = SigningKey.from_pem(pem, issuer=caller_id(VISITED))
    signer = CallerTokenSigner(key, new_id=lambda: "forged")
    audience = next(site.gateway for site in layout.sites if site.region == VISITED)
    good = signer.issue(audience=audience, now=int(time.time()), scopes=sorted(SCOPES))
    return forged_tokens(BAD_SIGNATURE, good, key, _TOKENS)


def _attack(stage: Stage, name: str, false: Sequence[str], seconds: float) -> Attack:
    target, wire = stage.targets[name], stage.wire

    def rate() -> float:
        return measure(target, wire, streams=STREAMS, seconds=seconds).rate

    alone = rate()
    with background(target, wire, streams=FORGERS, tokens=false) as forgers:
        forged = rate()
    _require_refusals(forgers)
    aside = replace(target, address=stage.targets[ECHO].address)
    with background(aside, wire, streams=FORGERS, tokens=false, pace=_rate(forgers)):
        elsewhere = rate()
    return Attack(alone=alone, forged=forged, elsewhere=elsewhere, forgeries=_rate(forgers))


def _left(attacks: Sequence[Attacks], name: str) -> Figure:
    return ratio([one.methods[name].forged for one in attacks], [one.methods[name].alone for one in attacks])


def attack_lines(attacks: Sequence[Attacks]) -> list[Line]:
    """Make the lines of each method, and that of a forged call."""
    lines = [line for name in _METHODS for line in _lines([one.methods[name] for one in attacks], name)]
    refusals, echoes = [one.refusal_micros for one in attacks], [one.echo_micros for one in attacks]
    name = "a forged call refused, server CPU"
    return [
        *lines,
        Line(
            name=name,
            figure=Figure.of(refusals),
            unit="µs",
            beside="an echo, server CPU",
            reference=Figure.of(echoes),
            ratio=ratio(refusals, echoes),
        ),
    ]


def _lines(found: Sequence[Attack], name: str) -> tuple[Line, Line, Line]:
    forged, alone = [one.forged for one in found], [one.alone for one in found]
    elsewhere = [one.elsewhere for one in found]
    return (
        Line(
            name=f"{name}, {STREAMS} streams, beside {FORGERS} streams of forged tokens",
            figure=Figure.of(forged),
            unit="/s",
            beside="the same alone",
            reference=Figure.of(alone),
            ratio=ratio(forged, alone),
        ),
        Line(
            name="the same",
            figure=Figure.of(forged),
            unit="/s",
            beside="as many calls of the forgers' process to an echo server",
            reference=Figure.of(elsewhere),
            ratio=ratio(forged, elsewhere),
        ),
        Line(name="forged calls refused meanwhile", figure=Figure.of(one.forgeries for one in found), unit="/s"),
    )


def attack_aims(attacks: Sequence[Attacks]) -> list[Aim]:
    """Hold what is left to good calls against what was aimed at, method by method."""
    return [
        Aim(f"{name} beside forged tokens, rate against alone", "at least", _MIN_LEFT, _left(attacks, name).median, "×")
        for name in _METHODS
    ]
