"""Fetches an offline pack from our own gateway, for the command: a client of the public contract."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import grpc
from google.protobuf.duration_pb2 import Duration

from gateway.errors import PeerProtocolError
from gateway.peers.home_platform import channel_to, refusal
from onecard.gateway.v1 import offline_service_pb2 as pb
from onecard.gateway.v1.offline_service_pb2_grpc import OfflineServiceStub

if TYPE_CHECKING:
    from gateway.peers.home_platform import OwnGateway
    from gateway.services.offline_packs import PackWish

_TIMEOUT_SECONDS: Final = 120.0
MAX_PACK_BYTES: Final = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class FetchedPack:
    """The bytes of a pack, or with `update` what changes the one that was named as its base."""

    data: bytes = field(repr=False)
    update: bool


async def fetch_pack(gateway: OwnGateway, wish: PackWish) -> FetchedPack:
    """Fetch a pack.

    Raises:
        PeerUnavailableError: the gateway cannot be reached.
        PeerRefusedError: it refuses; the reason is its own.
        PeerProtocolError: what came is not as long as was said.
    """
    request = pb.GetPackRequest(home_regions=wish.homes, items=wish.items, base_serial=wish.base)
    if wish.life is not None:
        request.life.CopyFrom(Duration(seconds=wish.life))
    data, first = bytearray(), pb.GetPackResponse()
    async with channel_to(gateway) as channel:
        stub: Any = OfflineServiceStub(channel)
        try:
            async for part in stub.GetPack(
                request, timeout=_TIMEOUT_SECONDS, metadata=(("authorization", f"Bearer {gateway.token}"),)
            ):
                first = part if not data else first
                data += part.data
                if len(data) > MAX_PACK_BYTES:
                    break
        except grpc.aio.AioRpcError as error:
            raise refusal(error, gateway.region) from None
    if len(data) != first.size:
        raise PeerProtocolError(region=gateway.region, rule="length")
    return FetchedPack(bytes(data), update=first.update)
