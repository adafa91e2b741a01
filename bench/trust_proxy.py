"""Passes statements and lists of revocations on and refuses their stream: `python -m bench.trust_proxy`.

The plan on standard input, one JSON object, names upstreams: the first part of a path -> base address. Prints its port
when it listens. GET `/-/refused` tells how many streams were asked for.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys

import aiohttp
from aiohttp import web

from bench.references import HOST

_STREAM = "/stream"
_PASSED_ON = ("content-type", "cache-control", "etag")


class Proxy:
    """Forwards GET by the first part of the path."""

    def __init__(self, upstreams: dict[str, str], session: aiohttp.ClientSession) -> None:
        """Take the upstreams."""
        self._upstreams = upstreams
        self._session = session
        self._refused = 0

    async def answer(self, request: web.Request) -> web.Response:
        """Pass one request on, or refuse it."""
        name, _, path = request.path.lstrip("/").partition("/")
        if name == "-":
            return web.json_response(self._refused)
        if path.endswith(_STREAM.lstrip("/")):
            self._refused += 1
            return web.Response(status=503)
        address = f"{self._upstreams[name]}/{path}"
        async with self._session.get(address, params=request.query, allow_redirects=False) as reply:
            headers = {key: reply.headers[key] for key in _PASSED_ON if key in reply.headers}
            return web.Response(status=reply.status, body=await reply.read(), headers=headers)


async def serve(upstreams: dict[str, str]) -> None:
    """Serve until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with aiohttp.ClientSession() as session:
        app = web.Application()
        app.router.add_get("/{path:.*}", Proxy(upstreams, session).answer)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, HOST, 0).start()
        print(runner.addresses[0][1], flush=True)
        await stop.wait()
        await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(serve(json.loads(sys.stdin.read())))
