"""The desk of trust: whom this node believes, kept fresh, and asked for each call.

Look-ups do no input or output. What they go by is one immutable standing, replaced as a whole; it is written down
before it is used, so that a node that starts again never believes anything older. What cannot be refreshed is gone by
as it was last believed, until its life and the grace are over. Everything here happens in one event loop.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from gateway.federation.desk_explain import AnchorExplanation, explain
from gateway.federation.desk_holder import StandingHolder
from gateway.federation.desk_look_up import LookUp
from gateway.federation.desk_offered import OfferedChains
from gateway.federation.desk_refresh import Refresher, RefreshTimes
from gateway.federation.desk_renewal import OwnEntity, Renewal
from gateway.federation.desk_state import AnchorPin, Rules, Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from gateway.federation.desk_look_up import Agreements
    from gateway.federation.desk_memory import TrustMemory
    from gateway.federation.desk_refresh import Place
    from gateway.federation.fetch import FederationClient
    from gateway.journal import Journal
    from gateway.services.ports import Clock
    from trust.keys import VerificationKey

_RENEWED_SECONDS = 3.0

__all__ = ["AnchorExplanation", "AnchorPin", "OwnEntity", "RefreshTimes", "TrustDesk"]


class TrustDesk:
    """Holds what this node believes.

    Args:
        own: the home regions of this node.
        anchors: pinned by the operator.
        peers: the entity that acts for each other region.
        agreements: gives the ids of the agreements in force now that join two regions.
        client: fetches documents; the desk does not close it.
        memory: where beliefs last; the desk does not close it.
        clock: Unix seconds.
        journal: is told what an operator must hear of.
        grace_seconds: how long a statement serves after its end.
        times: how often to refresh.
        feed_base: from where the numbers of the feed count; replicas of one gateway have bases of their own.

    Raises:
        KeyMaterialError: a pin has not the form of one.
    """

    def __init__(
        self,
        own: Iterable[OwnEntity],
        *,
        anchors: Iterable[AnchorPin],
        peers: Mapping[str, str],
        agreements: Agreements,
        client: FederationClient,
        memory: TrustMemory,
        clock: Clock,
        journal: Journal,
        grace_seconds: int,
        times: RefreshTimes | None = None,
        feed_base: int = 0,
    ) -> None:
        """Begin with the pins, believing nobody."""
        homes = tuple(own)
        self._own = {one.region: one.entity for one in homes}
        self._clock = clock
        regions = {**peers, **self._own}
        rules = Rules(grace_seconds=grace_seconds, regions=regions)
        self._held = StandingHolder(anchors, rules=rules, memory=memory, journal=journal, feed_base=feed_base)
        self._renewal = Renewal(self._held, own=homes, client=client, clock=clock)
        self._refresher = Refresher(
            self.refresh,
            places=self._places,
            awaited=lambda place: place[1] not in self._own.values() and place not in self.standing.links,
            times=times or RefreshTimes(),
        )
        self._look_up = LookUp(
            self._held.pinned.values(), agreements=agreements, regions=regions, missed=self._refresher.soon
        )
        self._offered = OfferedChains(self._look_up)

    @property
    def first_round(self) -> asyncio.Event:
        """Set once each peer is believed or was tried for as long as the first round may take."""
        return self._refresher.first_round

    @property
    def standing(self) -> Standing:
        """What is believed now."""
        return self._held.standing

    @property
    def standings(self) -> tuple[Standing, ...]:
        """What is believed now, and what would be with each chain that was offered since and was good."""
        return (self.standing, *self._offered.standings(self.standing))

    @property
    def alarms(self) -> Mapping[str, int]:
        """How often each event was told, by name."""
        return self._held.alarms.counts

    async def start(self) -> None:
        """Go on from what was kept, and begin to refresh (TrustMemoryError where that cannot be read)."""
        self._held.restore(now=self._now())
        self._refresher.start()

    async def close(self) -> None:
        """End what runs in the background."""
        await self._refresher.close()

    def on_change(self, callback: Callable[[], None]) -> None:
        """Have somebody called whenever something else is believed, so that what is cached can be dropped."""
        self._held.listeners.append(callback)

    def region_key(self, issuer: str, kid: str, *, visited: str) -> VerificationKey:
        """Find the key with which a region signed a recognition.

        Args:
            issuer: the region.
            kid: the key id of the token.
            visited: the region in which it is shown.

        Raises:
            KeyRevokedError, PeerRevokedError, AgreementStoppedError: it is dead.
            TrustExpiredError: the chain of the region has run out.
            UnknownKeyError: the region has no such key; a refresh is asked for.
            TransitiveTrustError: the region is known, but under no agreement of these two.
            UnknownIssuerError: it is not known.
        """
        return self._look_up.region_key(self.standing, issuer, kid, visited=visited, now=self._now())

    def offered_key(self, chain: Sequence[str], issuer: str, kid: str, *, visited: str) -> VerificationKey:
        """Find the key of a region in a chain that came beside its token; the chain serves this look-up only.

        Raises as `region_key`, and what a chain that does not hold raises.
        """
        return self._offered.region_key(self.standing, chain, issuer, kid, visited=visited, now=self._now())

    def gateway_key(self, gateway_id: str, kid: str, *, home_regions: Iterable[str]) -> VerificationKey:
        """Find the key with which a gateway signed a caller's token, under an agreement with one of some regions.

        Raises as `region_key`.
        """
        return self._look_up.gateway_key(self.standing, gateway_id, kid, home_regions=home_regions, now=self._now())

    def region_of_gateway(self, gateway_id: str) -> str:
        """Name the region for which a gateway acts (UnknownIssuerError)."""
        return self._look_up.region_of_gateway(self.standing, gateway_id)

    def require_agreement(self, agreement_id: str) -> None:
        """Demand that an agreement is not stopped (AgreementStoppedError)."""
        self._look_up.require_agreement(self.standing, agreement_id, now=self._now())

    def check_certificate(self, region: str, fingerprint: str) -> None:
        """Demand that a certificate of a region's entity (SHA-256, base64url) is not revoked (PeerRevokedError)."""
        self._look_up.check_certificate(self.standing, region, fingerprint, now=self._now())

    def refresh_soon(self, region: str) -> None:
        """Ask for a refresh of a region's entity; however often, it happens once an interval at most."""
        entity = self.standing.rules.regions.get(region)
        if entity is not None:
            self._refresher.soon(entity)

    async def renewed(self, region: str) -> None:
        """Ask for a refresh of a region's entity, and wait until there was one, or for some seconds."""
        entity = self.standing.rules.regions.get(region, "")
        with suppress(TimeoutError):
            async with asyncio.timeout(_RENEWED_SECONDS):
                await self._refresher.again(entity)

    def believe_revocation(self, text: str, *, shared: bool = False) -> bool:
        """Believe a revocation, compact JWS; tells whether it is new. It counts before this returns, and lasts.

        Where it is shared, another replica of ours has believed it, and there is room for more of its issuer.

        Raises:
            TrustError: a leaf that says why it is not believed.
            LimitError: its issuer has revoked too much already.
            TrustMemoryError: it cannot be kept; it counts all the same until the node ends, and may be tried again.
        """
        return self._held.believe_revocation(text, shared=shared, now=self._now())

    def put_aside(self, feed: str, text: str) -> None:
        """Keep a revocation of a feed that is not believed yet; chains that are offered are judged by it too."""
        self._offered.put_aside(feed, text)

    def feed(self, after: int) -> tuple[Sequence[tuple[int, str]], int]:
        """Give the revocations that were learned after a cursor, each with its own, and the last cursor."""
        return self._held.feed.after(after)

    async def changed(self, after: int) -> None:
        """Wait until the feed has something after a cursor."""
        await self._held.feed.changed(after)

    def chain_for(self, entity: str, anchor: str) -> tuple[str, ...]:
        """Give the chain of an entity below an anchor, compact JWS from its configuration upwards; () for none."""
        link = self.standing.links.get((anchor, entity))
        return () if link is None else link.texts

    def explain(self, region: str) -> tuple[AnchorExplanation, ...]:
        """Tell, for each anchor, why a region's entity is believed or not; () for a region that nobody acts for."""
        entity = self.standing.rules.regions.get(region)
        places = [place for place in sorted({*self._places(), *self.standing.links}) if place[1] == entity]
        return tuple(
            explain(
                self.standing,
                self._held.pinned[place[0]],
                entity=place[1],
                fetched=self._renewal.refused.get(place, self.chain_for(place[1], place[0])),
                fault=self._renewal.faults.get(place),
                now=self._now(),
            )
            for place in places
        )

    async def refresh(self, place: Place) -> bool:
        """Fetch the chain of an entity, given as anchor and entity, and believe it; tells whether that went well.

        Where it did not, what was believed stays, and an event and `explain` tell why.
        """
        return await self._renewal.refresh(place)

    async def refresh_all(self) -> None:
        """Refresh everybody once, our homes too."""
        for place in self._places():
            await self.refresh(place)

    def _places(self) -> tuple[Place, ...]:
        """Give what is to be kept fresh: peers under the anchors that we share, and our homes under the same."""
        found: dict[Place, None] = {}
        for region, entity in self.standing.rules.regions.items():
            for own, ours in self._own.items():
                if region not in self._own:
                    for anchor, _ in self._look_up.anchors(own, region):
                        found |= {(anchor, entity): None, (anchor, ours): None}
        return tuple(found)

    def _now(self) -> int:
        return int(self._clock())
