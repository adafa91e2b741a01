"""Look-ups under the anchors of those agreements that join two regions; no input or output, a few table look-ups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from trust.errors import (
    TransitiveTrustError,
    TrustError,
    TrustExpiredError,
    UnknownIssuerError,
    UnknownKeyError,
)
from trust.roles import GATEWAY_ROLE, REGION_ROLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gateway.federation.desk_state import AnchorPin, Standing
    from trust.keys import VerificationKey

Agreements: TypeAlias = Callable[[str, str], Sequence[str]]
"""Gives the ids of the agreements in force now that join two regions; none where they are one region."""

# What tells most stands first: the error that is raised where several anchors each have one. What is not here is dead.
_LESS_TELLING: Final[tuple[type[TrustError], ...]] = (
    TrustExpiredError,
    UnknownKeyError,
    TransitiveTrustError,
    UnknownIssuerError,
)


class LookUp:
    """Answers from a standing, which is given with each question.

    Args:
        pins: the anchors and the agreements that they stand for.
        agreements: which agreements join two regions now.
        regions: the entity that acts for each region.
        missed: is called with an entity whose key was not found.
    """

    def __init__(
        self,
        pins: Iterable[AnchorPin],
        *,
        agreements: Agreements,
        regions: Mapping[str, str],
        missed: Callable[[str], None],
    ) -> None:
        """Sort the anchors by agreement."""
        self._agreements = agreements
        self._regions = regions
        self._region_of = {entity: region for region, entity in regions.items()}
        self._missed = missed
        self._anchors: dict[str, list[str]] = {}
        for pin in pins:
            for agreement in sorted(pin.agreements):
                self._anchors.setdefault(agreement, []).append(pin.entity)

    def anchors(self, one: str, other: str) -> Iterator[tuple[str, str]]:
        """Give anchor and agreement for each agreement that joins two regions now."""
        for agreement in self._agreements(one, other):
            for anchor in self._anchors.get(agreement, ()):
                yield anchor, agreement

    def region_key(self, standing: Standing, issuer: str, kid: str, *, visited: str, now: int) -> VerificationKey:
        """Find a region's key (TrustError)."""
        return self._find(standing, REGION_ROLE, issuer, kid, under=tuple(self.anchors(issuer, visited)), now=now)

    def gateway_key(
        self, standing: Standing, gateway_id: str, kid: str, *, home_regions: Iterable[str], now: int
    ) -> VerificationKey:
        """Find a gateway's key (TrustError)."""
        region = self.region_of_gateway(standing, gateway_id)
        under = dict.fromkeys(place for home in home_regions for place in self.anchors(home, region))
        return self._find(standing, GATEWAY_ROLE, gateway_id, kid, under=tuple(under), now=now)

    def region_of_gateway(self, standing: Standing, gateway_id: str) -> str:
        """Name the region for which a gateway acts (UnknownIssuerError)."""
        region = self._region_of.get(standing.gateways.get(gateway_id, ""))
        if region is None:
            raise UnknownIssuerError
        return region

    def require_agreement(self, standing: Standing, agreement: str, *, now: int) -> None:
        """Demand that an agreement is not stopped under any of its anchors (AgreementStoppedError)."""
        for anchor in self._anchors.get(agreement, ()):
            standing.federation.revocations.check_agreement(agreement, anchor=anchor, now=now)

    def check_certificate(self, standing: Standing, region: str, fingerprint: str, *, now: int) -> None:
        """Demand that a certificate of a region's entity is not revoked under any anchor (PeerRevokedError)."""
        entity = self._regions.get(region)
        if entity is not None:
            for anchor in standing.anchors:
                standing.federation.revocations.check_certificate(entity, fingerprint, anchor=anchor, now=now)

    def _find(
        self, standing: Standing, role: str, issuer: str, kid: str, *, under: Sequence[tuple[str, str]], now: int
    ) -> VerificationKey:
        """Give the key under the first anchor that has one, or raise the error that tells most."""
        if not under:
            # No anchor has this name: the error says whether the issuer is known at all.
            return standing.find(role, issuer, kid, anchor="", now=now)
        refusals: list[TrustError] = []
        for anchor, agreement in under:
            try:
                standing.federation.revocations.check_agreement(agreement, anchor=anchor, now=now)
                return standing.find(role, issuer, kid, anchor=anchor, now=now)
            except TrustError as error:
                refusals.append(error)
        worst = min(refusals, key=_rank)
        if isinstance(worst, UnknownKeyError | TrustExpiredError):
            # Whoever bears the name has another key by now, or another statement.
            self._missed((standing.gateways if role == GATEWAY_ROLE else self._regions)[issuer])
        raise worst


def _rank(error: TrustError) -> int:
    """Say how little an error tells: of what is revoked or stopped nothing tells more."""
    kind = type(error)
    return _LESS_TELLING.index(kind) if kind in _LESS_TELLING else -1
