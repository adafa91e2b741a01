"""A real HTTP server on loopback that plays all entities of the invented alliance, each under a path of its own."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.federation.fetch import FederationClient, FetchLimits
from tests.trust.alliance import ENTITIES

if TYPE_CHECKING:
    from collections.abc import Iterable

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
LIMITS = FetchLimits(total_seconds=5.0, idle_seconds=5.0)


class FederationSite:
    """Serves what it is told; `answers` replaces what is served at an entity and path, `asked` counts requests."""

    def __init__(self) -> None:
        """Begin with nothing to serve."""
        self.configurations: dict[str, str] = {}
        self.statements: dict[tuple[str, str], str] = {}
        self.links: dict[str, list[str]] = {}
        self.feeds: dict[str, list[str]] = {}
        self.answers: dict[tuple[str, str], Answer] = {}
        self.asked: Counter[tuple[str, str]] = Counter()
        self.streaming = True
        self.open_streams: Counter[str] = Counter()
        app = web.Application()
        app.router.add_route("*", "/{number}/{path:.*}", self._serve)
        self.server = TestServer(app)

    @property
    def bases(self) -> dict[str, str]:
        """Where each entity is served."""
        return {entity: f"{self.server.make_url('/')}{number}" for number, entity in enumerate(ENTITIES)}

    def client(self, limits: FetchLimits = LIMITS) -> FederationClient:
        """Give a client that knows where everybody is served."""
        return FederationClient(bases=self.bases, limits=limits)

    def publish(self, texts: Iterable[str], *, entity: str, anchor: str) -> None:
        """Serve a chain of three: the entity's configuration, the statement about it, the anchor's configuration."""
        self.configurations[entity], self.statements[anchor, entity], self.configurations[anchor] = texts

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        entity, path = ENTITIES[int(request.match_info["number"])], request.match_info["path"]
        self.asked[entity, path] += 1
        answer = self.answers.get((entity, path))
        if answer is not None:
            return await answer(request)
        if path == "federation/revocations":
            return self._list(entity, int(request.query["after"]))
        if path == "federation/revocations/stream":
            return await self._stream(request, entity, int(request.query["after"]))
        if path == "federation/links":
            return web.json_response(self.links.get(entity, []))
        text = {
            ".well-known/openid-federation": self.configurations.get(entity),
            "federation/fetch": self.statements.get((entity, request.query.get("sub", ""))),
        }.get(path)
        if text is None:
            return web.json_response({"error": "not_found"}, status=404)
        return web.Response(body=text.encode(), content_type="application/entity-statement+jwt")

    def _list(self, entity: str, after: int) -> web.Response:
        texts = self.feeds.get(entity, [])
        rest = texts[after:] if after <= len(texts) else texts
        return web.Response(
            body=json.dumps({"next": len(texts), "revocations": rest}).encode(), content_type="application/json"
        )

    async def _stream(self, request: web.Request, entity: str, after: int) -> web.StreamResponse:
        if not self.streaming:
            return web.Response(status=503)
        response = web.StreamResponse()
        response.content_type = "text/event-stream"
        await response.prepare(request)
        await response.write(b":\n\n")
        self.open_streams[entity] += 1
        try:
            while self.streaming:
                texts = self.feeds.get(entity, [])
                after = after if after <= len(texts) else 0
                for number, text in enumerate(texts[after:], start=after + 1):
                    await response.write(f"id: {number}\ndata: {text}\n\n".encode())
                after = len(texts)
                await asyncio.sleep(0.01)
        finally:
            self.open_streams[entity] -= 1
        return response


@asynccontextmanager
async def federation_site() -> AsyncIterator[FederationSite]:
    """Serve, as a context."""
    site = FederationSite()
    await site.server.start_server()
    try:
        yield site
    finally:
        site.streaming = False
        await site.server.close()


async def until(condition: Callable[[], object]) -> None:
    """Wait until something holds; a test that waits too long fails."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)
