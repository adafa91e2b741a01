"""Requests that wait for a card which is not in use: the platform does not get them until the card is in use again.

When the home platform reports a card, what waits for it is held or released in the same transaction, and the other
gateway is told. A request that comes afterwards is held when it would be handed out. Services of the card itself, such
as taking a loss report back, name no card that must be in use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, select, update

from adapters.words import CardStatus
from gateway.services.evidence import Decision, Outcome
from gateway.services.exchange_ledger import LANES, RECEIVED, lane_in, load
from gateway.services.exchange_model import text_of
from gateway.services.exchange_queue import HELD_UNTIL
from gateway.services.exchange_states import Event, Party
from gateway.store.card_log import states_of
from gateway.store.tables_exchange import QUEUE, REQUESTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from adapters.card_state import CardState
    from gateway.services.exchange_act import Act
    from gateway.services.exchange_ledger import Ledger
    from gateway.services.exchange_model import StoredRequest
    from gateway.services.verdict import VerdictRules
    from gateway.store.transaction import Transaction

_AT_ONCE: Final = 500
_WAITING: Final = (
    select(QUEUE.c.place, QUEUE.c.due, REQUESTS.c.id, REQUESTS.c.card)
    .join(REQUESTS, REQUESTS.c.id == QUEUE.c.request)
    .where(
        REQUESTS.c.card.in_(bindparam("cards", expanding=True)),
        REQUESTS.c.open,
        REQUESTS.c.target == bindparam("home"),
        QUEUE.c.task == RECEIVED,
        QUEUE.c.dead.is_(False),
    )
    .order_by(QUEUE.c.place)
)
_HOLD: Final = (
    update(QUEUE)
    .where(QUEUE.c.place == bindparam("at"))
    .values(due=HELD_UNTIL, lease=QUEUE.c.lease + 1, failures=0, reason=bindparam("why"))
)
_RELEASE: Final = update(QUEUE).where(QUEUE.c.place == bindparam("at")).values(due=bindparam("now"), reason="")


class Holds:
    """Holds and releases.

    Args:
        act: makes the changes.
        rules: name the reason for which a card is not usable.
    """

    def __init__(self, act: Act, *, rules: VerdictRules) -> None:
        """Take both."""
        self.act = act
        self._rules = rules

    async def follow(self, transaction: Transaction, home: str, states: Mapping[bytes, CardState]) -> None:
        """Hold what waits for cards that are not in use now, and release what waits for those that are."""
        cards = sorted(states)
        for first in range(0, len(cards), _AT_ONCE):
            asked = {"home": home, "cards": cards[first : first + _AT_ONCE]}
            rows = (await transaction.execute(_WAITING, asked)).all()
            if not rows:
                continue
            ledger = await self.act.ledger(transaction)
            requests = await load(transaction, [row.id for row in rows])
            for row in rows:
                reason, held = self._objection(states[row.card]), row.due >= HELD_UNTIL
                if reason and not held:
                    await self.hold(transaction, ledger, row.place, requests[row.id], reason=reason)
                elif held and not reason:
                    await self._release(transaction, ledger, row.place, requests[row.id])
            await ledger.write()

    async def objections(
        self, transaction: Transaction, home: str, requests: Iterable[StoredRequest]
    ) -> dict[bytes, str]:
        """Give, by the id of a request, why the card that it names is not usable; only for those where that is so."""
        named = {request.id: request.card for request in requests if request.card is not None}
        if not named:
            return {}
        states = await states_of(transaction, home, named.values())
        found = {ident: self._objection(states[card]) for ident, card in named.items()}
        return {ident: reason for ident, reason in found.items() if reason}

    async def hold(
        self, transaction: Transaction, ledger: Ledger, place: int, request: StoredRequest, *, reason: str
    ) -> None:
        """Keep a request back; a lease under which it was handed out before counts no more."""
        await transaction.execute(_HOLD, {"at": place, "why": reason})
        ledger.move(request, Event.HELD, Party.TARGET_GATEWAY, region=request.target, reason=reason)
        ledger.record(_decision("exchange/hold", Outcome.REFUSED, request, reason))

    async def _release(self, transaction: Transaction, ledger: Ledger, place: int, request: StoredRequest) -> None:
        await transaction.execute(_RELEASE, {"at": place, "now": ledger.now})
        ledger.move(request, Event.RELEASED, Party.TARGET_GATEWAY, region=request.target)
        ledger.record(_decision("exchange/release", Outcome.ALLOWED, request, "OK"))
        transaction.notify(LANES, lane_in(request.target))

    def _objection(self, state: CardState) -> str:
        """Give why a card is not usable, "" where it is, or where nothing was reported of it but a function."""
        status, since, _ = state.meaning
        told = status is not CardStatus.ACTIVE and bool(since)
        return self._rules.of(status).reason if told else ""


def _decision(method: str, outcome: Outcome, request: StoredRequest, reason: str) -> Decision:
    return Decision(
        method=method,
        outcome=outcome,
        reason=reason,
        who_failed="" if outcome is Outcome.ALLOWED else "holder",
        source=request.source,
        target=request.target,
        item=request.item,
        detail=text_of(request.digest),
    )
