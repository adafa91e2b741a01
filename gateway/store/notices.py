"""Tells listeners in this process that something was written: on SQLite by itself, on PostgreSQL through the server."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Collection

    from gateway.store.siblings import Siblings

LOOK_YOURSELF: Final = ""
"""What a listener hears when it may have missed something."""

MOST_UNHEARD: Final = 1000


class _Listener:
    """What one listener has not heard yet."""

    __slots__ = ("arrived", "unheard")

    def __init__(self) -> None:
        self.unheard: deque[str] = deque([LOOK_YOURSELF])
        self.arrived = asyncio.Event()
        self.arrived.set()

    def hear(self, payload: str) -> None:
        if len(self.unheard) >= MOST_UNHEARD:
            self.unheard.clear()
            payload = LOOK_YOURSELF
        self.unheard.append(payload)
        self.arrived.set()


class Notices:
    """The listeners of this process, by channel. Nothing is kept for who does not listen."""

    def __init__(self, siblings: Siblings | None = None) -> None:
        """Begin without listeners; `siblings` are other processes that hear what is spread."""
        self._listeners: dict[str, set[_Listener]] = {}
        self._siblings = siblings

    @property
    def channels(self) -> frozenset[str]:
        """Name the channels to which somebody listens."""
        return frozenset(self._listeners)

    def spread(self, told: Collection[tuple[str, str]]) -> None:
        """Tell all listeners, and those of other processes, of channels and payloads."""
        for channel, payload in told:
            self.tell(channel, payload)
        if self._siblings is not None:
            self._siblings.tell(told)

    def tell(self, channel: str, payload: str) -> None:
        """Tell all listeners of a channel in this process."""
        for listener in self._listeners.get(channel, ()):
            listener.hear(payload)

    def tell_all(self) -> None:
        """Tell everybody to look for themselves."""
        for channel in self._listeners:
            self.tell(channel, LOOK_YOURSELF)

    async def listen(self, channel: str) -> AsyncGenerator[str]:
        """Give what is told on a channel, `LOOK_YOURSELF` first; whoever is too slow hears that instead of the rest."""
        listener = _Listener()
        self._listeners.setdefault(channel, set()).add(listener)
        try:
            while True:
                await listener.arrived.wait()
                listener.arrived.clear()
                while listener.unheard:
                    yield listener.unheard.popleft()
        finally:
            others = self._listeners[channel]
            others.discard(listener)
            if not others:
                del self._listeners[channel]
