"""The words in which the story reports: what is missing from an answer is never passed over in silence."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from gateway.sandbox import story_words as words
from onecard.gateway.v1 import card_pb2, catalog_pb2, identity_service_pb2, recognition_pb2, region_pb2, verdict_pb2

if TYPE_CHECKING:
    from google.protobuf.message import Message


def error(details: bytes | None) -> grpc.aio.AioRpcError:
    """Make the error of a call with these status details, or none."""
    trailers = grpc.aio.Metadata() if details is None else grpc.aio.Metadata(("grpc-status-details-bin", details))
    return grpc.aio.AioRpcError(grpc.StatusCode.NOT_FOUND, grpc.aio.Metadata(), trailers, "text", "")


def status(*details: Message) -> status_pb2.Status:
    """Make a NOT_FOUND status with details."""
    made = status_pb2.Status(code=5)
    for detail in details:
        made.details.add().Pack(detail)
    return made


INFO = error_details_pb2.ErrorInfo(reason="UNKNOWN_ITEM", metadata={"who_failed": "caller"})
TEXT = error_details_pb2.LocalizedMessage(locale="zh-Hans", message="无此事项")
SAID = "NOT_FOUND UNKNOWN_ITEM, failed by caller"


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        ((INFO, TEXT), SAID),
        ((INFO,), f"{SAID}; NOT TOLD"),
        ((INFO, error_details_pb2.LocalizedMessage(locale="pt", message="x")), f"{SAID}; told in pt"),
        ((INFO, TEXT, error_details_pb2.RetryInfo(retry_delay={"seconds": 2})), f"{SAID}; try again later"),
        (
            (
                INFO,
                TEXT,
                error_details_pb2.BadRequest(field_violations=[{"field": "medium", "description": "required"}]),
            ),
            f"{SAID}; medium: required",
        ),
    ],
)
def test_errors_are_told_with_all_they_say(details: tuple[Message, ...], expected: str) -> None:
    """Code, reason, who failed, fields, retry and language; a missing text is shouted."""
    assert words.status_words(status(*details)) == expected
    assert words.failure(error(status(*details).SerializeToString())) == expected


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        (None, "NOT_FOUND WITHOUT DETAILS"),
        (status().SerializeToString(), "NOT_FOUND WITHOUT DETAILS"),
        (b"\xff\xff", "NOT_FOUND WITH UNREADABLE DETAILS"),
    ],
)
def test_errors_without_details_are_no_contract_errors(details: bytes | None, expected: str) -> None:
    """An error that does not come from a gateway's table looks like none that does."""
    assert words.failure(error(details)) == expected


def refused(**texts: str) -> verdict_pb2.ClassVerdict:
    """Make a refusal with or without its texts."""
    return verdict_pb2.ClassVerdict(
        application_class=card_pb2.APPLICATION_CLASS_PAYMENT,
        decision=verdict_pb2.DECISION_REFUSED,
        reason="CARD_VOID",
        actor=verdict_pb2.ACTOR_HOLDER,
        **texts,
    )


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ({"message": "m", "remedy": "r"}, "payment refused CARD_VOID, holder must act"),
        ({"message": "m"}, "payment refused CARD_VOID, holder must act, NOT TOLD WHY OR HOW"),
        ({"remedy": "r"}, "payment refused CARD_VOID, holder must act, NOT TOLD WHY OR HOW"),
    ],
)
def test_a_refusal_without_reason_or_remedy_is_noted(texts: dict[str, str], expected: str) -> None:
    """A refusal says why and what to do, or it is told that it does not."""
    assert words.decision(refused(**texts)) == expected


@pytest.mark.parametrize(
    ("recognition", "identity", "expected"),
    [
        ("jwt", True, "card active; recognition and identity"),
        ("jwt", False, "card active; recognition only"),
        ("", True, "card active; identity, no recognition"),
        ("", False, "card active; nothing handed over"),
    ],
)
def test_what_was_handed_over_is_told(recognition: str, identity: bool, expected: str) -> None:
    """Recognition and identity are each noticed, so that none can slip out with a refusal."""
    answer = identity_service_pb2.VerifyCardResponse(recognition=recognition)
    answer.verdict.card_status = card_pb2.CARD_STATUS_ACTIVE
    if identity:
        answer.regional_identity.region = "sichuan"
    assert words.verdict(answer) == expected
    assert words.basis(answer) == f"{expected}; no legal basis"


def test_an_old_state_is_not_fresh() -> None:
    """Only an age that is told, and young by both measures, counts as fresh."""
    answer = identity_service_pb2.VerifyCardResponse()
    assert words.freshness(answer) == "age not told"
    answer.verdict.status_as_of.seconds = int(time.time())
    assert words.freshness(answer) == "age not told"
    answer.verdict.data_age.seconds = 0
    answer.verdict.data_age.nanos = 1
    answer.verdict.agreement = "sichuan-chongqing"
    answer.verdict.data_age.nanos = 400_000_000
    assert words.freshness(answer) == "state less than a minute old, under sichuan-chongqing — here 0.4 s"
    answer.verdict.data_age.nanos = 0
    answer.verdict.data_age.seconds = 90
    assert words.freshness(answer) == "state too old — here 90.0 s"
    answer.verdict.data_age.seconds = 0
    answer.verdict.status_as_of.seconds -= 3600
    assert words.freshness(answer) == "state too old — here 0.0 s"


def test_the_sentence_of_an_error_is_told_with_its_language() -> None:
    """The text for people is given whole, after the language that it says it is in."""
    assert words.localized(error(status(INFO, TEXT).SerializeToString())) == "zh-Hans: 无此事项"


def test_outcomes_are_told_by_their_places() -> None:
    """Each message and entry has its number, and only the first part of what is told of it."""
    told = words.by_place([["yes", "NOT_FOUND X, failed by caller"], ["no"]])
    assert told == "message 1: entry 1 yes, entry 2 NOT_FOUND X; message 2: entry 1 no"


def test_absent_form_and_fields_are_told() -> None:
    """A field that is not there is a dash, and so is the form."""
    answer = identity_service_pb2.VerifyCardResponse()
    assert words.fields(answer, "AAC003") == "no form: AAC003=-"
    answer.regional_identity.region = "sichuan"
    answer.regional_identity.fields["AAC003"] = "测试甲   "
    assert words.fields(answer, "AAC003", "AAC004") == "sichuan form: AAC003=测试甲 AAC004=-"


def test_losses_are_told_by_field_and_kind() -> None:
    """Every loss is named; none is told as none."""
    lost = card_pb2.Loss(field="holder.name", kind=card_pb2.LOSS_KIND_REDUCED)
    assert words.losses([lost]) == "lost: holder.name reduced"
    assert words.losses([]) == "nothing lost"


def test_an_equivalence_without_explanation_is_noted() -> None:
    """The sentence is needed in all four languages."""
    answer = catalog_pb2.Equivalence(
        source=catalog_pb2.ApplicationItem(item="CQ-31", display_name=region_pb2.LocalizedText(zh_hans="博物馆")),
        target_region="sichuan",
        relation=catalog_pb2.RELATION_NONE,
        explanation=region_pb2.LocalizedText(zh_hans="x", zh_hant="x", en="x", pt="x"),
    )
    assert words.equivalence(answer) == "CQ-31 博物馆 none in sichuan"
    answer.explanation.pt = ""
    assert words.equivalence(answer) == "CQ-31 博物馆 none in sichuan; NOT EXPLAINED"


def test_claims_are_told_with_their_use() -> None:
    """A recognition that is good once is told so."""
    said = recognition_pb2.Recognition(
        issuer="chongqing",
        audience="sichuan",
        visited_item="SC-11",
        home_items=["CQ-29"],
        classes=[recognition_pb2.RecognizedClass(application_class=card_pb2.APPLICATION_CLASS_PAYMENT)],
        one_time=True,
    )
    assert words.claims(said) == "chongqing to sichuan: SC-11 = CQ-29, payment, good once"
    said.one_time = False
    assert words.claims(said) == "chongqing to sichuan: SC-11 = CQ-29, payment"
