"""Feeds of card states: under pseudonyms of one region, as its agreement allows, resumed, copied and compared."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.card_events import CardEvent
from adapters.card_state import CardState
from adapters.errors import UnknownRegionError
from adapters.words import CardEventKind, CardFunction, CardStatus
from gateway.errors import FeedCursorError, InvalidFieldError, LimitError, PeerProtocolError, RegionNotServedError
from gateway.services.card_compare import MOST_NODES, ToldDigests, compare, depth_for
from gateway.services.card_copy import CardCopy
from gateway.services.card_feeds import CardFeeds, LocalFeed
from gateway.services.card_news import CompareNode, FeedState, Told
from gateway.services.card_table import Shown
from gateway.services.card_told import Telling
from tests.adapters.card_histories import EVENTS
from tests.fakes.cards import FakeCopyStore, happened, ledger, report, told_name
from tests.fakes.clock import FakeClock
from tests.fakes.regions import AGREEMENTS, REGISTRY, SECRET
from trust.encoding import decode_base64url, encode_base64url
from trust.errors import NoAgreementError
from trust.pseudonym import pairwise_card

if TYPE_CHECKING:
    from gateway.services.card_ledger import CardLedger

K, S, F = CardEventKind, CardStatus, CardFunction
CARD, OTHER = "SYN000001", "SYN000002"
PAIR = ("chongqing", "sichuan")


async def started(clock: FakeClock, region: str = "chongqing") -> CardLedger:
    """Make the cards of a region, and load them."""
    cards = ledger(region, clock=clock)
    await cards.start()
    return cards


def feeds(cards: CardLedger, clock: FakeClock) -> CardFeeds:
    """Make the feeds of one region, with a heartbeat that a test can wait for."""
    return CardFeeds(
        {cards.region: cards}, registry=REGISTRY, agreements=AGREEMENTS, clock=clock, heartbeat_seconds=0.01
    )


def copy_of(clock: FakeClock, store: FakeCopyStore | None = None) -> CardCopy:
    """Make an empty copy."""
    return CardCopy(*PAIR, store=store or FakeCopyStore(), clock=clock)


async def once(told: CardFeeds, into: CardCopy) -> None:
    """Take what a feed tells until it has told everything, by a heartbeat."""
    state = into.state
    async with aclosing(told.watch(PAIR[0], visited=PAIR[1], feed=state.feed, after=state.last)) as messages:
        async for message in messages:
            await into.apply(message.news, message.state)
            if not message.news or message.state.last == into.state.last:
                return


async def test_a_region_is_told_under_its_own_pseudonyms() -> None:
    """Events arrive in order, the state is the same, the age is told, and no other region's name is in it."""
    clock = FakeClock()
    cards = await started(clock)
    await cards.report([report(cards, CARD, happened(K.ACTIVATED, clock, before=9))])
    await cards.report([report(cards, CARD, happened(K.LOST_FORMAL, clock))])
    into = copy_of(clock)
    assert into.age() is None
    await once(feeds(cards, clock), into)
    name = told_name(cards, CARD)
    assert into.shown(name) == Shown(S.LOST_FORMAL, frozenset())
    assert into.shown(cards.name(CARD)) is into.shown(told_name(cards, CARD, "guizhou")) is None
    assert (into.state.last, into.age()) == (2, 0)
    learned = into.learned(name)
    assert learned is not None
    assert (learned.at, learned.millis) == (clock(), 500)


async def test_a_successor_is_told_by_pseudonym() -> None:
    """The old card points to the new one, and no number is anywhere."""
    clock = FakeClock()
    cards = await started(clock)
    replaced = cards.event_of(happened(K.REPLACED, clock), successor=OTHER)
    await cards.report([report(cards, CARD, replaced), report(cards, OTHER, happened(K.ACTIVATED, clock))])
    into = copy_of(clock)
    await once(feeds(cards, clock), into)
    successor = into.table.state(told_name(cards, CARD)).successor
    assert decode_base64url(successor) == told_name(cards, OTHER)
    assert into.shown(decode_base64url(successor) or b"") == Shown(S.ACTIVE, frozenset())
    assert OTHER not in f"{into.table.state(told_name(cards, CARD))}"


async def test_a_successor_that_was_not_told_is_not_made_up() -> None:
    """A platform that replaces a card need not say by which."""
    clock = FakeClock()
    cards = await started(clock)
    await cards.report([report(cards, CARD, happened(K.REPLACED, clock))])
    into = copy_of(clock)
    await once(feeds(cards, clock), into)
    assert into.table.state(told_name(cards, CARD)).successor == ""


SUSPENDED: Final[dict[str, Any]] = {"function": F.SOCIAL_SECURITY, "detail": "SYN Art. 17"}


async def test_functions_are_told_where_the_agreement_names_them() -> None:
    """With their legal basis."""
    clock = FakeClock()
    cards = await started(clock)
    active = happened(K.ACTIVATED, clock, before=9)
    await cards.report([report(cards, CARD, e) for e in (active, happened(K.FUNCTION_SUSPENDED, clock, **SUSPENDED))])
    into = copy_of(clock)
    await once(feeds(cards, clock), into)
    name = told_name(cards, CARD)
    assert into.shown(name) == Shown(S.ACTIVE, frozenset({F.SOCIAL_SECURITY}))
    assert into.table.state(name).basis(F.SOCIAL_SECURITY) == "SYN Art. 17"


async def test_where_it_does_not_all_are_told_and_no_basis() -> None:
    """Until nothing is suspended any more; whatever was told when, the copy never allows what home does not."""
    clock = FakeClock()
    cards = await started(clock, "guangdong")
    told = CardFeeds(
        {"guangdong": cards}, registry=REGISTRY, agreements=AGREEMENTS, clock=clock, heartbeat_seconds=0.01
    )
    into = CardCopy("guangdong", "hongkong", store=FakeCopyStore(), clock=clock)
    name = told_name(cards, CARD, "hongkong")
    seen = []
    for number, (kind, function) in enumerate(
        [
            (K.ACTIVATED, None),
            (K.FUNCTION_SUSPENDED, F.SOCIAL_SECURITY),
            (K.FUNCTION_SUSPENDED, F.FINANCIAL),
            (K.FUNCTION_RESTORED, F.SOCIAL_SECURITY),
            (K.FUNCTION_RESTORED, F.FINANCIAL),
        ]
    ):
        event = happened(kind, clock, before=9 - number, function=function, detail="secret" if function else "")
        await cards.report([report(cards, CARD, event)])
        state = into.state
        async with aclosing(told.watch("guangdong", visited="hongkong", feed=state.feed, after=state.last)) as messages:
            message = await anext(messages)
            await into.apply(message.news, message.state)
        seen.append((into.shown(name) or Shown(S.UNKNOWN, frozenset())).suspended)
        assert "secret" not in str(into.table.state(name))
    both = frozenset(F)
    assert seen == [frozenset(), both, both, both, frozenset()]


@pytest.mark.parametrize(
    ("home", "visited", "error"),
    [
        ("guizhou", "chongqing", RegionNotServedError),
        ("chongqing", "guangxi", NoAgreementError),
        ("guangdong", "sichuan", NoAgreementError),
        ("zhangsan", "chongqing", UnknownRegionError),
    ],
)
async def test_nobody_is_told_without_cards_or_agreement(home: str, visited: str, error: type[Exception]) -> None:
    """Neither by the feed nor by a comparison."""
    clock = FakeClock()
    told = feeds(await started(clock), clock)
    with pytest.raises(error):
        await anext(told.watch(home, visited=visited, feed="", after=0))
    with pytest.raises(error):
        await told.compare(home, [CompareNode(0, 0)], visited=visited)


async def test_a_region_may_follow_its_own_cards() -> None:
    """Without an agreement, and with all functions told."""
    clock = FakeClock()
    cards = await started(clock)
    await cards.report([report(cards, CARD, happened(K.FUNCTION_SUSPENDED, clock, **SUSPENDED))])
    message = await anext(feeds(cards, clock).watch("chongqing", visited="chongqing", feed="", after=0))
    assert message.news[0].card == told_name(cards, CARD, "chongqing")
    assert message.news[0].events[0].detail == "SYN Art. 17"


async def test_a_feed_ends_with_its_agreement() -> None:
    """With the next heartbeat at the latest."""
    clock = FakeClock()
    cards = await started(clock)
    stream = feeds(cards, clock).watch(*PAIR[:1], visited=PAIR[1], feed="", after=0)
    await anext(stream)
    clock.advance(20 * 365 * 86_400)
    with pytest.raises(Exception, match="in force"):
        await anext(stream)


async def test_a_cursor_that_was_never_given_is_refused() -> None:
    """So that the reader compares instead of missing something."""
    clock = FakeClock()
    cards = await started(clock)
    with pytest.raises(FeedCursorError):
        await anext(feeds(cards, clock).watch(PAIR[0], visited=PAIR[1], feed="feed-1", after=5))


async def test_what_is_told_twice_counts_once_and_a_gap_is_seen() -> None:
    """News before the cursor are passed over; a missing number, another feed and fewer numbers are faults."""
    clock = FakeClock()
    into = copy_of(clock)
    state = FeedState(feed="a", last=3, age=0.0, sent_at=clock())
    news = [Told(n, bytes(16), (CardEvent(kind=K.ACTIVATED, time=n),), 0) for n in (1, 2, 3, 4, 5)]
    await into.apply(news[:2], state)
    assert (into.state.last, into.age()) == (2, None)
    await into.apply(news[:3], state)
    assert (into.state.last, into.age()) == (3, 0)
    for told, changes, rule in (
        (news[4:], {"last": 5}, "feed:missing_number"),
        ((), {"feed": "b"}, "feed:another_feed"),
        ((), {"last": 2}, "feed:fewer_numbers"),
    ):
        with pytest.raises(PeerProtocolError) as caught:
            await into.apply(told, replace(state, **changes))
        assert caught.value.metadata == {"region": "chongqing", "rule": rule}
    assert into.state.last == 3


async def test_the_age_grows_with_silence_and_with_delay() -> None:
    """It counts from what the home platform said last; a message that was long on its way makes nothing younger."""
    clock = FakeClock()
    into = copy_of(clock)
    state = FeedState(feed="a", last=0, age=2.0, sent_at=clock())
    await into.apply((), state)
    assert into.age() == 2
    clock.advance(30)
    assert into.age() == 32
    await into.apply((), replace(state, age=None))
    assert into.age() == 32
    await into.apply((), replace(state, age=0.0, sent_at=clock() - 25))
    assert into.age() == 15
    await into.apply((), replace(state, age=0.0, sent_at=clock() + 500))
    assert into.age() == 0
    await into.apply((), replace(state, age=9.0))
    assert into.age() == 0


async def test_a_copy_is_kept_with_its_cursor_and_loaded_again() -> None:
    """Both in one; a heartbeat alone is not written, and what cannot be kept is told again."""
    clock, store = FakeClock(), FakeCopyStore()
    cards = await started(clock)
    await cards.report([report(cards, CARD, happened(K.LOST_FORMAL, clock))])
    into = copy_of(clock, store)
    await once(feeds(cards, clock), into)
    await once(feeds(cards, clock), into)
    assert store.times == 1
    again = copy_of(clock, store)
    await again.start()
    assert (again.state, again.shown(told_name(cards, CARD))) == (into.state, into.shown(told_name(cards, CARD)))
    await cards.report([report(cards, CARD, happened(K.THAWED, clock, before=0.1))])
    store.fails = LimitError(limit="test")
    clock.advance(60)
    await cards.report([])
    with pytest.raises(LimitError):
        await once(feeds(cards, clock), again)
    assert (again.state.last, again.age()) == (1, 0)  # what counts at once is as fresh, though it is not kept yet
    store.fails = None
    await once(feeds(cards, clock), again)
    assert (again.state.last, again.shown(told_name(cards, CARD))) == (2, Shown(S.ACTIVE, frozenset()))


async def test_each_thing_learned_is_told_once() -> None:
    """With its milliseconds; what is remembered of learning is bounded."""
    clock, heard = FakeClock(), list[tuple[CardEventKind, int]]()
    into = CardCopy(*PAIR, store=FakeCopyStore(), clock=clock, learned=lambda e, ms: heard.append((e.kind, ms)))
    news = [Told(n, n.to_bytes(16, "big"), (happened(K.LOCKED, clock, before=0.02),), 0) for n in (1, 2)]
    state = FeedState(feed="a", last=2, age=0.0, sent_at=clock())
    await into.apply(news, state)
    await into.apply(news, state)
    assert heard == [(K.LOCKED, 20)] * 2


async def test_what_is_remembered_of_learning_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest is forgotten first; the card itself is not."""
    monkeypatch.setattr("gateway.services.card_copy._REMEMBERED", 2)
    clock = FakeClock()
    into = copy_of(clock)
    news = [Told(n, n.to_bytes(16, "big"), (happened(K.LOCKED, clock),), 0) for n in (1, 2, 3)]
    await into.apply(news, FeedState(feed="a", last=3, age=0.0, sent_at=clock()))
    assert into.learned(news[0].card) is None
    assert into.learned(news[2].card) is not None
    assert into.shown(news[0].card) == Shown(S.LOCKED, frozenset())


HISTORY = st.lists(st.tuples(st.integers(0, 60), EVENTS), max_size=80)


@given(known=HISTORY, missed=HISTORY, surplus=st.booleans())
def test_a_comparison_finds_exactly_what_a_copy_lacks(
    known: list[tuple[int, CardEvent]], missed: list[tuple[int, CardEvent]], *, surplus: bool
) -> None:
    """Whatever was missed, the copy has it after merging, and a second comparison finds nothing."""

    async def play() -> None:
        clock = FakeClock()
        cards, into = await started(clock), copy_of(clock)
        for batch in (known, missed):
            await cards.report([report(cards, f"SYN{n:06}", e) for n, e in batch])
            if batch is known:
                await once(feeds(cards, clock), into)
        if surplus:
            into.table.put(b"\1" * 16, CardState.of([CardEvent(kind=K.LOCKED, time=1)]))
        source = LocalFeed(feeds(cards, clock), "chongqing")
        telling = Telling(cards, visited="sichuan", functions=True)
        lacking = {
            name: state for name, state in map(telling.state, cards.table.keys()) if into.table.state(name) != state
        }
        found, state = await compare(into.table, source, visited="sichuan")
        assert dict(found) == lacking
        assert await into.merge(found, state) == len(lacking)
        assert into.state.last == cards.state().last
        assert await compare(into.table, source, visited="sichuan") == ((), cards.state())

    asyncio.run(play())


@pytest.mark.parametrize(
    "nodes",
    [
        [],
        [CompareNode(0, 1)],
        [CompareNode(1, 16)],
        [CompareNode(-1, 0)],
        [CompareNode(3, 0)],
        [CompareNode(1, 0), CompareNode(2, 0)],
        [CompareNode(1, 0)] * (MOST_NODES + 1),
    ],
)
async def test_a_question_about_what_is_no_node_is_refused(nodes: list[CompareNode]) -> None:
    """None, too many, of several depths, or outside of the tree."""
    clock = FakeClock()
    cards = await started(clock)
    digests = ToldDigests(cards, Telling(cards, visited="sichuan", functions=True))
    with pytest.raises(InvalidFieldError):
        await digests.answer(nodes)


@pytest.mark.parametrize(("cards", "depth"), [(0, 2), (4096, 2), (4097, 3), (10**6, 4), (10**7, 5), (10**9, 6)])
def test_the_tree_is_as_deep_as_leaves_of_a_few_cards_are(cards: int, depth: int) -> None:
    """Some sixteen cards each, within bounds."""
    assert depth_for(cards) == depth


async def test_pseudonyms_of_the_feed_are_those_of_recognitions() -> None:
    """What a home region signs into a recognition names the card in the feed."""
    clock = FakeClock()
    cards = await started(clock)
    await cards.report([report(cards, CARD, happened(K.ACTIVATED, clock))])
    message = await anext(feeds(cards, clock).watch(PAIR[0], visited=PAIR[1], feed="", after=0))
    name = pairwise_card(SECRET, home="chongqing", visited="sichuan", card=cards.name(CARD))
    assert len(encode_base64url(name)) == 22
    assert message.news[0].card == name
