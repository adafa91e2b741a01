"""The chapter on a lost card, as far as it goes without gateways: its steps and titles, its cards, its agreements."""

from __future__ import annotations

import tomllib
from datetime import date
from itertools import combinations

import pytest

from adapters.registry import load_agreements, load_registry
from gateway.sandbox.anchors import agreement_texts
from gateway.sandbox.demo import chapters
from gateway.sandbox.story_cards import CARD, HOME, ITEMS, NEW_CARD, OLD_CARD, Kind, event, refusal
from gateway.sandbox.story_requests import by_number
from gateway.sandbox.story_status import status_chapter
from gateway.sandbox.titles import load_titles
from onecard.gateway.v1 import verdict_pb2
from onecard.gateway.v1.identity_service_pb2 import VerifyCardResponse
from trust.agreement import Agreement

REGISTRY = load_registry()
SANDBOX_ONLY = sorted(agreement_texts().keys() - load_agreements().keys())
DAY = date(2026, 6, 1)
DRAFT = "guangxi"
"""Its regulation is a draft: it is told how the card stands, and accepts none."""


def agreement(file: str) -> Agreement:
    """Read an agreement of the sandbox."""
    return Agreement.from_mapping(tomllib.loads(agreement_texts()[file]))


def test_every_step_has_a_chinese_title() -> None:
    """The table of the demonstration is whole in both languages."""
    chapter = status_chapter()
    assert {chapter.title, *(step.title for step in chapter.steps)} <= load_titles().keys()
    assert len({step.title for step in chapter.steps}) == len(chapter.steps) == 9


def test_the_chapter_comes_before_trust_is_spoiled() -> None:
    """It needs all gateways to believe each other, and the chapter on trust takes some of that back."""
    titles = [chapter.title for chapter in chapters()]
    assert titles.index("A lost card") < titles.index("Trust")


def test_the_story_loses_a_card_in_all_eight_other_regions() -> None:
    """Each has an item of its own for it, under an agreement with the home region that covers one of its types."""
    assert {HOME, *ITEMS} == set(REGISTRY.regions)
    agreements = [agreement(file) for file in agreement_texts()]
    for region, name in ITEMS.items():
        item = REGISTRY.get(region).catalog.get(name)
        joined = [one for one in agreements if {HOME, region} <= set(one.regions)]
        assert item.in_force(DAY) is (region != DRAFT)
        assert any(one.covers(relation.item_type) for one in joined for relation in item.relations)


def test_the_cards_of_the_story_are_three() -> None:
    """What happens to one of them is not undone by what happens to another."""
    assert len({by_number(HOME, card).card_number.card_number for card in (CARD, OLD_CARD, NEW_CARD)}) == 3


@pytest.mark.parametrize("file", SANDBOX_ONLY)
def test_an_agreement_of_the_sandbox_only_says_so(file: str) -> None:
    """It is synthetic, in force on all days of the examples, lets no number out, and pays nothing."""
    one = agreement(file)
    assert one.synthetic
    assert all("沙箱" in one.title[language] for language in ("zh-Hans", "zh-Hant"))
    assert all("(sandbox)" in one.title[language] for language in ("en", "pt"))
    assert one.in_force_from <= DAY <= one.in_force_to
    assert not one.fields & {"card.number", "holder.social_security_number"}
    assert one.classes == ("identity",)
    assert one.offline_life_seconds == {"identity": 3600}


@pytest.mark.parametrize("file", SANDBOX_ONLY)
def test_an_agreement_across_the_border_asks_for_consent(file: str) -> None:
    """As the rules of both sides demand."""
    one = agreement(file)
    abroad = bool({"hongkong", "macao"} & set(one.regions))
    assert (one.cross_border, one.consent_required) == (abroad, abroad)


def test_no_two_agreements_of_the_sandbox_join_the_same_regions() -> None:
    """Otherwise it would not be clear which of them counts between the two."""
    pairs = [pair for file in agreement_texts() for pair in combinations(sorted(agreement(file).regions), 2)]
    assert len(pairs) == len(set(pairs))
    assert SANDBOX_ONLY == ["chongqing_hongkong.toml", "chongqing_macao.toml", "chongqing_south.toml"]


def test_a_report_is_of_now_or_of_some_seconds_before() -> None:
    """Whatever is told beside goes into it."""
    late, now = event(Kind.CARD_EVENT_KIND_LOST_FORMAL, before=30), event(Kind.CARD_EVENT_KIND_THAWED, sequence=3)
    assert 29 < now.event_time.ToSeconds() - late.event_time.ToSeconds() <= 31
    assert (now.kind, now.sequence) == (Kind.CARD_EVENT_KIND_THAWED, 3)
    assert now.card_number == by_number(HOME, CARD).card_number.card_number


def test_the_first_refusal_of_an_answer_is_told() -> None:
    """Or that there is none."""
    answer = VerifyCardResponse()
    allowed = answer.verdict.classes.add(decision=verdict_pb2.DECISION_ALLOWED)
    assert allowed.decision == verdict_pb2.DECISION_ALLOWED
    assert refusal(answer) == "not refused"
    answer.verdict.classes.add(decision=verdict_pb2.DECISION_REFUSED, reason="CARD_REPLACED")
    assert "CARD_REPLACED" in refusal(answer)
