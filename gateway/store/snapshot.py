"""Reads a store as it is at one moment, however long that takes and whatever is written meanwhile."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import StoreUnavailableError
from gateway.store.faults import outage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.store.engine import StoreEngine

_BEGIN: Final = {"sqlite": "BEGIN", "postgresql": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"}


@asynccontextmanager
async def snapshot(engine: StoreEngine) -> AsyncIterator[AsyncConnection]:
    """Lend a connection whose statements all see the same, also those that give their rows bit by bit.

    Raises:
        StoreUnavailableError: the store cannot be read.
    """
    try:
        async with engine.reading.connect() as connection:
            # Such a connection ends each statement by itself, so that a transaction has to be asked for by name.
            await connection.exec_driver_sql(_BEGIN[connection.dialect.name])
            try:
                yield connection
            finally:
                await connection.exec_driver_sql("ROLLBACK")
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        fault = outage(error)
        if fault is None:
            raise
        raise StoreUnavailableError(fault=fault) from error
