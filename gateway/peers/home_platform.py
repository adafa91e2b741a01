"""Calls of a home region's platform to its own gateway, for the command: a client of the public contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc

from gateway.errors import PeerRefusedError, PeerUnavailableError
from gateway.peers.details import details_of
from onecard.gateway.v1 import recognition_service_pb2 as pb
from onecard.gateway.v1.recognition_service_pb2_grpc import RecognitionServiceStub

if TYPE_CHECKING:
    from typing import Any

    from gateway.services.revoke_recognition import Target

_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnGateway:
    """Where our own gateway listens, and as which caller we ask it.

    `server_name` stands in its certificate, None where it speaks no TLS; `authority` is the PEM of that certificate's
    CA, None for those that gRPC knows. `token` is a bearer token of a caller of the region.
    """

    region: str
    address: str
    server_name: str | None
    authority: bytes | None
    token: str


async def take_back(gateway: OwnGateway, target: Target) -> int:
    """Have recognitions taken back by token identifier, text or subject, and count what lives of them.

    Raises:
        PeerUnavailableError: the gateway cannot be reached.
        PeerRefusedError: it refuses; the reason is its own.
    """
    request = pb.RevokeRecognitionRequest()
    for name in ("token_id", "recognition", "subject"):
        if told := getattr(target, name):
            setattr(request, name, told)
    async with channel_to(gateway) as channel:
        stub: Any = RecognitionServiceStub(channel)
        try:
            answer = await stub.RevokeRecognition(
                request, timeout=_TIMEOUT_SECONDS, metadata=(("authorization", f"Bearer {gateway.token}"),)
            )
        except grpc.aio.AioRpcError as error:
            raise refusal(error, gateway.region) from None
    return int(answer.revoked_count)


def channel_to(gateway: OwnGateway) -> grpc.aio.Channel:
    """Open a channel, with TLS where the gateway speaks it."""
    plain = (("grpc.enable_http_proxy", 0),)
    if gateway.server_name is None:
        return grpc.aio.insecure_channel(gateway.address, plain)
    options = (*plain, ("grpc.ssl_target_name_override", gateway.server_name))
    return grpc.aio.secure_channel(gateway.address, grpc.ssl_channel_credentials(gateway.authority), options)


def refusal(error: grpc.aio.AioRpcError, region: str) -> PeerRefusedError | PeerUnavailableError:
    """Turn a status into an error; one without our details comes from the line and not from the gateway."""
    info, violations = details_of(error)
    if info is None:
        return PeerUnavailableError(region=region)
    return PeerRefusedError(code=error.code().name, reason=info.reason, violations=violations, region=region)
