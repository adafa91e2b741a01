"""Records of calls: exactly one for each decision, before the reply, and nothing in it that is personal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adapters.errors import CardNotFoundError
from gateway.rpc.recording import Allowance
from gateway.services.evidence import Known, Outcome, Subject
from onecard.gateway.v1 import card_pb2
from onecard.gateway.v1 import identity_service_pb2 as pb
from onecard.gateway.v1.identity_service_pb2_grpc import IdentityServiceStub
from onecard.gateway.v1.recognition_service_pb2 import VerifyRecognitionRequest
from onecard.gateway.v1.recognition_service_pb2_grpc import RecognitionServiceStub
from onecard.gateway.v1.region_service_pb2 import ListRegionsRequest
from onecard.gateway.v1.region_service_pb2_grpc import RegionServiceStub
from tests.fakes.callers import HOME_PLATFORM, PLATFORM, bearer
from tests.fakes.node import FakeNode, channel_to
from tests.fakes.recording import recorder
from tests.fakes.regions import record
from tests.gateway.rpc.requests import issue, verify
from tests.gateway.rpc.told import refused

if TYPE_CHECKING:
    from gateway.services.evidence import Decision

ONE_TIME = {"visited_item": "SC-04", "purpose": card_pb2.PURPOSE_BENEFIT_DISBURSEMENT}
NUMBERS = ("500112190302110117",)


def only(node: FakeNode) -> Decision:
    """Give the one decision that was recorded."""
    assert len(node.evidence.decisions) == 1
    return node.evidence.decisions[0]


async def test_an_answer_about_a_card_is_recorded_once_and_before_the_reply() -> None:
    """The record says who asked whom about which item, with which key, and how it ended."""
    node = FakeNode()
    async with channel_to(node.server()) as channel:
        stub: Any = IdentityServiceStub(channel)
        response = await stub.VerifyCard(verify(), metadata=bearer(PLATFORM, node.clock))
    one = only(node)
    assert (one.method, one.outcome, one.reason) == ("IdentityService/VerifyCard", Outcome.ALLOWED, "OK")
    assert (one.caller, one.source, one.target, one.item) == (PLATFORM, "sichuan", "chongqing", "SC-15")
    assert one.subject == Subject(Known.HOLDER, "chongqing", "ssn:500112190302110117")
    assert one.recognition
    assert one.kid
    assert one.token
    assert one.trace_id
    assert response.recognition
    assert not any(number in repr(one) for number in NUMBERS)


async def test_an_answer_that_is_given_again_is_recorded_again() -> None:
    """A repeated request has one effect and two records, which say the same."""
    node = FakeNode()
    async with channel_to(node.server()) as channel:
        stub: Any = IdentityServiceStub(channel)
        for _ in range(2):
            await stub.VerifyCard(verify(), metadata=bearer(PLATFORM, node.clock))
    first, second = node.evidence.decisions
    assert (first.subject, first.recognition, first.outcome) == (second.subject, second.recognition, second.outcome)
    assert first.id != second.id


async def test_a_card_that_may_not_be_used_is_a_refusal_with_its_reason() -> None:
    """A verdict that refuses every class is recorded as refused, for the reason of the first class."""
    node = FakeNode()
    node.platform.record = record("chongqing", "locked")
    async with channel_to(node.server()) as channel:
        stub: Any = IdentityServiceStub(channel)
        await stub.VerifyCard(verify("locked"), metadata=bearer(PLATFORM, node.clock))
    one = only(node)
    assert (one.outcome, one.reason, one.recognition) == (Outcome.REFUSED, "CARD_LOCKED", "")
    assert one.subject is not None
    assert one.subject.known is Known.HOLDER


async def test_a_card_that_is_not_there_is_recorded_under_the_number_that_was_shown() -> None:
    """Whoever tries numbers is found by the holders of the right ones."""
    node = FakeNode()
    node.platform.failure = CardNotFoundError(region="chongqing")
    async with channel_to(node.server()) as channel:
        stub: Any = IdentityServiceStub(channel)
        await refused(stub.VerifyCard(verify(), metadata=bearer(PLATFORM, node.clock)))
    one = only(node)
    assert (one.outcome, one.reason, one.who_failed) == (Outcome.REFUSED, "CARD_NOT_FOUND", "caller")
    assert one.subject == Subject(Known.HOLDER, "chongqing", "ssn:500112190302110117")


async def test_each_entry_of_a_batch_is_recorded_and_all_in_one_commit() -> None:
    """A message of three entries, one of them wrong, is three records that were written together."""
    node = FakeNode()
    entries = [verify(request_id="1"), verify(request_id="2", visited_item=""), verify(request_id="3")]
    async with channel_to(node.server()) as channel:
        stub: Any = IdentityServiceStub(channel)
        stream = stub.BatchVerifyCards(metadata=bearer(PLATFORM, node.clock))
        await stream.write(pb.BatchVerifyCardsRequest(entries=entries))
        await stream.done_writing()
        await stream.read()
    (commit,) = node.evidence.commits
    assert sorted((one.outcome, one.reason) for one in commit) == [
        (Outcome.ALLOWED, "OK"),
        (Outcome.ALLOWED, "OK"),
        (Outcome.FAILED, "INVALID_FIELD"),
    ]


async def test_whoever_is_refused_is_recorded_on_any_method() -> None:
    """No token, no right to a method: one record each, though the method decides nothing."""
    node = FakeNode()
    async with channel_to(node.server()) as channel:
        stub: Any = RegionServiceStub(channel)
        await refused(stub.ListRegions(ListRegionsRequest()))
        await refused(stub.ListRegions(ListRegionsRequest(), metadata=bearer("reader", node.clock)))
        await stub.ListRegions(ListRegionsRequest(), metadata=bearer(PLATFORM, node.clock))
    stranger, reader = node.evidence.decisions
    assert (stranger.reason, stranger.caller, stranger.outcome) == ("UNAUTHENTICATED", "", Outcome.REFUSED)
    assert (reader.reason, reader.caller, reader.who_failed) == ("SCOPE", "reader", "caller")


async def test_a_recognition_is_recorded_when_it_is_issued_verified_and_shown_again() -> None:
    """Issue, proof and replay of a one-time recognition name the same recognition."""
    node = FakeNode()
    async with channel_to(node.server()) as channel:
        stub: Any = RecognitionServiceStub(channel)
        issued = await stub.IssueRecognition(issue(**ONE_TIME), metadata=bearer(HOME_PLATFORM, node.clock))
        shown = VerifyRecognitionRequest(recognition=issued.recognition)
        await stub.VerifyRecognition(shown, metadata=bearer(PLATFORM, node.clock))
        assert (await refused(stub.VerifyRecognition(shown, metadata=bearer(PLATFORM, node.clock)))).reason == "REPLAY"
    made, proved, replayed = node.evidence.decisions
    assert {one.recognition for one in node.evidence.decisions} == {issued.claims.token_id}
    assert (made.source, made.target, made.subject) == (
        "chongqing",
        "sichuan",
        Subject(Known.HOLDER, "chongqing", "ssn:500112190302110117"),
    )
    assert proved.subject == replayed.subject == Subject(Known.PSEUDONYM, "chongqing", issued.claims.subject)
    assert (proved.source, proved.target, proved.outcome) == ("sichuan", "chongqing", Outcome.ALLOWED)
    assert (replayed.outcome, replayed.reason) == (Outcome.REFUSED, "REPLAY")


async def test_what_was_typed_in_the_place_of_a_name_is_not_recorded() -> None:
    """An item or region that there is not may be anything, a card number too."""
    node = FakeNode()
    number = "".join(reversed(NUMBERS[0]))
    async with channel_to(node.server()) as channel:
        stub: Any = IdentityServiceStub(channel)
        for changes in ({"visited_item": number}, {"home_region": f"r{number}"}):
            await refused(stub.VerifyCard(verify(**changes), metadata=bearer(PLATFORM, node.clock)))
    items = [(one.target, one.item) for one in node.evidence.decisions]
    assert items == [("chongqing", ""), ("", "SC-15")]


async def test_what_cannot_be_recorded_is_not_told() -> None:
    """Where the store is broken a call is UNAVAILABLE, whether it would have been answered or refused."""
    node = FakeNode()
    node.evidence.broken = True
    async with channel_to(node.server()) as channel:
        stub: Any = IdentityServiceStub(channel)
        for metadata in (bearer(PLATFORM, node.clock), ()):
            told = await refused(stub.VerifyCard(verify(), metadata=metadata))
            assert (told.code, told.reason) == ("UNAVAILABLE", "STORE_UNAVAILABLE")
    assert node.evidence.decisions == []


async def test_what_nobody_has_decided_is_not_recorded() -> None:
    """A gateway that stops has said nothing about anybody."""
    node = FakeNode()
    node.boundary.stop()
    async with channel_to(node.server()) as channel:
        stub: Any = IdentityServiceStub(channel)
        told = await refused(stub.VerifyCard(verify(), metadata=bearer(PLATFORM, node.clock)))
    assert told.reason == "SHUTTING_DOWN"
    assert node.evidence.decisions == []


async def test_forged_tokens_fill_no_disk() -> None:
    """Beyond their allowance strangers are told of a limit and counted; others are recorded as ever."""
    now = [0.0]
    node = FakeNode()
    allowance = Allowance(1.0, clock=lambda: now[0])
    node.boundary._recorder = recorder(node.evidence, allowance=allowance)
    async with channel_to(node.server()) as channel:
        stub: Any = RegionServiceStub(channel)
        told = [(await refused(stub.ListRegions(ListRegionsRequest()))).reason for _ in range(25)]
        assert told == ["UNAUTHENTICATED"] * 20 + ["LIMIT"] * 5
        assert len(node.evidence.decisions) == 20
        denied = await refused(stub.ListRegions(ListRegionsRequest(), metadata=bearer("reader", node.clock)))
        assert denied.reason == "SCOPE"
        *_, known, counted = node.evidence.decisions
        assert known.caller == "reader"
        assert (counted.method, counted.reason, counted.detail) == ("refusals", "LIMIT", "5")
        now[0] = 2.0
        for reason in ("UNAUTHENTICATED", "UNAUTHENTICATED", "LIMIT"):
            assert (await refused(stub.ListRegions(ListRegionsRequest()))).reason == reason
    assert len(node.evidence.decisions) == 24
