"""Trust marks: what an accreditation authority says an entity conforms to (OpenID Federation 1.0 section 7).

A mark, such as "party to the joint catalog", is a signed statement of its own, which the entity shows in its
configuration. It counts only if the anchor of the chain names its issuer for its type. In our profile a mark always
expires and is issued by the owner of its type: there is no delegation, and a type that anybody may issue is none.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from trust.claim_rules import Rule, check_claims, is_entity, is_one_of, is_text, is_time
from trust.claims import CLOCK_SKEW_SECONDS
from trust.errors import ClaimInvalidError, ExpiredError, NotYetValidError, UnknownIssuerError
from trust.jws import prove, read_jws, sign_jws

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trust.keys import SigningKey, VerificationKey
    from trust.signer import Signer

TRUST_MARK_TYPE: Final = "trust-mark+jwt"
TRUST_MARK_STATUS_TYPE: Final = "trust-mark-status-response+jwt"
MAX_STATUS_AGE_SECONDS: Final = 60
MARK_NAME: Final = re.compile(r"https://[a-z0-9][A-Za-z0-9._:/-]{0,119}")
"""Form of the identifier of a type of mark."""

MARK_STATES: Final = frozenset({"active", "expired", "revoked", "invalid"})
"""What may have become of a mark (section 8.4); `invalid` is one that no key of its issuer's of today has signed."""

_STATUS_TABLE: Final[Mapping[str, Rule]] = {
    "iss": Rule("entity identifier", is_entity),
    "iat": Rule("whole seconds", is_time),
    "trust_mark": Rule("text", lambda value: isinstance(value, str)),
    "status": Rule("closed list", is_one_of(MARK_STATES)),
}
_TABLE: Final[Mapping[str, Rule]] = {
    "iss": Rule("entity identifier", is_entity),
    "sub": Rule("entity identifier", is_entity),
    "trust_mark_type": Rule("identifier of a type of mark", is_text(MARK_NAME)),
    "iat": Rule("whole seconds", is_time),
    "exp": Rule("whole seconds", is_time),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustMark:
    """That `iss` says `sub` conforms to `trust_mark_type`, from `iat` to `exp` (Unix seconds)."""

    iss: str
    sub: str
    trust_mark_type: str
    iat: int
    exp: int

    @classmethod
    def from_payload(cls, payload: Mapping[str, object]) -> TrustMark:
        """Read the claims of a mark, exact types only.

        Raises:
            ClaimInvalidError: a claim is missing, unknown or against its rule.
        """
        check_claims(payload, _TABLE)
        mark = cls(**payload)  # type: ignore[arg-type]  # the table has checked every type
        if mark.iat >= mark.exp:
            raise ClaimInvalidError(claim="exp", rule="order of times")
        return mark


def sign_mark(mark: TrustMark, *, key: SigningKey | Signer) -> str:
    """Sign a trust mark, typ `trust-mark+jwt`.

    Raises:
        ClaimInvalidError: a claim is against its rule, or `iss` is not the issuer of the key.
    """
    payload = asdict(mark)
    TrustMark.from_payload(payload)
    if mark.iss != key.issuer:
        raise ClaimInvalidError(claim="iss", rule="issuer of the signing key")
    return sign_jws(payload, key=key, kind=TRUST_MARK_TYPE)


def verify_mark(
    text: str,
    *,
    subject: str,
    issuers: Mapping[str, tuple[str, ...]],
    keys: Mapping[str, tuple[VerificationKey, ...]],
    now: int,
) -> TrustMark:
    """Say what a mark says once it is proven.

    Args:
        text: the mark.
        subject: the entity that shows it.
        issuers: type of mark -> who may issue it, as the anchor says (`trust_mark_issuers`).
        keys: issuer -> its federation keys that are believed.
        now: Unix seconds.

    Raises:
        TrustError: a leaf that names the first check that fails.
    """
    parsed = read_jws(text, kind=TRUST_MARK_TYPE)
    mark = TrustMark.from_payload(parsed.payload)
    if mark.iss not in issuers.get(mark.trust_mark_type, ()):
        raise UnknownIssuerError
    prove(parsed, keys=keys.get(mark.iss, ()))
    if mark.sub != subject:
        raise ClaimInvalidError(claim="sub", rule="the entity that shows it")
    if mark.iat - now > CLOCK_SKEW_SECONDS:
        raise NotYetValidError(claim="iat", skew_seconds=str(mark.iat - now))
    if now - mark.exp >= CLOCK_SKEW_SECONDS:
        raise ExpiredError(claim="exp", skew_seconds=str(now - mark.exp))
    return mark


def sign_mark_status(text: str, status: str, *, key: SigningKey | Signer, now: int) -> str:
    """Sign what has become of a mark, typ `trust-mark-status-response+jwt` (Unix seconds).

    Raises:
        ClaimInvalidError: the status is not of the closed list.
    """
    payload = {"iss": key.issuer, "iat": now, "trust_mark": text, "status": status}
    check_claims(payload, _STATUS_TABLE)
    return sign_jws(payload, key=key, kind=TRUST_MARK_STATUS_TYPE)


def verify_mark_status(response: str, *, mark: str, issuer: str, keys: Iterable[VerificationKey], now: int) -> str:
    """Give what the issuer of a mark says has become of it.

    Args:
        response: compact JWS.
        mark: the mark as text.
        issuer: who has issued it.
        keys: the federation keys that are believed to be the issuer's.
        now: Unix seconds.

    Raises:
        TrustError: a leaf that names the first check that fails.
    """
    parsed = read_jws(response, kind=TRUST_MARK_STATUS_TYPE)
    payload: Mapping[str, Any] = parsed.payload
    check_claims(payload, _STATUS_TABLE)
    if payload["iss"] != issuer:
        raise ClaimInvalidError(claim="iss", rule="issuer of the mark")
    prove(parsed, keys=keys)
    if payload["trust_mark"] != mark:
        raise ClaimInvalidError(claim="trust_mark", rule="the mark asked about")
    if abs(payload["iat"] - now) > MAX_STATUS_AGE_SECONDS:
        raise ClaimInvalidError(claim="iat", rule="of now")
    status: str = payload["status"]
    return status
