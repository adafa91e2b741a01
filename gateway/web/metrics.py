"""The port of operators: `/metrics` for Prometheus, apart from the web side that strangers reach through a proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from gateway.errors import SettingsError
from gateway.metrics import CONTENT_TYPE
from gateway.web.app import quiet_runner
from gateway.web.headers import HEADERS

if TYPE_CHECKING:
    from gateway.journal import Journal
    from gateway.metrics import Metrics


class MetricsSide:
    """Serves the metrics of a node on an address of their own, which the settings hold to loopback."""

    def __init__(self, metrics: Metrics, address: str, *, journal: Journal) -> None:
        """Take what is served, and `host:port`."""
        self._metrics = metrics
        self._address = address
        self._journal = journal
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Begin to serve (SettingsError where the port is taken)."""
        app = web.Application(client_max_size=1024)
        app.router.add_get("/metrics", self._show)
        self._runner = quiet_runner(app, journal=self._journal)
        await self._runner.setup()
        host, _, port = self._address.rpartition(":")
        try:
            await web.TCPSite(self._runner, host.strip("[]"), int(port)).start()
        except OSError as error:
            fault = f"listen.metrics: {self._address} is taken or not ours ({type(error).__name__})"
            raise SettingsError((fault,)) from error

    async def close(self) -> None:
        """Stop serving."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _show(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._metrics.text(), headers={**HEADERS, "content-type": CONTENT_TYPE})
