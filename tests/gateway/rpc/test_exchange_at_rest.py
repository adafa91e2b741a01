"""What lies in the database of a gateway: nothing of a person in clear, whatever was asked, answered and objected."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from gateway.store.engine import open_engine
from gateway.store.schema import METADATA
from onecard.gateway.v1 import exchange_pb2
from onecard.gateway.v1 import exchange_service_pb2 as pb
from tests.fakes.exchange import client, exchange_node
from tests.fakes.exchange_contents import reply
from tests.gateway.canary import PLANTED, find
from trust.encoding import encode_base64url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.fakes.exchange import Client, ExchangeNode

FILE = f"scan of a form, telephone {PLANTED['telephone']}".encode()
CONTROL = "SI.PERSON.CERT"
"""Kept in clear on purpose: what finds it would find the others."""


@pytest.fixture
async def hub(store_url: str) -> AsyncIterator[ExchangeNode]:
    """Run one gateway for both regions, once for each engine."""
    async with exchange_node(store_url, "hub", homes=("sichuan", "chongqing")) as node:
        yield node


async def attached(source: Client) -> exchange_pb2.Attachment:
    """Upload a file, under a key that names somebody."""
    digest = encode_base64url(hashlib.sha256(FILE).digest())
    begun = pb.BeginUpload(upload_key=PLANTED["sign number"], digest=digest, size=len(FILE), media_type="text/plain")
    call = source.stream("UploadAttachment")
    await call.write(pb.UploadAttachmentRequest(begin=begun))
    await call.write(pb.UploadAttachmentRequest(data=FILE))
    await call.done_writing()
    done: pb.UploadAttachmentResponse = await call
    assert done.complete
    return done.attachment


async def played(source: Client, target: Client) -> None:
    """Put personal values wherever a request, a reply, an objection, a refusal and a file have room for text."""
    subject = {
        "name": PLANTED["name"],
        "social_security_number": PLANTED["social-security number"],
        "card_number": PLANTED["card number"],
    }
    planted = {
        "subject": subject,
        "consent_reference": PLANTED["consent"],
        "ordering_key": PLANTED["word"],
        "attachments": [await attached(source)],
    }
    name = (await source.submit(PLANTED["request id"], **planted)).request.name
    await target.complete(name, reply(PLANTED["identification code"]))
    opening = pb.DisputeOpening(ground=exchange_pb2.DISPUTE_GROUND_WRONG_FACTS, text=PLANTED["traditional name"])
    await source.call("DisputeRequest", pb.DisputeRequestRequest(name=name, opening=opening))
    settlement = pb.DisputeSettlement(outcome=exchange_pb2.DISPUTE_OUTCOME_NOT_UPHELD, answer=PLANTED["romanised name"])
    await target.call("DisputeRequest", pb.DisputeRequestRequest(name=name, settlement=settlement))
    other = (await source.submit("other", subject=subject)).request.name
    rejection = exchange_pb2.Rejection(reason=exchange_pb2.REJECTION_REASON_OTHER, text=PLANTED["qr text"])
    await target.call("RejectRequest", pb.RejectRequestRequest(name=other, rejection=rejection))
    found = await source.get(name)
    assert found.content.subject.name == PLANTED["name"]
    assert found.disputes[0].answer == PLANTED["romanised name"]


async def rows(url: str) -> list[tuple[str, bytes]]:
    """Give all values of all tables, as a client of the database reads them."""
    engine, cells = open_engine(url), list[tuple[str, bytes]]()
    async with engine.reading.connect() as connection:
        for table in METADATA.sorted_tables:
            for row in (await connection.execute(select(table))).all():
                cells += [
                    (f"{table.name}.{column}", value if isinstance(value, bytes) else str(value).encode())
                    for column, value in row._mapping.items()
                    if value is not None
                ]
    await engine.close()
    return cells


def files(url: str) -> Iterator[tuple[str, bytes]]:
    """Give the files of SQLite, its log of writes with them."""
    if url.startswith("sqlite"):
        for file in Path(url.removeprefix("sqlite:///")).parent.iterdir():
            yield file.name, file.read_bytes()


async def test_nothing_personal_is_in_clear_at_rest(hub: ExchangeNode, store_url: str) -> None:
    """Neither the rows nor the files have a planted value, in whatever encoding (PV4); what is no secret is found."""
    async with client(hub, "platform.sichuan") as source, client(hub, "platform.chongqing") as target:
        await played(source, target)
    everything = [*await rows(store_url), *files(store_url)]
    assert find(everything, PLANTED.items()) == []
    assert find(everything, [("control", CONTROL)]) != []
