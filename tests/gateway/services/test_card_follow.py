"""Following a feed for ever: what breaks is resumed, gaps lead to a comparison, silence to age."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adapters.words import CardEventKind, CardStatus
from gateway.errors import FeedCursorError, PeerProtocolError, PeerRefusedError, PeerUnavailableError
from gateway.services.card_copy import CardCopy
from gateway.services.card_feeds import CardFeeds, LocalFeed
from gateway.services.card_follow import CardFollower
from gateway.services.card_news import FeedMessage
from gateway.services.card_table import Shown
from tests.fakes.cards import FakeCardLog, FakeCopyStore, happened, ledger, report, told_name
from tests.fakes.clock import FakeClock
from tests.fakes.journal import FakeJournal
from tests.fakes.regions import AGREEMENTS, REGISTRY
from trust.errors import NoAgreementError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

    from gateway.services.card_ledger import CardLedger
    from gateway.services.card_news import CompareAnswer, CompareNode

K = CardEventKind
CARD = "SYN000001"
HEARTBEAT = 0.005


@dataclass
class Line:
    """The way between a feed and its follower: it can be cut, garbled, and made silent."""

    feed: LocalFeed
    fault: Exception | None = None
    silent: bool = False
    spoil: Callable[[FeedMessage], FeedMessage] | None = None
    asked: list[tuple[str, int]] = field(default_factory=list)
    compared: int = 0
    passed: list[int] = field(default_factory=list)

    async def watch(self, *, visited: str, feed: str, after: int) -> AsyncGenerator[FeedMessage]:
        """Pass messages on as long as nothing is wrong."""
        self.asked.append((feed, after))
        if self.fault is not None:
            raise self.fault
        stream = self.feed.watch(visited=visited, feed=feed, after=after)
        async for message in stream:
            if self.fault is not None:
                raise self.fault
            if self.silent:
                await asyncio.sleep(60)
            self.passed += [one.number for one in message.news]
            yield message if self.spoil is None else self.spoil(message)

    async def compare(self, nodes: Sequence[CompareNode], *, visited: str) -> CompareAnswer:
        """Compare, and count."""
        self.compared += 1
        return await self.feed.compare(nodes, visited=visited)


@dataclass
class Scene:
    """A home region, the line, and who follows."""

    clock: FakeClock
    cards: CardLedger
    line: Line
    copy: CardCopy
    follower: CardFollower
    journal: FakeJournal

    async def until(self, done: Callable[[], bool]) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(10):
            while not done():
                await asyncio.sleep(0.002)

    async def happen(self, kind: CardEventKind, number: str = CARD) -> None:
        """Report something, later than all before."""
        self.clock.advance(1)
        await self.cards.report([report(self.cards, number, happened(kind, self.clock, before=0.1))])

    @property
    def shown(self) -> Shown | None:
        """What the copy shows of the card."""
        return self.copy.shown(told_name(self.cards, CARD))


@asynccontextmanager
async def scene(
    log: FakeCardLog | None = None, store: FakeCopyStore | None = None, **settings: float
) -> AsyncIterator[Scene]:
    """Follow Chongqing's cards for Sichuan."""
    clock, journal = FakeClock(), FakeJournal()
    cards = ledger(log=log or FakeCardLog(clock), clock=clock)
    await cards.start()
    feeds = CardFeeds(
        {"chongqing": cards}, registry=REGISTRY, agreements=AGREEMENTS, clock=clock, heartbeat_seconds=HEARTBEAT
    )
    line = Line(LocalFeed(feeds, "chongqing"))
    copy = CardCopy("chongqing", "sichuan", store=store or FakeCopyStore(), clock=clock)
    await copy.start()
    follower = CardFollower(copy, line, journal=journal, jitter=lambda: 1.0, **settings)
    task = asyncio.create_task(follower.run())
    try:
        yield Scene(clock, cards, line, copy, follower, journal)
    finally:
        task.cancel()
        await asyncio.wait({task})


async def test_what_happens_is_followed() -> None:
    """Loss and thaw arrive as they happen."""
    async with scene() as here:
        await here.until(lambda: here.follower.streaming)
        for kind, status in ((K.ACTIVATED, CardStatus.ACTIVE), (K.LOST_FORMAL, CardStatus.LOST_FORMAL)):
            await here.happen(kind)
            await here.until(lambda status=status: here.shown == Shown(status, frozenset()))  # type: ignore[misc]
        await here.happen(K.THAWED)
        await here.until(lambda: here.shown == Shown(CardStatus.ACTIVE, frozenset()))


async def test_a_cut_stream_is_resumed_and_nothing_comes_twice() -> None:
    """What happened meanwhile arrives in order, after the last number that was known; the age grows until then."""
    async with scene() as here:
        await here.happen(K.ACTIVATED)
        await here.until(lambda: here.copy.state.last == 1)
        here.line.fault = PeerUnavailableError(region="chongqing")
        await here.until(lambda: not here.follower.streaming)
        for kind in (K.LOST_TEMPORARY, K.LOST_FORMAL, K.THAWED):
            await here.happen(kind)
        here.clock.advance(57)
        assert (here.copy.state.last, here.copy.age()) == (1, 60)
        here.line.fault = None
        await here.until(lambda: here.copy.state.last == 4)
        assert here.line.passed == [1, 2, 3, 4]
        assert here.line.asked[-1] == ("feed-1", 1)
        assert here.copy.age() == 57
        assert here.line.compared == 0
        broken = [line for line in here.journal.lines if line["event"] == "card_feed_broken"]
        assert [line["fault"] for line in broken] == ["PeerUnavailableError"]


async def test_a_silent_stream_counts_as_broken() -> None:
    """It is opened again."""
    async with scene(silence_seconds=0.03) as here:
        await here.until(lambda: here.follower.streaming)
        here.line.silent = True
        asked = len(here.line.asked)
        await here.until(lambda: len(here.line.asked) > asked)
        assert "silence" in here.journal.text
        here.line.silent = False
        await here.until(lambda: here.follower.streaming)


async def test_a_gap_is_read_again_and_the_second_time_compared() -> None:
    """A feed that keeps leaving something out is not believed: the copy is compared, and then complete."""
    async with scene() as here:
        await here.until(lambda: here.follower.streaming)
        here.line.spoil = lambda message: FeedMessage(message.news[1:], message.state)
        await here.cards.report(
            [
                report(here.cards, CARD, happened(kind, here.clock, before=b))
                for kind, b in ((K.ACTIVATED, 2), (K.LOCKED, 1))
            ]
        )
        await here.until(lambda: here.line.compared > 0)
        await here.until(lambda: here.copy.state.last == 2)
        assert here.shown == Shown(CardStatus.LOCKED, frozenset())
        assert "feed:missing_number" in here.journal.text
        assert "card_feed_compared" in here.journal.text


async def test_a_home_region_that_lost_its_numbers_is_compared() -> None:
    """Its feed is another one; nothing that was known is lost, and the new feed is followed."""
    log, store = FakeCardLog(), FakeCopyStore()
    async with scene(log, store) as here:
        await here.happen(K.LOST_FORMAL)
        await here.until(lambda: here.copy.state.last == 1)
    fresh = FakeCardLog(feed="feed-2")
    async with scene(fresh, store) as here:
        await here.until(lambda: here.copy.state.feed == "feed-2")
        assert here.line.compared > 0
        assert here.shown == Shown(CardStatus.LOST_FORMAL, frozenset())
        here.clock.advance(10)
        await here.happen(K.THAWED)
        await here.until(lambda: here.shown == Shown(CardStatus.ACTIVE, frozenset()))


async def test_a_refusal_of_the_cursor_by_a_peer_leads_to_a_comparison() -> None:
    """As a peer tells it over the wire."""
    async with scene() as here:
        await here.happen(K.ACTIVATED)
        await here.until(lambda: here.copy.state.last == 1)
        here.line.fault = PeerRefusedError(code="FAILED_PRECONDITION", reason="FEED_CURSOR", violations=())
        await here.until(lambda: here.line.compared > 0)
        here.line.fault = None
        await here.until(lambda: here.follower.streaming)


async def test_other_faults_are_tried_again_without_a_comparison() -> None:
    """An agreement that does not stand, a peer that talks nonsense, a cursor that is refused in this very process."""
    async with scene() as here:
        for fault in (NoAgreementError(), PeerProtocolError(region="chongqing", rule="EXPIRED")):
            here.line.fault = fault
            asked = len(here.line.asked)
            await here.until(lambda asked=asked: len(here.line.asked) > asked + 1)  # type: ignore[misc]
        assert here.line.compared == 0
        assert {"NoAgreementError", "EXPIRED"} <= {line.get("fault") for line in here.journal.lines}
        here.line.fault = FeedCursorError(region="chongqing")
        await here.until(lambda: here.line.compared > 0)


async def test_a_copy_is_compared_now_and_then_although_nothing_is_amiss() -> None:
    """What was lost without a trace is found."""
    async with scene(compare_seconds=0.0) as here:
        await here.happen(K.LOST_FORMAL)
        await here.until(lambda: here.shown == Shown(CardStatus.LOST_FORMAL, frozenset()))
        here.copy.table.__init__()  # type: ignore[misc]  # all is lost, but for one other card
        here.copy.table.put(b"\1" * 16, here.cards.table.state(here.cards.name(CARD)))
        here.line.fault = PeerUnavailableError(region="chongqing")
        await here.until(lambda: not here.follower.streaming)
        here.line.fault = None
        await here.until(lambda: here.shown == Shown(CardStatus.LOST_FORMAL, frozenset()))


async def test_a_stream_that_ends_is_opened_again_at_once() -> None:
    """As it does before our token runs out."""
    async with scene() as here:
        await here.until(lambda: here.follower.streaming)

        async def ends(**_: object) -> AsyncGenerator[FeedMessage]:
            here.line.asked.append(("", -1))
            for _ in ():
                yield FeedMessage((), here.copy.state)  # type: ignore[arg-type]  # never given

        here.line.fault = PeerUnavailableError(region="chongqing")
        await here.until(lambda: not here.follower.streaming)
        here.line.fault = None
        original, here.line.watch = here.line.watch, ends  # type: ignore[method-assign]  # for a moment
        await here.until(lambda: here.line.asked[-3:] == [("", -1)] * 3)
        here.line.watch = original  # type: ignore[method-assign]  # as it was
        await here.until(lambda: here.follower.streaming)
