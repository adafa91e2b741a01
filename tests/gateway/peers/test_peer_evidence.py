"""The log of another gateway over the wire's messages: what is asked, and what is believed of the answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from gateway.errors import PeerProtocolError
from gateway.peers.evidence import PeerLog
from onecard.gateway.v1 import evidence_pb2
from onecard.gateway.v1 import evidence_service_pb2 as pb
from tests.gateway.services.evidence_logs import KEYS
from trust.checkpoint import Checkpoint, cosign, sign_checkpoint
from trust.signer import KeySigner

if TYPE_CHECKING:
    from google.protobuf.message import Message

OURS, THEIRS, _ = KEYS
HEAD = Checkpoint(OURS, 9, bytes(32))
NOTE = sign_checkpoint(HEAD, signer=KeySigner(KEYS[OURS])).to_text()
LINE = cosign(HEAD, signer=KeySigner(KEYS[THEIRS]), name=THEIRS, at=1)


@dataclass(slots=True)
class FakeChannel:
    """Answers with one message, and notes what was asked."""

    answer: Message
    region: str = "sichuan"
    asked: list[tuple[str, Any, str, str]] = field(default_factory=list)

    async def call(self, method: str, request: Message, answer: type[Message], *, asking: str, scope: str) -> Message:
        """Answer a call."""
        self.asked.append((method, request, asking, scope))
        assert type(self.answer) is answer
        return self.answer


def log(answer: Message) -> tuple[PeerLog, FakeChannel]:
    """Make the log of a peer."""
    channel: Any = FakeChannel(answer)
    return PeerLog(channel, asking="chongqing"), channel


async def test_a_checkpoint_is_shown_with_its_proof() -> None:
    """The peer gets checkpoint, proof and what else is held, and its line comes back."""
    held = evidence_pb2.Checkpoint(note=NOTE, size=9)
    peer, channel = log(pb.ExchangeCheckpointsResponse(held=held, cosignature=LINE.to_text()))
    answered = await peer.show(NOTE, from_size=3, path=[b"x" * 32], seen=["other"])
    assert (answered.held, answered.note, answered.cosignature) == (HEAD, NOTE, LINE)
    ((method, request, asking, scope),) = channel.asked
    assert method == "/onecard.gateway.v1.EvidenceService/ExchangeCheckpoints"
    assert (request.checkpoint, request.from_size, list(request.seen)) == (NOTE, 3, ["other"])
    assert (asking, scope) == ("chongqing", "evidence.exchange")


async def test_a_peer_that_holds_another_one_has_no_line() -> None:
    """Without a cosignature there is what the peer holds."""
    peer, _channel = log(pb.ExchangeCheckpointsResponse(held=evidence_pb2.Checkpoint(note=NOTE, size=9)))
    assert (await peer.show(NOTE, from_size=0, path=(), seen=())).cosignature is None


@pytest.mark.parametrize(("note", "line"), [("", ""), ("no note", ""), (NOTE, "no line"), (NOTE, LINE.to_text()[:-9])])
async def test_an_answer_that_is_none_is_not_believed(note: str, line: str) -> None:
    """A peer answers with a note and a line, or not at all."""
    peer, _channel = log(pb.ExchangeCheckpointsResponse(held=evidence_pb2.Checkpoint(note=note), cosignature=line))
    with pytest.raises(PeerProtocolError):
        await peer.show(NOTE, from_size=0, path=(), seen=())


async def test_a_proof_is_asked_for() -> None:
    """Two sizes go, hashes come."""
    peer, channel = log(pb.GetConsistencyProofResponse(path=[b"x" * 32]))
    assert await peer.consistency(3, 9) == (b"x" * 32,)
    ((_, request, _, scope),) = channel.asked
    assert (request.first_size, request.second_size, scope) == (3, 9, "evidence.read")
