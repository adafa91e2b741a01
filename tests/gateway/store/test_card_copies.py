"""Copies of other regions' card states, kept in the store, on both engines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given

from adapters.card_events import CardEvent
from adapters.card_state import CardState
from adapters.words import CardEventKind
from gateway.services.card_news import CopyState
from gateway.store.card_copies import StoredCopies, packed, unpacked
from tests.adapters.card_histories import HISTORIES
from tests.fakes.store import opened

if TYPE_CHECKING:
    from gateway.store.store import Store

K = CardEventKind
PAIR = ("chongqing", "sichuan")
BACK = ("sichuan", "chongqing")
ONE, OTHER = b"1" * 16, b"2" * 16


def state(*kinds: CardEventKind) -> CardState:
    """Give the state of a card of which some things are known, each a second after the other."""
    return CardState.of(CardEvent(kind=kind, time=time * 1_000_000) for time, kind in enumerate(kinds, 1))


async def read(copies: StoredCopies, pair: tuple[str, str] = PAIR) -> dict[bytes, CardState]:
    """Read the cards of a copy."""
    return {card: known async for card, known in copies.states(pair)}


async def test_a_copy_lasts(store_url: str) -> None:
    """Where it stands and what it knows, by pair of regions."""
    at = CopyState(feed="f", last=7, as_of=12.25)
    async with opened(store_url) as store:
        copies = StoredCopies(store)
        assert await copies.begin(PAIR) == CopyState()
        await copies.keep(PAIR, at, [(ONE, state(K.LOST_FORMAL)), (OTHER, state(K.ACTIVATED, K.LOCKED))])
    async with opened(store_url) as store:
        copies = StoredCopies(store)
        assert await copies.begin(PAIR) == at
        assert await read(copies) == {ONE: state(K.LOST_FORMAL), OTHER: state(K.ACTIVATED, K.LOCKED)}
        assert await copies.begin(BACK) == CopyState()
        assert await read(copies, BACK) == {}


async def test_what_two_replicas_keep_is_joined_and_never_goes_back(store: Store) -> None:
    """Neither the state of a card, nor where the copy stands; another feed takes the place of the first."""
    copies = StoredCopies(store)
    await copies.keep(PAIR, CopyState(feed="f", last=2, as_of=2.0), [(ONE, state(K.ACTIVATED, K.LOST_FORMAL))])
    await copies.keep(PAIR, CopyState(feed="f", last=1, as_of=1.0), [(ONE, state(K.ACTIVATED))])
    assert await read(copies) == {ONE: state(K.ACTIVATED, K.LOST_FORMAL)}
    assert await copies.begin(PAIR) == CopyState(feed="f", last=2, as_of=2.0)
    await copies.keep(PAIR, CopyState(feed="g", last=1), [])
    assert await copies.begin(PAIR) == CopyState(feed="g", last=1)


async def test_many_cards_at_once(store: Store) -> None:
    """More than one statement takes."""
    copies = StoredCopies(store)
    cards = [(number.to_bytes(16, "big"), state(K.LOST_FORMAL)) for number in range(1201)]
    await copies.keep(PAIR, CopyState(feed="f", last=1201, as_of=1.0), cards)
    assert await read(copies) == dict(cards)


@given(HISTORIES)
def test_what_is_packed_is_read_again(events: list[CardEvent]) -> None:
    """Whatever is known of a card."""
    known = CardState.of(events)
    assert unpacked(packed(known)) == known
