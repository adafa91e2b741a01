"""Follows the feeds of revocations of anchors and peers: a stream each, and a list now and then where there is none.

Each round reads the list from where the last one ended, then the stream, until that breaks; the next round comes soon
at first, and at the latest after the time between polls. So what a broken or silent stream withholds is learned by the
list. What is not believed is skipped; where that may change, because its issuer is not believed yet, the list is read
from its beginning once more as soon as somebody else is believed. What a stream says of status lists that have changed
is passed on.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Protocol

from gateway.errors import GatewayError, LimitError
from gateway.federation.fetch import FetchError
from trust.errors import (
    ForeignKeyError,
    NotYetValidError,
    TransitiveTrustError,
    TrustError,
    TrustExpiredError,
    UnknownIssuerError,
    UnknownKeyError,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from gateway.federation.fetch import FederationClient
    from gateway.federation.fetch_stream import StreamEntry
    from gateway.journal import Journal

_FIRST_RETRY_SECONDS: Final = 0.05
_MOST_DOUBLINGS: Final = 20
_RECHECK_SECONDS: Final = 0.2
_MOST_PAGES: Final = 64
_MOST_SKIPPED: Final = 100
MAY_CHANGE: Final = (
    ForeignKeyError,
    NotYetValidError,
    TransitiveTrustError,
    TrustExpiredError,
    UnknownIssuerError,
    UnknownKeyError,
)
"""Why a revocation is not believed now, and may be as soon as another chain is."""


class Believer(Protocol):
    """What believes revocations; `gateway.federation.desk.TrustDesk` is one."""

    def believe_revocation(self, text: str) -> bool:
        """Believe a revocation, or raise TrustError, or GatewayError where that cannot be done now."""
        ...

    def put_aside(self, feed: str, text: str) -> None:
        """Keep a revocation that came by the feed of an entity and may be believed later."""
        ...

    def on_change(self, callback: Callable[[], None]) -> None:
        """Have somebody called whenever something else is believed."""
        ...


@dataclass(slots=True)
class _Feed:
    """One feed: where it was read to, how many entries were skipped, and whether some of them may be good later."""

    entity: str
    cursor: int = 0
    skipped: int = 0
    may_change: bool = False
    streaming: bool = False


class RevocationFollower:
    """Follows feeds, each in a task of its own.

    Args:
        desk: believes what is read.
        client: reads; the follower does not close it.
        entities: whose feeds.
        journal: is told what was skipped, and which feed cannot be had.
        poll_seconds: the most between two rounds of a feed whose stream cannot be had.
        jitter: a number from 0 to 1, so that nodes do not come back all at once.
    """

    def __init__(
        self,
        desk: Believer,
        *,
        client: FederationClient,
        entities: Iterable[str],
        journal: Journal,
        poll_seconds: float = 30.0,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Begin nothing yet."""
        self._desk = desk
        self._client = client
        self._journal = journal
        self._poll_seconds = poll_seconds
        self._jitter = jitter
        self._feeds = tuple(_Feed(entity) for entity in dict.fromkeys(entities))
        self._news = asyncio.Event()
        self._told_of_status: list[Callable[[str, str], None]] = []
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def skipped(self) -> dict[str, int]:
        """How many entries of each feed were not believed."""
        return {feed.entity: feed.skipped for feed in self._feeds}

    @property
    def streaming(self) -> dict[str, bool]:
        """Whether the stream of each feed is open."""
        return {feed.entity: feed.streaming for feed in self._feeds}

    def on_status(self, callback: Callable[[str, str], None]) -> None:
        """Have somebody called with an entity and the address of a status list that it says has changed."""
        self._told_of_status.append(callback)

    def start(self) -> None:
        """Begin, in the running event loop."""
        self._desk.on_change(self._news.set)
        for work in (*map(self._follow, self._feeds), self._recheck()):
            self._begin(work)

    async def close(self) -> None:
        """End all tasks."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        task.add_done_callback(_tell_of_fault)
        self._tasks.append(task)

    async def _follow(self, feed: _Feed) -> None:
        """Read a feed for ever."""
        loop = asyncio.get_running_loop()
        failures, told = 0, ""
        while True:
            begun = loop.time()
            fault = await self._round(feed)
            if fault not in {told, ""}:
                self._journal.event("trust_feed_broken", entity=feed.entity, fault=fault)
            lasted = loop.time() - begun >= self._poll_seconds
            failures, told = (0, "") if lasted else (failures + 1, fault)
            wait = min(_FIRST_RETRY_SECONDS * 2 ** min(failures, _MOST_DOUBLINGS), self._poll_seconds)
            await asyncio.sleep(wait * (1 - self._jitter() / 2))

    async def _round(self, feed: _Feed) -> str:
        """Read the list and then the stream until it ends; gives what was the fault, "" for none."""
        try:
            feed.cursor = await self._read_list(feed, after=feed.cursor)
            await self._read_stream(feed)
        except FetchError as error:
            return error.fault
        except GatewayError as error:
            # A revocation that cannot be kept now is read again in the next round.
            return type(error).__name__
        finally:
            feed.streaming = False
        return ""

    async def _read_list(self, feed: _Feed, *, after: int) -> int:
        """Read a list to its end and give the last cursor (FetchError); one without end is left for the next round."""
        for _ in range(_MOST_PAGES):
            page = await self._client.revocations(feed.entity, after=after)
            for text in page.texts:
                self._believe(feed, text)
                await asyncio.sleep(0)
            after = page.next
            if not page.texts:
                break
        return after

    async def _read_stream(self, feed: _Feed) -> None:
        """Read a stream until it ends (FetchError), or sends too much that is not believed."""
        left = _MOST_SKIPPED

        def opened() -> None:
            feed.streaming = True

        async with aclosing(self._client.stream(feed.entity, after=feed.cursor, opened=opened)) as entries:
            async for entry in entries:
                good = self._take(feed, entry)
                if entry.cursor is not None:
                    feed.cursor = entry.cursor
                left -= not good
                if not left:
                    raise FetchError(entity=feed.entity, fault="form")
                await asyncio.sleep(0)

    def _take(self, feed: _Feed, entry: StreamEntry) -> bool:
        """Believe what came by a stream, pass a notice on, or skip it; tells whether it was of any use."""
        if entry.text is None or entry.kind not in {"", "status"}:
            return self._skip(feed, "form")
        if not entry.kind:
            return self._believe(feed, entry.text)
        for callback in self._told_of_status:
            callback(feed.entity, entry.text)
        return True

    async def _recheck(self) -> None:
        """Read from the beginning those lists of which something may be believed now that was not.

        That is so when somebody else is believed, and, clocks being what they are, when time has passed.
        """
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll_seconds):
                    await self._news.wait()
            self._news.clear()
            for feed in self._feeds:
                if feed.may_change:
                    await self._read_again(feed)
            await asyncio.sleep(_RECHECK_SECONDS)

    async def _read_again(self, feed: _Feed) -> None:
        """Read one list from its beginning; the cursor of the stream stays where it is."""
        feed.may_change = False
        try:
            await self._read_list(feed, after=0)
        except GatewayError:
            feed.may_change = True

    def _believe(self, feed: _Feed, text: str) -> bool:
        """Believe a revocation, or skip it; tells which (GatewayError where it cannot be kept now)."""
        try:
            self._desk.believe_revocation(text)
        except (TrustError, LimitError) as error:
            if isinstance(error, MAY_CHANGE):
                feed.may_change = True
                self._desk.put_aside(feed.entity, text)
            return self._skip(feed, type(error).__name__)
        return True

    def _skip(self, feed: _Feed, why: str) -> Literal[False]:
        """Count what was skipped, and tell of it ever more seldom."""
        feed.skipped += 1
        if feed.skipped & (feed.skipped - 1) == 0:
            self._journal.event("trust_revocation_skipped", entity=feed.entity, error=why, skipped=feed.skipped)
        return False


def _tell_of_fault(task: asyncio.Task[None]) -> None:
    """Hand a mistake in the program to the event loop, which writes it down; nobody awaits these tasks."""
    error = None if task.cancelled() else task.exception()
    if error is not None:
        task.get_loop().call_exception_handler({"message": "a feed is not followed", "exception": error, "task": task})
