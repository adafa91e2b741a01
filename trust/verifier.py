"""The verifier: one sequence for every token, no input or output, no clock.

Invariants, in the order in which they are established; the first that fails names the error:

1. The text is a compact JWS in the one form of `trust.parser` (size, encoding, JSON, closed header, known algorithm).
2. `typ` is exactly the type asked for: a token of one kind never serves as another (RFC 8725 section 3.11).
3. `iss` has the form of an identifier, and the caller of this module finds a key for exactly (iss, kid). A key of
   another issuer or kid is never used, whatever the look-up returns. Up to here no signature has been computed.
4. The algorithm is the key's one algorithm.
5. The signature is well formed (`trust.suites`) and holds over the very bytes that were read.
6. Every claim is there, has its exact type and passes its check; there is no further claim; life is at most 600 s.
7. The token is within its life, give or take 10 s of clock skew; a refusal says by how much.
8. `aud` is exactly the audience; the issuer is the peer's, where a peer is named; the request is the one at hand, where
   a hash is given; a token that is bound to a certificate (`cnf`) comes over that one. Whoever shows no certificate
   meets a bound token with a refusal.

Nothing of the token is believed, and no claim is judged, before 5 holds. Whether a one-time token was used before is
for a replay memory, what an agreement allows is for `trust.policy`, whether it was revoked since is for
`trust.status_list`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trust.claims import (
    CALLER_TYPE,
    CLOCK_SKEW_SECONDS,
    RECOGNITION_TYPE,
    CallerClaims,
    RecognitionClaims,
    is_issuer,
)
from trust.edge import ForeignErrors
from trust.errors import (
    AudienceError,
    BadSignatureError,
    BindingError,
    ClaimInvalidError,
    ExpiredError,
    KeyAlgorithmMismatchError,
    NotYetValidError,
    PeerIssuerMismatchError,
    UnknownKeyError,
    WrongTypeError,
)
from trust.keys import KeyRing
from trust.parser import ParsedToken, parse_token
from trust.suites import SUITES
from trust.verified import VERIFIER_SEAL, VerifiedCaller, VerifiedRecognition

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trust.cache import VerifiedTokenCache
    from trust.keys import FindKey, VerificationKey

__all__ = ["CallerVerifier", "RecognitionVerifier", "read_recognition"]

_SKEW: Final = CLOCK_SKEW_SECONDS
_NONE: Final[frozenset[str]] = frozenset()


def _authenticate(token: str, *, kind: str, find: FindKey) -> tuple[Mapping[str, object], VerificationKey]:
    """Establish invariants 1 to 5; give the payload and the key that vouches for it."""
    parsed = parse_token(token)
    if parsed.type != kind:
        raise WrongTypeError(expected=kind)
    key = _find_key(parsed, find)
    if parsed.algorithm != key.algorithm:
        raise KeyAlgorithmMismatchError(issuer=key.issuer, kid=key.kid)
    _check_signature(parsed, key)
    return parsed.payload, key


def _find_key(parsed: ParsedToken, find: FindKey) -> VerificationKey:
    """Look up the key of (iss, kid) and see that it is that one."""
    issuer = parsed.payload.get("iss")
    if not isinstance(issuer, str) or not is_issuer(issuer):
        raise ClaimInvalidError(claim="iss", rule="identifier")
    key = find(issuer, parsed.kid)
    if (key.issuer, key.kid) != (issuer, parsed.kid):
        raise UnknownKeyError
    return key


def _check_signature(parsed: ParsedToken, key: VerificationKey) -> None:
    """Verify with PyJWT's algorithm of the key's suite, over the bytes that the strict parser read."""
    with ForeignErrors(issuer=key.issuer, kid=key.kid):
        holds = SUITES[key.algorithm].algorithm.verify(parsed.signing_input, key.public_key, parsed.signature)
    if not holds:
        raise BadSignatureError(issuer=key.issuer, kid=key.kid)


def _check_times(*, now: int, iat: int, nbf: int, exp: int) -> None:
    """Establish invariant 7; each error says how many seconds the clocks would have to differ."""
    for claim, time in (("iat", iat), ("nbf", nbf)):
        if time - now > _SKEW:
            raise NotYetValidError(claim=claim, skew_seconds=str(time - now))
    if now - exp >= _SKEW:
        raise ExpiredError(claim="exp", skew_seconds=str(now - exp))


def _check_binding(confirmation: str | None, certificates: frozenset[str]) -> None:
    """Demand the certificate to which a token is bound (RFC 8705 section 3.1)."""
    if confirmation is not None and confirmation not in certificates:
        raise BindingError(rule="certificate")


def read_recognition(token: str, *, find: FindKey) -> tuple[RecognitionClaims, VerificationKey]:
    """Establish invariants 1 to 6 only: who said what, not whether it still holds or for whom; for later proof.

    Raises:
        TrustError: a leaf that names the first invariant that fails.
    """
    payload, key = _authenticate(token, kind=RECOGNITION_TYPE, find=find)
    return RecognitionClaims.from_payload(payload), key


class RecognitionVerifier:
    """Verifies recognitions for a visited region.

    Args:
        keys: a ring, or whatever looks a key up by (issuer, kid) and raises UnknownIssuerError or UnknownKeyError.
    """

    __slots__ = ("_find",)

    def __init__(self, keys: KeyRing | FindKey) -> None:
        """Keep the way to look keys up."""
        self._find: FindKey = keys.find if isinstance(keys, KeyRing) else keys

    def verify(
        self,
        token: str,
        *,
        audience: str,
        now: int,
        request_hash: str | None = None,
        issuer: str | None = None,
        certificates: frozenset[str] = _NONE,
    ) -> VerifiedRecognition:
        """Establish all invariants.

        Args:
            token: compact JWS.
            audience: the issuer identifier of the visited region that reads it.
            now: Unix seconds.
            request_hash: hash of the request it must answer (`trust.encoding.hash_request`), where known.
            issuer: the home region that must have issued it, where the peer is known.
            certificates: SHA-256 thumbprints, base64url, of the certificates of the one for whom it is read; more
                than one while a certificate is being replaced.

        Raises:
            TrustError: a leaf that names the first invariant that fails.
        """
        claims, key = read_recognition(token, find=self._find)
        _check_times(now=now, iat=claims.iat, nbf=claims.nbf, exp=claims.exp)
        if claims.aud != audience:
            raise AudienceError
        if issuer is not None and claims.iss != issuer:
            raise PeerIssuerMismatchError(issuer=key.issuer)
        if request_hash is not None and claims.request_hash != request_hash:
            raise BindingError(rule="request_hash")
        _check_binding(claims.confirmation, certificates)
        return VerifiedRecognition(claims=claims, key=key, seal=VERIFIER_SEAL)


class CallerVerifier:
    """Verifies the tokens of callers.

    Args:
        keys: a ring, or whatever looks a key up by (caller, kid) and raises UnknownIssuerError or UnknownKeyError.
        cache: remembers tokens whose signature and form were good (invariants 1 to 6); the others are established
            at every call, and the key is looked up again, so that a key that was taken away is dead at once.
    """

    __slots__ = ("_cache", "_find")

    def __init__(self, keys: KeyRing | FindKey, *, cache: VerifiedTokenCache | None = None) -> None:
        """Keep the way to look keys up, and the memory."""
        self._find: FindKey = keys.find if isinstance(keys, KeyRing) else keys
        self._cache = cache

    def verify(
        self,
        token: str,
        *,
        audience: str,
        now: int,
        issuer: str | None = None,
        certificates: frozenset[str] = _NONE,
    ) -> VerifiedCaller:
        """Establish all invariants.

        Args:
            token: compact JWS.
            audience: identifier of this gateway.
            now: Unix seconds.
            issuer: the caller that the peer's certificate names, where there is one.
            certificates: SHA-256 thumbprint, base64url, of the certificate over which the token came, if any.

        Raises:
            TrustError: a leaf that names the first invariant that fails.
        """
        known = self._recall(token)
        verified = self._read(token) if known is None else known
        claims = verified.claims
        _check_times(now=now, iat=claims.iat, nbf=claims.iat, exp=claims.exp)
        if claims.aud != audience:
            raise AudienceError
        if issuer is not None and claims.iss != issuer:
            raise PeerIssuerMismatchError(issuer=verified.key.issuer)
        _check_binding(claims.confirmation, certificates)
        if known is None and self._cache is not None:
            self._cache.put(token, verified)
        return verified

    def _recall(self, token: str) -> VerifiedCaller | None:
        """Give what is remembered of this very text, if the key that vouched for it is still the registered one."""
        verified = None if self._cache is None else self._cache.get(token)
        if verified is None:
            return None
        key = verified.key
        return verified if self._find(key.issuer, key.kid) is key else None

    def _read(self, token: str) -> VerifiedCaller:
        """Establish invariants 1 to 6."""
        payload, key = _authenticate(token, kind=CALLER_TYPE, find=self._find)
        return VerifiedCaller(claims=CallerClaims.from_payload(payload), key=key, seal=VERIFIER_SEAL)
