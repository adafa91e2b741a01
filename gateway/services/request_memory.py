"""Remembers answers by request id, so that a repeated request has one effect and one answer.

Equal requests that come at once share one piece of work. Failures are not remembered: the caller may try again under
the same id. Bounded in time and number, and no caller pays for another: a request that is not finished is never given
up, however many come after it, and whoever has more than a fair share gives up answers of its own.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from gateway.errors import LimitError, RequestIdReusedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.services.ports import Clock

Answer = TypeVar("Answer")
Key = tuple[str, str]

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
    """Answers of one method, by caller and request id.

    A caller's fair share is `capacity` divided by the number of callers of whom anything is remembered. One who has no
    more than that never loses an answer to another. Requests that are not finished are counted by themselves, up to
    `capacity`, and one caller has at most half of them.
    """

    def __init__(self, *, clock: Clock, life_seconds: float = LIFE_SECONDS, capacity: int = CAPACITY) -> None:
        """Keep answers for `life_seconds` from the request on, at most `capacity` of them."""
        self._clock = clock
        self._life = life_seconds
        self._capacity = capacity
        self._most_unfinished = max(1, capacity // 2)
        self._unfinished: dict[Key, _Entry[Answer]] = {}
        self._unfinished_of: dict[str, int] = {}
        self._answered: OrderedDict[Key, _Entry[Answer]] = OrderedDict()
        self._answered_of: dict[str, OrderedDict[Key, None]] = {}

    def __len__(self) -> int:
        """Count what is remembered, and what is not finished."""
        return len(self._answered) + len(self._unfinished)

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
            RequestIdReusedError: the id was used for a question with another digest.
            LimitError: too much is unfinished, of this caller or of all. And whatever the work raises.
        """
        key = (caller, request_id)
        now = self._clock()
        self._forget_expired(now)
        while (entry := self._find(key, now)) is not None:
            if entry.digest != digest:
                raise RequestIdReusedError
            answer = entry.answer if entry.answer is not None else await self._wait(entry)
            if answer is not None:
                return answer, True
        entry = self._begin(key, digest, now)
        if finish:
            return await asyncio.shield(asyncio.ensure_future(self._do(key, entry, work))), False
        return await self._do(key, entry, work), False

    def _find(self, key: Key, now: float) -> _Entry[Answer] | None:
        """Find a request that is not finished, or whose answer lives."""
        entry = self._unfinished.get(key)
        if entry is not None:
            return entry
        entry = self._answered.get(key)
        if entry is not None and entry.expires_at <= now:
            self._forget(key)
            return None
        return entry

    def _begin(self, key: Key, digest: str, now: float) -> _Entry[Answer]:
        """Note a new request (LimitError)."""
        own = self._unfinished_of.get(key[0], 0)
        if len(self._unfinished) >= self._capacity or own >= self._most_unfinished:
            raise LimitError(limit="unfinished_requests")
        self._unfinished_of[key[0]] = own + 1
        entry = self._unfinished[key] = _Entry[Answer](digest, now + self._life)
        return entry

    async def _wait(self, entry: _Entry[Answer]) -> Answer | None:
        """Wait for the work of another; one who stops waiting does not stop the others."""
        if entry.waiting is None:
            entry.waiting = asyncio.get_running_loop().create_future()
        return await asyncio.shield(entry.waiting)

    async def _do(self, key: Key, entry: _Entry[Answer], work: Callable[[], Awaitable[Answer]]) -> Answer:
        """Do the work, and tell those who wait."""
        try:
            entry.answer = answer = await work()
        except BaseException as error:
            self._end(key)
            if entry.waiting is not None and isinstance(error, Exception):
                entry.waiting.set_exception(error)
                entry.waiting.exception()  # seen, even if nobody waits any more
            elif entry.waiting is not None:
                entry.waiting.set_result(None)
            raise
        self._end(key)
        self._remember(key, entry)
        if entry.waiting is not None:
            entry.waiting.set_result(answer)
            entry.waiting = None
        return answer

    def _end(self, key: Key) -> None:
        """Note that a request is finished, well or not."""
        del self._unfinished[key]
        own = self._unfinished_of.pop(key[0]) - 1
        if own:
            self._unfinished_of[key[0]] = own

    def _remember(self, key: Key, entry: _Entry[Answer]) -> None:
        """Remember an answer; where there are too many, the caller itself gives up its oldest, or who has the most."""
        own = self._answered_of.get(key[0])
        if own is None:
            own = self._answered_of[key[0]] = OrderedDict()
        self._answered[key], own[key] = entry, None
        if len(self._answered) > self._capacity:
            if len(own) <= self._capacity // len(self._answered_of):
                own = max(self._answered_of.values(), key=len)
            self._forget(next(iter(own)))

    def _forget(self, key: Key) -> None:
        """Forget an answer."""
        del self._answered[key]
        own = self._answered_of[key[0]]
        del own[key]
        if not own:
            del self._answered_of[key[0]]

    def _forget_expired(self, now: float) -> None:
        """Drop from the old end, which is in order of expiry but for what requests differ in the time they took."""
        while self._answered:
            key, entry = next(iter(self._answered.items()))
            if entry.expires_at > now:
                return
            self._forget(key)
