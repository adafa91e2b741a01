"""What a node believes and by what it is believed: one look at keys, agreements and certificates for all its parts."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from gateway.federation.home_entity import EVIDENCE_KEYS, read_evidence_keys
from gateway.web.federation import add_entity, path_of
from gateway.web.revocations import Revocations
from trust.errors import (
    KeyRevokedError,
    TransitiveTrustError,
    TrustError,
    TrustExpiredError,
    UnknownIssuerError,
    UnknownKeyError,
)
from trust.roles import GATEWAY_ROLE, REGION_ROLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aiohttp import web

    from gateway.certificates import Certificate
    from gateway.federation.agreements import AgreementStanding, SignedAgreement
    from gateway.federation.desk import TrustDesk
    from gateway.federation.desk_memory import TrustMemory
    from gateway.federation.fetch import FederationClient
    from gateway.federation.follow import RevocationFollower
    from gateway.federation.home_keys import HomeKeys
    from gateway.federation.own_marks import OwnMarks
    from gateway.key_places import KeyPlaces
    from gateway.services.status_notices import StatusNotices
    from trust.keys import KeyRing, VerificationKey
    from trust.note import NoteKey
    from trust.policy import AgreementBook
    from trust.signer import CallerTokenSigner

NOT_BELIEVED_YET = (TransitiveTrustError, TrustExpiredError, UnknownIssuerError, UnknownKeyError)
"""Why a key may not be found that another statement would bring; whatever else is raised is final."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustSide:
    """What a node believes and by what it is believed.

    `homes` are the keys of the home regions; `agreements` asks `standing` of each agreement whether it stands; `signed`
    are the agreements by their ids, with the digests of their terms;
    `regions_by_name` says to which region the names in callers' certificates belong; `anchors` is the anchor of each
    agreement; `notices` are told which of our status lists have changed.
    """

    homes: Mapping[str, HomeKeys]
    desk: TrustDesk
    standing: AgreementStanding
    agreements: AgreementBook
    signed: Mapping[str, SignedAgreement]
    follower: RevocationFollower
    client: FederationClient
    memory: TrustMemory
    regions_by_name: Mapping[str, str]
    anchors: Mapping[str, str]
    notices: StatusNotices
    key_places: KeyPlaces
    marks: OwnMarks

    @property
    def tried(self) -> bool:
        """Tell whether each peer is believed, or was tried for some seconds: only then refusals say what they mean."""
        return self.desk.first_round.is_set()

    def region_key(self, issuer: str, kid: str, *, chain: Sequence[str] = ()) -> VerificationKey:
        """Find the key of a recognition, under an agreement with any of our homes (the errors of the desk).

        Whether that is the agreement of the home for which it is meant is for whoever reads its claims. A chain that
        came beside it is looked at only where that may help, never against what is known to be dead.
        """
        home = self.homes.get(issuer)
        if home is not None:
            return home.ring.find(issuer, kid)
        try:
            return self._first(lambda visited: self.desk.region_key(issuer, kid, visited=visited))
        except NOT_BELIEVED_YET:
            if not chain:
                raise
        return self._first(lambda visited: self.desk.offered_key(chain, issuer, kid, visited=visited))

    def region_keys(self, region: str, agreement: str) -> tuple[VerificationKey, ...]:
        """Give the keys with which a region signs recognitions under the anchor of an agreement, none that is revoked.

        Raises:
            UnknownIssuerError, TransitiveTrustError, TrustExpiredError, PeerRevokedError: it is not believed now.
        """
        home = self.homes.get(region)
        if home is not None:
            return home.ring.of(region)
        federation, anchor, now = self.desk.standing.federation, self.anchors[agreement], int(time.time())
        bearer = federation.entity(REGION_ROLE, region, anchor=anchor, now=now)
        keys = []
        for key in bearer.keys[REGION_ROLE].of(region):
            with suppress(KeyRevokedError):
                keys.append(federation.find(REGION_ROLE, region, key.kid, anchor=anchor, now=now))
        return tuple(keys)

    def _first(self, find: Callable[[str], VerificationKey]) -> VerificationKey:
        """Give what is found for one of our homes, or raise what the last of them did."""
        refusal: TrustError = UnknownIssuerError()
        for visited in self.homes:
            try:
                return find(visited)
            except TrustError as error:
                refusal = error
        raise refusal

    def chain(self, region: str, agreement: str) -> tuple[str, ...]:
        """Give the static trust chain of a region to the anchor of an agreement, compact JWS upwards; () for none.

        It is asked for in the thread of a transaction, so nothing is signed for it.
        """
        anchor, home = self.anchors.get(agreement, ""), self.homes.get(region)
        if home is None:
            return self.desk.chain_for(self.desk.standing.rules.regions.get(region, ""), anchor)
        above = self.desk.chain_for(home.entity, anchor)[1:]
        # What we say of ourselves may be younger than what was last fetched about us.
        return (home.publisher.current.text, *above) if above else ()

    def caller_key(self, caller: str, kid: str, *, registered: KeyRing) -> VerificationKey:
        """Find the key of a caller: a registered one's, or that of a gateway under an agreement with a home of ours."""
        if caller in registered.issuers:
            return registered.find(caller, kid)
        return self.desk.gateway_key(caller, kid, home_regions=self.homes)

    def caller_tokens(self, region: str) -> CallerTokenSigner:
        """Give what signs the tokens with which we ask others on behalf of a home region."""
        return self.homes[region].caller_tokens

    def require_peer(self, region: str) -> None:
        """Refuse a region whose entity is believed under no anchor (the refusal of the last one).

        What is asked holds card numbers: nobody is asked whose answer would not be believed.
        """
        standing = self.desk.standing
        refusal: TrustError = UnknownIssuerError()
        for anchor in standing.anchors:
            try:
                standing.federation.entity(REGION_ROLE, region, anchor=anchor, now=int(time.time()))
            except TrustError as error:
                refusal = error
            else:
                return
        raise refusal

    def evidence_keys(self, region: str) -> tuple[NoteKey, ...]:
        """Give the keys of the log of a region's gateway, as its entity tells them; none where it is not believed."""
        standing = self.desk.standing
        for anchor in standing.anchors:
            with suppress(TrustError):
                entity = standing.federation.entity(REGION_ROLE, region, anchor=anchor, now=int(time.time()))
                return read_evidence_keys(entity.metadata.get(GATEWAY_ROLE, {}).get(EVIDENCE_KEYS))
        return ()

    def require_live(self, certificate: Certificate) -> None:
        """Refuse a certificate that the entity has revoked to which its names belong (PeerRevokedError)."""
        for name in certificate.names:
            region = self.regions_by_name.get(name)
            if region is not None:
                self.desk.check_certificate(region, certificate.fingerprint)

    async def renewed(self, region: str) -> None:
        """Wait until the keys of another region were fetched again, or for some seconds."""
        if region not in self.homes:
            await self.desk.renewed(region)

    def web_parts(self) -> tuple[Callable[[web.Application], None], ...]:
        """Give what adds our own statements and the feed of revocations to the web side."""
        entities = tuple(
            partial(add_entity, entity=keys.publisher, prefix=path_of(keys.entity)) for keys in self.homes.values()
        )
        return (*entities, Revocations(self.desk, clock=time.monotonic, notices=self.notices).add_to)

    async def start(self) -> None:
        """Begin to believe and to follow (GatewayError where what was kept cannot be read)."""
        await self.desk.start()
        self.follower.start()

    async def close(self) -> None:
        """End what runs in the background."""
        await self.follower.close()
        await self.desk.close()
        await self.client.close()
        self.memory.close()
        self.key_places.close()
