"""Composition root: the one file that names concrete classes and reads settings, and turns them into a running node."""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
import time
import tomllib
import uuid
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

import grpc

from adapters.equivalence import EquivalenceBook
from adapters.errors import AdapterError
from adapters.platform import PlatformClient, PlatformLimits
from adapters.registry import Registry, load_registry
from gateway.callers import Callers, Registration
from gateway.errors import SettingsError
from gateway.journal import JsonJournal
from gateway.peers.peer_home import PeerAddress, PeerHome
from gateway.reasons import load_reasons
from gateway.rpc.boundary import Boundary
from gateway.rpc.catalog import CatalogServicer
from gateway.rpc.convert_verdict import VerdictWriter
from gateway.rpc.identity import IdentityServicer
from gateway.rpc.paging import Paging
from gateway.rpc.recognition import RecognitionServicer
from gateway.rpc.region import RegionServicer
from gateway.server import GrpcServer
from gateway.services.local_home import LocalHome, agreement_title
from gateway.services.recognise import IssueRecognition, VerifyRecognition
from gateway.services.request_memory import RequestMemory
from gateway.services.translate_identity import TranslateIdentity
from gateway.services.translate_item import TranslateItem
from gateway.services.verdict import VerdictRules, load_status_rules
from gateway.services.verify_card import VerifyCard
from gateway.web.app import WebSide
from trust.agreement import Agreement
from trust.cache import VerifiedTokenCache
from trust.errors import TrustError
from trust.keys import KeyRing, SigningKey
from trust.policy import AgreementBook
from trust.replay import InMemoryReplay
from trust.signer import CallerTokenSigner, RecognitionSigner
from trust.verifier import CallerVerifier, RecognitionVerifier

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from adapters.canonical import ApplicationItem
    from gateway.rpc.boundary import Servicer
    from gateway.services.ports import Home
    from gateway.settings import HomeSettings, PeerSettings, Settings

_TOKEN_CACHE = 4096
_REPLAY_CAPACITY = 1_000_000
_SECRET_BYTES = 32


def _new_id() -> str:
    """Make an identifier that is never the same twice."""
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True)
class Shared:
    """What all parts of a node use."""

    settings: Settings
    registry: Registry
    book: EquivalenceBook
    agreements: AgreementBook
    own_keys: dict[str, SigningKey]
    region_keys: KeyRing
    caller_tokens: CallerTokenSigner

    def item(self, region: str, item: str) -> ApplicationItem:
        """Find an item of any region."""
        return self.registry.get(region).catalog.get(item)


class Node:
    """A gateway that can be started and stopped."""

    def __init__(self, settings: Settings) -> None:
        """Put everything together (SettingsError with the fault; nothing listens yet)."""
        try:
            self._assemble(_shared(settings))
        except (AdapterError, TrustError) as error:
            raise SettingsError((str(error),)) from error

    def _assemble(self, shared: Shared) -> None:
        self._shared = shared
        self._settings = shared.settings
        self.journal = JsonJournal(gateway=shared.settings.gateway)
        self._platforms = {home.region: _platform(home, shared) for home in shared.settings.home}
        rules = VerdictRules(load_status_rules(), shared.registry.taxonomy)
        self._locals = {
            h.region: _local_home(h, shared, self._platforms[h.region], rules) for h in shared.settings.home
        }
        self._peers = {peer.region: _peer_home(peer, shared) for peer in shared.settings.peer}
        homes: dict[str, Home] = {**self._locals, **self._peers}
        self._boundary = Boundary(callers=_callers(shared), reasons=load_reasons(), journal=self.journal)
        self._servicers = _servicers(shared, homes)

    def _ready(self) -> dict[str, Callable[[], bool]]:
        """Tell by service when it can do its work: cards need a platform that answers, the others only this node."""
        cards = IdentityServicer.SERVICE.full_name
        ready: dict[str, Callable[[], bool]] = {s.SERVICE.full_name: lambda: True for s in self._servicers}
        ready[cards] = lambda: any(home.reachable for home in self._locals.values())
        ready[RecognitionServicer.SERVICE.full_name] = ready[cards]
        return ready

    async def start(self) -> None:
        """Listen and serve (SettingsError where an address is taken)."""
        listen = self._settings.listen
        ready = self._ready()
        self._server = GrpcServer(
            boundary=self._boundary,
            servicers=self._servicers,
            ready=ready,
            reflection=self._settings.reflection,
            max_concurrent_calls=self._settings.max_concurrent_calls,
        )
        credentials = None
        if listen.tls is not None:
            pair = (listen.tls.key.read_bytes(), listen.tls.certificate.read_bytes())
            credentials = grpc.ssl_server_credentials([pair])
        key_sets = {region: self._shared.region_keys.jwks(region) for region in self._locals}
        self._web = WebSide(
            key_sets=key_sets, ready=lambda: {home: side.reachable for home, side in self._locals.items()}
        )
        host, _, port = listen.web.rpartition(":")
        try:
            self._server.listen(listen.grpc, credentials)
            await self._web.start(host.strip("[]"), int(port))
        except (OSError, RuntimeError) as error:
            raise SettingsError((f"listen: an address is taken or not ours ({type(error).__name__})",)) from error
        await self._server.start()
        self.journal.event("ready", grpc=listen.grpc, web=listen.web, homes=len(self._locals), peers=len(self._peers))

    async def stop(self) -> None:
        """Drain and close everything."""
        self.journal.event("stopping")
        await self._server.stop(drain_seconds=self._settings.drain_seconds)
        await self._web.stop()
        for peer in self._peers.values():
            await peer.close()
        for platform in self._platforms.values():
            await platform.close()
        self.journal.event("stopped")


def _shared(settings: Settings) -> Shared:
    """Load what all parts use: regions, agreements, keys."""
    registry = load_registry()
    for region in (*(h.region for h in settings.home), *(p.region for p in settings.peer)):
        registry.get(region)
    own = {h.region: SigningKey.from_pem(h.signing_key.read_bytes(), issuer=h.region) for h in settings.home}
    rings = [KeyRing(key.public() for key in own.values())]
    rings += [KeyRing.from_jwks(p.region, json.loads(p.keys.read_text("utf-8"))) for p in settings.peer]
    region_keys = rings[0]
    for ring in rings[1:]:
        region_keys = region_keys.joined(ring)
    gateway_key = SigningKey.from_pem(settings.signing_key.read_bytes(), issuer=settings.gateway)
    return Shared(
        settings=settings,
        registry=registry,
        book=EquivalenceBook(registry.taxonomy, {a.region: a.catalog for a in registry}),
        agreements=AgreementBook(_agreement(path) for path in settings.agreement),
        own_keys=own,
        region_keys=region_keys,
        caller_tokens=CallerTokenSigner(gateway_key, new_id=_new_id),
    )


def _agreement(path: Path) -> Agreement:
    return Agreement.from_mapping(tomllib.loads(path.read_text("utf-8")))


def _platform(home: HomeSettings, shared: Shared) -> PlatformClient:
    """Make the client of a home region's platform."""
    adapter = shared.registry.get(home.region)
    settings = home.platform
    return PlatformClient(
        region=home.region,
        base_url=settings.base_url,
        dialect=adapter,
        auth=adapter.auth,
        secrets=json.loads(settings.secrets.read_text("utf-8")),
        limits=PlatformLimits(
            total_seconds=settings.total_seconds,
            failures_to_open=settings.failures_to_open,
            open_seconds=settings.open_seconds,
        ),
        allow_private_addresses=settings.allow_private_addresses,
        new_nonce=_new_id,
    )


def _local_home(home: HomeSettings, shared: Shared, platform: PlatformClient, rules: VerdictRules) -> LocalHome:
    """Make the home side of a region of this gateway."""
    secret = home.pseudonym_secret.read_bytes()
    if len(secret) != _SECRET_BYTES:
        raise SettingsError((f"pseudonym_secret of {home.region}: {_SECRET_BYTES} bytes are needed",))
    return LocalHome(
        adapter=shared.registry.get(home.region),
        items=shared.item,
        platform=platform,
        rules=rules,
        book=shared.book,
        agreements=shared.agreements,
        signer=RecognitionSigner(shared.own_keys[home.region]),
        pseudonym_secret=secret,
        new_id=_new_id,
        clock=time.time,
    )


def _peer_home(peer: PeerSettings, shared: Shared) -> PeerHome:
    """Make the home side of a region that another gateway serves."""
    return PeerHome(
        PeerAddress(
            region=peer.region,
            address=peer.address,
            server_name=peer.server_name,
            audience=peer.audience,
            ca=peer.ca.read_bytes(),
        ),
        tokens=shared.caller_tokens,
        recognitions=RecognitionVerifier(shared.region_keys),
        book=shared.book,
        request_secret=secrets.token_bytes(_SECRET_BYTES),
        clock=time.time,
    )


def _callers(shared: Shared) -> Callers:
    """Register the callers with their keys."""
    ring = KeyRing()
    for caller in shared.settings.caller:
        ring = ring.joined(KeyRing.from_jwks(caller.id, json.loads(caller.keys.read_text("utf-8"))))
    return Callers(
        (Registration(c.id, c.region, c.kind, frozenset(c.scopes)) for c in shared.settings.caller),
        verifier=CallerVerifier(ring, cache=VerifiedTokenCache(_TOKEN_CACHE)),
        audience=shared.settings.gateway,
        clock=time.time,
    )


def _servicers(shared: Shared, homes: dict[str, Home]) -> tuple[Servicer, ...]:
    """Make the services with their use cases."""
    registry = shared.registry
    paging = Paging(secrets.token_bytes(_SECRET_BYTES))
    items = TranslateItem(registry=registry, book=shared.book, clock=time.time)
    titles = {a.id: agreement_title(a) for a in shared.agreements.agreements}
    verdicts = VerdictWriter(reasons=load_reasons(), titles=titles, items=items)
    verify = VerifyCard(registry=registry, homes=homes, agreements=shared.agreements, clock=time.time)
    verify_recognition = VerifyRecognition(
        recognitions=RecognitionVerifier(shared.region_keys),
        replay=InMemoryReplay(_REPLAY_CAPACITY),
        clock=time.time,
    )
    return (
        RegionServicer(registry=registry, homes=homes, agreements=shared.agreements, paging=paging),
        IdentityServicer(
            verify=verify,
            translate=TranslateIdentity(registry),
            memory=RequestMemory(clock=time.time),
            verdicts=verdicts,
        ),
        CatalogServicer(registry=registry, translate=items, paging=paging),
        RecognitionServicer(
            issue=IssueRecognition(registry=registry, homes=homes),
            verify=verify_recognition,
            memory=RequestMemory(clock=time.time),
            verdicts=verdicts,
        ),
    )


async def serve(settings: Settings) -> None:
    """Run a node until SIGTERM or SIGINT, then drain (SettingsError where it cannot start)."""
    node = Node(settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await node.start()
    await stop.wait()
    await node.stop()


def run(settings: Settings) -> None:
    """Run a node in an event loop of its own, the fast one where it is installed."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serve(settings))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """Take the fast event loop; it does not exist for Windows."""
    if find_spec("uvloop") is None:
        return asyncio.new_event_loop
    return import_module("uvloop").new_event_loop  # type: ignore[no-any-return]  # looked up by name, see above
