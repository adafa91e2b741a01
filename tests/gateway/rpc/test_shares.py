"""Places of calls: how long one is held, and that nothing of a call outlives it."""

from __future__ import annotations

import asyncio
import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from gateway.errors import LimitError
from gateway.rpc.shares import Shares
from onecard.gateway.v1 import identity_service_pb2 as pb
from onecard.gateway.v1.catalog_service_pb2 import ListCatalogsRequest
from onecard.gateway.v1.catalog_service_pb2_grpc import CatalogServiceStub
from onecard.gateway.v1.identity_service_pb2_grpc import IdentityServiceStub
from tests.fakes.callers import PLATFORM, bearer
from tests.fakes.node import FakeNode, channel_to
from tests.gateway.rpc.requests import translate
from tests.gateway.rpc.told import refused

if TYPE_CHECKING:
    from collections.abc import Iterator

CALLS = 20


@contextmanager
def left_over() -> Iterator[list[str]]:
    """Give the types of all that is left to the collector, once the context is over."""
    found: list[str] = []
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        yield found
        gc.collect()
        found += (type(one).__name__ for one in gc.garbage)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


async def test_a_place_is_held_until_the_task_of_its_call_ends() -> None:
    """It ends when the last byte is sent, and then the place is free."""
    shares, sent = Shares(2), asyncio.Event()

    async def answer() -> None:
        shares.take("somebody")
        await sent.wait()

    first = asyncio.create_task(answer())
    await asyncio.sleep(0)
    with pytest.raises(LimitError) as refusal:
        shares.take("somebody")
    assert refusal.value.metadata["limit"] == "1_concurrent_calls_of_one_caller"
    sent.set()
    await first
    await asyncio.create_task(answer())


async def test_what_belongs_to_a_call_is_freed_when_it_is_over() -> None:
    """Calls that are answered, refused, taken back or of many messages leave no context to the collector.

    Everybody waits while it looks.
    """
    node = FakeNode()
    async with channel_to(node.server()) as channel:
        lists: Any = CatalogServiceStub(channel).ListCatalogs
        stub: Any = IdentityServiceStub(channel)
        metadata = bearer(PLATFORM, node.clock)
        with left_over() as found:
            for _ in range(CALLS):
                await lists(ListCatalogsRequest(), metadata=metadata)
                assert (await refused(lists(ListCatalogsRequest()))).code == "UNAUTHENTICATED"
                stream = stub.BatchTranslateIdentities(metadata=metadata)
                await stream.write(pb.BatchTranslateIdentitiesRequest(entries=[translate()]))
                await stream.read()
                await stream.done_writing()
                assert (await stream.code()).name == "OK"
                taken_back = stub.BatchTranslateIdentities(metadata=metadata)
                await taken_back.write(pb.BatchTranslateIdentitiesRequest(entries=[translate()]))
                await taken_back.read()
                taken_back.cancel()
        assert found.count("_HandlerCallDetails") >= CALLS, "grpc leaves nothing any more: the collector may look less"
        assert not {"RPCState", "_ServicerContext", "OpenCall", "UnauthenticatedError"} & {*found}
