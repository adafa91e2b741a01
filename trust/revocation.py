"""Revocation: a signed statement that something is dead, and the set of all such statements that a node knows.

OpenID Federation leaves revocation open (section 11.4); this is our profile. A statement has typ
`onecard-revocation+jwt` and says whose (`sub`) key, certificate or self is dead, or which agreement under the anchor
`sub` is stopped, why, and from when. It is issued by the subject itself, by one that vouches for it, or, to stop an
agreement, by any party to it. It strikes the key, not the date of what the key signed: a thief can write any date.

It counts for its subject only, so nobody can kill the key of a stranger by naming its thumbprint; and it counts under
the anchors under which its issuer is believed, so nobody who vouches in one agreement can kill in another. What an
entity revokes of its own is dead wherever the key is believed with which it says so.

Each says until when it must be remembered, at least 400 days, when all that it could strike has run out by itself.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from trust.claim_rules import Rule, check_claims, is_count, is_digest, is_entity, is_one_of, is_text, is_time
from trust.claims import CLOCK_SKEW_SECONDS
from trust.errors import ClaimInvalidError, ForeignKeyError, NotYetValidError
from trust.jws import prove, read_jws, sign_jws
from trust.keys import thumbprint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from trust.keys import SigningKey, VerificationKey
    from trust.parser import ParsedToken
    from trust.revocation_set import RevocationSet
    from trust.signer import Signer

REVOCATION_TYPE: Final = "onecard-revocation+jwt"
MIN_LIFE_SECONDS: Final = 400 * 86_400
"""How long a revocation is remembered at least; longer than any statement that it could strike lives."""

KINDS: Final = frozenset({"key", "entity", "certificate", "agreement"})
REASONS: Final = frozenset({"unspecified", "compromised", "superseded", "ceased", "withdrawn", "emergency"})
"""The first three are those of the standard (section 8.7.3); an entity ceases, an agreement is withdrawn."""

AT_ONCE: Final = frozenset({"compromised", "emergency"})
"""Reasons that do not wait for the effective time."""

_AGREEMENT: Final = re.compile(r"[a-z][a-z-]{1,58}[0-9]{0,4}")
_TARGETS: Final = {
    "key": is_digest,
    "certificate": is_digest,
    "entity": is_entity,
    "agreement": is_text(_AGREEMENT),
}
_TABLE: Final[Mapping[str, Rule]] = {
    "iss": Rule("entity identifier", is_entity),
    "sub": Rule("entity identifier", is_entity),
    "iat": Rule("whole seconds", is_time),
    "exp": Rule("whole seconds", is_time),
    "sequence": Rule("whole number from 1", is_count),
    "kind": Rule("closed list", is_one_of(KINDS)),
    "target": Rule("text", lambda value: isinstance(value, str)),
    "reason": Rule("closed list", is_one_of(REASONS)),
    "effective": Rule("whole seconds", is_time),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """That `iss` declares dead, from `effective` on (Unix seconds), something of `sub`.

    `target` is, by `kind`: the RFC 7638 thumbprint of a key; the SHA-256 fingerprint of a certificate, base64url; the
    subject once more for an entity; the id of an agreement, `sub` being its anchor. `sequence` counts the revocations
    of an issuer without a gap, so that a reader sees when one is missing. `exp` is until when it must be remembered.
    """

    iss: str
    sub: str
    iat: int
    exp: int
    sequence: int
    kind: str
    target: str
    reason: str
    effective: int

    @classmethod
    def from_payload(cls, payload: Mapping[str, object]) -> Revocation:
        """Read the claims of a revocation, exact types only.

        Raises:
            ClaimInvalidError: a claim is missing, unknown or against its rule.
        """
        check_claims(payload, _TABLE)
        revocation = cls(**payload)  # type: ignore[arg-type]  # the table has checked every type
        if not _TARGETS[revocation.kind](revocation.target):
            raise ClaimInvalidError(claim="target", rule=f"of a revoked {revocation.kind}")
        if revocation.kind == "entity" and revocation.target != revocation.sub:
            raise ClaimInvalidError(claim="target", rule="equal to sub")
        if revocation.exp - max(revocation.iat, revocation.effective) < MIN_LIFE_SECONDS:
            raise ClaimInvalidError(claim="exp", rule="at least 400 days")
        return revocation

    def in_force(self, now: int) -> bool:
        """Tell whether it counts at a time (Unix seconds); clocks may differ, and here that counts against the key."""
        return self.reason in AT_ONCE or self.effective - now <= CLOCK_SKEW_SECONDS


def sign_revocation(revocation: Revocation, *, key: SigningKey | Signer) -> str:
    """Sign a revocation, typ `onecard-revocation+jwt`.

    Raises:
        ClaimInvalidError: a claim is against its rule, or `iss` is not the issuer of the key.
    """
    payload = asdict(revocation)
    Revocation.from_payload(payload)
    if revocation.iss != key.issuer:
        raise ClaimInvalidError(claim="iss", rule="issuer of the signing key")
    return sign_jws(payload, key=key, kind=REVOCATION_TYPE)


def read_revocation(text: str) -> tuple[ParsedToken, Revocation]:
    """Read the form of a revocation; nothing in it is proven.

    Raises:
        TrustError: a leaf that names the first fault.
    """
    parsed = read_jws(text, kind=REVOCATION_TYPE)
    return parsed, Revocation.from_payload(parsed.payload)


@dataclass(frozen=True, slots=True)
class Revoked:
    """A revocation that is believed under an anchor, given by its entity identifier."""

    anchor: str
    revocation: Revocation


def verify_revocation(
    text: str,
    *,
    anchor: str,
    keys: Callable[[str], Iterable[VerificationKey]],
    may_revoke: Callable[[Revocation], bool],
    known: RevocationSet,
    now: int,
) -> Revoked:
    """Believe a revocation under one anchor, once it is proven (`trust.federation.Federation.revoke` asks for all).

    Args:
        text: compact JWS.
        anchor: the anchor.
        keys: the federation keys that are believed to be an issuer's under this anchor.
        may_revoke: whether the issuer has a say in it under this anchor.
        known: what is revoked already; a dead key can still revoke itself, and nothing else.
        now: Unix seconds.

    Raises:
        TrustError: a leaf that names the first check that fails; ForeignKeyError when the issuer has no say in it.
    """
    parsed, revocation = read_revocation(text)
    mark = thumbprint(prove(parsed, keys=keys(revocation.iss)).public_key)
    if revocation.iat - now > CLOCK_SKEW_SECONDS:
        raise NotYetValidError(claim="iat", skew_seconds=str(revocation.iat - now))
    if (revocation.kind, revocation.sub, revocation.target) != ("key", revocation.iss, mark):
        known.check_key(revocation.iss, mark, anchor=anchor, now=now)
    if not may_revoke(revocation):
        raise ForeignKeyError(rule="revokes its own")
    return Revoked(anchor, revocation)
