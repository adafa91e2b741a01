"""A federation of whole gateways in this process: anchors, simulated platforms, gRPC and web sides, on loopback."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import Counter
from typing import TYPE_CHECKING, Any, cast

from gateway.bootstrap import build_node
from gateway.sandbox.platforms import SimulatedPlatform
from gateway.settings import load_settings
from tests.fakes.regions import REGISTRY
from tests.gateway.small_federation import SmallFederation, wait_at_most
from tests.sandbox_fixture.calls import Gateway, Outcome
from tests.sandbox_fixture.cards import verify_request
from tests.sandbox_fixture.running import is_ready, wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from adapters.manifest_platform import Fault
    from gateway.node import Node
    from gateway.sandbox.layout import Layout, Site
    from tests.sandbox_fixture.running import RunningSandbox

ITEMS = {"chongqing": "CQ-31", "sichuan": "SC-13"}


class WholeFederation(SmallFederation):
    """Runs the anchors, and whole gateways of regions before simulated platforms, of a layout; as a context."""

    def __init__(self, layout: Layout) -> None:
        """Take what was laid out."""
        super().__init__(layout)
        wait_at_most(15.0, layout)  # each is a whole gateway, and a busy machine takes seconds to start it
        self._nodes: dict[str, tuple[Node, SimulatedPlatform]] = {}
        self.looked_up: Counter[str] = Counter()
        self.told_otherwise: dict[str, dict[str, str]] = {}
        """By region, fields that its platform tells of every card in place of what the cardholders have."""

    def __exit__(self, *_error: object) -> None:
        """End everything."""
        for region in tuple(self._nodes):
            self.stop(region)
        super().__exit__(*_error)

    @property
    def folder(self) -> Path:
        """The folder of the layout, as a running sandbox has one."""
        return self.layout.folder

    @property
    def endpoints(self) -> dict[str, dict[str, str]]:
        """Addresses by region."""
        table: dict[str, dict[str, str]] = json.loads(self.layout.endpoints.read_text("utf-8"))
        return table

    def site(self, region: str) -> Site:
        """Give the addresses of a region."""
        return next(site for site in self.layout.sites if site.region == region)

    def start(self, *regions: str) -> None:
        """Start gateways and platforms together, and wait until each gateway has tried its peers and is ready."""
        self._nodes |= self.run(self._start_all(regions))
        for region in regions:
            web = f"http://{self.site(region).web}"
            wait_until(lambda: is_ready(web), what="gateway ready")  # noqa: B023 - it is called at once

    def stop(self, region: str) -> None:
        """End the gateway and the platform of a region."""
        self.run(self._stop_whole(*self._nodes.pop(region)))

    def platform(self, region: str) -> Gateway:
        """Give a client of a region's gateway that is the region's platform."""
        return Gateway(cast("RunningSandbox", self), region)

    def call(self, region: str, method: str, request: Any) -> Outcome:  # noqa: ANN401 - any message
        """Call a gateway once as its region's platform."""
        with self.platform(region) as client:
            return client.call(method, request)

    def verify(self, visited: str, home: str) -> Outcome:
        """Ask about a card of a region for an item of another."""
        request = verify_request(home, ITEMS[visited], request_id=uuid.uuid4().hex)
        return self.call(visited, "IdentityService/VerifyCard", request)

    async def _start_all(self, regions: tuple[str, ...]) -> dict[str, tuple[Node, SimulatedPlatform]]:
        """Start one as soon as the one before has its pages: each waits for the others' statements."""
        starting = {}
        for region in regions:
            starting[region] = asyncio.create_task(self._start_whole(region))
            host, _, port = self.site(region).web.rpartition(":")
            while not (starting[region].done() or await _listens(host, int(port))):
                await asyncio.sleep(0.02)
        return {region: await task for region, task in starting.items()}

    async def _start_whole(self, region: str) -> tuple[Node, SimulatedPlatform]:
        secrets = json.loads((self.layout.home(region) / "platform.json").read_text("utf-8"))
        platform = SimulatedPlatform(REGISTRY.get(region), secrets)
        self._count(region, platform)
        await platform.start(self.site(region).platform)
        node = build_node(load_settings(self.config(region)))
        await node.start()
        return node, platform

    def _count(self, region: str, platform: SimulatedPlatform) -> None:
        """Count in `looked_up` how often a platform is asked about a card."""
        find = platform._cardholders.find

        def counting(values: Mapping[str, str]) -> dict[str, str] | Fault:
            self.looked_up[region] += 1
            found = find(values)
            return {**found, **self.told_otherwise.get(region, {})} if isinstance(found, dict) else found

        platform._cardholders.find = counting  # type: ignore[method-assign]  # what the platform does stays the same

    async def _stop_whole(self, node: Node, platform: SimulatedPlatform) -> None:
        await node.stop()
        await platform.stop()


async def _listens(host: str, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True
