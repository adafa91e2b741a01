"""Composition root: with its sisters the one place that names concrete classes and reads settings, and makes a node."""

from __future__ import annotations

import asyncio
import gc
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from adapters.errors import AdapterError
from gateway.bootstrap_calls import (
    callers,
    certificate_rule,
    keep_certificates,
    listening,
    peer_homes,
)
from gateway.bootstrap_services import local_home, make_servicers, platform_client, share, status_lists, status_routes
from gateway.bootstrap_trust import keep_looking
from gateway.errors import SettingsError
from gateway.federation.status_lists import StatusClient
from gateway.journal import JsonJournal
from gateway.metrics import MeteredJournal, Metrics
from gateway.node import Node
from gateway.reasons import load_reasons
from gateway.rpc.boundary import Boundary
from gateway.rpc.identity import IdentityServicer
from gateway.rpc.recognition import RecognitionServicer
from gateway.server import GrpcServer
from gateway.web.app import WebSide
from gateway.web.metrics import MetricsSide
from trust.errors import TrustError

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.bootstrap_services import Shared
    from gateway.rpc.boundary import Servicer
    from gateway.services.local_home import LocalHome
    from gateway.settings import Settings

_COLLECT_AFTER = 20_000


def build_node(settings: Settings) -> Node:
    """Put a node together, inside the event loop it will run in (SettingsError with the fault; nothing listens yet)."""
    try:
        metrics = Metrics()
        journal = MeteredJournal(JsonJournal(gateway=settings.gateway), metrics)
        return _build(share(settings, journal), metrics)
    except (AdapterError, TrustError) as error:
        raise SettingsError((str(error),)) from error


def _build(shared: Shared, metrics: Metrics) -> Node:
    settings, trust, journal = shared.settings, shared.trust, shared.journal
    platforms = {home.region: platform_client(home, shared) for home in settings.home}
    local = {home.region: local_home(home, shared, platforms[home.region]) for home in settings.home}
    peers = peer_homes(settings, trust, shared.book)
    status_client = StatusClient()
    boundary = Boundary(
        callers=callers(settings, trust),
        reasons=load_reasons(),
        journal=journal,
        certificates=certificate_rule(settings, trust),
    )
    servicers = make_servicers(shared, {**local, **peers}, lists=status_lists(shared, status_client))
    ready = {servicer.SERVICE.full_name: _ready(servicer, local) for servicer in servicers}

    def parts_ready() -> dict[str, bool]:
        return {region: home.reachable for region, home in local.items()} | {"trust": trust.tried}

    metrics.watch_ready(parts_ready)
    operators = [MetricsSide(metrics, settings.listen.metrics, journal=journal)] if settings.listen.metrics else []
    return Node(
        server=GrpcServer(
            boundary=boundary,
            servicers=servicers,
            ready=ready,
            reflection=settings.reflection,
            max_concurrent_calls=settings.max_concurrent_calls,
        ),
        web=WebSide(
            key_sets=lambda: {region: keys.ring.jwks(region) for region, keys in trust.homes.items()},
            ready=parts_ready,
            parts=(*trust.web_parts(), status_routes(shared)),
        ),
        grpc=listening(settings, journal),
        web_address=settings.listen.web,
        starters=[trust.start, *(side.start for side in operators)],
        tasks=[
            partial(keep_looking, trust.homes.values(), journal=journal),
            partial(trust.marks.keep, seconds=settings.trust.refresh_seconds),
            partial(keep_certificates, settings, peers, shared.own_certificates, journal),
        ],
        closers=[
            *(side.close for side in operators),
            trust.close,
            status_client.close,
            *(peer.close for peer in peers.values()),
            *(platform.close for platform in platforms.values()),
        ],
        journal=journal,
        drain_seconds=settings.drain_seconds,
    )


def _ready(servicer: Servicer, local: dict[str, LocalHome]) -> Callable[[], bool]:
    """Tell when a service can do its work: cards need a platform that answers, the others only this node."""
    if isinstance(servicer, (IdentityServicer, RecognitionServicer)):
        return lambda: any(home.reachable for home in local.values())
    return lambda: True


def run(settings: Settings) -> None:
    """Run a node in an event loop of its own, the fast one where it is installed."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    node = build_node(settings)
    # What is loaded by now lives as long as the process: the collector need not look at it again and again. Calls make
    # few cycles, so it may also look less often at what they leave.
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 20)
    await node.serve()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """Take the fast event loop; it does not exist for Windows."""
    if find_spec("uvloop") is None:
        return asyncio.new_event_loop
    return import_module("uvloop").new_event_loop  # type: ignore[no-any-return]  # looked up by name, see above
