"""Pairwise pseudonyms: what a region calls a holder towards one other region.

The pseudonym is HMAC-SHA-256 under a secret of the home region, over home, visited region and holder key. The same
holder gives one visited region the same pseudonym each time, so that region can keep its own records together. Two
visited regions cannot join theirs: without the secret the pseudonyms of one holder towards two regions are two
unrelated values, and trying all holder keys (a citizen number has some 10^10 possible values) fails for want of
the secret. Only the home region can say that two belong together. Losing the secret undoes this; changing it
changes every pseudonym.

A card has pseudonyms of its own beside its holder's, since its number changes when it is replaced. They are made in two
steps: the home region alone knows what it calls the card itself, and makes of that what it calls it towards each other
region. So it can keep the states of its cards, and tell them to a region that joins later, without any card number.
"""

from __future__ import annotations

import hmac
from typing import Final

from trust.encoding import encode_base64url
from trust.errors import KeyMaterialError

MIN_SECRET_BYTES: Final = 32
CARD_BYTES: Final = 16
"""Of the pseudonym of a card: short, since every region keeps very many, and long enough that no two are the same."""

_DOMAIN: Final = b"onecard pairwise subject 1"
_HOME_CARD_DOMAIN: Final = b"onecard home card 1"
_PAIRWISE_CARD_DOMAIN: Final = b"onecard pairwise card 1"


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
    parts = (text.encode("utf-8", "surrogatepass") for text in (home, visited, holder_key))
    return encode_base64url(_digest(secret, _DOMAIN, *parts))


def home_card(secret: bytes, *, home: str, card_key: str) -> bytes:
    """Give what a region calls a card of its own, 16 bytes that it tells nobody.

    Args:
        secret: at least 32 random bytes, known to the home region only.
        home: code of the home region.
        card_key: what names the card at home in its one canonical form, such as the card number.

    Raises:
        KeyMaterialError: the secret is too short.
    """
    return _digest(secret, _HOME_CARD_DOMAIN, home.encode(), card_key.encode("utf-8", "surrogatepass"))[:CARD_BYTES]


def pairwise_card(secret: bytes, *, home: str, visited: str, card: bytes) -> bytes:
    """Give what a region calls a card towards one visited region, 16 bytes.

    Args:
        secret: the same as for `home_card`.
        home: code of the home region.
        visited: code of the visited region.
        card: what the home region calls it itself.

    Raises:
        KeyMaterialError: the secret is too short.
    """
    return _digest(secret, _PAIRWISE_CARD_DOMAIN, home.encode(), visited.encode(), card)[:CARD_BYTES]


def _digest(secret: bytes, *parts: bytes) -> bytes:
    """Give the HMAC of some parts; each goes in with its length, so that no two lists of parts give the same bytes."""
    if len(secret) < MIN_SECRET_BYTES:
        raise KeyMaterialError(rule="at least 32 secret bytes")
    return hmac.digest(secret, b"".join(len(part).to_bytes(4, "big") + part for part in parts), "sha256")
