"""Replicas of one gateway around a store in memory; a test says what the store holds and what a desk believes."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from gateway.errors import GatewayError, StoreUnavailableError
from gateway.federation.publisher import EntityPublisher
from gateway.federation.publisher_content import EntityContent, leaf_endpoints
from gateway.federation.publisher_ledger import Numbering
from gateway.federation.replicas import Replicas, Shared
from tests.fakes.journal import FakeJournal
from tests.gateway.federation.publisher_cases import ANCHOR, KEYS, NORTH, roles
from trust.errors import BadSignatureError, TrustError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
    from pathlib import Path

    from tests.fakes.clock import FakeClock


class FakeSharedTrust:
    """What replicas share, in memory; `fails` makes it unavailable."""

    def __init__(self) -> None:
        """Begin empty."""
        self.kept: dict[str, Shared] = {}
        self.revoked: list[str] = []
        self.fails = False
        self._words: list[asyncio.Queue[str]] = []

    async def publication(self, entity: str, *, after: int = 0) -> Shared | None:
        """Give what was published last."""
        self._require()
        last = self.kept.get(entity)
        return None if last is None or last.version <= after else last

    async def publish(self, shared: Shared) -> bool:
        """Keep what is newer."""
        self._require()
        last = self.kept.get(shared.entity)
        if last is not None and last.version >= shared.version:
            return False
        self.kept[shared.entity] = shared
        self._tell()
        return True

    async def revocations(self, after: int) -> Sequence[tuple[int, str]]:
        """Give what came after a place."""
        self._require()
        return list(enumerate(self.revoked, start=1))[after:]

    async def revoke(self, text: str) -> None:
        """Keep a revocation."""
        self._require()
        if text not in self.revoked:
            self.revoked.append(text)
            self._tell()

    async def listen(self) -> AsyncGenerator[str]:
        """Give a word whenever something was kept."""
        self._require()
        words: asyncio.Queue[str] = asyncio.Queue()
        self._words.append(words)
        yield ""
        while True:
            yield await words.get()

    def _require(self) -> None:
        if self.fails:
            raise StoreUnavailableError(fault="not_ready")

    def _tell(self) -> None:
        for words in self._words:
            words.put_nowait("")


class FakeRevocationDesk:
    """Believes what is not `bad`, in the order in which it comes; `refuses` says why other texts are not believed."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.texts: list[str] = []
        self.refuses: dict[str, TrustError | GatewayError] = {"bad": BadSignatureError()}
        self.listeners: list[Callable[[], None]] = []
        self._news: dict[int, asyncio.Event] = defaultdict(asyncio.Event)

    def on_change(self, callback: Callable[[], None]) -> None:
        """Have somebody called."""
        self.listeners.append(callback)

    def changes(self) -> None:
        """Tell that something else is believed."""
        for callback in self.listeners:
            callback()

    def believe_revocation(self, text: str, *, shared: bool = False) -> bool:
        """Believe a revocation; what replicas share is asked for as such."""
        if text in self.refuses:
            assert shared
            raise self.refuses[text]
        if text in self.texts:
            return False
        self.texts.append(text)
        self._news.pop(len(self.texts) - 1, asyncio.Event()).set()
        return True

    def feed(self, after: int) -> tuple[Sequence[tuple[int, str]], int]:
        """Give what came after a cursor."""
        return list(enumerate(self.texts, start=1))[after:], len(self.texts)

    async def changed(self, after: int) -> None:
        """Wait for more."""
        if len(self.texts) <= after:
            await self._news[after].wait()


def publisher(folder: Path, clock: Callable[[], float], residue: int, **changes: object) -> EntityPublisher:
    """Publish as one of several replicas."""
    folder.mkdir(parents=True, exist_ok=True)
    values = {
        "entity": NORTH,
        "keys": (KEYS[NORTH],),
        "roles": roles("north"),
        "hints": (ANCHOR,),
        "endpoints": leaf_endpoints(NORTH),
    }
    content = EntityContent(**{**values, **changes})  # type: ignore[arg-type]  # a test may give anything
    return EntityPublisher(content, folder=folder, clock=clock, numbering=Numbering(16, residue))


class Replica:
    """One replica with a folder of its own."""

    def __init__(
        self, shared: FakeSharedTrust, folder: Path, clock: FakeClock, residue: int, **changes: object
    ) -> None:
        """Make its parts."""
        self.publisher = publisher(folder / str(residue), clock, residue, **changes)
        self.desk = FakeRevocationDesk()
        self.journal = FakeJournal()
        self.work = Replicas(shared, publishers=[self.publisher], desk=self.desk, journal=self.journal)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Replica]:
        """Let it tell and hear."""
        await self.work.start()
        await self.work.catch_up()
        works = (self.work.tell, self.work.tell_revocations, self.work.hear, self.work.look)
        tasks = [asyncio.create_task(work()) for work in works]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def text(self) -> str:
        """What it serves."""
        return self.publisher.text()


async def until(true: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.01)
