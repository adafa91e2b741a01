"""What stands on the pages is what the data say: every item with its article, every region, every pair of them."""

from __future__ import annotations

import html
import re
from itertools import permutations, product

import pytest

from adapters.words import ApplicationClass, LegalStatus, Medium
from gateway.reasons import Language, text_in
from gateway.web.pages.catalog_pages import ITEMS_ON_A_PAGE
from gateway.web.pages.texts import PageWords
from tests.fakes.regions import AGREEMENTS, REGISTRY
from tests.fakes.shown import SHOWN, shown
from tests.gateway.web.pages.pages_site import LANGUAGES, FakeFacts, FakeSource, reading, site


def sections(page: str) -> dict[str, str]:
    """Part the page of the citizen's question by visited region."""
    parts = re.split(r'<section class="answer" id="in-([a-z]+)"', page)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


async def test_every_item_is_listed_with_its_article_and_class() -> None:
    """All items of all catalogs, Chongqing's 44 among them, with what is printed of each, in each language."""
    async with reading() as reader:
        for language, (name, shown_list) in product(LANGUAGES, SHOWN.lists.items()):
            found = await reader.get(f"/{language}/catalogs/{name}")
            words = PageWords(Language(language))
            rows = [html.unescape(row) for row in found.text.split("<tr ")[2:]]
            assert len(rows) == len(shown_list.items) <= ITEMS_ON_A_PAGE
            for item, row in zip(shown_list.items, rows, strict=True):
                assert f">{item.item}</span>" in row
                assert words.name(item.name) in row
                assert item.article in row
                assert all(words.t(f"class_{c}") in row for c in item.classes)
                assert all(words.t(f"medium_{m}") in row for m in item.media)
                assert (words.t("draft") in row) is (item.legal_status is LegalStatus.DRAFT)
    assert len(REGISTRY.get("chongqing").catalog) == 44


async def test_every_item_has_a_page_that_says_all_of_it() -> None:
    """Content, units, source, dates, item types and what was noted, as carried over; and where to complain."""
    words = PageWords(Language.EN)
    async with reading() as reader:
        for name, shown_list in SHOWN.lists.items():
            for item in shown_list.items:
                found = await reader.get(f"/en/items/{name}/{item.item}")
                text = html.unescape(found.text)
                told = (item.content, item.unit, item.co_units, item.source, item.article, item.residue, item.note)
                assert found.status == 200
                assert all(part in text for part in told)
                assert all(f"/en/item-types/{relation.item_type}" in text for relation in item.relations)
                assert all(depth.printed in text for depth in item.depths)
                assert words.t("where_to_complain") in text
                if item.effective_from:
                    assert f'datetime="{item.effective_from.isoformat()}"' in text


async def test_every_region_is_shown_in_every_language() -> None:
    """Its four names, its division, its legal sources, its channels of complaint, its agreements."""
    async with reading() as reader:
        for language, adapter in product(LANGUAGES, REGISTRY):
            found = await reader.get(f"/{language}/regions/{adapter.region}")
            text = html.unescape(found.text)
            manifest = adapter.manifest
            assert all(name in text for name in (manifest.name.zh_hans, manifest.name.zh_hant, manifest.name.pt))
            assert manifest.division_code in text
            assert all(source.title in text for source in manifest.legal_source)
            assert all(a.title[language] in text for a in AGREEMENTS.agreements if adapter.region in a.regions)
            channels = adapter.rules.complaint.channel if adapter.rules.complaint else ()
            assert channels
            assert all(channel.value in text for channel in channels)
            assert all(text_in(venue.name, Language(language)) in text for venue in adapter.venues)


async def test_every_ordered_pair_of_regions_can_be_compared() -> None:
    """All 72: each item of the one with the sentence that says what it is in the other."""
    async with reading() as reader:
        for one, other in permutations(REGISTRY.regions, 2):
            found = await reader.get(f"/pt/compare?one={one}&other={other}")
            text = html.unescape(found.text)
            assert found.status == 200
            for item in REGISTRY.get(one).catalog:
                assert f"/pt/items/{one}/{item.item}" in text
        assert "Acordo" in (await reader.get("/pt/compare?one=chongqing&other=sichuan")).text


@pytest.mark.parametrize(
    ("language", "accepted", "refused", "reason"),
    [
        ("zh-Hans", "17 项服务认可您的卡", "没有服务认可您的卡。", "本网关没有两地之间合作协议的记录。"),
        ("zh-Hant", "17 項服務認可您的卡", "沒有服務認可您的卡。", "本網關並無兩地之間合作協議的記錄。"),
        ("en", "17 services accept your card", "No service accepts your card.", "No agreement between the two regions"),
        ("pt", "17 serviços aceitam o seu cartão", "Nenhum serviço aceita o seu cartão.", "qualquer acordo"),
    ],
)
async def test_the_question_of_the_citizen_is_answered(language: str, accepted: str, refused: str, reason: str) -> None:
    """A Chongqing card in Sichuan, Guangdong, Hong Kong: where, for what, by which article, since when, and why not."""
    query = "home=chongqing&visited=sichuan&visited=guangdong&visited=hongkong"
    async with reading() as reader:
        found = await reader.get(f"/{language}/ask?{query}")
    parts = sections(found.text)
    assert list(parts) == ["guangdong", "hongkong", "sichuan"]
    assert accepted in parts["sichuan"]
    assert "SC-15" in parts["sichuan"]
    assert "示例第15项" in parts["sichuan"]
    assert 'datetime="2025-01-01"' in parts["sichuan"]
    assert "/agreements/sichuan-chongqing" in parts["sichuan"]
    assert "12333" in parts["sichuan"]
    for code in ("guangdong", "hongkong"):
        assert refused in parts[code]
        assert reason in parts[code]
        assert not re.search("运营|營運|operator|install|operadora", parts[code])


async def test_the_question_can_be_narrowed() -> None:
    """By item type, by form of the card, by class, by item and by day; what is left out is not counted."""
    base = "/en/ask?home=chongqing&visited=sichuan"
    async with reading() as reader:
        museums = await reader.get(f"{base}&type=CUL.MUSEUM")
        culture = await reader.get(f"{base}&type=CUL.*")
        electronic = await reader.get(f"{base}&medium=electronic&class=disbursement")
        one = await reader.get(f"{base}&item=SC-15")
        before = await reader.get(f"{base}&on=2024-12-31")
    assert "2 services accept your card" in museums.text
    assert "only for: <a" in museums.text
    assert "4 services accept your card" in culture.text
    assert "None of the services asked about accepts your card." in electronic.text
    assert "3 services do not, and why" in electronic.text
    assert "1 service accepts your card" in one.text
    assert "No service accepts your card." in before.text


async def test_without_a_visited_region_those_with_an_agreement_answer() -> None:
    """And the others are one step away; a region without any agreement is told so."""
    async with reading() as reader:
        some = await reader.get("/en/ask?home=chongqing")
        none = await reader.get("/en/ask?home=shiyan")
    assert list(sections(some.text)) == ["guizhou", "sichuan", "xizang"]
    assert "home=chongqing&amp;visited=hongkong" in some.text
    assert "this region has no agreement with any other" in none.text


async def test_at_home_no_agreement_is_needed() -> None:
    """All items in force are accepted, and drafts are not."""
    async with reading() as reader:
        home = await reader.get("/en/ask?home=chongqing&visited=chongqing")
        draft = await reader.get("/en/ask?home=guangxi&visited=guangxi")
    assert "At home no agreement is needed." in home.text
    assert "44 services accept your card" in home.text
    assert "None of the services asked about accepts your card." in draft.text
    assert "Draft" in draft.text


async def test_a_consent_is_asked_for_where_the_border_is_crossed() -> None:
    """Guangdong's card in Macao: the agreement of the Greater Bay Area demands it."""
    async with reading() as reader:
        found = await reader.get("/en/ask?home=guangdong&visited=macao")
    assert "Your consent is needed at the counter." in found.text


async def test_an_agreement_that_does_not_stand_accepts_nothing() -> None:
    """The reason is told, and the agreement is one step away."""
    source = FakeSource(shown(sichuan_chongqing="AGREEMENT_STOPPED"))
    async with reading(site(source=source)) as reader:
        found = await reader.get("/en/ask?home=chongqing&visited=sichuan")
        terms = await reader.get("/en/agreements/sichuan-chongqing")
    assert "No service accepts your card." in found.text
    assert "/en/agreements/sichuan-chongqing" in found.text
    assert 'class="state state-bad"' in terms.text


async def test_every_agreement_is_shown_whole() -> None:
    """Parties, days, purposes, what may be told, legal basis, item types."""
    async with reading() as reader:
        for language, agreement in product(LANGUAGES, AGREEMENTS.agreements):
            words = PageWords(Language(language))
            found = await reader.get(f"/{language}/agreements/{agreement.id}")
            text = html.unescape(found.text)
            assert agreement.title[language] in text
            assert all(words.t(f"purpose_{purpose}") in text for purpose in agreement.purposes)
            assert all(words.t(f"field_{path}") in text for path in agreement.fields)
            assert all(basis.source in text and basis.article in text for basis in agreement.legal_basis)
            assert all(pattern in text for pattern in agreement.item_types)


async def test_every_item_type_lists_what_touches_it() -> None:
    """Items of every region, with how each stands to the type."""
    async with reading() as reader:
        whole = await reader.get("/en/item-types")
        for node in REGISTRY.taxonomy:
            found = await reader.get(f"/en/item-types/{node.code}")
            assert node.code in whole.text
            for adapter in REGISTRY:
                for item in adapter.catalog.by_type(node.code):
                    assert f"/en/items/{adapter.region}/{item.item}" in found.text


async def test_a_catalog_can_be_filtered() -> None:
    """By class, form, standing and day; drafts stay, marked."""
    catalog = REGISTRY.get("chongqing").catalog
    paid = catalog.filter(application_class=ApplicationClass.PAYMENT, medium=Medium.ELECTRONIC)
    async with reading() as reader:
        found = await reader.get("/en/catalogs/chongqing?class=payment&medium=electronic")
        before = await reader.get("/en/catalogs/chongqing?on=2024-01-01")
        drafts = await reader.get("/en/catalogs/guangxi?on=2024-01-01")
        past = await reader.get("/en/catalogs/chongqing?page=2")
    assert f"<strong>{len(paid)} services</strong>" in found.text
    assert "<strong>0 services</strong>" in before.text
    assert "<strong>20 services</strong>" in drafts.text
    assert drafts.text.count('class="is-draft"') == 20
    assert "CQ-01" not in past.text


async def test_an_item_is_shown_as_of_a_day() -> None:
    """Before its first day it is told not to be in force, and what it corresponds to then."""
    async with reading() as reader:
        before = await reader.get("/en/items/chongqing/CQ-31?on=2024-01-01")
        now = await reader.get("/en/items/chongqing/CQ-31")
    assert "This item is not in force on 1 January 2024." in before.text
    assert "not in force on" not in now.text
    assert now.text.count("relation-exact") > before.text.count("relation-exact")


async def test_the_search_finds_names_in_four_languages_and_in_pinyin() -> None:
    """By name, by its pinyin, by the initials of that, by code; accents and letter case do not count."""
    asked = ("博物馆参观", "博物館參觀", "museum visit", "MUSEUS", "bowuguan", "bwg", "sc-15", "visita museu")
    async with reading() as reader:
        for q in asked:
            found = await reader.get(f"/en/search?q={q}")
            assert "/en/items/sichuan/SC-15" in found.text, q
        accent = await reader.get("/pt/search?q=prestacao")
        nothing = await reader.get("/en/search?q=xyzzy")
        region = await reader.get("/en/search?q=chongqing")
        empty = await reader.get("/en/search?q=+")
    assert accent.status == 200
    assert "<strong>0 found</strong>" in nothing.text
    assert "/en/regions/chongqing" in region.text
    assert "found</strong>" not in empty.text


async def test_depths_are_drawn_and_written() -> None:
    """Each bar says what it is, and a table says the same; another region has none."""
    async with reading() as reader:
        chart = await reader.get("/en/depth")
        none = await reader.get("/en/depth?region=macao")
    assert chart.text.count("<figure>") == 3
    assert "<title>2027, Level 3: 21</title>" in chart.text
    assert "50% or more" in chart.text
    assert "No depth of use is printed for this region." in none.text


async def test_the_node_tells_of_itself() -> None:
    """Its documents and keys, who has signed, and lines for programs, safe for a shell."""
    facts = FakeFacts(missing=("sichuan",))
    async with reading(site(facts)) as reader:
        trust = await reader.get("/en/trust")
        api = html.unescape((await reader.get("/en/api")).text)
    assert 'href="/.well-known/openid-federation"' in trust.text
    assert "k" * 43 in trust.text
    assert "Sichuan: signature not proven" in trust.words
    assert "Chongqing: signature proven" in trust.words
    assert "gateway.example:443 onecard.gateway.v1.CatalogService/ListCatalogs" in api
    assert '\'{"name": "regions/chongqing/items/CQ-01", "targetRegion": "guizhou"}\'' in api
    assert "GetB" in api
