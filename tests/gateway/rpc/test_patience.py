"""Callers that open a call and write nothing: who is not proven holds nothing, and nobody is waited for for ever."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from gateway.errors import DeadlineError
from gateway.rpc import forms, patience
from gateway.rpc.patience import Patience
from onecard.gateway.v1 import identity_service_pb2 as pb
from onecard.gateway.v1.catalog_service_pb2 import ListCatalogsRequest
from onecard.gateway.v1.catalog_service_pb2_grpc import CatalogServiceStub
from onecard.gateway.v1.identity_service_pb2_grpc import IdentityServiceStub
from tests.fakes.callers import PLATFORM, bearer
from tests.fakes.context import FakeContext
from tests.fakes.node import FakeNode, channel_to
from tests.gateway.rpc.requests import translate
from tests.gateway.rpc.told import refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import grpc

LIST = "/onecard.gateway.v1.CatalogService/ListCatalogs"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look often, so that no test waits long."""
    monkeypatch.setattr(patience, "LOOK_SECONDS", 0.01)


def opened(channel: grpc.aio.Channel, node: FakeNode | None = None, method: str = LIST) -> Any:  # noqa: ANN401 - a call of bytes
    """Open a call without sending a message, with a token where a node is given."""
    untyped: Any = channel.stream_stream
    return untyped(method)(metadata=() if node is None else bearer(PLATFORM, node.clock))


@asynccontextmanager
async def stream_of(node: FakeNode) -> AsyncIterator[Any]:
    """Open a stream that has had one message and its answer."""
    async with channel_to(node.server()) as channel:
        stub: Any = IdentityServiceStub(channel)
        stream = stub.BatchTranslateIdentities(metadata=bearer(PLATFORM, node.clock))
        await stream.write(pb.BatchTranslateIdentitiesRequest(entries=[translate()]))
        assert (await stream.read()).outcomes
        yield stream


async def test_who_is_not_proven_is_refused_before_a_message_is_there() -> None:
    """Hundreds of calls without token or message are over at once, and take no place from a caller."""
    node = FakeNode()
    async with channel_to(node.server(max_concurrent_calls=2)) as channel:
        calls = [opened(channel) for _ in range(300)]
        told = [await refused(call.read()) for call in calls]
        assert {(one.code, one.reason) for one in told} == {("UNAUTHENTICATED", "UNAUTHENTICATED")}
        metadata = bearer(PLATFORM, node.clock)
        assert (await CatalogServiceStub(channel).ListCatalogs(ListCatalogsRequest(), metadata=metadata)).catalogs


async def test_a_message_that_does_not_come_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proven caller is told DEADLINE, and its place is free again."""
    monkeypatch.setattr(forms, "MESSAGE_LOOKS", 2)
    node = FakeNode()
    async with channel_to(node.server(max_concurrent_calls=1)) as channel:
        told = await refused(opened(channel, node).read())
        assert (told.code, told.reason) == ("DEADLINE_EXCEEDED", "DEADLINE")
        metadata = bearer(PLATFORM, node.clock)
        assert (await CatalogServiceStub(channel).ListCatalogs(ListCatalogsRequest(), metadata=metadata)).catalogs


async def test_a_call_that_ends_without_a_message_is_malformed() -> None:
    """Whoever says that it has said all, and said nothing, is told so."""
    node = FakeNode()
    async with channel_to(node.server()) as channel:
        call = opened(channel, node)
        await call.done_writing()
        told = await refused(call.read())
    assert (told.code, told.reason) == ("INVALID_ARGUMENT", "MALFORMED_REQUEST")
    assert [line["reason"] for line in node.journal.lines] == ["MALFORMED_REQUEST"]


async def test_a_caller_that_leaves_before_its_message_is_noted() -> None:
    """As one that leaves later."""
    node = FakeNode()
    async with channel_to(node.server()) as channel:
        call = opened(channel, node)
        await asyncio.sleep(0.05)
        call.cancel()
        while not node.journal.lines:
            await asyncio.sleep(0.001)
    assert [line["reason"] for line in node.journal.lines] == ["CANCELLED"]


async def test_a_silent_stream_ends_with_its_token() -> None:
    """Without a further message: ten seconds after the token, as for every other use of it."""
    node = FakeNode()
    async with stream_of(node) as stream:
        node.clock.advance(309)
        await asyncio.sleep(0.05)
        assert not stream.done()
        node.clock.advance(1)
        told = await refused(stream.read())
    assert (told.code, told.reason) == ("UNAUTHENTICATED", "EXPIRED")


async def test_a_silent_stream_ends_with_its_key() -> None:
    """A revoked key ends even the streams that say nothing."""
    node = FakeNode()
    async with stream_of(node) as stream:
        node.keys.revoked.add(PLATFORM)
        told = await refused(stream.read())
    assert (told.code, told.reason) == ("UNAUTHENTICATED", "KEY_REVOKED")


async def test_a_stream_is_not_silent_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long its token lives."""
    monkeypatch.setattr(forms, "IDLE_LOOKS", 3)
    node = FakeNode()
    async with stream_of(node) as stream:
        told = await refused(stream.read())
    assert (told.code, told.reason) == ("DEADLINE_EXCEEDED", "DEADLINE")


class SilentContext(FakeContext):
    """A call whose message never comes."""

    async def read(self) -> object:
        """Wait."""
        return await asyncio.Event().wait()


async def test_the_callers_own_deadline_ends_a_wait() -> None:
    """Waits of others go on, and the next look finds them."""
    waiting = Patience()
    short: Any = SilentContext(seconds_left=0.0)
    long: Any = SilentContext(seconds_left=60.0)
    other = asyncio.create_task(waiting.message(long, 100))
    with pytest.raises(DeadlineError):
        await waiting.message(short, 100)
    assert not other.done()
    other.cancel()
    with pytest.raises(asyncio.CancelledError):
        await other


async def test_looking_ends_when_nobody_waits() -> None:
    """And begins again with the next wait; one that is over is not ended twice."""
    waiting = Patience()
    read: Any = FakeContext(messages=[b"x"])
    assert await waiting.message(read, 1) == b"x"
    assert await waiting.message(read, 1) is None
    while waiting._timer is not None:
        await asyncio.sleep(0.001)
    silent: Any = SilentContext()
    with pytest.raises(DeadlineError):
        await waiting.message(silent, 1)


async def test_a_wait_that_does_not_heed_its_end_is_not_ended_again() -> None:
    """A second look leaves alone what the first has ended."""
    waiting = Patience()

    class Slow(SilentContext):
        """Takes its time to be cancelled."""

        async def read(self) -> object:
            """Wait, and a little longer."""
            try:
                return await super().read()
            finally:
                waiting._look()

    slow: Any = Slow()
    with pytest.raises(DeadlineError):
        await waiting.message(slow, 1)
    assert asyncio.current_task() is not None
    assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]  # see above
