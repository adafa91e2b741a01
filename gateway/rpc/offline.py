"""OfflineService: gives packs with which the gates of the caller's region verify without network."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from gateway.errors import CallerRegionError, InvalidFieldError
from gateway.rpc import convert
from gateway.rpc.exchange_in import actor_of
from gateway.services.offline_packs import PackWish
from onecard.gateway.v1 import offline_service_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from gateway.rpc.boundary import Call
    from gateway.services.evidence import Decision
    from gateway.services.offline_packs import MadePack, OfflinePacks

CHUNK_BYTES: Final = 256 * 1024
_MOST: Final = 4096
_LONGEST_LIFE: Final = 31 * 86_400


class OfflineServicer:
    """Serves OfflineService."""

    SERVICE: ClassVar = pb.DESCRIPTOR.services_by_name["OfflineService"]
    SCOPES: ClassVar = {"GetPack": "pack.read"}
    WAITS: ClassVar = frozenset[str]()
    DECIDES: ClassVar = frozenset({"GetPack"})

    def __init__(self, packs: OfflinePacks, *, record: Callable[[Decision], Awaitable[None]]) -> None:
        """Take the use case, and what records who was given which pack."""
        self._packs = packs
        self._record = record

    async def get_pack(self, request: pb.GetPackRequest, call: Call) -> AsyncGenerator[pb.GetPackResponse]:
        """Give a pack, or an update of one, in pieces."""
        if call.caller.kind == "gateway":
            raise CallerRegionError(region=call.caller.region)
        region = call.caller.region
        call.note.source = region
        made = await self._packs(_wish(request, region))
        await self._record(actor_of(call).decision(source=region, detail=str(made.pack.statement.serial)))
        first = _about(made)
        for begin in range(0, len(made.data), CHUNK_BYTES):
            first.data = made.data[begin : begin + CHUNK_BYTES]
            yield first
            first = pb.GetPackResponse()


def _wish(request: pb.GetPackRequest, visited: str) -> PackWish:
    """Read what is wanted (InvalidFieldError)."""
    fields = convert.Fields()
    for number, region in enumerate(request.home_regions[:_MOST]):
        fields.region(f"home_regions[{number}]", region)
    for number, item in enumerate(request.items[:_MOST]):
        fields.item(f"items[{number}]", item)
    if len(request.items) > _MOST or len(request.home_regions) > _MOST:
        fields.add("items", f"at_most_{_MOST}")
    if request.base_serial < 0:
        fields.add("base_serial", "not_negative")
    fields.finish()
    life = request.life.seconds if request.HasField("life") else None
    if life is not None and not 0 < life <= _LONGEST_LIFE:
        raise InvalidFieldError(("life", "1_second_to_31_days"))
    return PackWish(
        visited=visited,
        homes=tuple(request.home_regions),
        items=tuple(request.items),
        life=life,
        base=request.base_serial,
    )


def _about(made: MadePack) -> pb.GetPackResponse:
    """Say what comes."""
    statement = made.pack.statement
    message = pb.GetPackResponse(serial=statement.serial, update=made.update, size=len(made.data))
    convert.set_seconds(message.expire_time, statement.exp)
    for region, part in statement.regions.items():
        told = message.regions.add(region=region, reported=made.pack.count(region), one_in=made.pack.one_in(region))
        convert.set_seconds(told.status_as_of, part.as_of)
    return message
