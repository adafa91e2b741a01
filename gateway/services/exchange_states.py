"""The life of a request: which event is possible in which state, for whom, and what it leads to. The rules are a table.

The gateway of the target region decides what becomes of a request once it has it; the gateway of the source region
follows what it is told. So the table has two parts, by who holds the request: `target`, and `source` for a gateway that
serves the source region alone. A gateway that serves both goes by `target`. What the target region says comes over
what the source region's gateway concluded by itself while it heard nothing (FAILED, EXPIRED): only the target region
knows whether it has acted.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from adapters.tables import Record, in_order, read_table, refuse
from gateway.errors import RequestStateError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FILE: Final = "exchange_transitions.csv"
HEADER: Final = ("held", "event", "by", "before", "open_before", "after", "open_after", "told")


class Held(StrEnum):
    """As what a gateway holds a request."""

    SOURCE = "source"
    TARGET = "target"


class State(StrEnum):
    """State of a request."""

    SUBMITTED = "submitted"
    DELIVERED = "delivered"
    ACCEPTED = "accepted"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    REJECTED = "rejected"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class Event(StrEnum):
    """What happens to a request."""

    SUBMITTED = "submitted"
    DELIVERED = "delivered"
    ACCEPTED = "accepted"
    STARTED = "started"
    COMPLETED = "completed"
    REJECTED = "rejected"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCEL_ASKED = "cancel_asked"
    CANCELLED = "cancelled"
    CANCEL_REFUSED = "cancel_refused"
    DISPUTED = "disputed"
    DISPUTE_SETTLED = "dispute_settled"
    REOPENED = "reopened"
    WITHDRAWN = "withdrawn"
    HELD = "held"
    RELEASED = "released"


class Party(StrEnum):
    """Who acts: the platform of a region, or its gateway by itself."""

    SOURCE = "source"
    TARGET = "target"
    SOURCE_GATEWAY = "source_gateway"
    TARGET_GATEWAY = "target_gateway"


class Open(StrEnum):
    """Whose objection is open."""

    NONE = "none"
    SOURCE = "source"
    TARGET = "target"


class Actor(StrEnum):
    """Who has to do something next."""

    NOBODY = "nobody"
    SOURCE_GATEWAY = "source_gateway"
    SOURCE_PLATFORM = "source_platform"
    TARGET_PLATFORM = "target_platform"


OPEN_STATES: Final = frozenset({State.SUBMITTED, State.DELIVERED, State.ACCEPTED, State.IN_PROGRESS})
"""States in which a reply is awaited, and a deadline can pass."""

ANSWERED: Final = frozenset({State.COMPLETED, State.REJECTED})
"""States with a reply."""

_WITH_TARGET: Final = OPEN_STATES - {State.SUBMITTED}
"""States that the target region may tell of a request that it has not answered."""

OVER: Final = frozenset(State) - OPEN_STATES
"""States in which nothing is awaited."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a request stands; `state` is None before there is one."""

    state: State | None = None
    open: Open = Open.NONE

    @property
    def next_actor(self) -> Actor:
        """Tell who has to do something next."""
        if self.open is Open.TARGET:
            return Actor.SOURCE_PLATFORM
        if self.open is Open.SOURCE:
            return Actor.TARGET_PLATFORM
        return _NEXT.get(self.state, Actor.NOBODY) if self.state else Actor.SOURCE_PLATFORM


_NEXT: Final = {
    State.SUBMITTED: Actor.SOURCE_GATEWAY,
    State.DELIVERED: Actor.TARGET_PLATFORM,
    State.ACCEPTED: Actor.TARGET_PLATFORM,
    State.IN_PROGRESS: Actor.TARGET_PLATFORM,
}

Step = tuple[Held, Event, Party, State | None, Open]


class Transitions:
    """The table."""

    def __init__(self, steps: Mapping[Step, Stage], *, told: frozenset[tuple[Held, Event, Party]]) -> None:
        """Keep each possible step and what it leads to, and which events the other gateway is told."""
        self._steps = steps
        self._told = told

    def __iter__(self) -> Iterator[tuple[Step, Stage]]:
        """Give each possible step with what it leads to."""
        return iter(self._steps.items())

    def after(self, held: Held, stage: Stage, event: Event, by: Party) -> Stage:
        """Say where an event leads.

        Raises:
            RequestStateError: it is not possible for this party in this state.
        """
        found = self._steps.get((held, event, by, stage.state, stage.open))
        if found is None:
            raise RequestStateError(state=stage.state or "none", event=event)
        return found

    def followed(self, stage: Stage, event: Event, by: Party, told: State) -> Stage:
        """Say where the gateway of the source region stands after news of the target region, whose state is `told`.

        Raises:
            RequestStateError: the event is not possible, or does not lead to the state told.
        """
        after = self.after(Held.SOURCE, stage, event, by)
        if told is after.state:
            return after
        if after.state is stage.state and stage.state not in ANSWERED and told in _WITH_TARGET:
            return Stage(told, after.open)
        raise RequestStateError(state=told, event=event)

    def is_told(self, held: Held, event: Event, by: Party) -> bool:
        """Tell whether the other gateway has to hear of an event."""
        return (held, event, by) in self._told

    def allows(self, held: Held, stage: Stage, event: Event, by: Party) -> bool:
        """Tell whether an event is possible."""
        return (held, event, by, stage.state, stage.open) in self._steps

    @classmethod
    def from_csv(cls, text: str) -> Transitions:
        """Read the table, header `HEADER` (RegionDataError with file, row, column, rule and number of faults).

        An empty `before` is that there is no request yet, an empty `open_before` any; an empty `after` or `open_after`
        leaves what is.
        """
        records, faults = read_table(FILE, text, HEADER)
        steps: dict[Step, Stage] = {}
        told: set[tuple[Held, Event, Party]] = set()
        for record in records:
            for step, stage in _steps(record):
                if step in steps:
                    record.fault("", "twice")
                steps[step] = stage
                told |= {step[:3]} if record.flag("told") else set()
        if faults:
            raise refuse(in_order(faults))
        return cls(steps, told=frozenset(told))


def _steps(record: Record) -> Iterator[tuple[Step, Stage]]:
    """Give the steps of a row: one for each state and objection that it names."""
    held, event, by = record.word("held", Held), record.word("event", Event), record.word("by", Party)
    states: tuple[State | None, ...] = record.words("before", State) if record.text("before") else (None,)
    opens = (record.word("open_before", Open),) if record.text("open_before") else tuple(Open)
    after = record.word("after", State) if record.text("after") else None
    open_after = record.word("open_after", Open) if record.text("open_after") else None
    for state in states:
        for one in opens:
            yield (held, event, by, state, one), Stage(after or state, open_after or one)


def load_transitions() -> Transitions:
    """Load the table that ships with the gateway."""
    return Transitions.from_csv(files(__package__).joinpath(FILE).read_text("utf-8"))
