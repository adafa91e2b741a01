"""Stores for tests, real ones: on a file of SQLite and on a database of PostgreSQL."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from gateway.store.engine import open_engine
from gateway.store.migrate import migrate
from gateway.store.store import Store
from gateway.store.waiting import tell_nobody

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from gateway.store.store import Append
    from gateway.store.waiting import Told


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Give the address of a file that is not there yet."""
    return f"sqlite:///{tmp_path}/store/store.sqlite"


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """Give the address of an empty store, once for each engine."""
    name = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    return str(request.getfixturevalue(name))


@asynccontextmanager
async def opened(url: str, *, append: Append | None = None, told: Told = tell_nobody) -> AsyncIterator[Store]:
    """Open a store, with its schema, and close it; several on one address are replicas."""
    engine = open_engine(url)
    await migrate(engine)
    store = Store(engine, append=append, told=told)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """Open a store, once for each engine."""
    async with opened(store_url) as one:
        yield one
