"""Counter-signing: one recognition under two suites, each provable from the other.

Where the mainland leg demands SM2 (`SGD_SM3_SM2`) and the partner reads ES256 or EdDSA, the home region signs twice:
the original with its SM2 key, and, with another key of the same region, a recognition of the same claims that carries
the algorithm and the SHA-256 of the original's text (claim `original`). The partner is handed the second and believes
it by itself; the region keeps the first beside it. Whoever holds both can later prove that they are the same statement,
with nothing but the region's public keys; a change of one character in either is seen.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from trust.claims import OriginalToken, RecognitionClaims
from trust.encoding import encode_base64url
from trust.errors import CounterSignatureError
from trust.parser import parse_token
from trust.signer import RecognitionSigner, signer_of
from trust.verifier import read_recognition

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trust.keys import FindKey, SigningKey, VerificationKey
    from trust.signer import Signer
    from trust.verified import VerifiedRecognition
    from trust.verifier import RecognitionVerifier


def _digest_of(token: str) -> str:
    """Give the SHA-256 of a token's whole text, its signature too: 43 characters of base64url."""
    return encode_base64url(hashlib.sha256(token.encode("ascii")).digest())


def countersign(original: str, verified: VerifiedRecognition, *, key: SigningKey | Signer) -> str:
    """Sign the claims of an original once more, for a reader of another suite.

    Args:
        original: compact JWS.
        verified: the same, believed.
        key: another key of the same region, or what signs with it.

    Raises:
        CounterSignatureError: the token is not the one that was believed, is counter-signed itself, or the key is the
            very key, or the very suite, that signed it.
        ClaimInvalidError: the key is another region's.
        MalformedTokenError: the new token would be longer than 4,096 characters.
    """
    signer, parsed = signer_of(key), parse_token(original)
    if parsed.kid != verified.key.kid or RecognitionClaims.from_payload(parsed.payload) != verified.claims:
        raise CounterSignatureError(rule="claims of the original")
    _demand_two_suites(verified.claims, verified.key, (signer.kid, signer.algorithm))
    told = OriginalToken(algorithm=verified.key.algorithm, digest=_digest_of(original))
    return RecognitionSigner(signer).issue(replace(verified.claims, original=told))


def _demand_two_suites(claims: RecognitionClaims, key: VerificationKey, other: tuple[str, str]) -> None:
    """Refuse a chain of counter-signatures, and one that adds nothing; `other` is kid and algorithm."""
    if claims.original is not None:
        raise CounterSignatureError(rule="original is counter-signed itself")
    if key.kid == other[0] or key.algorithm == other[1]:
        raise CounterSignatureError(rule="another key of another suite")


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterSignatureProof:
    """That both keys, of one region, signed the same `claims`; `digest` is the SHA-256 of the original's text."""

    claims: RecognitionClaims
    digest: str
    original_key: VerificationKey
    counter_key: VerificationKey


def prove(original: str, countersigned: str, *, find: FindKey) -> CounterSignatureProof:
    """Prove that a counter-signed recognition stands for an original, whichever of the two is one's own.

    Times, audience and revocation are not judged: this is about what was said, and may be asked years later, with the
    keys of that time.

    Args:
        original: compact JWS.
        countersigned: compact JWS.
        find: looks up the region's keys, `trust.keys.KeyRing.find` for one.

    Raises:
        CounterSignatureError: both are genuine, and do not belong together.
        TrustError: a leaf that names what is wrong with the first of the two that is not genuine.
    """
    claims, key = read_recognition(original, find=find)
    told, counter_key = read_recognition(countersigned, find=find)
    if told.original is None:
        raise CounterSignatureError(rule="not counter-signed")
    _demand_two_suites(claims, key, (counter_key.kid, counter_key.algorithm))
    digest = _digest_of(original)
    if (told.original.algorithm, told.original.digest) != (key.algorithm, digest):
        raise CounterSignatureError(rule="digest of the original")
    if replace(told, original=None) != claims:
        raise CounterSignatureError(rule="same claims")
    return CounterSignatureProof(claims=claims, digest=digest, original_key=key, counter_key=counter_key)


@dataclass(frozen=True, slots=True)
class Pair:
    """An original and what was counter-signed for it."""

    original: str = field(repr=False)
    countersigned: str = field(repr=False)


class OriginalStore(Protocol):
    """Keeps originals beside what was counter-signed for them; a durable one keeps them as long as the law says."""

    def keep(self, issuer: str, jti: str, pair: Pair) -> None:
        """Keep a pair; once more under the same name replaces it."""

    def find(self, issuer: str, jti: str) -> Pair | None:
        """Give the pair of an issuer's token identifier, or None."""


class InMemoryOriginals:
    """A bounded store in this process; the oldest makes room."""

    __slots__ = ("_capacity", "_pairs")

    def __init__(self, capacity: int) -> None:
        """Make an empty store for at least one pair."""
        if capacity < 1:
            message = "a store of originals holds at least one"
            raise RuntimeError(message)
        self._capacity = capacity
        self._pairs: OrderedDict[tuple[str, str], Pair] = OrderedDict()

    def __len__(self) -> int:
        """Count the pairs kept."""
        return len(self._pairs)

    def keep(self, issuer: str, jti: str, pair: Pair) -> None:
        """Keep a pair, at the cost of the oldest when full."""
        self._pairs[issuer, jti] = pair
        if len(self._pairs) > self._capacity:
            self._pairs.popitem(last=False)

    def find(self, issuer: str, jti: str) -> Pair | None:
        """Give the pair of an issuer's token identifier, or None."""
        return self._pairs.get((issuer, jti))


class CounterSigner:
    """Signs recognitions as `RecognitionSigner` does, and twice for partners who read another suite.

    Args:
        key: the region's own key, that of the originals.
        partners: the key with which recognitions for a visited region are counter-signed, by its issuer identifier;
            for the others the original itself is handed over.
        verifier: knows the region's own public keys; each original is believed before it is vouched for again.
        store: keeps the originals.
    """

    __slots__ = ("_partners", "_signer", "_store", "_verifier")

    def __init__(
        self,
        key: SigningKey | Signer,
        *,
        partners: Mapping[str, SigningKey | Signer],
        verifier: RecognitionVerifier,
        store: OriginalStore,
    ) -> None:
        """Take the keys and the store."""
        self._signer = RecognitionSigner(key)
        self._partners = dict(partners)
        self._verifier = verifier
        self._store = store

    def issue(self, claims: RecognitionClaims) -> str:
        """Sign a recognition in the suite that its audience reads.

        Raises:
            ClaimInvalidError, MalformedTokenError, KeyMaterialError: as of `RecognitionSigner`.
            CounterSignatureError: the partner's key is of the same suite.
        """
        original = self._signer.issue(claims)
        key = self._partners.get(claims.aud)
        if key is None:
            return original
        bound = frozenset() if claims.confirmation is None else frozenset({claims.confirmation})
        verified = self._verifier.verify(
            original, audience=claims.aud, now=claims.nbf, issuer=claims.iss, certificates=bound
        )
        countersigned = countersign(original, verified, key=key)
        self._store.keep(claims.iss, claims.jti, Pair(original, countersigned))
        return countersigned
