"""A peer that says whatever a test wants, over real TLS, and notes what it was asked."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import error_details_pb2, status_pb2

from gateway.peers.channel import PeerAddress
from gateway.peers.peer_home import PeerHome
from onecard.gateway.v1 import identity_service_pb2 as pb
from tests.fakes.authority import FakeAuthority
from tests.fakes.callers import CALLER_KEYS, PEER
from tests.fakes.clock import FakeClock
from tests.fakes.regions import BOOK, RECOGNITIONS
from trust.signer import CallerTokenSigner

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator

    from google.protobuf.message import Message

SERVICE = "onecard.gateway.v1.IdentityService"
NAME = "chongqing.onecard.test"
AUDIENCE = "gateway.chongqing"
AUTHORITY = FakeAuthority()
CREDENTIALS = AUTHORITY.credentials(NAME)
_DETAILS = "grpc-status-details-bin"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An end of the call: code, and details as bytes or none at all."""

    code: grpc.StatusCode
    details: bytes | None = None


def refusal(code: str, reason: str, *more: Message, **metadata: str) -> Refusal:
    """Make a refusal as the contract has them."""
    status = status_pb2.Status(code=grpc.StatusCode[code].value[0])
    for message in (error_details_pb2.ErrorInfo(reason=reason, metadata=metadata), *more):
        packed = AnyMessage()
        packed.Pack(message)
        status.details.append(packed)
    return Refusal(grpc.StatusCode[code], status.SerializeToString())


@dataclass(slots=True)
class HostilePeer:
    """Gives `answers` one after the other, the last one for ever; waits for `gate` where there is one."""

    answers: list[pb.VerifyCardResponse | Refusal | bytes]
    gate: asyncio.Event | None = None
    asked: list[pb.VerifyCardRequest] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    certificates: list[bytes] = field(default_factory=list)

    async def handle(self, raw: bytes, context: Any) -> bytes:  # noqa: ANN401 - the context of raw calls
        """Answer one call."""
        self.asked.append(pb.VerifyCardRequest.FromString(raw))
        self.tokens.append(str(dict(context.invocation_metadata())["authorization"]))
        self.certificates += context.auth_context().get("x509_pem_cert", [])
        if self.gate is not None:
            await self.gate.wait()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Refusal):
            trailers = () if answer.details is None else ((_DETAILS, answer.details),)
            await context.abort(answer.code, "words of the peer: 500112190302110117", trailers)
        return answer if isinstance(answer, bytes) else answer.SerializeToString()  # type: ignore[union-attr]  # abort raises


@asynccontextmanager
async def listening(peer: HostilePeer, *, credentials: grpc.ServerCredentials = CREDENTIALS) -> AsyncIterator[str]:
    """Serve, and give the address."""
    server = grpc.aio.server()
    handler = grpc.unary_unary_rpc_method_handler(peer.handle)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"VerifyCard": handler}),))
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


@asynccontextmanager
async def peer_home(
    address: str,
    *,
    clock: FakeClock | None = None,
    server_name: str = NAME,
    ca: bytes = AUTHORITY.certificate,
    shown: tuple[bytes, bytes] | None = None,
) -> AsyncIterator[PeerHome]:
    """Make the home side on a peer, and close it."""
    numbers = iter(range(1000))
    certificate, key = shown or (None, None)

    async def renew(region: str) -> None:
        assert region == "chongqing"

    signer = CallerTokenSigner(CALLER_KEYS[PEER], new_id=lambda: f"t-{next(numbers)}")
    home = PeerHome(
        PeerAddress(
            region="chongqing",
            address=address,
            server_name=server_name,
            audience=AUDIENCE,
            ca=ca,
            certificate=certificate,
            key=key,
        ),
        tokens=lambda _region: signer,
        recognitions=RECOGNITIONS,
        book=BOOK,
        request_secret=b"s" * 32,
        clock=clock or FakeClock(),
        renew=renew,
    )
    try:
        yield home
    finally:
        await home.close()
