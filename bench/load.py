"""One timed measurement: a load process calls, and the servers' CPU time is read when it begins and when it ends."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.figures import Sample
from bench.process import Child, cpu_seconds

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WARM_SECONDS = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A server under measurement.

    `counted` are the processes whose CPU time is the figure, `apart` those whose time is reported beside it. `entries`
    is how many identities one message holds; `stream` says that messages go over open streams.
    """

    name: str
    address: str
    method: str
    request: bytes
    counted: tuple[int, ...]
    apart: tuple[int, ...] = ()
    unique: bool = False
    stream: bool = False
    entries: int = 1


@dataclass(frozen=True, slots=True)
class Wire:
    """How the load reaches a server: CA, name in the certificate, a fresh bearer token for each measurement."""

    ca: Path
    server_name: str
    token: Callable[[], str]
    log: Path


def _plan(target: Target, wire: Wire, *, streams: int, seconds: float) -> str:
    """Write the plan of a load process."""
    return json.dumps(
        {
            "address": target.address,
            "ca": wire.ca.read_text("ascii"),
            "method": target.method,
            "request": target.request.hex(),
            "seconds": seconds,
            "server_name": wire.server_name,
            "stream": target.stream,
            "streams": streams,
            "token": wire.token(),
            "unique": target.unique,
            "warm_seconds": WARM_SECONDS,
        }
    )


def probe(target: Target, wire: Wire) -> bytes:
    """Call a target once and give its reply (BenchError where the call fails)."""
    with Child("bench.client", log=wire.log, pipes=True) as client:
        client.tell(_plan(target, wire, streams=0, seconds=0))
        return bytes.fromhex(client.line())


def measure(target: Target, wire: Wire, *, streams: int, seconds: float) -> Sample:
    """Call a target for some seconds (BenchError where a call fails)."""
    with Child("bench.client", log=wire.log, pipes=True) as client:
        client.tell(_plan(target, wire, streams=streams, seconds=seconds))
        client.line()
        counted, apart = cpu_seconds(target.counted), cpu_seconds(target.apart)
        result = json.loads(client.line())
        counted, apart = cpu_seconds(target.counted) - counted, cpu_seconds(target.apart) - apart
    if not result["calls"]:
        raise client.failure(f"no call of {target.name} ended in time")
    return Sample(
        calls=result["calls"] * target.entries,
        seconds=result["seconds"],
        server_seconds=counted,
        apart_seconds=apart,
        client_seconds=result["client_cpu_seconds"],
    )
