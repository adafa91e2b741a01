"""The board: who waits for something to happen in the exchange is woken, on whichever replica it happened."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, contextmanager, suppress
from typing import TYPE_CHECKING

from gateway.store.notices import LOOK_YOURSELF

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.store.store import Store


class Board:
    """Hears one channel of the store for all who wait in this process."""

    def __init__(self, store: Store, channel: str) -> None:
        """Begin with nobody who waits."""
        self._store = store
        self._channel = channel
        self._waiting: dict[str, set[asyncio.Event]] = {}

    async def run(self) -> None:
        """Hear, until cancelled."""
        async with aclosing(self._store.listen(self._channel)) as told:
            async for name in told:
                names = tuple(self._waiting) if name == LOOK_YOURSELF else (name,)
                for one in names:
                    for event in self._waiting.get(one, ()):
                        event.set()

    @contextmanager
    def waiting(self, name: str) -> Iterator[Wakening]:
        """Wait for news of a name, as a context; what happens from here on is not missed."""
        event = asyncio.Event()
        self._waiting.setdefault(name, set()).add(event)
        try:
            yield Wakening(event)
        finally:
            others = self._waiting[name]
            others.discard(event)
            if not others:
                del self._waiting[name]


class Wakening:
    """What one who waits holds."""

    __slots__ = ("_event",)

    def __init__(self, event: asyncio.Event) -> None:
        """Begin asleep."""
        self._event = event

    async def wait(self, seconds: float) -> None:
        """Sleep until there is news, or some time has passed; then look, for one or the other."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()
        self._event.clear()
