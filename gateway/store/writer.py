"""The group commit: all that wait share one transaction and one synchronization of the disk.

One task writes. What arrives while a commit runs waits for the next; so the more there is to write, the less each item
costs. Nobody is told that something was accepted before it is on disk. When the store cannot be written, everybody who
waits is told so at once, the connection is thrown away (a file whose synchronization failed once may claim to be
written ever after), and a new one is tried until a write has lasted.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from gateway.errors import SettingsError, StoreUnavailableError
from gateway.store.faults import is_conflict, outage, why_closed
from gateway.store.signs_of_life import TOUCH, touch
from gateway.store.waiting import Waiting
from gateway.store.writing import LOST, open_writing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.store.engine import StoreEngine
    from gateway.store.notices import Notices
    from gateway.store.transaction import Append, Handler, Transaction
    from gateway.store.waiting import Told
    from gateway.store.writing import Writing

MOST_TOGETHER: Final = 128
"""Items in one transaction."""

MOST_WAITING: Final = 10_000
TRIES: Final = 4
"""How often an item is done again that others come in the way of."""

RETRY_SECONDS: Final = 0.25
_BACKOFF_SECONDS: Final = 0.01
_MOST_GATHERS: Final = 10


class Writer:
    """Writes what waits. `ready` tells whether the last write has lasted, `written` how many items have."""

    def __init__(
        self, engine: StoreEngine, *, append: Append | None, notices: Notices, gather_seconds: float, told: Told
    ) -> None:
        """Begin without a connection; nothing is taken before `prove`."""
        self._told = told
        self._engine = engine
        self._append = append
        self._notices = notices
        self._gather_seconds = gather_seconds
        self._waiting: deque[Waiting] = deque()
        self._in_hand: list[Waiting] = []
        self._arrived = asyncio.Event()
        self._writing: Writing | None = None
        self._closing = False
        self._company = False
        self.ready = False
        self.written = 0

    def take(self, one: Waiting) -> None:
        """Let an item wait for the next transaction (StoreUnavailableError)."""
        if self._closing or not self.ready:
            raise StoreUnavailableError(fault="closed" if self._closing else "not_ready")
        if len(self._waiting) >= MOST_WAITING:
            raise StoreUnavailableError(fault="too_much_waits")
        self._waiting.append(one)
        self._arrived.set()

    def stop(self) -> None:
        """Take nothing any more; `run` ends when what waits is written."""
        self._closing = True
        self._arrived.set()

    async def run(self) -> None:
        """Write until stopped; the one place that uses the connection. However it ends, nobody waits on."""
        try:
            await self._write_on()
        finally:
            self.ready = False
            self._waiting.extendleft(reversed(self._in_hand))
            self._refuse_waiting("closed")
            await self._drop()

    async def _write_on(self) -> None:
        while self._waiting or not self._closing:
            if not self.ready:
                await self._come_back()
            elif self._waiting:
                if self._company and not self._closing:
                    await self._gather()
                await self._write_some()
            else:
                self._arrived.clear()
                await self._arrived.wait()

    async def _gather(self) -> None:
        """Wait for company as long as more comes; who is busy with many calls has the next ones nearly ready."""
        now, seen = asyncio.get_running_loop().time, 0
        until = now() + _MOST_GATHERS * self._gather_seconds
        while seen < len(self._waiting) < MOST_TOGETHER and now() < until:
            seen = len(self._waiting)
            await asyncio.sleep(self._gather_seconds)

    async def _come_back(self) -> None:
        """Try once, after a while, whether a write lasts again."""
        await asyncio.sleep(RETRY_SECONDS)
        with suppress(StoreUnavailableError, SettingsError):
            await self.prove()
            self._told("store_back")

    async def prove(self) -> None:
        """See that a write lasts (StoreUnavailableError; SettingsError where the database is not fit for it)."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        try:
            await self._transact([Waiting(touch, TOUCH[self._engine.writing.dialect.name], future)])
        except (*LOST, StoreUnavailableError) as error:
            await self._drop()
            raise StoreUnavailableError(fault=_fault(error) or "cannot_open") from error
        except SettingsError:
            await self._drop()
            raise
        self.ready = True

    async def _write_some(self) -> None:
        """Write some of what waits; who has left meanwhile is passed over."""
        taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_TOGETHER))]
        self._in_hand = [one for one in taken if not one.answer.done()]
        self._company = len(self._in_hand) > 1
        if self._in_hand:
            await self._write(self._in_hand)
        self._in_hand = []

    async def _write(self, items: Sequence[Waiting], tries: int = 0) -> None:
        """Write items in one transaction. Where they meet a conflict, once more together; then each alone."""
        try:
            answers = await self._transact(items)
        except Exception as error:  # noqa: BLE001 - whoever waits is told what happened; the task goes on for the others
            await self._fail(items, error, tries)
            return
        self.written += len(items)
        for one, answer in zip(items, answers, strict=True):
            one.tell(answer)

    async def _fail(self, items: Sequence[Waiting], error: Exception, tries: int) -> None:
        fault = _fault(error) or await self._roll_back()
        if fault is not None:
            await self._lose(items, fault)
        elif is_conflict(error) and tries < (TRIES if len(items) == 1 else 1):
            await asyncio.sleep(random.uniform(0, _BACKOFF_SECONDS * 2**tries))  # noqa: S311 - no secret, only apart
            await self._write(items, tries + 1)
        elif len(items) > 1:
            for one in items:
                if self.ready:
                    await self._write([one])
                else:
                    one.tell(StoreUnavailableError(fault="not_ready"))
        else:
            items[0].tell(StoreUnavailableError(fault="conflict") if is_conflict(error) else error)

    async def _lose(self, items: Sequence[Waiting], fault: str) -> None:
        """Tell all who wait that nothing can be written, and let go of the connection."""
        self.ready = False
        self._told("store_lost", fault=fault)
        self._waiting.extendleft(reversed(items))
        self._refuse_waiting(fault)
        await self._drop()

    def _refuse_waiting(self, fault: str) -> None:
        for one in self._waiting:
            one.tell(StoreUnavailableError(fault=fault))
        self._waiting.clear()

    async def _transact(self, items: Sequence[Waiting]) -> list[object]:
        """Do the work of items in one transaction and commit it; answers come in the order of the items."""
        writing = await self._connected()
        written = await writing.transact(partial(self._do, items))
        self._notices.spread(written.notices)
        return written.answers

    async def _do(self, items: Sequence[Waiting], transaction: Transaction) -> list[object]:
        """Have each handler do the work of its items, and append what they have decided."""
        answers: list[object] = [None] * len(items)
        places: dict[Handler[Any, Any], list[int]] = {}
        for place, one in enumerate(items):
            places.setdefault(one.handler, []).append(place)
        for handler, own in places.items():
            said = await handler(transaction, [items[place].item for place in own])
            for place, answer in zip(own, said, strict=True):
                answers[place] = answer
        if transaction.decisions and self._append is not None:
            await self._append(transaction, transaction.decisions)
        return answers

    async def _connected(self) -> Writing:
        """Give the connection, a new one where there is none (StoreUnavailableError, SettingsError)."""
        if self._writing is None:
            try:
                self._writing = await open_writing(self._engine)
            except LOST as error:
                raise StoreUnavailableError(fault=why_closed(error)) from error
        return self._writing

    async def _roll_back(self) -> str | None:
        """Take back what was done; give a word where that fails, and the connection with it."""
        try:
            await (await self._connected()).roll_back()
        except LOST as error:
            return why_closed(error)
        return None

    async def _drop(self) -> None:
        """Close all connections, whatever state they are in."""
        writing, self._writing = self._writing, None
        if writing is not None:
            await writing.close()
        with suppress(*LOST):
            await self._engine.close()


def _fault(error: Exception) -> str | None:
    """Give the word for an outage, None for any other error."""
    if isinstance(error, StoreUnavailableError):
        return error.metadata["fault"]
    return "refused" if isinstance(error, SettingsError) else outage(error)
