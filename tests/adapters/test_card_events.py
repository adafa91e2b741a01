"""Events of cards: what can be, and the number under which each is kept."""

from __future__ import annotations

import pytest

from adapters.card_events import MAX_DETAIL, MAX_SEQUENCE, MAX_TIME, CardEvent, of_slot
from adapters.errors import MalformedFieldError
from adapters.words import CardEventKind, CardFunction

K = CardEventKind
FORMS = [(kind, None) for kind in K if not kind.startswith("function")] + [
    (kind, function) for kind in (K.FUNCTION_SUSPENDED, K.FUNCTION_RESTORED) for function in CardFunction
]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"time": 0}, "event.time"),
        ({"time": MAX_TIME + 1}, "event.time"),
        ({"sequence": -1}, "event.sequence"),
        ({"sequence": MAX_SEQUENCE + 1}, "event.sequence"),
        ({"function": CardFunction.FINANCIAL}, "event.function"),
        ({"kind": K.FUNCTION_SUSPENDED}, "event.function"),
        ({"detail": "一" * (MAX_DETAIL + 1)}, "event.detail"),
        ({"detail": "a\nb"}, "event.detail"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(changes: dict[str, object], field: str) -> None:
    """The error names field and rule, and repeats nothing."""
    told: dict[str, object] = {"kind": K.LOCKED, "time": 5, **changes}
    with pytest.raises(MalformedFieldError) as caught:
        CardEvent(**told)  # type: ignore[arg-type]  # wrong on purpose
    assert caught.value.metadata["field"] == field


def test_each_kind_has_a_number_of_its_own_that_does_not_change() -> None:
    """Numbers stand in stores and on the wire between versions, so they are written out here once more."""
    slots = {
        (kind.value, function and function.value): CardEvent(kind=kind, time=1, function=function).slot
        for kind, function in FORMS
    }
    assert slots == {
        ("not_activated", None): 0,
        ("activated", None): 1,
        ("lost_temporary", None): 2,
        ("lost_formal", None): 3,
        ("thawed", None): 4,
        ("locked", None): 5,
        ("sealed", None): 6,
        ("replaced", None): 7,
        ("voided", None): 8,
        ("cancelled", None): 9,
        ("unreadable", None): 12,
        ("function_suspended", "social_security"): 26,
        ("function_restored", "social_security"): 27,
        ("function_suspended", "financial"): 42,
        ("function_restored", "financial"): 43,
    }


@pytest.mark.parametrize(("kind", "function"), FORMS)
def test_an_event_is_read_from_its_number_and_stamp(kind: CardEventKind, function: CardFunction | None) -> None:
    """Slot and stamp hold all but the detail."""
    event = CardEvent(kind=kind, time=MAX_TIME, sequence=MAX_SEQUENCE, function=function, detail="x")
    assert of_slot(event.slot, event.stamp, "x") == event


@pytest.mark.parametrize("slot", [-1, 10, 13, 15, 17, 48, 255])
def test_a_number_that_no_event_has_is_refused(slot: int) -> None:
    """A store or a peer may say anything."""
    with pytest.raises(MalformedFieldError):
        of_slot(slot, 1 << 48)


def test_a_stamp_before_all_time_is_refused() -> None:
    """So that nothing can be older than what nobody told."""
    with pytest.raises(MalformedFieldError):
        of_slot(1, -1)
