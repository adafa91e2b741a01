"""Catalogs of all layers on the pages: versions, signatures, changes, other days, and why items correspond."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import date, timedelta
from itertools import product

from defusedxml.ElementTree import fromstring

from adapters.pair_explanation import explain_pair
from adapters.words import ApplicationClass, LegalStatus, Medium, VenueSet
from gateway.reasons import Language
from gateway.web.pages.texts import PageWords
from tests.fakes.catalogs import following, signature
from tests.fakes.clock import FakeClock
from tests.fakes.regions import REGISTRY
from tests.fakes.shown import SHOWN, TODAY, known, next_version, shown
from tests.gateway.web.pages.pages_site import LANGUAGES, FakeSource, reading, site

ATOM = "{http://www.w3.org/2005/Atom}"


async def test_equivalences_are_explained_facet_by_facet() -> None:
    """Every clause with its facet, what each side says, the sets that are needed, and the question turned round."""
    async with reading() as reader:
        item = await reader.get("/en/items/chongqing/CQ-29")
        for language, (one, other) in product(
            LANGUAGES, (("CQ-29", "sichuan"), ("CQ-29", "xizang"), ("CQ-30", "macao"))
        ):
            words = PageWords(Language(language))
            equivalence = SHOWN.translate("chongqing", one, other, on=TODAY)
            found = await reader.get(f"/{language}/explain/chongqing/{one}/{other}")
            text = html.unescape(found.text)
            assert words.name(equivalence.explanation) in text
            for target in equivalence.items:
                pair = explain_pair(equivalence.source, target.item, REGISTRY.taxonomy, on=TODAY)
                assert words.t(f"relation_{pair.relation}") in text
                assert all(words.name(clause.text).strip("；;，, ") in text for clause in pair.clauses)
                assert all(words.t(f"facet_{clause.facet}") in text for clause in pair.clauses)
                assert all(words.t(f"effect_{difference.effect}") in text for difference in pair.differences)
        sets = await reader.get("/en/explain/chongqing/CQ-29/sichuan")
        joint = await reader.get("/en/explain/sichuan-chongqing/CY-01/guangdong?on=2026-01-31")
        nowhere = [
            await reader.get(f"/en/explain/{path}")
            for path in ("a/CQ-29/macao", "chongqing/A/macao", "chongqing/CQ-29/a")
        ]
    assert 'href="/en/explain/chongqing/CQ-29/sichuan"' in item.text
    assert re.search(r"SC-11 [^+]+ \+ SC-12 ", sets.words)
    for code in ("SC-11", "SC-12"):
        assert SHOWN.region("sichuan").catalog.get(code).name.en in sets.words
    assert 'href="/en/explain/sichuan/SC-11/chongqing"' in sets.text
    assert joint.status == 200
    assert [page.status for page in nowhere] == [404, 404, 404]


async def test_what_each_side_says_is_said_in_names() -> None:
    """No cell of the table of facets is a bare code, in any language; the code of a type stands behind its name."""
    codes = {
        *ApplicationClass,
        *Medium,
        *LegalStatus,
        *(word for word in VenueSet if word),
        "one_time",
        "sensitive",
        "residue",
    }
    async with reading() as reader:
        for language, (one, other) in product(
            LANGUAGES, (("CQ-29", "xizang"), ("CQ-31", "guizhou"), ("CQ-02", "guangdong"))
        ):
            words = PageWords(Language(language))
            equivalence = SHOWN.translate("chongqing", one, other, on=TODAY)
            text = html.unescape((await reader.get(f"/{language}/explain/chongqing/{one}/{other}")).text)
            cells = [
                " ".join(re.sub(r"<[^>]+>", " ", cell).split())
                for table in re.findall(r"<table .*?</table>", text, re.DOTALL)
                for cell in re.findall(r"<td .*?</td>", table, re.DOTALL)
            ]
            assert cells
            assert not [cell for cell in cells if codes >= set(re.split(r"[,、] ?", cell))]
            assert not [cell for cell in cells if re.search(r"^[a-z]+:[0-9]", cell)]
            for relation in equivalence.source.relations:
                name = words.name(SHOWN.taxonomy.get(relation.item_type).name)
                told = [cell for cell in cells if f"{relation.item_type}:{relation.relation}" in cell]
                assert told
                assert all(name in cell and words.t(f"type_{relation.relation}") in cell for cell in told)


async def test_the_lists_of_all_layers_are_shown() -> None:
    """National, province, city, supplementary, joint: with who keeps each, and from each region to those that apply."""
    async with reading() as reader:
        found = await reader.get("/en/catalogs")
        region = await reader.get("/en/regions/guangdong")
        joint = await reader.get("/en/catalogs/greater-bay-area")
        city = await reader.get("/en/items/guangdong-shenzhen/SZ-01")
        answer = await reader.get("/en/ask?home=chongqing&visited=sichuan")
        pair = await reader.get("/en/compare?one=sichuan&other=chongqing")
    assert all(f'href="/en/catalogs/{name}"' in found.text for name in SHOWN.lists)
    assert all(layer in found.words for layer in ("National", "Province", "City", "Supplementary", "Joint: Guangdong"))
    for name in ("guangdong", "greater-bay-area", "guangdong-shenzhen", "national"):
        assert f'href="/en/catalogs/{name}"' in region.text
    assert all(f'href="/en/regions/{code}"' in joint.text for code in ("guangdong", "hongkong", "macao"))
    assert 'href="/en/catalogs/guangdong-shenzhen"' in city.text
    complaint = REGISTRY.get("guangdong").rules.complaint
    assert complaint is not None
    assert complaint.channel[0].value in city.text
    for page in (answer, pair):
        assert 'href="/en/catalogs/sichuan-chongqing"' in page.text


async def test_versions_are_listed_with_their_signatures() -> None:
    """The newest first, who has signed and who has not, which holds on the day, and a way to what has changed."""
    book = known()
    first = book.versions("sichuan-chongqing")[0]
    second = next_version(book, "sichuan-chongqing", effective_from=date(2026, 2, 1))
    third = next_version(book, "sichuan-chongqing", signed_by=("sichuan",), effective_from=date(2026, 5, 1))
    async with reading(site(source=FakeSource(shown(book)))) as reader:
        found = await reader.get("/en/catalogs/sichuan-chongqing/versions")
        before = await reader.get("/en/catalogs/sichuan-chongqing/versions?on=2026-01-31")
    rows = found.text.split("<tr ")[2:]
    assert len(rows) == 3
    assert all(one.digest in row for one, row in zip((third, second, first), rows, strict=True))
    assert "Chongqing: not signed yet" in found.words
    assert "Sichuan: signature proven" in found.words
    assert "ships with the program" in rows[2]
    assert ["holds on 1 March 2026" in row for row in rows] == [False, True, False]
    assert ["holds on 31 January 2026" in row for row in before.text.split("<tr ")[2:]] == [False, False, True]


async def test_a_list_of_regions_that_are_not_followed_says_so() -> None:
    """On the list and on its versions, with the region to ask; nothing is said where all are followed."""
    book = known()
    book.follow_only(("guizhou", "chongqing"))
    async with reading(site(source=FakeSource(shown(book)))) as reader:
        for page in ("", "/versions"):
            joint = await reader.get(f"/en/catalogs/sichuan-chongqing{page}")
            assert "may be out of date. Please ask there: Sichuan" in joint.words
            followed = await reader.get(f"/en/catalogs/chongqing{page}")
            assert "out of date" not in followed.words


async def test_what_has_changed_is_said_in_every_language() -> None:
    """Items added, removed and changed field by field, and the head; from any version to any."""
    book = known()
    items = SHOWN.region("macao").catalog.items
    changed = replace(items[1], article="示例第99项")
    added = replace(items[0], item="MO-90")
    first = book.versions("macao")[0]
    second = next_version(book, "macao", (*items[1:2], *items[2:], added), effective_from=date(2026, 2, 1))
    third = next_version(book, "macao", (changed, *items[2:], added), effective_from=date(2026, 2, 2))
    async with reading(site(source=FakeSource(shown(book)))) as reader:
        for language in LANGUAGES:
            words = PageWords(Language(language))
            found = await reader.get(f"/{language}/catalogs/macao/diff")
            assert words.t("diff_changed") in found.text
            assert "示例第99项" in found.text
            assert words.t("diff_removed") not in found.text
        whole = await reader.get(f"/en/catalogs/macao/diff?from={first.digest}&to={third.digest}")
        one = await reader.get(f"/en/catalogs/macao/diff?to={second.digest}")
        same = await reader.get(f"/en/catalogs/macao/diff?from={third.digest}&to={third.digest}")
        none = await reader.get(f"/en/catalogs/macao/diff?to={first.digest}")
        bad = await reader.get("/en/catalogs/macao/diff?to=short")
    assert [words in whole.text for words in ("Added", "Removed", "Changed")] == [True, True, True]
    assert "MO-90" in one.text
    assert f"<del>{items[0].name.en}</del>" in one.text
    assert "The two versions do not differ." in same.text
    assert (none.status, bad.status) == (404, 400)


async def test_a_list_whose_life_is_over_is_marked_and_refused() -> None:
    """It stands in the lists, marked; its page says why there is nothing, and nobody keeps that."""
    clock = FakeClock()
    book = known(clock)
    next_version(book, "macao", effective_from=date(2026, 2, 1), valid_until=int(clock()) + 10)
    clock.advance(11)
    async with reading(site(source=FakeSource(shown(book)))) as reader:
        lists = await reader.get("/en/catalogs")
        page = await reader.get("/pt/catalogs/macao")
        versions = await reader.get("/en/catalogs/macao/versions")
        answer = await reader.get("/en/ask?home=guangdong&visited=macao")
        region = await reader.get("/en/regions/macao")
    assert "its stated life is over" in lists.text
    assert (page.status, page.headers["cache-control"]) == (503, "no-store")
    assert "Este catálogo está desatualizado" in page.text
    assert "The stated life of the catalog is over" in versions.text
    assert "The stated life of the catalog is over" in answer.text
    assert region.status == 200


async def test_pages_of_another_day_show_the_version_of_that_day() -> None:
    """A list that changes on a day is asked for before and after it."""
    book = known()
    later = date(2026, 6, 1)
    items = tuple(replace(one, article="示例改") for one in SHOWN.region("macao").catalog)
    next_version(book, "macao", items, effective_from=later)
    async with reading(site(source=FakeSource(shown(book)))) as reader:
        for path in ("catalogs/macao?", "items/macao/MO-01?", "compare?one=macao&other=hongkong&"):
            assert (await reader.get(f"/en/{path}on={TODAY}")).status == 200
        now = await reader.get(f"/en/items/macao/MO-01?on={TODAY}")
        then = await reader.get(f"/en/items/macao/MO-01?on={later}")
    assert "示例改" not in now.text
    assert "示例改" in then.text


async def test_a_version_of_days_to_come_is_not_said_to_be_in_force() -> None:
    """From its first day on it will be, and what has begun has been since."""
    book = known()
    for day, key in ((TODAY, "in_force_since"), (TODAY + timedelta(days=1), "in_force_from")):
        plain = following(book, "macao", effective_from=day)
        next_version(book, "macao", effective_from=day, texts=[signature("macao", plain)])
        async with reading(site(source=FakeSource(shown(book)))) as reader:
            for language in LANGUAGES:
                words = PageWords(Language(language))
                feed = fromstring((await reader.get(f"/{language}/feed.atom")).text)
                summary = feed.findtext(f"{ATOM}entry/{ATOM}summary") or ""
                assert words.t(key, day=words.day(day)) in summary


async def test_published_versions_are_told_by_a_feed() -> None:
    """Well-formed Atom in each language: complete versions of all layers, the newest first, by their digest."""
    book = known()
    plain = following(book, "sichuan-chongqing", effective_from=date(2026, 2, 1))
    signed = next_version(
        book,
        "sichuan-chongqing",
        effective_from=date(2026, 2, 1),
        texts=[signature(region, plain) for region in ("sichuan", "chongqing")],
    )
    pending = next_version(book, "greater-bay-area", signed_by=("macao",), effective_from=date(2026, 5, 1))
    async with reading(site(source=FakeSource(shown(book)))) as reader:
        for language in LANGUAGES:
            found = await reader.get(f"/{language}/feed.atom")
            assert found.headers["content-type"] == "application/atom+xml; charset=utf-8"
            feed = fromstring(found.text)
            ids = [entry.findtext(f"{ATOM}id") for entry in feed.iterfind(f"{ATOM}entry")]
            times = [entry.findtext(f"{ATOM}updated") for entry in feed.iterfind(f"{ATOM}entry")]
            assert ids[0] == f"ni:///sha-256;{signed.digest}"
            assert f"ni:///sha-256;{pending.digest}" not in ids
            assert times == sorted(times, key=str, reverse=True)
            assert feed.findtext(f"{ATOM}updated") == times[0] == "2026-06-01T12:00:00+08:00"
            assert feed.findtext(f"{ATOM}id") == f"https://chongqing.onecard.test/{language}/feed.atom"
        page = await reader.get("/en/catalogs/sichuan-chongqing/diff?to=" + signed.digest)
    async with reading(site(source=FakeSource(shown(regions=())))) as reader:
        empty = fromstring((await reader.get("/en/feed.atom")).text)
    assert page.status == 200
    assert [entry.findtext(f"{ATOM}title") for entry in empty.iterfind(f"{ATOM}entry")] != []
