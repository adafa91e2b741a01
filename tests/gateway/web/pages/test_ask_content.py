"""The answer to the citizen's question is about what was asked, and says what a service is not good for."""

from __future__ import annotations

import html
from dataclasses import replace
from itertools import product

import pytest

from gateway.reasons import Language
from gateway.web.pages.texts import PageWords
from tests.fakes.shown import SHOWN
from tests.gateway.web.pages.pages_site import LANGUAGES, FakeSource, reading, site

ASK = "ask?home=chongqing&visited=sichuan"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_who_asks_for_one_thing_is_not_answered_for_another(language: str) -> None:
    """A science museum, where the card is good for the museum beside it only: refused, with what it is good for."""
    words = PageWords(Language(language))
    museum = words.name(SHOWN.taxonomy.get("CUL.MUSEUM").name)
    async with reading() as reader:
        found = await reader.get(f"/{language}/{ASK}&type=CUL.TECHMUSEUM")
    assert words.t("accepts_none_of_these") in found.words
    assert words.count("refuses", 1) in found.words
    text = html.unescape(found.text)
    assert words.reason("ITEM_COVERED_IN_PART") in text
    told = text.split(words.t("not_what_was_asked"))[1].split("</p>")[0]
    assert "/item-types/CUL.MUSEUM" in told
    assert museum in told
    assert f">{words.t('not_for')}" not in text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_what_accepting_means_is_said_where_something_is_accepted(language: str) -> None:
    """A text lists also what is only being tried out; the answer says so, and where to see how far it has come."""
    words = PageWords(Language(language))
    async with reading() as reader:
        some = await reader.get(f"/{language}/{ASK}")
        none = await reader.get(f"/{language}/{ASK}&type=CUL.TECHMUSEUM")
    assert words.t("accepts_means") in some.words
    assert f'href="/{language}/depth"' in some.text.split(words.t("accepts_means"))[1].split("</p>")[0]
    assert words.t("accepts_means") not in none.words


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_service_accepted_in_part_says_what_it_is_not_good_for(language: str) -> None:
    """By item type, and by what it has outside every type; a service accepted whole says nothing of the kind."""
    words = PageWords(Language(language))
    async with reading() as reader:
        houses = (await reader.get(f"/{language}/{ASK}&item=SC-16")).text.split(words.t("not_for"))
        whole = await reader.get(f"/{language}/{ASK}&item=SC-15")
        beside = await reader.get(f"/{language}/ask?home=hongkong&visited=guangdong&item=GD-23")
    assert len(houses) == 2
    told = houses[1].split("</p>")[0]
    assert all(f"/item-types/{code}" in told for code in ("CUL.TECHMUSEUM", "CUL.ARTMUSEUM"))
    assert "/item-types/CUL.MUSEUM" not in told
    assert words.t("not_for") not in whole.text
    residue = SHOWN.region("guangdong").catalog.get("GD-23").residue
    assert residue in beside.text.split(words.t("not_for"))[1].split("</p>")[0]


async def test_a_period_that_no_article_sets_is_not_said_to_be_law() -> None:
    """On every page that says where to complain: the article stands by the channels, and the period by itself."""
    async with reading() as reader:
        for language, (code, region) in product(LANGUAGES, SHOWN.regions.items()):
            words, rule = PageWords(Language(language)), region.rules.complaint
            assert rule is not None
            assert not rule.answer_article
            period = words.t("complaint_answer_unwritten", n=rule.answer_days)
            for address in (
                f"regions/{code}",
                f"items/{code}/{region.catalog.items[0].item}",
                f"ask?home={code}&visited={code}",
            ):
                text = html.unescape((await reader.get(f"/{language}/{address}")).text)
                assert period in text
                assert words.t("complaint_answer", n=rule.answer_days) not in text
                assert not rule.article or words.t("channel_source") in text.partition(period)[0]


async def test_a_period_of_an_article_is_told_with_it() -> None:
    """Where a text prints one, the page says that it binds, and where it stands."""
    region = SHOWN.region("chongqing")
    assert region.rules.complaint is not None
    complaint = region.rules.complaint.model_copy(update={"answer_article": "第九十九条", "answer_days": 7})
    bound = replace(region, rules=region.rules.model_copy(update={"complaint": complaint}))
    source = FakeSource(replace(SHOWN, regions={**SHOWN.regions, "chongqing": bound}))
    words = PageWords(Language.EN)
    async with reading(site(source=source)) as reader:
        text = html.unescape((await reader.get("/en/regions/chongqing")).text)
    assert "第九十九条" in text.split(words.t("complaint_answer", n=7))[1].split("</p>")[0]
    assert words.t("complaint_answer_unwritten", n=7) not in text
