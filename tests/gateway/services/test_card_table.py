"""The table of card states: it says what a dictionary would, however it grows, and digests what it has."""

from __future__ import annotations

import hashlib
from functools import reduce
from operator import xor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.card_events import CardEvent
from adapters.card_state import CardState
from adapters.words import CardEventKind, CardFunction, CardStatus
from gateway.services.card_table import BRANCHES, CardTable, Shown, card_digest
from tests.adapters.card_histories import EVENTS

K = CardEventKind
SOME = st.lists(st.tuples(st.integers(0, 400), EVENTS), max_size=60)


def key(number: int) -> bytes:
    """Give the key of a card, spread as pseudonyms are."""
    return hashlib.sha256(b"card %d" % number).digest()[:16]


def filled(cards: int) -> tuple[CardTable, dict[bytes, CardState]]:
    """Make a table and a dictionary of the same cards."""
    table, told = CardTable(), {}
    for number in range(cards):
        event = CardEvent(kind=list(K)[number % 10], time=number + 1)
        told[key(number)] = CardState.of([event])
        table.put(key(number), told[key(number)])
    return table, told


@given(SOME, st.integers(0, 300))
def test_it_says_what_a_dictionary_would(told: list[tuple[int, CardEvent]], before: int) -> None:
    """States, what they mean, and how many there are, before and after any number of splits."""
    table, kept = filled(before)
    for number, event in told:
        state = table.state(key(number)).with_event(event)
        table.put(key(number), state)
        kept[key(number)] = kept.get(key(number), CardState()).with_event(event)
    assert len(table) == len(kept)
    assert {k: table.state(k) for k in table.keys()} == kept  # noqa: SIM118 - a table is no mapping
    for k, state in kept.items():
        assert table.shown(k) == Shown(state.meaning.status, state.meaning.suspended)
    assert table.shown(key(1000)) is None
    assert table.state(key(1000)) == CardState()


@given(SOME)
def test_digests_are_those_of_the_cards(told: list[tuple[int, CardEvent]]) -> None:
    """Of every node of the tree, whatever was there before, and in whichever order it came."""
    table, other = CardTable(), CardTable()
    states: dict[bytes, CardState] = {}
    for number, event in told:
        states[key(number)] = states.get(key(number), CardState()).with_event(event)
        table.put(key(number), table.state(key(number)).with_event(event))
    for k in sorted(states):
        other.put(k, states[k])
    whole = reduce(xor, (card_digest(k, s) for k, s in states.items()), 0)
    assert table.digest(0, 0) == other.digest(0, 0) == whole
    for k in states:
        number = int.from_bytes(k, "little")
        for depth in range(7):
            value = number % BRANCHES**depth
            below = table.below(depth, value)
            assert reduce(xor, below) == table.digest(depth, value) == other.digest(depth, value)
            assert k in set(table.keys(depth, value))


def test_each_node_has_its_own_cards() -> None:
    """The sixteen nodes below one share its cards among them, above and below the depth that is kept."""
    table, told = filled(3000)
    for depth, value in ((0, 0), (1, 7), (2, 0x31), (3, 0x456)):
        parts = [set(table.keys(depth + 1, value + branch * BRANCHES**depth)) for branch in range(BRANCHES)]
        mine = set(table.keys(depth, value))
        assert sum(map(len, parts)) == len(mine)
        assert set().union(*parts) == mine
        assert mine == {k for k in told if int.from_bytes(k, "little") % BRANCHES**depth == value}


def test_a_difference_of_detail_is_a_difference() -> None:
    """Another successor gives another digest; the same state none at all."""
    one, other = CardTable(), CardTable()
    states = [CardState.of([CardEvent(kind=K.REPLACED, time=1, detail=name)]) for name in "ab"]
    one.put(key(1), states[0])
    other.put(key(1), states[1])
    assert one.digest(0, 0) != other.digest(0, 0)
    one.put(key(1), states[1])
    assert one.digest(0, 0) == other.digest(0, 0)
    assert one.state(key(1)).successor == "b"


@pytest.mark.parametrize("shift", [1, 2, 15])
def test_a_key_that_lies_across_two_records_is_not_found(shift: int) -> None:
    """Bytes that look like a key, but begin within another card's record, are no card."""
    table = CardTable()
    state = CardState.of([CardEvent(kind=K.ACTIVATED, time=1)])
    first, second = key(1), key(2)
    table.put(first, state)
    table.put(second, state)
    record = first + bytes([list(CardStatus).index(CardStatus.ACTIVE), 0]) + second
    across = record[shift : shift + 16]
    assert table.shown(across) is None
    assert table.state(across) == CardState()
    table.put(across, state)
    assert (len(table), table.shown(across)) == (3, Shown(CardStatus.ACTIVE, frozenset()))


def test_functions_are_shown_beside_the_status() -> None:
    """A card whose functions are suspended is otherwise in use."""
    table = CardTable()
    events = [CardEvent(kind=K.ACTIVATED, time=1)]
    events += [CardEvent(kind=K.FUNCTION_SUSPENDED, time=2, function=f, detail="Art. 17") for f in CardFunction]
    table.put(key(1), CardState.of(events))
    assert table.shown(key(1)) == Shown(CardStatus.ACTIVE, frozenset(CardFunction))
    assert table.state(key(1)).basis(CardFunction.FINANCIAL) == "Art. 17"
