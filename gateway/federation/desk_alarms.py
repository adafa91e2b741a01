"""What an operator must hear of trust: each change once, not once a second. No personal data exists here."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from gateway.errors import GatewayError
from gateway.federation.fetch import FetchError
from trust.errors import EquivocationError, RollbackError, TrustError
from trust.pinboard import Freshness

if TYPE_CHECKING:
    from gateway.federation.desk_state import Standing
    from gateway.journal import Journal
    from trust.revocation import Revocation
    from trust.verified_entity import VerifiedEntity

_ALARMS: Final = {RollbackError: "trust_rollback", EquivocationError: "trust_equivocation"}
_FRESHNESS: Final = {
    Freshness.HALF_LIFE: "trust_half_life",
    Freshness.GRACE: "trust_grace",
    Freshness.EXPIRED: "trust_expired",
}


class TrustAlarms:
    """Writes events to the journal and counts them by name."""

    def __init__(self, journal: Journal) -> None:
        """Begin with nothing said."""
        self._journal = journal
        self._faults: dict[tuple[str, str], tuple[str, ...]] = {}
        self._ages: dict[tuple[str, str], tuple[Freshness, int]] = {}
        self._told: set[tuple[str, ...]] = set()
        self.counts: Counter[str] = Counter()

    def refused(self, place: tuple[str, str], error: TrustError | GatewayError) -> None:
        """Tell that an entity could not be fetched or is not believed; again only when the cause is another one."""
        told = {name: value for name, value in error.metadata.items() if name not in {"anchor", "entity"}}
        cause = (type(error).__name__, *(value for name, value in sorted(told.items()) if name != "skew_seconds"))
        if self._faults.get(place) == cause:
            return
        self._faults[place] = cause
        self._event(_name_of(error), anchor=place[0], entity=place[1], error=type(error).__name__, **told)

    def believed(self, verified: VerifiedEntity) -> None:
        """Tell that an entity is believed, for the first time or after a fault."""
        place = verified.anchor, verified.entity
        if self._faults.pop(place, None) is not None or ("believed", *place) not in self._told:
            self._told.add(("believed", *place))
            self._event("trust_believed", anchor=verified.anchor, entity=verified.entity)

    def forgotten(self, place: tuple[str, str], error: TrustError) -> None:
        """Tell that a chain that was kept is not believed any more."""
        self._event("trust_dropped", anchor=place[0], entity=place[1], error=type(error).__name__, **error.metadata)

    def pinned_anew(self, anchor: str) -> None:
        """Tell that the operator has pinned other keys of an anchor than before."""
        self._event("trust_pinned_anew", anchor=anchor)

    def aged(self, verified: VerifiedEntity, *, now: int) -> None:
        """Warn of a chain that has passed half of its life, its end, or the grace; once for each."""
        place, age = (verified.anchor, verified.entity), verified.freshness(now)
        if self._ages.get(place) == (age, verified.expires_at):
            return
        self._ages[place] = age, verified.expires_at
        if age is not Freshness.FRESH:
            left = verified.expires_at - now
            self._event(_FRESHNESS[age], anchor=verified.anchor, entity=verified.entity, seconds_left=left)

    def learned(self, said: Revocation) -> None:
        """Tell of a revocation that is believed."""
        self._event(
            "trust_revocation",
            kind=said.kind,
            issuer=said.iss,
            entity=said.sub,
            target=said.target,
            reason=said.reason,
            effective=said.effective,
        )

    def contradictions(self, standing: Standing) -> None:
        """Tell, once, of entities that show different things to different people."""
        found = [("trust_disputed", entity) for entity in standing.federation.disputed()]
        found += [
            ("trust_revocation_equivocation", issuer) for issuer in standing.federation.revocations.equivocating()
        ]
        for name, entity in found:
            if (name, entity) not in self._told:
                self._told.add((name, entity))
                self._event(name, entity=entity)

    def _event(self, name: str, **fields: str | float | bool) -> None:
        self.counts[name] += 1
        self._journal.event(name, **fields)


def _name_of(error: TrustError | GatewayError) -> str:
    """Name the event of an error."""
    if isinstance(error, GatewayError):
        return "trust_unreachable" if isinstance(error, FetchError) else "trust_not_refreshed"
    return _ALARMS.get(type(error), "trust_refused")
