"""A replica with catalogs of its own, for tests of what replicas share of them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gateway.federation.catalog_replicas import CatalogReplicas
from gateway.services.catalog_book import CatalogBook
from gateway.services.publish_catalog import PublishCatalog
from tests.fakes.catalogs import ENTITY_KEYS, MemoryShelf, believed, following, signature, written
from tests.fakes.clock import FakeClock
from tests.fakes.journal import FakeJournal
from tests.fakes.regions import REGISTRY
from trust.historical_keys import HistoricalKey

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from gateway.federation.catalogs_told import SharedCatalogs
    from trust.keys import VerificationKey


@dataclass
class Replica:
    """One replica, with a book and a shelf of its own; it believes the keys of `believes`.

    `ended` has the keys that have ended, by region.
    """

    shared: SharedCatalogs
    believes: set[str] = field(default_factory=lambda: set(REGISTRY.regions))
    clock: FakeClock = field(default_factory=FakeClock)
    ended: dict[str, HistoricalKey] = field(default_factory=dict)
    work: CatalogReplicas = field(init=False)

    def __post_init__(self) -> None:
        """Begin with what ships."""
        self.journal, self.shelf = FakeJournal(), MemoryShelf()
        self.book = CatalogBook(REGISTRY, clock=self.clock)
        self.use = PublishCatalog(
            book=self.book,
            shelf=self.shelf,
            keys=self._keys,
            taxonomy=REGISTRY.taxonomy,
            clock=self.clock,
            journal=self.journal,
            ended=self._ended,
        )

    def _keys(self, entity: str, region: str) -> Iterable[VerificationKey]:
        return believed(entity, region) if region in self.believes else ()

    def _ended(self, _entity: str, region: str) -> Iterable[HistoricalKey]:
        return [old for name, old in self.ended.items() if name == region]

    def retire(self, region: str, **changes: Any) -> None:  # noqa: ANN401 - any field of the key
        """End the key of a region."""
        self.believes.discard(region)
        key = ENTITY_KEYS[region].public()
        self.ended[region] = HistoricalKey(**{"key": key, "expires_at": int(self.clock()) + 1, **changes})

    def publish(self, plain: dict[str, Any], *regions: str) -> None:
        """Publish what these regions have signed, for the first of them."""
        texts = [signature(region, plain) for region in regions]
        self.use.publish(self.use.check(written(plain)), texts, region=regions[0])

    def following(self, catalog: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any key of the head
        """Make the next version of a catalog."""
        return following(self.book, catalog, **changes)

    async def begin(self) -> None:
        """Take up what the others have told; what is on the shelf by now is told."""
        self.work = CatalogReplicas(self.shared, book=self.book, publish=self.use, journal=self.journal)
        await self.work.start()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Replica]:
        """Let it tell and hear."""
        await self.begin()
        await self.work.settle()
        tasks = [asyncio.create_task(w()) for w in (self.work.tell, self.work.hear, self.work.again)]
        try:
            yield self
        finally:
            assert not [task for task in tasks if task.done()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def numbers(self, catalog: str) -> list[int]:
        """Give the numbers of the versions of a catalog."""
        return [version.head.sequence for version in self.book.versions(catalog)]

    @property
    def skipped(self) -> list[tuple[str, str]]:
        """What was told to be skipped: catalog and error."""
        lines = [line for line in self.journal.lines if line["event"] == "replica_catalog_skipped"]
        return [(line["catalog"], line["error"]) for line in lines]


async def until(true: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.01)
