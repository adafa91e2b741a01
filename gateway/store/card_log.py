"""Keeps what home regions report of their cards, for all replicas and over restarts (`gateway.services.card_news`).

What is reported of a card that is then not in full use takes back, in the same transaction, what has vouched for it.
"""

from __future__ import annotations

import secrets
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from adapters.card_events import SEQUENCE_BITS, of_slot
from adapters.card_state import CardState, Outcome
from adapters.words import CardStatus
from gateway.services.card_news import CardNews, FeedStart, Filed
from gateway.store.schema import now_micros
from gateway.store.status_places import revoke_cards
from gateway.store.tables_cards import EVENTS, FEEDS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence

    from adapters.card_events import CardEvent
    from gateway.store.store import Store
    from gateway.store.transaction import Transaction

    Also = Callable[[Transaction, str, Mapping[bytes, CardState]], Awaitable[None]]

CHANNEL: Final = "cards"
_MICROS: Final = 1_000_000
_FEED_BYTES: Final = 16
_AT_ONCE: Final = 500
_PAGE: Final = 5000
_NOTHING: Final = CardState()
_FIRST: Final = {
    "sqlite": sqlite.insert(FEEDS).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(FEEDS).on_conflict_do_nothing(),
}
_START: Final = select(FEEDS.c.feed, FEEDS.c.last, FEEDS.c.heard).where(FEEDS.c.home == bindparam("of"))
_HEARD: Final = (
    update(FEEDS)
    .where(FEEDS.c.home == bindparam("of"))
    .values(heard=func.coalesce(bindparam("now", type_=FEEDS.c.heard.type), FEEDS.c.heard))
    .returning(FEEDS.c.last)
)
_COUNT: Final = update(FEEDS).where(FEEDS.c.home == bindparam("of")).values(last=bindparam("number"))
_OF_CARDS: Final = select(EVENTS.c.card, EVENTS.c.slot, EVENTS.c.time, EVENTS.c.sequence, EVENTS.c.detail).where(
    EVENTS.c.home == bindparam("of"), EVENTS.c.card.in_(bindparam("cards", expanding=True))
)
_ADD: Final = insert(EVENTS)
_AFTER: Final = (
    select(EVENTS)
    .where(EVENTS.c.home == bindparam("of"), EVENTS.c.number > bindparam("number"))
    .order_by(EVENTS.c.number)
    .limit(bindparam("most"))
)
_ALL: Final = (
    select(EVENTS.c.card, EVENTS.c.slot, EVENTS.c.time, EVENTS.c.sequence, EVENTS.c.detail)
    .where(EVENTS.c.home == bindparam("of"), EVENTS.c.card > bindparam("after"))
    .order_by(EVENTS.c.card)
    .limit(bindparam("most"))
)


class _Report(NamedTuple):
    """What is filed at once of one home region."""

    home: str
    told: Sequence[tuple[bytes, CardEvent]]
    heard: bool


@dataclass(slots=True)
class _Known:
    """What was filed of a card before: all events, and the state that follows."""

    events: set[CardEvent] = field(default_factory=set)
    state: CardState = field(default_factory=CardState)

    def add(self, event: CardEvent) -> None:
        self.events.add(event)
        self.state = self.state.with_event(event)

    @property
    def in_full_use(self) -> bool:
        meaning = self.state.meaning
        return meaning.status is CardStatus.ACTIVE and not meaning.suspended


class StoredCardLog:
    """The log of all home regions.

    Args:
        store: where it is.
        remembered_seconds: for how long after its end a recognition that was taken back is told as such.
        also: what else is done in the transaction of a report, with the home region and the states of its cards then.
    """

    def __init__(self, store: Store, *, remembered_seconds: int, also: Also | None = None) -> None:
        """Take the store."""
        self._also = also
        self._store = store
        self._longer = remembered_seconds
        self._first = _FIRST[store.dialect]

    async def begin(self, home: str) -> FeedStart:
        """Give the feed of a region as it is now; the first time it is made (StoreUnavailableError)."""
        start = await self._start(home)
        if start is None:
            await self._store.commit(self._begin, home)
            start = await self._start(home)
        return start or FeedStart("", 0)

    async def _start(self, home: str) -> FeedStart | None:
        async with self._store.reading() as connection:
            row = (await connection.execute(_START, {"of": home})).one_or_none()
        return (
            None if row is None else FeedStart(row.feed, row.last, None if row.heard is None else row.heard / _MICROS)
        )

    async def _begin(self, transaction: Transaction, homes: Sequence[str]) -> Sequence[None]:
        for home in homes:
            row = {"home": home, "feed": secrets.token_hex(_FEED_BYTES), "last": 0, "heard": None}
            await transaction.execute(self._first, row)
        return [None] * len(homes)

    async def file(self, home: str, told: Sequence[tuple[bytes, CardEvent]], *, heard: bool = True) -> Sequence[Filed]:
        """Append what is not there yet, and note that the platform was `heard` (StoreUnavailableError)."""
        return await self._store.commit(self._file, _Report(home, told, heard))

    async def _file(self, transaction: Transaction, reports: Sequence[_Report]) -> Sequence[Sequence[Filed]]:
        """File all reports, those of one home one after another; whoever else files for it waits at its first row."""
        now = now_micros()
        answers: dict[int, Sequence[Filed]] = {}
        for home in sorted({report.home for report in reports}):
            own = [place for place, report in enumerate(reports) if report.home == home]
            told = [reports[place].told for place in own]
            heard = now if any(reports[place].heard for place in own) else None
            filed = await self._file_home(transaction, home, told, now, heard)
            answers |= zip(own, filed, strict=True)
            transaction.notify(CHANNEL, home)
        return [answers[place] for place in range(len(reports))]

    async def _file_home(
        self,
        transaction: Transaction,
        home: str,
        reports: Sequence[Sequence[tuple[bytes, CardEvent]]],
        now: int,
        heard: int | None,
    ) -> list[list[Filed]]:
        last = (await transaction.execute(_HEARD, {"of": home, "now": heard})).scalar_one()
        known = await _known(transaction, home, {card for told in reports for card, _ in told})
        rows: list[dict[str, Any]] = []
        answers = []
        for told in reports:
            filed = []
            for card, event in told:
                one = known[card]
                if event in one.events:
                    filed.append(Filed(0, Outcome.DUPLICATE, now))
                    continue
                outcome = one.state.judge(event)
                one.add(event)
                number = last + len(rows) + 1
                rows.append(_row(CardNews(number, card, event, now), home, outcome))
                filed.append(Filed(number, outcome, now))
            answers.append(filed)
        if rows:
            await transaction.execute(_ADD, rows)
            await transaction.execute(_COUNT, {"of": home, "number": last + len(rows)})
            lost = {row["card"] for row in rows if not known[row["card"]].in_full_use}
            await revoke_cards(transaction, home, lost, now=now // _MICROS, remembered_seconds=self._longer)
            if self._also is not None:
                await self._also(transaction, home, {row["card"]: known[row["card"]].state for row in rows})
        return answers

    async def after(self, home: str, number: int, *, limit: int) -> Sequence[CardNews]:
        """Give what comes after a number, in order and without a gap (StoreUnavailableError)."""
        asked = {"of": home, "number": number, "most": limit}
        async with self._store.reading() as connection:
            rows = (await connection.execute(_AFTER, asked)).all()
        return [CardNews(row.number, row.card, _event(row), row.reported) for row in rows]

    async def states(self, home: str) -> AsyncIterator[tuple[bytes, CardState]]:
        """Give the state of every card of which something was reported (StoreUnavailableError)."""
        after, most, full = b"", _PAGE, True
        while full:
            async with self._store.reading() as connection:
                rows = (await connection.execute(_ALL, {"of": home, "after": after, "most": most})).all()
            full = len(rows) == most
            states = dict[bytes, CardState]()
            for row in rows:
                states[row.card] = states.get(row.card, _NOTHING).with_event(_event(row))
            if full:  # the rest of the last card is on the next page
                states.pop(rows[-1].card)
                most = most if states else 2 * most
            for card, state in states.items():
                after = card
                yield card, state

    async def heard(self) -> AsyncGenerator[str]:
        """Name a home region whenever something may have been filed, here or by another replica; "" for any."""
        async with aclosing(self._store.listen(CHANNEL)) as words:
            async for word in words:
                yield word


async def states_of(transaction: Transaction, home: str, cards: Iterable[bytes]) -> dict[bytes, CardState]:
    """Read the states of some cards of a home region; a card of which nothing was reported has an empty one."""
    return {card: one.state for card, one in (await _known(transaction, home, set(cards))).items()}


async def _known(transaction: Transaction, home: str, cards: Iterable[bytes]) -> dict[bytes, _Known]:
    """Read what was filed of some cards before."""
    wanted = sorted(cards)
    known = {card: _Known() for card in wanted}
    for first in range(0, len(wanted), _AT_ONCE):
        asked = {"of": home, "cards": wanted[first : first + _AT_ONCE]}
        for row in await transaction.execute(_OF_CARDS, asked):
            known[row.card].add(_event(row))
    return known


def _row(news: CardNews, home: str, outcome: Outcome) -> dict[str, Any]:
    event = news.event
    return {
        "home": home,
        "number": news.number,
        "card": news.card,
        "slot": event.slot,
        "time": event.time,
        "sequence": event.sequence,
        "detail": event.detail,
        "outcome": outcome.value,
        "reported": news.reported_at,
    }


def _event(row: Any) -> CardEvent:  # noqa: ANN401 - a row of the table
    return of_slot(row.slot, row.time << SEQUENCE_BITS | row.sequence, row.detail)
