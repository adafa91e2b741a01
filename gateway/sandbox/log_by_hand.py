"""Proves a record of a gateway's log as an auditor without this program would: SHA-256 and Ed25519, nothing else.

Nothing of `trust` is used here, on purpose. What an auditor has beforehand is the verifier key of the log;
`docs/evidence.md` tells the same in words.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.sandbox.by_hand import NotProvenError

if TYPE_CHECKING:
    from collections.abc import Sequence

_LEAF, _NODE = b"\x00", b"\x01"
_ID_BYTES, _SIGNATURE_BYTES = 4, 64


def included(record: bytes, *, index: int, path: Sequence[bytes], note: str, verifier: str) -> int:
    """Prove that a log has a record at an index.

    Args:
        record: the bytes of the record.
        index: counted from 0.
        path: hashes from the leaf to the root.
        note: the signed checkpoint.
        verifier: key of the log, `name+id+key`.

    Returns:
        Number of records of which the checkpoint is.

    Raises:
        NotProvenError: the key has not signed the note, or the path does not lead to its root.
    """
    size, root = _checkpoint(note, verifier)
    if _fold(hashlib.sha256(_LEAF + record).digest(), index, size, path) != root:
        raise NotProvenError("the path leads elsewhere")
    return size


def _checkpoint(note: str, verifier: str) -> tuple[int, bytes]:
    """Verify the first signature line of a note; gives size and root."""
    text, _, lines = note.partition("\n\n")
    mark, name, signed = lines.partition("\n")[0].split(" ")
    value = base64.b64decode(signed)
    key = base64.b64decode(verifier.split("+", 2)[2])
    known = hashlib.sha256(name.encode() + b"\n" + key).digest()[:_ID_BYTES]
    if mark != "\u2014" or name != verifier.partition("+")[0] or value[:_ID_BYTES] != known:
        raise NotProvenError("signed by another key")
    try:
        Ed25519PublicKey.from_public_bytes(key[1:]).verify(value[-_SIGNATURE_BYTES:], f"{text}\n".encode())
    except InvalidSignature:
        raise NotProvenError("the signature does not hold") from None
    _, size, root = text.split("\n")[:3]
    return int(size), base64.b64decode(root)


def _fold(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Fold a path (RFC 9162, section 2.1.3.2); gives nothing where it is too long or too short."""
    place, last, found = index, size - 1, leaf
    for other in path:
        if not last:
            return b""
        if place & 1 or place == last:
            found = hashlib.sha256(_NODE + other + found).digest()
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            found = hashlib.sha256(_NODE + found + other).digest()
        place, last = place >> 1, last >> 1
    return b"" if last else found
