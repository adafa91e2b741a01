"""OfflineService over the wire: a pack in pieces, what it says of itself, and what is refused."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.duration_pb2 import Duration

from adapters.words import CardEventKind
from gateway.rpc import offline as module
from gateway.rpc.offline import OfflineServicer
from onecard.gateway.v1 import offline_service_pb2 as pb
from onecard.gateway.v1.offline_service_pb2_grpc import OfflineServiceStub
from tests.fakes.callers import PEER, PLATFORM, bearer
from tests.fakes.node import FakeNode, channel_to
from tests.fakes.packs import PackSide
from tests.fakes.regions import KEYS
from tests.gateway.rpc.told import refused
from trust.offline_delta import apply_update
from trust.offline_gate import OfflinePack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def offline() -> AsyncIterator[tuple[PackSide, Any]]:
    """Run the service on loopback; gives what it rests on, and a stub."""
    node = FakeNode()
    side = PackSide(clock=node.clock)
    await side.told((b"\1" * 16, CardEventKind.LOST_FORMAL))
    async with channel_to(node.server([OfflineServicer(side.packs, record=side.record)])) as channel:
        yield side, OfflineServiceStub(channel)


async def fetched(stub: Any, side: PackSide, *, caller: str = PLATFORM, **changes: Any) -> list[pb.GetPackResponse]:  # noqa: ANN401 - a stub, any field
    """Get a pack of Chongqing's cards, as Sichuan's platform."""
    request = pb.GetPackRequest(**{"home_regions": ["chongqing"], **changes})
    return [part async for part in stub.GetPack(request, metadata=bearer(caller, side.clock), timeout=30)]


async def test_a_pack_comes_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first says what comes; together they are the file."""
    monkeypatch.setattr(module, "CHUNK_BYTES", 1000)
    async with offline() as (side, stub):
        first, *rest = await fetched(stub, side, life=Duration(seconds=600))
        data = b"".join(part.data for part in (first, *rest))
        pack = OfflinePack.read(data, keys=[KEYS["sichuan"].public().to_jwk()])
        assert len(rest) == -(-len(data) // 1000) - 1
        assert (first.size, first.serial, first.update) == (len(data), pack.statement.serial, False)
        assert first.expire_time.seconds == pack.statement.exp == int(side.clock()) + 600
        (region,) = first.regions
        assert (region.region, region.reported, region.one_in) == ("chongqing", 1, pack.one_in("chongqing"))
        assert region.status_as_of.seconds == int(side.clock())
        assert {(part.size, len(part.regions)) for part in rest} == {(0, 0)}
        (decision,) = side.decisions
        assert (decision.method, decision.source, decision.detail) == (
            "OfflineService/GetPack",
            "sichuan",
            str(first.serial),
        )
        side.clock.advance(20)
        update = await fetched(stub, side, base_serial=first.serial)
        assert update[0].update
        assert apply_update(data, b"".join(part.data for part in update))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"home_regions": []}, "INVALID_FIELD"),
        ({"home_regions": ["X!"]}, "INVALID_FIELD"),
        ({"home_regions": ["guizhou"]}, "NO_AGREEMENT"),
        ({"home_regions": ["nowhere"]}, "UNKNOWN_REGION"),
        ({"items": ["a b"]}, "INVALID_FIELD"),
        ({"items": ["SC-99"]}, "UNKNOWN_ITEM"),
        ({"items": ["SC-15"] * 4097}, "INVALID_FIELD"),
        ({"life": Duration(seconds=-1)}, "INVALID_FIELD"),
        ({"life": Duration(seconds=32 * 86_400)}, "INVALID_FIELD"),
        ({"base_serial": -1}, "INVALID_FIELD"),
        ({"caller": PEER}, "CALLER_REGION"),
    ],
)
async def test_a_wish_that_cannot_be_met_is_refused(changes: dict[str, Any], reason: str) -> None:
    """With a reason of the contract."""
    async with offline() as (side, stub):
        assert (await refused(fetched(stub, side, **changes))).reason == reason
