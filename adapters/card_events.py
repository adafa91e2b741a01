"""One thing that happened to a card: what, when by the clock of its platform, and what the platform says beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from adapters.errors import MalformedFieldError
from adapters.words import CardEventKind, CardFunction

SEQUENCE_BITS: Final = 48
MAX_SEQUENCE: Final = 2**SEQUENCE_BITS - 1
MAX_TIME: Final = 2**56 - 1
"""Microseconds since 1970, UTC; the year 4253."""

MAX_DETAIL: Final = 200
"""Characters of a legal basis, or of what names a successor."""

_KINDS: Final = tuple(CardEventKind)
_FUNCTIONS: Final = tuple(CardFunction)
_OF_FUNCTIONS: Final = frozenset({CardEventKind.FUNCTION_SUSPENDED, CardEventKind.FUNCTION_RESTORED})
_KINDS_MOST: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class CardEvent:
    """An event of one card.

    `time` is when it happened (microseconds since 1970, UTC) and `sequence` its number at the platform, which decides
    between two of the same time; a platform that counts nothing leaves it 0. `function` is the one that is suspended or
    restored. `detail` is the legal basis of a suspension, or, of a replaced card, the pseudonym of its successor.
    """

    kind: CardEventKind
    time: int
    sequence: int = 0
    function: CardFunction | None = None
    detail: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be (MalformedFieldError names the field)."""
        if not 0 < self.time <= MAX_TIME:
            raise MalformedFieldError(field="event.time", rule="a_time")
        if not 0 <= self.sequence <= MAX_SEQUENCE:
            raise MalformedFieldError(field="event.sequence", rule="48_bits")
        if (self.function is None) == (self.kind in _OF_FUNCTIONS):
            raise MalformedFieldError(field="event.function", rule="with_events_of_functions_only")
        # Chinese texts may have the ideographic space, which Python does not call printable.
        if len(self.detail) > MAX_DETAIL or not self.detail.replace("\u3000", "").isprintable():
            raise MalformedFieldError(field="event.detail", rule=f"printable_at_most_{MAX_DETAIL}")

    @property
    def stamp(self) -> int:
        """Give time and sequence as one number, by which events of a card are ordered."""
        return self.time << SEQUENCE_BITS | self.sequence

    @property
    def slot(self) -> int:
        """Give the number of its kind and function, 0 to 255; numbers never change, they stand in stores."""
        function = 0 if self.function is None else 1 + _FUNCTIONS.index(self.function)
        return _KINDS_MOST * function + _KINDS.index(self.kind)


def of_slot(slot: int, stamp: int, detail: str = "") -> CardEvent:
    """Give the event of a slot number and a stamp (MalformedFieldError where there is none)."""
    function, kind = divmod(slot, _KINDS_MOST)
    if not 0 <= kind < len(_KINDS) or not 0 <= function <= len(_FUNCTIONS) or stamp < 0:
        raise MalformedFieldError(field="event.kind", rule="a_known_kind")
    return CardEvent(
        kind=_KINDS[kind],
        time=stamp >> SEQUENCE_BITS,
        sequence=stamp & MAX_SEQUENCE,
        function=_FUNCTIONS[function - 1] if function else None,
        detail=detail,
    )
