"""Composition root of catalogs: what is known of them, where published ones are kept, and whose signature counts."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from gateway.errors import SettingsError
from gateway.federation.catalog_replicas import CatalogReplicas
from gateway.federation.catalog_shelf import FileCatalogs
from gateway.peers.catalog_feed import CatalogFeed
from gateway.services.catalog_book import CatalogBook
from gateway.services.catalog_version import missing
from gateway.services.publish_catalog import PublishCatalog
from gateway.store.shared_catalogs import StoredCatalogs
from trust.errors import TrustError
from trust.roles import REGION_ROLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from adapters.registry import Registry
    from gateway.bootstrap_services import Shared
    from gateway.federation.ended_keys import EndedKeys
    from gateway.journal import Journal
    from gateway.peers.peer_home import PeerHome
    from gateway.trust_side import TrustSide
    from trust.keys import VerificationKey

FOLDER = "catalogs"
"""Where published catalogs lie in the folder of what the node remembers."""


def catalog_shelf(state: Path, registry: Registry) -> FileCatalogs:
    """Give where published catalogs are kept, in the folder of what the node remembers."""
    return FileCatalogs(state / FOLDER, registry.taxonomy)


def catalog_book(registry: Registry, shelf: FileCatalogs) -> CatalogBook:
    """Give all catalogs: what ships, and what was published before (SettingsError where that cannot be read)."""
    book = CatalogBook(registry, clock=time.time)
    for version in shelf.load():
        book.add(version)
    book.lead()
    return book


def catalog_publisher(
    book: CatalogBook,
    shelf: FileCatalogs,
    *,
    registry: Registry,
    trust: TrustSide,
    ended: EndedKeys,
    journal: Journal,
) -> PublishCatalog:
    """Give the use case of publishing."""
    return PublishCatalog(
        book=book,
        shelf=shelf,
        keys=partial(publisher_keys, trust),
        taxonomy=registry.taxonomy,
        clock=time.time,
        journal=journal,
        ended=ended.of,
    )


def publisher_keys(trust: TrustSide, entity: str, region: str) -> Iterable[VerificationKey]:
    """Give the federation keys of an entity that stands for a region: our own home's, or as any anchor has it."""
    home = trust.homes.get(region)
    if home is not None:
        return home.publisher.keys if home.entity == entity else ()
    standing = trust.desk.standing
    for anchor in standing.anchors:
        with suppress(TrustError):
            if standing.federation.entity(REGION_ROLE, region, anchor=anchor, now=int(time.time())).entity == entity:
                return standing.federation.federation_keys(entity, anchor=anchor)
    return ()


async def read_ahead(book: CatalogBook, registry: Registry, journal: Journal) -> None:
    """Read the regions' lists that were published before, beside the loop, so that the first call need not wait."""
    for region in registry.regions:
        newest = book.newest(region)
        if newest is None:
            continue
        try:
            await asyncio.to_thread(newest.document)
        except SettingsError as error:
            journal.event("catalog_unreadable", catalog=region, fault=str(error))


def catalog_feeds(shared: Shared, peers: Mapping[str, PeerHome]) -> tuple[CatalogFeed, ...]:
    """Make the feeds of the peers with whom one of our homes has an agreement."""
    trust, feeds, followed = shared.trust, [], set(shared.trust.homes)
    for region, peer in peers.items():
        agreements = trust.agreements.agreements
        home = next((h for h in trust.homes if any(a.joins(h, region) for a in agreements)), None)
        if home is None:
            continue
        feeds.append(
            CatalogFeed(
                peer.channel,
                asking=home,
                publish=shared.publish,
                known=partial(_whole, shared.catalogs),
                learn=partial(shared.ended.learn, region),
                journal=shared.journal,
            )
        )
        followed.add(region)
    shared.catalogs.follow_only(followed)
    return tuple(feeds)


def catalog_replicas(shared: Shared) -> CatalogReplicas:
    """Give what keeps the catalogs of this replica in step with the others.

    A gateway that is one process has them too: there may have been others, or it may have lost its own folder.
    """
    stored = StoredCatalogs(shared.stored.store)
    return CatalogReplicas(stored, book=shared.catalogs, publish=shared.publish, journal=shared.journal)


def _whole(book: CatalogBook) -> list[str]:
    """Give the digests of the versions that need no further signature."""
    return [version.digest for version in book.all_versions() if not missing(version)]
