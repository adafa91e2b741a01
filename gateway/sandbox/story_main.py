"""First of the story: Sichuan's platform asks its own gateway about cards of Chongqing, with every credential."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.sandbox.story import CALL_SECONDS, Chapter, Step
from gateway.sandbox.story_requests import (
    by_code,
    by_number,
    by_qr,
    by_reader,
    by_sign_number,
    by_wrong_number,
    translate,
    verify,
)
from gateway.sandbox.story_words import by_place, equivalence, fields, freshness, losses, status_words, verdict
from onecard.gateway.v1 import card_pb2
from onecard.gateway.v1 import identity_service_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from gateway.sandbox.story import Stage

_ALLOWED = "identity allowed; card active; recognition and identity"
_PAY = card_pb2.PURPOSE_FEE_PAYMENT
_RETIRE = card_pb2.PURPOSE_BENEFIT_DISBURSEMENT
_ELECTRONIC = card_pb2.MEDIUM_ELECTRONIC


def asked(
    title: str,
    asks: str,
    request: pb.VerifyCardRequest,
    expected: str,
    *,
    read: Callable[[pb.VerifyCardResponse], str] = verdict,
) -> Step:
    """Make a step of one VerifyCard; `read` says what of the answer the step is about."""

    async def play(stage: Stage) -> str:
        return read(await stage.identity(asks).VerifyCard(request, timeout=CALL_SECONDS))

    return Step(title=title, asks=asks, home=request.home_region, expected=expected, play=play)


def main_chapter() -> Chapter:
    """Give the steps about the first region pair."""
    return Chapter("Sichuan verifies cards of Chongqing", (*_answer_steps(), *_credential_steps(), *_many_steps()))


def _answer_steps() -> Iterable[Step]:
    """One answer, looked at from all sides."""
    number = by_number("chongqing")

    def one(title: str, expected: str, read: Callable[[pb.VerifyCardResponse], str], item: str = "SC-13") -> Step:
        return asked(title, "sichuan", verify("chongqing", item, number), expected, read=read)

    yield one("library entry 图书馆入馆, by card number", _ALLOWED, verdict)
    yield one(
        "which item it corresponds to",
        "SC-13 图书馆入馆 broader in chongqing; CQ-30 图书馆入馆、借阅 broader",
        lambda answer: equivalence(answer.verdict.item),
    )
    yield one("how old the answer is", "state less than a minute old, under sichuan-chongqing", freshness)
    yield one(
        "identity in Sichuan's field names",
        "sichuan form: AAZ500=A00000001 AAC003=测试甲 AAE031=20310318",
        lambda answer: fields(answer, "AAZ500", "AAC003", "AAE031"),
    )
    yield one("what was lost in translation", "lost: holder.nationality dropped", lambda answer: losses(answer.losses))
    yield asked(
        "bus ride 公交: identity and payment, both decided",
        "sichuan",
        verify("chongqing", "SC-11", number, purpose=_PAY),
        "identity allowed; payment allowed; card active; recognition and identity",
    )
    yield asked(
        "pension 养老待遇: disbursement",
        "sichuan",
        verify("chongqing", "SC-04", number, purpose=_RETIRE),
        "disbursement allowed; card active; recognition and identity",
    )


def _credential_steps() -> Iterable[Step]:
    """Every kind of credential."""

    def one(title: str, credential: pb.Credential, expected: str = _ALLOWED) -> Step:
        medium = _ELECTRONIC if credential.WhichOneof("kind") in {"electronic_sign_number", "qr_text"} else None
        request = verify("chongqing", "SC-13", credential, medium=medium or card_pb2.MEDIUM_PHYSICAL)
        return asked(title, "sichuan", request, expected)

    shown = by_qr("chongqing")
    yield one("by identification code of the chip", by_code("chongqing"))
    yield one("by the card reader's own text", by_reader("chongqing"))
    yield one(
        "reader text with another name than the platform's",
        by_reader("chongqing", name="测试乙"),
        "NOT_FOUND CARD_NOT_FOUND, failed by caller",
    )
    yield one("by the electronic card's sign number", by_sign_number("chongqing"))
    yield one("by QR text, resolved by Chongqing's platform only", shown)
    yield one("the same QR text a second time", shown, "FAILED_PRECONDITION CREDENTIAL_USED, failed by caller")
    yield _replay_step()
    yield _reused_step()


def _replay_step() -> Step:
    request = verify("chongqing", "SC-13", by_qr("chongqing", "active_2"), medium=_ELECTRONIC)

    async def play(stage: Stage) -> str:
        first = await stage.identity("sichuan").VerifyCard(request, timeout=CALL_SECONDS)
        again = await stage.identity("sichuan").VerifyCard(request, timeout=CALL_SECONDS)
        flags = f"replayed {first.replayed}, then {again.replayed}"
        again.replayed = first.replayed
        return f"{verdict(again)}; {flags}; {'the same' if again == first else 'ANOTHER'} answer"

    return Step(
        title="the same request id again: the QR is not asked a second time",
        asks="sichuan",
        home="chongqing",
        expected=f"{_ALLOWED}; replayed False, then True; the same answer",
        play=play,
    )


def _reused_step() -> Step:
    first = verify("chongqing", "SC-13", by_number("chongqing"))
    other = pb.VerifyCardRequest()
    other.CopyFrom(first)
    other.visited_item = "SC-15"

    async def play(stage: Stage) -> str:
        await stage.identity("sichuan").VerifyCard(first, timeout=CALL_SECONDS)
        return verdict(await stage.identity("sichuan").VerifyCard(other, timeout=CALL_SECONDS))

    return Step(
        title="another request under a used id",
        asks="sichuan",
        home="chongqing",
        expected="ALREADY_EXISTS REQUEST_ID_REUSED, failed by caller",
        play=play,
    )


def _many_steps() -> Iterable[Step]:
    """Translations, and many entries in one stream."""

    async def translated(stage: Stage) -> str:
        request = translate("chongqing", "active", "sichuan", text=True)
        answer = await stage.identity("sichuan").TranslateIdentity(request, timeout=CALL_SECONDS)
        columns = answer.identity.text.split("|")
        return f"{'|'.join(columns[:2])}|… in {len(columns)} columns; {losses(answer.losses)}"

    yield Step(
        title="TranslateIdentity: JSON into a line with bars",
        asks="sichuan",
        home="chongqing",
        expected="500106|A00000001|… in 14 columns; lost: holder.nationality dropped",
        play=translated,
    )
    yield Step(
        title="BatchVerifyCards: order kept, a bad entry ends nothing",
        asks="sichuan",
        home="chongqing",
        expected="message 1: entry 1 identity allowed, entry 2 INVALID_ARGUMENT MALFORMED_NUMBER, "
        "entry 3 identity refused CARD_LOST_FORMAL; message 2: entry 1 identity allowed",
        play=_play_batch,
    )
    yield Step(
        title="BatchTranslateIdentities: the same way",
        asks="sichuan",
        home="chongqing",
        expected="message 1: entry 1 A00000001, entry 2 INVALID_ARGUMENT MALFORMED_NUMBER, entry 3 A00000002",
        play=_play_translations,
    )


async def _play_batch(stage: Stage) -> str:
    def entry(credential: pb.Credential) -> pb.VerifyCardRequest:
        return verify("chongqing", "SC-13", credential)

    async def messages() -> AsyncIterator[pb.BatchVerifyCardsRequest]:
        first = (by_number("chongqing"), by_wrong_number("chongqing"), by_number("chongqing", "lost_formal"))
        yield pb.BatchVerifyCardsRequest(entries=[entry(one) for one in first])
        yield pb.BatchVerifyCardsRequest(entries=[entry(by_number("chongqing", "active_2"))])

    def told(one: pb.VerifyCardOutcome) -> str:
        words = verdict(one.response) if one.WhichOneof("outcome") == "response" else status_words(one.error)
        return words.partition(";")[0]

    answers = [one async for one in stage.identity("sichuan").BatchVerifyCards(messages(), timeout=CALL_SECONDS)]
    return by_place([told(one) for one in answer.outcomes] for answer in answers)


async def _play_translations(stage: Stage) -> str:
    good, bad, last = (translate("chongqing", vector, "sichuan") for vector in ("active", "active", "active_2"))
    bad.source.fields["aac002"] = by_wrong_number("chongqing").card_number.social_security_number

    async def messages() -> AsyncIterator[pb.BatchTranslateIdentitiesRequest]:
        yield pb.BatchTranslateIdentitiesRequest(entries=[good, bad, last])

    def told(one: pb.TranslateIdentityOutcome) -> str:
        good_one = one.WhichOneof("outcome") == "response"
        return one.response.identity.fields["AAZ500"] if good_one else status_words(one.error)

    calls = stage.identity("sichuan").BatchTranslateIdentities(messages(), timeout=CALL_SECONDS)
    return by_place([[told(one) for one in answer.outcomes] async for answer in calls])
