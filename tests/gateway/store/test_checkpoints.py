"""SQLite's log is written back into the file beside the writer."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING

import pytest

from gateway.store import checkpoints
from gateway.store.checkpoints import MANY, Checkpoints
from gateway.store.engine import open_engine
from gateway.store.migrate import migrate
from gateway.store.store import Store
from tests.gateway.store.lab import Sayer, kept, make_tables

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from gateway.store.engine import StoreEngine


@asynccontextmanager
async def looked_after(url: str, *, look_seconds: float) -> AsyncIterator[tuple[StoreEngine, Store]]:
    """Open an empty store, beside which its log is written back."""
    engine = open_engine(url)
    await migrate(engine)
    store = Store(engine)
    await store.open()
    beside = asyncio.create_task(Checkpoints(engine, written=lambda: store.written, look_seconds=look_seconds).run())
    await asyncio.sleep(0)
    try:
        yield engine, store
    finally:
        beside.cancel()
        await asyncio.wait({beside})
        await store.close()
        await engine.close()


def in_the_file(engine: StoreEngine, folder: Path) -> int:
    """Count the rows that the file alone has, without its log."""
    assert engine.file is not None
    alone = shutil.copy(engine.file, folder / "alone.sqlite")
    with closing(sqlite3.connect(alone)) as connection:
        tables = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'sayings'").fetchone()
        return connection.execute("SELECT count(*) FROM sayings").fetchone()[0] if tables[0] else 0


@pytest.mark.parametrize(("rows", "patient"), [(MANY, 10_000), (3, 1)])
async def test_what_was_committed_gets_into_the_file(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int, patient: int
) -> None:
    """Many rows at once, and few after a while; while the store is open, and without a commit that waits for it."""
    monkeypatch.setattr(checkpoints, "_PATIENT_LOOKS", patient)
    async with looked_after(sqlite_url, look_seconds=0.01) as (engine, store):
        await make_tables(store)
        sayer = Sayer()
        await asyncio.gather(*(store.commit(sayer.add, number) for number in range(rows)))
        for _ in range(500):
            if in_the_file(engine, tmp_path) == rows:
                break
            await asyncio.sleep(0.01)
        assert in_the_file(engine, tmp_path) == rows
        assert len(await kept(store)) == rows


async def test_nothing_is_written_back_for_little(sqlite_url: str, tmp_path: Path) -> None:
    """Each checkpoint synchronizes the disk twice, so that few rows wait for others."""
    async with looked_after(sqlite_url, look_seconds=0.001) as (engine, store):
        await make_tables(store)
        await asyncio.gather(*(store.commit(Sayer().add, number) for number in range(3)))
        await asyncio.sleep(0.01)
        assert in_the_file(engine, tmp_path) == 0
