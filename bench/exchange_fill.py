"""Fills the store of a gateway with requests that were answered, as the gateway itself writes them."""

from __future__ import annotations

import asyncio
import os
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from adapters.payload_kinds import PayloadKind
from adapters.words import Medium, Purpose
from bench.payloads import HOME, VISITED, submit_request
from gateway.bootstrap_evidence import evidence_append
from gateway.services.evidence import Decision, Outcome
from gateway.services.exchange_birth import Birth, new_request
from gateway.services.exchange_model import MICROS, Terms
from gateway.services.exchange_states import State
from gateway.store.engine import open_engine
from gateway.store.migrate import migrate
from gateway.store.schema import new_id
from gateway.store.sealing import OVERHEAD_BYTES
from gateway.store.store import Store
from gateway.store.tables_exchange import EVENTS, REQUESTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.settings import Settings
    from gateway.store.transaction import Transaction

_AT_ONCE: Final = 5_000
_DIGEST_BYTES: Final = 32
_RECEIPT: Final = "x" * 1_800
"""As long as a receipt with two signatures is."""

_TERMS: Final = Terms(
    source=VISITED,
    target=HOME,
    item="CQ-02",
    item_type="SI.PERSON.CERT",
    kind=PayloadKind.INSURANCE_CERTIFICATE,
    purpose=Purpose.RECORD_ENQUIRY,
    medium=Medium.PHYSICAL,
    consent=False,
)


def fill(settings: Settings, *, requests: int) -> None:
    """Store that many requests; each has the size of a real one, and one record in the log."""
    asyncio.run(_fill(settings, requests))
    os.sync()  # what is measured behind this would wait for gigabytes to be written


async def _fill(settings: Settings, requests: int) -> None:
    engine = open_engine(settings.store.address)
    await migrate(engine)
    store = Store(engine, append=evidence_append(settings)(engine.writing.dialect.name))
    await store.open()
    try:
        for start in range(0, requests, _AT_ONCE):
            await store.commit(partial(_add), min(_AT_ONCE, requests - start))
    finally:
        await store.close()
        await engine.close()


async def _add(transaction: Transaction, counts: Sequence[int]) -> Sequence[None]:
    size = len(submit_request()) + OVERHEAD_BYTES
    now = int(time.time()) * MICROS
    for count in counts:
        made = [_answered(size, now) for _ in range(count)]
        await transaction.add(REQUESTS, [row for row, _ in made])
        await transaction.add(EVENTS, [event for _, events in made for event in events])
        for _ in range(count):
            transaction.record(
                Decision(method="ExchangeService/SubmitRequest", outcome=Outcome.ALLOWED, source=VISITED, target=HOME)
            )
    return [None for _ in counts]


def _answered(size: int, now: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Make the rows of a request that came to its end."""
    ident = new_id()
    new = new_request(
        Birth(
            id=ident,
            here=False,
            caller=f"platform.{VISITED}",
            terms=_TERMS,
            agreement="sichuan-chongqing",
            catalog_version="0" * 16,
            idempotency=os.urandom(_DIGEST_BYTES),
            order_key=ident,
            digest=os.urandom(_DIGEST_BYTES),
            content=os.urandom(size),
            card=None,
            submitted_at=now,
            deadline=now + 1,
            now=now,
        ),
        named=False,
        attachments=(),
        decision=Decision(method="", outcome=Outcome.ALLOWED),
    )
    ended = {
        "state": State.COMPLETED.value,
        "open": False,
        "revision": 3,
        "reply": os.urandom(size),
        "reply_digest": os.urandom(_DIGEST_BYTES),
        "receipt": _RECEIPT,
    }
    (first,) = new.events
    return {**new.row, **ended}, [{**first, "revision": number} for number in range(1, 4)]
