"""Fetches the chain of an entity and has it believed; what fails is noted, and told to the operator.

A chain has at most one intermediate. Only an anchor that says so by `max_path_length` lets another vouch.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.errors import GatewayError
from gateway.federation.fetch import FetchError
from trust.errors import ChainError, TrustError
from trust.statement import read_configuration, read_statement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gateway.federation.desk_holder import StandingHolder
    from gateway.federation.desk_refresh import Place
    from gateway.federation.fetch import FederationClient
    from gateway.services.ports import Clock


_NOT_FOUND: Final = "404"


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
        try:
            about = await self._client.statement(anchor, entity)
        except FetchError as error:
            if error.metadata.get("status") != _NOT_FOUND:
                raise
            await self._renew_through(place, configuration, because=error)
            return
        await self._admit(place, (configuration, about, await self._client.configuration(anchor)))

    async def _renew_through(self, place: Place, configuration: str, *, because: FetchError) -> None:
        """Fetch the chain of an entity for which an intermediate of the anchor vouches, and believe that too.

        The entity names its superiors, but never chooses whom we call: only one is asked about which the anchor itself
        has signed a statement.
        """
        anchor, entity = place
        top = await self._client.configuration(anchor)
        for superior in read_configuration(configuration)[0].authority_hints:
            above = None if superior == anchor else await self._vouched(anchor, superior, top)
            if above is not None:
                own = await self._client.configuration(superior)
                await self._admit((anchor, superior), (own, above, top))
                about = await self._client.statement(superior, entity)
                await self._admit(place, (configuration, about, above, top))
                return
        raise because

    async def _vouched(self, anchor: str, superior: str, top: str) -> str | None:
        """Give what an anchor says of an intermediate, proven from the pin on; None where it says nothing."""
        try:
            text = await self._client.statement(anchor, superior)
        except FetchError:
            return None
        configuration = read_statement(top)
        self._held.standing.anchors[anchor].prove(configuration)
        read_statement(text).proven_by(configuration.claims.keys)
        return text

    async def _admit(self, place: Place, texts: Sequence[str]) -> None:
        """Believe a chain, after rotations of its anchor where that is what fails (TrustError)."""
        self.refused[place] = texts
        try:
            self._held.admit(texts, place=place, now=self._now())
        except ChainError as error:
            if error.metadata.get("statement") != str(len(texts) - 1):
                raise
            await self._follow(place, texts, because=error)
        self.refused.pop(place)

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
