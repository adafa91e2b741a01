"""The rules of the regions as data: each article is of a text, a draft never binds, and wrong data is refused whole."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from adapters.card_rules import ANSWER_DAYS, ChannelKind, parse_rules
from adapters.errors import RegionDataError
from adapters.registry import load_registry
from adapters.words import LegalStatus, Medium
from tests.adapters.item_examples import TODAY

ADAPTERS = Path(__file__).resolve().parents[2] / "adapters"
RULES = {adapter.region: adapter.rules for adapter in load_registry()}
TEXT = (ADAPTERS / "guangdong" / "rules.toml").read_text("utf-8")


def test_every_region_says_where_to_complain() -> None:
    """Two of the texts demand a telephone and a channel on the web; an example of ours says that it is one."""
    assert all(rules.complaint and rules.complaint.channel for rules in RULES.values())
    for rules in RULES.values():
        for channel in rules.complaint.channel if rules.complaint else ():
            assert channel.synthetic is (".example/" in channel.value)
            assert channel.synthetic or channel.note
    chongqing = RULES["chongqing"].complaint
    assert chongqing is not None
    assert {channel.kind for channel in chongqing.channel} == {ChannelKind.TELEPHONE, ChannelKind.ONLINE}


def test_no_text_prints_a_period_for_the_answer() -> None:
    """None of the four says in how many days, so all have the working value and cite no article."""
    assert {rules.answer_days for rules in RULES.values()} == {ANSWER_DAYS}
    assert not any(rules.complaint and rules.complaint.answer_article for rules in RULES.values())
    told = '[complaint]\nanswer_days = 15\nanswer_article = "第九条"'
    printed = parse_rules("guangdong", TEXT.replace("[complaint]", told, 1))
    assert printed.complaint is not None
    assert (printed.answer_days, printed.complaint.answer_article) == (15, "第九条")
    assert parse_rules("nowhere", "").answer_days == ANSWER_DAYS


def test_only_texts_that_are_known_have_articles() -> None:
    """The four texts of the workplace; the regions with synthetic catalogs cite none."""
    known = {region for region, rules in RULES.items() if rules.text is not None}
    assert known == {"chongqing", "guangdong", "guangxi", "shiyan"}
    assert {region for region in known if RULES[region].binds(TODAY)} == known - {"guangxi"}
    assert RULES["guangxi"].text.status is LegalStatus.DRAFT  # type: ignore[union-attr]


def test_a_text_binds_from_its_first_day_on() -> None:
    """Guangdong's is in force from 2024-11-01."""
    assert [RULES["guangdong"].binds(date(2024, 10, 31)), RULES["guangdong"].binds(date(2024, 11, 1))] == [False, True]


def test_one_form_only_goes_against_a_text_that_gives_both_equal_effect() -> None:
    """Guangdong and Shiyan say 同等效力, Chongqing does not."""
    alone = (Medium.PHYSICAL,)
    told = {region: rules.one_form_for(alone, TODAY) for region, rules in RULES.items()}
    assert {region for region, against in told.items() if against} == {"guangdong", "shiyan"}
    assert not RULES["guangdong"].one_form_for(tuple(Medium), TODAY)
    assert not RULES["guangdong"].one_form_for(alone, date(2024, 1, 1))


@pytest.mark.parametrize(
    ("change", "into", "rule"),
    [
        ("in_force_from = 2024-11-01", "", "first day"),
        ('status = "in_force"', 'status = "draft"', "first day"),
        (
            '[text]\nsource = "广东省社会保障卡居民服务一卡通条例"\nstatus = "in_force"\nin_force_from = 2024-11-01',
            "",
            "text",
        ),
        ("[complaint]", "[complaint]\nanswer_days = 0", "complaint.answer_days"),
        ('reach = "duplicate"', 'reach = "anything"', "duplicate.reach"),
        ("[identity]", "[identity", "not TOML"),
        ("[identity]", 'region = "chongqing"\n[identity]', "duplicate.region"),
        ("# Guangdong: what", 'region = "chongqing"\n# Guangdong: what', "folder"),
    ],
)
def test_wrong_rules_are_refused(change: str, into: str, rule: str) -> None:
    """With the place and the rule, never the value."""
    with pytest.raises(RegionDataError) as caught:
        parse_rules("guangdong", TEXT.replace(change, into, 1))
    assert rule in str(caught.value)
    assert caught.value.metadata["region"] == "guangdong"


def test_a_region_need_not_have_rules() -> None:
    """An empty file is one without any."""
    rules = parse_rules("nowhere", "")
    assert (rules.source, rules.binds(TODAY), rules.complaint) == ("", False, None)
