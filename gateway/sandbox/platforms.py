"""Simulated regional platforms: each speaks its region's own HTTP dialect, with the region's vectors as cardholders.

Everything follows from manifest, authentication scheme and vectors; holders are fictitious. `POST /-/fault` with
`{"mode": "..."}` switches a fault on, so that anybody can see what a gateway makes of it.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from aiohttp import web

from adapters.errors import UndecodableTextError
from adapters.registry import load_registry, load_vectors
from adapters.wire import HttpReply, HttpRequest
from gateway.errors import SettingsError
from gateway.sandbox.exchange_worker import ExchangeWorker
from gateway.services.disclosure import reveal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.adapter import ManifestAdapter
    from adapters.manifest_platform import Fault
    from gateway.sandbox.layout import Layout, Site

MODES = ("none", "down", "html", "slow", "http_500", "garbled")
SLOW_SECONDS = 20.0
_FAULT_PATH = "/-/fault"
_KEYS = ("card.number", "card.identification_code", "card.electronic_sign_number")
_HTML = b"<!DOCTYPE html><html><body><h1>System maintenance</h1></body></html>"


def qr_text(region: str, vector: str, nonce: str) -> str:
    """Give a QR text that the simulated platform resolves once; the real one's form is opaque to everybody else."""
    return f"essc-sandbox-{region}-{vector}-{nonce}"


class Cardholders:
    """The fictitious cardholders of one region, by whatever a credential can name."""

    def __init__(self, adapter: ManifestAdapter) -> None:
        """Read the region's vectors."""
        self._region = adapter.region
        self._by_key: dict[tuple[str, str], dict[str, str]] = {}
        self._by_vector: dict[str, dict[str, str]] = {}
        self._holder: dict[int, str | None] = {}
        self._used: set[str] = set()
        for vector in json.loads(load_vectors(adapter.region))["round_trips"]:
            self._add(adapter, vector["id"], vector["record"])

    def _add(self, adapter: ManifestAdapter, name: str, record: dict[str, str]) -> None:
        identity = adapter.identity_to_canonical(record)
        self._by_vector[name] = record
        self._holder[id(record)] = reveal(identity, "holder.social_security_number")
        for path in _KEYS:
            text = reveal(identity, path)
            if text is not None:
                self._by_key[path, text] = record

    @property
    def numbers(self) -> frozenset[str]:
        """The social-security numbers of all of them."""
        return frozenset(number for number in self._holder.values() if number is not None)

    def find(self, values: Mapping[str, str]) -> dict[str, str] | Fault:
        """Find the record for a credential's fields, or the fault that a platform would answer."""
        if "qr.text" in values:
            return self._by_qr(values["qr.text"])
        for path in _KEYS:
            if path in values:
                record = self._by_key.get((path, values[path]))
                if record is None:
                    return "card_not_found"
                asked = values.get("holder.social_security_number")
                return record if asked in (None, self._holder[id(record)]) else "holder_mismatch"
        return "bad_request"

    def _by_qr(self, text: str) -> dict[str, str] | Fault:
        prefix = f"essc-sandbox-{self._region}-"
        record = self._by_vector.get(text.removeprefix(prefix).partition("-")[0]) if text.startswith(prefix) else None
        if record is None:
            return "card_not_found"
        if text in self._used:
            return "credential_used"
        self._used.add(text)
        return record


class SimulatedPlatform:
    """One region's platform as an HTTP server."""

    def __init__(self, adapter: ManifestAdapter, secret_values: Mapping[str, str]) -> None:
        """Take the region's dialect from its adapter."""
        self._side = adapter.platform_side
        self._auth = adapter.auth
        self._secrets = secret_values
        self._cardholders = Cardholders(adapter)
        self._tokens: set[str] = set()
        self._mode = "none"
        self._runner: web.ServerRunner | None = None

    async def start(self, address: str) -> None:
        """Listen on `host:port` (OSError where the port is taken)."""
        # Without an application and its router: the platforms share a small machine with the gateways that they serve.
        server = web.Server(self._serve, access_log=None)
        self._runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=1.0)
        await self._runner.setup()
        host, _, port = address.rpartition(":")
        await web.TCPSite(self._runner, host, int(port)).start()

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _switch(self, request: web.BaseRequest) -> web.Response:
        try:
            asked = await request.json()
        except ValueError:
            asked = None
        mode = asked.get("mode") if isinstance(asked, dict) else None
        if mode not in MODES:
            return web.json_response({"modes": MODES}, status=400)
        self._mode = mode
        return web.json_response({"mode": mode})

    async def _serve(self, request: web.BaseRequest) -> web.Response:
        if request.method == "POST" and request.raw_path == _FAULT_PATH:
            return await self._switch(request)
        faulty = await self._faulty(request)
        if faulty is not None:
            return faulty
        path = request.raw_path
        try:
            body = await request.read()
        except ConnectionError:  # whoever asked has left, as after a slow answer; nobody reads this one
            return web.Response(status=503)
        asked = HttpRequest(request.method, path, {k.lower(): v for k, v in request.headers.items()}, body)
        reply = self._answer(asked)
        return web.Response(status=reply.status, headers=dict(reply.headers), body=reply.body)

    async def _faulty(self, request: web.BaseRequest) -> web.Response | None:
        """Play the fault that is switched on."""
        match self._mode:
            case "down":
                if request.transport is not None:
                    request.transport.abort()
                return web.Response(status=503)
            case "html":
                return web.Response(body=_HTML, content_type="text/html")
            case "garbled":
                return web.Response(body=b'{"code": "0", "code": "1"', content_type="application/json")
            case "http_500":
                return web.Response(status=500, body=_HTML, content_type="text/html")
            case "slow":
                await asyncio.sleep(SLOW_SECONDS)
                return None
            case _:
                return None

    def _answer(self, request: HttpRequest) -> HttpReply:
        """Answer as the region's platform would."""
        if self._auth.login_path is not None and request.path.partition("?")[0] == self._auth.login_path:
            token = secrets.token_urlsafe(24)
            reply = self._auth.answer_login(request, secrets=self._secrets, token=token)
            self._tokens.add(token)
            return reply
        try:
            lookup = self._side.read_request(request)
        except (UndecodableTextError, UnicodeDecodeError):
            return self._side.refuse("bad_request")
        now = time.time()
        if not self._auth.admits(
            request, lookup.envelope, lookup.record, secrets=self._secrets, now=now, tokens=self._tokens
        ):
            return self._side.refuse("platform_refused" if self._auth.login_path is None else "token_refused")
        found = self._cardholders.find(lookup.values)
        return self._side.refuse(found) if isinstance(found, str) else self._side.answer(found, as_of=now)


async def run_platforms(layout: Layout) -> None:
    """Run the simulated platforms of all sites until SIGTERM or SIGINT."""
    registry = load_registry()
    platforms = [SimulatedPlatform(registry.get(site.region), _secrets_of(site, layout)) for site in layout.sites]
    for platform, site in zip(platforms, layout.sites, strict=True):
        try:
            await platform.start(site.platform)
        except OSError as error:
            raise SettingsError((f"platform of {site.region}: {site.platform} is taken ({error.strerror})",)) from error
    workers = [
        ExchangeWorker(layout, site, holders=Cardholders(registry.get(site.region)).numbers) for site in layout.sites
    ]
    working = [asyncio.create_task(worker.run()) for worker in workers]
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    for task in working:
        task.cancel()
    await asyncio.wait(working)
    for platform in platforms:
        with suppress(OSError):
            await platform.stop()


def _secrets_of(site: Site, layout: Layout) -> dict[str, str]:
    values: dict[str, str] = json.loads((layout.home(site.region) / "platform.json").read_text("utf-8"))
    return values
