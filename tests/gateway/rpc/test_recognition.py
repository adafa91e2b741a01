"""RecognitionService: a statement for one's own card, and the proof of one that is handed over."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from gateway.services.local_home import RECOGNITION_SECONDS
from onecard.gateway.v1 import card_pb2
from onecard.gateway.v1 import recognition_service_pb2 as pb
from onecard.gateway.v1.recognition_service_pb2_grpc import RecognitionServiceStub
from tests.fakes.callers import HOME_PLATFORM, PEER, PLATFORM, bearer
from tests.fakes.clock import NOON
from tests.fakes.node import FakeNode, channel_to
from tests.fakes.regions import KEYS, RECOGNITIONS, local_home, question, record
from tests.gateway.rpc.requests import issue
from tests.gateway.rpc.told import refused
from trust.signer import RecognitionSigner

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ONE_TIME = {"visited_item": "SC-04", "purpose": card_pb2.PURPOSE_BENEFIT_DISBURSEMENT}


@asynccontextmanager
async def recognition_stub(node: FakeNode) -> AsyncIterator[Any]:
    """Start a node and give a stub of its RecognitionService."""
    async with channel_to(node.server()) as channel:
        yield RecognitionServiceStub(channel)


async def test_a_recognition_is_issued_shown_and_verified() -> None:
    """What the home platform is told is what the visited platform proves."""
    node = FakeNode()
    async with recognition_stub(node) as stub:
        issued = await stub.IssueRecognition(issue(), metadata=bearer(HOME_PLATFORM, node.clock))
        shown = pb.VerifyRecognitionRequest(recognition=issued.recognition)
        verified = await stub.VerifyRecognition(shown, metadata=bearer(PLATFORM, node.clock))
    claims = verified.claims
    assert claims.key_id == KEYS["chongqing"].kid
    claims.key_id = ""
    assert claims == issued.claims
    assert (claims.issuer, claims.audience, claims.visited_item) == ("chongqing", "sichuan", "SC-15")
    assert (claims.issue_time.seconds, claims.expire_time.seconds) == (int(NOON), int(NOON) + RECOGNITION_SECONDS)
    assert list(claims.home_items) == ["CQ-31"]
    assert (claims.purpose, claims.medium) == (card_pb2.PURPOSE_SERVICE_ACCESS, card_pb2.MEDIUM_PHYSICAL)
    assert [(c.application_class, list(c.item_types)) for c in claims.classes] == [
        (card_pb2.APPLICATION_CLASS_IDENTITY, ["CUL.MUSEUM"])
    ]
    assert claims.card_status == card_pb2.CARD_STATUS_ACTIVE
    assert (claims.agreement, claims.one_time) == ("sichuan-chongqing", False)
    assert issued.verdict.classes[0].reason == "OK"
    assert "500112190302110117" not in str(issued) + str(verified) + node.journal.text


async def test_a_refused_card_gives_a_verdict_and_nothing_to_hand_over() -> None:
    """The home platform learns why."""
    node = FakeNode()
    node.platform.record = record("chongqing", "locked")
    told = node.platform.record
    pair = {"card_number": told["aaz500"], "social_security_number": told["aac002"]}
    async with recognition_stub(node) as stub:
        reply = await stub.IssueRecognition(
            issue(credential={"card_number": pair}), metadata=bearer(HOME_PLATFORM, node.clock)
        )
    assert (reply.recognition, reply.HasField("claims")) == ("", False)
    assert reply.verdict.classes[0].reason == "CARD_LOCKED"


async def test_issuing_is_idempotent() -> None:
    """The same id gives the same token, another question under it is refused."""
    node = FakeNode()
    async with recognition_stub(node) as stub:
        first = await stub.IssueRecognition(issue(), metadata=bearer(HOME_PLATFORM, node.clock))
        again = await stub.IssueRecognition(issue(), metadata=bearer(HOME_PLATFORM, node.clock))
        told = await refused(
            stub.IssueRecognition(issue(visited_item="SC-16"), metadata=bearer(HOME_PLATFORM, node.clock))
        )
    assert (first.recognition, first.replayed, again.replayed) == (again.recognition, False, True)
    assert (told.code, told.reason) == ("ALREADY_EXISTS", "REQUEST_ID_REUSED")


@pytest.mark.parametrize(
    ("caller", "changes", "reason"),
    [
        (PEER, {}, "CALLER_REGION"),
        (PLATFORM, {"visited_region": "chongqing", "visited_item": "CQ-31"}, "REGION_NOT_SERVED"),
        (HOME_PLATFORM, {"visited_region": "chongqing", "visited_item": "CQ-31"}, "INVALID_FIELD"),
        (HOME_PLATFORM, {"visited_region": "atlantis"}, "UNKNOWN_REGION"),
        (HOME_PLATFORM, {"visited_region": "ATLANTIS"}, "INVALID_FIELD"),
        (HOME_PLATFORM, {"visited_region": "shiyan", "visited_item": "SY-01"}, "NO_AGREEMENT"),
    ],
)
async def test_who_may_not_be_vouched_for_is_refused(caller: str, changes: dict[str, Any], reason: str) -> None:
    """Gateways, regions that are not served, use at home, and what no agreement covers."""
    node = FakeNode()
    async with recognition_stub(node) as stub:
        told = await refused(stub.IssueRecognition(issue(**changes), metadata=bearer(caller, node.clock)))
    assert told.reason == reason
    assert node.platform.asked == []


async def test_a_one_time_recognition_is_used_up() -> None:
    """The second use is UNAUTHENTICATED with reason REPLAY."""
    node = FakeNode()
    async with recognition_stub(node) as stub:
        issued = await stub.IssueRecognition(issue(**ONE_TIME), metadata=bearer(HOME_PLATFORM, node.clock))
        shown = pb.VerifyRecognitionRequest(recognition=issued.recognition)
        first = await stub.VerifyRecognition(shown, metadata=bearer(PLATFORM, node.clock))
        told = await refused(stub.VerifyRecognition(shown, metadata=bearer(PLATFORM, node.clock)))
    assert first.claims.one_time
    assert (told.code, told.reason, told.metadata["issuer"]) == ("UNAUTHENTICATED", "REPLAY", "chongqing")


@pytest.mark.parametrize(
    ("caller", "seconds", "suffix", "reason"),
    [
        (HOME_PLATFORM, 0, "", "AUDIENCE"),
        ("platform.macao", 0, "", "AUDIENCE"),
        (PLATFORM, 610, "", "EXPIRED"),
        (PLATFORM, -11, "", "NOT_YET_VALID"),
        (PLATFORM, 0, "x", "MALFORMED_TOKEN"),
    ],
)
async def test_a_recognition_is_believed_only_as_it_is(caller: str, seconds: int, suffix: str, reason: str) -> None:
    """By its audience, in its time, unaltered."""
    node = FakeNode()
    answer = await local_home().answer(question(), disclose=False)
    assert answer.recognition
    node.clock.advance(seconds)
    shown = pb.VerifyRecognitionRequest(recognition=answer.recognition + suffix)
    async with recognition_stub(node) as stub:
        told = await refused(stub.VerifyRecognition(shown, metadata=bearer(caller, node.clock)))
    assert (told.code, told.reason) == ("UNAUTHENTICATED", reason)
    assert answer.recognition not in repr(told) + node.journal.text


async def test_a_status_word_of_a_later_version_grants_nothing() -> None:
    """A recognition may be well signed and carry a word that this version does not know: unknown fails closed."""
    node = FakeNode()
    answer = await local_home().answer(question(), disclose=False)
    assert answer.claims
    token = RecognitionSigner(KEYS["chongqing"]).issue(replace(answer.claims, card_status="dormant"))
    assert RECOGNITIONS.verify(token, audience="sichuan", now=int(NOON)).claims.card_status == "dormant"
    async with recognition_stub(node) as stub:
        shown = pb.VerifyRecognitionRequest(recognition=token)
        told = await refused(stub.VerifyRecognition(shown, metadata=bearer(PLATFORM, node.clock)))
    assert (told.code, told.reason) == ("UNAUTHENTICATED", "CLAIM_INVALID")
    assert (told.metadata["claim"], told.metadata["rule"]) == ("card_status", "CARD_STATUS_UNKNOWN")


async def test_a_recognition_that_was_taken_back_is_refused() -> None:
    """By each of the four ways to name it; the other one of the same minute is accepted on."""
    told = record("chongqing")
    pair = {"card_number": told["aaz500"], "social_security_number": told["aac002"]}
    for way in ("token_id", "recognition", "subject", "credential"):
        node = FakeNode()
        async with recognition_stub(node) as stub:
            home, visited = bearer(HOME_PLATFORM, node.clock), bearer(PLATFORM, node.clock)
            one = await stub.IssueRecognition(issue(), metadata=home)
            other = await stub.IssueRecognition(issue(request_id="request-2"), metadata=home)
            shown = [pb.VerifyRecognitionRequest(recognition=issued.recognition) for issued in (one, other)]
            for request in shown:
                await stub.VerifyRecognition(request, metadata=visited)
            target: dict[str, Any] = {
                "token_id": one.claims.token_id,
                "recognition": one.recognition,
                "subject": one.claims.subject,
                "credential": {"card_number": pair},
            }
            revoke = pb.RevokeRecognitionRequest(**{way: target[way]})
            counts = [(await stub.RevokeRecognition(revoke, metadata=home)).revoked_count for _ in range(2)]
            node.clock.advance(2)
            dead = await refused(stub.VerifyRecognition(shown[0], metadata=visited))
            all_of_it = way in {"subject", "credential"}
            assert (dead.code, dead.reason) == ("UNAUTHENTICATED", "RECOGNITION_REVOKED")
            assert counts == [2, 2] if all_of_it else [1, 1]
            if all_of_it:
                assert (await refused(stub.VerifyRecognition(shown[1], metadata=visited))).reason == dead.reason
            else:
                await stub.VerifyRecognition(shown[1], metadata=visited)
        assert told["aac002"] not in node.journal.text


@pytest.mark.parametrize(
    ("target", "field", "rule"),
    [
        ({}, "target", "required"),
        ({"token_id": ""}, "token_id", "required"),
        ({"token_id": "a b"}, "token_id", "form"),
        ({"token_id": "x" * 65}, "token_id", "form"),
        ({"subject": "short"}, "subject", "form"),
        ({"recognition": ""}, "recognition", "required"),
        ({"recognition": "x" * 4097}, "recognition", "at_most_4096_bytes"),
        ({"credential": {}}, "credential", "required"),
    ],
)
async def test_what_is_taken_back_must_be_named_well(target: dict[str, Any], field: str, rule: str) -> None:
    """The field is named, and nothing of its value."""
    node = FakeNode()
    async with recognition_stub(node) as stub:
        request = pb.RevokeRecognitionRequest(**target)
        told = await refused(stub.RevokeRecognition(request, metadata=bearer(HOME_PLATFORM, node.clock)))
    assert (told.code, told.reason) == ("INVALID_ARGUMENT", "INVALID_FIELD")
    assert (told.metadata["field"], told.metadata["rule"]) == (field, rule)


@pytest.mark.parametrize(
    ("caller", "scopes", "reason"),
    [
        (PEER, (), "CALLER_REGION"),
        (PLATFORM, (), "REGION_NOT_SERVED"),
        (HOME_PLATFORM, ("recognition.issue", "recognition.verify"), "SCOPE"),
    ],
)
async def test_who_may_take_nothing_back(caller: str, scopes: tuple[str, ...], reason: str) -> None:
    """Gateways, other regions' platforms, and callers without the scope."""
    node = FakeNode()
    async with recognition_stub(node) as stub:
        issued = await stub.IssueRecognition(issue(), metadata=bearer(HOME_PLATFORM, node.clock))
        request = pb.RevokeRecognitionRequest(token_id=issued.claims.token_id)
        told = await refused(stub.RevokeRecognition(request, metadata=bearer(caller, node.clock, *scopes)))
        assert told.reason == reason
        shown = pb.VerifyRecognitionRequest(recognition=issued.recognition)
        await stub.VerifyRecognition(shown, metadata=bearer(PLATFORM, node.clock))


async def test_a_chain_comes_where_it_is_asked_for() -> None:
    """Of the home region under the agreement; with a remembered answer too, and never with a refusal."""
    node = FakeNode()
    async with recognition_stub(node) as stub:
        home = bearer(HOME_PLATFORM, node.clock)
        assert list((await stub.IssueRecognition(issue(), metadata=home)).trust_chain) == []
        again = await stub.IssueRecognition(issue(include_trust_chain=True), metadata=home)
        assert (again.replayed, list(again.trust_chain)) == (True, ["chongqing under sichuan-chongqing", "anchor"])
        node.platform.record = record("chongqing", "locked") | {"aaz500": "A00000001", "aac002": "500112190302110117"}
        locked = await stub.IssueRecognition(issue(include_trust_chain=True, request_id="r-2"), metadata=home)
        assert (locked.recognition, list(locked.trust_chain)) == ("", [])


@pytest.mark.parametrize(
    ("chain", "rule"),
    [
        (["x"] * 7, "at_most_6_statements"),
        (["x" * 65_537], "at_most_65536_bytes"),
        (["y" * 16_385] * 4, "at_most_65536_bytes"),
    ],
)
async def test_a_chain_that_is_too_long_is_not_looked_at(chain: list[str], rule: str) -> None:
    """Neither by its statements nor by its bytes."""
    node = FakeNode()
    async with recognition_stub(node) as stub:
        shown = pb.VerifyRecognitionRequest(recognition="x", trust_chain=chain)
        told = await refused(stub.VerifyRecognition(shown, metadata=bearer(PLATFORM, node.clock)))
    assert (told.code, told.reason) == ("INVALID_ARGUMENT", "INVALID_FIELD")
    assert (told.metadata["field"], told.metadata["rule"]) == ("trust_chain", rule)


async def test_a_chain_beside_what_is_believed_already_is_not_looked_at() -> None:
    """It can help and does no harm."""
    node = FakeNode()
    async with recognition_stub(node) as stub:
        issued = await stub.IssueRecognition(issue(), metadata=bearer(HOME_PLATFORM, node.clock))
        shown = pb.VerifyRecognitionRequest(recognition=issued.recognition, trust_chain=["x", "y", "z"])
        verified = await stub.VerifyRecognition(shown, metadata=bearer(PLATFORM, node.clock))
    assert verified.claims.issuer == "chongqing"
