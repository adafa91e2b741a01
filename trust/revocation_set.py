"""All revocations that a node knows, under which anchor each is believed, and what they strike.

The set only grows: sets are merged in any order and any number of times with one result, and nothing leaves before its
own stated end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final

from trust.claims import CLOCK_SKEW_SECONDS
from trust.errors import AgreementStoppedError, KeyRevokedError, PeerRevokedError

if TYPE_CHECKING:
    from trust.revocation import Revocation, Revoked

_MAX_MISSING: Final = 100


@dataclass(frozen=True, slots=True)
class RevocationSet:
    """All revocations that a node knows; it never changes, and joining two makes a third."""

    entries: frozenset[Revoked] = frozenset()
    _table: dict[tuple[str, ...], tuple[Revocation, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Sort the entries by what they strike, so that asking costs one look-up."""
        table: dict[tuple[str, ...], tuple[Revocation, ...]] = {}
        for entry in self.entries:
            said = entry.revocation
            place = (entry.anchor, said.kind, said.sub, said.target)
            table[place] = (*table.get(place, ()), said)
        object.__setattr__(self, "_table", table)

    def merged(self, other: RevocationSet) -> RevocationSet:
        """Give the set of what either knows."""
        return RevocationSet(self.entries | other.entries)

    def pruned(self, now: int) -> RevocationSet:
        """Give the set without what has reached its own end (Unix seconds)."""
        return RevocationSet(
            frozenset(entry for entry in self.entries if now < entry.revocation.exp + CLOCK_SKEW_SECONDS)
        )

    def check_key(self, entity: str, mark: str, *, anchor: str, now: int) -> None:
        """Demand that the key of an entity with this thumbprint is not revoked.

        Raises:
            KeyRevokedError: it is.
        """
        reason = self.reason("key", entity, mark, anchor=anchor, now=now)
        if reason is not None:
            raise KeyRevokedError(reason=reason)

    def check_entity(self, entity: str, *, anchor: str, now: int) -> None:
        """Demand that an entity is not revoked.

        Raises:
            PeerRevokedError: it is.
        """
        reason = self.reason("entity", entity, entity, anchor=anchor, now=now)
        if reason is not None:
            raise PeerRevokedError(kind="entity", reason=reason)

    def check_certificate(self, entity: str, fingerprint: str, *, anchor: str, now: int) -> None:
        """Demand that the certificate of an entity with this SHA-256 fingerprint (base64url) is not revoked.

        Raises:
            PeerRevokedError: it is.
        """
        reason = self.reason("certificate", entity, fingerprint, anchor=anchor, now=now)
        if reason is not None:
            raise PeerRevokedError(kind="certificate", reason=reason)

    def check_agreement(self, agreement: str, *, anchor: str, now: int) -> None:
        """Demand that an agreement under an anchor is not stopped.

        Raises:
            AgreementStoppedError: it is.
        """
        reason = self.reason("agreement", anchor, agreement, anchor=anchor, now=now)
        if reason is not None:
            raise AgreementStoppedError(reason=reason)

    def reason(self, kind: str, subject: str, target: str, *, anchor: str, now: int) -> str | None:
        """Give the reason of the earliest revocation in force of something of a subject, or None when it lives."""
        found = [said for said in self._table.get((anchor, kind, subject, target), ()) if said.in_force(now)]
        return min(found, key=lambda said: (said.effective, said.iss, said.sequence)).reason if found else None

    def missing(self, issuer: str) -> tuple[int, ...]:
        """Give the first hundred sequence numbers that an issuer must have used and that are not here: held back."""
        numbers = {entry.revocation.sequence for entry in self.entries if entry.revocation.iss == issuer}
        absent = (number for number in range(1, max(numbers, default=0)) if number not in numbers)
        return tuple(islice(absent, _MAX_MISSING))

    def equivocating(self) -> tuple[str, ...]:
        """Give the issuers that used one sequence number for two revocations; both count, and an operator must know."""
        used: dict[tuple[str, int], Revocation] = {}
        said = {entry.revocation for entry in self.entries}
        return tuple(sorted({one.iss for one in said if used.setdefault((one.iss, one.sequence), one) != one}))
