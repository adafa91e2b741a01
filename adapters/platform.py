"""The HTTP client of a regional platform: the one file of this package that does I/O.

It knows no dialect; `adapters.lookup` says when to send what. Here is what a hostile or failing platform calls for:
bounded, uncompressed bodies, no redirects, cookies or proxies, and a guard on the address that is connected to.
Nothing is logged, and no error carries a URL, a header or a body: the errors of the HTTP library quote all three, so
they are translated by one table and not chained.
"""

from __future__ import annotations

import random
import re
import socket
import time
from typing import TYPE_CHECKING

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from multidict import CIMultiDict
from yarl import URL

from adapters.addresses import address_rule, check_base_url
from adapters.errors import (
    AdapterError,
    BadUpstreamError,
    BlockedAddressError,
    PlatformUnavailableError,
    RegionDataError,
    TokenRefusedError,
)
from adapters.lookup import Dialect, LookupPolicy, PlatformLimits, Surroundings
from adapters.wire import Draft, HttpReply, HttpRequest, PlatformRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from adapters.auth_scheme import AuthScheme

__all__ = ["Dialect", "PlatformClient", "PlatformLimits", "TokenRefusedError", "check_base_url"]

_CONNECTIONS = 64
_OWN_HEADERS = {"Accept-Encoding": "identity", "User-Agent": "onecard-gateway"}
_TARGET = re.compile(r"/[\x21\x22\x24-\x7e]*")  # visible ASCII without `#`
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.1
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")

# The one mapping from the HTTP library's errors to faults, subclasses first; the first four are `UNSENT_FAULTS`.
_FAULTS: dict[type[aiohttp.ClientError], str] = {
    aiohttp.ClientConnectorDNSError: "name_resolution",
    aiohttp.ClientSSLError: "tls",
    aiohttp.ClientConnectorError: "connect",
    aiohttp.ConnectionTimeoutError: "connect_timeout",
    aiohttp.ClientPayloadError: "interrupted",
    aiohttp.ClientError: "disconnected",
}


class PlatformClient:
    """Client of one region's platform. Make it anywhere; use and close it in one event loop."""

    def __init__(
        self,
        *,
        region: str,
        base_url: str,
        dialect: Dialect,
        auth: AuthScheme,
        secrets: Mapping[str, str],
        limits: PlatformLimits,
        allow_private_addresses: bool,
        new_nonce: Callable[[], str],
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Check the configuration; nothing is opened yet.

        `secrets` go by the scheme's `secret_names`. `allow_private_addresses` is for a sandbox, or a platform in the
        gateway's own network.

        Raises:
            BlockedAddressError: the base URL is not one that `check_base_url` lets pass.
            RegionDataError: a secret is missing; column names it.
        """
        check_base_url(base_url, region=region, allow_private_addresses=allow_private_addresses)
        for name in auth.secret_names:
            if not secrets.get(name):
                raise RegionDataError(region=region, rule="missing_secret", column=name)
        self._region = region
        self._base_url = base_url.rstrip("/")
        self._limits = limits
        self._allow_private_addresses = allow_private_addresses
        self._session: aiohttp.ClientSession | None = None
        self._closed = False
        self._policy = LookupPolicy(
            region=region,
            dialect=dialect,
            auth=auth,
            secrets=secrets,
            limits=limits,
            surroundings=Surroundings(clock=clock, monotonic=monotonic, new_nonce=new_nonce, jitter=jitter),
            send=self._send,
        )

    @property
    def reachable(self) -> bool:
        """Tell whether a look-up would be tried now: false while the circuit breaker is open or probing."""
        return not self._closed and self._policy.admits

    async def lookup(self, draft: Draft, *, timeout_seconds: float | None = None) -> PlatformRecord:
        """Ask the platform for a card, within the caller's time or the limit, whichever is shorter.

        Raises:
            CardNotFoundError, HolderMismatchError, CredentialUsedError: the platform's answer.
            PlatformRefusedError: the platform does not take the gateway's credentials, not even after a fresh login.
            PlatformTimeoutError: the time is up.
            PlatformUnavailableError: fault is one of name_resolution, tls, connect, connect_timeout, interrupted,
                disconnected, http_5xx, circuit_open, closed.
            BadUpstreamError: rule is redirect, status, content_encoding, too_long, http_syntax, or the dialect's.
            BlockedAddressError: the platform's name leads to an address that a gateway must not call.
            RegionDataError: the dialect or the scheme wrote something that is no HTTP; rule is target or header.
        """
        return await self._policy.look_up(draft, timeout_seconds=timeout_seconds)

    async def close(self) -> None:
        """Close all connections; look-ups under way end as unavailable."""
        self._closed = True
        await self._policy.close()
        if self._session is not None:
            await self._session.close()

    async def _send(self, request: HttpRequest) -> HttpReply:
        """Send one request and read the whole reply; every foreign error ends here."""
        headers = self._headers(request)
        session = self._open()
        url = URL(self._base_url + request.path, encoded=True)
        try:
            async with session.request(
                request.method, url, data=request.body or None, headers=headers, allow_redirects=False
            ) as response:
                return await self._read(response)
        except aiohttp.ClientError as foreign:
            raise self._translated(foreign) from None

    def _headers(self, request: HttpRequest) -> CIMultiDict[str]:
        """Check that target and headers are one line each, and add the client's own headers."""
        if not _TARGET.fullmatch(request.path):
            raise RegionDataError(region=self._region, rule="target")
        for name, value in request.headers.items():
            if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
                raise RegionDataError(region=self._region, rule="header")
        headers = CIMultiDict(request.headers)
        for name, value in _OWN_HEADERS.items():
            headers[name] = value
        return headers

    async def _read(self, response: aiohttp.ClientResponse) -> HttpReply:
        """Read a reply up to the cap; what is left unread closes the connection."""
        if response.status >= 500:  # noqa: PLR2004 - an HTTP status
            raise PlatformUnavailableError(region=self._region, fault="http_5xx")
        if 300 <= response.status < 400:  # noqa: PLR2004 - an HTTP status
            raise BadUpstreamError(region=self._region, rule="redirect")
        if response.status < 200:  # noqa: PLR2004 - an HTTP status
            raise BadUpstreamError(region=self._region, rule="status")
        encodings = response.headers.getall("Content-Encoding", [])
        if any(encoding.strip().lower() != "identity" for encoding in encodings):
            raise BadUpstreamError(region=self._region, rule="content_encoding")
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > self._limits.body_bytes:
                raise BadUpstreamError(region=self._region, rule="too_long")
        headers = {name.lower(): ", ".join(response.headers.getall(name)) for name in response.headers}
        return HttpReply(response.status, headers, bytes(body))

    def _translated(self, foreign: aiohttp.ClientError) -> AdapterError:
        """Translate an error of the HTTP library by its class alone."""
        if isinstance(foreign, aiohttp.ClientResponseError):
            return BadUpstreamError(region=self._region, rule="http_syntax")
        fault = next(fault for kind, fault in _FAULTS.items() if isinstance(foreign, kind))
        return PlatformUnavailableError(region=self._region, fault=fault)

    def _open(self) -> aiohttp.ClientSession:
        """Give the session, made on first use in the running event loop."""
        if self._closed:
            raise PlatformUnavailableError(region=self._region, fault="closed")
        if self._session is None:
            guard = _GuardedResolver(
                aiohttp.ThreadedResolver(),
                region=self._region,
                allow_private_addresses=self._allow_private_addresses,
            )
            self._session = aiohttp.ClientSession(
                # Without a cache, each new connection resolves the name and goes to the very address that was checked.
                connector=aiohttp.TCPConnector(resolver=guard, use_dns_cache=False, limit=_CONNECTIONS),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._limits.connect_seconds),
                auto_decompress=False,
                trust_env=False,
            )
            # The library would repeat a GET on its own, and so use up a one-time credential.
            self._session._retry_connection = False  # noqa: SLF001 - the only switch there is; a test pins it
        return self._session


class _GuardedResolver(AbstractResolver):
    """Resolves names, and refuses one as a whole when any of its addresses must not be called."""

    def __init__(self, inner: AbstractResolver, *, region: str, allow_private_addresses: bool) -> None:
        self._inner = inner
        self._region = region
        self._allow_private_addresses = allow_private_addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Resolve a name (BlockedAddressError)."""
        found = await self._inner.resolve(host, port, family)
        if not self._allow_private_addresses:
            for rule in (address_rule(result["host"]) for result in found):
                if rule is not None:
                    raise BlockedAddressError(region=self._region, rule=rule)
        return found

    async def close(self) -> None:
        """Do nothing: the resolver below keeps nothing open."""
