"""The pages in a real Chromium, its scripts off: the question answered, by keyboard, on a telephone, for everybody."""

from __future__ import annotations

import importlib
from contextlib import asynccontextmanager
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gateway.reasons import Language
from gateway.web.pages.texts import PageWords
from tests.fakes.regions import REGISTRY
from tests.gateway.web.pages.pages_site import LANGUAGES, PATHS, served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CHROMIUM = Path("/usr/bin/chromium")
HERE = CHROMIUM.is_file() and find_spec("playwright") is not None
TELEPHONE = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 900}
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

pytestmark = pytest.mark.slow


@asynccontextmanager
async def browsing(**options: Any) -> AsyncIterator[tuple[Any, str]]:  # noqa: ANN401 - the options of Playwright
    """Serve the site and open a page of a browser that shows it; gives the page and the address of the site."""
    if not HERE:
        pytest.skip("NOT TESTED: Chromium (Debian: chromium) or Playwright is not installed")
    playwright = importlib.import_module("playwright.async_api")
    async with served() as base, playwright.async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        try:
            context = await browser.new_context(**{"java_script_enabled": False, "viewport": DESK, **options})
            yield await context.new_page(), base
        finally:
            await browser.close()


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_question_is_asked_and_answered(language: str) -> None:
    """Chosen and sent as a citizen would, in each language, without a script: which services, and where to complain."""
    words = PageWords(Language(language))
    async with browsing() as (page, base):
        await page.goto(f"{base}/{language}/")
        await page.get_by_label(words.t("ask_home")).select_option("chongqing")
        for code in ("sichuan", "hongkong"):
            await page.get_by_label(words.name(_name(code)), exact=True).check()
        await page.get_by_role("button", name=words.t("ask_button")).click()
        sichuan = page.get_by_role("region", name=words.name(_name("sichuan")))
        assert await sichuan.get_by_text(words.count("accepts", 17)).is_visible()
        museum = sichuan.get_by_role("row").filter(has_text="SC-15")
        assert words.t("class_identity") in await museum.inner_text()
        assert "示例第15项" in await museum.inner_text()
        assert await sichuan.get_by_role("link", name="12333").is_visible()
        hongkong = page.get_by_role("region", name=words.name(_name("hongkong")))
        assert words.t("accepts_none") in await hongkong.inner_text()
        assert words.reason("NO_AGREEMENT") in await hongkong.inner_text()
        assert await page.evaluate("document.documentElement.lang") == language


def _name(code: str) -> Any:  # noqa: ANN401 - text in four languages
    return REGISTRY.get(code).manifest.name


async def test_everything_can_be_done_by_keyboard() -> None:
    """Past the navigation, through the form, to the answer, and into what is folded up; focus can always be seen."""
    async with browsing() as (page, base):
        await page.goto(f"{base}/en/")
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.className") == "skip"
        assert await page.evaluate("document.activeElement.getBoundingClientRect().top >= 0")
        await page.keyboard.press("Enter")
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.id") == "ask-home"
        await page.keyboard.type("Chong")
        await _tab_to(page, "document.activeElement.value === 'sichuan'")
        assert await page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        await page.keyboard.press("Space")
        await _tab_to(page, "document.activeElement.type === 'submit'")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/en/ask?*")
        assert "home=chongqing&visited=sichuan" in page.url
        await _tab_to(page, "document.activeElement.tagName === 'SUMMARY'")
        await page.keyboard.press("Enter")
        assert await page.get_by_role("row").filter(has_text="SC-17").is_visible()
        await _tab_to(page, "document.activeElement.getAttribute('href') === 'tel:12333'")


async def _tab_to(page: Any, reached: str) -> None:  # noqa: ANN401 - a page of Playwright
    """Go on by keyboard until something is reached; a trap or a gap in the order ends the test."""
    for _ in range(80):
        await page.keyboard.press("Tab")
        if await page.evaluate(reached):
            return
    raise AssertionError(reached)


async def test_a_telephone_needs_no_sideways_scroll() -> None:
    """At 360 points every page of every language fits, and no control is too small for a finger."""
    async with browsing(viewport=TELEPHONE, is_mobile=True, has_touch=True) as (page, base):
        for language, path in product(LANGUAGES, PATHS):
            await page.goto(f"{base}/{language}/{path}")
            assert await page.evaluate("document.documentElement.scrollWidth") <= TELEPHONE["width"], (language, path)
            assert await page.evaluate(_SMALL) == [], (language, path)


# WCAG 2.2 criterion 2.5.8: 24 by 24; links within sentences are exempt, and ours in lists have room around them.
_SMALL = """[...document.querySelectorAll('button, select, input, summary, nav a')]
  .filter(e => e.getBoundingClientRect().height < 24).map(e => e.outerHTML)"""


@pytest.mark.parametrize(("scheme", "viewport"), [("light", DESK), ("dark", TELEPHONE)], ids=["desk", "telephone"])
async def test_axe_finds_nothing(scheme: str, viewport: dict[str, int]) -> None:
    """Every kind of page, and the answer in every language, in light and in dark: no violation of WCAG 2.2 AA."""
    asked = [("en", path) for path in PATHS] + [(language, PATHS[2]) for language in LANGUAGES]
    async with browsing(java_script_enabled=True, color_scheme=scheme, viewport=viewport) as (page, base):
        axe = importlib.import_module("axe_playwright_python.async_playwright").Axe()
        wrong: dict[str, list[str]] = {}
        for language, path in asked:
            await page.goto(f"{base}/{language}/{path}")
            found = await axe.run(page, options={"runOnly": {"type": "tag", "values": WCAG}})
            told = [f"{v['id']}: {v['nodes'][0]['html'][:120]}" for v in found.response["violations"]]
            if told:
                wrong[f"{language}/{path}"] = told
        assert wrong == {}


async def test_the_browser_asks_nobody_else_and_complains_of_nothing() -> None:
    """Page, style and icon come from the site itself, and no rule of its policy is broken."""
    asked: list[str] = []
    complaints: list[str] = []
    async with browsing(java_script_enabled=True) as (page, base):
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        for path in ("", "ask?home=chongqing&visited=sichuan", "depth", "api"):
            await page.goto(f"{base}/pt/{path}")
        assert await page.context.cookies() == []
    assert asked
    assert [url for url in asked if not url.startswith(base)] == []
    assert complaints == []
