"""The HTTP side of a node: is it alive, is it ready, and which keys does each home region sign with.

No personal data and no configuration passes here; it binds to loopback and stands behind a proxy in production.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from aiohttp import web, web_response
from aiohttp.http_exceptions import HttpProcessingError

from gateway.web.headers import HEADERS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.journal import Journal

_LONGEST_BODY = 16 * 1024
_SHUTDOWN_SECONDS = 2.0


class _Faults(logging.Handler):
    """Tells the type of a fault of ours, and nothing of a request that cannot be read: its words are the sender's."""

    def __init__(self, journal: Journal | None) -> None:
        super().__init__()
        self._journal = journal

    def emit(self, record: logging.LogRecord) -> None:
        kind = record.exc_info[0] if record.exc_info else None
        if self._journal is not None and not (kind and issubclass(kind, HttpProcessingError)):
            self._journal.event("web_fault", type=kind.__name__ if kind else "")


def quiet_runner(app: web.Application, *, journal: Journal | None = None) -> web.AppRunner:
    """Make what runs an application without quoting what came over the network, and without naming its own version.

    The library writes bytes that it cannot read into its log, and names itself and Python in each answer.

    Args:
        app: the application; its answers lose their `Server` header.
        journal: is told the types of exceptions in our own code, where there is one.
    """
    logger = logging.Logger("gateway.web", logging.ERROR)  # noqa: LOG001 - outside the tree: nothing is passed upward
    logger.addHandler(_Faults(journal))
    # What answers unreadable requests knows no hooks; there the header stays, and is empty.
    vars(web_response)["SERVER_SOFTWARE"] = ""
    app.on_response_prepare.append(_forget_server)
    return web.AppRunner(app, access_log=None, logger=logger, handle_signals=False, shutdown_timeout=_SHUTDOWN_SECONDS)


async def _forget_server(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.popall("Server", None)


class WebSide:
    """Serves `/livez`, `/readyz`, `/regions/{region}/jwks.json`, and what other parts of the node add.

    `serving` is told by the node: whether its gRPC side can be called (`/readyz`), and `ended`, whether that side has
    ended by itself (`/livez`).
    """

    def __init__(
        self,
        *,
        key_sets: Callable[[], Mapping[str, object]],
        ready: Callable[[], dict[str, bool]],
        parts: Sequence[Callable[[web.Application], None]] = (),
        in_company: bool = False,
    ) -> None:
        """Take what gives the key sets (RFC 7517) by home region and tells what is ready, and what adds more routes.

        `in_company` lets other processes listen at the same address.
        """
        self._in_company = in_company
        self._keys = key_sets
        self._ready = ready
        self._parts = parts
        self._runner: web.AppRunner | None = None
        self.serving = True
        self.ended = False

    async def start(self, host: str, port: int, *, journal: Journal | None = None) -> None:
        """Begin to serve, and tell faults of our own to a journal (OSError where the port is taken)."""
        app = web.Application(client_max_size=_LONGEST_BODY)
        app.router.add_get("/livez", self._livez)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/regions/{region}/jwks.json", self._jwks)
        for add in self._parts:
            add(app)
        self._runner = quiet_runner(app, journal=journal)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port, reuse_port=self._in_company or None).start()

    async def stop(self) -> None:
        """Stop serving."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _livez(self, _request: web.Request) -> web.Response:
        """Answer 503 once the gRPC side has ended by itself, so that whoever keeps the node starts it anew."""
        return web.json_response({"live": not self.ended}, status=503 if self.ended else 200, headers=HEADERS)

    async def _readyz(self, _request: web.Request) -> web.Response:
        """Answer 503 unless every part is ready, so that a balancer never sends calls to a node that cannot answer."""
        parts = self._ready() if self.serving else {**self._ready(), "grpc": False}
        good = all(parts.values())
        return web.json_response({"ready": good, "parts": parts}, status=200 if good else 503, headers=HEADERS)

    async def _jwks(self, request: web.Request) -> web.Response:
        keys = self._keys().get(request.match_info["region"])
        if keys is None:
            return web.json_response({"error": "unknown region"}, status=404, headers=HEADERS)
        headers = {**HEADERS, "cache-control": "public, max-age=60"}
        return web.Response(body=json.dumps(keys).encode(), content_type="application/jwk-set+json", headers=headers)
