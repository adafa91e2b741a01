"""Remembers answers by request id, so that a repeated request has one effect and one answer.

Bounded in time and number. Equal requests that come at once share one piece of work. Failures are not remembered: the
caller may try again under the same id.
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

LIFE_SECONDS = 600.0
CAPACITY = 8192
"""Answers hold personal data and some kilobytes each; more of them would make a node half as large again."""


@dataclass(slots=True)
class _Entry(Generic[Answer]):
    """One request: `answer` once there is one, `waiting` where somebody asked the same meanwhile.

    `waiting` gives the answer, the failure, or None where whoever did the work left before it was done.
    """

    digest: str
    expires_at: float
    answer: Answer | None = None
    waiting: asyncio.Future[Answer | None] | None = None


class RequestMemory(Generic[Answer]):
    """Answers of one method, by caller and request id."""

    def __init__(self, *, clock: Clock, life_seconds: float = LIFE_SECONDS, capacity: int = CAPACITY) -> None:
        """Keep answers for `life_seconds`, and the youngest `capacity` of them."""
        self._clock = clock
        self._life = life_seconds
        self._capacity = capacity
        self._entries: OrderedDict[tuple[str, str], _Entry[Answer]] = OrderedDict()

    def __len__(self) -> int:
        """Count what is remembered."""
        return len(self._entries)

    async def once(
        self,
        *,
        caller: str,
        request_id: str,
        digest: str,
        work: Callable[[], Awaitable[Answer]],
        finish: bool = False,
    ) -> tuple[Answer, bool]:
        """Do the work once per caller and request id; tell whether the answer is a remembered one.

        Args:
            caller: who asks; each has ids of its own.
            request_id: the caller's id of the request.
            digest: stands for the whole question.
            work: does it.
            finish: go on when the caller leaves, because the work uses something up; otherwise it is stopped.

        Raises:
            RequestIdReusedError: the id was used for a question with another digest. And whatever the work raises.
        """
        key = (caller, request_id)
        self._forget_expired()
        while (entry := self._entries.get(key)) is not None:
            if entry.digest != digest:
                raise RequestIdReusedError
            answer = entry.answer if entry.answer is not None else await self._wait(entry)
            if answer is not None:
                return answer, True
        while len(self._entries) >= self._capacity:
            self._entries.popitem(last=False)
        entry = self._entries[key] = _Entry(digest, self._clock() + self._life)
        if finish:
            return await asyncio.shield(asyncio.ensure_future(self._do(key, entry, work))), False
        return await self._do(key, entry, work), False

    async def _wait(self, entry: _Entry[Answer]) -> Answer | None:
        """Wait for the work of another; one who stops waiting does not stop the others."""
        if entry.waiting is None:
            entry.waiting = asyncio.get_running_loop().create_future()
        return await asyncio.shield(entry.waiting)

    async def _do(self, key: tuple[str, str], entry: _Entry[Answer], work: Callable[[], Awaitable[Answer]]) -> Answer:
        """Do the work, and tell those who wait."""
        try:
            entry.answer = answer = await work()
        except BaseException as error:
            if self._entries.get(key) is entry:
                del self._entries[key]
            if entry.waiting is not None and isinstance(error, Exception):
                entry.waiting.set_exception(error)
                entry.waiting.exception()  # seen, even if nobody waits any more
            elif entry.waiting is not None:
                entry.waiting.set_result(None)
            raise
        if entry.waiting is not None:
            entry.waiting.set_result(answer)
            entry.waiting = None
        return answer

    def _forget_expired(self) -> None:
        """Drop from the old end, which is in order of expiry."""
        now = self._clock()
        while self._entries:
            key, entry = next(iter(self._entries.items()))
            if entry.expires_at > now:
                return
            del self._entries[key]
