"""Health: who asks is answered, and who does not read or write holds nobody up."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from gateway.rpc import health as module
from gateway.rpc.health import Health
from tests.fakes.context import AbortedError, FakeContext
from tests.fakes.node import FakeNode, channel_to

_Status = health_pb2.HealthCheckResponse


class StalledContext(FakeContext):
    """A watcher whose window is closed."""

    async def write(self, message: bytes) -> None:
        """Never end."""
        self.written.append(message)
        await asyncio.Event().wait()


class MuteContext(FakeContext):
    """One who never says what it wants to know."""

    async def read(self) -> object:
        """Never end."""
        return await asyncio.Event().wait()


def handler(health: Health, method: str) -> Any:  # noqa: ANN401 - a handler of grpc
    """Give the handler of a method."""
    details: Any = SimpleNamespace(method=f"/{module.SERVICE}/{method}", invocation_metadata=())
    found: Any = health.handlers().service(details)
    return found.stream_unary or found.stream_stream


def asking(service: str = "") -> list[bytes]:
    """Give the request for a service."""
    return [health_pb2.HealthCheckRequest(service=service).SerializeToString()]


def states(context: FakeContext) -> list[str]:
    """Read what was answered."""
    return [_Status.ServingStatus.Name(_Status.FromString(one).status) for one in context.written]


async def ended(health: Health, method: str, context: FakeContext) -> grpc.StatusCode | None:
    """Call, and give the status with which the call was ended."""
    with suppress(AbortedError):
        await handler(health, method)(None, context)
    return context.code


async def test_who_does_not_read_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """States change, others hear of it, and the end is told, while one watcher's window is closed; it is let go."""
    monkeypatch.setattr(module, "_WRITE_SECONDS", 0.05)
    health = Health(["a"])
    stalled, good = StalledContext(messages=asking("a")), FakeContext(messages=asking("a"))
    watches = [asyncio.create_task(handler(health, "Watch")(None, context)) for context in (stalled, good)]
    await asyncio.sleep(0)
    health.tell("a", serving=True)
    while len(good.written) < 2:
        await asyncio.sleep(0.001)
    health.stop()
    health.tell("a", serving=True)
    await asyncio.gather(*watches)
    assert states(good) == ["NOT_SERVING", "SERVING", "NOT_SERVING"]
    assert states(stalled) == ["NOT_SERVING"]
    assert health._watchers == 0


@pytest.mark.parametrize("method", ["Check", "Watch"])
@pytest.mark.parametrize(
    ("context", "code"),
    [
        (MuteContext, grpc.StatusCode.DEADLINE_EXCEEDED),
        (FakeContext, grpc.StatusCode.INVALID_ARGUMENT),
        (lambda: FakeContext(messages=[b"\xff"]), grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
async def test_who_asks_nothing_is_let_go(
    method: str,
    context: Any,  # noqa: ANN401 - makes a context
    code: grpc.StatusCode,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No message, an end without one, and one that is none."""
    monkeypatch.setattr(module, "_READ_SECONDS", 0.01)
    assert await ended(Health([]), method, context()) is code


async def test_watchers_are_bounded() -> None:
    """One more is refused; a single question is answered all the same, and a place that is left can be taken."""
    health = Health(["a"], most_watchers=1)
    first = asyncio.create_task(handler(health, "Watch")(None, FakeContext(messages=asking("a"))))
    await asyncio.sleep(0)
    assert await ended(health, "Watch", FakeContext(messages=asking("a"))) is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert await handler(health, "Check")(None, FakeContext(messages=asking("a")))
    first.cancel()
    with suppress(asyncio.CancelledError):
        await first
    health.stop()
    assert await ended(health, "Watch", FakeContext(messages=asking("a"))) is None


async def test_an_unknown_service_is_told_as_the_protocol_wants() -> None:
    """NOT_FOUND to who asks once, SERVICE_UNKNOWN to who watches."""
    async with channel_to(FakeNode().server()) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Check(health_pb2.HealthCheckRequest(service="no.such.Service"))
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND
        watch = stub.Watch(health_pb2.HealthCheckRequest(service="no.such.Service"))
        assert (await watch.read()).status == _Status.SERVICE_UNKNOWN
        watch.cancel()


def test_it_may_be_that_abort_comes_back() -> None:
    """A context that forgives must not let a call go on."""

    class Forgiving(FakeContext):
        async def abort(self, *_arguments: object) -> None:  # type: ignore[override]
            """Do not end the call."""

    with pytest.raises(AssertionError, match="abort does not return"):
        asyncio.run(handler(Health([]), "Check")(None, Forgiving()))
