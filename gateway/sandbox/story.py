"""The stage of the demonstration: what a step is, and a platform's means to call its own gateway over TLS.

A step says beforehand, in one line, what it must give. Playing it makes real gRPC calls and writes in one line what
they gave; both lines must be the same to the letter, so that no step can pass without having seen an answer. What
cannot be known beforehand, such as an age to the tenth of a second, may follow as an aside.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import aiohttp
import grpc

from gateway.sandbox.tokens import platform_token
from onecard.gateway.v1.catalog_service_pb2_grpc import CatalogServiceStub
from onecard.gateway.v1.identity_service_pb2_grpc import IdentityServiceStub
from onecard.gateway.v1.recognition_service_pb2_grpc import RecognitionServiceStub
from onecard.gateway.v1.region_service_pb2_grpc import RegionServiceStub

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from gateway.sandbox.federation import Federation
    from gateway.sandbox.layout import Layout, Site
    from onecard.gateway.v1.catalog_service_pb2_grpc import CatalogServiceAsyncStub
    from onecard.gateway.v1.identity_service_pb2_grpc import IdentityServiceAsyncStub
    from onecard.gateway.v1.recognition_service_pb2_grpc import RecognitionServiceAsyncStub
    from onecard.gateway.v1.region_service_pb2_grpc import RegionServiceAsyncStub

    Play = Callable[["Stage"], Awaitable[str]]

CALL_SECONDS = 10.0
_TOKEN_SECONDS = 600  # the longest that a gateway takes; the story is told within it on a busy machine too
ASIDE = " — here "
"""Begins what a step tells beside its answer; it is shown and not compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the story: whose platform asks its gateway about which home region, and what that must give."""

    title: str
    asks: str
    home: str
    expected: str
    play: Play

    def __post_init__(self) -> None:
        """Refuse a step that expects nothing (ValueError)."""
        if not self.title or not self.expected:
            raise ValueError("a step has a title and expects something")


@dataclass(frozen=True, slots=True)
class Chapter:
    """One point of the story with its steps, in the order in which they are played."""

    title: str
    steps: tuple[Step, ...]


class Stage:
    """A running sandbox as the regions' own platforms use it. Use it as an asynchronous context."""

    def __init__(self, layout: Layout, federation: Federation) -> None:
        """Take a sandbox that is ready."""
        self.federation = federation
        self.layout = layout
        self._sites = {site.region: site for site in layout.sites}
        self._ca = grpc.ssl_channel_credentials(layout.ca.read_bytes())
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._web: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        """Open the web client; channels are opened by the first call."""
        self._web = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=CALL_SECONDS))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close everything."""
        for channel in self._channels.values():
            await channel.close(None)
        await self._web.close()

    def site(self, region: str) -> Site:
        """Give the addresses of a region."""
        return self._sites[region]

    def channel(self, region: str) -> grpc.aio.Channel:
        """Give a TLS channel of a region's platform to its gateway, which sends the platform's token with each call."""
        if region not in self._channels:
            token = grpc.access_token_call_credentials(
                platform_token(self.layout.folder, region, lifetime_seconds=_TOKEN_SECONDS)
            )
            credentials = grpc.composite_channel_credentials(self._ca, token)
            self._channels[region] = grpc.aio.secure_channel(self.site(region).grpc, credentials)
        return self._channels[region]

    def stranger(self, region: str) -> grpc.aio.Channel:
        """Give a TLS channel to a region's gateway without any token; the caller closes it."""
        return grpc.aio.secure_channel(self.site(region).grpc, self._ca)

    def identity(self, region: str) -> IdentityServiceAsyncStub:
        """Give the region's IdentityService."""
        return IdentityServiceStub(self.channel(region))

    def catalog(self, region: str) -> CatalogServiceAsyncStub:
        """Give the region's CatalogService."""
        return CatalogServiceStub(self.channel(region))

    def recognition(self, region: str) -> RecognitionServiceAsyncStub:
        """Give the region's RecognitionService."""
        return RecognitionServiceStub(self.channel(region))

    def regions(self, region: str) -> RegionServiceAsyncStub:
        """Give the region's RegionService."""
        return RegionServiceStub(self.channel(region))

    async def switch(self, region: str, fault: str) -> None:
        """Switch a fault of the region's simulated platform on; `none` switches it off."""
        async with self._web.post(f"http://{self.site(region).platform}/-/fault", json={"mode": fault}) as reply:
            reply.raise_for_status()

    async def document(self, address: str) -> str:
        """Fetch what is published at an address, as text."""
        async with self._web.get(address) as reply:
            reply.raise_for_status()
            return await reply.text()

    async def published_keys(self, region: str) -> dict[str, object]:
        """Fetch the key set (RFC 7517) that the region's gateway publishes at its web address."""
        async with self._web.get(f"http://{self.site(region).web}/regions/{region}/jwks.json") as reply:
            reply.raise_for_status()
            keys: dict[str, object] = await reply.json(content_type="application/jwk-set+json")
            return keys


def new_id() -> str:
    """Give a request id that was never used."""
    return f"demo-{uuid.uuid4().hex}"
