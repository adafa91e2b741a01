"""Follows the catalogs that a peer publishes: one stream of the public contract, opened again whenever it ends.

What comes proves itself by the signatures of those whose list it is; the peer is only the way on which it comes. A
version that is not believed yet, because the chain to its signer is not, is asked for again a moment later.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import grpc
from google.protobuf.message import DecodeError

from gateway.certificates import fingerprint
from gateway.errors import GatewayError
from gateway.peers.details import details_of
from onecard.gateway.v1 import catalog_publication_service_pb2
from trust.errors import ForeignKeyError, TrustError, TrustExpiredError, UnknownIssuerError, UnknownKeyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gateway.journal import Journal
    from gateway.peers.channel import PeerAddress
    from gateway.services.ports import Clock
    from gateway.services.publish_catalog import PublishCatalog
    from trust.signer import CallerTokenSigner

_METHOD: Final = "/onecard.gateway.v1.CatalogPublicationService/WatchCatalogs"
_SCOPE: Final = "catalog.read"
_TOKEN_SECONDS: Final = 300
_FIRST_RETRY_SECONDS: Final = 0.2
_LAST_RETRY_SECONDS: Final = 10.0
_LARGEST_MESSAGE: Final = 4 * 1024 * 1024
_OPTIONS: Final = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_receive_message_length", _LARGEST_MESSAGE),
)
_LATER: Final = (ForeignKeyError, TrustExpiredError, UnknownIssuerError, UnknownKeyError)
"""Why a version is not believed now, and may be as soon as another chain is."""

_AS_EVER: Final = frozenset({"EXPIRED", "SHUTTING_DOWN"})
"""How a stream ends that is to be opened again: our token has run out, or the peer starts anew."""


class CatalogFeed:
    """Follows one peer.

    Args:
        address: gives where the peer is and with what we prove ourselves, read anew for each connection.
        tokens: gives what signs as one of our homes, or refuses as long as the peer is not believed.
        publish: takes what is believed.
        known: gives the digests of the versions that are here with all their signatures.
        clock: Unix time.
        journal: is told of what is refused, and of a peer that cannot be followed.
    """

    def __init__(
        self,
        *,
        address: Callable[[], PeerAddress],
        tokens: Callable[[], CallerTokenSigner],
        publish: PublishCatalog,
        known: Callable[[], Iterable[str]],
        clock: Clock,
        journal: Journal,
    ) -> None:
        """Open nothing yet."""
        self._address = address
        self._tokens = tokens
        self._publish = publish
        self._known = known
        self._clock = clock
        self._journal = journal
        self._region = address().region
        self._told = ""

    async def follow(self) -> None:
        """Follow until cancelled."""
        wait = _FIRST_RETRY_SECONDS
        while True:
            fault = await self._round()
            if fault not in {"", self._told}:
                self._journal.event("catalogs_not_followed", region=self._region, fault=fault)
            self._told = fault
            wait = min(wait * 2, _LAST_RETRY_SECONDS) if fault else _FIRST_RETRY_SECONDS
            await asyncio.sleep(wait)

    async def _round(self) -> str:
        """Open the stream and read it to its end; gives what was the fault, "" for an end that is none."""
        try:
            signer = self._tokens()
            peer = self._address()
        except (GatewayError, TrustError, OSError) as error:
            return type(error).__name__
        async with self._channel(peer) as channel:
            try:
                return await self._read(channel, peer, signer)
            except grpc.aio.AioRpcError as error:
                info, _ = details_of(error)
                reason = error.code().name if info is None else info.reason
                return "" if reason in _AS_EVER else reason
            except DecodeError:
                return "unreadable"

    def _channel(self, peer: PeerAddress) -> grpc.aio.Channel:
        options = (*_OPTIONS, ("grpc.ssl_target_name_override", peer.server_name))
        credentials = grpc.ssl_channel_credentials(peer.ca, peer.key, peer.certificate)
        return grpc.aio.secure_channel(peer.address, credentials, options)

    async def _read(self, channel: grpc.aio.Channel, peer: PeerAddress, signer: CallerTokenSigner) -> str:
        """Take each version that comes; a stream without end ends with our token."""
        token = signer.issue(
            audience=peer.audience,
            now=int(self._clock()),
            scopes=(_SCOPE,),
            lifetime_seconds=_TOKEN_SECONDS,
            confirmation=None if peer.certificate is None else fingerprint(peer.certificate),
        )
        request = catalog_publication_service_pb2.WatchCatalogsRequest(known_digests=self._known(), documents=True)
        watch = channel.unary_stream(
            _METHOD,
            request_serializer=catalog_publication_service_pb2.WatchCatalogsRequest.SerializeToString,
            response_deserializer=bytes,  # the library logs and loses what it cannot read
        )
        async for raw in watch(request, metadata=(("authorization", f"Bearer {token}"),)):
            event = catalog_publication_service_pb2.WatchCatalogsResponse.FromString(raw)
            if not await self._take(event):
                return "not_believed_yet"
            self._told = ""
        return ""

    async def _take(self, event: catalog_publication_service_pb2.WatchCatalogsResponse) -> bool:
        """Take one version, or tell why not; false where it may be believed a moment later."""
        signed = event.catalog
        try:
            checked = await asyncio.to_thread(self._publish.check, signed.document)
            self._publish.accept(checked, signed.signatures, peer=self._region)
        except _LATER:
            return False
        except (GatewayError, TrustError) as error:
            self._journal.event("catalog_refused", region=self._region, error=type(error).__name__)
        return True
