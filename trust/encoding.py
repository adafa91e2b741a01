"""Base64url without padding (RFC 7515 section 2) in its one canonical form, and SHA-256 written in it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import Final

_STANDARD: Final = bytes.maketrans(b"-_+/=", b"+/???")
"""From base64url to plain base64; what belongs to plain base64 only becomes what belongs to neither."""

_LAST: Final = (
    frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
    frozenset[str](),
    frozenset("AQgw"),
    frozenset("AEIMQUYcgkosw048"),
)
"""By length modulo 4: the last characters that leave no bit set that is not used (RFC 4648 section 3.5)."""

_SHA256: Final = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
_SIXTEEN: Final = re.compile(r"[A-Za-z0-9_-]{21}[AQgw]")


def encode_base64url(data: bytes) -> str:
    """Write bytes in base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode_base64url(text: str) -> bytes | None:
    """Read base64url; None when it is not the one text that these bytes have (padding, junk, unused bits set)."""
    try:
        raw = text.encode("ascii").translate(_STANDARD)
        data = binascii.a2b_base64(raw + b"=" * (-len(raw) % 4), strict_mode=True)
    except ValueError:
        return None
    return data if not text or text[-1] in _LAST[len(text) % 4] else None


def hash_request(request: bytes) -> str:
    """Give the SHA-256 of a request's bytes as a recognition carries it in `request_hash` (43 characters)."""
    return encode_base64url(hashlib.sha256(request).digest())


def is_sha256(text: str) -> bool:
    """Tell whether the text is 32 bytes in canonical base64url; the last character carries four bits only."""
    return _SHA256.fullmatch(text) is not None


def is_sixteen_bytes(text: str) -> bool:
    """Tell whether the text is 16 bytes in canonical base64url; the last character carries two bits only."""
    return _SIXTEEN.fullmatch(text) is not None
