"""Tokens that nobody may believe, in the forms in which they are tried, and claims for good ones to stand beside."""

from __future__ import annotations

import json
import secrets
import time
from typing import TYPE_CHECKING, Final

from trust.claims import CallerClaims, RecognitionClaims, StatusReference
from trust.encoding import decode_base64url, encode_base64url
from trust.keys import SigningKey
from trust.signer import CallerTokenSigner

if TYPE_CHECKING:
    from collections.abc import Callable

_LIFE_SECONDS = 300
SHOWN: Final = encode_base64url(bytes(32))
"""Thumbprint of the certificate to which recognitions are bound."""

BAD_SIGNATURE: Final = "wrong signature under a known key"


def claims_of(home: str, visited: str, *, now: int) -> RecognitionClaims:
    """Make claims of the size and shape of those that a gateway makes; the person is nobody."""
    return RecognitionClaims(
        iss=home,
        aud=visited,
        sub=encode_base64url(bytes(32)),
        iat=now,
        nbf=now,
        exp=now + _LIFE_SECONDS,
        jti=secrets.token_hex(16),
        item="SC-13",
        home_items=("CQ-30",),
        catalog_version="2025-03",
        purpose="service_access",
        classes={"identity": ("CULTURE.LIBRARY",)},
        card_status="normal",
        card_status_as_of=now,
        medium="physical",
        assurance="high",
        request_hash=encode_base64url(secrets.token_bytes(32)),
        agreement=f"{home}-{visited}",
        one_time=False,
        confirmation=SHOWN,
        status=StatusReference(uri=f"https://{home}.onecard.test/regions/{home}/status/1", index=1),
    )


def _claims(good: str) -> CallerClaims:
    payload = decode_base64url(good.split(".")[1])
    assert payload is not None
    return CallerClaims.from_payload(json.loads(payload))


def _signed(good: str, key: SigningKey, *, late: int = 0, audience: str = "") -> str:
    """Sign the claims of a good token anew, under another identifier."""
    claims = _claims(good)
    signer = CallerTokenSigner(key, new_id=lambda: secrets.token_hex(16))
    return signer.issue(
        audience=audience or claims.aud,
        now=int(time.time()) - late,
        scopes=claims.scope,
        lifetime_seconds=_LIFE_SECONDS,
    )


def _strange(key: SigningKey, *, kid: str = "", issuer: str = "") -> SigningKey:
    """Make a key of ours that says it is another."""
    return SigningKey.generate("ES256", issuer=issuer or key.issuer, kid=kid or key.kid)


def _without_algorithm(good: str, key: SigningKey) -> str:
    head = json.dumps({"alg": "none", "kid": key.kid, "typ": "onecard-caller+jwt"}).encode()
    return f"{encode_base64url(head)}.{good.split('.')[1]}."


_FORGERS: Final[dict[str, Callable[[str, SigningKey], str]]] = {
    BAD_SIGNATURE: lambda good, key: _signed(good, _strange(key)),
    "unknown key": lambda good, key: _signed(good, _strange(key, kid=secrets.token_hex(16))),
    "unknown issuer": lambda good, key: _signed(good, _strange(key, issuer="platform.nowhere")),
    "no algorithm": _without_algorithm,
    "no token at all": lambda _good, _key: secrets.token_urlsafe(300),
    "good but run out": lambda good, key: _signed(good, key, late=2 * _LIFE_SECONDS),
    "good but for another gateway": lambda good, key: _signed(good, key, audience="gateway.nowhere"),
}
CALLER_KINDS: Final = tuple(_FORGERS)


def forged_tokens(kind: str, good: str, key: SigningKey, count: int) -> list[str]:
    """Forge tokens of a kind, all different, after a good one and its key, which signs the last two kinds only."""
    return [_FORGERS[kind](good, key) for _ in range(count)]
