"""The site of the public catalog over the installed regions, in this process, and a client of it."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from aiohttp import ClientSession, DummyCookieJar, web

from gateway.web.pages.node_facts import ApiFact, EntityFact, RegionState, SignatureFact, SigningKeyFact
from gateway.web.pages.routes import routes
from gateway.web.pages.site import CACHE_BYTES, PublicSite
from tests.fakes.regions import AGREEMENTS, REGISTRY, RULES
from tests.fakes.shown import SHOWN, TODAY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from gateway.services.public_catalog import PublicCatalog

LANGUAGES = ("zh-Hans", "zh-Hant", "en", "pt")

PATHS = (
    "",
    "ask",
    "ask?home=chongqing&visited=sichuan&visited=hongkong",
    "ask?home=chongqing&visited=chongqing",
    "ask?home=guangdong&visited=macao&type=CUL.*&medium=physical&class=identity&on=2026-01-31",
    "regions",
    "regions/chongqing",
    "regions/guangxi",
    "catalogs",
    "catalogs/chongqing",
    "catalogs/guangxi?status=draft",
    "catalogs/sichuan-chongqing",
    "catalogs/guangdong/versions",
    "catalogs/chongqing/diff",
    "items/national/CN-01",
    "items/sichuan-chongqing/CY-01",
    "items/chongqing/CQ-30",
    "items/guangxi/GX-01",
    "explain/chongqing/CQ-29/sichuan",
    "item-types",
    "item-types/CUL.MUSEUM",
    "agreements",
    "agreements/greater-bay-area",
    "compare",
    "compare?one=chongqing&other=sichuan",
    "depth",
    "search",
    "search?q=tsg",
    "status",
    "trust",
    "api",
    "about",
    "nowhere",
    "ask?on=never",
)
"""One address of every kind of page, below the language."""


@dataclass(slots=True)
class FakeFacts:
    """What a node before Chongqing would tell; a test may change what is reachable."""

    gateway: str = "gateway.chongqing"
    api: ApiFact = field(
        default_factory=lambda: ApiFact(
            "gateway.example:443", '-H "authorization: Bearer $TOKEN"', (("onecard.gateway.v1.A", ("GetB", "ListB")),)
        )
    )
    reachable: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(REGISTRY.regions, True))
    missing: tuple[str, ...] = ()

    def states(self) -> tuple[RegionState, ...]:
        """Tell which regions can be asked."""
        return tuple(RegionState(r, home=r == "chongqing", reachable=good) for r, good in self.reachable.items())

    def entities(self) -> tuple[EntityFact, ...]:
        """Tell what Chongqing publishes."""
        documents = (("configuration", "/.well-known/openid-federation"), ("keys", "/regions/chongqing/jwks.json"))
        keys = (SigningKeyFact("k" * 43, "ES256"),)
        return (EntityFact("chongqing", "https://chongqing.onecard.test", documents, keys),)

    def signatures(self) -> tuple[SignatureFact, ...]:
        """Tell who has signed."""
        return tuple(
            SignatureFact(a.id, f"https://anchor.onecard.test/{a.id}", self.missing) for a in AGREEMENTS.agreements
        )


@dataclass(slots=True)
class FakeSource:
    """What is shown just now; a test may change it."""

    shown: PublicCatalog = SHOWN

    def __call__(self) -> PublicCatalog:
        """Give it."""
        return self.shown


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer as a reader has it."""

    status: int
    text: str
    headers: Mapping[str, str]

    @property
    def words(self) -> str:
        """What stands on the page, without its marks and with single blanks."""
        reader = _Words()
        reader.feed(self.text)
        return re.sub(r"\s+", " ", " ".join(reader.found))


class _Words(HTMLParser):
    """Gathers what is read."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found.append(data)


@dataclass(frozen=True, slots=True)
class Reader:
    """Asks the site as a browser would, without following where it leads."""

    base: str
    session: ClientSession

    async def get(self, path: str, *, method: str = "GET", **headers: str) -> Answered:
        """Ask for a path; `_` in the name of a header stands for `-`."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.request(method, f"{self.base}{path}", headers=sent, allow_redirects=False) as reply:
            text = await reply.text()
            return Answered(reply.status, text, {name.lower(): value for name, value in reply.headers.items()})


def site(
    facts: FakeFacts | None = None, source: FakeSource | None = None, *, cache_bytes: int = CACHE_BYTES
) -> PublicSite:
    """Make the site at noon, China time, of `TODAY`."""
    noon = datetime(TODAY.year, TODAY.month, TODAY.day, 4, tzinfo=UTC).timestamp()
    return PublicSite(
        routes(facts or FakeFacts()),
        source=source or FakeSource(),
        rules=RULES,
        clock=lambda: noon,
        cache_bytes=cache_bytes,
    )


@asynccontextmanager
async def served(made: PublicSite | None = None) -> AsyncIterator[str]:
    """Serve a site on a free port, and give its address."""
    app = web.Application()
    (made or site()).add_to(app)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def reading(made: PublicSite | None = None) -> AsyncIterator[Reader]:
    """Serve a site, and give what reads it."""
    async with served(made) as base, ClientSession(cookie_jar=DummyCookieJar()) as session:
        yield Reader(base, session)
