"""What home regions report of their cards, kept in the store, on both engines."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from adapters.card_events import CardEvent
from adapters.card_state import CardState, Outcome
from adapters.words import CardEventKind, CardFunction
from gateway.services.card_ledger import CardLedger, Report
from gateway.store.card_log import StoredCardLog
from gateway.store.status_places import StatusPlaces, TakenPlace
from tests.fakes.clock import FakeClock
from tests.fakes.regions import SECRET
from tests.fakes.store import opened

if TYPE_CHECKING:
    from gateway.store.store import Store

K = CardEventKind
HOME = "chongqing"
LONGER = 600
ONE, OTHER = b"1" * 16, b"2" * 16


def log_of(store: Store) -> StoredCardLog:
    """Make the log."""
    return StoredCardLog(store, remembered_seconds=LONGER)


def event(kind: CardEventKind, time: int = 1, **told: object) -> CardEvent:
    """Give an event of some second."""
    return CardEvent(kind=kind, time=time * 1_000_000, **told)  # type: ignore[arg-type]  # a test may give anything


async def states(log: StoredCardLog) -> dict[bytes, CardState]:
    """Read the states of all cards."""
    return {card: state async for card, state in log.states(HOME)}


async def test_what_is_filed_is_there_once_and_in_order(store: Store) -> None:
    """Numbers count up without a gap; what is sent again is a duplicate and has none."""
    log = log_of(store)
    start = await log.begin(HOME)
    assert (start.last, start.heard_at) == (0, None)
    lost, thawed = event(K.LOST_TEMPORARY, 5), event(K.THAWED, 7, sequence=3)
    first = await log.file(HOME, [(ONE, lost), (OTHER, thawed), (ONE, lost)])
    assert [(one.number, one.outcome) for one in first] == [(1, "news"), (2, "news"), (0, "duplicate")]
    again = await log.file(HOME, [(ONE, lost), (ONE, event(K.ACTIVATED, 2)), (ONE, event(K.LOCKED, 5))])
    assert [(one.number, one.outcome) for one in again] == [(0, "duplicate"), (3, "late"), (4, "conflict")]
    news = await log.after(HOME, 1, limit=2)
    assert [(one.number, one.card, one.event) for one in news] == [
        (2, OTHER, thawed),
        (3, ONE, event(K.ACTIVATED, 2)),
    ]
    assert await log.after(HOME, 4, limit=9) == []
    assert await states(log) == {
        ONE: CardState.of([lost, event(K.ACTIVATED, 2), event(K.LOCKED, 5)]),
        OTHER: CardState.of([thawed]),
    }
    now = await log.begin(HOME)
    assert (now.feed, now.last) == (start.feed, 4)


async def test_states_come_page_by_page(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole, wherever a page ends."""
    monkeypatch.setattr("gateway.store.card_log._PAGE", 2)
    log = log_of(store)
    await log.begin(HOME)
    cards = [bytes([number]) * 16 for number in range(1, 6)]
    kinds = (K.ACTIVATED, K.LOST_FORMAL, K.THAWED, K.LOCKED, K.SEALED)
    told = [(card, event(kind, time)) for n, card in enumerate(cards) for time, kind in enumerate(kinds[: n + 1], 1)]
    await log.file(HOME, told)
    expected = {card: CardState.of(one for owner, one in told if owner == card) for card in cards}
    assert await states(log) == expected


async def test_details_last(store: Store) -> None:
    """The function, its legal basis, and what names a successor."""
    log = log_of(store)
    await log.begin(HOME)
    told = event(K.FUNCTION_SUSPENDED, 1, function=CardFunction.FINANCIAL, detail="十堰市条例 第十七条", sequence=9)
    replaced = event(K.REPLACED, 2**54 // 1_000_000, detail="A" * 22, sequence=2**48 - 1)
    await log.file(HOME, [(ONE, told), (ONE, replaced)])
    assert [one.event for one in await log.after(HOME, 0, limit=9)] == [told, replaced]


async def test_many_who_file_at_once_get_numbers_without_a_gap(store: Store) -> None:
    """Whether their reports share a transaction or not."""
    log = log_of(store)
    await log.begin(HOME)
    cards = [bytes([number]) * 16 for number in range(40)]
    filed = await asyncio.gather(*(log.file(HOME, [(card, event(K.LOST_FORMAL))]) for card in cards))
    assert sorted(one.number for (one,) in filed) == list(range(1, 41))


async def test_an_empty_report_says_that_the_platform_was_heard(store: Store) -> None:
    """Which all replicas hear."""
    log = log_of(store)
    await log.begin(HOME)
    async with asyncio.timeout(10), aclosing(log.heard()) as heard:
        assert await anext(heard) == ""
        assert await log.file(HOME, []) == []
        while await anext(heard) != HOME:
            pass
    start = await log.begin(HOME)
    assert start.heard_at is not None
    assert start.last == 0


async def test_homes_are_kept_apart(store: Store) -> None:
    """Each has its own feed and numbers."""
    log = log_of(store)
    feeds = {(await log.begin(home)).feed for home in (HOME, "sichuan", HOME)}
    assert len(feeds) == 2
    await asyncio.gather(*(log.file(home, [(ONE, event(K.SEALED))]) for home in (HOME, "sichuan")))
    assert [one.number for one in await log.after("sichuan", 0, limit=9)] == [1]


async def kept(places: StatusPlaces, place: int, card: bytes, *, known: int = 0, region: str = HOME) -> bool:
    """Take a place for a recognition of a card."""
    return await places.keep(
        TakenPlace(
            region=region, number=1, place=place, until=2**40, jti=str(place), subject="s", card=card, known=known
        )
    )


@pytest.mark.parametrize(
    ("told", "revoked"),
    [
        (event(K.LOST_TEMPORARY), {3, 5}),
        (event(K.FUNCTION_SUSPENDED, function=CardFunction.FINANCIAL, detail="x"), {3, 5}),
        (event(K.ACTIVATED), set()),
    ],
    ids=["lost", "suspended", "activated"],
)
async def test_what_has_vouched_for_a_card_is_taken_back_with_the_report(
    store: Store, told: CardEvent, revoked: set[int]
) -> None:
    """All that lives of this card and of no other, in the same transaction; being activated takes nothing back."""
    log, places = log_of(store), StatusPlaces(store)
    await log.begin(HOME)
    for number in (1, 2):
        await places.open_list(HOME, at_least=number, until=2**41)
    for place, card in ((3, ONE), (4, OTHER), (5, ONE), (6, b"")):
        assert await kept(places, place, card)
    assert await kept(places, 7, ONE, region="sichuan")
    await log.file(HOME, [(ONE, event(K.ACTIVATED)), (ONE, told)])
    state = await places.state(HOME, 1, now=0)
    assert state is not None
    assert state.revoked == revoked


async def test_no_place_is_taken_for_a_card_that_was_reported_meanwhile(store: Store) -> None:
    """Whoever asks for one says up to which number he knew the reports; other cards are not his concern."""
    log, places = log_of(store), StatusPlaces(store)
    await log.begin(HOME)
    await log.file(HOME, [(ONE, event(K.LOST_FORMAL))])
    answers = await asyncio.gather(
        kept(places, 1, ONE), kept(places, 2, ONE, known=1), kept(places, 3, OTHER), kept(places, 4, b"")
    )
    assert list(answers) == [False, True, True, True]


async def test_a_ledger_begins_where_the_last_one_ended(store_url: str) -> None:
    """After a restart the same feed, the same states, and nothing twice."""
    clock = FakeClock()
    async with opened(store_url) as store:
        before = CardLedger(HOME, secret=SECRET, log=log_of(store), clock=clock)
        await before.start()
        await before.report([Report(ONE, event(K.LOST_FORMAL)), Report(OTHER, event(K.ACTIVATED))])
    async with opened(store_url) as store:
        after = CardLedger(HOME, secret=SECRET, log=log_of(store), clock=clock)
        await after.start()
        assert (after.state().feed, after.state().last) == (before.state().feed, 2)
        assert after.shown(ONE) == before.shown(ONE)
        (result,) = await after.report([Report(ONE, event(K.LOST_FORMAL))])
        assert result.outcome is Outcome.DUPLICATE


async def test_replicas_share_the_log(postgres_url: str) -> None:
    """What one files the other tells to those who follow it, when it hears of it; and when the platform was heard."""
    clock = FakeClock()
    async with opened(postgres_url) as first, opened(postgres_url) as second:
        one, other = (CardLedger(HOME, secret=SECRET, log=log_of(store), clock=clock) for store in (first, second))
        await one.start()
        await other.start()
        assert one.state().feed == other.state().feed
        async with asyncio.timeout(10), aclosing(log_of(second).heard()) as heard:
            await anext(heard)
            await one.report([Report(ONE, event(K.LOST_FORMAL))])
            while await anext(heard) != HOME:
                pass
            await other.heard()
        assert other.shown(ONE) == one.shown(ONE)
        assert other.state().age is not None
        results = await asyncio.gather(
            *(ledger.report([Report(bytes([n]) * 16, event(K.SEALED))]) for n in range(9) for ledger in (one, other))
        )
        numbers = sorted(result.number for (result,) in results if result.number)
        assert numbers == list(range(2, 11))
