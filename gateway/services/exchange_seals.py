"""What is hidden before it is stored: contents are sealed, callers' keys blinded; and the digests that documents have.

A document is what is asked, or answered, together with the name of the request and a random salt, so that nobody who
has the digest alone can try out what may have been said.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple

from gateway.store.sealed_columns import context_of
from gateway.store.tables_exchange import BLIND_BYTES, CHUNKS, REQUESTS
from trust.encoding import encode_base64url
from trust.party_signature import canonical_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.services.exchange_model import Sealing

SALT_BYTES: Final = 16


class Opened(NamedTuple):
    """A content or reply: its salt and its bytes."""

    salt: bytes
    encoded: bytes


class Seals:
    """Seals each thing under a context of its own, so that none can be put in the place of another."""

    def __init__(self, sealing: Sealing) -> None:
        """Take what encrypts."""
        self._sealing = sealing

    def seal_content(self, request: bytes, salt: bytes, encoded: bytes) -> bytes:
        """Seal what is asked."""
        return self._sealing.seal(salt + encoded, context=context_of(REQUESTS.c.content, request))

    def open_content(self, request: bytes, sealed: bytes) -> Opened:
        """Open what is asked (a GatewayError where it cannot be)."""
        plain = self._sealing.open(sealed, context=context_of(REQUESTS.c.content, request))
        return Opened(plain[:SALT_BYTES], plain[SALT_BYTES:])

    def seal_reply(self, request: bytes, salt: bytes, encoded: bytes) -> bytes:
        """Seal what is answered."""
        return self._sealing.seal(salt + encoded, context=context_of(REQUESTS.c.reply, request))

    def open_reply(self, request: bytes, sealed: bytes) -> Opened:
        """Open what is answered (a GatewayError where it cannot be)."""
        plain = self._sealing.open(sealed, context=context_of(REQUESTS.c.reply, request))
        return Opened(plain[:SALT_BYTES], plain[SALT_BYTES:])

    def seal_disputes(self, request: bytes, plain: bytes) -> bytes:
        """Seal the objections."""
        return self._sealing.seal(plain, context=context_of(REQUESTS.c.disputes, request))

    def open_disputes(self, request: bytes, sealed: bytes) -> bytes:
        """Open the objections (a GatewayError where they cannot be)."""
        return self._sealing.open(sealed, context=context_of(REQUESTS.c.disputes, request))

    def seal_chunk(self, attachment: bytes, start: int, plain: bytes) -> bytes:
        """Seal a part of a file."""
        return self._sealing.seal(plain, context=context_of(CHUNKS.c.data, attachment, start))

    def open_chunk(self, attachment: bytes, start: int, sealed: bytes) -> bytes:
        """Open a part of a file (a GatewayError where it cannot be)."""
        return self._sealing.open(sealed, context=context_of(CHUNKS.c.data, attachment, start))


class Blinding:
    """Makes of a key that a caller chose what may be stored: an HMAC, by which it is found again and not guessed."""

    def __init__(self, secret: bytes) -> None:
        """Take the secret, which lies outside the store."""
        self._secret = secret

    def __call__(self, *parts: str) -> bytes:
        """Blind a key with all that it belongs to, 16 bytes."""
        # Each part goes in with its length, so that no two lists of parts give the same bytes.
        encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
        message = b"".join([len(part).to_bytes(4, "big") + part for part in encoded])
        return hmac.digest(self._secret, message, "sha256")[:BLIND_BYTES]


def request_document(name: str, salt: bytes, content: Mapping[str, object]) -> dict[str, object]:
    """Make the document of what is asked."""
    return {"name": name, "salt": encode_base64url(salt), "content": content}


def reply_document(name: str, salt: bytes, reply: Mapping[str, object]) -> dict[str, object]:
    """Make the document of what is answered."""
    return {"name": name, "salt": encode_base64url(salt), "reply": reply}


def digest_of(document: Mapping[str, object]) -> bytes:
    """Digest a document: SHA-256 in the canonical form of RFC 8785, 32 bytes."""
    return sha256(canonical_bytes(document)).digest()
