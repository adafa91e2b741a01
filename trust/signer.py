"""Signing: what leaves here is what our own verifier accepts, and any JOSE library can read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from trust.claims import CALLER_TYPE, MAX_LIFETIME_SECONDS, RECOGNITION_TYPE, CallerClaims, RecognitionClaims
from trust.edge import ForeignErrors
from trust.errors import ClaimInvalidError, MalformedTokenError
from trust.parser import MAX_TOKEN_LENGTH
from trust.suites import signing_registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from trust.keys import SigningKey

_REGISTRY: Final = signing_registry()


def _sign(payload: Mapping[str, object], *, key: SigningKey, kind: str) -> str:
    """Write and sign a compact JWS with the header alg, kid, typ.

    Raises:
        MalformedTokenError: the token would be longer than a verifier accepts.
        KeyMaterialError: the key cannot sign.
    """
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    with ForeignErrors(rule="signing"):
        secret: Any = key.private_key  # the library types the keys of its own algorithms only
        token = _REGISTRY.encode(body, secret, algorithm=key.algorithm, headers={"typ": kind, "kid": key.kid})
    if len(token) > MAX_TOKEN_LENGTH:
        raise MalformedTokenError(rule="size")
    return token


class RecognitionSigner:
    """Signs recognitions for the one region whose key it holds."""

    __slots__ = ("_key",)

    def __init__(self, key: SigningKey) -> None:
        """Hold the region's key."""
        self._key = key

    def issue(self, claims: RecognitionClaims) -> str:
        """Sign a recognition, typ `onecard-recognition+jwt`.

        Raises:
            ClaimInvalidError: a claim is against its rule, or `iss` is not the issuer of the key.
            MalformedTokenError: the token would be longer than 4,096 characters.
        """
        payload = claims.to_payload()
        RecognitionClaims.from_payload(payload)
        if claims.iss != self._key.issuer:
            raise ClaimInvalidError(claim="iss", rule="issuer of the signing key")
        return _sign(payload, key=self._key, kind=RECOGNITION_TYPE)


class CallerTokenSigner:
    """Signs the short-lived tokens with which one caller proves who it is.

    Args:
        key: the caller's key; its issuer is the caller's identifier.
        new_id: makes the `jti` of each token, 1 to 64 of the characters A-Z a-z 0-9 . _ -, never the same twice.
    """

    __slots__ = ("_key", "_new_id")

    def __init__(self, key: SigningKey, *, new_id: Callable[[], str]) -> None:
        """Hold the caller's key and its source of identifiers."""
        self._key = key
        self._new_id = new_id

    def issue(
        self, *, audience: str, now: int, scopes: Iterable[str], lifetime_seconds: int = MAX_LIFETIME_SECONDS // 2
    ) -> str:
        """Sign a token, typ `onecard-caller+jwt`, good from `now` (Unix seconds) for 300 seconds unless said.

        Raises:
            ClaimInvalidError: a claim is against its rule, such as a life over 600 seconds.
            ScopeError: no scope, or one that is not a lower-case word.
        """
        claims = CallerClaims(
            iss=self._key.issuer,
            aud=audience,
            iat=now,
            exp=now + lifetime_seconds,
            jti=self._new_id(),
            scope=tuple(scopes),
        )
        payload = claims.to_payload()
        CallerClaims.from_payload(payload)
        return _sign(payload, key=self._key, kind=CALLER_TYPE)
