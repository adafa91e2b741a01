"""Connections to the store: where it is, and that every single one of them writes to the disk before it says so.

SQLite is opened with a write-ahead log that is synchronized at each commit, and with deletion that overwrites. A
PostgreSQL that acknowledges before it has written is refused. Both are looked at on every connection, since both can be
changed behind our back.
"""

from __future__ import annotations

import logging
import os
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import create_async_engine

from gateway.errors import SettingsError
from gateway.store.file_connection import connect
from gateway.store.turns import begin_immediate, begin_in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy.engine import URL, Engine
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.ext.asyncio import AsyncEngine
    from sqlalchemy.pool import ConnectionPoolEntry

SQLITE: Final = "sqlite+aiosqlite"
POSTGRESQL: Final = "postgresql+asyncpg"
DRIVERS: Final = {"sqlite": SQLITE, SQLITE: SQLITE, "postgresql": POSTGRESQL, POSTGRESQL: POSTGRESQL}
PATIENCE_SECONDS: Final = 1.5
"""How long a server may take for one transaction or connection, before whoever waits is told that it cannot."""

READERS: Final = 6
_LOCAL: Final = frozenset({"", "localhost", "127.0.0.1", "::1"})
_WRITER_CACHE_KIB: Final = 65_536
_READER_CACHE_KIB: Final = 8_192
_STATEMENTS: Final = 512
"""Statements that a connection keeps prepared: adding rows takes one for each number of rows."""

_WAL_PAGES: Final = 16_000
"""Length of the log at which a commit writes it back itself: 64 MB, of which little is left to do by then."""


_PRAGMAS: Final[dict[str, str | int]] = {
    "busy_timeout": int(PATIENCE_SECONDS * 1000),
    "journal_mode": "wal",
    "synchronous": 2,
    "secure_delete": 1,
    "foreign_keys": 1,
    "temp_store": 2,
    "trusted_schema": 0,
    "cell_size_check": 1,
    "wal_autocheckpoint": _WAL_PAGES,
}
"""What each connection to SQLite has: 2 is FULL of synchronous, and MEMORY of temp_store."""

OLDEST_SERVER: Final = 15
"""The oldest version of PostgreSQL with which the tests of the store were run."""

_SERVER_SAYS: Final = (
    "SELECT current_setting('synchronous_commit') <> 'off', current_setting('fsync') = 'on',"
    " NOT pg_is_in_recovery(), current_setting('server_encoding') = 'UTF8',"
    f" current_setting('server_version_num')::int >= {OLDEST_SERVER}0000"
)
_SERVER_FAULTS: Final = (
    "synchronous_commit is off: it acknowledges what it has not written",
    "fsync is off: it acknowledges what it has not written",
    "it is a standby, which cannot be written",
    "its encoding is not UTF8",
    f"it is older than version {OLDEST_SERVER}",
)

# Its lines for debugging quote parameters; and what happens to connections the store tells by itself, in one line.
logging.getLogger("aiosqlite").setLevel(logging.WARNING)
logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class StoreEngine:
    """Where the store is, for writing and for reading.

    `patience_seconds` is how long a transaction may take before its connection is given up; None where there is no
    server that could be gone. `file` is that of SQLite, and `in_thread` writes to it from a thread of its own.
    """

    writing: AsyncEngine
    reading: AsyncEngine
    patience_seconds: float | None
    file: Path | None
    in_thread: Engine | None = None

    async def close(self) -> None:
        """Close all connections that are not in use."""
        await self.writing.dispose()
        await self.reading.dispose()


def open_engine(
    url: str, *, patience_seconds: float = PATIENCE_SECONDS, readers: int = READERS, existing: bool = False
) -> StoreEngine:
    """Prepare connections to a store; none is made yet (SettingsError, which repeats nothing of the address).

    Args:
        url: `sqlite:////folder/file` or `postgresql://user@host/database`, also with the names of their drivers.
        patience_seconds: how long a server may take for one transaction or connection.
        readers: how many connections may read at once.
        existing: refuse a file of SQLite that is not there, instead of making it.
    """
    place = _place(url)
    if place.drivername == SQLITE:
        return _sqlite(place, readers, existing=existing)
    return _postgresql(place, patience_seconds, readers)


def _place(url: str) -> URL:
    """Read an address (SettingsError)."""
    try:
        place = make_url(url)
    except ArgumentError:
        raise _fault("is no address of a database") from None
    driver = DRIVERS.get(place.drivername)
    if driver is None:
        raise _fault(f"begins with {SQLITE} or {POSTGRESQL}")
    return place.set(drivername=driver)


def _fault(rule: str) -> SettingsError:
    return SettingsError((f"store.url: {rule}",))


def _sqlite(place: URL, readers: int, *, existing: bool) -> StoreEngine:
    if not place.database or place.database.startswith((":", "file:")) or place.query:
        raise _fault("names a file; what is kept in memory is lost")
    file = Path(place.database)
    if existing and not file.is_file():
        fault = f"store.folder: there is no {file.name} in it; a gateway makes it, or `onecard store migrate` does"
        raise SettingsError((fault,))
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The log and its index, which SQLite makes beside the file, get the same mode.
        os.close(os.open(file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        rule = f"{file.name} cannot be made or opened: look at its folder, the owner and the mode of both"
        raise SettingsError((f"store.folder or store.url: {rule} ({type(error).__name__})",)) from error
    waited_for = {"isolation_level": None, "async_creator_fn": connect}
    writing = _engine(place, connect_args=waited_for, pool_size=1)
    reading = _engine(place, connect_args=waited_for, pool_size=readers)
    arguments = {"isolation_level": None, "check_same_thread": False, "cached_statements": _STATEMENTS}
    in_thread = create_engine(place.set(drivername="sqlite"), hide_parameters=True, connect_args=arguments)
    for engine in (writing.sync_engine, in_thread):
        event.listen(engine, "connect", _prepared({**_PRAGMAS, "cache_size": -_WRITER_CACHE_KIB}))
    event.listen(in_thread, "connect", _prepared({"busy_timeout": 0}))  # it looks for its turn by itself
    event.listen(
        reading.sync_engine, "connect", _prepared({**_PRAGMAS, "cache_size": -_READER_CACHE_KIB, "query_only": 1})
    )
    event.listen(writing.sync_engine, "begin", begin_immediate)
    event.listen(in_thread, "begin", partial(begin_in_thread, patience_seconds=PATIENCE_SECONDS))
    return StoreEngine(writing=writing, reading=reading, patience_seconds=None, file=file, in_thread=in_thread)


def _postgresql(place: URL, patience_seconds: float, readers: int) -> StoreEngine:
    if find_spec("asyncpg") is None:
        raise _fault("PostgreSQL needs the extra `postgres`: pip install '.[postgres]' in a clone of the product")
    hosts = {place.host or "", *_listed(place.query.get("host", ()))}
    if "ssl" not in place.query and any(_is_remote(host) for host in hosts):
        raise _fault("say ?ssl=verify-full, or ?ssl=disable on a network that is yours alone")
    settings = {"application_name": "onecard-gateway", "idle_in_transaction_session_timeout": "15s", "timezone": "UTC"}
    arguments = {"timeout": patience_seconds, "server_settings": settings}
    writing = _engine(place, connect_args=arguments, pool_size=1)
    # One more, which listens.
    reading = _engine(place, connect_args=arguments, pool_size=readers + 1, isolation_level="AUTOCOMMIT")
    for engine in (writing, reading):
        event.listen(engine.sync_engine, "connect", _see_that_it_lasts)
    return StoreEngine(writing=writing, reading=reading, patience_seconds=patience_seconds, file=None)


def _listed(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value


def _is_remote(host: str) -> bool:
    """Tell whether a host, perhaps with a port, is not this machine; a path is that of a socket here."""
    return not host.startswith("/") and host not in _LOCAL and host.rpartition(":")[0].strip("[]") not in _LOCAL - {""}


def _engine(place: URL, **options: Any) -> AsyncEngine:  # noqa: ANN401 - what SQLAlchemy takes
    """Make an engine; no parameter is ever told in an error, nobody waits long for a connection."""
    return create_async_engine(
        place, hide_parameters=True, max_overflow=0, pool_timeout=PATIENCE_SECONDS, pool_use_lifo=True, **options
    )


def _prepared(pragmas: Mapping[str, str | int]) -> Callable[[DBAPIConnection, ConnectionPoolEntry], None]:
    """Give what prepares a connection to SQLite, and sees that it is as it must be (SettingsError)."""

    def prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        with closing(connection.cursor()) as cursor:
            for name, value in pragmas.items():
                cursor.execute(f"PRAGMA {name}={value}")
            for name, value in pragmas.items():
                cursor.execute(f"PRAGMA {name}")
                if cursor.fetchone() != (value,):
                    raise _fault(f"SQLite cannot have {name}={value} here")

    return prepare


def _see_that_it_lasts(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    """Refuse a server that does not keep what it acknowledges (SettingsError)."""
    with closing(connection.cursor()) as cursor:
        cursor.execute(_SERVER_SAYS)
        said = cursor.fetchone()
    connection.rollback()
    for fault, good in zip(_SERVER_FAULTS, said or (), strict=True):
        if not good:
            raise _fault(f"PostgreSQL: {fault}")
