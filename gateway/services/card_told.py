"""What one other region is told of a home region's cards: under pseudonyms of its own, and no more than is agreed.

A region whose agreement does not name `card.suspended_functions` is not told which function is suspended, nor on which
basis: only that some is, so that it asks before it allows anything. It is told that all is restored once nothing is
suspended any more.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from adapters.card_events import CardEvent
from adapters.card_state import CardState, Mark
from adapters.words import CardEventKind, CardFunction
from gateway.services.card_news import Told
from trust.encoding import decode_base64url, encode_base64url
from trust.pseudonym import pairwise_card

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.services.card_ledger import CardLedger
    from gateway.services.card_news import CardNews

_OF_FUNCTIONS = frozenset({CardEventKind.FUNCTION_SUSPENDED, CardEventKind.FUNCTION_RESTORED})
_TOLD_OTHERWISE = frozenset(
    {
        CardEvent(kind=CardEventKind.REPLACED, time=1).slot,
        *(CardEvent(kind=kind, time=1, function=one).slot for kind in _OF_FUNCTIONS for one in CardFunction),
    }
)
"""Slots of events that are told in other words than they are kept; all others go out as they are."""


class Telling:
    """Turns what a ledger has into what one visited region is told.

    Args:
        ledger: the home region's.
        visited: the region that is told.
        functions: whether its agreement tells it of suspended functions.
    """

    def __init__(self, ledger: CardLedger, *, visited: str, functions: bool) -> None:
        """Keep the two secrets together: the name of a card at home, and what is made of it."""
        self._ledger = ledger
        self.functions = functions
        self.name: Callable[[bytes], bytes] = partial(_pairwise, ledger.secret, ledger.region, visited)

    def news(self, entries: Sequence[CardNews]) -> tuple[Told, ...]:
        """Give what is told of some entries of the log."""
        return tuple(
            Told(entry.number, self.name(entry.card), self._told(entry.card, entry.event), entry.reported_at)
            for entry in entries
        )

    def _told(self, card: bytes, event: CardEvent) -> tuple[CardEvent, ...]:
        if event.kind is CardEventKind.REPLACED:
            return (replace(event, detail=self._successor(event.detail)),)
        if event.kind not in _OF_FUNCTIONS or self.functions:
            return (event,)
        shown = self._ledger.shown(card)
        kind = event.kind if shown is None or not shown.suspended else CardEventKind.FUNCTION_SUSPENDED
        return tuple(replace(event, kind=kind, function=function, detail="") for function in CardFunction)

    def state(self, card: bytes) -> tuple[bytes, CardState]:
        """Give name and state of a card as this region should have them."""
        kept = self._ledger.table.state(card)
        if _TOLD_OTHERWISE.isdisjoint(mark.slot for mark in kept.marks):
            return self.name(card), kept
        told = CardState()
        for event in kept.events:
            told = told.joined(Mark(e.slot, e.stamp, e.detail) for e in self._told(card, event))
        return self.name(card), told

    def _successor(self, detail: str) -> str:
        """Give the pseudonym of a successor, which the log has by the region's own name for it."""
        name = decode_base64url(detail)
        return encode_base64url(self.name(name)) if name else ""


def _pairwise(secret: bytes, home: str, visited: str, card: bytes) -> bytes:
    return pairwise_card(secret, home=home, visited=visited, card=card)
