"""Historical keys: the federation keys that an entity has used before (OpenID Federation 1.0 section 8.7).

They let somebody verify, years later, what was signed before a rotation; they never make a key believed today. The
document is a signed JWK Set, typ `jwk-set+jwt`. An old key says when it ended and, if it was revoked, when and why: a
signature of a key that was superseded stands, one of a key that was compromised does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from trust.claim_rules import Rule, check_claims, is_entity, is_object, is_one_of, is_time
from trust.claims import CLOCK_SKEW_SECONDS
from trust.errors import ClaimInvalidError, NotYetValidError
from trust.jws import prove, read_jws, sign_jws
from trust.keys import VerificationKey
from trust.revocation import REASONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trust.keys import SigningKey
    from trust.signer import Signer

HISTORICAL_KEYS_TYPE: Final = "jwk-set+jwt"
MAX_HISTORICAL_KEYS: Final = 64

_DOCUMENT: Final[Mapping[str, Rule]] = {
    "iss": Rule("entity identifier", is_entity),
    "iat": Rule("whole seconds", is_time),
    "keys": Rule(
        "list of keys",
        lambda value: isinstance(value, list) and len(value) <= MAX_HISTORICAL_KEYS and all(map(is_object, value)),
    ),
}
_KEY: Final[Mapping[str, Rule]] = {
    "iat": Rule("whole seconds", is_time, required=False),
    "exp": Rule("whole seconds", is_time),
    "revoked": Rule("object", is_object, required=False),
}
_REVOKED: Final[Mapping[str, Rule]] = {
    "revoked_at": Rule("whole seconds", is_time),
    "reason": Rule("closed list", is_one_of(REASONS), required=False),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoricalKey:
    """A key that an entity used until `expires_at`; revoked or not. Times are Unix seconds."""

    key: VerificationKey
    expires_at: int
    issued_at: int | None = None
    revoked_at: int | None = None
    reason: str | None = None

    def vouched_for(self, at: int) -> bool:
        """Tell whether a signature that was made at a time, shown by other means than itself, was good."""
        begun = self.issued_at is None or self.issued_at <= at
        revoked = self.revoked_at is not None and (self.reason != "superseded" or self.revoked_at <= at)
        return begun and at < self.expires_at and not revoked

    def to_json(self) -> dict[str, object]:
        """Write the key as it stands in the document."""
        document = {**self.key.to_jwk(), "exp": self.expires_at}
        if self.issued_at is not None:
            document["iat"] = self.issued_at
        if self.revoked_at is not None:
            told = {"revoked_at": self.revoked_at, "reason": self.reason}
            document["revoked"] = {name: value for name, value in told.items() if value is not None}
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any], *, issuer: str) -> HistoricalKey:
        """Read a key of the document.

        Raises:
            ClaimInvalidError: a date or the revocation is against its rule.
            KeyMaterialError, KeyUseError, AlgorithmNotAllowedError: a key that cannot be used.
        """
        dates = {name: document[name] for name in _KEY if name in document}
        check_claims(dates, _KEY)
        revoked = dates.get("revoked")
        if revoked is not None:
            check_claims(revoked, _REVOKED)
        jwk = {name: value for name, value in document.items() if name not in _KEY}
        return cls(
            key=VerificationKey.from_jwk(jwk, issuer=issuer),
            expires_at=dates["exp"],
            issued_at=dates.get("iat"),
            revoked_at=None if revoked is None else revoked["revoked_at"],
            reason=None if revoked is None else revoked.get("reason"),
        )


def sign_historical_keys(keys: Iterable[HistoricalKey], *, key: SigningKey | Signer, now: int) -> str:
    """Sign the document of an entity's old keys, typ `jwk-set+jwt`.

    Raises:
        ClaimInvalidError: more than 64 keys, or one that is not the entity's.
        MalformedTokenError: the document would be longer than 64 KiB.
    """
    old = tuple(keys)
    if any(entry.key.issuer != key.issuer for entry in old):
        raise ClaimInvalidError(claim="keys", rule="issuer of the signing key")
    payload = {"iss": key.issuer, "iat": now, "keys": [entry.to_json() for entry in old]}
    check_claims(payload, _DOCUMENT)
    return sign_jws(payload, key=key, kind=HISTORICAL_KEYS_TYPE)


def verify_historical_keys(
    text: str, *, entity: str, keys: Iterable[VerificationKey], now: int
) -> tuple[HistoricalKey, ...]:
    """Give the old keys of an entity.

    Args:
        text: compact JWS.
        entity: whose they are.
        keys: the federation keys that are believed to be the entity's.
        now: Unix seconds.

    Raises:
        TrustError: a leaf that names the first check that fails.
    """
    parsed = read_jws(text, kind=HISTORICAL_KEYS_TYPE)
    payload: Mapping[str, Any] = parsed.payload
    check_claims(payload, _DOCUMENT)
    if payload["iss"] != entity:
        raise ClaimInvalidError(claim="iss", rule="the entity asked")
    prove(parsed, keys=keys)
    if payload["iat"] - now > CLOCK_SKEW_SECONDS:
        raise NotYetValidError(claim="iat", skew_seconds=str(payload["iat"] - now))
    return tuple(HistoricalKey.from_json(document, issuer=entity) for document in payload["keys"])
