"""Through the dialects of the other mainland regions, and across the borders of the Greater Bay Area."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.sandbox.story import CALL_SECONDS, Chapter, Step
from gateway.sandbox.story_main import asked
from gateway.sandbox.story_requests import CONSENT, by_number, by_qr, by_sign_number, raw, record, translate, verify
from gateway.sandbox.story_words import fields, losses, verdict
from onecard.gateway.v1 import card_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.sandbox.story import Stage

_ALLOWED = "identity allowed; card active; recognition and identity"


def dialect_chapter() -> Chapter:
    """Give the steps about dialects of other mainland regions."""
    return Chapter("Other dialects: Guizhou, Xizang, Shiyan, Guangxi", tuple(_dialect_steps()))


def border_chapter() -> Chapter:
    """Give the steps across borders."""
    return Chapter("Across borders: Guangdong, Hong Kong, Macao", tuple(_bay_area_steps()))


def _bay_area_steps() -> Iterable[Step]:
    """Greater Bay Area: consent is asked for, and only a few fields cross the border."""
    permit = by_number("guangdong", "hk_resident")
    yield asked(
        "Hong Kong resident (residence permit 81…) with a Guangdong card, borrowing 借阅, with consent",
        "hongkong",
        verify("guangdong", "HK-03", permit, consent=CONSENT),
        f"{_ALLOWED}; hongkong form: chiName=陳大文樣例 cardStatus=ACTIVE sscNumber=- cardNumber=-",
        read=lambda answer: f"{verdict(answer)}; {fields(answer, 'chiName', 'cardStatus', 'sscNumber', 'cardNumber')}",
    )
    yield asked(
        "the same without a consent reference",
        "hongkong",
        verify("guangdong", "HK-03", permit),
        "PERMISSION_DENIED CROSS_BORDER_BASIS_MISSING, failed by caller",
    )
    yield asked(
        "Macao partner agency asks Guangdong 博物館",
        "macao",
        verify("guangdong", "MO-04", by_number("guangdong"), consent=CONSENT),
        f"{_ALLOWED}; macao form: nomeChines=测试甲 estado=ATIVO bir=-",
        read=lambda answer: f"{verdict(answer)}; {fields(answer, 'nomeChines', 'estado', 'bir')}",
    )
    yield _portuguese_step()
    yield asked(
        "Guangdong asks about a card of Hong Kong, by QR 博物馆",
        "guangdong",
        verify("hongkong", "GD-09", by_qr("hongkong"), medium=card_pb2.MEDIUM_ELECTRONIC, consent=CONSENT),
        _ALLOWED,
    )
    yield asked(
        "Guangdong asks about a card of Macao, by sign number",
        "guangdong",
        verify("macao", "GD-09", by_sign_number("macao"), medium=card_pb2.MEDIUM_ELECTRONIC, consent=CONSENT),
        f"{_ALLOWED}; guangdong form: aac003=測試甲 romanName=EXEMPLO, João António",
        read=lambda answer: f"{verdict(answer)}; {fields(answer, 'aac003', 'romanName')}",
    )


def _portuguese_step() -> Step:
    request = verify("guangdong", "MO-04", by_number("guangdong", "lost_formal"), consent=CONSENT)

    async def play(stage: Stage) -> str:
        metadata = (("accept-language", "pt"),)
        answer = await stage.identity("macao").VerifyCard(request, metadata=metadata, timeout=CALL_SECONDS)
        return f"{verdict(answer)}; {answer.verdict.classes[0].message}"

    return Step(
        title="the same about a lost card, in Portuguese",
        asks="macao",
        home="guangdong",
        expected="identity refused CARD_LOST_FORMAL, holder must act; card lost_formal; nothing handed over; "
        "O extravio do cartão foi comunicado formalmente.",
        play=play,
    )


def _dialect_steps() -> Iterable[Step]:
    yield asked(
        "Guizhou, keyed by its own field names 博物馆",
        "chongqing",
        verify("guizhou", "CQ-31", by_number("guizhou")),
        f"{_ALLOWED}; guizhou record: aaz501=C00000001 ksbm=520103D156000001FDB33791; "
        "chongqing form: aaz500=C00000001 aaz501=520103D156000001FDB33791",
        read=lambda answer: (
            f"{verdict(answer)}; guizhou record: {raw('guizhou', 'aaz501', 'ksbm')}; "
            f"{fields(answer, 'aaz500', 'aaz501')}"
        ),
    )
    yield Step(
        title="Guizhou of another make: aaz501 has the chip's code, not the card number",
        asks="chongqing",
        home="guizhou",
        expected="aaz501 of 24 hex digits read as code, aaz500 as number C00000001",
        play=_swapped,
    )
    yield asked(
        "Xizang, XML with Chinese tags 博物馆",
        "chongqing",
        verify("xizang", "CQ-31", by_number("xizang")),
        f"{_ALLOWED}; chongqing form: aaz500=D00000001 aac003=测试庚",
        read=lambda answer: f"{verdict(answer)}; {fields(answer, 'aaz500', 'aac003')}",
    )
    yield Step(
        title="TranslateIdentity: Chongqing's JSON into Xizang's XML",
        asks="chongqing",
        home="xizang",
        expected="<姓名>测试甲</姓名>; lost: card.electronic_sign_number dropped, holder.nationality dropped",
        play=_as_xml,
    )
    yield asked(
        "Shiyan, where the reply code is the card's status (052)",
        "shiyan",
        verify("shiyan", "SY-03", by_number("shiyan", "lost_formal")),
        "identity refused CARD_LOST_FORMAL, holder must act; card lost_formal; nothing handed over",
    )
    yield asked(
        "Guangxi, whose regulation is a draft 图书馆",
        "guangxi",
        verify("guangxi", "GX-20", by_number("guangxi")),
        "identity refused DRAFT_NOT_IN_FORCE, nobody must act; card active; nothing handed over",
    )


async def _swapped(stage: Stage) -> str:
    request = translate("guizhou", "other_make_swapped", "chongqing")
    answer = await stage.identity("chongqing").TranslateIdentity(request, timeout=CALL_SECONDS)
    told = record("guizhou", "other_make_swapped")
    card = answer.canonical.card
    code = "code" if card.identification_code == told["aaz501"] else "SOMETHING ELSE"
    number = f"number {card.number}" if card.number == told["aaz500"] else "SOMETHING ELSE"
    return f"aaz501 of {len(told['aaz501'])} hex digits read as {code}, aaz500 as {number}"


async def _as_xml(stage: Stage) -> str:
    request = translate("chongqing", "active", "xizang", text=True)
    answer = await stage.identity("chongqing").TranslateIdentity(request, timeout=CALL_SECONDS)
    text = answer.identity.text
    start = text.find("<姓名>")
    return f"{text[start : text.find('<', start + 1) + 5]}; {losses(answer.losses)}"
