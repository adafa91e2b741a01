"""The state of a card: what follows from all that is known to have happened to it, in whichever order it was learned.

A state keeps, for each kind of event, the latest of that kind: nothing else. Two states are joined kind by kind, so
join is commutative, associative and idempotent, and any delivery of the same events ends in the same state. What a
state means is read off `card_transitions.csv`: each row is a condition that a card can be in, each column an event,
each cell says whether that event begins the condition, ends it or keeps it as it is. A condition stands when its
beginning is not older than its end, so of two events with one time and sequence the one that refuses wins. Several may
stand at once (a locked card that was lost is still locked when it is thawed); the gravest is the status that is shown.
What begins `replaced`, `voided` or `cancelled` nothing ends. A card of which nothing was told is in condition `untold`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import TYPE_CHECKING, Final, NamedTuple

from adapters.card_events import SEQUENCE_BITS, CardEvent, of_slot
from adapters.tables import read_table, refuse, unique
from adapters.words import CardEventKind, CardFunction, CardStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adapters.tables import Record

FILE: Final = "card_transitions.csv"
HEADER: Final = ("condition", "status", "severity", *(kind.value for kind in CardEventKind))


class Effect(StrEnum):
    """What an event does to a condition."""

    BEGINS = "begins"
    ENDS = "ends"
    KEEPS = "keeps"


class Outcome(StrEnum):
    """How an event stands to what was known before it came; kept with the event as evidence."""

    NEWS = "news"
    DUPLICATE = "duplicate"
    LATE = "late"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Condition:
    """One row of the table: the status it shows, how grave it is, and which kinds begin and end it."""

    name: str
    status: CardStatus
    severity: int
    begins: frozenset[CardEventKind]
    ends: frozenset[CardEventKind]


class Mark(NamedTuple):
    """The latest event of one kind: its slot, its stamp, and what was said beside it."""

    slot: int
    stamp: int
    detail: str


class Meaning(NamedTuple):
    """What a state means: the status that is shown, since when (microseconds), and which functions are suspended."""

    status: CardStatus
    since: int
    suspended: frozenset[CardFunction]

    @property
    def untold(self) -> bool:
        """Tell whether nothing was told of the status, though perhaps of a function."""
        return self.status is CardStatus.UNKNOWN and not self.since


def load_conditions() -> tuple[Condition, ...]:
    """Read the table that ships with the adapters, gravest first (RegionDataError)."""
    return read_conditions(files("adapters").joinpath(FILE).read_text("utf-8"))


def read_conditions(text: str) -> tuple[Condition, ...]:
    """Read a table of transitions; every cell is one of the three effects (RegionDataError names the first fault)."""
    records, faults = read_table(FILE, text, HEADER)
    unique(records, "condition")
    unique(records, "severity")
    conditions = [_condition(record) for record in records]
    if faults:
        raise refuse(faults)
    return tuple(sorted(conditions, key=lambda condition: -condition.severity))


def _condition(record: Record) -> Condition:
    """Read one row."""
    effects = {kind: record.word(kind.value, Effect) for kind in CardEventKind}
    severity = record.text("severity")
    if not severity.isdecimal():
        record.fault("severity", "whole_number")
    return Condition(
        record.required("condition"),
        record.word("status", CardStatus),
        int(severity) if severity.isdecimal() else 0,
        frozenset(kind for kind, effect in effects.items() if effect is Effect.BEGINS),
        frozenset(kind for kind, effect in effects.items() if effect is Effect.ENDS),
    )


CONDITIONS: Final = load_conditions()
_GRAVITY: Final = {condition.status: condition.severity + 1 for condition in reversed(CONDITIONS)}
_FROM_THE_START: Final = -1
"""Before every event: when a condition began that no event begins."""


def graver(one: CardStatus, other: CardStatus) -> CardStatus:
    """Give the graver of two statuses, such as what a platform answers and what it has reported before."""
    return max(one, other, key=lambda status: _GRAVITY.get(status, 0))


def _slots(kinds: Iterable[CardEventKind]) -> tuple[int, ...]:
    return tuple(CardEvent(kind=kind, time=1).slot for kind in sorted(kinds))


_RULES: Final = tuple((c.status, _slots(c.begins), _slots(c.ends)) for c in CONDITIONS)
_FUNCTION_SLOTS: Final = tuple(
    (
        function,
        CardEvent(kind=CardEventKind.FUNCTION_SUSPENDED, time=1, function=function).slot,
        CardEvent(kind=CardEventKind.FUNCTION_RESTORED, time=1, function=function).slot,
    )
    for function in CardFunction
)
_REPLACED: Final = CardEvent(kind=CardEventKind.REPLACED, time=1).slot


@dataclass(frozen=True, slots=True)
class CardState:
    """All that counts of a card's events: the latest mark of each slot, ordered by slot."""

    marks: tuple[Mark, ...] = ()

    @classmethod
    def of(cls, events: Iterable[CardEvent]) -> CardState:
        """Give the state that follows from some events, in whichever order."""
        return cls().joined(Mark(event.slot, event.stamp, event.detail) for event in events)

    def joined(self, marks: Iterable[Mark]) -> CardState:
        """Give the state that knows these marks as well; of two of one slot the later one counts, then the detail."""
        latest = {mark.slot: mark for mark in self.marks}
        for mark in marks:
            known = latest.get(mark.slot)
            if known is None or mark > known:
                latest[mark.slot] = mark
        return CardState(tuple(sorted(latest.values())))

    def with_event(self, event: CardEvent) -> CardState:
        """Give the state that knows an event as well."""
        return self.joined((Mark(event.slot, event.stamp, event.detail),))

    def judge(self, event: CardEvent) -> Outcome:
        """Tell how an event stands to this state: known, older than what is known, at odds with it, or news.

        Two events of one time and sequence are at odds, whatever they say; both count, and the graver one wins.
        """
        mark = Mark(event.slot, event.stamp, event.detail)
        if mark in self.marks:
            return Outcome.DUPLICATE
        if any(known.stamp == mark.stamp for known in self.marks):
            return Outcome.CONFLICT
        return Outcome.LATE if any(known.stamp > mark.stamp for known in self.marks) else Outcome.NEWS

    @property
    def events(self) -> tuple[CardEvent, ...]:
        """Give the events that count, ordered by slot."""
        return tuple(of_slot(*mark) for mark in self.marks)

    @property
    def meaning(self) -> Meaning:
        """Give status, since when, and suspended functions."""
        return _meaning({mark.slot: mark.stamp for mark in self.marks})

    @property
    def successor(self) -> str:
        """Give what names the card that replaced this one, or an empty text."""
        return next((mark.detail for mark in self.marks if mark.slot == _REPLACED), "")

    def basis(self, function: CardFunction) -> str:
        """Give the legal basis on which a function was last suspended, or an empty text."""
        slot = next(suspended for one, suspended, _ in _FUNCTION_SLOTS if one is function)
        return next((mark.detail for mark in self.marks if mark.slot == slot), "")

    def standing(self) -> tuple[str, ...]:
        """Name the conditions that stand, gravest first; none for a card in normal use."""
        stamps = {mark.slot: mark.stamp for mark in self.marks}
        told = zip(CONDITIONS, _RULES, strict=True)
        return tuple(c.name for c, (_, begins, ends) in told if _begun(stamps, begins, ends) is not None)


def _begun(stamps: dict[int, int], begins: tuple[int, ...], ends: tuple[int, ...]) -> int | None:
    """Give the stamp with which a condition that stands began; None where it does not stand."""
    begun = max((stamps[slot] for slot in begins if slot in stamps), default=None if begins else _FROM_THE_START)
    if begun is None:
        return None
    ended = max((stamps[slot] for slot in ends if slot in stamps), default=None)
    return begun if ended is None or begun >= ended else None


def _meaning(stamps: dict[int, int]) -> Meaning:
    """Read stamps by slot off the table."""
    suspended = frozenset(
        function for function, off, on in _FUNCTION_SLOTS if off in stamps and stamps[off] >= stamps.get(on, 0)
    )
    for status, begins, ends in _RULES:
        begun = _begun(stamps, begins, ends)
        if begun is not None:
            return Meaning(status, max(begun, 0) >> SEQUENCE_BITS, suspended)
    ended = max(stamps.get(slot, 0) for _, _, ends in _RULES for slot in ends)
    return Meaning(CardStatus.ACTIVE, ended >> SEQUENCE_BITS, suspended)


def events_told(
    known: CardState, status: CardStatus, suspended: frozenset[CardFunction] | None, *, time: int
) -> tuple[CardEvent, ...]:
    """Give the events that lead from what is known to what a platform that cannot push tells when it is asked.

    None for a card that something final has befallen and that is told to be in use: nothing undoes that. Conditions
    that are hidden behind the one told stay as they are.

    Args:
        known: the state so far.
        status: what the platform tells now.
        suspended: the functions that it tells to be suspended; None where it tells nothing of functions.
        time: when it was asked, microseconds since 1970.
    """
    shown = known.meaning
    kinds = [] if status is shown.status and status is not CardStatus.UNKNOWN else _way(known, status)
    told = [CardEvent(kind=kind, time=time, sequence=number) for number, kind in enumerate(kinds)]
    now = frozenset[CardFunction]() if suspended is None else suspended
    for function in sorted(now ^ shown.suspended) if suspended is not None else ():
        kind = CardEventKind.FUNCTION_SUSPENDED if function in now else CardEventKind.FUNCTION_RESTORED
        told.append(CardEvent(kind=kind, time=time, sequence=len(told), function=function))
    return tuple(told)


def _way(known: CardState, status: CardStatus) -> list[CardEventKind]:
    """Name what ends the graver conditions that stand, then what begins the status; empty where nothing can."""
    aim = next((c for c in CONDITIONS if c.status is status and c.begins), None)
    severity = -1 if aim is None else aim.severity
    graver = [c for c in CONDITIONS if c.name in known.standing() and c.severity > severity and c is not aim]
    if any(not c.ends for c in graver):
        return []
    kinds: list[CardEventKind] = []
    for condition in graver:
        if not condition.ends & set(kinds):
            kinds.append(min(condition.ends & {CardEventKind.ACTIVATED, CardEventKind.THAWED}))
    if aim is not None and aim.name not in known.standing():
        kinds += sorted(aim.begins)
    return kinds
