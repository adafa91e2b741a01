"""Revocation: a signed statement that something is dead, and the set of all such statements that a node knows.

OpenID Federation leaves revocation open (section 10.4); this is our profile. A statement has typ
`onecard-revocation+jwt` and says whose (`sub`) key, certificate or self is dead, or which agreement under the anchor
`sub` is stopped, why, and from when. It is issued by the subject itself, by one that vouches for it, or, to stop an
agreement, by any party to it. What is revoked counts for its subject only: nobody can kill the key of a stranger by
naming its thumbprint. It strikes the key, not the date of what the key signed: a thief can write any date.

The set only grows: sets are merged in any order and any number of times with one result, and nothing leaves before its
own stated end, at least 400 days after it was said, when all that it could strike has run out by itself.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final

from trust.claim_rules import Rule, check_claims, is_count, is_digest, is_entity, is_one_of, is_text, is_time
from trust.claims import CLOCK_SKEW_SECONDS
from trust.errors import (
    AgreementStoppedError,
    ClaimInvalidError,
    ForeignKeyError,
    KeyRevokedError,
    NotYetValidError,
    PeerRevokedError,
)
from trust.jws import prove, read_jws, sign_jws
from trust.keys import thumbprint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from trust.keys import SigningKey, VerificationKey

REVOCATION_TYPE: Final = "onecard-revocation+jwt"
MIN_LIFE_SECONDS: Final = 400 * 86_400
"""How long a revocation is remembered at least; longer than any statement that it could strike lives."""

KINDS: Final = frozenset({"key", "entity", "certificate", "agreement"})
REASONS: Final = frozenset({"unspecified", "compromised", "superseded", "ceased", "withdrawn", "emergency"})
"""The first three are those of the standard (section 8.7.4); an entity ceases, an agreement is withdrawn."""

AT_ONCE: Final = frozenset({"compromised", "emergency"})
"""Reasons that do not wait for the effective time."""

_MAX_MISSING: Final = 100
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


def sign_revocation(revocation: Revocation, *, key: SigningKey) -> str:
    """Sign a revocation, typ `onecard-revocation+jwt`.

    Raises:
        ClaimInvalidError: a claim is against its rule, or `iss` is not the issuer of the key.
    """
    payload = asdict(revocation)
    Revocation.from_payload(payload)
    if revocation.iss != key.issuer:
        raise ClaimInvalidError(claim="iss", rule="issuer of the signing key")
    return sign_jws(payload, key=key, kind=REVOCATION_TYPE)


def verify_revocation(
    text: str,
    *,
    keys: Callable[[str], Iterable[VerificationKey]],
    may_revoke: Callable[[Revocation], bool],
    known: RevocationSet,
    now: int,
) -> Revocation:
    """Say what a revocation says once it is proven.

    Args:
        text: compact JWS.
        keys: the federation keys that are believed to be an issuer's.
        may_revoke: whether the issuer has a say in it (`trust.federation.Federation.may_revoke`).
        known: what is revoked already; a dead key can still revoke itself, and nothing else.
        now: Unix seconds.

    Raises:
        TrustError: a leaf that names the first check that fails; ForeignKeyError when the issuer has no say in it.
    """
    parsed = read_jws(text, kind=REVOCATION_TYPE)
    revocation = Revocation.from_payload(parsed.payload)
    mark = thumbprint(prove(parsed, keys=keys(revocation.iss)).public_key)
    if revocation.iat - now > CLOCK_SKEW_SECONDS:
        raise NotYetValidError(claim="iat", skew_seconds=str(revocation.iat - now))
    if (revocation.kind, revocation.sub, revocation.target) != ("key", revocation.iss, mark):
        known.check_key(revocation.iss, mark, now=now)
    if not may_revoke(revocation):
        raise ForeignKeyError(rule="revokes its own")
    return revocation


@dataclass(frozen=True, slots=True)
class RevocationSet:
    """All revocations that a node knows; it never changes, and joining two makes a third."""

    entries: frozenset[Revocation] = frozenset()
    _table: dict[tuple[str, str, str], tuple[Revocation, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Sort the entries by what they strike, so that asking costs one look-up."""
        table: dict[tuple[str, str, str], tuple[Revocation, ...]] = {}
        for entry in self.entries:
            place = (entry.kind, entry.sub, entry.target)
            table[place] = (*table.get(place, ()), entry)
        object.__setattr__(self, "_table", table)

    def merged(self, other: RevocationSet) -> RevocationSet:
        """Give the set of what either knows."""
        return RevocationSet(self.entries | other.entries)

    def pruned(self, now: int) -> RevocationSet:
        """Give the set without what has reached its own end (Unix seconds)."""
        return RevocationSet(frozenset(entry for entry in self.entries if now < entry.exp + CLOCK_SKEW_SECONDS))

    def check_key(self, entity: str, mark: str, *, now: int) -> None:
        """Demand that the key of an entity with this thumbprint is not revoked.

        Raises:
            KeyRevokedError: it is.
        """
        reason = self.reason("key", entity, mark, now=now)
        if reason is not None:
            raise KeyRevokedError(reason=reason)

    def check_entity(self, entity: str, *, now: int) -> None:
        """Demand that an entity is not revoked.

        Raises:
            PeerRevokedError: it is.
        """
        reason = self.reason("entity", entity, entity, now=now)
        if reason is not None:
            raise PeerRevokedError(kind="entity", reason=reason)

    def check_certificate(self, entity: str, fingerprint: str, *, now: int) -> None:
        """Demand that the certificate of an entity with this SHA-256 fingerprint (base64url) is not revoked.

        Raises:
            PeerRevokedError: it is.
        """
        reason = self.reason("certificate", entity, fingerprint, now=now)
        if reason is not None:
            raise PeerRevokedError(kind="certificate", reason=reason)

    def check_agreement(self, anchor: str, agreement: str, *, now: int) -> None:
        """Demand that an agreement under an anchor is not stopped.

        Raises:
            AgreementStoppedError: it is.
        """
        reason = self.reason("agreement", anchor, agreement, now=now)
        if reason is not None:
            raise AgreementStoppedError(reason=reason)

    def missing(self, issuer: str) -> tuple[int, ...]:
        """Give the first hundred sequence numbers that an issuer must have used and that are not here: held back."""
        numbers = {entry.sequence for entry in self.entries if entry.iss == issuer}
        absent = (number for number in range(1, max(numbers, default=0)) if number not in numbers)
        return tuple(islice(absent, _MAX_MISSING))

    def equivocating(self) -> tuple[str, ...]:
        """Give the issuers that used one sequence number for two revocations; both count, and an operator must know."""
        used: set[tuple[str, int]] = set()
        twice = set()
        for entry in self.entries:
            place = (entry.iss, entry.sequence)
            if place in used:
                twice.add(entry.iss)
            used.add(place)
        return tuple(sorted(twice))

    def reason(self, kind: str, subject: str, target: str, *, now: int) -> str | None:
        """Give the reason of the earliest revocation in force of something of a subject, or None when it lives."""
        found = [entry for entry in self._table.get((kind, subject, target), ()) if entry.in_force(now)]
        return min(found, key=lambda entry: (entry.effective, entry.iss, entry.sequence)).reason if found else None
