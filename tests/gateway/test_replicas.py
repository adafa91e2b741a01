"""Two processes' worth of one gateway on one PostgreSQL: outside they are one."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import ClientSession

from gateway.bootstrap import build_node
from gateway.settings import load_settings, stored_at
from tests.fakes.configuration import ENTITIES, FakeConfiguration, free_address
from trust.statement import read_configuration

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
def configuration(tmp_path: Path) -> FakeConfiguration:
    """Lay out a good configuration."""
    return FakeConfiguration(tmp_path)


@asynccontextmanager
async def replica(configuration: FakeConfiguration, url: str, number: int) -> AsyncIterator[str]:
    """Run a replica on addresses and a state folder of its own; give the address of its web side."""
    text, web = configuration.path.read_text("utf-8"), free_address()
    for old, new in {
        configuration.grpc: free_address(),
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
        yield f"http://{web}"
    finally:
        await node.stop()


async def said(web: ClientSession, base: str) -> str:
    """Fetch the entity configuration that a replica serves."""
    async with web.get(f"{base}/.well-known/openid-federation") as reply:
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
