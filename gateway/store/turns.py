"""SQLite has one writer at a time: a transaction takes its turn when it begins, so that it never fails later for it."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING, Any, Final

from gateway.errors import StoreUnavailableError
from gateway.store.faults import sqlite_fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

_TURN_SECONDS: Final = 0.0005
"""How often a process that wants to write looks whether another one has ended its transaction."""


def begin_immediate(connection: Connection) -> None:
    """Begin a transaction through aiosqlite.

    Raises:
        StoreUnavailableError: another process has the turn for too long, or the file cannot be used.
    """
    driver: Any = connection.connection.dbapi_connection
    _begin(lambda: driver.run_async(lambda sqlite: sqlite.execute("BEGIN IMMEDIATE")))


def begin_in_thread(connection: Connection, *, patience_seconds: float) -> None:
    """Do as `begin_immediate` on a connection without a loop, and look often whether another process has ended.

    SQLite by itself would look ever more seldom, though a transaction of another process takes milliseconds.
    """
    driver: Any = connection.connection.dbapi_connection
    until = time.monotonic() + patience_seconds

    def begin() -> None:
        while True:
            try:
                driver.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise
                time.sleep(_TURN_SECONDS)
            else:
                return

    _begin(begin)


def _begin(do: Callable[[], object]) -> None:
    try:
        do()
    except sqlite3.Error as error:
        raise StoreUnavailableError(fault=sqlite_fault(error) or "connection") from error
