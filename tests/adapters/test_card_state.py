"""The state of a card: the table, every sequence of events in every order, and what may never come of one."""

from __future__ import annotations

from itertools import combinations_with_replacement, permutations, product
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.card_events import CardEvent
from adapters.card_state import CONDITIONS, HEADER, CardState, Mark, Outcome, events_told, graver, read_conditions
from adapters.errors import RegionDataError
from adapters.words import CardEventKind, CardFunction, CardStatus
from tests.adapters.card_histories import EVENTS, HISTORIES, KINDS, event

if TYPE_CHECKING:
    from random import Random

K, S = CardEventKind, CardStatus
FINAL = {K.CANCELLED: S.CANCELLED, K.VOIDED: S.VOID, K.REPLACED: S.REPLACED}
FUNCTIONS = list(CardFunction)


def after(*kinds: CardEventKind) -> CardState:
    """Give the state after these events, one a second."""
    return CardState.of(CardEvent(kind=kind, time=number) for number, kind in enumerate(kinds, 1))


def fold(events: list[CardEvent]) -> CardStatus:
    """Play events in their own order on the conditions themselves, one by one: the other way to the same status.

    Of events with one time and sequence those that end a condition are played first.
    """
    standing = {"untold"}
    for stamp in sorted({e.stamp for e in events}):
        kinds = {e.kind for e in events if e.stamp == stamp}
        standing -= {c.name for c in CONDITIONS if c.ends & kinds}
        standing |= {c.name for c in CONDITIONS if c.begins & kinds}
    return next((c.status for c in CONDITIONS if c.name in standing), S.ACTIVE)


@pytest.mark.parametrize(
    ("kinds", "status"),
    [
        ((), S.UNKNOWN),
        ((K.FUNCTION_SUSPENDED,), S.UNKNOWN),
        ((K.NOT_ACTIVATED,), S.NOT_ACTIVATED),
        ((K.NOT_ACTIVATED, K.ACTIVATED), S.ACTIVE),
        ((K.ACTIVATED, K.LOST_TEMPORARY), S.LOST_TEMPORARY),
        ((K.ACTIVATED, K.LOST_TEMPORARY, K.LOST_FORMAL), S.LOST_FORMAL),
        ((K.ACTIVATED, K.LOST_FORMAL, K.LOST_TEMPORARY), S.LOST_FORMAL),
        ((K.ACTIVATED, K.LOST_FORMAL, K.THAWED), S.ACTIVE),
        ((K.LOST_FORMAL, K.THAWED), S.ACTIVE),
        ((K.LOST_FORMAL, K.ACTIVATED), S.LOST_FORMAL),
        ((K.ACTIVATED, K.THAWED, K.LOST_FORMAL), S.LOST_FORMAL),
        ((K.ACTIVATED, K.LOCKED, K.LOST_FORMAL, K.THAWED), S.LOCKED),
        ((K.ACTIVATED, K.LOCKED, K.THAWED), S.LOCKED),
        ((K.ACTIVATED, K.LOCKED, K.ACTIVATED), S.ACTIVE),
        ((K.ACTIVATED, K.SEALED), S.SEALED),
        ((K.SEALED, K.ACTIVATED), S.ACTIVE),
        ((K.ACTIVATED, K.UNREADABLE), S.UNKNOWN),
        ((K.UNREADABLE, K.THAWED), S.UNKNOWN),
        ((K.UNREADABLE, K.ACTIVATED), S.ACTIVE),
        ((K.ACTIVATED, K.LOST_FORMAL, K.REPLACED), S.REPLACED),
        ((K.REPLACED, K.THAWED, K.ACTIVATED), S.REPLACED),
        ((K.REPLACED, K.VOIDED), S.VOID),
        ((K.CANCELLED, K.VOIDED, K.REPLACED, K.ACTIVATED, K.THAWED), S.CANCELLED),
    ],
)
def test_what_a_history_means(kinds: tuple[CardEventKind, ...], status: CardStatus) -> None:
    """Loss is undone by a thaw alone, a lock by activation alone, and what is final by nothing."""
    if K.FUNCTION_SUSPENDED in kinds:
        state = CardState.of([CardEvent(kind=K.FUNCTION_SUSPENDED, time=1, function=FUNCTIONS[0])])
    else:
        state = after(*kinds)
    assert state.meaning.status is status


def test_every_transition_is_defined() -> None:
    """The table has a cell for each condition and event, and each status but ACTIVE is shown by some condition."""
    assert {condition.status for condition in CONDITIONS} == set(S) - {S.ACTIVE}
    begun = [kind for condition in CONDITIONS for kind in condition.begins]
    assert sorted(begun) == sorted(set(K) - {K.ACTIVATED, K.THAWED, K.FUNCTION_SUSPENDED, K.FUNCTION_RESTORED})
    assert {kind for condition in CONDITIONS for kind in condition.ends} == {K.ACTIVATED, K.THAWED}
    assert {c.status for c in CONDITIONS if not c.ends} == set(FINAL.values())


def test_every_sequence_of_three_in_every_order() -> None:
    """All events three at a time, at one time or at different ones, delivered in all orders, end in one state."""
    for forms in combinations_with_replacement(KINDS, 3):
        for times in product((1, 2, 3), repeat=3):
            events = [event(form, time, 0, "") for form, time in zip(forms, times, strict=True)]
            states = {CardState.of(order) for order in permutations(events)}
            assert len(states) == 1
            status = states.pop().meaning.status
            assert status is fold(events)
            kinds = {e.kind for e in events}
            assert status is not S.CANCELLED or K.CANCELLED in kinds
            if K.CANCELLED in kinds:
                assert status is S.CANCELLED


@given(HISTORIES, st.randoms(use_true_random=False), st.data())
def test_every_order_and_every_cut_ends_in_the_same_state(
    events: list[CardEvent],
    random: Random,
    data: st.DataObject,
) -> None:
    """Delivered in any order, some twice, in any parts that are joined later, the same events give the same state."""
    told = events + data.draw(st.lists(st.sampled_from(events), max_size=4) if events else st.just([]))
    random.shuffle(told)
    cut = data.draw(st.integers(0, len(told)))
    one, other = CardState.of(told[:cut]), CardState.of(told[cut:])
    step = CardState()
    for e in told:
        step = step.with_event(e)
    assert CardState.of(events) == step == one.joined(other.marks) == other.joined(one.marks)
    assert step.joined(step.marks) == step


@given(HISTORIES)
def test_the_state_is_that_of_the_events_played_in_their_order(events: list[CardEvent]) -> None:
    """Keeping the latest of each kind loses nothing of what the whole history means."""
    state = CardState.of(events)
    assert state.meaning.status is fold(events)
    assert CardState.of(state.events) == state


@given(HISTORIES, HISTORIES)
def test_what_is_final_stays(events: list[CardEvent], later: list[CardEvent]) -> None:
    """No sequence makes a cancelled card anything else, nor a void or replaced one usable."""
    final = [e.kind for e in (*events, *later) if e.kind in FINAL]
    status = CardState.of(events).joined(CardState.of(later).marks).meaning.status
    if final:
        gravest = min(final, key=list(FINAL).index)
        assert status is FINAL[gravest]
    else:
        assert status not in FINAL.values()


@given(HISTORIES)
def test_nothing_is_in_use_that_nobody_vouched_for(events: list[CardEvent]) -> None:
    """A card is active only where it was said so, and nothing of that time or later says otherwise."""
    state = CardState.of(events)
    if state.meaning.status is S.ACTIVE:
        vouched = [e.stamp for e in events if e.kind in {K.ACTIVATED, K.THAWED}]
        assert vouched
        assert not [e for e in events if e.kind in {K.LOST_FORMAL, K.LOST_TEMPORARY} and e.stamp >= max(vouched)]
        assert state.meaning.since == max(vouched) >> 48


@given(HISTORIES)
def test_a_function_is_suspended_by_the_later_word(events: list[CardEvent]) -> None:
    """Each function by itself; where both words are of one moment, it is suspended. The basis is told with it."""
    state = CardState.of(events)
    for function in CardFunction:
        off = [(e.stamp, e.detail) for e in events if (e.kind, e.function) == (K.FUNCTION_SUSPENDED, function)]
        on = [e.stamp for e in events if (e.kind, e.function) == (K.FUNCTION_RESTORED, function)]
        assert (function in state.meaning.suspended) is (bool(off) and max(off)[0] >= max(on, default=0))
        assert state.basis(function) == (max(off)[1] if off else "")


@given(HISTORIES, EVENTS)
def test_how_an_event_stands_to_what_was_known(events: list[CardEvent], late: CardEvent) -> None:
    """It is known, at odds with one of the same moment, older than something, or news."""
    state = CardState.of(events)
    outcome = state.judge(late)
    stamps = [mark.stamp for mark in state.marks]
    if outcome is Outcome.DUPLICATE:
        assert state.with_event(late) == state
        assert late in state.events
    elif outcome is Outcome.CONFLICT:
        assert late.stamp in stamps
    elif outcome is Outcome.LATE:
        assert late.stamp < max(stamps)
    else:
        assert late.stamp > max(stamps, default=0)


def test_since_is_when_the_status_began() -> None:
    """Of a lost card the loss, of one that was told nothing of the beginning of time."""
    state = after(K.ACTIVATED, K.LOST_FORMAL, K.LOCKED)
    assert (state.meaning.status, state.meaning.since) == (S.LOST_FORMAL, 2)
    assert CardState().meaning == (S.UNKNOWN, 0, frozenset())


def test_a_replaced_card_points_to_its_successor() -> None:
    """By whatever names it; of two that were told for one moment always the same one."""
    told = [CardEvent(kind=K.REPLACED, time=4, detail=name) for name in ("first", "second")]
    assert CardState.of(told).successor == CardState.of(reversed(told)).successor == "second"
    assert CardState().successor == ""


TOLD = st.builds(
    lambda status, functions: (status, functions),
    st.sampled_from(S),
    st.none() | st.sets(st.sampled_from(FUNCTIONS)).map(frozenset),
)


@given(HISTORIES, TOLD)
def test_what_a_platform_tells_when_asked_becomes_what_is_known(
    events: list[CardEvent], told: tuple[CardStatus, frozenset[CardFunction] | None]
) -> None:
    """The events that a look-up gives lead to the status that it told, unless something final forbids that."""
    known, (status, suspended) = CardState.of(events), told
    found = events_told(known, status, suspended, time=100)
    state = known.joined(CardState.of(found).marks)
    assert [e.sequence for e in found] == list(range(len(found)))
    final = known.meaning.status in FINAL.values()
    graver = max((c.severity for c in CONDITIONS if c.status is status), default=-1)
    shown = next((c.severity for c in CONDITIONS if c.name in known.standing()), -1)
    if final and graver < shown:
        assert state.meaning.status is known.meaning.status
    elif status is S.ACTIVE:
        assert state.standing() == ()
    else:
        assert state.meaning.status is status
    if suspended is not None:
        assert state.meaning.suspended == suspended
    assert events_told(state, state.meaning.status, state.meaning.suspended, time=200) == ()


def test_a_temporary_loss_that_follows_a_formal_one_is_told_by_a_thaw_first() -> None:
    """What the platform shows now is less grave than what is known, so that is ended first."""
    known = after(K.ACTIVATED, K.LOCKED, K.LOST_FORMAL)
    kinds = [e.kind for e in events_told(known, S.LOST_TEMPORARY, None, time=9)]
    assert kinds == [K.THAWED, K.LOST_TEMPORARY]
    assert [e.kind for e in events_told(known, S.ACTIVE, None, time=9)] == [K.THAWED, K.ACTIVATED]
    assert [e.kind for e in events_told(known, S.LOCKED, None, time=9)] == [K.THAWED]


ROW = "locked,locked,2," + ",".join(["keeps"] * len(K))


@pytest.mark.parametrize(
    ("rows", "rule", "column"),
    [
        ((ROW, ROW), "unique", "condition"),
        ((ROW, ROW.replace("locked,", "x,", 1)), "unique", "severity"),
        ((ROW.replace("keeps", "stays", 1),), "closed_word", "not_activated"),
        ((ROW.replace(",2,", ",x,"),), "whole_number", "severity"),
        ((ROW.replace(",locked,", ",frozen,"),), "closed_word", "status"),
        ((ROW.removesuffix(",keeps"),), "width", ""),
    ],
)
def test_a_table_that_leaves_something_open_is_refused(rows: tuple[str, ...], rule: str, column: str) -> None:
    """A cell that is missing or says something else is a fault of the program's own data."""
    with pytest.raises(RegionDataError) as caught:
        read_conditions("\n".join([",".join(HEADER), *rows, ""]))
    assert (caught.value.metadata["rule"], caught.value.metadata["column"]) == (rule, column)


def test_marks_say_what_they_are() -> None:
    """Slot, stamp and detail, ordered by slot."""
    state = CardState.of([CardEvent(kind=K.THAWED, time=2), CardEvent(kind=K.ACTIVATED, time=1, sequence=5)])
    assert state.marks == (Mark(1, (1 << 48) + 5, ""), Mark(4, 2 << 48, ""))


def test_the_graver_of_two_statuses_counts() -> None:
    """In the order of the table; anything is graver than being in use."""
    order = [S.ACTIVE, S.NOT_ACTIVATED, S.LOCKED, S.SEALED, S.LOST_TEMPORARY, S.LOST_FORMAL, S.UNKNOWN]
    order += [S.REPLACED, S.VOID, S.CANCELLED]
    for low, one in enumerate(order):
        for other in order[low:]:
            assert graver(one, other) is graver(other, one) is other
