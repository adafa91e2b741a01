"""Replicas of one gateway speak with one voice: they publish one configuration, and know each other's revocations.

Each replica numbers its own statements so that no two ever use one number (`publisher_ledger`). The greatest number
counts for all: whoever publishes tells the others, and who hears of a greater number publishes that text from then on.
A replica that starts takes up what was published if it would say the same, and goes on from its number if not. What
one replica believes to be revoked the others are told, and prove for themselves.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from gateway.errors import GatewayError
from trust.errors import TrustError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Sequence

    from gateway.federation.publisher import EntityPublisher
    from gateway.journal import Journal

LOOK_SECONDS: Final = 0.2
_RETRY_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """A configuration as replicas share it: its number, compact JWS, and `history`, JSON of links and ended keys."""

    entity: str
    version: int
    text: str
    history: str


class SharedTrust(Protocol):
    """What replicas share; `gateway.store.shared_trust` keeps it. Every method may raise StoreUnavailableError."""

    async def publication(self, entity: str) -> Shared | None:
        """Give what was published last for an entity."""

    async def publish(self, shared: Shared) -> bool:
        """Keep a publication, unless one of its number or a greater one is there; tells whether it was kept."""

    async def revocations(self, after: int) -> Sequence[tuple[int, str]]:
        """Give the revocations behind a place, each with its own."""

    async def revoke(self, text: str) -> None:
        """Keep a revocation."""

    def listen(self) -> AsyncGenerator[str]:
        """Give a word whenever another replica may have told something."""


class RevocationDesk(Protocol):
    """What believes revocations; `gateway.federation.desk.TrustDesk` is one."""

    def believe_revocation(self, text: str) -> bool:
        """Believe a revocation, or raise TrustError, or GatewayError where that cannot be done now."""

    def feed(self, after: int) -> tuple[Sequence[tuple[int, str]], int]:
        """Give the revocations that were learned after a cursor, and the last cursor."""

    async def changed(self, after: int) -> None:
        """Wait until the feed has something after a cursor."""


class Replicas:
    """Keeps a replica in step with the others.

    Args:
        shared: what they share.
        publishers: of the home entities.
        desk: believes revocations.
        journal: is told what cannot be shared or taken up.
    """

    def __init__(
        self, shared: SharedTrust, *, publishers: Iterable[EntityPublisher], desk: RevocationDesk, journal: Journal
    ) -> None:
        """Begin without having told or heard anything."""
        self._shared = shared
        self._publishers = tuple(publishers)
        self._desk = desk
        self._journal = journal
        self._told = dict.fromkeys((one.entity for one in self._publishers), "")
        self._place = 0

    async def start(self) -> None:
        """Take up what the others publish, before anybody reads ours (StoreUnavailableError, SettingsError)."""
        for publisher in self._publishers:
            last = await self._shared.publication(publisher.entity)
            if last is not None:
                publisher.resume(last.text, **json.loads(last.history))
            await self._publish(publisher)

    async def catch_up(self) -> None:
        """Believe what the others have learned, before anything is served (StoreUnavailableError)."""
        await self._hear_revocations()

    async def tell(self) -> None:
        """Tell the others what is published here, for ever."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                for publisher in self._publishers:
                    publisher.renew()
                    if publisher.current.text != self._told[publisher.entity]:
                        await self._publish(publisher)
            except GatewayError as error:
                await self._wait_out("replica_not_told", error)

    async def tell_revocations(self) -> None:
        """Tell the others what is believed here to be revoked, for ever."""
        cursor = 0
        while True:
            entries, following = self._desk.feed(cursor)
            try:
                for _, text in entries:
                    await self._shared.revoke(text)
            except GatewayError as error:
                await self._wait_out("replica_not_told", error)
                continue
            cursor = following
            await self._desk.changed(cursor)

    async def hear(self) -> None:
        """Take up what the others tell, for ever."""
        while True:
            try:
                async with aclosing(self._shared.listen()) as words:
                    async for _ in words:
                        await self._hear_publications()
                        await self._hear_revocations()
            except (GatewayError, TrustError) as error:
                await self._wait_out("replica_not_heard", error)

    async def _publish(self, publisher: EntityPublisher) -> None:
        """Share what is published here, or take up what is greater."""
        current = publisher.current
        history = json.dumps(publisher.history())
        mine = Shared(entity=publisher.entity, version=current.claims.version, text=current.text, history=history)
        if not await self._shared.publish(mine):
            await self._hear_publication(publisher)
        self._told[publisher.entity] = publisher.current.text

    async def _hear_publications(self) -> None:
        for publisher in self._publishers:
            await self._hear_publication(publisher)

    async def _hear_publication(self, publisher: EntityPublisher) -> None:
        last = await self._shared.publication(publisher.entity)
        if last is not None and last.version > publisher.current.claims.version:
            publisher.adopt(last.text, **json.loads(last.history))
            self._told[publisher.entity] = last.text

    async def _hear_revocations(self) -> None:
        """Believe what others have learned; what is not believed here now comes by the feeds, if it is ever good."""
        for place, text in await self._shared.revocations(self._place):
            try:
                self._desk.believe_revocation(text)
            except TrustError as error:
                self._journal.event("replica_revocation_skipped", error=type(error).__name__)
            self._place = place

    async def _wait_out(self, event: str, error: GatewayError | TrustError) -> None:
        """Tell of a fault, and wait a little."""
        self._journal.event(event, error=type(error).__name__)
        await asyncio.sleep(_RETRY_SECONDS)
