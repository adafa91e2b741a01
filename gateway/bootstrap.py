"""Composition root: the one file that names concrete classes and reads settings, and turns them into a running node."""

from __future__ import annotations

import asyncio
import gc
import json
import secrets
import time
import tomllib
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import grpc

from adapters.equivalence import EquivalenceBook
from adapters.errors import AdapterError
from adapters.platform import PlatformClient, PlatformLimits
from adapters.registry import Registry, load_registry
from gateway.callers import Callers, Registration
from gateway.errors import SettingsError
from gateway.journal import JsonJournal
from gateway.node import Addresses, Node
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
_COLLECT_AFTER = 20_000


def _new_id() -> str:
    """Make an identifier that is never the same twice."""
    return secrets.token_hex(16)


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


def build_node(settings: Settings) -> Node:
    """Put a node together, inside the event loop it will run in (SettingsError with the fault; nothing listens yet)."""
    try:
        return _build(_shared(settings))
    except (AdapterError, TrustError) as error:
        raise SettingsError((str(error),)) from error


def _build(shared: Shared) -> Node:
    settings, journal = shared.settings, JsonJournal(gateway=shared.settings.gateway)
    platforms = {home.region: _platform(home, shared) for home in settings.home}
    rules = VerdictRules(load_status_rules(), shared.registry.taxonomy)
    local = {home.region: _local_home(home, shared, platforms[home.region], rules) for home in settings.home}
    peers = {peer.region: _peer_home(peer, shared) for peer in settings.peer}
    boundary = Boundary(callers=_callers(shared), reasons=load_reasons(), journal=journal)
    servicers = _servicers(shared, {**local, **peers})
    ready = {servicer.SERVICE.full_name: _ready(servicer, local) for servicer in servicers}
    return Node(
        server=GrpcServer(
            boundary=boundary,
            servicers=servicers,
            ready=ready,
            reflection=settings.reflection,
            max_concurrent_calls=settings.max_concurrent_calls,
        ),
        web=WebSide(
            key_sets={region: shared.region_keys.jwks(region) for region in local},
            ready=lambda: {region: home.reachable for region, home in local.items()},
        ),
        addresses=Addresses(grpc=settings.listen.grpc, web=settings.listen.web, credentials=_credentials(settings)),
        closers=[*(peer.close for peer in peers.values()), *(platform.close for platform in platforms.values())],
        journal=journal,
        drain_seconds=settings.drain_seconds,
    )


def _ready(servicer: Servicer, local: dict[str, LocalHome]) -> Callable[[], bool]:
    """Tell when a service can do its work: cards need a platform that answers, the others only this node."""
    if isinstance(servicer, (IdentityServicer, RecognitionServicer)):
        return lambda: any(home.reachable for home in local.values())
    return lambda: True


def _credentials(settings: Settings) -> grpc.ServerCredentials | None:
    tls = settings.listen.tls
    return grpc.ssl_server_credentials([(tls.key.read_bytes(), tls.certificate.read_bytes())]) if tls else None


def _shared(settings: Settings) -> Shared:
    """Load what all parts use: regions, agreements, keys."""
    registry = load_registry()
    for region in (*(h.region for h in settings.home), *(p.region for p in settings.peer)):
        registry.get(region)
    own = {h.region: SigningKey.from_pem(h.signing_key.read_bytes(), issuer=h.region) for h in settings.home}
    rings = [KeyRing(key.public() for key in own.values())]
    rings += [KeyRing.from_jwks(p.region, _json(p.keys)) for p in settings.peer]
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
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise SettingsError((f"{path.name}: is not TOML",)) from error
    return Agreement.from_mapping(data)


def _json(path: Path) -> Any:  # noqa: ANN401 - whoever takes it checks it
    """Read a file of keys or secrets (SettingsError, which names the file and repeats nothing of it)."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except ValueError:
        raise SettingsError((f"{path.name}: is not JSON",)) from None
    if not isinstance(value, dict):
        raise SettingsError((f"{path.name}: is no JSON object",))
    return value


def _platform(home: HomeSettings, shared: Shared) -> PlatformClient:
    """Make the client of a home region's platform."""
    adapter = shared.registry.get(home.region)
    settings = home.platform
    return PlatformClient(
        region=home.region,
        base_url=settings.base_url,
        dialect=adapter,
        auth=adapter.auth,
        secrets=_json(settings.secrets),
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
        ring = ring.joined(KeyRing.from_jwks(caller.id, _json(caller.keys)))
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
