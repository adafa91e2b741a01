"""Remembers answers by request id, so that a repeated request has one effect and one answer.

Bounded in time and number. Two equal requests that come at once share one piece of work. Failures are not remembered:
the caller may try again under the same id.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from gateway.errors import RequestIdReusedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.services.ports import Clock

Answer = TypeVar("Answer")


@dataclass(slots=True)
class _Entry(Generic[Answer]):
    digest: str
    work: asyncio.Future[Answer]
    expires_at: float


class RequestMemory(Generic[Answer]):
    """Answers of one method, by caller and request id."""

    def __init__(self, *, clock: Clock, life_seconds: float = 600.0, capacity: int = 20_000) -> None:
        """Keep answers for `life_seconds`, and the youngest `capacity` of them."""
        self._clock = clock
        self._life = life_seconds
        self._capacity = capacity
        self._entries: OrderedDict[tuple[str, str], _Entry[Answer]] = OrderedDict()

    def __len__(self) -> int:
        """Count what is remembered."""
        return len(self._entries)

    async def once(
        self, *, caller: str, request_id: str, digest: str, work: Callable[[], Awaitable[Answer]]
    ) -> tuple[Answer, bool]:
        """Do the work once per caller and request id; tell whether the answer is a remembered one.

        RequestIdReusedError where the id was used for a question with another digest; whatever the work raises.
        """
        key = (caller, request_id)
        self._forget_expired()
        entry = self._entries.get(key)
        if entry is not None:
            if entry.digest != digest:
                raise RequestIdReusedError
            return await asyncio.shield(entry.work), True
        while len(self._entries) >= self._capacity:
            self._entries.popitem(last=False)
        task = asyncio.ensure_future(work())
        self._entries[key] = _Entry(digest, task, self._clock() + self._life)
        task.add_done_callback(lambda done: self._forget_failed(key, done))
        # Shielded, because a caller that leaves must not spoil it for one that shares the work or asks again in a
        # moment; the work is bounded by its own deadlines, and stopping it could use up a one-time credential.
        return await asyncio.shield(task), False

    def _forget_failed(self, key: tuple[str, str], work: asyncio.Future[Answer]) -> None:
        if work.cancelled() or work.exception() is not None:
            entry = self._entries.get(key)
            if entry is not None and entry.work is work:
                del self._entries[key]

    def _forget_expired(self) -> None:
        """Drop from the old end, which is in order of expiry."""
        now = self._clock()
        while self._entries:
            key, entry = next(iter(self._entries.items()))
            if entry.expires_at > now:
                return
            del self._entries[key]
