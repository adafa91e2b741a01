"""Fetches the chain of an entity and has it believed; what fails is noted, and told to the operator."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.errors import GatewayError
from gateway.federation.fetch import FetchError
from trust.errors import ChainError, TrustError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gateway.federation.desk_holder import StandingHolder
    from gateway.federation.desk_refresh import Place
    from gateway.federation.fetch import FederationClient
    from gateway.services.ports import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnEntity:
    """A home region of this node: its entity identifier, the region, and what gives its configuration (compact JWS)."""

    entity: str
    region: str
    configuration: Callable[[], str]


class Renewal:
    """Renews chains. `refused` holds the last chain of a place that is not believed, `faults` why none could be had."""

    def __init__(
        self, held: StandingHolder, *, own: Iterable[OwnEntity], client: FederationClient, clock: Clock
    ) -> None:
        """Take what is believed, and where more comes from."""
        self._held = held
        self._own = {one.entity: one for one in own}
        self._client = client
        self._clock = clock
        self.refused: dict[Place, Sequence[str]] = {}
        self.faults: dict[Place, GatewayError] = {}

    async def refresh(self, place: Place) -> bool:
        """Fetch the chain of an entity, given as anchor and entity, and believe it; tells whether that went well."""
        good, fault = False, None
        try:
            await self._renew(place)
        except (GatewayError, TrustError) as error:
            fault = error if isinstance(error, GatewayError) else None
            self._held.alarms.refused(place, error)
        else:
            good = True
            self.refused.pop(place, None)
            self._held.alarms.believed(self._held.standing.links[place].verified)
        if fault is None:
            self.faults.pop(place, None)
        else:
            self.faults[place] = fault
        link = self._held.standing.links.get(place)
        if link is not None:
            self._held.alarms.aged(link.verified, now=self._now())
        return good

    async def _renew(self, place: Place) -> None:
        """Fetch a chain and believe it (GatewayError, TrustError)."""
        anchor, entity = place
        own = self._own.get(entity)
        configuration = await self._client.configuration(entity) if own is None else own.configuration()
        about = await self._client.statement(anchor, entity)
        texts = self.refused[place] = (configuration, about, await self._client.configuration(anchor))
        try:
            self._held.admit(texts, place=place, now=self._now())
        except ChainError as error:
            if error.metadata.get("statement") != str(len(texts) - 1):
                raise
            await self._follow(place, texts, because=error)

    async def _follow(self, place: Place, texts: Sequence[str], *, because: ChainError) -> None:
        """Believe a chain whose anchor has rotated its keys more than once since it was last seen (TrustError)."""
        links: Sequence[str] = ()
        with suppress(FetchError):
            links = await self._client.links(place[0])
        if not links:
            raise because
        self._held.admit(texts, place=place, links=links, now=self._now())

    def _now(self) -> int:
        return int(self._clock())
