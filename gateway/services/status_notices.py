"""Which status lists have just changed: hints for those who listen, so that they need not wait until a list is old."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class StatusNotices:
    """The addresses of lists that changed, each with the number of its last change; `listeners` hear at once.

    Nothing rests on a notice. Who misses one learns of the change when its list is as old as its `ttl` allows.
    """

    def __init__(self) -> None:
        """Begin with nothing said."""
        self._latest: dict[str, int] = {}
        self._count = 0
        self._news = asyncio.Event()
        self.listeners: list[Callable[[str], None]] = []

    @property
    def count(self) -> int:
        """The number of the last change."""
        return self._count

    def tell(self, uri: str) -> None:
        """Say that a list has changed."""
        self._count += 1
        self._latest[uri] = self._count
        waiting, self._news = self._news, asyncio.Event()
        waiting.set()
        for listener in self.listeners:
            listener(uri)

    def after(self, number: int) -> tuple[Sequence[str], int]:
        """Give the lists that changed after a number, each once, and the number to ask after next."""
        return tuple(uri for uri, last in self._latest.items() if last > number), self._count

    async def changed(self, after: int) -> None:
        """Wait until a list has changed after a number."""
        while self._count <= after:
            await self._news.wait()
