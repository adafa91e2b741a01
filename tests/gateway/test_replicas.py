"""Two processes' worth of one gateway on one PostgreSQL: outside they are one."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from aiohttp import ClientSession

from gateway.bootstrap import build_node
from gateway.services.catalog_book import CatalogBook
from gateway.settings import load_settings, stored_at
from onecard.gateway.v1 import catalog_publication_service_pb2 as pb
from onecard.gateway.v1.catalog_publication_service_pb2_grpc import CatalogPublicationServiceStub
from tests.fakes.catalogs import following, written
from tests.fakes.configuration import AUTHORITY, ENTITIES, SERVER_NAME, FakeConfiguration, free_address
from tests.fakes.regions import REGISTRY
from tests.gateway.test_bootstrap import bearer
from trust.party_signature import PartySignature, canonical_digest, sign_as_party
from trust.statement import read_configuration

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
def configuration(tmp_path: Path) -> FakeConfiguration:
    """Lay out a good configuration."""
    return FakeConfiguration(tmp_path)


@dataclass(frozen=True)
class Addresses:
    """Where a replica is."""

    grpc: str
    web: str


@asynccontextmanager
async def replica(configuration: FakeConfiguration, url: str, number: int) -> AsyncIterator[Addresses]:
    """Run a replica on addresses and a state folder of its own; give where it is."""
    text, rpc, web = configuration.path.read_text("utf-8"), free_address(), free_address()
    for old, new in {
        configuration.grpc: rpc,
        configuration.mutual: free_address(),
        configuration.web: web,
        'state = "trust"': f'state = "trust-{number}"',
    }.items():
        assert old in text
        text = text.replace(old, new)
    path = configuration.folder / f"gateway-{number}.toml"
    path.write_text(text, "utf-8")
    node = build_node(stored_at(load_settings(path), url))
    await node.start()
    try:
        yield Addresses(rpc, web)
    finally:
        await node.stop()


async def said(web: ClientSession, at: Addresses) -> str:
    """Fetch the entity configuration that a replica serves."""
    async with web.get(f"http://{at.web}/.well-known/openid-federation") as reply:
        return await reply.text()


async def test_replicas_are_one_to_the_federation(configuration: FakeConfiguration, postgres_url: str) -> None:
    """They serve one configuration, a third that comes later too, and one that comes again."""
    async with (
        ClientSession() as web,
        replica(configuration, postgres_url, 1) as one,
        replica(configuration, postgres_url, 2) as other,
    ):
        first = await said(web, one)
        assert await said(web, other) == first
        async with replica(configuration, postgres_url, 3) as late:
            assert await said(web, late) == first
    async with ClientSession() as web, replica(configuration, postgres_url, 1) as again:
        assert await said(web, again) == first
    assert read_configuration(first)[0].sub == ENTITIES["chongqing"]


class Caller:
    """Chongqing's platform, which asks one replica about its own catalog."""

    def __init__(self, configuration: FakeConfiguration, channel: grpc.aio.Channel) -> None:
        """Take a channel to the replica."""
        self._configuration = configuration
        self._stub: Any = CatalogPublicationServiceStub(channel)

    async def publish(self, plain: dict[str, Any]) -> None:
        """Sign a version for Chongqing, and publish it."""
        claims = PartySignature(
            iss=ENTITIES["chongqing"],
            region="chongqing",
            iat=int(time.time()),
            content="catalog",
            name="chongqing",
            digest=canonical_digest(plain),
        )
        signed = sign_as_party(claims, key=self._configuration.entity_keys["chongqing"])
        request = pb.PublishCatalogRequest(document=written(plain), signatures=[signed])
        await self._stub.PublishCatalog(request, metadata=bearer(self._configuration))

    async def versions(self) -> list[tuple[int, str]]:
        """List the versions by number and digest."""
        request = pb.ListCatalogVersionsRequest(parent="catalogs/chongqing")
        reply = await self._stub.ListCatalogVersions(request, metadata=bearer(self._configuration))
        return [(version.sequence, version.digest) for version in reply.versions]

    def watch(self, *known: str) -> Any:  # noqa: ANN401 - a call of grpc
        """Watch what is published beside what is known."""
        request = pb.WatchCatalogsRequest(names=["catalogs/chongqing"], known_digests=known)
        return self._stub.WatchCatalogs(request, metadata=bearer(self._configuration))


async def test_what_one_publishes_all_answer_with(configuration: FakeConfiguration, postgres_url: str) -> None:
    """A version of a catalog is listed and told to watchers by the others, one that comes later too."""
    book = CatalogBook(REGISTRY, clock=time.time)
    first = following(book, "chongqing", valid_until=int(time.time()) + 86_400)
    second = {**first, "sequence": 3, "previous": canonical_digest(first)}
    trusted = grpc.ssl_channel_credentials(AUTHORITY.certificate)
    options = (("grpc.ssl_target_name_override", SERVER_NAME),)
    async with AsyncExitStack() as stack, asyncio.timeout(60):

        async def caller(number: int) -> Caller:
            at = await stack.enter_async_context(replica(configuration, postgres_url, number))
            channel = await stack.enter_async_context(grpc.aio.secure_channel(at.grpc, trusted, options))
            return Caller(configuration, channel)

        one, other = await caller(1), await caller(2)
        watched = other.watch()
        await one.publish(first)
        assert (await watched.read()).catalog.version.digest == canonical_digest(first)
        assert await other.versions() == await one.versions()
        await other.publish(second)
        again = one.watch(canonical_digest(first))
        assert (await again.read()).catalog.version.digest == canonical_digest(second)
        late = await caller(3)
        known = await late.versions()
        assert [number for number, _ in known] == [1, 2, 3]
        assert known == await one.versions() == await other.versions()
        watched.cancel()
        again.cancel()
