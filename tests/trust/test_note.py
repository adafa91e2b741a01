"""Signed notes and their keys: published ones are read, hostile ones are not."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trust.errors import (
    AlgorithmNotAllowedError,
    BadSignatureError,
    CheckpointError,
    KeyMaterialError,
    TrustError,
)
from trust.keys import SigningKey
from trust.note import COSIGNER_KIND, LOG_KIND, NoteKey, NoteSignature, SignedNote, read_note, sign_note
from trust.signer import KeySigner

NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SAYING = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
"""The key and the note with which the Go package `note`, where the form comes from, documents itself."""

KEY = SigningKey.generate("EdDSA", issuer="log.example")
OTHER = SigningKey.generate("EdDSA", issuer="other.example")
NAME = "log.example/evidence"
TEXT = "first line\n\nthird line\n"
pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")


def signed(key: SigningKey = KEY, name: str = NAME) -> SignedNote:
    """Make a note."""
    return sign_note(TEXT, signer=KeySigner(key), name=name)


def key_of(key: SigningKey = KEY, name: str = NAME, kind: int = LOG_KIND) -> NoteKey:
    """Give the public half of a key as a note key."""
    return NoteKey.of(key.public(), name=name, kind=kind)


def test_a_published_note_is_read_and_holds() -> None:
    """The note of the standard's origin is read to its last byte, and its signature holds."""
    note = read_note(SAYING)
    assert note.signed_by(NoteKey.from_text(NEUMANN)).name == "PeterNeumann"
    assert note.to_text() == SAYING


def test_a_published_key_is_read_and_written() -> None:
    """A verifier key comes back as it was, with its id."""
    key = NoteKey.from_text(NEUMANN)
    assert key.to_text() == NEUMANN
    assert key.key_id.hex() == "c74f20a3"


def test_what_was_signed_is_read_again() -> None:
    """A text with a blank line in it comes back with its signature."""
    note = read_note(signed().to_text())
    assert note == signed()
    assert note.signed_by(key_of(OTHER), key_of()) == key_of()
    assert NoteKey.from_text(key_of().to_text()) == key_of()


def test_signatures_are_added_once() -> None:
    """The same line twice is one line; lines of others stay."""
    more = signed(OTHER).signatures
    note = signed().with_signatures(more).with_signatures(more)
    assert [one.name for one in note.signatures] == [NAME, NAME]
    assert note.of_key(key_of(OTHER)) == more[0]
    assert note.of_key(key_of(kind=COSIGNER_KIND)) is None


def test_a_note_of_nobody_known_is_refused() -> None:
    """Lines of strangers say nothing, were they a hundred."""
    with pytest.raises(CheckpointError):
        signed(OTHER).signed_by(key_of())
    with pytest.raises(CheckpointError):
        signed().signed_by()


def test_one_wrong_signature_of_a_known_key_refuses_the_note() -> None:
    """A good signature does not make up for a bad one."""
    bad = NoteSignature(NAME, key_of(OTHER).key_id, bytes(64))
    note = signed().with_signatures([bad])
    note.signed_by(key_of())
    with pytest.raises(BadSignatureError):
        note.signed_by(key_of(), key_of(OTHER))


def test_one_pair_of_keys_for_two_kinds_is_two_keys() -> None:
    """The kind is part of the id, so that no signature counts as one of another kind."""
    log, cosigner = key_of(), key_of().of_kind(COSIGNER_KIND)
    assert log.key_id != cosigner.key_id
    with pytest.raises(CheckpointError):
        signed().signed_by(cosigner)


@given(st.integers(0, 2**31))
def test_any_flipped_bit_is_refused(place: int) -> None:
    """No bit of a note can be turned without a refusal."""
    raw = bytearray(signed().to_text().encode())
    at = place % (len(raw) * 8)
    raw[at // 8] ^= 1 << (at % 8)
    with pytest.raises((TrustError, UnicodeDecodeError)):
        read_note(raw.decode("utf-8")).signed_by(key_of())


LINE = signed().to_text().rpartition("\n\n")[2]


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n",
        TEXT,
        f"{TEXT}\n",
        f"{TEXT}{LINE}".replace("\n\n", "\n"),
        f"{TEXT}\n{LINE}".rstrip("\n"),
        f"{TEXT}\n{LINE}\n",
        f"{TEXT}\n{LINE}trailing",
        f"{TEXT}\n{LINE}".replace("\u2014", "-"),
        f"{TEXT}\n{LINE}".replace("\n", "\r\n"),
        f"{TEXT}\n{LINE}".replace("first", "fi\x00rst"),
        f"{TEXT}\n{LINE}".replace("first", "fi\ud800rst"),
        f"{TEXT}\n{LINE}".replace(f"{NAME} ", f"{NAME}  "),
        f"{TEXT}\n{LINE * 65}",
        f"{'x' * 20_000}\n\n{LINE}",
        f"{TEXT}\n\u2014 {NAME} AAAAAA==\n",
        f"{TEXT}\n\u2014 {NAME} AAAAAAB=\n",
        f"{TEXT}\n\u2014 {NAME} AAAAAAA\n",
        f"{TEXT}\n\u2014 na+me AAAAAAAA\n",
    ],
)
def test_what_is_no_note_is_refused(note: str) -> None:
    """A note has one form: no other separator, ending, dash, or base64."""
    with pytest.raises(CheckpointError):
        read_note(note)


@pytest.mark.parametrize(
    "text",
    [
        "",
        NEUMANN.replace("c74f20a3", "c74f20a4"),
        NEUMANN.replace("c74f20a3", "C74F20A3"),
        NEUMANN.replace("PeterNeumann", "Peter Neumann"),
        NEUMANN.replace("PeterNeumann", ""),
        NEUMANN[:-4],
        NEUMANN + "=",
        "x+00000000+" + base64.b64encode(bytes([9, *bytes(32)])).decode(),
    ],
)
def test_what_is_no_verifier_key_is_refused(text: str) -> None:
    """A verifier key has one form, and its id is that of its content."""
    with pytest.raises(KeyMaterialError):
        NoteKey.from_text(text)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "名", "a\n", "x" * 257])
def test_a_name_that_could_be_read_in_two_ways_is_refused(name: str) -> None:
    """Names have neither spaces nor a plus."""
    with pytest.raises(KeyMaterialError):
        NoteKey(name, bytes(32))


def test_a_key_of_another_suite_signs_no_note() -> None:
    """Notes are signed with Ed25519 only."""
    key = SigningKey.generate("ES256", issuer="log.example")
    with pytest.raises(AlgorithmNotAllowedError):
        sign_note(TEXT, signer=KeySigner(key), name=NAME)
