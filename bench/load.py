"""One timed measurement: a load process calls, and the servers' CPU time is read when it begins and when it ends."""

from __future__ import annotations

import json
import signal
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.figures import Sample
from bench.process import Child, cpu_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
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


@dataclass(slots=True)
class Background:
    """What a load in the background came to, once it has ended: calls that went well, others by status, seconds.

    `failed` counts from the first call on, `calls` and `failures` behind the warm-up, as long as `seconds`.
    """

    calls: int = 0
    failed: dict[str, int] = field(default_factory=dict)
    failures: int = 0
    seconds: float = 0.0
    slowest_seconds: float = 0.0
    p99_seconds: float = 0.0


def _plan(
    target: Target,
    wire: Wire,
    *,
    streams: int,
    seconds: float,
    tolerant: bool = False,
    tokens: Sequence[str] = (),
    pace: float = 0.0,
    connections: int = 1,
    frames: bool = False,
) -> str:
    """Write the plan of a load process."""
    return json.dumps(
        {
            "address": target.address,
            "connections": connections,
            "ca": wire.ca.read_text("ascii"),
            "frames": frames,
            "method": target.method,
            "request": target.request.hex(),
            "seconds": seconds,
            "server_name": wire.server_name,
            "stream": target.stream,
            "streams": streams,
            "token": wire.token(),
            "tokens": list(tokens),
            "tolerant": tolerant,
            "pace": pace,
            "unique": target.unique,
            "warm_seconds": WARM_SECONDS,
        }
    )


def probe(target: Target, wire: Wire) -> bytes:
    """Call a target once and give its reply (BenchError where the call fails)."""
    with Child("bench.client", log=wire.log, pipes=True) as client:
        client.tell(_plan(target, wire, streams=0, seconds=0))
        return bytes.fromhex(client.line())


def measure(
    target: Target, wire: Wire, *, streams: int, seconds: float, tokens: Sequence[str] = (), frames: bool = False
) -> Sample:
    """Call a target for some seconds (BenchError where a call fails).

    `tokens` are shown in turn instead of one. With `frames` each stream is a client with a connection of its own, which
    makes its frames by hand (`bench.frames`); without, all are streams of one channel of grpc.aio.
    """
    with Child("bench.client", log=wire.log, pipes=True) as client:
        plan = _plan(target, wire, streams=streams, seconds=seconds, tokens=tokens, frames=frames)
        client.tell(plan)
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
        p99_seconds=result["p99_seconds"],
    )


@contextmanager
def background(
    target: Target,
    wire: Wire,
    *,
    streams: int,
    tokens: Sequence[str] = (),
    pace: float = 0.0,
    connections: int = 1,
) -> Iterator[Background]:
    """Call a target, failures or not, while the context is open; what came of it is told when it is left.

    `tokens` are shown in turn instead of a good one; `pace` is the most calls a second, 0 for no limit; streams are
    spread over `connections`.
    """
    found = Background()
    with Child("bench.client", log=wire.log, pipes=True) as client:
        plan = _plan(
            target,
            wire,
            streams=streams,
            seconds=0,
            tolerant=True,
            tokens=tokens,
            pace=pace,
            connections=connections,
        )
        client.tell(plan)
        client.line()
        yield found
        client.send(signal.SIGUSR1)
        result = json.loads(client.line())
    found.calls, found.failed, found.seconds = result["calls"], result["failed"], result["seconds"]
    found.failures = result["failures"]
    found.slowest_seconds, found.p99_seconds = result["slowest_seconds"], result["p99_seconds"]
