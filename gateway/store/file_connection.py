"""A connection to a file of SQLite that can be closed by two at once, as happens where who reads is cancelled twice.

SQLAlchemy 2.1 closes the connection of a reader that is cancelled, and where the reader is cancelled again meanwhile,
it stops the thread of the connection as well. The close of aiosqlite 0.22 then asks the thread, which has ended by
then, to stop once more, and waits for its answer for ever: the process that is told to stop would never end.
"""

from __future__ import annotations

import sqlite3
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import aiosqlite

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

_ROWS_AT_ONCE: Final = 64
"""How many rows aiosqlite fetches at a time where rows are taken one by one."""


class FileConnection(aiosqlite.Connection):
    """Asks its thread to stop once; the thread keeps no process alive."""

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        """Take what opens the file."""
        super().__init__(connector, _ROWS_AT_ONCE)
        self._thread.daemon = True  # as SQLAlchemy does with connections that it makes itself
        self._told_to_stop = False

    def stop(self) -> asyncio.Future[Any] | None:
        """Ask the thread to close the file and end; gives what to wait for, None where it was asked before."""
        if self._told_to_stop:
            return None
        self._told_to_stop = True
        return super().stop()


def connect(database: str, **options: Any) -> FileConnection:  # noqa: ANN401 - what sqlite3 takes
    """Prepare a connection; it is made when it is awaited (sqlite3.Error)."""
    return FileConnection(partial(sqlite3.connect, database, **options))
