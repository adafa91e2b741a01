"""The HTTP side of a node: is it alive, is it ready, and which keys does each home region sign with.

No personal data and no configuration passes here; it binds to loopback and stands behind a proxy in production.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_HEADERS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
}


class WebSide:
    """Serves `/livez`, `/readyz` and `/regions/{region}/jwks.json`."""

    def __init__(self, *, key_sets: Mapping[str, object], ready: Callable[[], dict[str, bool]]) -> None:
        """Take the key sets (RFC 7517) by home region, and what tells whether each part is ready."""
        self._keys = {region: json.dumps(keys).encode() for region, keys in key_sets.items()}
        self._ready = ready
        self._runner: web.AppRunner | None = None

    async def start(self, host: str, port: int) -> None:
        """Begin to serve (OSError where the port is taken)."""
        app = web.Application(client_max_size=1024)
        app.router.add_get("/livez", self._livez)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/regions/{region}/jwks.json", self._jwks)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()

    async def stop(self) -> None:
        """Stop serving."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _livez(self, _request: web.Request) -> web.Response:
        return web.json_response({"live": True}, headers=_HEADERS)

    async def _readyz(self, _request: web.Request) -> web.Response:
        """Answer 503 unless every part is ready, so that a balancer never sends calls to a node that cannot answer."""
        parts = self._ready()
        good = all(parts.values())
        return web.json_response({"ready": good, "parts": parts}, status=200 if good else 503, headers=_HEADERS)

    async def _jwks(self, request: web.Request) -> web.Response:
        body = self._keys.get(request.match_info["region"])
        if body is None:
            return web.json_response({"error": "unknown region"}, status=404, headers=_HEADERS)
        headers = {**_HEADERS, "cache-control": "public, max-age=60"}
        return web.Response(body=body, content_type="application/jwk-set+json", headers=headers)
