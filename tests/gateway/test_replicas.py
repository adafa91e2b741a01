"""Two processes' worth of one gateway on one PostgreSQL: outside they are one."""

from __future__ import annotations

import asyncio
import shutil
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from aiohttp import ClientSession

from gateway.bootstrap import build_node
from gateway.bootstrap_catalogs import FOLDER
from gateway.key_shelf import retire, stage, switch
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
    from collections.abc import AsyncIterator, Awaitable, Callable
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
    """Run a replica on addresses and a state folder of its own; give where it is. Without a URL it is one alone."""
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
    settings = load_settings(path)
    node = build_node(stored_at(settings, url) if url else settings)
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

    def __init__(
        self, configuration: FakeConfiguration, channel: grpc.aio.Channel, said: Callable[[], Awaitable[str]]
    ) -> None:
        """Take a channel to the replica, and what fetches its entity configuration."""
        self._configuration = configuration
        self.said = said
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


@asynccontextmanager
async def caller(configuration: FakeConfiguration, url: str, number: int) -> AsyncIterator[Caller]:
    """Run a replica, and give who asks it."""
    trusted = grpc.ssl_channel_credentials(AUTHORITY.certificate)
    options = (("grpc.ssl_target_name_override", SERVER_NAME),)
    async with (
        replica(configuration, url, number) as at,
        grpc.aio.secure_channel(at.grpc, trusted, options) as channel,
        ClientSession() as web,
    ):
        yield Caller(configuration, channel, partial(said, web, at))


def next_version() -> dict[str, Any]:
    """Make the next version of Chongqing's catalog."""
    return following(CatalogBook(REGISTRY, clock=time.time), "chongqing", valid_until=int(time.time()) + 86_400)


async def test_what_one_publishes_all_answer_with(configuration: FakeConfiguration, postgres_url: str) -> None:
    """A version of a catalog is listed and told to watchers by the others, one that comes later too."""
    first = next_version()
    second = {**first, "sequence": 3, "previous": canonical_digest(first)}
    async with (
        asyncio.timeout(60),
        caller(configuration, postgres_url, 1) as one,
        caller(configuration, postgres_url, 2) as other,
    ):
        watched = other.watch()
        await one.publish(first)
        assert (await watched.read()).catalog.version.digest == canonical_digest(first)
        assert await other.versions() == await one.versions()
        await other.publish(second)
        again = one.watch(canonical_digest(first))
        assert (await again.read()).catalog.version.digest == canonical_digest(second)
        async with caller(configuration, postgres_url, 3) as late:
            known = await late.versions()
        assert [number for number, _ in known] == [1, 2, 3]
        assert known == await one.versions() == await other.versions()
        watched.cancel()
        again.cancel()


async def test_a_key_that_is_retired_takes_no_catalog_back(configuration: FakeConfiguration, postgres_url: str) -> None:
    """A replica that begins after it answers by the version that it has signed, as those that were there."""
    key = configuration.folder / "federation.pem"
    async with asyncio.timeout(60), caller(configuration, postgres_url, 1) as one:
        await one.publish(next_version())
        for step, listed in (
            (partial(stage, issuer=ENTITIES["chongqing"]), 2),
            (switch, 2),
            (retire, 1),
        ):
            before = await one.said()
            step(key)
            while (text := await one.said()) == before or len(read_configuration(text)[0].keys) != listed:
                await asyncio.sleep(0.1)
        async with caller(configuration, postgres_url, 2) as late:
            assert await late.versions() == await one.versions()
            assert [number for number, _ in await late.versions()] == [1, 2]


async def test_one_alone_takes_up_what_its_store_has(configuration: FakeConfiguration) -> None:
    """It has lost the folder with its catalogs, or was several processes before."""
    async with caller(configuration, "", 1) as one:
        await one.publish(next_version())
        known = await one.versions()
    kept = configuration.folder / "trust-1" / FOLDER
    assert list(kept.glob("*/*.catalog"))
    shutil.rmtree(kept)
    async with caller(configuration, "", 1) as one:
        assert await one.versions() == known
        assert [number for number, _ in known] == [1, 2]
