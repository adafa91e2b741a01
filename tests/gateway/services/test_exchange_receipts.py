"""Receipts between two gateways: neither signs, or keeps, what it does not know to be so."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from gateway.services.exchange_model import Actor
from gateway.services.exchange_receipts import ReceiptDesk, is_ready, read_receipt, write_receipt
from gateway.services.exchange_states import State
from tests.fakes.exchange import client, exchange_node
from tests.fakes.exchange_trust import CALLER_KEYS, FakeTrust
from trust.errors import ReceiptError, TrustError
from trust.jws import sign_jws
from trust.receipt import RECEIPT_TYPE, Receipt, sign_receipt
from trust.signer import KeySigner

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from gateway.services.exchange_model import StoredRequest
    from gateway.store.store import Store
    from gateway.store.transaction import Transaction
    from trust.receipt import ReceiptStatement

MICROS = 1_000_000
REPLY = b"r" * 32
TRUST = FakeTrust()
SOURCE = ReceiptDesk(TRUST, {"sichuan"}, "sqlite")
TARGET = ReceiptDesk(TRUST, {"chongqing"}, "sqlite")
KEYS = {region: KeySigner(CALLER_KEYS[f"gateway.{region}"]) for region in ("sichuan", "chongqing", "guizhou")}


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[tuple[StoredRequest, Store]]:
    """Give a request that was submitted and delivered, and where it is kept."""
    async with (
        exchange_node(f"sqlite:///{tmp_path}/s", "hub", homes=("sichuan", "chongqing")) as hub,
        client(hub, "platform.sichuan") as source,
    ):
        _, region, _, ident = (await source.submit()).request.name.split("/")
        actor = Actor(caller="platform.sichuan", region="sichuan", gateway=False)
        yield (await hub.use.reading.get((region, bytes.fromhex(ident)), actor)).request, hub.store


@pytest.fixture
def request_(kept: tuple[StoredRequest, Store]) -> StoredRequest:
    """Give the request alone."""
    return kept[0]


def signed(request: StoredRequest, *, outcome: str = "completed") -> Receipt:
    """Sign as the target's gateway."""
    at = request.submitted_at + 5 * MICROS
    return TARGET.sign(request, outcome=outcome, reply_digest=REPLY, answered_at=at)


def countersigned(request: StoredRequest, receipt: Receipt) -> Receipt:
    """Sign as the source's gateway."""
    return SOURCE.countersign(request, write_receipt(receipt), outcome="completed", reply_digest=REPLY)


def forged(said: ReceiptStatement, region: str) -> str:
    """Sign a statement with the key of a gateway that may be of neither region."""
    return sign_jws(said.to_payload(), key=KEYS[region], kind=RECEIPT_TYPE)


def test_both_sign_the_same(request_: StoredRequest) -> None:
    """The target's gateway signs, the source's after it, and the target's takes that back."""
    first = signed(request_)
    both = countersigned(request_, first)
    answered = replace(request_, receipt=write_receipt(first))
    assert TARGET.accept(answered, write_receipt(both)) == both
    assert (first.complete, both.complete) == (False, True)


def test_a_receipt_is_ready_when_both_have_signed_and_its_reply_stands(request_: StoredRequest) -> None:
    """Not before both have, and not while a reply that was objected to is made anew."""
    first = signed(request_)
    texts = (None, write_receipt(first), write_receipt(countersigned(request_, first)))
    for state, ready in ((State.COMPLETED, True), (State.REJECTED, True), (State.IN_PROGRESS, False)):
        stage = replace(request_.stage, state=state)
        told = [is_ready(replace(request_, stage=stage, receipt=text)) for text in texts]
        assert told == [False, False, ready]


def test_one_gateway_signs_twice_where_it_serves_both(request_: StoredRequest) -> None:
    """Where both regions are of one gateway the receipt is complete at once."""
    desk = ReceiptDesk(TRUST, {"sichuan", "chongqing"}, "sqlite")
    assert desk.sign(request_, outcome="rejected", reply_digest=REPLY, answered_at=request_.submitted_at).complete


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": "rejected"},
        {"reply_digest": "A" * 43},
        {"request_digest": "A" * 43},
        {"item": "CQ-03"},
        {"deadline": 1_900_000_000},
        {"submitted_at": 1_700_000_000},
        {"agreement_digest": "A" * 43},
        {"source_gateway": "gateway.guizhou"},
    ],
)
def test_nothing_else_is_countersigned(request_: StoredRequest, change: dict[str, Any]) -> None:
    """A statement that differs in one thing from what the source's gateway knows is not signed by it."""
    other = replace(signed(request_).statement, **change)
    with pytest.raises(ReceiptError) as caught:
        countersigned(request_, sign_receipt(other, key=KEYS["chongqing"]))
    assert caught.value.metadata["part"] == "statement"


def test_what_a_stranger_signed_is_not_countersigned(request_: StoredRequest) -> None:
    """The signature must be of the gateway of the target region."""
    said = signed(request_).statement
    for region in ("guizhou", "sichuan"):
        with pytest.raises(TrustError):
            countersigned(request_, Receipt(said, (forged(said, region),)))


def test_a_second_signature_that_came_along_is_left_out(request_: StoredRequest) -> None:
    """Whatever the target's gateway has put beside its own signature, the source's makes its own."""
    first = signed(request_)
    both = countersigned(request_, Receipt(first.statement, (*first.signatures, forged(first.statement, "guizhou"))))
    assert both.signatures[:1] == first.signatures
    TARGET.prove(both, "sichuan")


def test_what_comes_back_is_what_was_signed(request_: StoredRequest) -> None:
    """The target's gateway keeps nothing but its own statement and signature with that of the source's gateway."""
    first = signed(request_)
    answered = replace(request_, receipt=write_receipt(first))
    other = countersigned(request_, sign_receipt(first.statement, key=KEYS["chongqing"]))
    with pytest.raises(ReceiptError):
        TARGET.accept(answered, write_receipt(other))  # another signature over the same statement
    foul = Receipt(first.statement, (*first.signatures, forged(first.statement, "guizhou")))
    for one in (foul, first):
        with pytest.raises(TrustError):
            TARGET.accept(answered, write_receipt(one))


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", json.dumps({"payload": "x" * 70_000, "signatures": []})])
def test_what_is_no_receipt_is_refused(text: str) -> None:
    """A text that is no receipt is no receipt."""
    with pytest.raises(ReceiptError):
        read_receipt(text)


async def test_chains_are_kept_with_the_receipt(kept: tuple[StoredRequest, Store]) -> None:
    """The chains as they were when it was signed are given later; where one was not known, those of now."""
    request, store = kept
    trust = FakeTrust()
    desk = ReceiptDesk(trust, {"sichuan"}, "sqlite")

    async def keep(transaction: Transaction, items: Any) -> list[bytes | None]:  # noqa: ANN401 - it tells nothing
        return [await desk.keep_chains(transaction, request) for _ in items]

    there = await store.commit(keep, None)
    again = await store.commit(keep, None)
    trust.chains = False
    assert await store.commit(keep, None) is None
    async with store.reading() as connection:
        then = await desk.chains_of(connection, replace(request, chains=there))
        now = await desk.chains_of(connection, request)
    assert there == again
    assert then == {region: (region, "sichuan-chongqing", "anchor") for region in ("sichuan", "chongqing")}
    assert now == {"sichuan": (), "chongqing": ()}
