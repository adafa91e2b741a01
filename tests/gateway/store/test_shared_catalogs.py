"""What replicas share of catalogs: versions and signatures, each once, by sequence, told to others, on both engines."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete

from gateway.errors import StoreUnavailableError
from gateway.federation.catalogs_told import Told
from gateway.services.catalog_text import LONGEST_DOCUMENT
from gateway.store.shared_catalogs import CHANNEL, StoredCatalogs
from gateway.store.tables_catalogs import CATALOG_VERSIONS
from tests.fakes.store import opened
from trust.jws import MAX_STATEMENT_LENGTH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.store.store import Store
    from gateway.store.transaction import Transaction

NORTH, SOUTH = {"north": "signed-by-north"}, {"south": "signed-by-south"}


def told(sequence: int, signatures: dict[str, str], digest: str = "") -> Told:
    """Make a version; the greater its number the lower its digest."""
    return Told(catalog="north", sequence=sequence, digest=digest or f"digest-{99 - sequence}", signatures=signatures)


async def test_versions_are_kept_once_and_given_by_sequence(store: Store) -> None:
    """In whatever order they came, and however often."""
    catalogs = StoredCatalogs(store)
    assert await catalogs.told() == ()
    await asyncio.gather(*(catalogs.keep(told(n, NORTH), b"document %d" % n) for n in (3, 2, 10, 3)))
    await catalogs.keep(told(2, NORTH), b"another")
    assert await catalogs.told() == tuple(told(n, NORTH) for n in (2, 3, 10))
    assert await catalogs.document(told(2, {}).digest) == b"document 2"
    assert await catalogs.document("unknown") == b""


async def test_signatures_are_added_and_never_replaced(store: Store) -> None:
    """The first of each region stays; parties that sign at several replicas at once are all there."""
    catalogs = StoredCatalogs(store)
    await asyncio.gather(*(catalogs.keep(told(2, signed), b"document") for signed in (NORTH, SOUTH, NORTH)))
    await catalogs.keep(told(2, {"north": "another"}), b"document")
    assert await catalogs.told() == (told(2, {**NORTH, **SOUTH}),)


async def test_a_region_has_one_content_for_a_number(store: Store) -> None:
    """Of two the first stays, which is said; another party's signature of the second is kept, and the next number."""
    catalogs = StoredCatalogs(store)
    assert not await catalogs.keep(told(2, NORTH), b"document")
    assert list(await catalogs.keep(told(2, {**NORTH, **SOUTH}, "other"), b"other document")) == ["north"]
    assert not await catalogs.keep(told(3, NORTH, "next"), b"next document")
    assert not await catalogs.keep(told(2, NORTH), b"document")
    assert await catalogs.told() == (told(2, NORTH), told(2, SOUTH, "other"), told(3, NORTH, "next"))


async def test_what_is_too_long_is_not_read(store: Store) -> None:
    """Nobody publishes such a thing: a document is as if it were not there, a signature as if it were empty."""
    catalogs, north = StoredCatalogs(store), {"north": "a" * (MAX_STATEMENT_LENGTH + 1)}
    await catalogs.keep(told(2, north), b"d" * LONGEST_DOCUMENT)
    await catalogs.keep(told(3, {"north": "a" * MAX_STATEMENT_LENGTH}), b"d" * (LONGEST_DOCUMENT + 1))
    assert [len(one.signatures["north"]) for one in await catalogs.told()] == [0, MAX_STATEMENT_LENGTH]
    assert [len(await catalogs.document(told(n, {}).digest)) for n in (2, 3)] == [LONGEST_DOCUMENT, 0]


async def test_a_document_that_is_gone_is_told_as_such(store: Store) -> None:
    """The version is not whole until somebody has kept it again, which is told."""
    catalogs = StoredCatalogs(store)
    await catalogs.keep(told(2, NORTH), b"document")
    await store.commit(_lose, None)
    assert await catalogs.told() == (replace(told(2, NORTH), whole=False),)
    await catalogs.keep(told(2, NORTH), b"document")
    assert await catalogs.told() == (told(2, NORTH),)


async def _lose(transaction: Transaction, items: Sequence[None]) -> Sequence[None]:
    await transaction.execute(delete(CATALOG_VERSIONS))
    return items


async def test_only_what_is_new_is_told(store: Store) -> None:
    """The same again wakes nobody, so that no word goes round in a circle."""
    catalogs, one, both = StoredCatalogs(store), told(2, NORTH), told(2, {**NORTH, **SOUTH})
    heard: list[str] = []
    async with asyncio.timeout(10), aclosing(catalogs.listen()) as words:
        await anext(words)
        if store.engine.file is None:
            await anext(words)  # once the server is listened to
        for version in (one, one, both, both, one):
            await catalogs.keep(version, b"document")
        await store.commit(_notify, "end")
        async for word in words:
            heard += [word] if word else []
            if word == "end":
                break
    assert heard == [one.digest, both.digest, "end"]


async def _notify(transaction: Transaction, items: Sequence[str]) -> Sequence[None]:
    for word in items:
        transaction.notify(CHANNEL, word)
    return [None] * len(items)


async def test_others_are_told(store_url: str) -> None:
    """A replica on the same database hears of it; on a file one process hears itself."""
    async with opened(store_url) as one:
        if one.engine.file is not None:
            await _hears(one, one)
            return
        async with opened(store_url) as other:
            await _hears(one, other)


async def _hears(teller: Store, hearer: Store) -> None:
    async with asyncio.timeout(10), aclosing(StoredCatalogs(hearer).listen()) as words:
        await anext(words)
        await StoredCatalogs(teller).keep(told(2, NORTH), b"document")
        await anext(words)
    assert await StoredCatalogs(hearer).told() == (told(2, NORTH),)


async def test_a_store_that_is_away_is_told_as_such(store: Store) -> None:
    """By the same error whatever is asked of it."""
    catalogs = StoredCatalogs(store)
    await store.close()
    with pytest.raises(StoreUnavailableError):
        await catalogs.keep(told(2, NORTH), b"document")
