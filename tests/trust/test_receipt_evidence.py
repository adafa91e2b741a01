"""The proof of inclusion in a receipt: it holds for the record of this receipt in the log of this region, or not."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any, Final

import pytest

from tests.trust.alliance import HOME, VISITED
from tests.trust.receipts import PINS, both_signed, chain_of, gateway_metadata, receipt_file, written
from trust.checkpoint import Checkpoint, sign_checkpoint
from trust.errors import ReceiptError
from trust.keys import SigningKey
from trust.merkle import leaf_hash, node_hash
from trust.note import NoteKey
from trust.plain_json import freeze, thaw
from trust.receipt_evidence import EVIDENCE_KEYS, check_inclusion
from trust.receipt_file import verify_receipt
from trust.signer import KeySigner

pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")

LOG: Final = SigningKey.generate("EdDSA", issuer="visited.example/evidence")
LOG_KEY: Final = NoteKey.of(LOG.public(), name=LOG.issuer)
RECORD: Final = json.dumps({"detail": both_signed().digest, "outcome": "ALLOWED"})
OTHER: Final = leaf_hash(b"another record")


def proof(record: str = RECORD, *, signer: SigningKey = LOG, **changes: object) -> dict[str, object]:
    """Prove that a record is the second of two, with some of the proof changed."""
    head = Checkpoint(LOG.issuer, 2, node_hash(OTHER, leaf_hash(record.encode())))
    told = {
        "record": record,
        "index": 1,
        "path": [b64encode(OTHER).decode()],
        "checkpoint": sign_checkpoint(head, signer=KeySigner(signer)).to_text(),
    }
    return {**told, **changes}


def verified(told: dict[str, object], *, keys: object = LOG_KEY.to_text()) -> tuple[str, ...]:
    """Verify a receipt with a proof by the log of the visited region, whose chain tells these keys of it."""
    metadata: Any = thaw(gateway_metadata(VISITED))
    metadata["onecard_gateway"] |= {EVIDENCE_KEYS: keys} if keys is not None else {}
    chains = {"home": chain_of(HOME), "visited": chain_of(VISITED, metadata=freeze(metadata))}
    file = receipt_file(chains=chains, evidence={"visited": told})
    return verify_receipt(written(file), fingerprints=PINS, check_evidence=check_inclusion).recorded_by


def test_the_record_of_a_receipt_is_proved() -> None:
    """The log that the region's own chain names has recorded what the receipt states; other keys may stand beside."""
    former = NoteKey.of(SigningKey.generate("EdDSA", issuer=LOG.issuer).public(), name=LOG.issuer)
    assert verified(proof()) == ("visited",)
    assert verified(proof(), keys=f"{former.to_text()} {LOG_KEY.to_text()}") == ("visited",)


@pytest.mark.parametrize(
    ("told", "rule"),
    [
        ({}, "record, index, path and checkpoint"),
        (proof(index="1"), "record, index, path and checkpoint"),
        (proof(path=["not base64!"]), "base64 of hashes"),
        (proof(record=json.dumps({"detail": "another"})), "record of this receipt"),
    ],
)
def test_a_proof_of_another_form_or_record_is_named(told: dict[str, object], rule: str) -> None:
    """What is no proof, or proves another record, is told apart."""
    with pytest.raises(ReceiptError) as caught:
        verified(told)
    assert (caught.value.metadata["part"], caught.value.metadata["rule"]) == ("evidence", rule)


@pytest.mark.parametrize(
    ("told", "because"),
    [
        (proof(path=[1]), "ProofError"),
        (proof(path=[]), "ProofError"),
        (proof(index=0), "ProofError"),
        (proof(index=-1), "ProofError"),
        (proof(checkpoint="nothing"), "CheckpointError"),
        (proof(signer=SigningKey.generate("EdDSA", issuer=LOG.issuer)), "CheckpointError"),
    ],
)
def test_a_proof_that_does_not_hold_is_named(told: dict[str, object], because: str) -> None:
    """A path to another root, and a checkpoint that is none or is signed by somebody else, prove nothing."""
    with pytest.raises(ReceiptError) as caught:
        verified(told)
    assert (caught.value.metadata["region"], caught.value.metadata["because"]) == ("visited", because)


@pytest.mark.parametrize("keys", [None, "", "no key", 7])
def test_a_region_that_tells_no_key_of_its_log_proves_nothing(keys: object) -> None:
    """Without a key in the chain no checkpoint is believed."""
    with pytest.raises(ReceiptError) as caught:
        verified(proof(), keys=keys)
    assert caught.value.metadata["because"] == "CheckpointError"
