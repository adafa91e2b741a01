"""Composition root: with its sisters the one place that names concrete classes and reads settings, and makes a node."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from adapters.errors import AdapterError
from gateway.bootstrap_calls import (
    callers,
    certificate_rule,
    keep_certificates,
    listening,
    peer_homes,
)
from gateway.bootstrap_cards import build_cards
from gateway.bootstrap_catalogs import catalog_feeds, catalog_replicas, read_ahead
from gateway.bootstrap_evidence import build_gossip, evidence_servicer
from gateway.bootstrap_exchange import build_exchange, build_holds
from gateway.bootstrap_pages import pages
from gateway.bootstrap_replicas import has_replicas, replicas
from gateway.bootstrap_services import (
    hear_status,
    local_home,
    make_servicers,
    platform_client,
    share,
    status_lists,
    status_routes,
    verdict_writer,
)
from gateway.bootstrap_trust import keep_looking
from gateway.bootstrap_watch import watch_over
from gateway.errors import SettingsError
from gateway.federation.status_lists import StatusClient
from gateway.node import Node
from gateway.reasons import load_reasons
from gateway.rpc.boundary import Boundary
from gateway.rpc.identity import IdentityServicer
from gateway.rpc.recognition import RecognitionServicer
from gateway.server import GrpcServer
from gateway.services.evidence_erasure import Erasure
from gateway.web.app import WebSide
from gateway.web.metrics import MetricsSide
from trust.errors import TrustError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence

    from aiohttp import web

    from gateway.bootstrap_exchange import ExchangeSide
    from gateway.bootstrap_services import Shared
    from gateway.bootstrap_watch import Watch
    from gateway.peers.peer_home import PeerHome
    from gateway.processes import Place
    from gateway.rpc.boundary import Servicer
    from gateway.services.local_home import LocalHome
    from gateway.settings import Settings
    from gateway.store.siblings import Siblings
    from gateway.store.store import Store

_COLLECT_AFTER: Final = (2_000, 5, 800)
"""After so many new objects the collector looks at them, after so many such looks at more, and then at all.

Everybody waits while it does. A call leaves five objects of grpc's own that only the collector frees, often cold by
then: under load 20,000 new ones took it up to 60 ms; 2,000 take up to 4, and the look at more, after 12,000, up to 13.
"""


def build_node(settings: Settings, siblings: Siblings | None = None, place: Place | None = None) -> Node:
    """Put a node together, inside the event loop it will run in (SettingsError with the fault; nothing listens yet).

    With `siblings` and a `place` it is one of several processes that listen at the same addresses.
    """
    try:
        watch = watch_over(settings, place)
        return _build(share(settings, watch.journal, siblings), watch)
    except (AdapterError, TrustError) as error:
        raise SettingsError((str(error),)) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What one part adds to the life of a node; `Node` says what each is. Parts close in the reverse of their order."""

    starters: Sequence[Callable[[], Awaitable[None]]] = ()
    settled: Sequence[Callable[[], Awaitable[None]]] = ()
    tasks: Sequence[Callable[[], Coroutine[None, None, None]]] = ()
    closers: Sequence[Callable[[], Awaitable[None]]] = ()
    servicers: Sequence[Servicer] = ()
    pages: Sequence[Callable[[web.Application], None]] = ()


def _build(shared: Shared, watch: Watch) -> Node:
    settings, trust, stored = shared.settings, shared.trust, shared.stored
    platforms = {home.region: platform_client(home, shared) for home in settings.home}
    holds, verdicts = build_holds(shared), verdict_writer(shared)
    cards = build_cards(shared, watch.metrics, also=holds.follow)
    local = {
        home.region: local_home(
            home, shared, platforms[home.region], cards.ledgers[home.region], cards.polled.get(home.region)
        )
        for home in settings.home
    }
    peers = peer_homes(settings, trust, shared.book, passed_on=watch.passed_on)

    def parts_ready() -> dict[str, bool]:
        homes = {region: home.reachable for region, home in local.items()}
        return homes | {"trust": trust.tried, "store": stored.store.ready}

    watch.metrics.watch_ready(parts_ready)
    status_client = StatusClient()
    answering = _Part(
        servicers=make_servicers(
            shared,
            {**local, **peers},
            lists=status_lists(shared, status_client),
            verdicts=verdicts,
            cards=cards.known,
        ),
        tasks=[partial(keep_certificates, settings, peers, shared.own_certificates, watch.journal)],
        closers=[
            status_client.close,
            *(peer.close for peer in peers.values()),
            *(platform.close for platform in platforms.values()),
        ],
    )
    states = _Part(starters=[cards.start], tasks=cards.tasks(peers, local), servicers=cards.servicers(verdicts))
    exchange = build_exchange(shared, peers, holds=holds, cards=cards.name, metrics=watch.metrics)
    parts = (*_foundations(shared, watch), states, answering, *_parts(shared, watch, peers, exchange))
    servicers = tuple(servicer for part in parts for servicer in part.servicers)
    return Node(
        server=_server(shared, watch, servicers, local),
        web=WebSide(
            key_sets=lambda: {region: keys.ring.jwks(region) for region, keys in trust.homes.items()},
            ready=parts_ready,
            parts=[*(add for part in parts for add in part.pages), *pages(shared, {**local, **peers}, servicers)],
            in_company=settings.processes > 1,
        ),
        grpc=listening(settings, watch.journal),
        web_address=settings.listen.web,
        starters=[start for part in parts for start in part.starters],
        settled=partial(_settled, shared, parts),
        tasks=[work for part in parts for work in part.tasks],
        closers=[close for part in reversed(parts) for close in part.closers],
        journal=watch.journal,
        drain_seconds=settings.drain_seconds,
    )


def _server(shared: Shared, watch: Watch, servicers: Sequence[Servicer], local: Mapping[str, LocalHome]) -> GrpcServer:
    settings = shared.settings
    return GrpcServer(
        boundary=_boundary(shared, watch),
        servicers=servicers,
        ready={one.SERVICE.full_name: _ready(one, local, shared.stored.store) for one in servicers},
        reflection=settings.reflection,
        max_concurrent_calls=settings.max_concurrent_calls,
        in_company=settings.processes > 1,
    )


async def _settled(shared: Shared, parts: Sequence[_Part]) -> None:
    """Wait until trust has had its first round, and then for what rests on that."""
    await shared.trust.desk.first_round.wait()
    for settle in [settle for part in parts for settle in part.settled]:
        await settle()


def _boundary(shared: Shared, watch: Watch) -> Boundary:
    return Boundary(
        callers=callers(shared.settings, shared.trust),
        reasons=load_reasons(),
        journal=watch.journal,
        recorder=shared.evidence.recorder,
        certificates=certificate_rule(shared.settings, shared.trust),
        traced=None if watch.traces is None else watch.traces.begin,
    )


def _foundations(shared: Shared, watch: Watch) -> Sequence[_Part]:
    """Give what all other parts rest on, in the order in which they start."""
    trust, stored, others = shared.trust, shared.stored, replicas(shared)
    alone, catalogs = not has_replicas(shared.settings), catalog_replicas(shared)
    return (
        _Part(closers=[] if watch.traces is None else [watch.traces.close]),
        _Part(starters=[stored.start], tasks=[stored.keep_clean], closers=[stored.close]),
        # What the others have published is taken up before trust begins, which reads our own configuration too.
        _Part(
            starters=[others.go_on if alone else others.start],
            settled=[others.settle],
            tasks=[others.again] if alone else [others.tell, others.tell_revocations, others.hear, others.look],
        ),
        _Part(
            starters=[trust.start, others.catch_up],
            tasks=[
                partial(keep_looking, trust.homes.values(), journal=watch.journal),
                partial(trust.marks.keep, seconds=shared.settings.trust.refresh_seconds),
            ],
            closers=[trust.close],
            pages=trust.web_parts(),
        ),
        _Part(
            starters=[catalogs.start], settled=[catalogs.settle], tasks=[catalogs.tell, catalogs.hear, catalogs.again]
        ),
    )


def _parts(shared: Shared, watch: Watch, peers: Mapping[str, PeerHome], exchange: ExchangeSide) -> Sequence[_Part]:
    """Give the parts that stand beside the answers about cards."""
    settings, evidence, gossip = shared.settings, shared.evidence, build_gossip(shared, peers)
    erase = partial(Erasure(shared.stored.store).run, settings.evidence.retention_days)
    operators = [MetricsSide(watch.metrics, at, journal=watch.journal) for at in [settings.listen.metrics] if at]
    feeds = catalog_feeds(shared, peers)
    read = partial(read_ahead, shared.catalogs, shared.registry, watch.journal)
    return (
        _Part(tasks=[partial(hear_status, shared)], pages=[status_routes(shared)]),
        _Part(tasks=[read, *(feed.follow for feed in feeds)]),
        _Part(starters=[exchange.start], tasks=exchange.tasks, servicers=[exchange.servicer]),
        _Part(tasks=[evidence.heads.run, gossip.run, erase], servicers=[evidence_servicer(shared, gossip)]),
        *(_Part(starters=[side.start], closers=[side.close]) for side in operators),
    )


def _ready(servicer: Servicer, local: Mapping[str, LocalHome], store: Store) -> Callable[[], bool]:
    """Tell when a service can do its work: all need the store, and cards a platform that answers."""
    if isinstance(servicer, (IdentityServicer, RecognitionServicer)):
        return lambda: store.ready and any(home.reachable for home in local.values())
    return lambda: store.ready


def run(settings: Settings, siblings: Siblings | None = None, place: Place | None = None) -> None:
    """Run a node in an event loop of its own, the fast one where it is installed."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(settings, siblings, place))


async def _serve(settings: Settings, siblings: Siblings | None, place: Place | None) -> None:
    living = None if place is None else asyncio.create_task(place.live())
    node = build_node(settings, siblings, place)
    spare_collecting()
    await node.serve()
    if living is not None:
        living.cancel()


def spare_collecting() -> None:
    """Have the collector pass over what is loaded by now, which lives as long as the process, and look less often."""
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """Take the fast event loop; it does not exist for Windows."""
    if find_spec("uvloop") is None:
        return asyncio.new_event_loop
    return import_module("uvloop").new_event_loop  # type: ignore[no-any-return]  # looked up by name, see above
