"""Another gateway as home side: a client of the public contract that believes only what is signed."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import error_details_pb2, status_pb2

from adapters.errors import PlatformUnavailableError
from adapters.words import Medium, Purpose
from gateway.errors import DeadlineError, GatewayError, PeerProtocolError, PeerRefusedError, PeerUnavailableError
from gateway.peers import channel as module
from gateway.peers.messages import REASONS
from onecard.gateway.v1 import identity_service_pb2 as pb
from onecard.gateway.v1.identity_service_pb2_grpc import IdentityServiceStub
from tests.fakes.authority import FakeAuthority
from tests.fakes.callers import PLATFORM, bearer
from tests.fakes.clock import FakeClock
from tests.fakes.node import FakeNode, channel_to
from tests.fakes.regions import question, record
from tests.gateway.peers.hostile_peer import (
    AUDIENCE,
    AUTHORITY,
    CREDENTIALS,
    HostilePeer,
    Refusal,
    listening,
    peer_home,
    refusal,
)
from tests.gateway.rpc.requests import verify
from tests.gateway.rpc.told import refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.peers.peer_home import PeerHome

BROKEN = Refusal(grpc.StatusCode.UNAVAILABLE)
ASKED = question()


@asynccontextmanager
async def chongqing(node: FakeNode) -> AsyncIterator[str]:
    """Run Chongqing's real gateway over TLS, and give its address."""
    server = node.server()
    port = server.listen("127.0.0.1:0", CREDENTIALS)
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(drain_seconds=0)


async def fails(peer: HostilePeer, error: type[GatewayError]) -> tuple[GatewayError, PeerHome]:
    """Ask a peer that must fail, and see that nothing of its words is in the error."""
    async with listening(peer) as address, peer_home(address) as home:
        with pytest.raises(error) as caught:
            await home.answer(ASKED, disclose=True)
        assert type(caught.value) is error
        assert "500112190302110117" not in f"{caught.value} {caught.value.metadata} {caught.value!r}"
        assert caught.value.__suppress_context__ or caught.value.__context__ is None
        return caught.value, home


async def test_a_peers_answer_is_the_same_as_ones_own() -> None:
    """Verdict, identity and claims cross the wire unchanged, but for names and places; the token is its own proof."""
    node = FakeNode(audience=AUDIENCE)
    async with chongqing(node) as address, peer_home(address, clock=node.clock) as home:
        assert home.reachable
        told = await home.answer(ASKED, disclose=True)
        own = await node.homes["chongqing"].answer(replace(ASKED, request_id="other"), disclose=True)
    assert told.verdict == own.verdict
    assert told.identity == own.identity
    assert told.claims is not None
    assert own.claims is not None
    changes: dict[str, Any] = {name: getattr(own.claims, name) for name in ("jti", "request_hash", "status")}
    assert replace(told.claims, **changes) == own.claims
    assert home.reachable


async def test_a_peer_that_refuses_a_card_is_believed_without_proof() -> None:
    """No identity, no recognition, no claims."""
    node = FakeNode(audience=AUDIENCE)
    node.platform.record = record("chongqing", "sealed")
    node.platform.record |= {"aaz500": "A00000001", "aac002": "500112190302110117"}
    async with chongqing(node) as address, peer_home(address, clock=node.clock) as home:
        told = await home.answer(ASKED, disclose=True)
    assert told.verdict.classes[0].reason == "CARD_SEALED"
    assert (told.identity, told.recognition, told.claims) == (None, None, None)


async def test_no_identity_is_asked_for_where_none_is_wanted() -> None:
    """The peer is told how much is wanted."""
    node = FakeNode(audience=AUDIENCE)
    async with chongqing(node) as address, peer_home(address, clock=node.clock) as home:
        told = await home.answer(ASKED, disclose=False)
    assert told.identity is None
    assert told.recognition


async def test_a_broken_connection_is_tried_once_more() -> None:
    """The second try has the same request id, so that it has no second effect."""
    peer = HostilePeer([BROKEN, refusal("NOT_FOUND", "CARD_NOT_FOUND")])
    error, home = await fails(peer, PeerRefusedError)
    assert len(peer.asked) == 2
    assert peer.asked[0] == peer.asked[1]
    assert isinstance(error, PeerRefusedError)
    assert home.reachable


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED])
async def test_a_peer_that_stays_away_is_unavailable(code: grpc.StatusCode) -> None:
    """Two tries and no more; then the peer is known to be unreachable."""
    peer = HostilePeer([Refusal(code)])
    error, home = await fails(peer, PeerUnavailableError)
    assert error.metadata == {"region": "chongqing"}
    assert len(peer.asked) == 2
    assert not home.reachable


async def test_nobody_at_the_address_is_unavailable_and_comes_back() -> None:
    """A peer that was away is reachable again with its next answer, be it a refusal."""
    peer = HostilePeer([refusal("NOT_FOUND", "CARD_NOT_FOUND")])
    async with listening(peer) as address:
        pass
    async with peer_home(address) as home:
        with pytest.raises(PeerUnavailableError):
            await home.answer(ASKED, disclose=True)
        assert not home.reachable
    peer.answers = [BROKEN, BROKEN, refusal("NOT_FOUND", "CARD_NOT_FOUND")]
    async with listening(peer) as address, peer_home(address) as home:
        for error, reachable in ((PeerUnavailableError, False), (PeerRefusedError, True)):
            with pytest.raises(error):
                await home.answer(ASKED, disclose=True)
            assert home.reachable is reachable


async def test_a_peer_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """One try, since the time is up."""
    monkeypatch.setattr(module, "_TIMEOUT_SECONDS", 0.05)
    peer = HostilePeer([b""], gate=asyncio.Event())
    async with listening(peer) as address, peer_home(address) as home:
        with pytest.raises(DeadlineError):
            await home.answer(ASKED, disclose=True)
        assert not home.reachable
    assert len(peer.asked) == 1


@pytest.mark.parametrize("wrong", ["name", "authority"])
async def test_a_server_that_cannot_prove_its_name_is_not_spoken_to(wrong: str) -> None:
    """Another name in the certificate, or a certificate of somebody else: no request is sent."""
    peer = HostilePeer([b""])
    credentials = AUTHORITY.credentials("sichuan.onecard.test") if wrong == "name" else CREDENTIALS
    ca = AUTHORITY.certificate if wrong == "name" else FakeAuthority("other CA").certificate
    async with listening(peer, credentials=credentials) as address, peer_home(address, ca=ca) as home:
        with pytest.raises(PeerUnavailableError):
            await home.answer(ASKED, disclose=True)
    assert peer.asked == []


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("NOT_FOUND", "CARD_NOT_FOUND"),
        ("NOT_FOUND", "HOLDER_MISMATCH"),
        ("FAILED_PRECONDITION", "CREDENTIAL_USED"),
        ("UNAVAILABLE", "PLATFORM_UNAVAILABLE"),
        ("PERMISSION_DENIED", "NO_AGREEMENT"),
        ("RESOURCE_EXHAUSTED", "LIMIT"),
        ("INVALID_ARGUMENT", "UNSUPPORTED_CREDENTIAL"),
    ],
)
async def test_a_peers_error_of_the_contract_is_passed_on(code: str, reason: str) -> None:
    """With code, reason, the safe metadata and the fields it names; nothing else of what it says."""
    good = error_details_pb2.BadRequest.FieldViolation(field="f" * 64, description="d" * 64)
    prose = error_details_pb2.BadRequest.FieldViolation(field="the holder", description="500112190302110117")
    bad = error_details_pb2.BadRequest(field_violations=[prose, *([good] * 20)])
    unknown = error_details_pb2.Help()
    told = {"region": "elsewhere", "rule": "r" * 64, "who_failed": "platform", "secret": "500112190302110117"}
    told |= {"field": "500112190302110117", "fault": "words of its own"}
    peer = HostilePeer([refusal(code, reason, bad, unknown, **told)])
    error, home = await fails(peer, PeerRefusedError)
    assert isinstance(error, PeerRefusedError)
    assert (error.code, error.reason) == (code, reason)
    assert error.metadata == {"region": "chongqing", "rule": "r" * 64, "who_failed": "platform"}
    assert error.violations == (("f" * 64, "d" * 64),) * 19
    assert len(peer.asked) == 1
    assert home.reachable


@pytest.mark.parametrize(
    ("code", "reason"), [("OUT_OF_RANGE", "OK"), ("DATA_LOSS", "UNFORESEEN"), ("NOT_FOUND", "CARD_LOCKED")]
)
async def test_a_code_and_a_reason_that_do_not_go_together_are_not_passed_on(code: str, reason: str) -> None:
    """Whatever a peer makes up becomes the one error that says that it cannot be believed."""
    error, _ = await fails(HostilePeer([refusal(code, reason)]), PeerProtocolError)
    assert error.metadata["rule"] == "unknown_reason"


def garbled(kind: str) -> bytes:
    """Make details whose ErrorInfo or BadRequest cannot be read."""
    status = status_pb2.Status(code=5)
    info = AnyMessage()
    info.Pack(error_details_pb2.ErrorInfo(reason="CARD_NOT_FOUND"))
    status.details.append(info)
    status.details.append(AnyMessage(type_url=f"type.googleapis.com/google.rpc.{kind}", value=b"\xff\xff"))
    return status.SerializeToString()


PROTOCOL: list[tuple[Refusal | bytes, str]] = [
    (refusal("UNAUTHENTICATED", "EXPIRED"), "EXPIRED"),
    (refusal("INTERNAL", "UNFORESEEN"), "UNFORESEEN"),
    (refusal("UNKNOWN", "CARD_NOT_FOUND"), "CARD_NOT_FOUND"),
    (refusal("UNIMPLEMENTED", "CARD_NOT_FOUND"), "CARD_NOT_FOUND"),
    (refusal("PERMISSION_DENIED", "SCOPE"), "SCOPE"),
    (refusal("PERMISSION_DENIED", "CALLER_REGION"), "CALLER_REGION"),
    (refusal("PERMISSION_DENIED", "NOT_TRANSITIVE"), "NOT_TRANSITIVE"),
    (refusal("ALREADY_EXISTS", "REQUEST_ID_REUSED"), "REQUEST_ID_REUSED"),
    (refusal("INVALID_ARGUMENT", "MALFORMED_REQUEST"), "MALFORMED_REQUEST"),
    (refusal("NOT_FOUND", "500112190302110117"), "unknown_reason"),
    (refusal("NOT_FOUND", "UNSPECIFIED"), "unknown_reason"),
    (refusal("NOT_FOUND", ""), "unknown_reason"),
    (Refusal(grpc.StatusCode.NOT_FOUND), "NOT_FOUND"),
    (Refusal(grpc.StatusCode.UNKNOWN), "UNKNOWN"),
    (Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED), "RESOURCE_EXHAUSTED"),
    (Refusal(grpc.StatusCode.NOT_FOUND, b"\xff\xff"), "NOT_FOUND"),
    (Refusal(grpc.StatusCode.NOT_FOUND, b""), "NOT_FOUND"),
    (Refusal(grpc.StatusCode.NOT_FOUND, garbled("ErrorInfo")), "NOT_FOUND"),
    (Refusal(grpc.StatusCode.NOT_FOUND, garbled("BadRequest")), "NOT_FOUND"),
    (b"\xff\xff", "unreadable"),
    (b"", "answer:ValueError"),
]


@pytest.mark.parametrize(("answer", "rule"), PROTOCOL, ids=[rule for _, rule in PROTOCOL])
async def test_what_is_no_answer_of_the_contract_is_not_passed_on(answer: Refusal | bytes, rule: str) -> None:
    """Trouble with our own credentials, bugs of the peer and unknown reasons are all PEER_PROTOCOL to our caller."""
    peer = HostilePeer([answer])
    error, home = await fails(peer, PeerProtocolError)
    assert error.metadata["region"] == "chongqing"
    if error.metadata["rule"] != "500112190302110117":
        assert error.metadata["rule"] == rule
    assert home.reachable
    assert len(peer.asked) == 1


def test_only_reasons_that_can_be_explained_are_passed_on() -> None:
    """Each has its texts."""
    from gateway.reasons import load_reasons  # noqa: PLC0415 - here only

    assert {reason.code for reason in load_reasons()} == REASONS


async def honest(node: FakeNode) -> tuple[pb.VerifyCardRequest, pb.VerifyCardResponse]:
    """Get the answer of Chongqing's real gateway to the very request that a PeerHome sends."""
    peer = HostilePeer([BROKEN])
    async with listening(peer) as address, peer_home(address) as home:
        with pytest.raises(PeerUnavailableError):
            await home.answer(ASKED, disclose=True)
    async with channel_to(node.server()) as channel:
        stub: Any = IdentityServiceStub(channel)
        reply = await stub.VerifyCard(peer.asked[0], metadata=bearer("gateway.sichuan", node.clock))
    return peer.asked[0], reply


async def test_a_forged_or_missing_recognition_is_not_believed() -> None:
    """The positive twin first: the same peer with the honest answer is believed."""
    _, good = await honest(FakeNode())
    peer = HostilePeer([good])
    async with listening(peer) as address, peer_home(address) as home:
        assert (await home.answer(ASKED, disclose=True)).claims
    for change, rule in (
        ({"recognition": ""}, "no_recognition"),
        ({"recognition": "x"}, "MalformedTokenError"),
        ({"recognition": good.recognition[:-6] + "AAAAAA"}, "BadSignatureError"),
    ):
        forged = pb.VerifyCardResponse()
        forged.CopyFrom(good)
        forged.recognition = change["recognition"]
        error, _ = await fails(HostilePeer([forged]), PeerProtocolError)
        assert error.metadata == {"region": "chongqing", "rule": rule}


async def test_an_answer_to_another_request_is_not_believed() -> None:
    """A recorded answer does not fit the next question."""
    _, good = await honest(FakeNode())
    async with listening(HostilePeer([good])) as address, peer_home(address) as home:
        for changes in (
            {"request_id": "request-2"},
            {"purpose": Purpose.IDENTITY_CHECK},
            {"medium": Medium.ELECTRONIC},
        ):
            with pytest.raises(PeerProtocolError) as caught:
                await home.answer(question(**changes), disclose=True)
            assert caught.value.metadata["rule"] == "BindingError"


async def test_a_token_is_used_again_until_shortly_before_it_expires() -> None:
    """So that the peer can remember it, and never sees one that is about to run out."""
    clock = FakeClock()
    peer = HostilePeer([refusal("NOT_FOUND", "CARD_NOT_FOUND")])
    async with listening(peer) as address, peer_home(address, clock=clock) as home:
        for seconds in (0, 100, 139, 1, 239, 1):
            clock.advance(seconds)
            with pytest.raises(PeerRefusedError):
                await home.answer(ASKED, disclose=True)
    one, two, three, four, five, six = peer.tokens
    assert one == two == three
    assert four == five
    assert len({one, four, six}) == 3
    assert all(token.startswith("Bearer ") for token in peer.tokens)


async def test_request_ids_are_stable_and_tell_nothing() -> None:
    """The same question has the same id, another one another, and neither is the caller's own or the digest."""
    peer = HostilePeer([refusal("NOT_FOUND", "CARD_NOT_FOUND")])
    async with listening(peer) as address, peer_home(address) as home:
        for asked in (ASKED, ASKED, question(request_id="request-2"), question(purpose=Purpose.IDENTITY_CHECK)):
            with pytest.raises(PeerRefusedError):
                await home.answer(asked, disclose=True)
    ids = [request.request_id for request in peer.asked]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3
    assert not {"request-1", "request-2", ASKED.digest()} & set(ids)
    assert all(len(request_id) == 64 for request_id in ids)


async def test_two_gateways_answer_a_platform_together() -> None:
    """Sichuan's platform asks its own gateway, which asks Chongqing's; errors keep their reason and say who failed."""
    far = FakeNode(audience=AUDIENCE)
    async with chongqing(far) as address, peer_home(address, clock=far.clock) as home:
        near = FakeNode(region="sichuan", homes={"chongqing": home}, clock=far.clock)
        async with channel_to(near.server()) as channel:
            stub: Any = IdentityServiceStub(channel)
            reply = await stub.VerifyCard(verify(), metadata=bearer(PLATFORM, near.clock))
            again = await stub.VerifyCard(verify(), metadata=bearer(PLATFORM, near.clock))
            far.platform.failure = PlatformUnavailableError(region="chongqing", fault="connect")
            down = await refused(stub.VerifyCard(verify(request_id="2"), metadata=bearer(PLATFORM, near.clock)))
            far.platform.failure = None
            far.platform.record["aaz500"] = "A00000003"
            wrong = verify(request_id="3")
            mismatch = await refused(stub.VerifyCard(wrong, metadata=bearer(PLATFORM, near.clock)))
    assert reply.identity.holder.name == "测试甲"
    assert reply.regional_identity.region == "sichuan"
    assert again.replayed
    assert (down.code, down.reason) == ("UNAVAILABLE", "PLATFORM_UNAVAILABLE")
    assert (down.metadata["who_failed"], down.retry_seconds) == ("platform", 2)
    assert (mismatch.code, mismatch.reason) == ("NOT_FOUND", "CARD_NOT_FOUND")
    assert len(far.platform.asked) == 3
    assert near.journal.lines[-1]["caller"] == PLATFORM
    assert far.journal.lines[-1]["caller"] == "gateway.sichuan"
    for node in (near, far):
        assert "500112190302110117" not in node.journal.text


async def test_a_home_that_was_never_asked_closes_quietly() -> None:
    """The channel is opened by the first call."""
    async with peer_home("127.0.0.1:1"):
        pass
