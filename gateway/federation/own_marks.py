"""Shows the trust marks that anchors have issued to our homes (OpenID Federation 1.0 section 7), and keeps them fresh.

Which types an anchor issues stands in its own configuration. A mark that it issues no longer is not shown any more; one
that cannot be fetched now is shown until its end.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from gateway.errors import GatewayError
from gateway.federation.fetch import FetchError
from trust.entity import MAX_HINTS, EntityConfiguration
from trust.errors import TrustError
from trust.statement import read_statement
from trust.trust_mark import verify_mark

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.federation.desk import TrustDesk
    from gateway.federation.fetch import FederationClient
    from gateway.federation.publisher import EntityPublisher
    from gateway.journal import Journal
    from gateway.services.ports import Clock

_NOT_FOUND: Final = "404"


class OwnMarks:
    """Fetches marks and has them shown.

    Args:
        publishers: what our homes say of themselves.
        desk: believes the anchors.
        client: fetches.
        clock: Unix seconds.
        journal: is told when something cannot be shown, once for each cause.
    """

    def __init__(
        self,
        publishers: Iterable[EntityPublisher],
        *,
        desk: TrustDesk,
        client: FederationClient,
        clock: Clock,
        journal: Journal,
    ) -> None:
        """Show nothing yet."""
        self._publishers = tuple(publishers)
        self._desk = desk
        self._client = client
        self._clock = clock
        self._journal = journal
        self._told: set[tuple[str, ...]] = set()

    async def keep(self, *, seconds: float) -> None:
        """Renew what is shown, once everybody was asked for the first time and then again and again."""
        await self._desk.first_round.wait()
        while True:
            for publisher in self._publishers:
                await self._renew(publisher)
            await asyncio.sleep(seconds)

    async def _renew(self, publisher: EntityPublisher) -> None:
        """Show the marks that a home holds now."""
        marks: dict[str, str] = {}
        for anchor in publisher.current.claims.authority_hints:
            for kind, configuration in self._issued_by(publisher.entity, anchor):
                text = await self._fetched(publisher, configuration, kind)
                if text is not None and len(marks) < MAX_HINTS:
                    marks[kind] = text
        try:
            publisher.show_marks(marks)
        except (GatewayError, TrustError) as error:
            self._tell(publisher.entity, "", type(error).__name__)

    def _issued_by(self, entity: str, anchor: str) -> Iterable[tuple[str, EntityConfiguration]]:
        """Give the types of mark that an anchor issues itself, as far as it is believed."""
        chain = self._desk.chain_for(entity, anchor)
        claims = read_statement(chain[-1]).claims if chain else None
        if isinstance(claims, EntityConfiguration):
            for kind, issuers in claims.trust_mark_issuers.items():
                if anchor in issuers:
                    yield kind, claims

    async def _fetched(self, publisher: EntityPublisher, anchor: EntityConfiguration, kind: str) -> str | None:
        """Give a mark that holds, or None."""
        text: str | None = publisher.current.claims.trust_marks.get(kind)
        try:
            text = await self._client.trust_mark(anchor.sub, publisher.entity, kind)
        except FetchError as error:
            if error.metadata.get("status") == _NOT_FOUND:
                return None
            self._tell(publisher.entity, kind, error.fault)
        if text is None:
            return None
        try:
            issuers, keys = {kind: (anchor.sub,)}, {anchor.sub: anchor.keys}
            verify_mark(text, subject=publisher.entity, issuers=issuers, keys=keys, now=int(self._clock()))
        except TrustError as error:
            self._tell(publisher.entity, kind, type(error).__name__)
            return None
        return text

    def _tell(self, *cause: str) -> None:
        """Write down why a mark is not shown anew; once for each cause, lest it be told every minute."""
        if cause not in self._told:
            self._told.add(cause)
            entity, mark, error = cause
            self._journal.event("trust_mark_not_shown", entity=entity, mark=mark, error=error)
