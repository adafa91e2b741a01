"""Checkpoints: the signed head of a log (C2SP tlog-checkpoint), and the cosignatures of who has watched it grow.

A checkpoint is a note of three lines, `origin`, `size` and `root`; it has no extension lines here. A cosignature
(C2SP tlog-cosignature, cosignature/v1) says: at this time, this was the largest head of the log that I have seen, and
it goes on from all that I had seen before.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trust.errors import CheckpointError
from trust.merkle import EMPTY_ROOT, HASH_BYTES
from trust.note import COSIGNER_KIND, NoteKey, NoteSignature, SignedNote, read_note, sign_note

if TYPE_CHECKING:
    from trust.signer import Signer

COSIGNATURE_HEADER: Final = "cosignature/v1"
"""First line of what a cosigner signs; no log may have it as its origin."""

MAX_SIZE: Final = 2**63 - 1
_LINES: Final = 3
_TIME_BYTES: Final = 8
_SIGNATURE_BYTES: Final = 64
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_ORIGIN: Final = re.compile(r"[ -~]{1,256}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How large a log is, and the root of its tree, 32 bytes.

    Raises:
        CheckpointError: no log has this origin, size or root.
    """

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        """Refuse what no log has."""
        if not _ORIGIN.fullmatch(self.origin) or self.origin == COSIGNATURE_HEADER:
            raise CheckpointError(rule="origin")
        if not 0 <= self.size <= MAX_SIZE:
            raise CheckpointError(rule="size")
        if len(self.root) != HASH_BYTES or (self.size == 0 and self.root != EMPTY_ROOT):
            raise CheckpointError(rule="root")

    def to_text(self) -> str:
        """Write the text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode('ascii')}\n"

    @classmethod
    def from_text(cls, text: str) -> Checkpoint:
        """Read the text of a note (CheckpointError: not the one form of a checkpoint)."""
        lines = text.split("\n")
        if len(lines) != _LINES + 1 or lines.pop():
            raise CheckpointError(rule="three lines")
        origin, size, root = lines
        if not _SIZE.fullmatch(size):
            raise CheckpointError(rule="size")
        try:
            checkpoint = cls(origin, int(size), base64.b64decode(root, validate=True))
        except binascii.Error:
            raise CheckpointError(rule="root") from None
        if checkpoint.to_text() != text:
            raise CheckpointError(rule="root")
        return checkpoint


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint that its log has signed with `key`, as the note in which it stands."""

    checkpoint: Checkpoint
    note: SignedNote
    key: NoteKey

    def to_text(self) -> str:
        """Write the note."""
        return self.note.to_text()


def sign_checkpoint(checkpoint: Checkpoint, *, signer: Signer) -> SignedCheckpoint:
    """Sign a checkpoint with a key of Ed25519, under the name of its origin.

    Raises:
        AlgorithmNotAllowedError: the key is none of Ed25519.
        KeyMaterialError: the key cannot sign, or the origin cannot be the name of a key.
    """
    note = sign_note(checkpoint.to_text(), signer=signer, name=checkpoint.origin)
    return SignedCheckpoint(checkpoint, note, NoteKey.of(signer.public(), name=checkpoint.origin))


def read_checkpoint(note: str | SignedNote, *keys: NoteKey) -> SignedCheckpoint:
    """Read a checkpoint that one of these keys has signed, whose name is its origin.

    Raises:
        CheckpointError: not a checkpoint in its one form; signed by none of the keys; of another log than the key.
        BadSignatureError: a signature of one of the keys does not hold.
    """
    signed = read_note(note) if isinstance(note, str) else note
    checkpoint = Checkpoint.from_text(signed.text)
    key = signed.signed_by(*keys)
    if key.name != checkpoint.origin:
        raise CheckpointError(rule="key of the log")
    return SignedCheckpoint(checkpoint, signed, key)


def cosign(checkpoint: Checkpoint, *, signer: Signer, name: str, at: int) -> NoteSignature:
    """Say that this is the largest head seen of a log, and that it goes on from all that was seen before.

    Args:
        checkpoint: what has been verified to do so.
        signer: a key of Ed25519.
        name: of the cosigner.
        at: Unix seconds.

    Raises:
        AlgorithmNotAllowedError: the key is none of Ed25519.
        KeyMaterialError: the key cannot sign.
    """
    key = NoteKey.of(signer.public(), name=name, kind=COSIGNER_KIND)
    return NoteSignature(name, key.key_id, at.to_bytes(_TIME_BYTES, "big") + signer.sign(_cosigned(checkpoint, at)))


def check_cosignature(signature: NoteSignature, checkpoint: Checkpoint, *, key: NoteKey) -> int:
    """Demand that a cosigner has signed a checkpoint; gives when, Unix seconds.

    Args:
        signature: the line.
        checkpoint: what stands above it.
        key: of the cosigner, of the kind for that.

    Raises:
        CheckpointError: the line is of another key, or has not the form of a cosignature.
        BadSignatureError: it does not hold.
    """
    if key.kind != COSIGNER_KIND or not signature.is_of(key) or len(signature.value) != _TIME_BYTES + _SIGNATURE_BYTES:
        raise CheckpointError(rule="cosignature")
    at = int.from_bytes(signature.value[:_TIME_BYTES], "big")
    if at > MAX_SIZE:
        raise CheckpointError(rule="cosignature")
    key.verify(_cosigned(checkpoint, at), signature.value[_TIME_BYTES:])
    return at


def _cosigned(checkpoint: Checkpoint, at: int) -> bytes:
    """Give what a cosigner signs."""
    return f"{COSIGNATURE_HEADER}\ntime {at}\n{checkpoint.to_text()}".encode("ascii")
