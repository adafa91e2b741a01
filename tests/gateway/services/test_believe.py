"""A peer's answer is believed only as far as the recognition that it signed says the same."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from adapters.words import CardStatus, Medium, Purpose
from gateway.errors import PeerProtocolError
from gateway.services.believe import believe
from gateway.services.model import CardAnswer, Decision
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.platform import FakePlatform
from tests.fakes.regions import KEYS, RECOGNITIONS, credential, local_home, question, record
from trust.encoding import hash_request
from trust.keys import SigningKey
from trust.signer import RecognitionSigner

if TYPE_CHECKING:
    from trust.claims import RecognitionClaims

ASKED = question()


async def honest() -> CardAnswer:
    """Get the answer that Chongqing would give."""
    return await local_home().answer(ASKED, disclose=True)


def signed(answer: CardAnswer, *, key: SigningKey = KEYS["chongqing"], **changes: Any) -> CardAnswer:  # noqa: ANN401 - any claim
    """Sign the claims of an answer with some of them changed."""
    assert answer.claims is not None
    return replace(answer, recognition=RecognitionSigner(key).issue(replace(answer.claims, **changes)))


def held(answer: CardAnswer, now: float = NOON) -> RecognitionClaims | None:
    """Hold an answer against its recognition."""
    return believe(ASKED, answer, recognitions=RECOGNITIONS, now=int(now))


def rule_of(answer: CardAnswer, now: float = NOON) -> str:
    """Give the rule by which an answer is not believed."""
    with pytest.raises(PeerProtocolError) as caught:
        held(answer, now)
    assert caught.value.metadata["region"] == "chongqing"
    return caught.value.metadata["rule"]


async def test_an_honest_answer_is_believed() -> None:
    """The claims come back as they were signed."""
    answer = await honest()
    assert held(answer) == answer.claims
    assert held(signed(answer)) == answer.claims


async def test_a_refusal_needs_no_proof() -> None:
    """An answer that allows nothing can do no harm."""
    platform = FakePlatform(record("chongqing", "lost_formal"))
    refused = await local_home(platform=platform).answer(
        replace(ASKED, credential=credential("chongqing", "lost_formal")), disclose=True
    )
    assert held(refused) is None


async def test_a_usable_answer_without_recognition_is_not_believed() -> None:
    """What is not signed is not believed."""
    assert rule_of(replace(await honest(), recognition=None)) == "no_recognition"


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"aud": "guizhou"}, "AudienceError"),
        ({"request_hash": question(request_id="other").digest()}, "BindingError"),
        ({"exp": int(NOON) - 10, "iat": int(NOON) - 400, "nbf": int(NOON) - 400,
          "card_status_as_of": int(NOON) - 400}, "ExpiredError"),
        ({"nbf": int(NOON) + 11}, "NotYetValidError"),
        ({"item": "SC-16"}, "recognition_differs"),
        ({"purpose": "record_enquiry"}, "recognition_differs"),
        ({"medium": "electronic"}, "recognition_differs"),
        ({"card_status": "locked"}, "recognition_differs"),
        ({"agreement": "chongqing-guizhou"}, "recognition_differs"),
        ({"classes": {}}, "recognition_differs"),
        ({"classes": {"identity": ("CUL.LIBRARY.LOAN",)}}, "recognition_differs"),
        ({"classes": {"identity": ("CUL.MUSEUM",), "payment": ("CUL.MUSEUM",)}}, "recognition_differs"),
    ],
)  # fmt: skip
async def test_a_recognition_that_says_something_else_is_not_believed(changes: dict[str, Any], rule: str) -> None:
    """Even with the home region's real key every single difference refuses."""
    assert rule_of(signed(await honest(), **changes)) == rule


@pytest.mark.parametrize(
    "change",
    [
        {"card_status": CardStatus.LOCKED},
        {"agreement": "chongqing-guizhou"},
        {"status_as_of": NOON - 2},
        {"status_as_of": NOON + 2},
        {"answered_at": NOON + 2},
        {"answered_at": NOON - 2},
    ],
)
async def test_a_verdict_that_says_more_than_was_signed_is_not_believed(change: dict[str, Any]) -> None:
    """The verdict is held against the recognition, and not the other way round only."""
    answer = await honest()
    assert rule_of(replace(answer, verdict=replace(answer.verdict, **change))) == "recognition_differs"


async def test_a_class_that_was_not_signed_is_not_believed() -> None:
    """A verdict cannot add a payment to a recognition of identity."""
    answer = await honest()
    one, two, last = answer.verdict.classes
    added = replace(answer.verdict, classes=(one, two, replace(last, decision=Decision.ALLOWED, reason="OK")))
    assert rule_of(replace(answer, verdict=added)) == "recognition_differs"


async def test_keys_of_others_and_forgeries_are_not_believed() -> None:
    """A stranger's key, another region's key, and a cut token each refuse."""
    answer = await honest()
    stranger = SigningKey.generate("ES256", issuer="chongqing", kid=KEYS["chongqing"].kid)
    assert rule_of(signed(answer, key=stranger)) == "BadSignatureError"
    assert rule_of(signed(answer, key=SigningKey.generate("ES256", issuer="chongqing"))) == "UnknownKeyError"
    assert rule_of(signed(answer, key=KEYS["sichuan"], iss="sichuan")) == "PeerIssuerMismatchError"
    assert answer.recognition
    assert rule_of(replace(answer, recognition=answer.recognition[:-8])) in {"MalformedTokenError", "BadSignatureError"}


async def test_the_question_that_was_asked_counts() -> None:
    """An answer to another question is not an answer."""
    answer = await honest()
    for other in (
        replace(ASKED, medium=Medium.ELECTRONIC),
        replace(ASKED, purpose=Purpose.RECORD_ENQUIRY),
        replace(ASKED, visited_item="SC-13"),
        replace(ASKED, visited_region="guizhou"),
        replace(ASKED, home_region="sichuan"),
    ):
        with pytest.raises(PeerProtocolError):
            believe(other, answer, recognitions=RECOGNITIONS, now=int(NOON))


async def test_an_answer_bound_to_a_certificate_of_ours_is_believed() -> None:
    """RP7: one of those that we showed; an answer that is bound to somebody else's is none to us."""
    mine, other = hash_request(b"a certificate"), hash_request(b"another certificate")
    answer = signed(await honest(), confirmation=mine)
    claims = believe(ASKED, answer, recognitions=RECOGNITIONS, now=int(NOON), certificates=frozenset({mine, other}))
    assert claims is not None
    assert claims.confirmation == mine
    assert rule_of(answer) == "BindingError"


@pytest.mark.parametrize("age", [-9.3, -0.1, 0.0, 0.999999, 123.456])
async def test_whole_seconds_of_a_recognition_do_not_contradict_the_verdict(age: float) -> None:
    """Nor does a platform whose clock is a little ahead, as the wire tells its age: none."""
    now = NOON + 0.9999999
    clock = FakeClock(now)
    platform = FakePlatform(record("chongqing"), clock, age_seconds=age)
    answer = await local_home(platform=platform, clock=clock).answer(ASKED, disclose=True)
    as_of = answer.verdict.status_as_of
    told = replace(answer, verdict=replace(answer.verdict, answered_at=as_of + max(0.0, now - as_of)))
    assert held(told) == answer.claims
