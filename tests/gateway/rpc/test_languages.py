"""Words are those of the call: an answer that is remembered is told in the language in which it is asked for again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.loss_words import loss_text
from gateway.reasons import Language, load_reasons, text_in
from onecard.gateway.v1.identity_service_pb2_grpc import IdentityServiceStub
from tests.fakes.callers import HOME_PLATFORM, PLATFORM, bearer
from tests.fakes.node import FakeNode, channel_to
from tests.fakes.regions import record
from tests.gateway.rpc.requests import translate, verify

if TYPE_CHECKING:
    from onecard.gateway.v1.identity_service_pb2 import VerifyCardResponse

DROPPED = "The form of the region has no place for this field."


def without_words(answer: VerifyCardResponse) -> bytes:
    """Give everything of an answer that is not told in a language, nor the mark of a repetition."""
    answer.replayed = False
    for one in answer.verdict.classes:
        one.ClearField("message")
        one.ClearField("remedy")
    for loss in answer.losses:
        loss.ClearField("detail")
    return answer.SerializeToString(deterministic=True)


@pytest.mark.parametrize("case", ["active", "lost_formal"])
async def test_a_repeated_request_is_told_in_the_language_of_each_call(case: str) -> None:
    """Sentences, remedies and losses follow the call; all else, the recognition included, is that of the first."""
    node = FakeNode()
    node.platform.record = record("chongqing", case)
    reasons = load_reasons()
    async with channel_to(node.server()) as channel:
        stub = IdentityServiceStub(channel)
        kept: set[bytes] = set()
        for place, language in enumerate((Language.EN, Language.PT, Language.ZH_HANT, Language.ZH_HANS, Language.EN)):
            called = bearer(PLATFORM, node.clock, language=language.value)
            answer = await stub.VerifyCard(verify(case), metadata=called)
            assert answer.replayed is (place > 0)
            for one in answer.verdict.classes:
                reason = reasons.get(one.reason)
                assert one.message == text_in(reason.message, language)
                assert one.remedy == ("" if one.reason == "OK" else text_in(reason.remedy, language))
            assert {loss.detail for loss in answer.losses} <= {loss_text(DROPPED, language)}
            assert bool(answer.losses) is (case == "active")
            kept.add(without_words(answer))
    assert len(kept) == 1
    assert len(node.platform.asked) == 1


@pytest.mark.parametrize("language", Language)
async def test_losses_of_a_translation_are_told_in_the_language_of_the_call(language: Language) -> None:
    """TranslateIdentity says in the caller's language why a field was lost."""
    node = FakeNode()
    async with channel_to(node.server()) as channel:
        called = bearer(HOME_PLATFORM, node.clock, language=language.value)
        answer = await IdentityServiceStub(channel).TranslateIdentity(translate(), metadata=called)
    assert {loss.detail for loss in answer.losses} == {loss_text(DROPPED, language)}
