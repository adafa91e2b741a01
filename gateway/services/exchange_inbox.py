"""The inbox: what waits for the platform of a home region, leased to who receives it until it has said what it did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from adapters.errors import AdapterError
from gateway.errors import GatewayError, LeaseLostError, RequestNotFoundError
from gateway.services.evidence import Decision, Outcome
from gateway.services.exchange_act import find
from gateway.services.exchange_laid_aside import delivery_aside, tell
from gateway.services.exchange_ledger import LANES, lane_in, load
from gateway.services.exchange_model import MICROS, StoredRequest, text_of
from gateway.services.exchange_queue import MOST_FAILURES, extend, put_back, take, tasks_of
from gateway.services.exchange_states import Event, Party
from gateway.services.local_home import china_day
from trust.errors import TrustError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.journal import Journal
    from gateway.services.exchange_act import Act
    from gateway.services.exchange_holds import Holds
    from gateway.services.exchange_laid_aside import LaidAside
    from gateway.services.exchange_ledger import Ledger
    from gateway.services.exchange_model import Actor
    from gateway.services.exchange_queue import Taken
    from gateway.services.exchange_rules import ExchangeRules
    from gateway.store.store import Store
    from gateway.store.transaction import Transaction

_NOT_TAKEN: Final = "LEASE_LOST"
"""Why a delivery is laid aside: nobody has said within its leases that he has it."""

_NOT_PERMITTED: Final = (AdapterError, GatewayError, TrustError)


class Delivered(NamedTuple):
    """A request under a lease; the end in microseconds by the clock of the store."""

    request: StoredRequest
    lease: int
    until: int
    attempt: int


class _Leased(NamedTuple):
    delivered: list[Delivered]
    aside: list[LaidAside]


class _Returned(NamedTuple):
    request: StoredRequest
    aside: LaidAside | None


class _Ask(NamedTuple):
    actor: Actor
    most: int
    lease_seconds: float


class _GiveBack(NamedTuple):
    id: bytes
    source: str
    lease: int
    delay_seconds: float
    actor: Actor


class _Extend(NamedTuple):
    id: bytes
    source: str
    lease: int
    lease_seconds: float
    actor: Actor


class Inbox:
    """The use cases of who receives.

    Args:
        store: where requests are kept.
        act: does what there is to do to them.
        rules: whether they may still be handed on.
        holds: keeps back those whose card is not in use.
        reason_of: names an error by its ErrorReason.
        journal: is told when a delivery is laid aside.
    """

    def __init__(
        self,
        store: Store,
        *,
        act: Act,
        rules: ExchangeRules,
        holds: Holds,
        reason_of: Callable[[Exception], str],
        journal: Journal,
    ) -> None:
        """Keep them."""
        self._store = store
        self._act = act
        self._rules = rules
        self._holds = holds
        self._reason_of = reason_of
        self._journal = journal
        self._take_handler, self._back_handler, self._extend_handler = self._take, self._back, self._more

    async def take(self, actor: Actor, *, most: int, lease_seconds: float) -> list[Delivered]:
        """Lease what waits for the caller's region and may still be handed on, oldest first."""
        leased = await self._store.commit(self._take_handler, _Ask(actor, most, lease_seconds))
        for aside in leased.aside:
            tell(self._journal, aside)
        return leased.delivered

    async def give_back(
        self, request: tuple[str, bytes], *, lease: int, delay_seconds: float, actor: Actor
    ) -> StoredRequest:
        """Let a request come again after some time; after too many times it is laid aside.

        Raises:
            RequestNotFoundError: there is no such request, or none of the caller's.
            LeaseLostError: it is not under that lease, or no longer.
        """
        source, ident = request
        item = _GiveBack(ident, source, lease, delay_seconds, actor)
        returned = await self._store.commit(self._back_handler, item)
        if returned.aside is not None:
            tell(self._journal, returned.aside)
        return returned.request

    async def extend(self, request: tuple[str, bytes], *, lease: int, lease_seconds: float, actor: Actor) -> Delivered:
        """Make a lease last as long again from now (as `give_back`)."""
        source, ident = request
        return await self._store.commit(self._extend_handler, _Extend(ident, source, lease, lease_seconds, actor))

    async def _take(self, transaction: Transaction, asks: Sequence[_Ask]) -> Sequence[_Leased]:
        """Lease for each who asks, one after the other, so that nobody gets the same."""
        ledger = await self._act.ledger(transaction)
        answers = [await self._take_one(transaction, ledger, ask) for ask in asks]
        await ledger.write()
        return answers

    async def _take_one(self, transaction: Transaction, ledger: Ledger, ask: _Ask) -> _Leased:
        lane, now = lane_in(ask.actor.region), ledger.now
        taken = await take(transaction, lane, most=ask.most, lease_seconds=ask.lease_seconds, now=now, both_ends=False)
        requests = await load(transaction, [one.request for one in taken])
        objections = await self._holds.objections(transaction, ask.actor.region, requests.values())
        leased = _Leased([], [])
        for one in taken:
            request = requests[one.request]
            if one.failures > MOST_FAILURES:
                leased.aside.append(await self._lay_aside(transaction, one, request, now))
            elif not self._may_go_on(ledger, request, now):
                continue
            elif one.request in objections:
                await self._holds.hold(transaction, ledger, one.place, request, reason=objections[one.request])
            else:
                transaction.record(_decision(ask.actor, request))
                until = now + int(ask.lease_seconds * MICROS)
                leased.delivered.append(Delivered(request, one.lease, until, one.lease))
        return leased

    async def _lay_aside(self, transaction: Transaction, one: Taken, request: StoredRequest, now: int) -> LaidAside:
        """Give up a delivery that was leased too often, for the operator to look at."""
        await put_back(transaction, one, due=now, reason=_NOT_TAKEN, failed=True, most_failures=0)
        transaction.record(
            Decision(
                method="exchange/receive",
                outcome=Outcome.FAILED,
                reason=_NOT_TAKEN,
                who_failed="platform",
                source=request.source,
                target=request.target,
                item=request.item,
                detail=text_of(request.digest),
            )
        )
        return delivery_aside(request, _NOT_TAKEN)

    def _may_go_on(self, ledger: Ledger, request: StoredRequest, now: int) -> bool:
        """Fail a request that the agreement does not allow any more."""
        try:
            self._rules.still_permit(request, on=china_day(now / MICROS))
        except _NOT_PERMITTED as error:
            fail(ledger, request, Party.TARGET_GATEWAY, region=request.target, reason=self._reason_of(error))
            return False
        return True

    async def _back(self, transaction: Transaction, items: Sequence[_GiveBack]) -> Sequence[_Returned | GatewayError]:
        """Put deliveries back."""
        ledger = await self._act.ledger(transaction)
        answers: list[_Returned | GatewayError] = []
        for item in items:
            try:
                task, request = await self._leased(transaction, item)
            except (RequestNotFoundError, LeaseLostError) as refusal:
                answers.append(refusal)
                continue
            due = ledger.now + int(item.delay_seconds * MICROS)
            dead = await put_back(transaction, task, due=due, reason=_NOT_TAKEN, failed=True)
            transaction.notify(LANES, lane_in(request.target))
            transaction.record(_decision(item.actor, request, outcome=Outcome.FAILED, reason=_NOT_TAKEN))
            answers.append(_Returned(request, delivery_aside(request, _NOT_TAKEN) if dead else None))
        return answers

    async def _more(self, transaction: Transaction, items: Sequence[_Extend]) -> Sequence[Delivered | GatewayError]:
        """Extend leases."""
        ledger = await self._act.ledger(transaction)
        answers: list[Delivered | GatewayError] = []
        for item in items:
            try:
                task, request = await self._leased(transaction, item)
            except (RequestNotFoundError, LeaseLostError) as refusal:
                answers.append(refusal)
                continue
            until = ledger.now + int(item.lease_seconds * MICROS)
            await extend(transaction, [task.place], until=until)
            answers.append(Delivered(request, item.lease, until, task.lease))
        return answers

    async def _leased(self, transaction: Transaction, item: _GiveBack | _Extend) -> tuple[Taken, StoredRequest]:
        """Find a delivery that is still under its lease (RequestNotFoundError, LeaseLostError)."""
        request = (await load(transaction, [item.id])).get(item.id)
        find(transaction, request, item.source, item.actor)
        task = (await tasks_of(transaction, lane_in(item.actor.region), [item.id])).get(item.id)
        if request is None or task is None or task.lease != item.lease or task.dead:
            raise LeaseLostError
        return task, request


def fail(ledger: Ledger, request: StoredRequest, by: Party, *, region: str, reason: str) -> StoredRequest:
    """Let a request fail that may not be handed on; its content is erased, and that is recorded."""
    ledger.record(
        Decision(
            method="exchange/fail",
            outcome=Outcome.REFUSED,
            reason=reason,
            who_failed="agreement",
            source=request.source,
            target=request.target,
            item=request.item,
            detail=text_of(request.digest),
        )
    )
    return ledger.move(request, Event.FAILED, by, region=region, reason=reason)


def _decision(
    actor: Actor, request: StoredRequest, *, outcome: Outcome = Outcome.ALLOWED, reason: str = "OK"
) -> Decision:
    """Make the record of a delivery."""
    return actor.decision(
        outcome,
        reason=reason,
        source=request.source,
        target=request.target,
        item=request.item,
        detail=text_of(request.digest),
    )
