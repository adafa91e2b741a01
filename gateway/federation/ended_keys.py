"""Federation keys that have ended, of our homes and of peers: by them what was signed before a rotation stands.

A peer tells its own (OpenID Federation 1.0 section 8.7), and they count as long as the peer itself is believed. None
counts that is revoked, by the word of its entity or by a revocation that is believed here.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from gateway.errors import GatewayError
from trust.errors import TrustError
from trust.historical_keys import verify_historical_keys
from trust.keys import thumbprint
from trust.roles import REGION_ROLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gateway.federation.desk import TrustDesk
    from gateway.federation.fetch import FederationClient
    from gateway.federation.home_keys import HomeKeys
    from gateway.services.ports import Clock
    from trust.historical_keys import HistoricalKey
    from trust.keys import VerificationKey

_STANDS = "superseded"
"""Why a key may be revoked whose signatures stand (`trust.historical_keys`)."""


class EndedKeys:
    """Knows them.

    Args:
        homes: our own, by region.
        desk: whom we believe.
        client: fetches what peers tell; it is closed elsewhere.
        clock: Unix seconds.
    """

    def __init__(
        self, homes: Mapping[str, HomeKeys], *, desk: TrustDesk, client: FederationClient, clock: Clock
    ) -> None:
        """Begin with those of our homes."""
        self._homes = homes
        self._desk = desk
        self._client = client
        self._clock = clock
        self._told: dict[str, tuple[HistoricalKey, ...]] = {}

    def of(self, entity: str, region: str) -> Iterable[HistoricalKey]:
        """Give those of an entity that stands for a region; none if it does not, and none that is revoked."""
        home = self._homes.get(region)
        if home is not None:
            known = home.publisher.ended if home.entity == entity else ()
        else:
            known = self._told.get(entity, ()) if self._believed(region)[0] == entity else ()
        return [old for old in known if not self._revoked(entity, old)]

    async def learn(self, region: str) -> None:
        """Fetch those of a peer; what cannot be had or proved is left, and may be asked for again."""
        entity, keys = self._believed(region)
        if keys:
            with suppress(GatewayError, TrustError):
                text = await self._client.historical_keys(entity)
                self._told[entity] = verify_historical_keys(text, entity=entity, keys=keys, now=self._now())

    def _believed(self, region: str) -> tuple[str, tuple[VerificationKey, ...]]:
        """Give the entity of a peer and its federation keys, as an anchor has it; nothing where none has."""
        standing = self._desk.standing
        for anchor in standing.anchors:
            with suppress(TrustError):
                entity = standing.federation.entity(REGION_ROLE, region, anchor=anchor, now=self._now()).entity
                return entity, standing.federation.federation_keys(entity, anchor=anchor)
        return "", ()

    def _revoked(self, entity: str, old: HistoricalKey) -> bool:
        """Tell whether a key is revoked under any anchor, and not only superseded."""
        standing, mark, now = self._desk.standing, thumbprint(old.key.public_key), self._now()
        find = standing.federation.revocations.reason
        reasons = {find("key", entity, mark, anchor=anchor, now=now) for anchor in standing.anchors}
        return bool(reasons - {None, _STANDS})

    def _now(self) -> int:
        return int(self._clock())
