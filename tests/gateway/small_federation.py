"""A federation of a few regions in this process: real anchors, real desks of trust and web sides, on loopback.

It runs in a thread with an event loop of its own, because the commands under test make theirs.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import threading
from typing import TYPE_CHECKING, Any, Self, TypeVar

from adapters.registry import load_registry
from gateway.bootstrap_anchors import anchor_config, party_bases
from gateway.bootstrap_trust import build_trust
from gateway.federation.anchor_node import AnchorNode
from gateway.federation.fetch import FederationClient
from gateway.sandbox.generate import generate
from gateway.sandbox.layout import Layout
from gateway.settings import load_anchors, load_settings
from gateway.web.app import WebSide
from tests.fakes.journal import FakeJournal
from tests.sandbox_fixture.running import free_port_base, wait_until

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

    from aiohttp.web import AppRunner

    from gateway.trust_side import TrustSide

_T = TypeVar("_T")
_TURNS = 20


def found(folder: Path, *regions: str, first_round_seconds: float = 3.0) -> Layout:
    """Lay out a federation of some regions, which wait for each other no longer than that; nothing of it runs."""
    layout = Layout.of(folder, regions, free_port_base())
    generate(layout, load_registry())
    wait_at_most(first_round_seconds, layout)
    return layout


def wait_at_most(seconds: float, layout: Layout) -> None:
    """Have the gateways of a layout that begin wait no longer for each other."""
    for site in layout.sites:
        config = layout.config(site.region)
        told = re.sub("first_round_seconds = .*", f"first_round_seconds = {seconds}", config.read_text("utf-8"))
        config.write_text(told, "utf-8")


class SmallFederation:
    """Runs the anchors, and the trust and the web side of regions, of a layout; as a context."""

    def __init__(self, layout: Layout) -> None:
        """Take what was laid out."""
        self.layout = layout
        self.journal = FakeJournal()
        self.sides: dict[str, TrustSide] = {}
        self._webs: dict[str, WebSide] = {}
        self._anchors: tuple[AnchorNode, FederationClient] | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        """Start the anchors."""
        self._thread.start()
        self.start_anchors()
        return self

    def __exit__(self, *_error: object) -> None:
        """End everything; first who asks, so that nobody is asked while he ends."""
        for side in self.sides.values():
            self.run(side.close())
        for region in tuple(self.sides):
            self.stop(region)
        self.stop_anchors()
        self.run(_last_turns())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run something in the loop of the federation, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def config(self, region: str) -> Path:
        """Name the configuration of a region."""
        return self.layout.config(region)

    @property
    def anchors(self) -> Path:
        """The configuration of the anchors."""
        return self.layout.anchors_config

    def anchor(self, agreement: str = "sichuan-chongqing") -> str:
        """Name the anchor of an agreement."""
        return self.layout.anchor(agreement).entity

    def entity(self, region: str) -> str:
        """Name the entity of a region."""
        return next(site.entity for site in self.layout.sites if site.region == region)

    def start_anchors(self) -> None:
        """Serve the anchors, which look into their folders all the time."""
        self._anchors = self.run(self._start_anchors())

    def stop_anchors(self) -> None:
        """End the anchors."""
        if self._anchors is not None:
            self.run(self._stop_anchors(*self._anchors))
            self._anchors = None

    def start(self, *regions: str) -> None:
        """Start the trust and the web side of regions, and wait until each of them has tried its peers."""
        for region in regions:
            self.sides[region], self._webs[region] = self.run(self._start(region))
        for region in regions:
            wait_until(lambda: self.sides[region].tried, what="first round")  # noqa: B023 - it is called at once

    def stop(self, region: str) -> None:
        """End a region."""
        self.run(self._stop(self.sides.pop(region), self._webs.pop(region)))

    def forget(self, *regions: str) -> None:
        """Start regions again, without anything that they remember of others."""
        for region in regions:
            self.stop(region)
            trust = self.layout.home(region) / "trust"
            shutil.rmtree(trust / "desk")
            (trust / "signed.json").unlink(missing_ok=True)
        self.start(*regions)

    async def _start_anchors(self) -> tuple[AnchorNode, FederationClient]:
        settings = load_anchors(self.anchors)
        client = FederationClient(bases=party_bases(settings))
        configs = [anchor_config(one) for one in settings.anchor]
        node = AnchorNode(configs, journal=self.journal, source=client, renew_seconds=0.05)
        host, _, port = settings.listen.rpartition(":")
        await node.start(host, int(port))
        return node, client

    async def _stop_anchors(self, node: AnchorNode, client: FederationClient) -> None:
        await _take_no_more(node._runner)
        await node.stop()
        await client.close()

    async def _start(self, region: str) -> tuple[TrustSide, WebSide]:
        settings = load_settings(self.config(region))
        side = build_trust(settings, journal=self.journal)
        web = WebSide(key_sets=dict, ready=dict, parts=side.web_parts())
        host, _, port = settings.listen.web.rpartition(":")
        await web.start(host, int(port))
        await side.start()
        return side, web

    async def _stop(self, side: TrustSide, web: WebSide) -> None:
        await _take_no_more(web._runner)
        await web.stop()
        await side.close()


async def _take_no_more(runner: AppRunner | None) -> None:
    """Leave whoever still connects in the queue: asyncio closes no socket that it takes up while its server ends.

    That costs a process that ends nothing; here, the next test would hear of it.
    """
    for site in () if runner is None else runner.sites:
        assert isinstance(site._server, asyncio.Server)
        for listening in site._server.sockets:
            asyncio.get_running_loop().remove_reader(listening.fileno())
    await _last_turns()


async def _last_turns() -> None:
    """Let the loop notice which connections the other side has closed; otherwise their sockets stay open."""
    for _ in range(_TURNS):
        await asyncio.sleep(0.005)
