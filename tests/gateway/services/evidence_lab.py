"""A log of evidence for tests: invented decisions, a store that records them, and readers of it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from sqlalchemy import select

from gateway.services.evidence import Decision, EvidenceSecret, Known, Outcome, Subject
from gateway.services.evidence_bundle import unpack
from gateway.services.evidence_log import EvidenceLog
from gateway.store.engine import open_engine
from gateway.store.tables_evidence import BUNDLES
from tests.fakes.store import opened

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from sqlalchemy.sql.base import Executable

    from gateway.services.evidence_bundle import Stored
    from gateway.store.store import Store
    from gateway.store.transaction import Transaction

SECRET = EvidenceSecret(b"evidence secret of tests, 32 by.")
HOLDER = "510100190001010013"


def holder(number: int) -> Subject:
    """Give an invented holder of Chongqing."""
    return Subject(Known.HOLDER, "chongqing", f"5001001900010{number:05}")


def decision(number: int = 0) -> Decision:
    """Make a decision; every third is about nobody."""
    return Decision(
        method="IdentityService/VerifyCard",
        outcome=Outcome.ALLOWED,
        caller="platform.sichuan.example",
        token=f"token-{number % 5}",
        source="sichuan",
        target="chongqing",
        item="SC-01",
        subject=None if number % 3 == 2 else holder(number % 40),
        recognition=f"recognition-{number}" if number % 2 else "",
        trace_id=f"trace-{number:x}",
    )


async def record(transaction: Transaction, items: Sequence[Sequence[Decision]]) -> Sequence[None]:
    """Record the decisions of each item; a handler of the store."""
    for one in items:
        for each in one:
            transaction.record(each)
    return [None] * len(items)


@asynccontextmanager
async def recording(url: str) -> AsyncIterator[Store]:
    """Open a store that keeps evidence; several on one address are replicas."""
    dialect = url.partition(":")[0].partition("+")[0]
    async with opened(url, append=EvidenceLog(SECRET, dialect=dialect).append) as store:
        yield store


async def tamper(url: str, *statements: Executable) -> None:
    """Do something to the database that the gateway would not do."""
    engine = open_engine(url)
    async with engine.writing.begin() as connection:
        for statement in statements:
            await connection.execute(statement)
    await engine.close()


async def fill(store: Store, count: int, *, together: int = 7) -> list[Decision]:
    """Record decisions, some in each transaction."""
    made = [decision(number) for number in range(count)]
    for start in range(0, count, together):
        await store.commit(record, made[start : start + together])
    return made


async def kept(store: Store) -> list[Stored]:
    """Read all records as they lie there."""
    async with store.reading() as connection:
        rows = (await connection.execute(select(BUNDLES).order_by(BUNDLES.c.place))).all()
    return [one for row in rows for one in unpack(row)]
