"""Composition root of calls in and out: certificates, callers, and the gateways of other regions."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from gateway.callers import Callers, Registration
from gateway.certificates import CertificateRule, fingerprint
from gateway.errors import PeerProtocolError, SettingsError
from gateway.node import Listening
from gateway.peers.certificates import TlsFiles, TlsWatch, follow_files, server_credentials
from gateway.peers.channel import PeerAddress
from gateway.peers.peer_home import PeerHome
from trust.cache import VerifiedTokenCache
from trust.errors import TrustError
from trust.keys import KeyRing
from trust.verifier import CallerVerifier, RecognitionVerifier

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from adapters.equivalence import EquivalenceBook
    from gateway.journal import Journal
    from gateway.peers.certificates import TlsMaterial
    from gateway.settings import Settings
    from gateway.settings_parts import PeerSettings
    from gateway.trust_side import TrustSide
    from trust.signer import CallerTokenSigner

    PassedOn = Callable[[], tuple[tuple[str, str], ...]]

_GATEWAY_SCOPES = frozenset(
    {"card.verify", "card.follow", "catalog.read", "evidence.read", "evidence.accesses", "evidence.exchange"}
    | {"exchange.submit", "exchange.answer", "exchange.dispute", "exchange.attach"}
)
_TOKEN_CACHE = 4096
_SECRET_BYTES = 32


def read_object(path: Path) -> Any:  # noqa: ANN401 - whoever takes it checks it
    """Read a file of keys or secrets (SettingsError, which names the file and repeats nothing of it)."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except ValueError:
        raise SettingsError((f"{path.name}: is not JSON",)) from None
    if not isinstance(value, dict):
        raise SettingsError((f"{path.name}: is no JSON object",))
    return value


def listening(settings: Settings, journal: Journal) -> tuple[Listening, ...]:
    """Say where to listen and with which certificates (SettingsError where they cannot be used)."""
    listen = settings.listen
    if listen.tls is None:
        return (Listening(listen.grpc, None),)
    files = TlsFiles(certificate=listen.tls.certificate, key=listen.tls.key)
    ports = [Listening(listen.grpc, server_credentials(files, mutual=False, told=_CertificateNews(journal)))]
    if listen.mutual is not None and listen.tls.clients is not None:
        known = TlsFiles(certificate=files.certificate, key=files.key, authorities=(listen.tls.clients,))
        credentials = server_credentials(known, mutual=True, told=_CertificateNews(journal))
        ports.append(Listening(listen.mutual, credentials, "listen.mutual"))
    return tuple(ports)


class _CertificateNews:
    """Writes down that certificates were rotated, or why not; gRPC tells it from threads of its own."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._loop = asyncio.get_running_loop()

    def __call__(self, *, rotated: bool, fault: str) -> None:
        write = partial(self._journal.event, "certificates", rotated=rotated, fault=fault)
        self._loop.call_soon_threadsafe(write)


def certificate_rule(settings: Settings, trust: TrustSide) -> CertificateRule | None:
    """Give what decides on certificates, None where nobody can show one (BindingError: unreadable authority)."""
    if settings.listen.mutual is None:
        return None
    authorities = {peer.server_name: peer.ca.read_bytes() for peer in settings.peer}
    return CertificateRule(require_live=trust.require_live, clock=time.time, authorities=authorities)


def callers(settings: Settings, trust: TrustSide) -> Callers:
    """Register the callers: those of the configuration with their keys, and the gateways of the peers."""
    ring = KeyRing()
    for caller in settings.caller:
        ring = ring.joined(KeyRing.from_jwks(caller.id, read_object(caller.keys)))
    platforms = (Registration(c.id, c.region, "platform", frozenset(c.scopes), c.certificate) for c in settings.caller)
    gateways = (Registration(p.caller, p.region, "gateway", _GATEWAY_SCOPES, p.server_name) for p in settings.peer)
    return Callers(
        (*platforms, *gateways),
        verifier=CallerVerifier(partial(trust.caller_key, registered=ring), cache=VerifiedTokenCache(_TOKEN_CACHE)),
        audience=settings.gateway,
        clock=time.time,
    )


def peer_homes(
    settings: Settings, trust: TrustSide, book: EquivalenceBook, *, passed_on: PassedOn = tuple
) -> dict[str, PeerHome]:
    """Make the home sides of the regions that other gateways serve; `passed_on` is metadata of traces."""
    made = partial(_peer_home, settings=settings, trust=trust, book=book, passed_on=passed_on)
    return {peer.region: made(peer) for peer in settings.peer}


def peer_address(peer: PeerSettings, settings: Settings) -> PeerAddress:
    """Give where a peer is, and with what we prove ourselves to it, as the files are now."""
    calls = settings.calls
    return PeerAddress(
        region=peer.region,
        address=peer.address,
        server_name=peer.server_name,
        audience=peer.audience,
        ca=peer.ca.read_bytes(),
        certificate=None if calls is None else calls.certificate.read_bytes(),
        key=None if calls is None else calls.key.read_bytes(),
    )


def _peer_home(
    peer: PeerSettings, *, settings: Settings, trust: TrustSide, book: EquivalenceBook, passed_on: PassedOn
) -> PeerHome:
    return PeerHome(
        peer_address(peer, settings),
        tokens=partial(tokens_for, peer.region, trust=trust),
        recognitions=RecognitionVerifier(trust.region_key),
        book=book,
        request_secret=secrets.token_bytes(_SECRET_BYTES),
        clock=time.time,
        renew=trust.renewed,
        passed_on=passed_on,
    )


def tokens_for(peer: str, asking: str, *, trust: TrustSide) -> CallerTokenSigner:
    """Give what signs the tokens for a peer on behalf of a home (PeerProtocolError where the peer is not believed)."""
    try:
        trust.require_peer(peer)
    except TrustError as error:
        raise PeerProtocolError(region=peer, rule="not_believed") from error
    return trust.caller_tokens(asking)


class OwnCertificates:
    """The thumbprints of the certificates that we have shown to others since the start.

    A recognition may be bound to one that was rotated away a moment ago; it outlives that by minutes only.
    """

    def __init__(self, settings: Settings) -> None:
        """Begin with the one that is there (BindingError where it cannot be read)."""
        self._thumbprints: frozenset[str] = frozenset()
        if settings.calls is not None:
            self.add(settings.calls.certificate.read_bytes())

    def add(self, certificate: bytes) -> None:
        """Remember one, PEM."""
        self._thumbprints |= {fingerprint(certificate)}

    def __call__(self) -> frozenset[str]:
        """Give them all."""
        return self._thumbprints


async def keep_certificates(
    settings: Settings, homes: Mapping[str, PeerHome], own: OwnCertificates, journal: Journal
) -> None:
    """Show peers a new certificate as soon as its files change, until cancelled."""
    if settings.calls is None:
        return
    files = TlsFiles(
        certificate=settings.calls.certificate,
        key=settings.calls.key,
        authorities=tuple(dict.fromkeys(peer.ca for peer in settings.peer)),
    )
    authorities = {peer.region: peer.ca for peer in settings.peer}

    def rotate(material: TlsMaterial) -> None:
        own.add(material.certificate)
        for region, home in homes.items():
            home.rotate(certificate=material.certificate, key=material.key, ca=authorities[region].read_bytes())

    await follow_files(TlsWatch(files, told=_CertificateNews(journal)), rotate)
