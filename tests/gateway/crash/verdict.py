"""What is true of two gateways after all: read out of their stores, their logs and their receipts."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select

from gateway.services.exchange_model import request_name
from gateway.settings import load_settings
from gateway.store.engine import open_engine
from gateway.store.tables_exchange import EVENTS, QUEUE, REQUESTS, WAITING
from onecard.gateway.v1 import exchange_service_pb2 as pb
from tests.gateway.command import onecard
from tests.gateway.crash.gateways import SOURCE
from tests.gateway.crash.load import certificate_of
from trust.receipt_evidence import check_inclusion
from trust.receipt_file import verify_receipt

if TYPE_CHECKING:
    from sqlalchemy import Select

    from tests.gateway.crash.gateways import Gateways, Replica
    from tests.gateway.crash.load import Load, Notes

RECEIPTS: Final = 50
_DRAIN_SECONDS: Final = 300.0
"""As `test_crash` has it: a suspect rests."""
_ALWAYS: Final = ("submitted", "completed")


async def rows(one: Replica, statement: Select[Any]) -> list[Any]:
    """Read a store while its gateway runs."""
    engine = open_engine(one.store)
    try:
        async with engine.reading.connect() as connection:
            return list(await connection.execute(statement))
    finally:
        await engine.close()


async def drained(gateways: Gateways) -> None:
    """Wait until nothing waits in a queue (AssertionError)."""
    for one in (gateways.source[0], gateways.target):
        try:
            async with asyncio.timeout(_DRAIN_SECONDS):
                while await rows(one, select(QUEUE.c.place).limit(1)):
                    await asyncio.sleep(0.1)
        except TimeoutError:
            left = await rows(one, select(QUEUE.c.lane, QUEUE.c.task, QUEUE.c.dead, QUEUE.c.reason).limit(20))
            raise AssertionError(left) from None


async def check(gateways: Gateways, load: Load) -> None:
    """See that nothing acknowledged was lost, that nothing was done twice, and that all of it can be proved."""
    await drained(gateways)
    for one in (gateways.source[0], gateways.target):
        await check_store(one, load.notes)
        told = await asyncio.to_thread(onecard, "evidence", "verify", "--config", one.config, "--store", one.store)
        assert told.exit_code == 0, told.output
    await check_receipts(gateways, load)


async def check_store(one: Replica, notes: Notes) -> None:
    """See that a store has each acknowledged request once, answered once, and no other."""
    stored = await rows(one, select(REQUESTS.c.id, REQUESTS.c.state, REQUESTS.c.reply_digest))
    names = Counter(request_name(SOURCE, row.id) for row in stored)
    acknowledged = Counter(notes.acknowledged.values())
    assert max(acknowledged.values()) == 1, "two keys, one request"
    assert names == acknowledged, {"lost": acknowledged - names, "too many": names - acknowledged}
    assert {row.state for row in stored} == {"completed"}
    assert all(row.reply_digest for row in stored)
    number = func.count()
    twice = select(EVENTS.c.request, EVENTS.c.event).group_by(EVENTS.c.request, EVENTS.c.event).having(number > 1)
    assert await rows(one, twice) == []
    counts = {row[0]: row[1] for row in await rows(one, select(EVENTS.c.event, number).group_by(EVENTS.c.event))}
    # A reply may be heard before it is noted that the request was delivered, and then that is not noted any more.
    assert {event: counts.get(event) for event in _ALWAYS} == dict.fromkeys(_ALWAYS, len(names)), counts
    assert [row.name for row in await rows(one, select(WAITING)) if row.requests] == []
    assert max(notes.effects.values()) <= 1, "a completion that took effect twice"
    assert set(notes.came) == set(names), "a request that was never delivered"


async def check_receipts(gateways: Gateways, load: Load) -> None:
    """Verify receipts of both sides offline, and that each answer is the one that was given to its request."""
    believed = frozenset(
        one for anchor in load_settings(gateways.target.config).trust.anchor for one in anchor.fingerprints
    )
    names = sorted(load.notes.acknowledged.values())
    for name in names[:: max(1, len(names) // RECEIPTS)]:
        for door in (load.source, load.target):
            request = (await door.call("GetRequest", pb.GetRequestRequest(name=name))).request
            assert request.reply.insurance_certificate.certificate == certificate_of(name)
            receipt = await door.call("GetReceipt", pb.GetReceiptRequest(name=name))
            verified = verify_receipt(receipt.document.encode(), fingerprints=believed, check_evidence=check_inclusion)
            assert (verified.statement.request, verified.statement.outcome) == (name, "completed")
