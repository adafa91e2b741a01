"""What the operator is told at the moment when an errand or a delivery is laid aside: a line of the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gateway.services.exchange_ledger import RECEIVED
from gateway.services.exchange_states import Held

if TYPE_CHECKING:
    from gateway.journal import Journal
    from gateway.services.exchange_model import StoredRequest


class LaidAside(NamedTuple):
    """A task that has just become a dead letter: which way and for which region, what it was to tell, and why not.

    Handlers of the store answer it, and whoever has waited for the commit tells it: so it is told once, by one replica,
    and never of a transaction that was rolled back.
    """

    direction: str
    region: str
    task: str
    kind: str
    reason: str


def errand_aside(request: StoredRequest, task: str, reason: str) -> LaidAside:
    """Say that what was to be told the other gateway was laid aside."""
    other = request.target if request.held is Held.SOURCE else request.source
    return LaidAside("out", other, task, request.kind.value, reason)


def delivery_aside(request: StoredRequest, reason: str) -> LaidAside:
    """Say that what was to be handed to the platform was laid aside."""
    return LaidAside("in", request.target, RECEIVED, request.kind.value, reason)


def tell(journal: Journal, aside: LaidAside) -> None:
    """Write that there is a dead letter more; which request it is says `onecard exchange dead-letter list`."""
    journal.event("exchange_dead_letter", **aside._asdict())
