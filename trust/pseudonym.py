"""Pairwise pseudonyms: what a region calls a holder towards one other region.

The pseudonym is HMAC-SHA-256 under a secret of the home region, over home, visited region and holder key. The same
holder gives one visited region the same pseudonym each time, so that region can keep its own records together. Two
visited regions cannot join theirs: without the secret the pseudonyms of one holder towards two regions are two
unrelated values, and trying all holder keys (a citizen number has some 10^10 possible values) fails for want of
the secret. Only the home region can say that two belong together. Losing the secret undoes this; changing it
changes every pseudonym.
"""

from __future__ import annotations

import hmac
from typing import Final

from trust.encoding import encode_base64url
from trust.errors import KeyMaterialError

MIN_SECRET_BYTES: Final = 32
_DOMAIN: Final = b"onecard pairwise subject 1"


def pairwise_subject(secret: bytes, *, home: str, visited: str, holder_key: str) -> str:
    """Give the `sub` of a holder towards one visited region: 43 characters of base64url.

    Args:
        secret: at least 32 random bytes, known to the home region only.
        home: code of the home region.
        visited: code of the visited region.
        holder_key: what names the holder at home in its one canonical form, such as the social-security number.

    Raises:
        KeyMaterialError: the secret is too short.
    """
    if len(secret) < MIN_SECRET_BYTES:
        raise KeyMaterialError(rule="at least 32 secret bytes")
    # Each part goes in with its length, so that no two lists of parts give the same bytes.
    parts = (_DOMAIN, *(text.encode("utf-8", "surrogatepass") for text in (home, visited, holder_key)))
    message = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return encode_base64url(hmac.digest(secret, message, "sha256"))
