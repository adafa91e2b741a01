"""The site as HTTP: languages, validators, headers, what is refused and how, and what is made once only."""

from __future__ import annotations

import asyncio
import threading
from itertools import product
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from gateway.web.headers import PAGE_HEADERS
from gateway.web.pages import site as site_module
from gateway.web.pages.page import Page, Question, Route
from gateway.web.pages.site import PublicSite
from tests.fakes.regions import RULES
from tests.fakes.shown import shown
from tests.gateway.naughty import NAUGHTY
from tests.gateway.web.pages.pages_site import (
    LANGUAGES,
    PATHS,
    FakeFacts,
    FakeSource,
    Reader,
    reading,
    site,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.web.pages.page import View
    from gateway.web.pages.query import Query


@pytest.mark.parametrize(
    ("wanted", "language"),
    [("zh-CN,zh;q=0.9", "zh-Hans"), ("zh-HK", "zh-Hant"), ("en-US,en", "en"), ("pt-PT", "pt"), ("fi", "zh-Hans")],
)
async def test_the_entrance_leads_to_the_language_of_the_reader(wanted: str, language: str) -> None:
    """A redirect that no cache takes for another reader's."""
    async with reading() as reader:
        found = await reader.get("/", accept_language=wanted)
    assert (found.status, found.headers["location"]) == (302, f"/{language}/")
    assert found.headers["vary"] == "Accept-Language"


async def test_a_language_without_a_slash_leads_to_its_entrance() -> None:
    """Whoever types the address by hand arrives."""
    async with reading() as reader:
        found = await reader.get("/pt")
    assert (found.status, found.headers["location"]) == (308, "/pt/")


async def test_every_page_is_there_in_every_language() -> None:
    """Each names its language, links to itself in all others, has one main heading and a link past the navigation."""
    async with reading() as reader:
        for language, path in product(LANGUAGES, PATHS):
            found = await reader.get(f"/{language}/{path}")
            assert found.status == {"nowhere": 404, "catalogs/chongqing/diff": 404, "ask?on=never": 400}.get(path, 200)
            assert f'<html lang="{language}">' in found.text
            assert found.headers["content-language"] == language
            assert found.text.count("<h1") == 1
            assert '<a class="skip" href="#main">' in found.text
            for other in LANGUAGES:
                assert f'<link rel="alternate" hreflang="{other}" href="/{other}/' in found.text


async def test_every_page_obeys_its_own_policy() -> None:
    """No script, no style but the file, nothing from elsewhere; every answer has the headers of pages."""
    async with reading() as reader:
        pages = [await reader.get(f"/en/{path}") for path in PATHS]
    for found in pages:
        assert {name: found.headers[name] for name in PAGE_HEADERS} == dict(PAGE_HEADERS)
        assert not [part for part in ("<script", " style=", "<style", ' src="') if part in found.text]
        assert "set-cookie" not in found.headers


async def test_the_policy_allows_no_script_at_all() -> None:
    """What is not named falls back to nothing."""
    policy = dict(part.strip().split(" ", 1) for part in PAGE_HEADERS["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert not {"script-src", "connect-src", "font-src", "frame-src"} & policy.keys()
    assert {policy["style-src"], policy["img-src"], policy["form-action"]} == {"'self'"}


@pytest.mark.parametrize("packed", ["gzip", "identity"])
async def test_who_has_a_page_is_told_so(packed: str) -> None:
    """A second question with the tag of the first is answered by 304 without a body."""
    async with reading() as reader:
        first = await reader.get("/en/regions", accept_encoding=packed)
        again = await reader.get("/en/regions", accept_encoding=packed, if_none_match=first.headers["etag"])
        other = await reader.get("/en/regions", accept_encoding=packed, if_none_match='"other", W/"another"')
        german = await reader.get("/pt/regions", accept_encoding=packed, if_none_match=first.headers["etag"])
    assert first.headers["cache-control"] == "public, max-age=60"
    assert first.headers["vary"] == "Accept-Encoding"
    assert (again.status, again.text, again.headers["etag"]) == (304, "", first.headers["etag"])
    assert (other.status, other.text) == (200, first.text)
    assert german.status == 200


async def test_packed_and_plain_pages_have_tags_of_their_own() -> None:
    """A cache never gives packed bytes to a reader that cannot unpack them."""
    async with reading() as reader:
        packed = await reader.get("/en/", accept_encoding="br, gzip;q=0.5")
        plain = await reader.get("/en/", accept_encoding="gzip;q=0")
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.text == plain.text
    assert packed.headers["etag"] != plain.headers["etag"]


async def test_a_head_has_no_body() -> None:
    """Only the headers, the tag among them."""
    async with reading() as reader:
        found = await reader.get("/en/regions", method="HEAD")
    assert (found.status, found.text) == (200, "")
    assert found.headers["etag"]


async def test_style_and_icon_are_kept_for_good() -> None:
    """Their address holds a digest of what they are; another address has nothing."""
    async with reading() as reader:
        page = await reader.get("/en/")
        style = page.text.split('rel="stylesheet" href="', 1)[1].split('"', 1)[0]
        icon = page.text.split('type="image/svg+xml" href="', 1)[1].split('"', 1)[0]
        for address, kind in ((style, "text/css"), (icon, "image/svg+xml")):
            found = await reader.get(address)
            plain = await reader.get(address, accept_encoding="identity")
            assert found.status == 200
            assert found.headers["content-type"].startswith(kind)
            assert "immutable" in found.headers["cache-control"]
            assert plain.text == found.text
        assert (await reader.get("/static/site.css")).status == 404


async def test_what_is_typed_never_becomes_part_of_a_page_unescaped() -> None:
    """Whatever stands in a path or a parameter: a page in order, or a refusal that does not repeat it."""
    async with reading() as reader:
        for text in NAUGHTY.values():
            await _type(reader, text)


async def _type(reader: Reader, text: str) -> None:
    typed = quote(text[:300], safe="", errors="surrogatepass")
    asked = [f"{name}={typed}" for name in ("home", "visited", "item", "type", "class", "medium", "on", "page")]
    for path in (f"regions/{typed}", f"items/chongqing/{typed}", f"catalogs/{typed}", f"agreements/{typed}", typed):
        found = await reader.get(f"/en/{path}")
        assert found.status in {200, 301, 302, 308, 404}
        _is_clean(found.text, text)
    for path in (*(f"ask?{one}" for one in asked), f"search?q={typed}", f"compare?one={typed}&other={typed}"):
        found = await reader.get(f"/en/{path}")
        assert found.status in {200, 400, 404}
        _is_clean(found.text, text)


def _is_clean(page: str, typed: str) -> None:
    if any(sign in typed for sign in "<>\"'&"):
        assert typed not in page
    assert "<script" not in page
    assert "\x00" not in page


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/zh-Hans/regions/atlantis", "没有这个页面"),
        ("/zh-Hant/items/chongqing/CQ-99", "沒有這個頁面"),
        ("/en/item-types/NO.SUCH", "There is no such page"),
        ("/pt/agreements/nenhum", "Esta página não existe"),
        ("/en/ask?home=atlantis", "There is no such page"),
        ("/en/ask?home=chongqing&visited=atlantis", "There is no such page"),
        ("/en/ask?home=chongqing&visited=sichuan&type=NO.SUCH", "There is no such page"),
        ("/en/ask?home=chongqing&visited=sichuan&item=CQ-30", "There is no such page"),
        ("/en/compare?one=chongqing&other=atlantis", "There is no such page"),
        ("/en/depth?region=atlantis", "There is no such page"),
        ("/en/catalogs/chongqing/more", "There is no such page"),
    ],
)
async def test_what_is_not_there_is_said_in_the_language(path: str, words: str) -> None:
    """404 with a page that leads on, which nobody keeps."""
    async with reading() as reader:
        found = await reader.get(path)
    assert found.status == 404
    assert words in found.text
    assert found.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("home=zzz", "home"),
        ("home=chongqing&visited=zzz", "visited"),
        ("home=chongqing&visited=sichuan&type=NO.SUCH", "type"),
        ("home=chongqing&visited=sichuan&item=CQ-30", "item"),
    ],
)
async def test_a_code_of_nothing_is_named_by_its_parameter(query: str, parameter: str) -> None:
    """404 with the parameter that is wrong, and never what was sent."""
    async with reading() as reader:
        found = await reader.get(f"/en/ask?{query}")
    assert found.status == 404
    assert f'Parameter <span class="code">{parameter}</span>: there is no region' in found.text
    assert "zzz" not in found.text


@pytest.mark.parametrize("path", ["/xx/", "/xx", "/xx/regions/sichuan", "/zh/", "/EN/", "/pt-BR/ask?home=chongqing"])
async def test_another_language_leads_on(path: str) -> None:
    """404 with a page that leads on, in the language that the reader asks for most."""
    async with reading() as reader:
        found = await reader.get(path, accept_language="pt-PT, en;q=0.5")
        default = await reader.get(path)
    assert (found.status, default.status) == (404, 404)
    assert "Esta página não existe" in found.text
    assert "没有这个页面" in default.text
    assert found.headers["vary"] == "Accept-Encoding, Accept-Language"
    assert found.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/livez/more", "/robots.txt", "/static/more", "/a/b", "/api/v1", "/.well-known/no"])
async def test_what_is_no_language_is_no_page(path: str) -> None:
    """Where programs ask, nobody is answered with a page."""
    async with reading() as reader:
        found = await reader.get(path)
    assert found.status == 404
    assert "<html" not in found.text


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("on=2026-02-30", "on"),
        ("on=20260101", "on"),
        ("on=1999-12-31", "on"),
        ("on=2100-01-01", "on"),
        ("on=2026-01-01&on=2026-01-02", "on"),
        ("class=magic", "class"),
        ("medium=paper", "medium"),
        ("page=0", "page"),
        ("page=-1", "page"),
        ("home=%00", "home"),
        ("&".join(f"visited=r{n}" for n in range(13)), "visited"),
    ],
)
async def test_a_bad_parameter_is_named_with_its_rule(query: str, parameter: str) -> None:
    """400 with the name of the parameter, and never what was sent."""
    async with reading() as reader:
        found = await reader.get(f"/en/ask?{query}")
    assert found.status == 400
    assert f'<span class="code">{parameter}</span>' in found.text
    assert found.headers["cache-control"] == "no-store"
    assert "2026-02-30" not in found.text
    assert "magic" not in found.text


async def test_parameters_that_no_page_knows_are_passed_over() -> None:
    """A link with a foreign parameter has the same page, and the same tag."""
    async with reading() as reader:
        plain = await reader.get("/en/ask?home=chongqing&visited=sichuan")
        other = await reader.get("/en/ask?utm=x&visited=sichuan&home=chongqing&type=&class=&medium=&page=1")
    assert other.headers["etag"] == plain.headers["etag"]


async def test_a_page_is_made_once() -> None:
    """What was made is kept, and so is what many wait for at a time; a refusal is not kept."""
    made: list[str] = []

    def page(_view: View, *, name: str) -> Page:
        made.append(name)
        status = 404 if name == "no" else 200
        return Page(template="error.html", values={"kind": "not_found", "parameter": ""}, status=status)

    def read(_query: Query, match: Mapping[str, str]) -> Question:
        return Question.of(page, name=match["name"])

    kept = PublicSite([Route("{name}", read)], source=FakeSource(), rules=RULES, clock=lambda: 1.7e9)
    async with reading(kept) as reader:
        await asyncio.gather(*(reader.get("/en/yes") for _ in range(5)))
        await reader.get("/en/yes")
        await reader.get("/en/no")
        await reader.get("/en/no")
    assert made == ["yes", "no", "no"]


async def test_who_comes_when_too_many_wait_is_asked_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """503 with a time to wait; those that waited are answered."""
    monkeypatch.setattr(site_module, "MOST_WAITING", 1)
    goes_on = threading.Event()

    def page(_view: View, *, name: str) -> Page:
        goes_on.wait(10)
        return Page(template="about.html", values={"name": name})

    def read(_query: Query, match: Mapping[str, str]) -> Question:
        return Question.of(page, name=match["name"])

    slow = PublicSite([Route("{name}", read)], source=FakeSource(), rules=RULES, clock=lambda: 1.7e9)
    async with reading(slow) as reader:
        first = asyncio.create_task(reader.get("/en/one"))
        while not slow._making:
            await asyncio.sleep(0.01)
        refused = await reader.get("/en/two")
        goes_on.set()
        answered = await first
    assert (refused.status, refused.headers["retry-after"]) == (503, "2")
    assert answered.status == 200


async def test_a_change_of_what_is_shown_changes_the_pages() -> None:
    """What was made before does not serve any more, and its tag does not match."""
    source = FakeSource()
    async with reading(site(source=source)) as reader:
        before = await reader.get("/en/agreements/sichuan-chongqing")
        source.shown = shown(sichuan_chongqing="AGREEMENT_STOPPED")
        after = await reader.get("/en/agreements/sichuan-chongqing", if_none_match=before.headers["etag"])
        found = await reader.get("/en/search?q=museum")
    assert "Signed by all parties" in before.text
    assert after.status == 200
    assert "Signed by all parties" not in after.text
    assert "CQ-31" in found.text


async def test_little_room_is_enough() -> None:
    """A site that can keep nothing answers all the same."""
    async with reading(site(cache_bytes=10)) as reader:
        assert (await reader.get("/en/regions")).status == 200
        assert (await reader.get("/en/regions")).status == 200


async def _ask(reader: Reader, path: str) -> str:
    return (await reader.get(path)).words


async def test_the_state_of_services_is_that_of_the_moment() -> None:
    """A platform that goes away is seen at the next question; nobody keeps the page for long."""
    facts = FakeFacts()
    async with reading(site(facts)) as reader:
        assert "Cards of every region can be verified now." in await _ask(reader, "/en/status")
        facts.reachable["macao"] = False
        found = await reader.get("/en/status")
    assert "Cards of some regions cannot be verified now" in found.text
    assert found.headers["cache-control"] == "public, max-age=5"


async def test_a_site_of_no_region_still_answers() -> None:
    """Nothing is shown, and nothing fails."""
    source = FakeSource(shown(regions=()))
    facts = FakeFacts(reachable={})
    async with reading(site(facts, source)) as reader:
        for path in ("", "ask", "regions", "catalogs", "item-types", "agreements", "compare", "depth", "api", "status"):
            assert (await reader.get(f"/en/{path}")).status == 200
