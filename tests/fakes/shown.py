"""What a node shows the public, over the installed regions and the catalogs that ship or next versions of them."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from adapters.catalog_document import read_document
from adapters.equivalence import EquivalenceBook
from gateway.services.catalog_book import CatalogBook
from gateway.services.public_catalog import PublicCatalog
from gateway.services.shown_lists import ShownRegion, shown_lists
from tests.fakes.catalogs import MemoryVersion, following, written
from tests.fakes.clock import FakeClock
from tests.fakes.regions import AGREEMENTS, REGISTRY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from adapters.canonical import ApplicationItem

TODAY = date(2026, 3, 1)


def known(clock: FakeClock | None = None) -> CatalogBook:
    """Make a book of what ships."""
    return CatalogBook(REGISTRY, clock=clock or FakeClock())


def next_version(
    book: CatalogBook,
    catalog: str,
    items: Sequence[ApplicationItem] | None = None,
    *,
    signed_by: Iterable[str] | None = None,
    texts: Sequence[str] = (),
    **changes: Any,  # noqa: ANN401 - any key of a head
) -> MemoryVersion:
    """Add the next version of a catalog to a book, signed by all parties unless told otherwise, perhaps by `texts`."""
    plain = following(book, catalog, items, **changes)
    document, faults = read_document(plain, REGISTRY.taxonomy)
    assert document is not None, faults
    regions = document.head.regions if signed_by is None else signed_by
    version = MemoryVersion(document, written(plain), tuple(texts), frozenset(regions))
    book.add(version)
    return version


def shown(
    book: CatalogBook | None = None, *, regions: Sequence[str] = REGISTRY.regions, on: date = TODAY, **reasons: str
) -> PublicCatalog:
    """Give what is shown of some regions; `reasons` say which agreements do not stand, `_` for `-` in their ids."""
    lists = book or known()
    found = shown_lists(lists, regions, on=on)
    stands = {agreement.id: "OK" for agreement in AGREEMENTS.agreements}
    return PublicCatalog(
        regions={code: ShownRegion.of(REGISTRY.get(code), found[code]) for code in regions},
        lists=found,
        taxonomy=REGISTRY.taxonomy,
        agreements=AGREEMENTS.agreements,
        standing=stands | {name.replace("_", "-"): reason for name, reason in reasons.items()},
        book=EquivalenceBook(REGISTRY.taxonomy, lists),
        known=lists,
    )


SHOWN = shown()
