"""Whatever is done to a request: found, held against who may do it, done, recorded; many at once in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, cast

from adapters.errors import AdapterError
from gateway.errors import GatewayError, RequestNotFoundError
from gateway.services.crash_points import AFTER_EFFECT, NO_CRASH
from gateway.services.evidence import Outcome
from gateway.services.exchange_ledger import Ledger, dialect_of, load
from gateway.services.exchange_model import text_of
from gateway.store.schema import new_id
from trust.errors import TrustError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from gateway.services.crash_points import CrashPoints
    from gateway.services.exchange_clock import Now
    from gateway.services.exchange_model import Actor, StoredRequest
    from gateway.services.exchange_states import Party, Transitions
    from gateway.store.store import Store
    from gateway.store.transaction import Transaction

REFUSALS: Final = (AdapterError, GatewayError, TrustError)
"""Errors that are the answer to one item, and do not undo what was done for the others."""

DENIED: Final = "DENY_IDOR"
"""Reason in the evidence where somebody asks for a request that is not his; he himself is told that there is none."""


class Acted(NamedTuple):
    """A request after something was done, whether that had been done before, and the detail for the evidence."""

    request: StoredRequest
    replayed: bool
    detail: str = ""


class Step(Protocol):
    """Something to be done to a request."""

    async def apply(self, scene: Scene, request: StoredRequest, party: Party) -> Acted:
        """Do it (a GatewayError where it cannot be done; nothing was changed then)."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a step is done: the transaction, the changes of the whole batch, and the id of the evidence of this one."""

    transaction: Transaction
    ledger: Ledger
    actor: Actor
    record: bytes = field(default_factory=new_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Act:
    id: bytes
    source: str
    step: Step
    actor: Actor


class Act:
    """The one way to do something to a stored request.

    Args:
        store: where requests are kept.
        rules: what may happen.
        homes: the regions of this gateway.
        now: the time of the store.
        points: where a test lets the process die.
    """

    def __init__(
        self, store: Store, *, rules: Transitions, homes: Collection[str], now: Now, points: CrashPoints = NO_CRASH
    ) -> None:
        """Keep what is needed."""
        self._store = store
        self.rules = rules
        self.homes = homes
        self._now = now
        self._points = points
        self._handler = self._apply

    async def __call__(self, request: tuple[str, bytes], step: Step, actor: Actor) -> Acted:
        """Do something to a request, named by its region and id; it is on disk when this returns.

        Raises:
            RequestNotFoundError: there is none, or none of the caller's.
            GatewayError: the step cannot be done.
        """
        source, ident = request
        return await self._store.commit(self._handler, _Act(id=ident, source=source, step=step, actor=actor))

    async def ledger(self, transaction: Transaction) -> Ledger:
        """Begin a batch of changes."""
        now = await self._now(transaction)
        return Ledger(transaction, rules=self.rules, homes=self.homes, dialect=dialect_of(self._store), now=now)

    async def _apply(self, transaction: Transaction, items: Sequence[_Act]) -> Sequence[Acted | GatewayError]:
        """Do all steps, one after the other, and write what they have changed."""
        self._points.reach(AFTER_EFFECT)
        requests = await load(transaction, (item.id for item in items))
        ledger = await self.ledger(transaction)
        answers: list[Acted | GatewayError] = []
        for item in items:
            try:
                acted = await self._one(Scene(transaction, ledger, item.actor), requests.get(item.id), item)
            except REFUSALS as error:
                answers.append(cast("GatewayError", error))  # whoever waits is told it as it is
            else:
                requests[item.id] = acted.request
                answers.append(acted)
        await ledger.write()
        return answers

    async def _one(self, scene: Scene, request: StoredRequest | None, item: _Act) -> Acted:
        """Do one step, and record it."""
        party = find(scene.transaction, request, item.source, item.actor)
        if request is None:  # said by `find` already
            raise RequestNotFoundError
        acted = await item.step.apply(scene, request, party)
        if not acted.replayed:
            after = acted.request
            scene.transaction.record(
                item.actor.decision(
                    source=after.source,
                    target=after.target,
                    item=after.item,
                    detail=acted.detail or text_of(after.digest),
                    id=scene.record,
                )
            )
        return acted


def find(transaction: Transaction, request: StoredRequest | None, source: str, actor: Actor) -> Party:
    """Say as whom somebody acts; a stranger is recorded, and told what he would be told of nothing.

    Raises:
        RequestNotFoundError: there is no such request, or none of his.
    """
    party = None if request is None or request.source != source else request.party(actor)
    if party is None:
        reason = "REQUEST_NOT_FOUND" if request is None else DENIED
        transaction.record(actor.decision(Outcome.REFUSED, reason=reason, who_failed="caller"))
        raise RequestNotFoundError
    return party
