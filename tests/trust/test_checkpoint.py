"""Checkpoints: a published one holds, ours have one form only, and cosignatures are bound to their time."""

from __future__ import annotations

import pytest

from tests.trust.merkle_vectors import ROOTS
from trust.checkpoint import (
    COSIGNATURE_HEADER,
    MAX_SIZE,
    Checkpoint,
    check_cosignature,
    cosign,
    read_checkpoint,
    sign_checkpoint,
)
from trust.errors import BadSignatureError, CheckpointError
from trust.keys import SigningKey
from trust.merkle import EMPTY_ROOT
from trust.note import COSIGNER_KIND, NoteKey, NoteSignature, read_note, sign_note
from trust.signer import KeySigner

GO_KEY = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
GO_HEAD = (
    "go.sum database tree\n"
    "20852163\n"
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    "\n"
    "\u2014 sum.golang.org Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5"
    "/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
)
"""A head of Go's checksum database and the key that stands in every Go command."""

ORIGIN = "chongqing.example/evidence"
LOG = SigningKey.generate("EdDSA", issuer=ORIGIN)
WITNESS = SigningKey.generate("EdDSA", issuer="sichuan.example")
LOG_KEY = NoteKey.of(LOG.public(), name=ORIGIN)
WITNESS_KEY = NoteKey.of(WITNESS.public(), name="sichuan.example", kind=COSIGNER_KIND)
HEAD = Checkpoint(ORIGIN, 7, ROOTS[7])
AT = 1_790_000_000
pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")


def cosignature(head: Checkpoint = HEAD, at: int = AT) -> NoteSignature:
    """Let the witness cosign."""
    return cosign(head, signer=KeySigner(WITNESS), name="sichuan.example", at=at)


def test_a_published_checkpoint_holds() -> None:
    """A head of the largest log of this form is read, and its signature holds."""
    note, key = read_note(GO_HEAD), NoteKey.from_text(GO_KEY)
    assert note.signed_by(key) == key
    head = Checkpoint.from_text(note.text)
    assert (head.origin, head.size) == ("go.sum database tree", 20_852_163)
    with pytest.raises(CheckpointError):
        read_checkpoint(note, key)  # its key has another name than its origin, as ours must not


def test_a_signed_checkpoint_is_read_again() -> None:
    """What we sign is read with the key, and is what it was."""
    signed = sign_checkpoint(HEAD, signer=KeySigner(LOG))
    assert read_checkpoint(signed.to_text(), LOG_KEY) == signed
    assert signed.to_text().startswith(f"{ORIGIN}\n7\n3bib5AOAnjJXUNPSY814kpwpQreUKjS3fhIslZSnTIw=\n\n\u2014 {ORIGIN} ")


def test_a_cosigned_checkpoint_is_still_the_log_s_own() -> None:
    """Cosignatures stand below, and take nothing away."""
    signed = sign_checkpoint(HEAD, signer=KeySigner(LOG))
    note = signed.note.with_signatures([cosignature()])
    read = read_checkpoint(note.to_text(), LOG_KEY)
    assert read.checkpoint == HEAD
    found = read.note.of_key(WITNESS_KEY)
    assert found is not None
    assert check_cosignature(found, HEAD, key=WITNESS_KEY) == AT


def test_a_cosignature_is_for_one_head_at_one_time() -> None:
    """Another head, another time, another key or kind: nothing of it holds."""
    line = cosignature()
    with pytest.raises(BadSignatureError):
        check_cosignature(line, Checkpoint(ORIGIN, 6, ROOTS[6]), key=WITNESS_KEY)
    later = NoteSignature(line.name, line.key_id, (AT + 1).to_bytes(8, "big") + line.value[8:])
    with pytest.raises(BadSignatureError):
        check_cosignature(later, HEAD, key=WITNESS_KEY)
    for key in (LOG_KEY, LOG_KEY.of_kind(COSIGNER_KIND)):
        with pytest.raises(CheckpointError):
            check_cosignature(line, HEAD, key=key)


@pytest.mark.parametrize("value", [b"", bytes(71), bytes(73), b"\xff" * 72])
def test_a_cosignature_has_one_length_and_a_time_that_is_one(value: bytes) -> None:
    """A time and a signature, 72 bytes, the time below 2 ** 63."""
    with pytest.raises(CheckpointError):
        check_cosignature(NoteSignature("sichuan.example", WITNESS_KEY.key_id, value), HEAD, key=WITNESS_KEY)


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"{ORIGIN}\n7\n",
        HEAD.to_text()[:-1],
        HEAD.to_text() + "extension\n",
        HEAD.to_text().replace("\n7\n", "\n07\n"),
        HEAD.to_text().replace("\n7\n", "\n-7\n"),
        HEAD.to_text().replace("\n7\n", "\n7 \n"),
        HEAD.to_text().replace("\n7\n", "\n\u0667\n"),
        HEAD.to_text().replace("\n7\n", f"\n{MAX_SIZE + 1}\n"),
        HEAD.to_text().replace("=", ""),
        HEAD.to_text().replace("=", "=="),
        HEAD.to_text().replace("Iw=", "Ix="),
        HEAD.to_text().replace("3bib", "3b*b"),
        HEAD.to_text().replace("3bib", ""),
        HEAD.to_text().replace(ORIGIN, ""),
        HEAD.to_text().replace(ORIGIN, "名"),
        HEAD.to_text().replace(ORIGIN, COSIGNATURE_HEADER),
        HEAD.to_text().replace("\n7\n", "\n0\n"),
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    """Origin, size and root have one form each, and nothing follows them."""
    with pytest.raises(CheckpointError):
        Checkpoint.from_text(text)


def test_an_empty_log_has_the_empty_root() -> None:
    """The head of a log without records is the hash of nothing."""
    empty = Checkpoint(ORIGIN, 0, EMPTY_ROOT)
    assert Checkpoint.from_text(empty.to_text()) == empty


def test_a_checkpoint_in_the_name_of_another_log_is_refused() -> None:
    """A key signs for its own log only, though it is known."""
    note = sign_note(Checkpoint("other.example", 7, ROOTS[7]).to_text(), signer=KeySigner(LOG), name=ORIGIN)
    with pytest.raises(CheckpointError):
        read_checkpoint(note.to_text(), LOG_KEY)
