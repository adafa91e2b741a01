"""Point 4 of the story: application items that have an equal on the other side, that split, are broader, or have none."""

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

_NOTHING = "card active; no recognition; no identity"

# Whose platform asks, title, source region, item, target region, what it must correspond to.
_TRANSLATIONS = (
    ("sichuan", "exactly one", "chongqing", "CQ-31", "sichuan", "TODO"),
    ("guangdong", "no equal: Guangdong's ferry 轮渡", "guangdong", "GD-07", "chongqing", "TODO"),
    ("chongqing", "one that splits: library entry and borrowing", "chongqing", "CQ-30", "sichuan", "TODO"),
    ("chongqing", "one that splits: bus and metro", "chongqing", "CQ-29", "sichuan", "TODO"),
    ("sichuan", "one that is broader: 文博场馆", "sichuan", "SC-16", "chongqing", "TODO"),
    ("guangdong", "a draft is shown and counts for nothing", "guangdong", "GD-07", "guangxi", "TODO"),
)


def item_chapter() -> Chapter:
    """Give the steps of point 4."""
    return Chapter("4. Application items", (*map(_translation, _TRANSLATIONS), *_use_steps()))


def _translation(row: tuple[str, str, str, str, str, str]) -> Step:
    asks, title, source, item, target, expected = row
    request = pb.TranslateApplicationItemRequest(name=f"regions/{source}/items/{item}", target_region=target)

    async def play(stage: Stage) -> str:
        answer = await stage.catalog(asks).TranslateApplicationItem(request, timeout=CALL_SECONDS)
        return equivalence(answer.equivalence)

    return Step(title=title, asks=asks, home=target, expected=expected, play=play)


def _use_steps() -> Iterable[Step]:
    """What the correspondence means for the use of a card."""
    yield asked(
        "broader item 文博场馆: the museum only",
        "sichuan",
        verify("chongqing", "SC-16", by_number("chongqing")),
        "identity limited ITEM_COVERED_IN_PART, only CUL.MUSEUM; card active; recognition",
    )
    yield asked(
        "item without an equal: license enquiry 驾驶证 with a Sichuan card",
        "chongqing",
        verify("sichuan", "CQ-12", by_number("sichuan")),
        f"identity refused NO_EQUIVALENT_ITEM: home region must act as told; {_NOTHING}",
    )
    yield asked(
        "item outside the agreement: personnel archive 人事档案",
        "sichuan",
        verify("chongqing", "SC-18", by_number("chongqing")),
        "PERMISSION_DENIED ITEM_NOT_IN_AGREEMENT, failed by agreement; told in en",
    )
    yield asked(
        "item for the electronic card only, shown the plastic one",
        "chongqing",
        verify("chongqing", "CQ-10", by_number("chongqing")),
        f"identity refused MEDIUM_NOT_ACCEPTED: holder must act as told; {_NOTHING}",
    )
