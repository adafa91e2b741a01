"""The home side of card states: what is filed, what is known of it, and who is told."""

from __future__ import annotations

import asyncio

import pytest

from adapters.card_state import Outcome
from adapters.words import CardEventKind, CardStatus
from gateway.errors import LimitError
from gateway.services.card_news import MOST_AT_ONCE, propagation_millis
from gateway.services.card_table import Shown
from tests.fakes.cards import FakeCardLog, happened, ledger, report
from tests.fakes.clock import FakeClock

K = CardEventKind
CARD, OTHER = "SYN000001", "SYN000002"


async def test_a_report_is_on_disk_and_known_when_it_is_answered() -> None:
    """Number, outcome and state come back; the card is kept by a name that is not its number."""
    clock, log = FakeClock(), FakeCardLog()
    cards = ledger(log=log, clock=clock)
    await cards.start()
    assert cards.shown(cards.name(CARD)) is None
    results = await cards.report([report(cards, CARD, happened(K.ACTIVATED, clock, before=9))])
    results += await cards.report([report(cards, CARD, happened(K.LOST_FORMAL, clock))])
    assert [(one.number, one.outcome, one.shown.status) for one in results] == [
        (1, Outcome.NEWS, CardStatus.ACTIVE),
        (2, Outcome.NEWS, CardStatus.LOST_FORMAL),
    ]
    assert cards.shown(cards.name(CARD)) == Shown(CardStatus.LOST_FORMAL, frozenset())
    assert CARD not in str(log.entries)
    assert cards.name(CARD) != cards.name(OTHER)


async def test_what_is_known_late_or_at_odds_is_told_as_such() -> None:
    """The same again changes nothing; both of two that contradict are kept."""
    clock = FakeClock()
    cards = ledger(clock=clock)
    await cards.start()
    lost, thawed = happened(K.LOST_FORMAL, clock), happened(K.THAWED, clock)
    older = happened(K.ACTIVATED, clock, before=5)
    results = await cards.report([report(cards, CARD, e) for e in (lost, lost, thawed, older)])
    assert [(r.number, r.outcome) for r in results] == [
        (1, Outcome.NEWS),
        (0, Outcome.DUPLICATE),
        (2, Outcome.CONFLICT),
        (3, Outcome.LATE),
    ]
    assert cards.shown(cards.name(CARD)) == Shown(CardStatus.LOST_FORMAL, frozenset())


async def test_a_report_that_cannot_be_filed_changes_nothing() -> None:
    """Nothing is known of what is not on disk."""
    clock, log = FakeClock(), FakeCardLog()
    cards = ledger(log=log, clock=clock)
    await cards.start()
    log.fails = LimitError(limit="test")
    with pytest.raises(LimitError):
        await cards.report([report(cards, CARD, happened(K.LOST_FORMAL, clock))])
    assert cards.shown(cards.name(CARD)) is None
    assert cards.state().age is None


async def test_replicas_know_what_any_of_them_has_filed() -> None:
    """Each reads on in the log when it hears of news, and begins with all that was filed before."""
    clock, log = FakeClock(), FakeCardLog()
    one, other = ledger(log=log, clock=clock), ledger(log=log, clock=clock)
    await one.start()
    await other.start()
    waiting = asyncio.create_task(other.changed(0, within=5))
    await one.report([report(one, CARD, happened(K.LOST_FORMAL, clock))])
    assert other.shown(one.name(CARD)) is None
    async for home in log.heard():
        assert home == "chongqing"
        await other.heard()
        break
    await waiting
    assert other.state().age == one.state().age == 0.0
    assert other.shown(one.name(CARD)) == one.shown(one.name(CARD))
    third = ledger(log=log, clock=clock)
    await third.start()
    assert third.shown(one.name(CARD)) == one.shown(one.name(CARD))
    assert third.state().last == 1


async def test_the_age_is_that_of_the_last_word_of_the_platform() -> None:
    """None before the first; an empty report is a word too."""
    clock = FakeClock()
    cards = ledger(clock=clock)
    await cards.start()
    assert cards.state().age is None
    assert await cards.report([]) == ()
    assert cards.state().age == 0
    clock.advance(7)
    assert (cards.state().age, cards.state().sent_at) == (7, clock())


@pytest.mark.parametrize(
    ("feed", "after", "follows"),
    [
        ("", 0, True),
        ("feed-1", 0, True),
        ("feed-1", 2, True),
        ("feed-1", 3, False),
        ("other", 1, False),
        ("", 1, False),
    ],
)
async def test_a_feed_is_read_on_where_the_reader_really_was(feed: str, after: int, *, follows: bool) -> None:
    """Another feed, or a number that was never given out, cannot be resumed."""
    clock = FakeClock()
    cards = ledger(clock=clock)
    await cards.start()
    await cards.report([report(cards, c, happened(K.ACTIVATED, clock)) for c in (CARD, OTHER)])
    assert cards.follows(feed, after) is follows
    assert not cards.follows("feed-1", -1)


async def test_what_comes_next_is_read_from_memory_and_far_back_from_the_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In order, without a gap, at most 500 at once."""
    monkeypatch.setattr("gateway.services.card_ledger._TAIL", 10)
    clock, log = FakeClock(), FakeCardLog()
    cards = ledger(log=log, clock=clock)
    await cards.start()
    events = [report(cards, f"SYN{n:06}", happened(K.ACTIVATED, clock)) for n in range(1200)]
    for begin in range(0, 1200, 100):
        await cards.report(events[begin : begin + 100])
    reads = log.reads
    assert [e.number for e in await cards.after(1195)] == [1196, 1197, 1198, 1199, 1200]
    assert log.reads == reads
    assert [e.number for e in await cards.after(3)] == list(range(4, 4 + MOST_AT_ONCE))
    assert log.reads == reads + 1
    assert await cards.after(1200) == ()


async def test_who_waits_is_woken_or_let_go() -> None:
    """By news at once, by the end of the time otherwise."""
    clock = FakeClock()
    cards = ledger(clock=clock)
    await cards.start()
    await cards.changed(0, within=0.001)
    waiting = asyncio.create_task(cards.changed(0, within=60))
    await asyncio.sleep(0)
    await cards.report([report(cards, CARD, happened(K.ACTIVATED, clock))])
    await asyncio.wait_for(waiting, 5)
    await asyncio.wait_for(cards.changed(0, within=60), 5)


def test_propagation_is_counted_from_the_event() -> None:
    """In milliseconds, and never below zero, since clocks differ."""
    clock = FakeClock()
    assert propagation_millis(happened(K.LOCKED, clock, before=0.25), clock()) == 250
    assert propagation_millis(happened(K.LOCKED, clock, before=-3), clock()) == 0
