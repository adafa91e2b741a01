"""Histories of cards for property tests: every kind of event, few times and sequences, so that they often collide."""

from __future__ import annotations

from hypothesis import strategies as st

from adapters.card_events import CardEvent
from adapters.words import CardEventKind, CardFunction

KINDS = [(kind, None) for kind in CardEventKind if not kind.startswith("function")] + [
    (kind, function)
    for kind in (CardEventKind.FUNCTION_SUSPENDED, CardEventKind.FUNCTION_RESTORED)
    for function in CardFunction
]


def event(form: tuple[CardEventKind, CardFunction | None], time: int, sequence: int, detail: str) -> CardEvent:
    """Make an event; only those that have something to say beside them get a detail."""
    kind, function = form
    told = detail if kind in {CardEventKind.REPLACED, CardEventKind.FUNCTION_SUSPENDED} else ""
    return CardEvent(kind=kind, time=time, sequence=sequence, function=function, detail=told)


EVENTS = st.builds(
    event, st.sampled_from(KINDS), st.integers(1, 6), st.integers(0, 2), st.sampled_from(["", "甲", "乙"])
)
HISTORIES = st.lists(EVENTS, max_size=12)
