"""Connections to the store: where they may go, and what each of them must be."""

from __future__ import annotations

import asyncio
import stat
import threading
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from gateway.errors import SettingsError
from gateway.store import engine as engine_module
from gateway.store.engine import OLDEST_SERVER, open_engine
from gateway.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncEngine

MUST_BE = {
    "journal_mode": "wal",
    "synchronous": 2,
    "secure_delete": 1,
    "foreign_keys": 1,
    "busy_timeout": 1500,
}


async def pragmas(engine: AsyncEngine, count: int) -> list[dict[str, object]]:
    """Read how each of some connections at once is."""
    found = []
    connections = [await engine.connect() for _ in range(count)]
    for connection in connections:
        said = {name: (await connection.execute(text(f"PRAGMA {name}"))).scalar_one() for name in MUST_BE}
        found.append(said)
    for connection in connections:
        await connection.close()
    return found


async def test_every_connection_to_sqlite_writes_to_the_disk(sqlite_url: str) -> None:
    """Whichever connection it is: a log that is synchronized at each commit, deletion that overwrites, DU3."""
    engine = open_engine(sqlite_url, readers=3)
    assert await pragmas(engine.writing, 1) == [MUST_BE]
    assert await pragmas(engine.reading, 3) == [MUST_BE] * 3
    assert engine.in_thread is not None
    with engine.in_thread.connect() as connection:
        found = {name: connection.execute(text(f"PRAGMA {name}")).scalar_one() for name in MUST_BE}
        assert found == {**MUST_BE, "busy_timeout": 0}  # it looks for its turn by itself
    engine.in_thread.dispose()
    await engine.close()


async def test_a_reader_cannot_write(sqlite_url: str) -> None:
    """The connections for reading refuse to write."""
    engine = open_engine(sqlite_url)
    async with engine.writing.begin() as connection:
        await connection.execute(text("CREATE TABLE t (a INTEGER)"))
    async with engine.reading.connect() as connection:
        with pytest.raises(Exception, match="readonly"):
            await connection.execute(text("INSERT INTO t VALUES (1)"))
    await engine.close()


async def test_the_file_is_of_its_owner_alone(sqlite_url: str) -> None:
    """Nobody else reads the file, its log or its folder."""
    engine = open_engine(sqlite_url)
    async with engine.writing.begin() as connection:
        await connection.execute(text("CREATE TABLE t (a INTEGER)"))
        assert engine.file is not None
        paths = [engine.file.parent, *engine.file.parent.iterdir()]
        assert len(paths) == 4
        assert [stat.S_IMODE(path.stat().st_mode) & 0o077 for path in paths] == [0] * 4
    await engine.close()


async def test_a_sqlite_that_cannot_be_made_safe_is_refused(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a setting does not take, no connection is lent."""
    monkeypatch.setitem(engine_module._PRAGMAS, "synchronous", 9)
    engine = open_engine(sqlite_url)
    with pytest.raises(SettingsError, match="cannot have synchronous=9"):
        async with engine.writing.connect():
            pytest.fail("a connection was lent")
    with pytest.raises(SettingsError, match="cannot have synchronous=9"):
        await Store(engine).open()
    async with asyncio.timeout(10):
        while any(one.name.startswith("store") for one in threading.enumerate()):
            await asyncio.sleep(0.01)
    await engine.close()


async def test_a_server_is_looked_at(postgres_url: str) -> None:
    """A PostgreSQL that is fit is taken, by either name of it, and its connections say who they are."""
    engine = open_engine(postgres_url.replace("postgresql:", "postgresql+asyncpg:"))
    for one in (engine.writing, engine.reading):
        async with one.connect() as connection:
            assert (await connection.execute(text("SHOW application_name"))).scalar_one() == "onecard-gateway"
    await engine.close()


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("secret-canary", "is no address of a database"),
        ("mysql://secret-canary@localhost/x", "begins with"),
        ("sqlite://", "names a file"),
        ("sqlite:///:memory:", "names a file"),
        ("sqlite:///file:secret-canary?mode=memory", "names a file"),
        ("sqlite:////proc/secret-canary/x", "cannot be made or opened"),
        ("postgresql://u:secret-canary@db.example/x", "say [?]ssl=verify-full"),
        ("postgresql://u:secret-canary@10.0.0.1/x", "say [?]ssl=verify-full"),
        ("postgresql://u:secret-canary@/x?host=db1:5432&host=localhost:5432", "say [?]ssl=verify-full"),
    ],
)
def test_a_wrong_address_is_refused(url: str, rule: str) -> None:
    """The refusal says what is wrong and repeats nothing of the address."""
    with pytest.raises(SettingsError, match=rule) as refused:
        open_engine(url)
    assert "secret-canary" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u@/x",
        "postgresql://u@localhost/x",
        "postgresql://u@[::1]:5432/x",
        "postgresql://u@/x?host=/run/postgresql",
        "postgresql://u@/x?host=localhost:5432&host=127.0.0.1:5433",
        "postgresql://u@db.example/x?ssl=verify-full",
        "postgresql://u@db.example/x?ssl=disable",
    ],
)
def test_a_server_is_near_or_said_how_to_reach(url: str) -> None:
    """A server on this machine needs no TLS, for another one the operator says what protects the way."""
    assert open_engine(url).file is None


def test_without_its_driver_there_is_no_postgresql(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever names a PostgreSQL without the extra is told which one is missing."""
    monkeypatch.setattr(engine_module, "find_spec", lambda _name: None)
    with pytest.raises(SettingsError, match="the extra `postgres`"):
        open_engine("postgresql://u@localhost/x")


async def test_a_server_that_is_too_old_is_refused(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its version, before any statement that it would not understand."""
    says = engine_module._SERVER_SAYS
    monkeypatch.setattr(engine_module, "_SERVER_SAYS", says.replace(f"{OLDEST_SERVER}0000", "9990000"))
    engine = open_engine(postgres_url)
    with pytest.raises(SettingsError, match=f"older than version {OLDEST_SERVER}"):
        async with engine.reading.connect():
            pass
    await engine.close()


def test_a_folder_is_made(tmp_path: Path) -> None:
    """The folder of the file is made, for its owner alone."""
    open_engine(f"sqlite:///{tmp_path}/a/b/store.sqlite")
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700
