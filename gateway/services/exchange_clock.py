"""The time by which leases and deadlines are kept: one clock for all replicas of a store.

On PostgreSQL that is the clock of the server, because those of the replicas may differ. A file of SQLite has one
process, whose clock it is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, Protocol

from sqlalchemy import text

from gateway.services.exchange_model import MICROS

if TYPE_CHECKING:
    from sqlalchemy.engine import CursorResult
    from sqlalchemy.sql.base import Executable

    from gateway.services.ports import Clock


class Asks(Protocol):
    """What the store can be asked through: a transaction, or a connection that only reads."""

    def execute(self, statement: Executable, /) -> Awaitable[CursorResult[Any]]:
        """Run a statement."""


Now = Callable[["Asks"], Awaitable[int]]
"""Gives the time in microseconds."""

_SERVER: Final = text("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)")


async def server_time(asks: Asks) -> int:
    """Give the time of a PostgreSQL server."""
    return int((await asks.execute(_SERVER)).scalar_one())


def process_time(clock: Clock) -> Now:
    """Give what tells the time of this process."""

    async def now(_asks: Asks) -> int:
        return int(clock() * MICROS)

    return now


def store_time(dialect: str, clock: Clock) -> Now:
    """Give what tells the time of a store, sqlite or postgresql."""
    return server_time if dialect == "postgresql" else process_time(clock)
