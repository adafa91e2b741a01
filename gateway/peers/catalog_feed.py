"""Follows the catalogs that a peer publishes: one stream of the public contract, opened again whenever it ends.

What comes proves itself by the signatures of those whose list it is; the peer is only the way on which it comes. A
version that is not believed yet, because the chain to its signer is not or its key has ended, is tried again a while
later, and with it what comes of the same catalog after it: first in its turn, then also without the one before, which
nobody may ever prove. Other catalogs do not wait for that. A peer shows every catalog that it knows, and only those of
its own region are taken from it: the others come from the gateways of those whose lists they are.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from gateway.errors import CatalogRollbackError, GatewayError, PeerProtocolError, PeerRefusedError
from onecard.gateway.v1 import catalog_publication_service_pb2 as pb
from trust.errors import ForeignKeyError, TrustError, TrustExpiredError, UnknownIssuerError, UnknownKeyError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from gateway.journal import Journal
    from gateway.peers.channel import PeerChannel
    from gateway.services.publish_catalog import Checked, PublishCatalog
    from onecard.gateway.v1.catalog_publication_pb2 import SignedCatalog

    Waiting = tuple[Checked, tuple[str, ...]]

_METHOD: Final = "/onecard.gateway.v1.CatalogPublicationService/WatchCatalogs"
_SCOPE: Final = "catalog.read"
_FIRST_RETRY_SECONDS: Final = 0.2
_LAST_RETRY_SECONDS: Final = 10.0
_MOST_WAITING: Final = 64
_MOST_WAITED: Final = 1024
_LATER: Final = (ForeignKeyError, TrustExpiredError, UnknownIssuerError, UnknownKeyError)
"""Why a version is not believed now, and may be as soon as another chain is."""

_AS_EVER: Final = frozenset({"EXPIRED", "SHUTTING_DOWN"})
"""How a stream ends that is to be opened again: our token has run out, or the peer starts anew."""


class CatalogFeed:
    """Follows one peer.

    Args:
        channel: the connection to it.
        asking: the home region of ours in whose name we ask.
        publish: takes what is believed.
        known: gives the digests of the versions that are here with all their signatures.
        learn: asks for the keys of the peer that have ended; raises nothing.
        journal: is told of what is refused or waits, and of a peer that cannot be followed.
    """

    def __init__(
        self,
        channel: PeerChannel,
        *,
        asking: str,
        publish: PublishCatalog,
        known: Callable[[], Iterable[str]],
        learn: Callable[[], Awaitable[None]],
        journal: Journal,
    ) -> None:
        """Open nothing yet."""
        self._channel = channel
        self._asking = asking
        self._publish = publish
        self._known = known
        self._learn = learn
        self._journal = journal
        self._told = ""
        self._waiting: dict[str, deque[Waiting]] = {}
        self._waited: set[str] = set()

    async def follow(self) -> None:
        """Follow until cancelled."""
        async with asyncio.TaskGroup() as group:
            wait = _FIRST_RETRY_SECONDS
            while True:
                fault = await self._round(group)
                if fault not in {"", self._told}:
                    self._journal.event("catalogs_not_followed", region=self._channel.region, fault=fault)
                self._told = fault
                wait = min(wait * 2, _LAST_RETRY_SECONDS) if fault else _FIRST_RETRY_SECONDS
                await asyncio.sleep(wait)

    async def _round(self, group: asyncio.TaskGroup) -> str:
        """Open the stream and read it to its end; gives what was the fault, "" for an end that is none."""
        request = pb.WatchCatalogsRequest(known_digests=self._known(), documents=True)
        followed = self._channel.follow(_METHOD, request, pb.WatchCatalogsResponse, asking=self._asking, scope=_SCOPE)
        try:
            async with aclosing(followed) as events:
                async for event in events:
                    await self._take(event.catalog, group)
                    self._told = ""
        except (GatewayError, TrustError) as error:
            return _fault(error)
        return ""

    async def _take(self, signed: SignedCatalog, group: asyncio.TaskGroup) -> None:
        """Take one version, tell why not, or let it wait; pass over one that is not the peer's to tell of."""
        checked = await asyncio.to_thread(self._publish.check, signed.document)
        version = checked, tuple(signed.signatures)
        catalog = _catalog(checked)
        if checked.document is not None and self._channel.region not in checked.document.head.regions:
            return
        if catalog not in self._waiting and self._accept(version):
            return
        before = self._waiting.get(catalog, deque())
        if version in before:
            return
        if sum(map(len, self._waiting.values())) >= _MOST_WAITING:
            self._refused(catalog, "too_many_wait")
            return
        if len(self._waited) >= _MOST_WAITED:
            self._waited.clear()
        self._waited.add(checked.digest)
        if not before:
            self._journal.event("catalog_waits", region=self._channel.region, catalog=catalog)
            self._waiting[catalog] = deque([version])
            group.create_task(self._believe_later(catalog))
        else:
            before.append(version)

    def _accept(self, version: Waiting, *, behind: bool = False) -> bool:
        """Take a version, or tell why not; false where it may be believed a moment later.

        One that is `behind` another that waits may replace that. One that has waited itself until a newer one was taken
        is nobody's fault.
        """
        checked, signatures = version
        try:
            self._publish.accept(checked, signatures, peer=self._channel.region)
        except _LATER:
            return False
        except (GatewayError, TrustError) as error:
            rule = error.metadata["rule"] if isinstance(error, CatalogRollbackError) else ""
            if behind and rule == "replaces_the_last":
                return False
            if rule != "newer_than_the_last" or checked.digest not in self._waited:
                self._refused(_catalog(checked), type(error).__name__)
        return True

    def _refused(self, catalog: str, error: str) -> None:
        """Tell what was refused, and why."""
        self._journal.event("catalog_refused", region=self._channel.region, catalog=catalog, error=error)

    async def _believe_later(self, catalog: str) -> None:
        """Try what waits of a catalog again and again, in the order in which it came."""
        queue, wait = self._waiting[catalog], _FIRST_RETRY_SECONDS
        while queue:
            await asyncio.sleep(wait)
            wait = min(wait * 2, _LAST_RETRY_SECONDS)
            await self._learn()
            left: list[Waiting] = []
            while queue:
                version = queue.popleft()
                if not self._accept(version, behind=bool(left)):
                    left.append(version)
            queue.extend(left)
        del self._waiting[catalog]


def _catalog(checked: Checked) -> str:
    """Name the catalog of a document, "" for one that cannot be read."""
    return "" if checked.document is None else checked.document.head.catalog


def _fault(error: GatewayError | TrustError) -> str:
    """Name what has ended a stream, "" where it is only to be opened again."""
    reason = type(error).__name__
    if isinstance(error, PeerProtocolError):
        reason = error.metadata["rule"]
    elif isinstance(error, PeerRefusedError):
        reason = error.reason
    return "" if reason in _AS_EVER else reason
