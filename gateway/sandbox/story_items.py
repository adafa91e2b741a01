"""Application items with an equal on the other side, split, broader, or with none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.sandbox.story import CALL_SECONDS, Chapter, Step
from gateway.sandbox.story_main import asked
from gateway.sandbox.story_requests import by_number, verify
from gateway.sandbox.story_words import equivalence
from onecard.gateway.v1 import catalog_service_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.sandbox.story import Stage

_NOTHING = "card active; nothing handed over"

# Title, source region, item, target region, what it must correspond to.
_TRANSLATIONS = (
    (
        "exactly one, and a broader one",
        "chongqing",
        "CQ-31",
        "sichuan",
        "CQ-31 博物馆 exact in sichuan; SC-15 博物馆参观 exact; SC-16 文博场馆参观 broader",
    ),
    (
        "no equal: Guangdong's ferry",
        "guangdong",
        "GD-07",
        "chongqing",
        "GD-07 轮渡乘船 none in chongqing; not covered TRA.FERRY",
    ),
    (
        "one that splits: library entry and borrowing",
        "chongqing",
        "CQ-30",
        "sichuan",
        (
            "CQ-30 图书馆入馆、借阅 exact in sichuan; SC-13 图书馆入馆 narrower; SC-14 图书借阅 narrower; "
            "together SC-13 + SC-14"
        ),
    ),
    (
        "one that splits: bus and metro",
        "chongqing",
        "CQ-29",
        "sichuan",
        (
            "CQ-29 公交、轨道刷卡乘车 exact in sichuan; SC-11 公交刷卡乘车 narrower; SC-12 轨道交通刷卡乘车 narrower; "
            "together SC-11 + SC-12"
        ),
    ),
    (
        "one that is broader: museums of all kinds",
        "sichuan",
        "SC-16",
        "chongqing",
        "SC-16 文博场馆参观 narrower in chongqing; CQ-31 博物馆 narrower; not covered CUL.ARTMUSEUM, CUL.TECHMUSEUM",
    ),
    (
        "a draft is shown and counts for nothing",
        "guangdong",
        "GD-07",
        "guangxi",
        "GD-07 轮渡乘船 none in guangxi; GX-17 轮渡乘船 exact, a draft; not covered TRA.FERRY",
    ),
)


def item_chapter() -> Chapter:
    """Give the steps about application items."""
    return Chapter("Application items", (*map(_translation, _TRANSLATIONS), *_use_steps()))


def _translation(row: tuple[str, str, str, str, str]) -> Step:
    title, source, item, target, expected = row
    request = pb.TranslateApplicationItemRequest(name=f"regions/{source}/items/{item}", target_region=target)

    async def play(stage: Stage) -> str:
        answer = await stage.catalog(source).TranslateApplicationItem(request, timeout=CALL_SECONDS)
        return equivalence(answer.equivalence)

    return Step(title=title, asks=source, home=target, expected=expected, play=play)


def _use_steps() -> Iterable[Step]:
    """What the correspondence means for the use of a card."""
    yield asked(
        "broader item 文博场馆: the museum only",
        "sichuan",
        verify("chongqing", "SC-16", by_number("chongqing")),
        "identity limited ITEM_COVERED_IN_PART, only CUL.MUSEUM; card active; recognition and identity",
    )
    yield asked(
        "item without an equal: license enquiry 驾驶证 with a Sichuan card",
        "chongqing",
        verify("sichuan", "CQ-12", by_number("sichuan")),
        f"identity refused NO_EQUIVALENT_ITEM, home region must act; {_NOTHING}",
    )
    yield asked(
        "item outside the agreement: hotel stay 酒店民宿入住",
        "chongqing",
        verify("sichuan", "CQ-11", by_number("sichuan")),
        "PERMISSION_DENIED ITEM_NOT_IN_AGREEMENT, failed by agreement",
    )
    yield asked(
        "item for the electronic card only, shown the plastic one",
        "chongqing",
        verify("chongqing", "CQ-10", by_number("chongqing")),
        f"identity refused MEDIUM_NOT_ACCEPTED, holder must act; {_NOTHING}",
    )
