"""Receipts: one statement, signed by two gateways over the very same text."""

from __future__ import annotations

import json
from typing import Any, cast

import joserfc.jws
import pytest
from joserfc.jwk import ECKey

from tests.trust.alliance import ABROAD, HOME, REGION_KEYS, VISITED
from tests.trust.receipts import GATEWAY_KEYS, both_signed, statement
from trust.errors import (
    BadSignatureError,
    ClaimInvalidError,
    MalformedTokenError,
    ReceiptError,
    WrongTypeError,
)
from trust.jws import sign_jws
from trust.receipt import Receipt, ReceiptStatement, countersign_receipt, sign_receipt

KEYS = {region: [GATEWAY_KEYS[entity].public()] for region, entity in (("home", HOME), ("visited", VISITED))}


def test_both_signatures_are_proven() -> None:
    """A receipt that both gateways have signed holds for either region, read back from its JSON too."""
    receipt = Receipt.from_json(json.loads(json.dumps(both_signed().to_json())))
    assert receipt.complete
    assert receipt.statement == statement()
    for region, keys in KEYS.items():
        assert receipt.prove(region, keys=keys) == keys[0]


def test_another_library_reads_it() -> None:
    """A JOSE library, joserfc, verifies both signatures of the JSON form, and finds the same statement in it."""
    document: Any = both_signed().to_json()
    keys: Any = {key.kid: ECKey.import_key(cast("Any", key.to_jwk())) for keys in KEYS.values() for key in keys}
    read = joserfc.jws.deserialize_json(document, lambda one: keys[one.headers()["kid"]])
    assert json.loads(read.payload) == statement().to_payload()
    assert len(read.members) == 2


def test_the_payload_is_canonical() -> None:
    """The names of the payload stand in the order of RFC 8785, so that both gateways write the same text."""
    names = list(statement().to_payload())
    assert names == sorted(names)


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("agreement", "Nobody's"),
        ("agreement_digest", "short"),
        ("answered_at", 1.5),
        ("catalog_version", "1"),
        ("deadline", True),
        ("delivered_at", -1),
        ("item", "no item"),
        ("item_type", "small"),
        ("outcome", "expired"),
        ("reply_digest", None),
        ("request", "requests/1"),
        ("request_digest", ""),
        ("source", "HOME"),
        ("source_gateway", ""),
        ("submitted_at", "1"),
        ("target", ""),
        ("target_gateway", 1),
    ],
)
def test_a_wrong_claim_is_named(claim: str, value: object) -> None:
    """A statement with a claim that is against its rule is refused, and the claim named."""
    with pytest.raises(ClaimInvalidError) as caught:
        ReceiptStatement.from_payload({**statement().to_payload(), claim: value})
    assert caught.value.metadata["claim"] == claim


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"target": statement().source}, "two regions"),
        ({"source": "elsewhere"}, "request of the source region"),
        ({"submitted_at": statement().deadline}, "submitted before its deadline"),
        ({"submitted_at": statement().delivered_at + 601}, "delivered after it was submitted"),
        ({"answered_at": statement().delivered_at - 1}, "answered after it was delivered"),
    ],
)
def test_claims_do_not_contradict_each_other(changes: dict[str, object], rule: str) -> None:
    """A statement about another region's request, or one that was answered before it came, is refused."""
    with pytest.raises(ReceiptError) as caught:
        ReceiptStatement.from_payload({**statement().to_payload(), **changes})
    assert caught.value.metadata == {"part": "statement", "rule": rule}


def test_only_the_two_gateways_sign() -> None:
    """A key of anybody else signs no receipt, not even that of the region itself."""
    for key in (REGION_KEYS[HOME], REGION_KEYS[ABROAD]):
        with pytest.raises(ReceiptError):
            sign_receipt(statement(), key=key)


def test_a_signature_over_another_text_is_not_joined() -> None:
    """A first signature over the same claims in another order is not countersigned."""
    reordered = dict(reversed(statement().to_payload().items()))
    odd = Receipt(statement(), (sign_jws(reordered, key=GATEWAY_KEYS[VISITED], kind="onecard-receipt+jwt"),))
    with pytest.raises(ReceiptError) as caught:
        countersign_receipt(odd, key=GATEWAY_KEYS[HOME])
    assert caught.value.metadata["rule"] == "canonical statement"


def test_a_missing_signature_is_named() -> None:
    """A receipt that one gateway has signed does not hold for the other region."""
    half = sign_receipt(statement(), key=GATEWAY_KEYS[VISITED])
    assert not half.complete
    with pytest.raises(ReceiptError) as caught:
        half.prove("home", keys=KEYS["home"])
    assert caught.value.metadata["region"] == "home"


def test_the_key_of_one_gateway_does_not_stand_for_the_other() -> None:
    """A signature counts for the region whose gateway the key belongs to, and for no other."""
    twice = countersign_receipt(sign_receipt(statement(), key=GATEWAY_KEYS[VISITED]), key=GATEWAY_KEYS[VISITED])
    with pytest.raises(ReceiptError):
        twice.prove("home", keys=[*KEYS["home"], *KEYS["visited"]])


def test_a_changed_statement_is_seen() -> None:
    """A payload under which the signatures were not made does not hold."""
    document: Any = both_signed().to_json()
    document["payload"] = both_signed(statement(outcome="rejected")).to_json()["payload"]
    with pytest.raises(BadSignatureError):
        Receipt.from_json(document).prove("home", keys=KEYS["home"])


def good() -> dict[str, Any]:
    """Give the JSON of a good receipt."""
    return both_signed().to_json()


@pytest.mark.parametrize(
    "document",
    [
        None,
        {},
        {**good(), "header": {}},
        {**good(), "signatures": []},
        {**good(), "signatures": good()["signatures"] * 2},
        {**good(), "signatures": ["text"]},
        {**good(), "signatures": [{**good()["signatures"][0], "header": {"kid": "x"}}]},
    ],
)
def test_another_form_is_refused(document: object) -> None:
    """A JSON JWS with other members, with none or with too many signatures is refused."""
    with pytest.raises(ReceiptError):
        Receipt.from_json(document)


def test_tokens_of_another_kind_are_refused() -> None:
    """A signature whose type is not that of a receipt is none, and what is no base64url is malformed."""
    head, payload, value = sign_jws(statement().to_payload(), key=GATEWAY_KEYS[HOME], kind="other+jwt").split(".")
    with pytest.raises(WrongTypeError):
        Receipt.from_json({"payload": payload, "signatures": [{"protected": head, "signature": value}]})
    with pytest.raises(MalformedTokenError):
        Receipt.from_json({"payload": payload, "signatures": [{"protected": "=", "signature": value}]})
