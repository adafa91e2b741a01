"""Disks and servers that fail: nobody is told that something was kept, and the store comes back by itself."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from gateway.errors import SettingsError, StoreUnavailableError
from gateway.store.engine import open_engine
from gateway.store.store import Store
from tests.fakes.journal import FakeJournal
from tests.fakes.postgres import kill, running_postgres, start_again
from tests.fakes.store import opened
from tests.gateway.store.lab import Sayer, kept, make_tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.store.store import Transaction

AT_ONCE_SECONDS = 2.0
BACK_SECONDS = 10.0


@contextmanager
def disk_is_full(most_bytes: int = 8192) -> Iterator[None]:
    """Let no file of this process grow beyond a size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def refused_at_once(store: Store, number: int) -> None:
    """See that an item is refused soon."""
    async with asyncio.timeout(AT_ONCE_SECONDS):
        with pytest.raises(StoreUnavailableError):
            await store.commit(Sayer().add, number)


async def comes_back(store: Store) -> None:
    """Wait until the store is ready by itself."""
    async with asyncio.timeout(BACK_SECONDS):
        while not store.ready:
            await asyncio.sleep(0.02)


async def test_a_full_disk_is_told_and_survived(sqlite_url: str) -> None:
    """Where nothing can be written nothing is accepted; when there is room again the store goes on, DU5."""
    journal = FakeJournal()
    async with opened(sqlite_url, told=journal.event) as store:
        await make_tables(store)
        await store.commit(Sayer().add, 1)
        with disk_is_full():
            await refused_at_once(store, 2)
            assert not store.ready
            await asyncio.sleep(0.6)
            assert not store.ready
            await refused_at_once(store, 3)
        await comes_back(store)
        assert await store.commit(Sayer().add, 4) == 4
        assert await kept(store) == [1, 4]
    told = [(line["event"], line.get("fault")) for line in journal.lines]
    assert told == [("store_lost", "disk"), ("store_back", None)]


async def test_a_file_that_another_one_holds_is_told(sqlite_url: str) -> None:
    """A writer from outside that does not let go makes the store unavailable, for as long as it holds the file."""
    async with opened(sqlite_url) as store:
        await make_tables(store)
        other = open_engine(sqlite_url)
        async with other.writing.begin():
            with pytest.raises(StoreUnavailableError) as refused:
                await store.commit(Sayer().add, 1)
            assert refused.value.metadata == {"fault": "busy"}
        await other.close()
        await comes_back(store)
        assert await store.commit(Sayer().add, 2) == 2


async def test_what_cannot_be_opened_is_told_at_the_start(sqlite_url: str) -> None:
    """A store that is no database, or has no tables, does not open."""
    engine = open_engine(sqlite_url)
    with pytest.raises(StoreUnavailableError) as refused:
        await Store(engine).open()
    assert refused.value.metadata == {"fault": "cannot_open"}
    assert engine.file is not None
    engine.file.write_bytes(b"no database at all, but long enough to be looked at as one" * 100)
    store = Store(engine)
    with pytest.raises(StoreUnavailableError) as refused:
        await store.open()
    assert refused.value.metadata == {"fault": "corrupt"}
    await store.close()


async def test_a_server_that_is_not_fit_is_refused_at_the_start(postgres_url: str) -> None:
    """A PostgreSQL that acknowledges before it has written is no store, DU3."""
    async with opened(postgres_url):
        engine = open_engine(postgres_url)
        async with engine.reading.connect() as connection:
            name = engine.reading.url.database
            await connection.execute(text(f'ALTER DATABASE "{name}" SET synchronous_commit TO off'))
        await engine.close()
        store = Store(engine)
        with pytest.raises(SettingsError, match="synchronous_commit is off"):
            await store.open()
        await store.close()


async def test_a_server_that_is_killed_and_back_costs_no_restart() -> None:
    """While it is gone everybody is told at once; when it is back all goes on, and what was told is there, PF4."""
    with running_postgres() as server:
        async with opened(server.get_uri()) as store:
            await make_tables(store)
            assert await store.commit(Sayer().add, 1) == 1
            kill(server)
            await refused_at_once(store, 2)
            with pytest.raises(StoreUnavailableError):
                await kept(store)
            await asyncio.to_thread(start_again, server)
            await comes_back(store)
            assert await store.commit(Sayer().add, 3) == 3
            assert await kept(store) == [1, 3]


async def test_a_server_that_hangs_is_given_up(postgres_url: str) -> None:
    """A connection on which nothing comes back is dropped in time, and another one is made, PF4."""
    async with opened(postgres_url) as store:
        await make_tables(store)
        held: list[int] = []

        async def stop_my_server(transaction: Transaction, items: Sequence[int]) -> Sequence[int]:
            if not held:
                held.append((await transaction.execute(text("SELECT pg_backend_pid()"))).scalar_one())
                os.kill(held[0], signal.SIGSTOP)
            return await Sayer().add(transaction, items)  # type: ignore[return-value]  # none is refused

        try:
            async with asyncio.timeout(AT_ONCE_SECONDS):
                with pytest.raises(StoreUnavailableError) as refused:
                    await store.commit(stop_my_server, 1)
            assert refused.value.metadata == {"fault": "connection"}
            await comes_back(store)
            assert await store.commit(stop_my_server, 2) == 2
        finally:
            os.kill(held[0], signal.SIGCONT)
        assert await kept(store) == [2]


async def test_a_failed_write_of_a_reader_is_its_own_fault(store: Store) -> None:
    """Who reads cannot write on SQLite; an error that is no outage is not told as one."""
    with pytest.raises(Exception, match="SELEC"):
        async with store.reading() as connection:
            await connection.execute(text("SELEC 1"))


async def test_too_many_readers_wait_and_are_told(store: Store) -> None:
    """Where all reading connections are lent the next one is told after a while."""

    async def hold(go_on: asyncio.Event) -> None:
        async with store.reading():
            await go_on.wait()

    go_on = asyncio.Event()
    holders = [asyncio.create_task(hold(go_on)) for _ in range(6)]
    await asyncio.sleep(0.1)
    with pytest.raises(StoreUnavailableError) as refused:
        await kept(store)
    go_on.set()
    await asyncio.gather(*holders)
    assert refused.value.metadata == {"fault": "busy"}
