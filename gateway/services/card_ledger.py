"""The home side of card states: files what a region's platform reports, knows every card's state, and tells of it.

What is filed lies in the log, which all replicas of the gateway share; each keeps the states in memory and reads on in
the log whenever something may have been filed. Cards are kept by what the region itself calls them, never by number.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from adapters.card_events import CardEvent
from adapters.card_state import Outcome
from adapters.words import CardStatus
from gateway.services.card_news import MICROS, MOST_AT_ONCE, CardNews, FeedState
from gateway.services.card_table import CardTable, Shown
from trust.encoding import decode_base64url, encode_base64url
from trust.pseudonym import home_card

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.services.card_news import CardLog
    from gateway.services.ports import Clock

_TAIL: Final = 20_000
_UNTOLD: Final = Shown(CardStatus.UNKNOWN, frozenset())


def card_key(number: str) -> str:
    """Give what names a card at home by its card number, for `trust.pseudonym.home_card`."""
    return f"number:{number}"


@dataclass(frozen=True, slots=True)
class Report:
    """What a platform reports of a card: its own name for it, and the event, the successor by its own name too."""

    card: bytes
    event: CardEvent


class Result(NamedTuple):
    """What became of a report: its number in the feed, how it stood to what was known, and what the card shows now."""

    number: int
    outcome: Outcome
    shown: Shown


class Reported(NamedTuple):
    """What was reported of a card: what it shows, since when (Unix time), and which card has replaced it, or b""."""

    shown: Shown
    since: float
    successor: bytes


class CardLedger:
    """The cards of one home region.

    Args:
        region: the home region.
        secret: of its pseudonyms.
        log: where it is all kept.
        clock: Unix time.
    """

    def __init__(self, region: str, *, secret: bytes, log: CardLog, clock: Clock) -> None:
        """Know nothing yet."""
        self.region = region
        self.secret = secret
        self.table = CardTable()
        self._log = log
        self._clock = clock
        self._feed = ""
        self._last = 0
        self._tail: list[CardNews] = []
        self._heard_at: float | None = None
        self._news = asyncio.Event()
        self._reading = asyncio.Lock()

    async def start(self) -> None:
        """Load what was filed before (StoreUnavailableError)."""
        self._feed, self._last, self._heard_at = await self._log.begin(self.region)
        async for card, state in self._log.states(self.region):
            self.table.put(card, self.table.state(card).joined(state.marks))
        await self.read_on()

    async def heard(self) -> None:
        """Take note of what any replica has filed, and of when one last heard the platform (StoreUnavailableError)."""
        heard_at = (await self._log.begin(self.region)).heard_at
        await self.read_on()  # first: who hears that the platform was heard takes what is known for all that happened
        if heard_at is not None and (self._heard_at is None or heard_at > self._heard_at):
            self._heard_at = heard_at

    def name(self, number: str) -> bytes:
        """Give what the region calls the card with a number."""
        return home_card(self.secret, home=self.region, card_key=card_key(number))

    def event_of(self, event: CardEvent, *, successor: str) -> CardEvent:
        """Give a replacement with the region's own name of the successor, whose card number is given."""
        detail = encode_base64url(self.name(successor))
        return CardEvent(kind=event.kind, time=event.time, sequence=event.sequence, detail=detail)

    def shown(self, card: bytes) -> Shown | None:
        """Give what a card's state means, None where nothing was ever reported of it."""
        return self.table.shown(card)

    def reported(self, card: bytes) -> Reported | None:
        """Give what was reported of a card, None where nothing was.

        Where nothing was said of its state, but of a function, it shows as in use: the platform's answer decides.
        """
        state = self.table.state(card)
        if not state.marks:
            return None
        meaning = state.meaning
        status = CardStatus.ACTIVE if meaning.untold else meaning.status
        successor = decode_base64url(state.successor) or b""
        return Reported(Shown(status, meaning.suspended), meaning.since / MICROS, successor)

    @property
    def last(self) -> int:
        """Give the number up to which all is known here."""
        return self._last

    async def report(self, reports: Sequence[Report], *, heard: bool = True) -> tuple[Result, ...]:
        """File what the platform reports; returns when it is on disk and known here (StoreUnavailableError).

        Nothing is a report too: all that has happened so far was reported. Not so where it was not `heard`, but asked.
        """
        told = [(report.card, report.event) for report in reports]
        filed = await self._log.file(self.region, told, heard=heard)
        for (card, event), one in zip(told, filed, strict=True):
            if one.outcome is not Outcome.DUPLICATE:
                self._apply(card, event)
        now = self._clock()
        if told:
            await self.read_on()
        self._heard_at = now if heard else self._heard_at
        return tuple(
            Result(one.number, one.outcome, self.table.shown(card) or _UNTOLD)
            for (card, _), one in zip(told, filed, strict=True)
        )

    def _apply(self, card: bytes, event: CardEvent) -> None:
        """Join an event to what is known."""
        before = self.table.state(card)
        after = before.with_event(event)
        if after != before:
            self.table.put(card, after)

    async def read_on(self) -> None:
        """Read what was filed since, here and by other replicas, and wake those who wait (StoreUnavailableError)."""
        async with self._reading:
            while entries := await self._log.after(self.region, self._last, limit=MOST_AT_ONCE):
                for entry in entries:
                    self._apply(entry.card, entry.event)
                    self._tail.append(entry)
                self._last = entries[-1].number
                if len(self._tail) > 2 * _TAIL:
                    del self._tail[:-_TAIL]
                self._news.set()
                self._news = asyncio.Event()

    def state(self) -> FeedState:
        """Give how far the feed goes, and how old what it tells is."""
        now = self._clock()
        age = None if self._heard_at is None else max(0.0, now - self._heard_at)
        return FeedState(feed=self._feed, last=self._last, age=age, sent_at=now)

    def follows(self, feed: str, after: int) -> bool:
        """Tell whether somebody who has this feed up to a number can read on from there."""
        return 0 <= after <= self._last and (feed == self._feed or not (feed or after))

    async def after(self, number: int) -> Sequence[CardNews]:
        """Give what comes after a number, at most 500 (StoreUnavailableError)."""
        if number >= self._last:
            return ()
        first = self._tail[0].number if self._tail else self._last + 1
        if number + 1 < first:
            return await self._log.after(self.region, number, limit=MOST_AT_ONCE)
        return self._tail[number + 1 - first :][:MOST_AT_ONCE]

    async def changed(self, after: int, *, within: float) -> None:
        """Wait until something comes after a number, or for so many seconds."""
        if self._last > after:
            return
        news = self._news
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await news.wait()
