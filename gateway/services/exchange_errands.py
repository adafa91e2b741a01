"""Errands: what is to be told another gateway, leased from its lane with all that is needed, and settled afterwards.

Everything here is done in transactions, so that what was told and what is noted of it cannot fall apart: an errand
whose lease has meanwhile gone to somebody else is not noted, whatever came of it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import BigInteger, bindparam, case, cast, literal, select, update

from gateway.errors import GatewayError, LeaseLostError
from gateway.services.evidence import Decision, Outcome
from gateway.services.exchange_act import REFUSALS
from gateway.services.exchange_inbox import fail
from gateway.services.exchange_laid_aside import LaidAside, errand_aside, tell
from gateway.services.exchange_ledger import lane_out, load
from gateway.services.exchange_model import MICROS, HistoryEntry, StoredRequest, text_of
from gateway.services.exchange_queue import HELD_UNTIL, SUSPECT, Taken, done, extend, held, put_back, take
from gateway.services.exchange_receipts import read_receipt, write_receipt
from gateway.services.exchange_states import Event, Held, Party, State
from gateway.services.local_home import china_day
from gateway.store.tables_exchange import EVENTS, QUEUE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.journal import Journal
    from gateway.services.exchange_act import Act
    from gateway.services.exchange_ledger import Ledger
    from gateway.services.exchange_receipts import ReceiptDesk
    from gateway.services.exchange_rules import ExchangeRules
    from gateway.store.store import Store
    from gateway.store.transaction import Transaction

LEASE_SECONDS: Final = 3.0
"""How long a task is kept from others when its worker is gone; one that lives renews it every second."""

TRIES: Final = 8
DEATHS: Final = 16
"""How often whoever has an errand in hand may die, before it is laid aside: alone from the `SUSPECT`th time on."""

LONGEST_SECONDS: Final = 300.0
_ENTRIES: Final = select(EVENTS).where(EVENTS.c.request.in_(bindparam("ids", expanding=True)))
"""Whole histories, which are short: for pairs of request and revision SQLite would read through all there are."""

_FAILURES: Final = cast(QUEUE.c.failures, BigInteger)
_REST: Final = _FAILURES * _FAILURES * MICROS
_FREE: Final = (
    update(QUEUE)
    .where(QUEUE.c.due > bindparam("now"), QUEUE.c.due < HELD_UNTIL, QUEUE.c.lease > 0)
    .values(due=bindparam("now", type_=BigInteger) + case((_FAILURES < SUSPECT, literal(0, BigInteger)), else_=_REST))
)
"""A suspect rests for longer each time, so that one who dies often for reasons of his own does not die of it again."""

_REPLIES: Final = frozenset({Event.COMPLETED, Event.REJECTED})


class Errand(NamedTuple):
    """One thing to be told: of which request, as it is now, and which entry of its history."""

    taken: Taken
    request: StoredRequest
    entry: HistoryEntry


class Verdict(Enum):
    """What a refusal means for the errand."""

    AGREEMENT = auto()
    """The agreement does not allow it, as the other gateway sees it."""
    MOOT = auto()
    """The request has gone on meanwhile; there is nothing to be told any more."""
    FOR_GOOD = auto()
    """It would be refused again."""
    FOR_NOW = auto()
    """It may be taken another time."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An errand that was refused: what that means, and why."""

    errand: Errand
    verdict: Verdict
    reason: str


class _Leased(NamedTuple):
    errands: list[Errand]
    aside: list[LaidAside]


class _Settled(NamedTuple):
    errand: Errand
    receipt: str


class _Released(NamedTuple):
    taken: Taken
    delay_seconds: float


class Errands:
    """The transactions around errands.

    Args:
        store: where requests are kept.
        act: does what there is to do to them.
        rules: whether they may still be handed on.
        receipts: takes the receipts that come back.
        reason_of: names an error by its ErrorReason.
        journal: is told when an errand is laid aside.
    """

    def __init__(
        self,
        store: Store,
        *,
        act: Act,
        rules: ExchangeRules,
        receipts: ReceiptDesk,
        reason_of: Callable[[Exception], str],
        journal: Journal,
    ) -> None:
        """Keep them."""
        self._store = store
        self._act = act
        self._rules = rules
        self._receipts = receipts
        self.reason_of = reason_of
        self._journal = journal
        self._take_handler, self._settle_handler, self._refuse_handler = self._take, self._settle, self._refuse
        self._renew_handler, self._release_handler, self._free_handler = self._renew, self._release, self._free

    async def take(self, peer: str, *, most: int) -> list[Errand]:
        """Lease errands to the gateway of a region, in the order of their keys."""
        leased = await self._store.commit(self._take_handler, (peer, most))
        for aside in leased.aside:
            tell(self._journal, aside)
        return leased.errands

    async def settle(self, errand: Errand, receipt: str = "") -> None:
        """Note that an errand was done (LeaseLostError; a TrustError where the receipt that came back is wrong)."""
        await self._store.commit(self._settle_handler, _Settled(errand, receipt))

    async def refuse(self, refused: Refused) -> None:
        """Note that an errand was refused (LeaseLostError)."""
        aside = await self._store.commit(self._refuse_handler, refused)
        if aside is not None:
            tell(self._journal, aside)

    async def renew(self, taken: Sequence[Taken]) -> None:
        """Keep leases; those that were lost stay so."""
        if taken:
            await self._store.commit(self._renew_handler, taken)

    async def release(self, taken: Sequence[Taken], *, delay_seconds: float) -> None:
        """Let errands be taken again after some time, through no fault of theirs."""
        for one in taken:
            await self._store.commit(self._release_handler, _Released(one, delay_seconds))

    async def free_all(self) -> None:
        """End all leases: for a process that starts and knows that there is no other."""
        await self._store.commit(self._free_handler, None)

    async def _take(self, transaction: Transaction, items: Sequence[tuple[str, int]]) -> Sequence[_Leased]:
        ledger = await self._act.ledger(transaction)
        answers = [await self._take_one(transaction, ledger, peer, most) for peer, most in items]
        await ledger.write()
        return answers

    async def _take_one(self, transaction: Transaction, ledger: Ledger, peer: str, most: int) -> _Leased:
        taken = await take(transaction, lane_out(peer), most=most, lease_seconds=LEASE_SECONDS, now=ledger.now)
        leased = _Leased([], [])
        if not taken:
            return leased
        requests = await load(transaction, [one.request for one in taken])
        found = await transaction.execute(_ENTRIES, {"ids": sorted({one.request for one in taken})})
        entries = {
            (row.request, row.revision): HistoryEntry(
                row.revision, Event(row.event), State(row.state), row.time, row.region, row.reason
            )
            for row in found
        }
        for one in taken:
            errand = Errand(one, requests[one.request], entries[one.request, one.revision])
            if one.failures > DEATHS:
                leased.aside.append(await self._lay_aside(transaction, errand, "DEADLINE", due=ledger.now))
            elif await self._may_go_on(transaction, ledger, errand, leased.aside):
                leased.errands.append(errand)
        return leased

    async def _may_go_on(
        self, transaction: Transaction, ledger: Ledger, errand: Errand, aside: list[LaidAside]
    ) -> bool:
        """Tell whether the agreement still lets a content or reply out; what it does not let out fails."""
        if errand.entry.event not in {Event.SUBMITTED, *_REPLIES}:
            return True
        request = errand.request
        try:
            self._rules.still_permit(request, on=china_day(ledger.now / MICROS))
        except REFUSALS as error:
            reason = self.reason_of(error)
            if errand.entry.event is Event.SUBMITTED and request.state is State.SUBMITTED:
                fail(ledger, request, Party.SOURCE_GATEWAY, region=request.source, reason=reason)
            else:
                aside.append(await self._lay_aside(transaction, errand, reason, due=ledger.now))
            return False
        return True

    async def _lay_aside(self, transaction: Transaction, errand: Errand, reason: str, *, due: int) -> LaidAside:
        await put_back(transaction, errand.taken, due=due, reason=reason, failed=True, most_failures=0)
        transaction.record(_decision(errand, Outcome.FAILED, reason))
        return errand_aside(errand.request, errand.entry.event.value, reason)

    async def _settle(self, transaction: Transaction, items: Sequence[_Settled]) -> Sequence[GatewayError | None]:
        ledger = await self._act.ledger(transaction)
        mine = await held(transaction, ((item.errand.taken.place, item.errand.taken.lease) for item in items))
        requests = await load(transaction, [item.errand.request.id for item in items])
        answers: list[GatewayError | None] = []
        for item in items:
            errand = item.errand
            if errand.taken.place not in mine:
                answers.append(LeaseLostError())
                continue
            request = requests[errand.request.id]
            try:
                requests[request.id] = await self._note(transaction, ledger, request, item)
            except REFUSALS as error:
                answers.append(error)  # type: ignore[arg-type]  # whoever waits is told it as it is
                continue
            await done(transaction, [errand.taken.place])
            transaction.record(_decision(errand, Outcome.ALLOWED, "OK"))
            answers.append(None)
        await ledger.write()
        return answers

    async def _note(
        self, transaction: Transaction, ledger: Ledger, request: StoredRequest, item: _Settled
    ) -> StoredRequest:
        """Note what follows from an errand that was done."""
        event = item.errand.entry.event
        if event is Event.SUBMITTED and request.state is State.SUBMITTED:
            region = request.target
            return ledger.move(request, Event.DELIVERED, Party.SOURCE_GATEWAY, region=region, delivered_at=ledger.now)
        if event in _REPLIES and not read_receipt(request.receipt or "").complete:
            receipt = self._receipts.accept(request, item.receipt)
            chains = await self._receipts.keep_chains(transaction, request)
            return ledger.set(request, receipt=write_receipt(receipt), chains=chains)
        return request

    async def _refuse(
        self, transaction: Transaction, items: Sequence[Refused]
    ) -> Sequence[LaidAside | GatewayError | None]:
        ledger = await self._act.ledger(transaction)
        mine = await held(transaction, ((item.errand.taken.place, item.errand.taken.lease) for item in items))
        requests = await load(transaction, [item.errand.request.id for item in items])
        answers: list[LaidAside | GatewayError | None] = []
        for item in items:
            taken = mine.get(item.errand.taken.place)
            if taken is None:
                answers.append(LeaseLostError())
                continue
            answers.append(await self._refuse_one(transaction, ledger, requests[item.errand.request.id], item, taken))
        await ledger.write()
        return answers

    async def _refuse_one(
        self, transaction: Transaction, ledger: Ledger, request: StoredRequest, item: Refused, taken: Taken
    ) -> LaidAside | None:
        """Let a refused request fail, or its errand be dropped, laid aside, or tried again later."""
        event = item.errand.entry.event
        if item.verdict is Verdict.AGREEMENT and event is Event.SUBMITTED and request.state is State.SUBMITTED:
            fail(ledger, request, Party.SOURCE_GATEWAY, region=request.source, reason=item.reason)
            return None
        transaction.record(_decision(item.errand, Outcome.FAILED, item.reason))
        if item.verdict is Verdict.MOOT and request.held is Held.SOURCE and event is not Event.SUBMITTED:
            if event is Event.CANCEL_ASKED:
                ledger.move(
                    request, Event.CANCEL_REFUSED, Party.SOURCE_GATEWAY, region=request.target, reason=item.reason
                )
            await done(transaction, [taken.place])
            return None
        most = TRIES if item.verdict is Verdict.FOR_NOW else 0
        due = ledger.now + int(pause_seconds(taken.failures) * MICROS)
        dead = await put_back(transaction, taken, due=due, reason=item.reason, failed=True, most_failures=most)
        return errand_aside(request, event.value, item.reason) if dead else None

    async def _renew(self, transaction: Transaction, items: Sequence[Sequence[Taken]]) -> Sequence[None]:
        ledger = await self._act.ledger(transaction)
        mine = await held(transaction, ((one.place, one.lease) for taken in items for one in taken))
        await extend(transaction, sorted(mine), until=ledger.now + int(LEASE_SECONDS * MICROS))
        return [None for _ in items]

    async def _release(self, transaction: Transaction, items: Sequence[_Released]) -> Sequence[None]:
        ledger = await self._act.ledger(transaction)
        mine = await held(transaction, ((item.taken.place, item.taken.lease) for item in items))
        for item in items:
            taken = mine.get(item.taken.place)
            if taken is not None:
                due = ledger.now + int(item.delay_seconds * MICROS)
                await put_back(transaction, taken, due=due, reason="PEER_UNAVAILABLE", failed=False)
        return [None for _ in items]

    async def _free(self, transaction: Transaction, items: Sequence[None]) -> Sequence[None]:
        ledger = await self._act.ledger(transaction)
        await transaction.execute(_FREE, {"now": ledger.now})
        return items


def pause_seconds(failures: int) -> float:
    """Give how long to wait after so many failures: twice as long each time, and never all at once."""
    return min(LONGEST_SECONDS, 2.0 ** (failures - 1)) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret, only apart


def _decision(errand: Errand, outcome: Outcome, reason: str) -> Decision:
    """Make the record of an errand: one for each try that the other gateway has answered."""
    request = errand.request
    return Decision(
        method=f"exchange/tell/{errand.entry.event}",
        outcome=outcome,
        reason=reason,
        who_failed="" if outcome is Outcome.ALLOWED else "peer",
        source=request.source,
        target=request.target,
        item=request.item,
        detail=text_of(request.digest),
    )
