"""Upkeep: what comes to its end by time. Deadlines pass, contents are erased, uploads that nobody uses are dropped."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, bindparam, delete, or_, select, update

from gateway.errors import StoreUnavailableError
from gateway.services.evidence import Decision, Outcome
from gateway.services.exchange_ledger import load
from gateway.services.exchange_model import MICROS, text_of
from gateway.services.exchange_states import Event, Held, Party
from gateway.store.tables_exchange import ATTACHMENTS, CHUNKS, REQUESTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.services.exchange_act import Act
    from gateway.store.store import Store
    from gateway.store.transaction import Transaction

EVERY_SECONDS: Final = 1.0
AT_ONCE: Final = 200
GRACE_SECONDS: Final = 300
"""How long the source's gateway waits behind a deadline for what the target region may still have to tell of before."""

LOOSE_SECONDS: Final = 86_400
"""After which time an upload that belongs to no request is dropped."""

EXPIRED: Final = "REQUEST_EXPIRED"
_DUE: Final = (
    select(REQUESTS.c.id)
    .where(
        REQUESTS.c.open.is_(True),
        REQUESTS.c.deadline <= bindparam("now"),
        or_(REQUESTS.c.held == Held.TARGET.value, REQUESTS.c.deadline <= bindparam("heard_by")),
    )
    .order_by(REQUESTS.c.deadline)
    .limit(AT_ONCE)
)
_OLD: Final = (
    select(REQUESTS.c.id)
    .where(
        REQUESTS.c.open.is_(False), REQUESTS.c.content.is_not(None), REQUESTS.c.changed_at <= bindparam("erase_before")
    )
    .order_by(REQUESTS.c.changed_at)
    .limit(AT_ONCE)
)
_ERASE: Final = (
    update(REQUESTS)
    .where(REQUESTS.c.id.in_(bindparam("ids", expanding=True)))
    .values(content=None, reply=None, disputes=None)
)
_FILES: Final = (
    select(ATTACHMENTS.c.id)
    .where(
        or_(
            ATTACHMENTS.c.request.in_(bindparam("ids", expanding=True)),
            and_(ATTACHMENTS.c.request.is_(None), ATTACHMENTS.c.changed_at <= bindparam("loose_before")),
        )
    )
    .limit(AT_ONCE)
)
_DROP: Final = (
    delete(CHUNKS).where(CHUNKS.c.attachment == bindparam("of_file")),
    delete(ATTACHMENTS).where(ATTACHMENTS.c.id == bindparam("of_file")),
)


@dataclass(frozen=True, slots=True)
class Kept:
    """What one round of upkeep did: how many requests expired, how many were erased, how many files dropped."""

    expired: int
    erased: int
    dropped: int


class Upkeep:
    """The periodic task; on several replicas each does it, and each thing happens once.

    Args:
        store: where requests are kept.
        act: does what there is to do to them.
        retention_seconds: after which time without change the content of a closed request is erased.
    """

    def __init__(self, store: Store, *, act: Act, retention_seconds: float) -> None:
        """Keep them."""
        self._store = store
        self._act = act
        self._retention = int(retention_seconds * MICROS)
        self._handler = self._keep

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            try:
                await self.once()
            except StoreUnavailableError:
                continue

    async def once(self) -> Kept:
        """Do what is due (StoreUnavailableError)."""
        return await self._store.commit(self._handler, None)

    async def _keep(self, transaction: Transaction, items: Sequence[None]) -> Sequence[Kept]:
        """Expire, erase, drop."""
        ledger = await self._act.ledger(transaction)
        told = {"now": ledger.now, "heard_by": ledger.now - GRACE_SECONDS * MICROS}
        due = [*(await transaction.execute(_DUE, told)).scalars()]
        for request in (await load(transaction, due)).values() if due else ():
            here = request.held is Held.TARGET
            by, region = (Party.TARGET_GATEWAY, request.target) if here else (Party.SOURCE_GATEWAY, request.source)
            ledger.move(request, Event.EXPIRED, by, region=region, reason=EXPIRED)
            ledger.record(
                Decision(
                    method="exchange/expire",
                    outcome=Outcome.FAILED,
                    reason=EXPIRED,
                    source=request.source,
                    target=request.target,
                    item=request.item,
                    detail=text_of(request.digest),
                )
            )
        await ledger.write()
        erased, dropped = await self._erase(transaction, ledger.now)
        return [Kept(len(due), erased, dropped)] + [Kept(0, 0, 0)] * (len(items) - 1)

    async def _erase(self, transaction: Transaction, now: int) -> tuple[int, int]:
        """Erase what is older than it may be; gives how many requests and files that were."""
        old: list[Any] = [*(await transaction.execute(_OLD, {"erase_before": now - self._retention})).scalars()]
        if old:
            await transaction.execute(_ERASE, {"ids": old})
        told = {"ids": old, "loose_before": now - LOOSE_SECONDS * MICROS}
        files = [{"of_file": ident} for ident in (await transaction.execute(_FILES, told)).scalars()]
        for statement in _DROP if files else ():
            await transaction.execute(statement, files)
        return len(old), len(files)
