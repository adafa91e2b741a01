"""The public catalog: how long a page takes to make, what it weighs, and when a browser has painted it.

Times of pages are CPU of the process that serves them and asks for them over loopback, from the question to the last
byte: on an idle machine a reader waits as long, and what the server takes is less. A page is made anew where nothing is
kept, and comes from memory where it was asked for before. The browser is Chromium, one tab whose
cache is off: it counts itself what it receives, headers included, and reports the first paint of content.
"""

from __future__ import annotations

import asyncio
import importlib
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from aiohttp import ClientSession

from bench.figures import Aim, Figure, Line
from bench.process import BenchError
from bench.report import Report, conditions
from bench.web_site import ITEMS, REGIONS, installed, large, paths, serving

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.services.public_catalog import PublicCatalog

    Say = Callable[[str], None]

CHROMIUM = Path("/usr/bin/chromium")
_MOST_MADE_MS, _MOST_KB, _MOST_PAINT_MS = 50.0, 60.0, 300.0
_LANGUAGE = "zh-Hans"
_MILLI, _KILO = 1000.0, 1000.0
_PAINT = "performance.getEntriesByName('first-contentful-paint').map(entry => entry.startTime)"


def run_web(*, seconds: float, repeats: int, say: Say) -> Report:
    """Measure the pages (BenchError where one is refused, or there is no Chromium)."""
    if not CHROMIUM.is_file():
        raise BenchError("Chromium (Debian: chromium) is needed")
    machine, load_before = conditions()
    lines, aims = asyncio.run(_measure(repeats, say))
    notes = [
        f"The large site has {REGIONS:,} catalogs of {ITEMS} items, {REGIONS * ITEMS:,} in all; all is in one process.",
        "Made anew: nothing is kept. From memory: asked for before. CPU of one process, the client that asks included.",
        f"Pages in {_LANGUAGE}; each of {repeats} repetitions asks for every page once.",
        load_before,
    ]
    return Report(machine=machine, seconds=seconds, repeats=repeats, lines=lines, aims=aims, notes=tuple(notes))


async def _measure(repeats: int, say: Say) -> tuple[tuple[Line, ...], tuple[Aim, ...]]:
    lines: list[Line] = []
    aims: list[Aim] = []
    small = installed()
    say("pages of the installed regions")
    found, slowest = await _times("", small, repeats)
    lines += found
    aims.append(
        Aim("dearest page of the installed regions, made anew, CPU, median", "at most", _MOST_MADE_MS, slowest, "ms")
    )
    say("pages of a hundred thousand items")
    found, slowest = await _times("100,000 items: ", large(), repeats)
    lines += found
    aims.append(Aim("dearest page of 100,000 items, made anew, CPU, median", "at most", _MOST_MADE_MS, slowest, "ms"))
    say("pages in Chromium")
    found, heaviest, latest = await _browser(small, repeats)
    lines += found
    aims.append(Aim("heaviest page with style and icon, received by Chromium", "at most", _MOST_KB, heaviest, "KB"))
    aims.append(Aim("latest first paint of a page made anew, median", "at most", _MOST_PAINT_MS, latest, "ms"))
    return tuple(lines), tuple(aims)


async def _times(prefix: str, shown: PublicCatalog, repeats: int) -> tuple[list[Line], float]:
    """Measure every page made anew and from memory; gives the lines and the dearest median of those made anew."""
    made: dict[str, list[float]] = {}
    kept: dict[str, list[float]] = {}
    async with ClientSession() as session:
        for table, keeps in ((made, False), (kept, True)):
            async with serving(shown, kept=keeps) as base:
                for _, path in paths(shown):  # compiles templates, makes the search index, and fills the memory
                    await _get(session, f"{base}/{_LANGUAGE}/{path}")
                for _ in range(repeats):
                    for name, path in paths(shown):
                        table.setdefault(name, []).append(await _get(session, f"{base}/{_LANGUAGE}/{path}"))
    lines = [
        Line(
            name=f"{prefix}{name}, made anew",
            figure=Figure.of(made[name]),
            unit="ms",
            beside="from memory",
            reference=Figure.of(kept[name]),
        )
        for name in made
    ]
    return lines, max(median(values) for values in made.values())


async def _get(session: ClientSession, url: str) -> float:
    """Ask for a page, and give the milliseconds of CPU until its last byte was there (BenchError)."""
    started = time.process_time()
    async with session.get(url) as reply:
        await reply.read()
        if reply.status != 200:
            raise BenchError(f"a page answered {reply.status}")
    return (time.process_time() - started) * _MILLI


async def _browser(shown: PublicCatalog, repeats: int) -> tuple[list[Line], float, float]:
    """Open every page in a browser without a cache; gives lines, the heaviest page and the latest median paint."""
    playwright = importlib.import_module("playwright.async_api")
    weights: dict[str, list[float]] = {}
    paints: dict[str, list[float]] = {}
    async with serving(shown, kept=False) as base, playwright.async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        tab = await _Tab.open(browser)
        for _ in range(repeats + 1):  # the first round warms browser and templates, and is not counted
            for name, path in paths(shown):
                kilobytes, paint = await tab.go(f"{base}/{_LANGUAGE}/{path}")
                weights.setdefault(name, []).append(kilobytes)
                paints.setdefault(name, []).append(paint)
        await browser.close()
    lines = [
        Line(
            name=f"Chromium: {name}, first paint",
            figure=Figure.of(paints[name][1:]),
            unit="ms",
            beside="received, KB",
            reference=Figure.of(weights[name][1:]),
        )
        for name in paints
    ]
    return lines, max(max(values) for values in weights.values()), max(median(values[1:]) for values in paints.values())


class _Tab:
    """A tab of a browser that caches nothing and counts what it receives."""

    def __init__(self, page: Any) -> None:  # noqa: ANN401 - Playwright is loaded when it is needed
        self._page = page
        self._received = 0.0

    @classmethod
    async def open(cls, browser: Any) -> _Tab:  # noqa: ANN401 - as in the constructor
        """Open one."""
        context = await browser.new_context(viewport={"width": 1280, "height": 900})
        tab = cls(await context.new_page())
        devtools = await context.new_cdp_session(tab._page)
        devtools.on("Network.loadingFinished", tab._count)
        await devtools.send("Network.enable")
        await devtools.send("Network.setCacheDisabled", {"cacheDisabled": True})
        return tab

    def _count(self, event: dict[str, Any]) -> None:
        self._received += float(event["encodedDataLength"])

    async def go(self, url: str) -> tuple[float, float]:
        """Open a page; gives kilobytes received, headers included, and milliseconds to the first paint."""
        self._received = 0.0
        await self._page.goto(url, wait_until="networkidle")
        (paint,) = await self._page.evaluate(_PAINT)
        return self._received / _KILO, float(paint)
