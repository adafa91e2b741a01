"""When to refresh: in the background, fast at first, seldom later, and never more often because somebody asks."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from threading import get_ident
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

_FIRST_RETRY_SECONDS: Final = 0.05
_FIRST_ROUND_RETRY_SECONDS: Final = 0.5

Place = tuple[str, str]
"""Anchor and entity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshTimes:
    """How often to refresh, in seconds.

    `refresh_seconds` is between good rounds and the most between bad ones; `interval_seconds` must lie between two
    rounds of an entity where somebody asked for one; a node that begins waits `first_round_seconds` at most for those
    of whom it remembers nothing.
    """

    refresh_seconds: float = 60.0
    interval_seconds: float = 5.0
    first_round_seconds: float = 3.0


@dataclass(slots=True)
class _Line:
    """One place that is kept fresh; rounds are counted from 1, when they begin and when they end."""

    wanted: asyncio.Event = field(default_factory=asyncio.Event)
    good: asyncio.Event = field(default_factory=asyncio.Event)
    begun: float = 0.0
    rounds: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def begin(self, now: float) -> None:
        """Begin a round; who asks from now on is served by the next one."""
        self.wanted.clear()
        self.begun = now
        self.rounds += 1

    def end(self) -> None:
        """End the round, and wake those who wait for one."""
        waiting, self.ended = self.ended, asyncio.Event()
        waiting.set()

    async def next_round(self) -> None:
        """Wait until a round has ended that had not begun yet."""
        running = self.rounds
        while True:
            await self.ended.wait()
            if self.rounds > running:
                return


class Refresher:
    """Keeps places fresh, each in a task of its own, so that a slow anchor delays nobody else's.

    Args:
        refresh: refreshes one place; tells whether that went well, and raises nothing.
        places: which there are; asked again each round, because agreements begin and end.
        awaited: whether the first round waits for a place.
        times: how often.
        jitter: a number from 0 to 1, so that nodes do not ask all at once.
    """

    def __init__(
        self,
        refresh: Callable[[Place], Awaitable[bool]],
        *,
        places: Callable[[], Iterable[Place]],
        awaited: Callable[[Place], bool],
        times: RefreshTimes,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Begin nothing yet."""
        self._refresh = refresh
        self._places = places
        self._awaited = awaited
        self._times = times
        self._jitter = jitter
        self._lines: dict[Place, _Line] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0
        self.first_round = asyncio.Event()
        """Set once each awaited place went well or was tried for as long as the first round may take."""

    def start(self) -> None:
        """Begin, in the running event loop."""
        self._loop, self._thread = asyncio.get_running_loop(), get_ident()
        self._begin(self._oversee())

    async def close(self) -> None:
        """End all tasks."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def soon(self, entity: str) -> None:
        """Ask for a refresh of an entity, from any thread; it is refreshed once an interval at most."""
        if self._loop is None or get_ident() == self._thread:
            self._want(entity)
        else:
            self._loop.call_soon_threadsafe(self._want, entity)

    def _want(self, entity: str) -> None:
        for (_, kept), line in self._lines.items():
            if kept == entity:
                line.wanted.set()

    async def again(self, entity: str) -> None:
        """Ask for a refresh of an entity, and wait until one that begins after this has ended, well or not."""
        lines = [line for (_, kept), line in self._lines.items() if kept == entity]
        self.soon(entity)
        await asyncio.gather(*(line.next_round() for line in lines))

    def _begin(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(_tell_of_fault)

    async def _oversee(self) -> None:
        """Begin a line for each place, now and whenever an agreement comes into force."""
        self._add_lines()
        good = [asyncio.ensure_future(line.good.wait()) for place, line in self._lines.items() if self._awaited(place)]
        try:
            if good:
                await asyncio.wait(good, timeout=self._times.first_round_seconds)
        finally:
            for waiting in good:
                waiting.cancel()
        self.first_round.set()
        while True:
            await asyncio.sleep(self._times.refresh_seconds)
            self._add_lines()

    def _add_lines(self) -> None:
        for place in self._places():
            if place not in self._lines:
                line = self._lines[place] = _Line()
                self._begin(self._keep(place, line))

    async def _keep(self, place: Place, line: _Line) -> None:
        """Refresh one place for ever."""
        failures = 0
        while True:
            line.begin(asyncio.get_running_loop().time())
            good = await self._refresh(place)
            line.end()
            if good:
                line.good.set()
                failures = 0
                await self._pause(line, self._times.refresh_seconds * (1 - self._jitter() / 10))
            else:
                # Where all begin together, a peer that is late by a second must not be asked again only after ten.
                most = self._times.refresh_seconds if self.first_round.is_set() else _FIRST_ROUND_RETRY_SECONDS
                wait = min(_FIRST_RETRY_SECONDS * 2**failures, most)
                failures += wait < most
                await self._pause(line, wait)

    async def _pause(self, line: _Line, seconds: float) -> None:
        """Wait, shorter where somebody asks for a refresh, but no shorter than the interval."""
        loop = asyncio.get_running_loop()
        due = loop.time() + seconds
        try:
            async with asyncio.timeout_at(due):
                await line.wanted.wait()
        except TimeoutError:
            return
        await asyncio.sleep(min(due, line.begun + self._times.interval_seconds) - loop.time())


def _tell_of_fault(task: asyncio.Task[None]) -> None:
    """Hand a mistake in the program to the event loop, which writes it down; nobody awaits these tasks."""
    error = None if task.cancelled() else task.exception()
    if error is not None:
        task.get_loop().call_exception_handler({"message": "a refresh has ended", "exception": error, "task": task})
