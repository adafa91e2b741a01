"""Where card states are kept, in memory: a log that several replicas share, a store of copies, and cards by name."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adapters.card_events import CardEvent
from adapters.card_state import CardState, Outcome
from gateway.services.card_ledger import CardLedger, Report
from gateway.services.card_news import CardNews, CopyState, FeedStart, Filed
from tests.fakes.clock import FakeClock
from tests.fakes.regions import SECRET
from trust.pseudonym import pairwise_card

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence

    from adapters.words import CardEventKind
    from gateway.errors import GatewayError

MICROS = 1_000_000


@dataclass(slots=True)
class FakeCardLog:
    """A log of card events in memory; `fails` is raised instead of filing anything."""

    clock: FakeClock = field(default_factory=FakeClock)
    entries: dict[str, list[CardNews]] = field(default_factory=dict)
    feed: str = "feed-1"
    fails: GatewayError | None = None
    reads: int = 0
    heard_at: dict[str, float] = field(default_factory=dict)
    _news: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    async def begin(self, home: str) -> FeedStart:
        """Give where the log stands at its beginning, so that a replica reads all of it."""
        self.entries.setdefault(home, [])
        return FeedStart(self.feed, 0, self.heard_at.get(home))

    async def file(self, home: str, told: Sequence[tuple[bytes, CardEvent]], *, heard: bool = True) -> Sequence[Filed]:
        """Append what is not there."""
        if self.fails is not None:
            raise self.fails
        if heard:
            self.heard_at[home] = self.clock()
        filed = []
        entries = self.entries.setdefault(home, [])
        now = round(self.clock() * MICROS)
        for card, event in told:
            state = CardState.of(e.event for e in entries if e.card == card)
            duplicate = any((e.card, e.event) == (card, event) for e in entries)
            outcome = Outcome.DUPLICATE if duplicate else state.judge(event)
            number = 0 if duplicate else len(entries) + 1
            if not duplicate:
                entries.append(CardNews(number, card, event, now))
            filed.append(Filed(number, outcome, now))
        self._news.put_nowait(home)
        return filed

    async def after(self, home: str, number: int, *, limit: int) -> Sequence[CardNews]:
        """Give what comes after a number."""
        self.reads += 1
        return self.entries.get(home, [])[number : number + limit]

    async def states(self, home: str) -> AsyncIterator[tuple[bytes, CardState]]:
        """Give nothing: what was filed is read on from the beginning."""
        for entry in self.entries[home][:0]:
            yield entry.card, CardState.of([entry.event])

    async def heard(self) -> AsyncGenerator[str]:
        """Name the regions for which something was filed."""
        while True:
            yield await self._news.get()


@dataclass(slots=True)
class FakeCopyStore:
    """Keeps copies in memory, and counts how often; `fails` is raised instead."""

    kept: dict[tuple[str, str], tuple[CopyState, dict[bytes, CardState]]] = field(default_factory=dict)
    fails: GatewayError | None = None
    times: int = 0

    async def begin(self, pair: tuple[str, str]) -> CopyState:
        """Give where a copy stands."""
        return self.kept.get(pair, (CopyState(), {}))[0]

    async def states(self, pair: tuple[str, str]) -> AsyncIterator[tuple[bytes, CardState]]:
        """Give the states of a copy."""
        for card, state in self.kept.get(pair, (CopyState(), {}))[1].items():
            yield card, state

    async def keep(self, pair: tuple[str, str], state: CopyState, cards: Sequence[tuple[bytes, CardState]]) -> None:
        """Keep both."""
        if self.fails is not None:
            raise self.fails
        self.times += 1
        known = self.kept.get(pair, (CopyState(), {}))[1]
        self.kept[pair] = (state, {**known, **dict(cards)})


def ledger(region: str = "chongqing", log: FakeCardLog | None = None, clock: FakeClock | None = None) -> CardLedger:
    """Make the cards of a home region."""
    clock = clock or FakeClock()
    return CardLedger(region, secret=SECRET, log=log or FakeCardLog(clock), clock=clock)


def happened(kind: CardEventKind, clock: FakeClock, *, before: float = 0.5, **told: object) -> CardEvent:
    """Give an event of half a second ago."""
    time = round((clock() - before) * MICROS)
    return CardEvent(kind=kind, time=time, **told)  # type: ignore[arg-type]  # a test may give anything


def report(cards: CardLedger, number: str, event: CardEvent) -> Report:
    """Give a report about the card with a number."""
    return Report(cards.name(number), event)


def told_name(cards: CardLedger, number: str, visited: str = "sichuan") -> bytes:
    """Give what a visited region is told as the name of the card with a number."""
    return pairwise_card(SECRET, home=cards.region, visited=visited, card=cards.name(number))
