"""The public catalog for measuring, in this process: over the installed regions, or over many that are made of them."""

from __future__ import annotations

import itertools
import time
import tomllib
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from aiohttp import web

from adapters.catalog import Catalog
from adapters.equivalence import EquivalenceBook, FixedCatalogs
from adapters.registry import load_agreements, load_registry
from gateway.services.public_catalog import PublicCatalog, ShownRegion
from gateway.services.verdict import VerdictRules, load_status_rules
from gateway.web.pages.node_facts import ApiFact
from gateway.web.pages.routes import routes
from gateway.web.pages.site import CACHE_BYTES, PublicSite
from trust.agreement import Agreement

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from adapters.canonical import ApplicationItem
    from gateway.web.pages.node_facts import EntityFact, RegionState, SignatureFact

REGIONS = 500
ITEMS = 200
"""Catalogs, and items of each, of the large site: 100,000 items in all."""


class _NoFacts:
    """A node of which there is nothing to tell."""

    gateway = "gateway.bench"
    api = ApiFact("127.0.0.1:443", "", ())

    def states(self) -> tuple[RegionState, ...]:
        return ()

    def entities(self) -> tuple[EntityFact, ...]:
        return ()

    def signatures(self) -> tuple[SignatureFact, ...]:
        return ()


def installed() -> PublicCatalog:
    """Give what a node of the sandbox shows, with all example agreements."""
    return _shown([ShownRegion.of(adapter) for adapter in load_registry()], _agreements())


def large() -> PublicCatalog:
    """Give `REGIONS` regions with `ITEMS` items each, made of the installed ones, joined in pairs by one agreement."""
    regions = [ShownRegion.of(adapter) for adapter in load_registry()]
    items = [item for region in regions for item in region.catalog]
    made = [_region(regions[n % len(regions)], f"r{n:03}", items, n) for n in range(REGIONS)]
    return _shown(
        made, (replace(_agreements()[0], id="bench", regions=("r000", "r001"), item_types=("CUL.*", "TRA.*")),)
    )


def _agreements() -> tuple[Agreement, ...]:
    return tuple(Agreement.from_mapping(tomllib.loads(text)) for text in load_agreements().values())


def _shown(regions: list[ShownRegion], agreements: tuple[Agreement, ...]) -> PublicCatalog:
    taxonomy = load_registry().taxonomy
    return PublicCatalog(
        regions={region.code: region for region in regions},
        taxonomy=taxonomy,
        agreements=agreements,
        standing={},
        book=EquivalenceBook(taxonomy, FixedCatalogs({region.code: region.catalog for region in regions})),
    )


def _region(model: ShownRegion, code: str, items: list[ApplicationItem], first: int) -> ShownRegion:
    """Make a region with the names of another one and items of all."""
    chosen = itertools.islice(itertools.cycle(items), first, first + ITEMS)
    named = tuple(_item(item, code, n) for n, item in enumerate(chosen, start=1))
    return replace(model, manifest=model.manifest.model_copy(update={"region": code}), catalog=Catalog(code, named))


def _item(item: ApplicationItem, code: str, number: int) -> ApplicationItem:
    name = replace(item.name, zh_hans=f"{item.name.zh_hans}{code}", en=f"{item.name.en} {code}")
    return replace(item, region=code, item=f"XX-{number:02}", name=name)


@asynccontextmanager
async def serving(shown: PublicCatalog, *, kept: bool) -> AsyncIterator[str]:
    """Serve it on a free port, with pages kept as a node keeps them or none at all, and give the address."""
    site = PublicSite(
        routes(_NoFacts()),
        source=lambda: shown,
        rules=VerdictRules(load_status_rules(), shown.taxonomy),
        clock=time.time,
        cache_bytes=CACHE_BYTES if kept else 0,
    )
    app = web.Application()
    site.add_to(app)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def paths(shown: PublicCatalog) -> Iterator[tuple[str, str]]:
    """Name the pages that are measured, with their addresses below the language."""
    one, other = list(shown.regions)[:2]
    joined = shown.agreements[0].regions
    three = "&".join(f"visited={code}" for code in (*joined[1:], *list(shown.regions)[2:4]))
    yield "start", ""
    yield "the citizen's question, three regions", f"ask?home={joined[0]}&{three}"
    yield "catalog", f"catalogs/{one}"
    yield "item", f"items/{one}/{shown.regions[one].catalog.items[0].item}"
    yield "item type", "item-types/CUL.MUSEUM"
    yield "item types", "item-types"
    yield "two regions side by side", f"compare?one={one}&other={other}"
    yield "regions", "regions"
    yield "search, pinyin", "search?q=tushuguan"
    yield "search, a wide one", "search?q=a"
