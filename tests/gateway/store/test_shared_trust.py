"""What replicas share of trust: kept once, in one order, and told to the others, on both engines."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, aclosing
from typing import TYPE_CHECKING

from sqlalchemy import insert

from gateway.federation.replicas import Shared
from gateway.store.shared_trust import StoredTrust
from gateway.store.tables_trust import REVOCATIONS
from tests.fakes.store import opened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.errors import GatewayError
    from gateway.store.store import Store
    from gateway.store.transaction import Transaction

NORTH = "https://north.example"


def shared(version: int, text: str = "") -> Shared:
    """Make a publication."""
    return Shared(entity=NORTH, version=version, text=text or f"text-{version}", history='{"links":[],"ended":[]}')


async def test_only_a_greater_number_is_kept(store: Store) -> None:
    """Neither an older publication nor another of the same number replaces what is there."""
    trust = StoredTrust(store)
    assert await trust.publication(NORTH) is None
    assert await trust.publish(shared(2))
    assert not await trust.publish(shared(1))
    assert not await trust.publish(shared(2, "another"))
    assert await trust.publication(NORTH) == shared(2)
    assert await trust.publish(shared(3))
    assert await trust.publication(NORTH) == shared(3)


async def test_a_publication_is_given_to_whom_it_is_new(store: Store) -> None:
    """Who has its number, or a greater one, is given nothing."""
    trust = StoredTrust(store)
    await trust.publish(shared(2))
    assert await trust.publication(NORTH, after=1) == shared(2)
    assert await trust.publication(NORTH, after=2) is None


async def test_bytes_that_somebody_put_are_texts(sqlite_url: str) -> None:
    """SQLite keeps them in any column; they are judged like any other junk."""
    async with opened(sqlite_url) as store:

        async def put(transaction: Transaction, _items: Sequence[str]) -> Sequence[GatewayError | None]:
            await transaction.execute(insert(REVOCATIONS).values(place=1, digest=b"\0", text=b"\xff\0"))
            return [None]

        await store.commit(put, "")
        ((place, said),) = await StoredTrust(store).revocations(0)
    assert (place, type(said)) == (1, str)


async def test_of_publications_at_the_same_time_the_greatest_stays(store: Store) -> None:
    """However they arrive, each is judged by what was there before it."""
    trust = StoredTrust(store)
    kept = await asyncio.gather(*(trust.publish(shared(version)) for version in (5, 9, 7, 9, 3)))
    assert kept == [True, True, False, False, False]
    assert await trust.publication(NORTH) == shared(9)


async def test_revocations_are_kept_once_and_in_order(store: Store) -> None:
    """A reader goes on from the place where it was."""
    trust = StoredTrust(store)
    for text in ("one", "two", "one"):
        await trust.revoke(text)
    await asyncio.gather(trust.revoke("two"), trust.revoke("three"))
    known = await trust.revocations(0)
    assert [text for _, text in known] == ["one", "two", "three"]
    assert await trust.revocations(known[1][0]) == known[2:]
    assert await trust.revocations(known[-1][0]) == []


async def test_others_are_told(store_url: str) -> None:
    """A replica on the same database hears of it; on a file there is one process, which hears itself."""
    async with opened(store_url) as one:
        if one.engine.file is not None:
            await _hears(one, one)
            return
        async with opened(store_url) as other:
            await _hears(one, other)


async def _hears(teller: Store, hearer: Store) -> None:
    async with asyncio.timeout(10), aclosing(StoredTrust(hearer).listen()) as words:
        await anext(words)
        await StoredTrust(teller).revoke("one")
        await anext(words)
    assert [text for _, text in await StoredTrust(hearer).revocations(0)] == ["one"]


async def test_a_reader_that_goes_on_misses_nothing(postgres_url: str) -> None:
    """A replica that revokes while another has not yet committed gets its place after that one's."""
    async with opened(postgres_url) as slow, opened(postgres_url) as quick, AsyncExitStack() as stack:
        held = asyncio.Event()
        trust = StoredTrust(slow)

        async def slowly(transaction: Transaction, items: Sequence[str]) -> Sequence[GatewayError | None]:
            answers = await trust._revoke(transaction, items)
            await held.wait()
            return answers

        first = asyncio.create_task(slow.commit(slowly, "first"))
        await asyncio.sleep(0.2)
        second = asyncio.create_task(StoredTrust(quick).revoke("second"))
        stack.callback(second.cancel)
        await asyncio.sleep(0.2)
        seen = await StoredTrust(quick).revocations(0)
        held.set()
        await asyncio.gather(first, second)
        assert seen == []
        assert [text for _, text in await trust.revocations(0)] == ["first", "second"]
