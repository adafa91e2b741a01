"""Signing: what leaves here is what our own verifier accepts, and any JOSE library can read.

Whoever signs is a `Signer`: it has the names of a key and gives raw signatures, and need not have the key itself, so a
hardware module or a key service can stand where a key in memory stands.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Protocol

from trust.claim_tables import CALLER_TYPE, MAX_LIFETIME_SECONDS, RECOGNITION_TYPE, check_caller, check_recognition
from trust.claims import CallerClaims
from trust.edge import ForeignErrors
from trust.encoding import encode_base64url
from trust.errors import ClaimInvalidError, MalformedTokenError
from trust.keys import SigningKey
from trust.parser import MAX_TOKEN_LENGTH
from trust.suites import signing_registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from trust.claims import RecognitionClaims
    from trust.keys import VerificationKey

_REGISTRY: Final = signing_registry()


class Signer(Protocol):
    """What can sign for one issuer with one key of one suite; the key itself may be out of reach."""

    @property
    def issuer(self) -> str:
        """For whom it signs."""

    @property
    def kid(self) -> str:
        """The name of the key."""

    @property
    def algorithm(self) -> str:
        """The name of the suite (`trust.suites`)."""

    def sign(self, message: bytes) -> bytes:
        """Sign; 64 bytes, the two halves side by side, as the suite writes them in a JWS.

        Raises:
            KeyMaterialError: the key cannot sign, or cannot be reached.
        """

    def public(self) -> VerificationKey:
        """Give the public half."""


class KeySigner:
    """Signs with a key in memory."""

    __slots__ = ("_key",)

    def __init__(self, key: SigningKey) -> None:
        """Hold the key."""
        self._key = key

    @property
    def issuer(self) -> str:
        """For whom it signs."""
        return self._key.issuer

    @property
    def kid(self) -> str:
        """The name of the key."""
        return self._key.kid

    @property
    def algorithm(self) -> str:
        """The name of the suite."""
        return self._key.algorithm

    def sign(self, message: bytes) -> bytes:
        """Sign with PyJWT's algorithm of the suite; 64 bytes.

        Raises:
            KeyMaterialError: the key cannot sign.
        """
        with ForeignErrors(rule="signing"):
            algorithm: Any = _REGISTRY.get_algorithm_by_name(self._key.algorithm)
            signature: bytes = algorithm.sign(message, algorithm.prepare_key(self._key.private_key))
        return signature

    def public(self) -> VerificationKey:
        """Give the public half."""
        return self._key.public()


def signer_of(key: SigningKey | Signer) -> Signer:
    """Give what signs with a key, whether the key lies in memory or elsewhere."""
    return KeySigner(key) if isinstance(key, SigningKey) else key


class CompactWriter:
    """Writes compact JWS of one type with one signer; the header is always the same and written once.

    Args:
        signer: signs.
        kind: the `typ`.
        max_length: characters that a reader accepts.
    """

    __slots__ = ("_head", "_longest", "_signer")

    def __init__(self, signer: Signer, *, kind: str, max_length: int = MAX_TOKEN_LENGTH) -> None:
        """Write the header alg, kid, typ."""
        head = {"alg": signer.algorithm, "kid": signer.kid, "typ": kind}
        self._head = encode_base64url(_json(head))
        self._signer = signer
        self._longest = max_length

    def write(self, payload: Mapping[str, object]) -> str:
        """Write and sign.

        Raises:
            MalformedTokenError: the text would be longer than a reader accepts.
            KeyMaterialError: the key cannot sign.
        """
        signing_input = f"{self._head}.{encode_base64url(_json(payload))}"
        text = f"{signing_input}.{encode_base64url(self._signer.sign(signing_input.encode('ascii')))}"
        if len(text) > self._longest:
            raise MalformedTokenError(rule="size")
        return text


def _json(part: Mapping[str, object]) -> bytes:
    """Write a part in as few bytes as JSON allows."""
    return json.dumps(part, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


class RecognitionSigner:
    """Signs recognitions for the one region whose key it holds."""

    __slots__ = ("_issuer", "_writer")

    def __init__(self, key: SigningKey | Signer) -> None:
        """Hold what signs for the region."""
        signer = signer_of(key)
        self._issuer = signer.issuer
        self._writer = CompactWriter(signer, kind=RECOGNITION_TYPE)

    def issue(self, claims: RecognitionClaims) -> str:
        """Sign a recognition, typ `onecard-recognition+jwt`.

        Raises:
            ClaimInvalidError: a claim is against its rule, or `iss` is not the issuer of the key.
            MalformedTokenError: the token would be longer than 4,096 characters.
        """
        payload = claims.to_payload()
        # The very payload that is signed is held against the rules; making claims of it again would prove no more.
        check_recognition(payload)
        if claims.iss != self._issuer:
            raise ClaimInvalidError(claim="iss", rule="issuer of the signing key")
        return self._writer.write(payload)


class CallerTokenSigner:
    """Signs the short-lived tokens with which one caller proves who it is.

    Args:
        key: the caller's key, or what signs with it; its issuer is the caller's identifier.
        new_id: makes the `jti` of each token, 1 to 64 of the characters A-Z a-z 0-9 . _ -, never the same twice.
    """

    __slots__ = ("_issuer", "_new_id", "_writer")

    def __init__(self, key: SigningKey | Signer, *, new_id: Callable[[], str]) -> None:
        """Hold what signs for the caller, and its source of identifiers."""
        signer = signer_of(key)
        self._issuer = signer.issuer
        self._writer = CompactWriter(signer, kind=CALLER_TYPE)
        self._new_id = new_id

    def issue(
        self,
        *,
        audience: str,
        now: int,
        scopes: Iterable[str],
        lifetime_seconds: int = MAX_LIFETIME_SECONDS // 2,
        confirmation: str | None = None,
    ) -> str:
        """Sign a token, typ `onecard-caller+jwt`, good from `now` (Unix seconds) for 300 seconds unless said.

        `confirmation` is the SHA-256 thumbprint, base64url, of the one certificate over which it may be used.

        Raises:
            ClaimInvalidError: a claim is against its rule, such as a life over 600 seconds.
            ScopeError: no scope, or one that is not a lower-case word.
        """
        claims = CallerClaims(
            iss=self._issuer,
            aud=audience,
            iat=now,
            exp=now + lifetime_seconds,
            jti=self._new_id(),
            scope=tuple(scopes),
            confirmation=confirmation,
        )
        payload = claims.to_payload()
        check_caller(payload)
        return self._writer.write(payload)
