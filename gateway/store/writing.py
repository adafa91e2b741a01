"""The one connection that writes: to a server, or to a file of SQLite in a thread of its own.

SQLite answers in microseconds, and to hand each statement to a thread and its answer back takes longer than that. So a
whole transaction goes to the thread, and its outcome comes back once. The coroutines of its handlers are run there
without a loop: they wait for nothing but the transaction, which answers at once.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from gateway.store.signs_of_life import NOTIFY
from gateway.store.transaction import FileTransaction, ServerTransaction

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine, Iterator

    from sqlalchemy import Connection, Engine
    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.store.engine import StoreEngine
    from gateway.store.transaction import Transaction

    Work = Callable[[Transaction], Coroutine[Any, Any, list[object]]]

Said = TypeVar("Said")

LOST: Final = (SQLAlchemyError, OSError, TimeoutError)
"""What a connection raises."""


class Written(NamedTuple):
    """The answers of a transaction that is on disk, and what listeners of this process are to be told."""

    answers: list[object]
    notices: Collection[tuple[str, str]]


class Writing(Protocol):
    """A connection that writes. All it raises is `LOST`, or what the work and the preparation of connections do."""

    async def transact(self, work: Work) -> Written:
        """Do some work in one transaction, and commit it."""

    async def roll_back(self) -> None:
        """Take back what was done since the last commit."""

    async def close(self) -> None:
        """Let go of the connection, whatever state it is in."""


async def open_writing(engine: StoreEngine) -> Writing:
    """Connect (one of `LOST`, or what the preparation of connections raises)."""
    if engine.in_thread is None:
        return await ServerWriting.open(engine)
    return await FileWriting.open(engine.in_thread)


class ServerWriting:
    """Waits for a server, but not for long: a connection that does not answer is cut, and fails as a lost one does."""

    def __init__(self, connection: AsyncConnection, *, cut: Callable[[], None], patience_seconds: float) -> None:
        """Take a connection; see `open`."""
        self._connection = connection
        self._cut = cut
        self._patience_seconds = patience_seconds

    @classmethod
    async def open(cls, engine: StoreEngine) -> ServerWriting:
        """Connect."""
        connection = await engine.writing.connect()
        driver: Any = (await connection.get_raw_connection()).driver_connection
        return cls(connection, cut=driver.terminate, patience_seconds=engine.patience_seconds or 0)

    async def transact(self, work: Work) -> Written:
        """Do some work; the server tells all replicas."""
        transaction = ServerTransaction(self._connection)
        with self._patience():
            answers = await work(transaction)
            if transaction.notices:
                channels, payloads = zip(*transaction.notices, strict=True)
                await transaction.execute(NOTIFY, {"channels": list(channels), "payloads": list(payloads)})
            await self._connection.commit()
        return Written(answers, ())

    async def roll_back(self) -> None:
        """Take back what was done."""
        with self._patience():
            await self._connection.rollback()

    async def close(self) -> None:
        """Let go."""
        with suppress(*LOST):
            await self._connection.invalidate()
            await self._connection.close()

    @contextmanager
    def _patience(self) -> Iterator[None]:
        timer = asyncio.get_running_loop().call_later(self._patience_seconds, self._cut)
        try:
            yield
        finally:
            timer.cancel()


class FileWriting:
    """Has a thread for its file."""

    def __init__(self, engine: Engine, thread: ThreadPoolExecutor, connection: Connection) -> None:
        """Take a connection that only this thread uses; see `open`."""
        self._engine = engine
        self._thread = thread
        self._connection = connection

    @classmethod
    async def open(cls, engine: Engine) -> FileWriting:
        """Connect."""
        thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        try:
            connection = await asyncio.get_running_loop().run_in_executor(thread, engine.connect)
        except BaseException:
            thread.shutdown(wait=False)
            raise
        return cls(engine, thread, connection)

    async def transact(self, work: Work) -> Written:
        """Do some work; listeners of other processes are told in another way (`gateway.store.siblings`)."""
        return await self._in_thread(lambda: self._transact(work))

    async def roll_back(self) -> None:
        """Take back what was done."""
        await self._in_thread(self._connection.rollback)

    async def close(self) -> None:
        """Let go, once what is under way has ended."""
        await self._in_thread(self._close)
        self._thread.shutdown(wait=False)

    async def _in_thread(self, do: Callable[[], Said]) -> Said:
        return await asyncio.get_running_loop().run_in_executor(self._thread, do)

    def _transact(self, work: Work) -> Written:
        transaction = FileTransaction(self._connection)
        answers = _finished(work(transaction))
        self._connection.commit()
        return Written(answers, transaction.notices)

    def _close(self) -> None:
        """SQLite would lend the same open file again if it were kept in the pool."""
        with suppress(*LOST):
            self._connection.invalidate()
            self._connection.close()
        with suppress(*LOST):
            self._engine.dispose()


def _finished(work: Coroutine[Any, Any, list[object]]) -> list[object]:
    """Run a coroutine that waits for nothing to its end."""
    try:
        work.send(None)
    except StopIteration as end:
        answers: list[object] = end.value
        return answers
    work.close()
    message = "a handler of the store waits for something else than its transaction"
    raise RuntimeError(message)
