"""A gateway with a plain port and one that demands a certificate, and whom it believes."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import grpc

from gateway.callers import SCOPES, Registration
from gateway.certificates import CertificateRule
from gateway.peers.certificates import server_credentials
from tests.fakes.authority import FakeAuthority
from tests.fakes.callers import HOME_PLATFORM, PEER, PLATFORM, bearer
from tests.fakes.clock import FakeClock
from tests.fakes.node import FakeNode
from tests.fakes.tls import FakeTlsFolder
from trust.errors import PeerRevokedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from gateway.certificates import Certificate
    from gateway.server import GrpcServer

    Shown = tuple[bytes, bytes]

SERVER = "gateway.test"
SICHUAN, MACAO = "sichuan.onecard.test", "macao.onecard.test"
AUTHORITIES = {SICHUAN: FakeAuthority("Sichuan CA"), MACAO: FakeAuthority("Macao CA")}
OWN = FakeAuthority("own CA")
REGISTRATIONS = (
    Registration(PEER, "sichuan", "gateway", SCOPES, SICHUAN),
    Registration("platform.macao", "macao", "platform", SCOPES, MACAO),
    Registration(PLATFORM, "sichuan", "platform", SCOPES),
    Registration(HOME_PLATFORM, "chongqing", "platform", SCOPES),
)


def shown_by(name: str) -> Shown:
    """Make a certificate for a name by its own authority."""
    return AUTHORITIES[name].issue(name)


@dataclass(slots=True)
class MutualNode:
    """A gateway with a plain port and one that demands a certificate, and a list of revoked ones."""

    folder: Path
    revoked: set[str] = field(default_factory=set)
    node: FakeNode = field(init=False)
    plain: str = ""
    mutual: str = ""

    def __post_init__(self) -> None:
        """Put the rule before the boundary."""
        rule = CertificateRule(
            require_live=self.require_live,
            clock=FakeClock(time.time()),
            authorities={name: authority.certificate for name, authority in AUTHORITIES.items()},
        )
        self.node = FakeNode(registrations=REGISTRATIONS, certificates=rule)

    def require_live(self, shown: Certificate) -> None:
        """Refuse a revoked certificate."""
        if shown.fingerprint in self.revoked:
            raise PeerRevokedError(kind="certificate", reason="compromised")

    def listen(self, server: GrpcServer) -> None:
        """Open both ports."""
        believed = b"".join(authority.certificate for authority in AUTHORITIES.values())
        files = FakeTlsFolder(self.folder).write(*OWN.issue(SERVER), authorities=believed).files(mutual=True)
        ports = [server.listen("127.0.0.1:0", server_credentials(files, mutual=mutual)) for mutual in (False, True)]
        self.plain, self.mutual = (f"127.0.0.1:{port}" for port in ports)

    def channel(self, shown: Shown | None = None, *, mutual: bool = True) -> grpc.aio.Channel:
        """Connect with or without a certificate."""
        certificate, key = shown or (None, None)
        credentials = grpc.ssl_channel_credentials(OWN.certificate, key, certificate)
        options = (("grpc.ssl_target_name_override", SERVER), ("grpc.use_local_subchannel_pool", 1))
        return grpc.aio.secure_channel(self.mutual if mutual else self.plain, credentials, options)

    def metadata(self, caller: str, confirmation: str | None = None) -> tuple[tuple[str, str], ...]:
        """Give a token of a caller."""
        return bearer(caller, self.node.clock, confirmation=confirmation)


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[MutualNode]:
    """Run such a gateway."""
    there = MutualNode(folder)
    server = there.node.server()
    there.listen(server)
    await server.start()
    try:
        yield there
    finally:
        await server.stop(drain_seconds=0)
