"""Signed notes (C2SP signed-note): a text, a blank line, and lines that say who has signed it with which key.

A note is read strictly and believed only through `SignedNote.signed_by`. A key is its name and the 32 bits that its
name, its kind and its public half hash to; a line of a key that nobody knows says nothing, one of a known key must
hold. Keys are Ed25519, the kind that every reader of notes has; the kind of signature is part of the key, so that one
pair may sign notes and cosign those of others without the one ever counting as the other.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from trust.edge import ForeignErrors
from trust.errors import AlgorithmNotAllowedError, BadSignatureError, CheckpointError, KeyMaterialError
from trust.suites import SUITES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trust.keys import VerificationKey
    from trust.signer import Signer

LOG_KIND: Final = 0x01
"""Ed25519 over the text."""

COSIGNER_KIND: Final = 0x04
"""Ed25519 over a time and the text (C2SP tlog-cosignature)."""

MAX_NOTE_LENGTH: Final = 16_384
"""Characters of a note."""

MAX_SIGNATURES: Final = 64
_EDDSA: Final = SUITES["EdDSA"]
_KEY_BYTES: Final = 32
_ID_BYTES: Final = 4
_KINDS: Final = frozenset({LOG_KIND, COSIGNER_KIND})
_NAME: Final = re.compile(r"[!-*,-~]{1,256}")
_VERIFIER: Final = re.compile(r"(?P<name>[!-*,-~]{1,256})\+(?P<id>[0-9a-f]{8})\+(?P<key>[A-Za-z0-9+/=]{1,64})")
_LINE: Final = re.compile("\u2014 (?P<name>[!-*,-~]{1,256}) (?P<value>[A-Za-z0-9+/=]{8,8192})")
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A public key under a name, for one kind of signature.

    Raises:
        KeyMaterialError: the name has spaces or a plus, or is not ASCII; the kind or the key is none.
    """

    name: str
    public: bytes
    kind: int = LOG_KIND
    key_id: bytes = field(init=False)

    def __post_init__(self) -> None:
        """Refuse what is no key, and compute its id."""
        if not _NAME.fullmatch(self.name) or len(self.public) != _KEY_BYTES or self.kind not in _KINDS:
            raise KeyMaterialError(rule="note key")
        named = self.name.encode("ascii") + b"\n" + self.kind.to_bytes(1, "big") + self.public
        object.__setattr__(self, "key_id", sha256(named).digest()[:_ID_BYTES])

    def of_kind(self, kind: int) -> NoteKey:
        """Give the same key for another kind of signature."""
        return NoteKey(self.name, self.public, kind)

    def to_text(self) -> str:
        """Write the key as a verifier key: name, id and key, joined by a plus."""
        key = base64.b64encode(self.kind.to_bytes(1, "big") + self.public).decode("ascii")
        return f"{self.name}+{self.key_id.hex()}+{key}"

    @classmethod
    def from_text(cls, text: str) -> NoteKey:
        """Read a verifier key (KeyMaterialError: not the one text of an Ed25519 key)."""
        found = _VERIFIER.fullmatch(text)
        raw = None if found is None else _decoded(found["key"])
        if found is None or raw is None or len(raw) != 1 + _KEY_BYTES:
            raise KeyMaterialError(rule="note key")
        key = cls(found["name"], raw[1:], raw[0])
        if key.key_id.hex() != found["id"]:
            raise KeyMaterialError(rule="note key id")
        return key

    @classmethod
    def of(cls, key: VerificationKey, *, name: str, kind: int = LOG_KIND) -> NoteKey:
        """Make the note key of a key of ours (AlgorithmNotAllowedError where it is none of Ed25519)."""
        if key.algorithm != _EDDSA.name:
            raise AlgorithmNotAllowedError
        return cls(name, bytes(_EDDSA.write_public(key.public_key)[0]), kind)

    def verify(self, message: bytes, signature: bytes) -> None:
        """Demand that the key has signed a message (BadSignatureError)."""
        with ForeignErrors():
            public = Ed25519PublicKey.from_public_bytes(self.public)
            holds = _EDDSA.algorithm.verify(message, public, signature)
        if not holds:
            raise BadSignatureError


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One line below a note: whose, and what it holds after the key's id. Nothing in it is proven."""

    name: str
    key_id: bytes
    value: bytes = field(repr=False)

    def to_text(self) -> str:
        """Write the line, without its end."""
        return f"\u2014 {self.name} {base64.b64encode(self.key_id + self.value).decode('ascii')}"

    @classmethod
    def from_text(cls, line: str) -> NoteSignature:
        """Read a line (CheckpointError)."""
        found = _LINE.fullmatch(line)
        raw = None if found is None else _decoded(found["value"])
        if found is None or raw is None or len(raw) <= _ID_BYTES:
            raise CheckpointError(rule="signature line")
        return cls(found["name"], raw[:_ID_BYTES], raw[_ID_BYTES:])

    def is_of(self, key: NoteKey) -> bool:
        """Tell whether it says to be of a key."""
        return (self.name, self.key_id) == (key.name, key.key_id)


@dataclass(frozen=True, slots=True)
class SignedNote:
    """A text, which ends with a newline, and its signatures."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def to_text(self) -> str:
        """Write the note."""
        return "\n".join((self.text, *(one.to_text() for one in self.signatures), ""))

    def with_signatures(self, more: Iterable[NoteSignature]) -> SignedNote:
        """Add signatures that are not there yet."""
        return SignedNote(self.text, tuple(dict.fromkeys((*self.signatures, *more))))

    def of_key(self, key: NoteKey) -> NoteSignature | None:
        """Find the line of a key; the first, where it has several."""
        return next((one for one in self.signatures if one.is_of(key)), None)

    def signed_by(self, *keys: NoteKey) -> NoteKey:
        """Demand that one of these keys has signed the text, and none of them wrongly.

        Raises:
            CheckpointError: none of them has.
            BadSignatureError: a signature of one of them does not hold.
        """
        found = [(key, one) for key in keys for one in self.signatures if one.is_of(key)]
        for key, one in found:
            key.verify(self.text.encode("utf-8"), one.value)
        if not found:
            raise CheckpointError(rule="signed by a known key")
        return found[0][0]


def sign_note(text: str, *, signer: Signer, name: str) -> SignedNote:
    """Sign a text that ends with a newline, under a name.

    Raises:
        AlgorithmNotAllowedError: the key is none of Ed25519.
        KeyMaterialError: the key cannot sign.
    """
    key = NoteKey.of(signer.public(), name=name)
    return SignedNote(text, (NoteSignature(name, key.key_id, signer.sign(text.encode("utf-8"))),))


def read_note(note: str) -> SignedNote:
    """Read a note; the text is what stands before the last blank line (CheckpointError: not its one form)."""
    if len(note) > MAX_NOTE_LENGTH or _CONTROL.search(note):
        raise CheckpointError(rule="note")
    text, blank, below = note.rpartition("\n\n")
    lines = below.split("\n")
    if not blank or lines.pop() or not 1 <= len(lines) <= MAX_SIGNATURES:
        raise CheckpointError(rule="note")
    return SignedNote(f"{text}\n", tuple(map(NoteSignature.from_text, lines)))


def _decoded(text: str) -> bytes | None:
    """Read base64 in its one form (RFC 4648 section 4); None for any other."""
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
    return data if base64.b64encode(data).decode("ascii") == text else None
