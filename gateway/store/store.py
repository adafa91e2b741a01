"""The store as the use cases see it: commit, read, listen."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from gateway.errors import StoreUnavailableError
from gateway.store.checkpoints import Checkpoints
from gateway.store.faults import outage
from gateway.store.notices import Notices
from gateway.store.transaction import Answer, Append, Handler, Item, Transaction
from gateway.store.waiting import Waiting, tell_nobody
from gateway.store.writer import Writer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.store.engine import StoreEngine
    from gateway.store.listening import ServerListening
    from gateway.store.siblings import Siblings
    from gateway.store.waiting import Told

__all__ = ["Append", "Handler", "Store", "Transaction"]

GATHER_SECONDS: Final = 0.002


class Store:
    """What is kept, and the one way to write it.

    Args:
        engine: where it is.
        append: appends the decisions of a transaction to the evidence; without it none is kept.
        gather_seconds: how long a transaction waits for company, where the one before it had some; again, some times,
            while more comes.
        told: hears when the store is lost, and when it is back.
        siblings: other processes that have the same file of SQLite.
    """

    def __init__(
        self,
        engine: StoreEngine,
        *,
        append: Append | None = None,
        gather_seconds: float = GATHER_SECONDS,
        told: Told = tell_nobody,
        siblings: Siblings | None = None,
    ) -> None:
        """Begin closed."""
        self._engine = engine
        self._siblings = siblings if engine.file is not None else None
        self._notices = Notices(self._siblings)
        self._writer = Writer(engine, append=append, notices=self._notices, gather_seconds=gather_seconds, told=told)
        self._writing: asyncio.Task[None] | None = None
        self._listening: ServerListening | None = None
        self._beside: list[asyncio.Task[None]] = []

    @property
    def engine(self) -> StoreEngine:
        """Where it is."""
        return self._engine

    @property
    def dialect(self) -> str:
        """Which engine it is: sqlite or postgresql."""
        return self._engine.writing.dialect.name

    @property
    def ready(self) -> bool:
        """Tell whether the last write has lasted."""
        return self._writer.ready

    @property
    def written(self) -> int:
        """Count the items that were written since it was opened."""
        return self._writer.written

    async def open(self) -> None:
        """Connect, and see that a write lasts (StoreUnavailableError; SettingsError where the database is not fit)."""
        await self._writer.prove()
        if self._engine.file is None:
            from gateway.store.listening import ServerListening  # noqa: PLC0415 - PostgreSQL's driver is an extra

            self._listening = ServerListening(self._engine, self._notices)
            beside = [self._listening.run()]
        else:
            beside = [Checkpoints(self._engine, written=lambda: self.written).run()]
        if self._siblings is not None:
            beside.append(self._siblings.run(self._notices))
        self._beside = [asyncio.create_task(work) for work in beside]
        self._writing = asyncio.create_task(self._writer.run())

    async def close(self) -> None:
        """Write what still waits, and close all connections; nothing is taken any more."""
        self._writer.stop()
        for task in self._beside:
            task.cancel()
        if self._beside:
            await asyncio.wait(self._beside)
        if self._writing is not None:
            await self._writing

    async def commit(self, handler: Handler[Item, Answer], item: Item) -> Answer:
        """Let a handler do the work of an item, together with others, and return its answer once it is on disk.

        Whoever stops waiting leaves the outcome open; an item that is not begun by then is not done.

        Raises:
            StoreUnavailableError: it cannot be written, or too much waits. Where the connection was lost in the middle
                nobody knows whether it was done; to send the same again under the same key is safe.
            GatewayError: the handler's answer for this item.
        """
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._writer.take(Waiting(handler, item, answer))
        return await answer

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Lend a connection that only reads; each statement sees what is committed by then (StoreUnavailableError)."""
        try:
            async with self._engine.reading.connect() as connection:
                yield connection
        except PoolTimeoutError as error:
            raise StoreUnavailableError(fault="busy") from error
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            fault = outage(error)
            if fault is None:
                raise
            raise StoreUnavailableError(fault=fault) from error

    async def listen(self, channel: str) -> AsyncGenerator[str]:
        """Give what transactions tell on a channel, of all replicas; an empty one says: look for yourself.

        That comes first, and whenever something may have been missed.
        """
        async with aclosing(self._notices.listen(channel)) as told:
            if self._listening is not None:
                self._listening.look()
            async for payload in told:
                yield payload
