"""The load: one process of its own, `python -m bench.client`, which reads a plan from standard input.

It calls with a fixed number of concurrent streams of work, warms up, prints `begin`, counts for the time given, prints
one JSON line and ends. With no streams it calls once and prints the reply, hex. Messages are bytes made before; nothing
is parsed, so that the client stays cheap. With `unique` each request gets a request id of its own, appended as one more
field 1, which is what protobuf calls merging.

Streams are spread over `connections`, each with a socket of its own; or, with `frames`, each is a client of its own
with a connection of its own, as in `bench.frames`, for single calls only.

Single calls take tokens in turn from `tokens`, where there are any. With `tolerant`, for them only, a call that fails
is counted by its status and not the end, and the count goes on until SIGUSR1; `pace` is the most calls a second, 0 for
no limit.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
import sys
import time
from collections import Counter as Tally
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import cycle
from typing import TYPE_CHECKING, Any

import grpc
import uvloop

from bench.frames import Client, Server
from bench.frames import drive as drive_frames

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

_ID_FIELD = b"\x0a\x20"  # field 1, length-delimited, 32 bytes
_TIMEOUT_SECONDS = 25.0
_MIB = 1024 * 1024


@dataclass(slots=True)
class Counter:
    """Calls that ended well so far, those that did not by status, the seconds of all, and whether it goes on."""

    calls: int = 0
    failed: Tally[str] = field(default_factory=Tally)
    times: list[float] = field(default_factory=list)
    reply_bytes: int = 0
    running: bool = True

    def add(self, seconds: float, size: int) -> bool:
        """Count a call that ended well, with the bytes of its reply; gives whether to go on."""
        self.times.append(seconds)
        self.calls += 1
        self.reply_bytes += size
        return self.running


class Load:
    """Calls one method of one server as the plan says."""

    def __init__(self, plan: dict[str, Any], channels: Sequence[grpc.aio.Channel]) -> None:
        """Take the plan: method, request (hex), token, unique, and whether it is a `stream`."""
        self._channels = cycle(channels)
        self._method: str = plan["method"]
        self._request = bytes.fromhex(plan["request"])
        self._unique: bool = plan["unique"]
        self._stream: bool = plan["stream"]
        self._tolerant: bool = plan["tolerant"]
        self._pause: float = plan["streams"] / plan["pace"] if plan["pace"] else 0.0
        self._metadata = _bearer(plan["token"])
        self._tokens = cycle(plan["tokens"] or [plan["token"]])
        self.counter = Counter()
        self._prefix = secrets.token_hex(8)
        self._number = 0

    def message(self) -> bytes:
        """Give the next request."""
        if not self._unique:
            return self._request
        self._number += 1
        return self._request + _ID_FIELD + f"{self._prefix}{self._number:016d}".encode()

    def request(self) -> tuple[bytes, str]:
        """Give the next request, and the token to go with it."""
        return self.message(), next(self._tokens)

    def _call(self) -> grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]:
        return next(self._channels).unary_unary(self._method, bytes, bytes)

    def _exchange(self) -> grpc.aio.StreamStreamCall[bytes, bytes]:
        method = next(self._channels).stream_stream(self._method, bytes, bytes)
        return method(None, metadata=self._metadata)  # without an iterator we write ourselves

    async def once(self) -> bytes:
        """Call once and give the reply."""
        if not self._stream:
            return await self._call()(self.message(), metadata=self._metadata)
        call = self._exchange()
        await call.write(self.message())
        await call.done_writing()
        return await anext(aiter(call))

    async def work(self) -> None:
        """Call again and again, one call at a time, until the load ends."""
        if self._stream or self._tolerant:
            await (self._work_on_stream() if self._stream else self._work_on_through_failures())
            return
        call = self._call()
        counter = self.counter
        while counter.running:
            began = time.perf_counter()
            reply = await call(self.message(), metadata=_bearer(next(self._tokens)), timeout=_TIMEOUT_SECONDS)
            counter.add(time.perf_counter() - began, len(reply))

    async def _work_on_through_failures(self) -> None:
        """Call as above, and count what fails."""
        call = self._call()
        counter, due = self.counter, time.perf_counter()
        while counter.running:
            due = max(due + self._pause, began := time.perf_counter())
            try:
                await call(self.message(), metadata=_bearer(next(self._tokens)), timeout=_TIMEOUT_SECONDS)
                counter.calls += 1
            except grpc.aio.AioRpcError as error:
                counter.failed[error.code().name] += 1
            counter.times.append(time.perf_counter() - began)
            if self._pause:
                await asyncio.sleep(due - time.perf_counter())

    async def _work_on_stream(self) -> None:
        """Send a message on an open stream, read the answer, and again; a call is one message with its answer."""
        call = self._exchange()
        counter = self.counter
        replies: AsyncIterator[bytes] = aiter(call)
        while counter.running:
            await call.write(self.message())
            reply = await anext(replies)
            counter.calls += 1
            counter.reply_bytes += len(reply)
        await call.done_writing()
        async for _ in replies:
            pass


def percentile(times: Sequence[float], share: float) -> float:
    """Give the time within which a share of the calls were answered; 0 where there was none."""
    ranked = sorted(times)
    return ranked[min(len(ranked) - 1, int(len(ranked) * share))] if ranked else 0.0


def _bearer(token: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token}"),)


async def drive(plan: dict[str, Any]) -> None:
    """Play the plan; an error of any call ends the process, because a figure with errors in it is none."""
    if plan["frames"]:
        await _drive_frames(plan)
        return
    credentials = grpc.ssl_channel_credentials(plan["ca"].encode())
    options = (
        ("grpc.ssl_target_name_override", plan["server_name"]),
        ("grpc.max_receive_message_length", 8 * _MIB),
        ("grpc.enable_http_proxy", 0),
        ("grpc.use_local_subchannel_pool", 1),
    )
    async with AsyncExitStack() as stack:
        opened = (grpc.aio.secure_channel(plan["address"], credentials, options) for _ in range(plan["connections"]))
        load = Load(plan, [await stack.enter_async_context(channel) for channel in opened])
        if not plan["streams"]:
            print((await load.once()).hex(), flush=True)
            return
        async with asyncio.TaskGroup() as group:
            for _ in range(plan["streams"]):
                group.create_task(load.work())
            await asyncio.sleep(plan["warm_seconds"])
            await _measure(load.counter, None if plan["tolerant"] else plan["seconds"])


async def _drive_frames(plan: dict[str, Any]) -> None:
    """Play a plan of single calls by clients that make their frames by hand."""
    load, server = Load(plan, ()), Server(plan["address"], plan["ca"], plan["server_name"])
    clients = [
        Client(plan["method"], authority=server.name, request=load.request, told=load.counter.add)
        for _ in range(plan["streams"])
    ]
    async with asyncio.TaskGroup() as group:
        group.create_task(drive_frames(server, clients))
        await asyncio.sleep(plan["warm_seconds"])
        await _measure(load.counter, plan["seconds"])


async def _measure(counter: Counter, seconds: float | None) -> None:
    """Count for some seconds, or until told."""
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, told.set)
    counter.times.clear()
    print("begin", flush=True)
    calls, failures, size = counter.calls, counter.failed.total(), counter.reply_bytes
    cpu, started = time.process_time(), time.perf_counter()
    await (told.wait() if seconds is None else asyncio.sleep(seconds))
    counted = counter.calls - calls
    result = {
        "calls": counted,
        "seconds": time.perf_counter() - started,
        "client_cpu_seconds": time.process_time() - cpu,
        "reply_bytes": (counter.reply_bytes - size) / max(1, counted),
        "failures": counter.failed.total() - failures,
        "failed": counter.failed,  # from the first call on: none is to be lost
        "slowest_seconds": max(counter.times, default=0.0),
        "p99_seconds": percentile(counter.times, 0.99),
    }
    print(json.dumps(result), flush=True)
    counter.running = False


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(drive(json.loads(sys.stdin.read())))
