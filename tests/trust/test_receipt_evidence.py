"""The proof of inclusion in a receipt: it holds for the record of this receipt in the log of this region, or not."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.trust.alliance import HOME, VISITED
from tests.trust.receipts import (
    LOG,
    LOG_KEY,
    OTHER_KEY,
    OTHER_LOG,
    PINS,
    chain_of,
    proof,
    receipt_file,
    with_keys,
    written,
)
from trust.checkpoint import cosign, read_checkpoint
from trust.errors import ReceiptError
from trust.keys import SigningKey
from trust.note import NoteKey
from trust.receipt_evidence import check_inclusion
from trust.receipt_file import verify_receipt
from trust.signer import KeySigner

if TYPE_CHECKING:
    from trust.receipt_file import VerifiedReceipt

pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")


def verified(told: dict[str, object], *, keys: object = LOG_KEY.to_text()) -> tuple[str, ...]:
    """Verify a receipt with a proof by the log of the visited region, whose chain tells these keys of it."""
    return read(told, keys=keys).recorded_by


def read(
    told: dict[str, object], *, keys: object = LOG_KEY.to_text(), witnesses: tuple[NoteKey, ...] = ()
) -> VerifiedReceipt:
    """Verify such a receipt; the home region's chain tells the key of its own log."""
    chains = {
        "home": chain_of(HOME, metadata=with_keys(HOME, OTHER_KEY.to_text())),
        "visited": chain_of(VISITED, metadata=with_keys(VISITED, keys)),
    }
    file = receipt_file(chains=chains, evidence={"visited": told})
    check = partial(check_inclusion, witnesses=witnesses)
    return verify_receipt(written(file), fingerprints=PINS, check_evidence=check)


def cosigned(*signers: SigningKey, at: int = 1_700_000_000) -> dict[str, object]:
    """Prove the same by a checkpoint below which others have signed."""
    told = proof()
    signed = read_checkpoint(str(told["checkpoint"]), LOG_KEY)
    lines = [cosign(signed.checkpoint, signer=KeySigner(one), name=one.issuer, at=at) for one in signers]
    return {**told, "checkpoint": signed.note.with_signatures(lines).to_text()}


def test_a_log_that_the_other_party_has_seen_is_told_apart() -> None:
    """Its cosignature is verified by the keys that its own chain tells; a stranger's line says nothing."""
    stranger = SigningKey.generate("EdDSA", issuer="gateway.stranger")
    assert read(proof()).cosigned == {}
    assert read(cosigned(stranger)).cosigned == {}
    assert read(cosigned(stranger, OTHER_LOG)).cosigned == {"visited": (OTHER_LOG.issuer,)}


def test_a_log_does_not_cosign_itself() -> None:
    """Its own key under its own checkpoint is its own word, whoever names that key: the other party, or the reader."""
    assert read(cosigned(LOG), witnesses=(LOG_KEY,)).cosigned == {}
    chains = {
        "home": chain_of(HOME, metadata=with_keys(HOME, LOG_KEY.to_text())),
        "visited": chain_of(VISITED, metadata=with_keys(VISITED, LOG_KEY.to_text())),
    }
    file = receipt_file(chains=chains, evidence={"visited": cosigned(LOG)})
    assert verify_receipt(written(file), fingerprints=PINS, check_evidence=check_inclusion).cosigned == {}


def test_a_witness_that_the_reader_knows_counts_too() -> None:
    """By the key that the reader gives; a line under its key that does not hold is refused."""
    third = SigningKey.generate("EdDSA", issuer="gateway.third")
    known = (NoteKey.of(third.public(), name=third.issuer),)
    assert read(proof(), witnesses=known).cosigned == {}
    assert read(cosigned(third), witnesses=known).cosigned == {"visited": ("gateway.third",)}
    both = read(cosigned(third, OTHER_LOG), witnesses=known)
    assert both.cosigned == {"visited": (OTHER_LOG.issuer, "gateway.third")}
    told = cosigned(third)
    *text, line = str(told["checkpoint"]).rstrip("\n").split("\n")
    mark, name, value = line.split(" ")
    changed = bytearray(b64decode(value))
    changed[-1] ^= 1
    note = "\n".join([*text, f"{mark} {name} {b64encode(changed).decode()}", ""])
    with pytest.raises(ReceiptError) as caught:
        read({**told, "checkpoint": note}, witnesses=known)
    assert caught.value.metadata["because"] == "BadSignatureError"


def test_a_cosignature_of_the_other_party_that_does_not_hold_is_refused() -> None:
    """Another time, or another signature, under the name and key of the other party."""
    told = cosigned(OTHER_LOG)
    *text, line = str(told["checkpoint"]).rstrip("\n").split("\n")
    mark, name, value = line.split(" ")
    for place in (4 + 7, len(b64decode(value)) - 1):
        changed = bytearray(b64decode(value))
        changed[place] ^= 1
        note = "\n".join([*text, f"{mark} {name} {b64encode(changed).decode()}", ""])
        with pytest.raises(ReceiptError) as caught:
            read({**told, "checkpoint": note})
        assert caught.value.metadata["part"] == "evidence"
        assert caught.value.metadata["because"] == "BadSignatureError"


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
        (proof(more=True), "record, index, path and checkpoint"),
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
