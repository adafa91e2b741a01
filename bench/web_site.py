"""The public catalog for measuring, in this process: over the installed regions, or over many that are made of them."""

from __future__ import annotations

import itertools
import time
import tomllib
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aiohttp import web

from adapters.catalog import Catalog
from adapters.catalog_document import CatalogDocument
from adapters.equivalence import EquivalenceBook
from adapters.registry import load_agreements, load_registry
from gateway.services.catalog_book import CatalogBook
from gateway.services.public_catalog import PublicCatalog
from gateway.services.shown_lists import ShownList, ShownRegion, shown_lists
from gateway.services.verdict import VerdictRules, load_status_rules
from gateway.web.pages.node_facts import ApiFact
from gateway.web.pages.routes import routes
from gateway.web.pages.site import CACHE_BYTES, PublicSite
from trust.agreement import Agreement

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping
    from datetime import date

    from adapters.canonical import ApplicationItem
    from adapters.catalog_document import CatalogHead
    from adapters.taxonomy import Taxonomy
    from gateway.services.catalog_version import Version
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


@dataclass(frozen=True, slots=True)
class _Version:
    """The one version of a catalog of the large site: a list of ours, signed by nobody."""

    head: CatalogHead
    items: Catalog
    digest: str
    signed_by: frozenset[str] = frozenset()
    signatures: tuple[str, ...] = ()
    shipped: bool = True

    def document(self) -> CatalogDocument:
        return CatalogDocument(self.head, self.items, {})

    def canonical(self) -> bytes:
        return self.digest.encode()


class _OneVersionEach:
    """Catalogs of which each has one version, which holds on every day."""

    revision = 0

    def __init__(self, versions: Mapping[str, Version]) -> None:
        self._versions = dict(versions)

    @property
    def catalogs(self) -> tuple[str, ...]:
        return tuple(self._versions)

    def versions(self, catalog: str) -> tuple[Version, ...]:
        return (self._versions[catalog],)

    def version(self, catalog: str, _digest: str) -> Version:
        return self._versions[catalog]

    def current(self, catalog: str, _on: date) -> Version:
        return self._versions[catalog]

    def on(self, region: str, _day: date) -> Catalog:
        return self._versions[region].items

    def unfollowed(self, _head: CatalogHead) -> tuple[str, ...]:
        return ()


def installed() -> PublicCatalog:
    """Give what a node of the sandbox shows, with all example agreements."""
    registry = load_registry()
    known = CatalogBook(registry, clock=time.time)
    lists = shown_lists(known, registry.regions, on=known.today())
    regions = {adapter.region: ShownRegion.of(adapter, lists[adapter.region]) for adapter in registry}
    return _shown(registry.taxonomy, regions, lists, known, _agreements())


def large() -> PublicCatalog:
    """Give `REGIONS` regions with `ITEMS` items each, made of the installed ones; an agreement joins two of them."""
    registry = load_registry()
    models = list(registry)
    items = [item for adapter in models for item in adapter.catalog]
    made: dict[str, Version] = {}
    for n in range(REGIONS):
        code = f"r{n:03}"
        head = registry.documents[models[n % len(models)].region].head
        made[code] = _Version(
            head.model_copy(update={"catalog": code, "regions": (code,)}), _catalog(code, items, n), code
        )
    known = _OneVersionEach(made)
    lists = {code: ShownList(version) for code, version in made.items()}
    regions = {
        code: replace(
            ShownRegion.of(models[n % len(models)], lists[code]),
            manifest=models[n % len(models)].manifest.model_copy(update={"region": code}),
        )
        for n, code in enumerate(made)
    }
    agreement = replace(_agreements()[0], id="bench", regions=("r000", "r001"), item_types=("CUL.*", "TRA.*"))
    return _shown(registry.taxonomy, regions, lists, known, (agreement,))


def _agreements() -> tuple[Agreement, ...]:
    return tuple(Agreement.from_mapping(tomllib.loads(text)) for text in load_agreements().values())


def _shown(
    taxonomy: Taxonomy,
    regions: Mapping[str, ShownRegion],
    lists: Mapping[str, ShownList],
    known: CatalogBook | _OneVersionEach,
    agreements: tuple[Agreement, ...],
) -> PublicCatalog:
    return PublicCatalog(
        regions=regions,
        lists=lists,
        taxonomy=taxonomy,
        agreements=agreements,
        standing={},
        book=EquivalenceBook(taxonomy, known),
        known=known,
    )


def _catalog(code: str, items: list[ApplicationItem], first: int) -> Catalog:
    """Make a list of items of all regions, under names of their own."""
    chosen = itertools.islice(itertools.cycle(items), first, first + ITEMS)
    return Catalog(code, tuple(_item(item, code, n) for n, item in enumerate(chosen, start=1)))


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
    yield "catalogs", "catalogs"
    yield "versions of a catalog", f"catalogs/{one}/versions"
    yield "search, pinyin", "search?q=tushuguan"
    yield "search, a wide one", "search?q=a"
