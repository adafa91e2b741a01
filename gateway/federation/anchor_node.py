"""One process that stands for several anchors: serves each under the path of its identifier, and keeps all fresh."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from aiohttp import web

from gateway.errors import GatewayError, SettingsError
from gateway.federation.register_body import AnchorBody
from gateway.web.app import quiet_runner
from gateway.web.federation import add_anchor, add_entity, path_of
from gateway.web.federation_answers import JSON
from gateway.web.headers import HEADERS
from gateway.web.revocations import Revocations
from trust.errors import TrustError, UnknownKeyError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aiohttp.typedefs import Handler

    from gateway.federation.register_body import AnchorConfig
    from gateway.journal import Journal
    from gateway.web.revocations import FeedLimits


class ConfigurationSource(Protocol):
    """Where documents of members are fetched; `gateway.federation.fetch.FederationClient` is one (GatewayError)."""

    async def configuration(self, entity: str) -> str:
        """Fetch an entity configuration, compact JWS."""

    async def links(self, entity: str) -> tuple[str, ...]:
        """Fetch the configurations with which an entity handed on from key to key, oldest first."""


class AnchorNode:
    """Serves anchors over HTTP on loopback, behind a proxy in production.

    Args:
        configs: the anchors.
        journal: where it is written what went wrong in the background.
        clock: Unix seconds.
        source: where members' configurations are fetched; without it members are not followed.
        renew_seconds: how often folders are looked into and what is due is signed anew.
        follow_seconds: how often members' configurations are fetched.
        limits: of each feed.

    Raises:
        SettingsError: a folder cannot be used, or two anchors have one path.
        TrustError: a configuration cannot be signed as it stands.
    """

    def __init__(
        self,
        configs: Sequence[AnchorConfig],
        *,
        journal: Journal,
        clock: Callable[[], float] = time.time,
        source: ConfigurationSource | None = None,
        renew_seconds: float = 5.0,
        follow_seconds: float = 60.0,
        limits: FeedLimits | None = None,
    ) -> None:
        """Make the bodies and their routes; nothing listens yet."""
        self.bodies = tuple(AnchorBody(config, clock=clock) for config in configs)
        if len({path_of(body.entity) for body in self.bodies}) != len(self.bodies):
            raise SettingsError(("anchors: two have the same path",))
        self._journal = journal
        self._clock = clock
        self._source = source
        self._renew_seconds = renew_seconds
        self._follow_seconds = follow_seconds
        self._limits = limits
        self._ready = {body.entity: True for body in self.bodies}
        self._told: dict[str, str] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        """The port on which it listens, 0 while it does not."""
        return int(self._runner.addresses[0][1]) if self._runner is not None and self._runner.addresses else 0

    async def start(self, host: str, port: int) -> None:
        """Begin to serve (OSError where the port is taken)."""
        app = web.Application(middlewares=[_plain_errors])
        app.router.add_get("/livez", self._livez)
        app.router.add_get("/readyz", self._readyz)
        for body in self.bodies:
            self._add(app, body)
        self._runner = quiet_runner(app, journal=self._journal)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        self._tasks = [asyncio.create_task(self._keep_renewing())]
        if self._source is not None:
            self._tasks.append(asyncio.create_task(self._keep_following(self._source)))

    async def stop(self) -> None:
        """End all streams and stop serving; it may be called at any time."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()

    def _add(self, app: web.Application, body: AnchorBody) -> None:
        """Serve one anchor."""
        prefix = path_of(body.entity)

        def resolve(sub: str, types: tuple[str, ...]) -> str:
            return body.resolver.resolve(sub, now=int(self._clock()), types=types)

        add_entity(app, body.publisher, prefix=prefix)
        add_anchor(app, body.register, entity=body.entity, resolve=resolve, prefix=prefix)
        Revocations(body, clock=time.monotonic, limits=self._limits).add_to(app, prefix=prefix)

    async def _keep_renewing(self) -> None:
        while True:
            self.renew()
            await asyncio.sleep(self._renew_seconds)

    def renew(self) -> None:
        """Look into each folder and sign anew what is due; an anchor that cannot is written down as not ready."""
        for body in self.bodies:
            try:
                body.renew()
            except (GatewayError, TrustError) as error:
                self._ready[body.entity] = False
                self._tell(body.entity, str(error), error=type(error).__name__)
            else:
                self._ready[body.entity] = True
                self._told.pop(body.entity, None)

    def _tell(self, entity: str, fault: str, *, error: str) -> None:
        """Write down why an anchor could not be renewed; again only where the fault is another one."""
        if self._told.get(entity) != fault:
            self._told[entity] = fault
            self._journal.event("anchor_not_renewed", entity=entity, error=error)

    async def _keep_following(self, source: ConfigurationSource) -> None:
        while True:
            for body in self.bodies:
                await self._follow(body, source)
            await asyncio.sleep(self._follow_seconds)

    async def _follow(self, body: AnchorBody, source: ConfigurationSource) -> None:
        """Take the newest configuration of each member; one that cannot be had or believed leaves what was there."""
        with suppress(GatewayError):  # of the folder; its renewal says so
            for entity in tuple(body.register.members()):
                try:
                    await _follow_member(body, entity, source)
                except (GatewayError, TrustError) as error:
                    told = {"anchor": body.entity, "member": entity, "error": type(error).__name__}
                    self._journal.event("member_not_followed", **told)

    async def _livez(self, _request: web.Request) -> web.Response:
        return web.json_response({"live": True}, headers=HEADERS)

    async def _readyz(self, _request: web.Request) -> web.Response:
        good = all(self._ready.values())
        return web.json_response({"ready": good, "parts": self._ready}, status=200 if good else 503, headers=HEADERS)


async def _follow_member(body: AnchorBody, entity: str, source: ConfigurationSource) -> None:
    """Take a member's configuration; where a key signed it that is not known yet, its links first."""
    text = await source.configuration(entity)
    try:
        body.follow(text)
    except UnknownKeyError:
        for link in await source.links(entity):
            with suppress(TrustError):
                body.follow(link)
        body.follow(text)


@web.middleware
async def _plain_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer what no route answers in the form of all other errors (OpenID Federation 1.0 section 8.9)."""
    try:
        return await handler(request)
    except web.HTTPClientError as error:
        code = "not_found" if isinstance(error, web.HTTPNotFound) else "invalid_request"
        body = json.dumps({"error": code, "error_description": "There is nothing like that here."}).encode()
        told = {"allow": error.headers["allow"]} if "allow" in error.headers else {}
        headers = {**HEADERS, **told, "cache-control": "no-store"}
        return web.Response(status=error.status, body=body, content_type=JSON, headers=headers)
