"""The life of a request: what the table allows, and that two gateways come to agree whatever the network does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.errors import RegionDataError
from gateway.errors import RequestStateError
from gateway.services.exchange_states import (
    ANSWERED,
    OPEN_STATES,
    OVER,
    Actor,
    Event,
    Held,
    Open,
    Party,
    Stage,
    State,
    Transitions,
    load_transitions,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

RULES = load_transitions()
EVERY = [
    (held, Stage(state, one), event, by)
    for held in Held
    for state in (None, *State)
    for one in Open
    for event in Event
    for by in Party
]
EVENTS = st.lists(st.tuples(st.sampled_from(list(Event)), st.sampled_from(list(Party))), max_size=25)


@given(st.sampled_from(EVERY))
def test_every_step_is_defined(case: tuple[Held, Stage, Event, Party]) -> None:
    """A step leads to a state, or is refused by an error that names state and event; nothing else comes."""
    held, stage, event, by = case
    if RULES.allows(held, stage, event, by):
        assert RULES.after(held, stage, event, by).state in tuple(State)
    else:
        with pytest.raises(RequestStateError) as caught:
            RULES.after(held, stage, event, by)
        assert caught.value.metadata == {"state": stage.state or "none", "event": event}


@given(EVENTS)
def test_what_was_given_up_stays_so_where_it_is_decided(events: list[tuple[Event, Party]]) -> None:
    """At the target's gateway FAILED, EXPIRED and CANCELLED are final, and a reply changes only by an objection."""
    stage = Stage(State.DELIVERED)
    for event, by in events:
        if RULES.allows(Held.TARGET, stage, event, by):
            after = RULES.after(Held.TARGET, stage, event, by)
            assert stage.state in OPEN_STATES | ANSWERED
            if stage.state in ANSWERED and after.state is not stage.state:
                assert (event, after.state, stage.open) == (Event.REOPENED, State.IN_PROGRESS, Open.SOURCE)
            stage = after


@given(EVENTS)
def test_nothing_is_done_while_an_objection_of_the_target_is_open(events: list[tuple[Event, Party]]) -> None:
    """No reply is given where the target region decides while it objects itself."""
    stage = Stage(State.DELIVERED)
    for event, by in events:
        if RULES.allows(Held.TARGET, stage, event, by):
            after = RULES.after(Held.TARGET, stage, event, by)
            assert not (stage.open is Open.TARGET and after.state in ANSWERED)
            stage = after


def test_only_the_target_region_answers() -> None:
    """No step of anybody but the target region leads to a reply."""
    assert {step[2] for step, stage in RULES if stage.state in ANSWERED and step[3] not in ANSWERED} == {Party.TARGET}


def test_whatever_is_decided_by_one_region_is_told_the_other() -> None:
    """The target tells all that it or its gateway decides, the source what it asks for; nobody hears its own words."""
    told = {(held, event, by) for held in Held for event in Event for by in Party if RULES.is_told(held, event, by)}
    assert {(event, by) for held, event, by in told if held is Held.SOURCE} == {
        (event, Party.SOURCE) for event in (Event.CANCEL_ASKED, Event.DISPUTED, Event.DISPUTE_SETTLED)
    }
    decided = {(step[1], step[2]) for step, _ in RULES if step[0] is Held.TARGET} - {
        (Event.DELIVERED, Party.TARGET_GATEWAY),
        (Event.DISPUTED, Party.SOURCE),
        (Event.DISPUTE_SETTLED, Party.SOURCE),
    }
    assert {(event, by) for held, event, by in told if held is Held.TARGET} == decided


@pytest.mark.parametrize(
    ("stage", "actor"),
    [
        (Stage(), Actor.SOURCE_PLATFORM),
        (Stage(State.SUBMITTED), Actor.SOURCE_GATEWAY),
        (Stage(State.DELIVERED), Actor.TARGET_PLATFORM),
        (Stage(State.ACCEPTED), Actor.TARGET_PLATFORM),
        (Stage(State.IN_PROGRESS), Actor.TARGET_PLATFORM),
        (Stage(State.IN_PROGRESS, Open.TARGET), Actor.SOURCE_PLATFORM),
        (Stage(State.COMPLETED, Open.SOURCE), Actor.TARGET_PLATFORM),
        *((Stage(state), Actor.NOBODY) for state in OVER),
    ],
)
def test_it_is_told_who_acts_next(stage: Stage, actor: Actor) -> None:
    """Whoever has to do something next follows from the state and from whose objection is open."""
    assert stage.next_actor is actor


@dataclass(slots=True)
class Gateways:
    """Two gateways with a request, and what each has still to tell the other, in order."""

    source: Stage = field(default_factory=lambda: Stage(State.SUBMITTED))
    target: Stage = field(default_factory=Stage)
    to_source: list[tuple[Event, Party, State]] = field(default_factory=list)

    def deliver(self) -> None:
        """Hand the request over; the source's gateway learns of it some time."""
        if self.target.state is None:
            self.target = RULES.after(Held.TARGET, self.target, Event.DELIVERED, Party.TARGET_GATEWAY)

    def mark(self) -> None:
        """Let the source's gateway learn that the request was handed over."""
        if self.target.state is not None and RULES.allows(
            Held.SOURCE, self.source, Event.DELIVERED, Party.SOURCE_GATEWAY
        ):
            self.source = RULES.after(Held.SOURCE, self.source, Event.DELIVERED, Party.SOURCE_GATEWAY)

    def at_target(self, event: Event, by: Party) -> None:
        """Let something happen where it is decided; what the target does is told to the source."""
        if self.target.state is not None and RULES.allows(Held.TARGET, self.target, event, by):
            self.target = RULES.after(Held.TARGET, self.target, event, by)
            assert self.target.state is not None
            self.to_source.append((event, Party.TARGET_GATEWAY if by is Party.SOURCE else by, self.target.state))

    def at_source(self, event: Event) -> None:
        """Let the source's own gateway conclude something."""
        if RULES.allows(Held.SOURCE, self.source, event, Party.SOURCE_GATEWAY):
            self.source = RULES.after(Held.SOURCE, self.source, event, Party.SOURCE_GATEWAY)

    def tell(self) -> None:
        """Let the source hear the oldest news."""
        if self.to_source:
            self.source = RULES.followed(self.source, *self.to_source.pop(0))


def play(gateways: Gateways, moves: Iterable[tuple[str, Event, Party]]) -> None:
    """Make moves, those that are possible."""
    for move, event, by in moves:
        match move:
            case "deliver":
                gateways.deliver()
            case "mark":
                gateways.mark()
            case "target":
                gateways.at_target(event, by)
            case "source":
                gateways.at_source(event)
            case _:
                gateways.tell()


TARGET_EVENTS = [
    *((event, Party.TARGET) for event in (Event.ACCEPTED, Event.STARTED, Event.COMPLETED, Event.REJECTED)),
    *((event, Party.TARGET) for event in (Event.DISPUTED, Event.DISPUTE_SETTLED, Event.REOPENED)),
    *((event, Party.TARGET_GATEWAY) for event in (Event.FAILED, Event.EXPIRED)),
    *((event, Party.SOURCE) for event in (Event.CANCELLED, Event.WITHDRAWN)),
]
MOVES = st.lists(
    st.one_of(
        st.sampled_from(["deliver", "mark", "tell"]).map(lambda move: (move, Event.DELIVERED, Party.TARGET)),
        st.sampled_from(TARGET_EVENTS).map(lambda step: ("target", *step)),
        st.sampled_from([Event.FAILED, Event.EXPIRED]).map(lambda event: ("source", event, Party.SOURCE_GATEWAY)),
    ),
    max_size=40,
)


@given(MOVES)
def test_the_source_comes_to_the_state_of_the_target(moves: list[tuple[str, Event, Party]]) -> None:
    """Whatever is heard late, and whatever the source's gateway concluded meanwhile, the target's word is the last."""
    gateways = Gateways()
    play(gateways, moves)
    told = bool(gateways.to_source)
    while gateways.to_source:
        gateways.tell()
    gateways.mark()
    if told:
        assert gateways.source.state is gateways.target.state
        assert gateways.source.open is gateways.target.open


@pytest.mark.parametrize(
    ("stage", "event", "told"),
    [
        (Stage(State.SUBMITTED), Event.ACCEPTED, State.COMPLETED),
        (Stage(State.DELIVERED), Event.DISPUTED, State.COMPLETED),
        (Stage(State.COMPLETED, Open.SOURCE), Event.DISPUTE_SETTLED, State.ACCEPTED),
        (Stage(State.CANCELLED), Event.COMPLETED, State.COMPLETED),
    ],
)
def test_a_peer_is_not_believed_every_state(stage: Stage, event: Event, told: State) -> None:
    """News whose state does not follow from its event are refused."""
    with pytest.raises(RequestStateError):
        RULES.followed(stage, event, Party.TARGET, told)


@pytest.mark.parametrize(
    ("row", "column", "rule"),
    [
        ("source,done,source,,none,submitted,none,false", "event", "closed_word"),
        ("target,delivered,target_gateway,,none,delivered,none,false", "", "twice"),
        ("target,accepted,target,delivered,none,accepted,none,perhaps", "told", "true_or_false"),
    ],
)
def test_a_wrong_row_is_refused(row: str, column: str, rule: str) -> None:
    """A row with an unknown word, or one that says a second time what an earlier one said, is refused."""
    head = "held,event,by,before,open_before,after,open_after,told"
    with pytest.raises(RegionDataError) as caught:
        Transitions.from_csv(f"{head}\ntarget,delivered,target_gateway,,none,delivered,none,false\n{row}\n")
    assert (caught.value.metadata["column"], caught.value.metadata["rule"]) == (column, rule)
