"""The log of another gateway: shows ours to it, and asks it for proofs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.errors import PeerProtocolError
from gateway.services.evidence_gossip import Answered
from onecard.gateway.v1 import evidence_service_pb2 as pb
from trust.checkpoint import Checkpoint
from trust.errors import TrustError
from trust.note import NoteSignature, read_note

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.peers.channel import PeerChannel

_EXCHANGE: Final = "/onecard.gateway.v1.EvidenceService/ExchangeCheckpoints"
_CONSISTENCY: Final = "/onecard.gateway.v1.EvidenceService/GetConsistencyProof"


class PeerLog:
    """The log of the gateway of one region, asked on behalf of a home region of ours.

    Its methods raise what `PeerChannel.call` raises.
    """

    def __init__(self, peer: PeerChannel, *, asking: str) -> None:
        """Take the channel to the peer, and the region that asks."""
        self._peer = peer
        self._asking = asking

    async def show(self, note: str, *, from_size: int, path: Sequence[bytes], seen: Sequence[str]) -> Answered:
        """Show our checkpoint, and what we hold of others (PeerProtocolError where the answer is none)."""
        request = pb.ExchangeCheckpointsRequest(checkpoint=note, from_size=from_size, path=path, seen=seen)
        response = await self._peer.call(
            _EXCHANGE, request, pb.ExchangeCheckpointsResponse, asking=self._asking, scope="evidence.exchange"
        )
        try:
            held = Checkpoint.from_text(read_note(response.held.note).text)
            line = NoteSignature.from_text(response.cosignature) if response.cosignature else None
        except TrustError as error:
            raise PeerProtocolError(region=self._peer.region, rule="checkpoint") from error
        return Answered(held, response.held.note, line)

    async def consistency(self, first: int, second: int) -> Sequence[bytes]:
        """Ask for the proof between two of its sizes."""
        request = pb.GetConsistencyProofRequest(first_size=first, second_size=second)
        response = await self._peer.call(
            _CONSISTENCY, request, pb.GetConsistencyProofResponse, asking=self._asking, scope="evidence.read"
        )
        return tuple(response.path)
