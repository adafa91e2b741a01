"""A backlog: ten thousand requests for a gateway that was away, and what others feel while they are handed over."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Final

import grpc

from bench.client import percentile
from bench.exchange_stage import ExchangeStage
from bench.figures import Aim, Figure, Line
from bench.load import background
from bench.payloads import HOME, METHODS, VISITED, submit_request
from bench.process import BenchError
from onecard.gateway.v1 import exchange_service_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.load import Background, Target, Wire

    Say = Callable[[str], None]

BACKLOG, KEYS = 10_000, 100
_AT_ONCE: Final = 32
_LIVE_STREAMS, _LIVE_PACE = 4, 50.0
_CALM_SECONDS = 10.0
_LIMIT_SECONDS = 600.0
_LOOK_SECONDS = 0.5
_MILLI, _MICROS = 1000.0, 1_000_000
_MAX_RATIO = 2.0
_WAITING = f"SELECT count(*) FROM exchange_queue WHERE lane = 'out:{HOME}'"  # noqa: S608 - our own constant
_ARRIVED = f"SELECT request FROM exchange_queue WHERE lane = 'in:{HOME}' ORDER BY place"  # noqa: S608 - our own constant
_TIMES = "SELECT id, delivered_at - submitted_at FROM exchange_requests WHERE delivered_at IS NOT NULL"


def measure_backlog(folder: Path, *, away_seconds: float, say: Say) -> tuple[list[Line], list[Aim]]:
    """Let the other gateway be away while requests come, and then be back.

    Args:
        folder: where everything lies.
        away_seconds: for how long it is dead, and then started again; where that is 0 it hangs, and goes on.
        say: is told what goes on.

    Raises:
        BenchError: a request is lost, or out of the order of its key.
    """
    with ExchangeStage(folder) as stage:
        target, wire = stage.target(), stage.wire
        say("live submits without a backlog")
        calm = [_calm(target, wire)]
        _drained(stage)
        before = {ident for ident, _ in stage.rows(VISITED, _TIMES)}
        calm_handed = [float(str(took)) / _MICROS for _, took in stage.rows(VISITED, _TIMES)]
        with stage.home_dead() if away_seconds else stage.home_away() as back:
            until = time.monotonic() + away_seconds
            say(f"submitting {BACKLOG:,} requests to a gateway that is away")
            names = asyncio.run(_submit(stage))
            time.sleep(max(0.0, until - time.monotonic()))
            say("the gateway is back")
            with background(target, wire, streams=_LIVE_STREAMS, pace=_LIVE_PACE) as busy:
                back()
                took = _drained(stage)
        _drained(stage)
        _check_order(stage, names)
        waited = {name for key in names.values() for name in key} | before
        live = [float(str(one)) / _MICROS for ident, one in stage.rows(VISITED, _TIMES) if ident not in waited]
        calm.append(_calm(target, wire))
    return _told(calm, busy, (calm_handed, live), took, away_seconds)


def _calm(target: Target, wire: Wire) -> Background:
    """Submit at the pace of live traffic, for a while; done before and after, since the machine changes meanwhile."""
    with background(target, wire, streams=_LIVE_STREAMS, pace=_LIVE_PACE) as calm:
        time.sleep(_CALM_SECONDS)
    return calm


def _told(
    calm: list[Background],
    busy: Background,
    handed: tuple[list[float], list[float]],
    took: float,
    away_seconds: float,
) -> tuple[list[Line], list[Aim]]:
    """Make lines and aims."""
    failed = [status for load in (*calm, busy) for status in load.failed]
    if failed:
        raise BenchError(f"live submits failed: {failed}")
    before = Figure.of(load.p99_seconds * _MILLI for load in calm)
    ratio = busy.p99_seconds * _MILLI / before.median
    lines = [
        Line(
            name=f"p99 of live submits, {_LIVE_PACE:g} a second, while {BACKLOG:,} are handed over",
            figure=Figure.of([busy.p99_seconds * _MILLI]),
            unit="ms",
            beside="without a backlog, before and after",
            reference=before,
            ratio=Figure.of([ratio]),
        ),
        Line(
            name="the same: 95 of 100 live requests were handed over within",
            figure=Figure.of([percentile(handed[1], 0.95) * _MILLI]),
            unit="ms",
            beside="without a backlog",
            reference=Figure.of([percentile(handed[0], 0.95) * _MILLI]),
        ),
        Line(
            name=f"{BACKLOG:,} requests of {KEYS} keys handed over in",
            figure=Figure.of([took]),
            unit="s",
            beside="to a gateway that was dead for" if away_seconds else "",
            reference=Figure.of([away_seconds]) if away_seconds else None,
        ),
    ]
    return lines, [Aim("p99 of live submits beside a backlog, against none", "at most", _MAX_RATIO, ratio, "×")]


async def _submit(stage: ExchangeStage) -> dict[int, list[bytes]]:
    """Submit the backlog, the requests of a key one after the other; gives their ids in this order, by key."""
    wire, names = stage.wire, defaultdict[int, list[bytes]](list)
    credentials = grpc.ssl_channel_credentials(wire.ca.read_bytes())
    options = (("grpc.ssl_target_name_override", wire.server_name), ("grpc.enable_http_proxy", 0))
    metadata = (("authorization", f"Bearer {wire.token()}"),)
    gate = asyncio.Semaphore(_AT_ONCE)
    async with grpc.aio.secure_channel(stage.target().address, credentials, options) as channel:
        call = channel.unary_unary(METHODS["submit"], bytes, bytes)

        async def submit(key: int) -> None:
            for number in range(BACKLOG // KEYS):
                name = f"backlog-{key}-{number}"
                async with gate:
                    raw = await call(submit_request(idempotency_key=name, ordering_key=f"key-{key}"), metadata=metadata)
                told = pb.SubmitRequestResponse.FromString(raw).request.name
                names[key].append(bytes.fromhex(told.rpartition("/")[2]))

        async with asyncio.TaskGroup() as group:
            for key in range(KEYS):
                group.create_task(submit(key))
    return names


def _drained(stage: ExchangeStage) -> float:
    """Wait until nothing of the past waits any more; gives the seconds (BenchError where that takes too long)."""
    began = time.monotonic()
    while time.monotonic() < began + _LIMIT_SECONDS:
        ((waiting,),) = stage.rows(VISITED, _WAITING)
        if int(str(waiting)) <= _LIVE_STREAMS:
            return time.monotonic() - began
        time.sleep(_LOOK_SECONDS)
    raise BenchError("the backlog was not handed over")


def _check_order(stage: ExchangeStage, names: dict[int, list[bytes]]) -> None:
    """Demand that all have arrived, those of a key in their order (BenchError)."""
    place = {ident: number for number, (ident,) in enumerate(stage.rows(HOME, _ARRIVED))}
    for key in names.values():
        places = [place.get(ident, -1) for ident in key]
        if -1 in places or places != sorted(places):
            raise BenchError("requests of a key were lost, or have changed their order")
