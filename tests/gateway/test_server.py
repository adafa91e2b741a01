"""The server: health that tells the truth, a port that is taken, limits, and a graceful end."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from gateway import server as module
from onecard.gateway.v1 import identity_service_pb2 as pb
from onecard.gateway.v1.catalog_service_pb2 import ListCatalogsRequest
from onecard.gateway.v1.catalog_service_pb2_grpc import CatalogServiceStub
from onecard.gateway.v1.identity_service_pb2_grpc import IdentityServiceStub
from tests.fakes.authority import FakeAuthority
from tests.fakes.callers import PEER, PLATFORM, bearer
from tests.fakes.node import FakeNode, channel_to
from tests.gateway.rpc.requests import verify
from tests.gateway.rpc.told import refused

IDENTITY = "onecard.gateway.v1.IdentityService"
CATALOG = "onecard.gateway.v1.CatalogService"


async def health(channel: grpc.aio.Channel, service: str) -> str:
    """Ask for the health of a service."""
    stub: Any = health_pb2_grpc.HealthStub(channel)
    reply = await stub.Check(health_pb2.HealthCheckRequest(service=service))
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(reply.status))


async def test_health_is_told_for_each_service_and_follows_its_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    """A platform that is away makes the services that need it NOT_SERVING, and no others; back, it is SERVING."""
    monkeypatch.setattr(module, "_HEALTH_SECONDS", 0.01)
    node = FakeNode()
    node.platform.reachable = False
    ready = {IDENTITY: lambda: node.homes["chongqing"].reachable, CATALOG: lambda: True}
    async with channel_to(node.server(ready=ready)) as channel:
        assert await health(channel, "") == "SERVING"
        assert await health(channel, CATALOG) == "SERVING"
        assert await health(channel, IDENTITY) == "NOT_SERVING"
        node.platform.reachable = True
        while await health(channel, IDENTITY) != "SERVING":
            await asyncio.sleep(0.01)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await health(channel, "no.such.Service")
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_health_needs_no_token_and_is_watched() -> None:
    """A balancer asks without credentials, and hears of the end at once."""
    node = FakeNode()
    server = node.server(ready={IDENTITY: lambda: True})
    port = server.listen("127.0.0.1:0", None)
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        watch = stub.Watch(health_pb2.HealthCheckRequest(service=IDENTITY))
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        stopping = asyncio.create_task(server.stop(drain_seconds=5))
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        watch.cancel()
        await stopping


async def test_running_calls_are_drained() -> None:
    """A call under way is answered while the server stops."""
    node = FakeNode()
    node.platform.gate = asyncio.Event()
    server = node.server()
    port = server.listen("127.0.0.1:0", None)
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub: Any = IdentityServiceStub(channel)
        call = stub.VerifyCard(verify(), metadata=bearer(PLATFORM, node.clock))
        while not node.platform.asked:
            await asyncio.sleep(0.001)
        stopping = asyncio.create_task(server.stop(drain_seconds=30))
        await asyncio.sleep(0.01)
        node.platform.gate.set()
        assert (await call).recognition
        await stopping


async def test_the_end_of_a_server_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as it serves, in turns; and not a moment longer than it does."""
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.01)
    server = FakeNode().server()
    server.listen("127.0.0.1:0", None)
    await server.start()
    ended = asyncio.create_task(server.ended())
    await asyncio.sleep(0.05)
    assert not ended.done()
    await server.stop(drain_seconds=0)
    await ended


async def test_a_taken_port_is_an_error() -> None:
    """Two servers never share one."""
    first, second = FakeNode().server(), FakeNode().server()
    port = first.listen("127.0.0.1:0", None)
    await first.start()
    with pytest.raises(RuntimeError):
        second.listen(f"127.0.0.1:{port}", None)
    await first.stop(drain_seconds=0)
    await second.stop(drain_seconds=0)


async def test_with_credentials_only_tls_is_spoken() -> None:
    """A caller in plaintext gets nowhere."""
    authority = FakeAuthority()
    node = FakeNode()
    server = node.server(ready={IDENTITY: lambda: True})
    port = server.listen("127.0.0.1:0", authority.credentials("gateway.test"))
    await server.start()
    options = (("grpc.ssl_target_name_override", "gateway.test"),)
    trusted = grpc.ssl_channel_credentials(authority.certificate)
    async with grpc.aio.secure_channel(f"127.0.0.1:{port}", trusted, options) as channel:
        assert await health(channel, IDENTITY) == "SERVING"
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        with pytest.raises(grpc.aio.AioRpcError):
            await health(channel, IDENTITY)
    await server.stop(drain_seconds=0)


async def test_calls_that_come_together_are_all_taken() -> None:
    """Of many calls at the same moment none is cancelled unheard."""
    node = FakeNode()
    server = node.server(max_concurrent_calls=10_000)
    address = f"127.0.0.1:{server.listen('127.0.0.1:0', None)}"
    await server.start()
    apart = (("grpc.use_local_subchannel_pool", 1),)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(server.stop, drain_seconds=0)
        opened = (grpc.aio.insecure_channel(address, apart) for _ in range(16))
        channels = [await stack.enter_async_context(channel) for channel in opened]
        for channel in channels:
            await channel.channel_ready()
        stubs: list[Any] = [CatalogServiceStub(channel) for channel in channels]
        head = bearer(PLATFORM, node.clock)
        calls = [stub.ListCatalogs(ListCatalogsRequest(), metadata=head) for stub in stubs for _ in range(100)]
        assert {(await call.code()).name for call in calls} == {"OK"}


async def test_more_calls_than_allowed_are_turned_away() -> None:
    """At once and in words of the contract, so that the others are not slowed; health is told all the same."""
    node = FakeNode()
    node.platform.gate = asyncio.Event()
    async with channel_to(node.server(max_concurrent_calls=3)) as channel:
        stub: Any = IdentityServiceStub(channel)
        own = [stub.VerifyCard(verify(request_id=str(n)), metadata=bearer(PLATFORM, node.clock)) for n in range(2)]
        while len(node.platform.asked) < 2:
            await asyncio.sleep(0.001)
        told = await refused(stub.VerifyCard(verify(request_id="3"), metadata=bearer(PLATFORM, node.clock)))
        assert (told.code, told.reason) == ("RESOURCE_EXHAUSTED", "LIMIT")
        assert told.metadata["limit"] == "2_concurrent_calls_of_one_caller"
        other = stub.BatchVerifyCards(metadata=bearer(PEER, node.clock))
        await other.write(pb.BatchVerifyCardsRequest(entries=[verify(request_id="4")]))
        while len(node.platform.asked) < 3:
            await asyncio.sleep(0.001)
        told = await refused(stub.VerifyCard(verify(request_id="5"), metadata=bearer(PEER, node.clock)))
        assert told.metadata["limit"] == "3_concurrent_calls"
        assert await health(channel, "") == "SERVING"
        node.platform.gate.set()
        assert all([(await call).recognition for call in own])
        assert (await other.read()).outcomes
        await other.done_writing()
        assert not await other.read()
        assert (await stub.VerifyCard(verify(request_id="6"), metadata=bearer(PLATFORM, node.clock))).recognition
