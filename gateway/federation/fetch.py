"""The client of the federation's documents: entity configurations, statements, and feeds of revocations.

All are public and prove themselves by their signatures, so nothing here is believed; what is seen to is that a hostile
or failing server costs little: bodies are bounded and not compressed, there is a deadline over the whole, and no
redirects, cookies or proxies. No error carries an address, a header or a body: those of the HTTP library quote all
three, so they are translated by one table and not chained.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import aiohttp
from yarl import URL

from gateway.errors import GatewayError
from gateway.federation.fetch_form import read_links, read_page, read_reason
from gateway.federation.fetch_stream import EventLines, LineTooLongError, StreamEntry
from trust.jws import MAX_STATEMENT_LENGTH

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from aiohttp.client import _RequestContextManager

    from gateway.federation.fetch_form import RevocationPage

_WELL_KNOWN: Final = "/.well-known/openid-federation"
_STATEMENT: Final = "application/entity-statement+jwt"
_MARK: Final = "application/trust-mark+jwt"
_KEY_SET: Final = "application/jwk-set+jwt"
_REVOCATIONS: Final = "/federation/revocations"
_JSON: Final = "application/json"
_CONNECTIONS: Final = 64
_OK: Final = 200
_ACCEPTED: Final = 202
_HEADERS: Final = {"Accept-Encoding": "identity", "User-Agent": "onecard-gateway"}

# The one mapping from the HTTP library's errors to faults, subclasses first.
_FAULTS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (aiohttp.ClientConnectorDNSError, "name_resolution"),
    (aiohttp.ClientSSLError, "tls"),
    (aiohttp.ClientConnectorError, "connect"),
    (TimeoutError, "timeout"),
    (aiohttp.ClientPayloadError, "interrupted"),
    (aiohttp.ClientResponseError, "http_syntax"),
    (aiohttp.ClientError, "disconnected"),
    (LineTooLongError, "too_long"),
)
_FOREIGN: Final = tuple(kind for kind, _ in _FAULTS)


class FetchError(GatewayError):
    """A document could not be had. Metadata: entity, fault; status (HTTP) and reason where the server gave one.

    `fault` is one of name_resolution, tls, connect, timeout, interrupted, disconnected, http_syntax, redirect, status,
    content_encoding, content_type, too_long, form, closed.
    """

    message = "A document of the federation could not be fetched."

    def __init__(self, *, entity: str, fault: str, **metadata: str) -> None:
        """Name the entity that was asked, and the fault."""
        super().__init__(entity=entity, fault=fault, **metadata)

    @property
    def entity(self) -> str:
        """The entity that was asked."""
        return self.metadata["entity"]

    @property
    def fault(self) -> str:
        """A word of the closed list."""
        return self.metadata["fault"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchLimits:
    """What a document may cost. Times in seconds, sizes in bytes.

    `idle_seconds` is how long a stream may be silent; an honest one says something each 15 s.
    """

    connect_seconds: float = 2.0
    total_seconds: float = 5.0
    idle_seconds: float = 40.0
    statement_bytes: int = MAX_STATEMENT_LENGTH
    list_bytes: int = 1_048_576


class FederationClient:
    """Fetches documents. Make it anywhere; use and close it in one event loop.

    Args:
        bases: base addresses of entities that are not served at their own identifier.
        limits: what a document may cost.
    """

    def __init__(self, *, bases: Mapping[str, str] | None = None, limits: FetchLimits | None = None) -> None:
        """Keep the addresses; nothing is opened yet."""
        self._bases = dict(bases or {})
        self._limits = limits or FetchLimits()
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def configuration(self, entity: str) -> str:
        """Fetch what an entity says of itself; the well-known path comes last, section 9 (FetchError)."""
        return await self._statement(entity, _WELL_KNOWN, {})

    async def statement(self, superior: str, subject: str) -> str:
        """Fetch what a superior says of another entity, section 8.1 (FetchError)."""
        return await self._statement(superior, "/federation/fetch", {"sub": subject})

    async def trust_mark(self, issuer: str, subject: str, kind: str) -> str:
        """Fetch the mark of a type that an entity holds, section 8.6 (FetchError; status 404 where it holds none)."""
        query = {"sub": subject, "trust_mark_type": kind}
        return await self._statement(issuer, "/federation/trust-mark", query, kind=_MARK)

    async def historical_keys(self, entity: str) -> str:
        """Fetch the keys that an entity has used before, section 8.7 (FetchError)."""
        return await self._statement(entity, "/federation/historical-keys", {}, kind=_KEY_SET)

    async def links(self, entity: str) -> tuple[str, ...]:
        """Fetch the configurations with which an entity handed on from key to key, oldest first (FetchError)."""
        body = await self._get(entity, "/federation/links", {}, kind=_JSON, most=self._limits.list_bytes)
        links = read_links(body)
        if links is None:
            raise FetchError(entity=entity, fault="form")
        return links

    async def revocations(self, entity: str, *, after: int) -> RevocationPage:
        """Fetch the next part of an entity's feed of revocations (FetchError)."""
        body = await self._get(entity, _REVOCATIONS, {"after": str(after)}, kind=_JSON, most=self._limits.list_bytes)
        page = read_page(body)
        if page is None:
            raise FetchError(entity=entity, fault="form")
        return page

    async def stream(self, entity: str, *, after: int, opened: Callable[[], None]) -> AsyncGenerator[StreamEntry, None]:
        """Read an entity's stream of revocations until it breaks (FetchError) or the server ends it.

        `opened` is called once the server has agreed to stream. Close the iterator, or the connection stays open.
        """
        url = self._url(entity, f"{_REVOCATIONS}/stream", {"after": str(after)})
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=self._limits.connect_seconds, sock_read=self._limits.idle_seconds
        )
        lines = EventLines()
        try:
            async with self._request("GET", url, entity, timeout=timeout) as response:
                _check(response, entity=entity, kind="text/event-stream")
                opened()
                async for chunk in response.content.iter_any():
                    for entry in lines.feed(chunk):
                        yield entry
        except _FOREIGN as foreign:
            raise _translated(foreign, entity) from None

    async def send_revocation(self, entity: str, text: str) -> bool:
        """Hand a revocation to a node; tells whether it is new there.

        Raises:
            FetchError: it was not taken; `reason` in the metadata is the node's word for it.
        """
        url = self._url(entity, _REVOCATIONS, {})
        headers = {"Content-Type": "application/onecard-revocation+jwt"}
        try:
            async with (
                asyncio.timeout(self._limits.total_seconds),
                self._request("POST", url, entity, data=text.encode("ascii"), headers=headers) as response,
            ):
                if response.status not in {_OK, _ACCEPTED}:
                    reason = read_reason(await _body(response, entity=entity, most=self._limits.statement_bytes))
                    raise FetchError(entity=entity, fault="status", status=str(response.status), reason=reason)
                return response.status == _ACCEPTED
        except _FOREIGN as foreign:
            raise _translated(foreign, entity) from None

    async def close(self) -> None:
        """Close all connections; what is under way ends as closed or disconnected."""
        self._closed = True
        if self._session is not None:
            await self._session.close()

    async def _statement(self, entity: str, path: str, query: Mapping[str, str], *, kind: str = _STATEMENT) -> str:
        body = await self._get(entity, path, query, kind=kind, most=self._limits.statement_bytes)
        if not body.isascii():
            raise FetchError(entity=entity, fault="form")
        return body.decode("ascii")

    async def _get(self, entity: str, path: str, query: Mapping[str, str], *, kind: str, most: int) -> bytes:
        """Fetch a whole body; every foreign error ends here."""
        url = self._url(entity, path, query)
        try:
            async with asyncio.timeout(self._limits.total_seconds), self._request("GET", url, entity) as response:
                _check(response, entity=entity, kind=kind)
                return await _body(response, entity=entity, most=most)
        except _FOREIGN as foreign:
            raise _translated(foreign, entity) from None

    def _url(self, entity: str, path: str, query: Mapping[str, str]) -> URL:
        return URL(self._bases.get(entity, entity).rstrip("/") + path).with_query(query)

    def _request(
        self,
        method: str,
        url: URL,
        entity: str,
        **options: Any,  # noqa: ANN401 - those of the HTTP library
    ) -> _RequestContextManager:
        """Begin a request; the session is made on first use in the running event loop."""
        if self._closed:
            raise FetchError(entity=entity, fault="closed")
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=_CONNECTIONS),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._limits.connect_seconds),
                headers=_HEADERS,
                auto_decompress=False,
                trust_env=False,
            )
        return self._session.request(method, url, allow_redirects=False, **options)


def _check(response: aiohttp.ClientResponse, *, entity: str, kind: str) -> None:
    """Demand status, type and encoding."""
    status = str(response.status)
    if 300 <= response.status < 400:  # noqa: PLR2004 - HTTP statuses
        raise FetchError(entity=entity, fault="redirect", status=status)
    if response.status != _OK:
        raise FetchError(entity=entity, fault="status", status=status)
    if response.content_type != kind:
        raise FetchError(entity=entity, fault="content_type")
    encodings = response.headers.getall("Content-Encoding", [])
    if any(encoding.strip().lower() != "identity" for encoding in encodings):
        raise FetchError(entity=entity, fault="content_encoding")


async def _body(response: aiohttp.ClientResponse, *, entity: str, most: int) -> bytes:
    """Read a body up to the bound; what is left unread closes the connection."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > most:
            raise FetchError(entity=entity, fault="too_long")
    return bytes(body)


def _translated(foreign: Exception, entity: str) -> FetchError:
    """Translate an error by its class alone."""
    return FetchError(entity=entity, fault=next(fault for kind, fault in _FAULTS if isinstance(foreign, kind)))
