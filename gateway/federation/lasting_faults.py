"""Faults that last, such as a store that is away: told when they begin, and not again while they stay the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.journal import Journal


class LastingFaults:
    """Tells a journal of them, one for each event at a time."""

    def __init__(self, journal: Journal) -> None:
        """Begin without any."""
        self._journal = journal
        self._lasting: dict[str, str] = {}

    def tell(self, event: str, error: Exception) -> None:
        """Tell of a fault by its type, unless it is the one that was told of last."""
        kind = type(error).__name__
        if self._lasting.get(event) != kind:
            self._lasting[event] = kind
            self._journal.event(event, error=kind)

    def over(self, event: str) -> None:
        """Note that all is well; the next fault is told of."""
        self._lasting.pop(event, None)
