"""Lists, places and revocations in the store, on both engines."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from gateway.store.status_places import ListState, StatusPlaces, TakenPlace
from gateway.store.tables_status import PLACES, REVOKED, STATUS_LISTS
from tests.fakes.store import opened

if TYPE_CHECKING:
    from sqlalchemy import Table

    from gateway.store.store import Store

NOW = 1_790_000_000
UNTIL = NOW + 610
LONGER = 600


def taken(number: int, place: int, jti: str, subject: str = "s", region: str = "chongqing") -> TakenPlace:
    """Say who has a place."""
    return TakenPlace(region=region, number=number, place=place, until=UNTIL, jti=jti, subject=subject)


async def count(store: Store, table: Table) -> int:
    """Count the rows of a table."""
    async with store.reading() as connection:
        return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())


async def test_no_number_is_had_twice(store: Store) -> None:
    """Lists that are begun at once, one after another or for other regions: each has its own."""
    places = StatusPlaces(store)
    numbers = await asyncio.gather(*(places.open_list("chongqing", at_least=NOW, until=UNTIL) for _ in range(5)))
    assert sorted(numbers) == list(range(NOW, NOW + 5))
    assert await places.open_list("sichuan", at_least=7, until=UNTIL) == 7
    assert await places.open_list("sichuan", at_least=NOW, until=UNTIL) == NOW
    assert await places.open_list("sichuan", at_least=NOW - 5, until=UNTIL) == NOW + 1


async def test_replicas_share_lists_and_revocations(postgres_url: str) -> None:
    """Two replicas begin different lists at the same time, and each serves what the other revokes."""
    async with opened(postgres_url) as first, opened(postgres_url) as second:
        one, other = StatusPlaces(first), StatusPlaces(second)
        numbers = await asyncio.gather(
            *(replica.open_list("chongqing", at_least=1, until=UNTIL) for replica in (one, other))
        )
        assert sorted(numbers) == [1, 2]
        await one.keep(taken(1, 5, "a"))
        assert await other.revoke("chongqing", jti="a", now=NOW, remembered_seconds=LONGER) == (1,)
        assert await one.state("chongqing", 1, now=NOW) == ListState(frozenset({5}), NOW)


async def test_every_replica_hears_of_a_revocation(postgres_url: str) -> None:
    """The one that revokes, and the others, so that each can tell those who listen to it."""
    async with opened(postgres_url) as first, opened(postgres_url) as second:
        one, other = StatusPlaces(first), StatusPlaces(second)
        await one.open_list("chongqing", at_least=1, until=UNTIL)
        await one.keep(taken(1, 5, "a"))
        async with asyncio.timeout(10), aclosing(one.heard()) as here, aclosing(other.heard()) as there:
            hearing = [asyncio.ensure_future(anext(heard)) for heard in (here, there)]
            await asyncio.sleep(0.2)
            await one.revoke("chongqing", jti="a", now=NOW, remembered_seconds=LONGER)
            assert await asyncio.gather(*hearing) == [("chongqing", 1)] * 2


async def test_what_is_revoked_is_found_again(store: Store) -> None:
    """By identifier or by pseudonym, on whatever list, in its own region, and only while it lives."""
    places = StatusPlaces(store)
    for number in (1, 2):
        await places.open_list("chongqing", at_least=number, until=UNTIL + LONGER)
    for one in (taken(1, 5, "a"), taken(1, 6, "b", "t"), taken(2, 7, "c"), taken(9, 9, "a", region="sichuan")):
        await places.keep(one)
    assert await places.revoke("chongqing", jti="b", now=NOW, remembered_seconds=LONGER) == (1,)
    assert await places.revoke("chongqing", jti="x", now=NOW, remembered_seconds=LONGER) == ()
    assert await places.revoke_subject("chongqing", subject="s", now=NOW + 3, remembered_seconds=LONGER) == (1, 2)
    assert await places.revoke_subject("chongqing", subject="s", now=NOW + 9, remembered_seconds=LONGER) == (1, 2)
    assert await places.revoke_subject("chongqing", subject="s", now=UNTIL, remembered_seconds=LONGER) == ()
    assert await places.state("chongqing", 1, now=NOW) == ListState(frozenset({5, 6}), NOW + 3)
    assert await places.state("chongqing", 2, now=UNTIL + LONGER - 1) == ListState(frozenset({7}), NOW + 3)
    assert await places.state("chongqing", 3, now=NOW) is None
    assert await places.state("sichuan", 9, now=NOW) is None


async def test_a_list_ends_unless_it_is_extended(store: Store) -> None:
    """From its end on there is no such list; one that is gone is not extended."""
    places = StatusPlaces(store)
    await places.open_list("chongqing", at_least=1, until=UNTIL)
    assert await places.state("chongqing", 1, now=UNTIL) is None
    assert await places.extend("chongqing", 1, until=UNTIL + 1)
    assert await places.state("chongqing", 1, now=UNTIL) == ListState(frozenset(), 0)
    assert await places.sweep(UNTIL + 1) == 1
    assert not await places.extend("chongqing", 1, until=UNTIL + 9)


async def test_what_is_over_is_forgotten(store: Store) -> None:
    """Places when the recognition is over, revocations when nobody holds a list that says otherwise."""
    places = StatusPlaces(store)
    await places.open_list("chongqing", at_least=1, until=UNTIL + LONGER)
    await asyncio.gather(*(places.keep(taken(1, place, str(place))) for place in range(700)))
    assert await places.revoke("chongqing", jti="3", now=NOW, remembered_seconds=LONGER) == (1,)
    assert await places.sweep(UNTIL - 1) == 0
    assert await places.sweep(UNTIL) == 700
    assert [await count(store, table) for table in (PLACES, REVOKED, STATUS_LISTS)] == [0, 1, 1]
    assert await places.sweep(UNTIL + LONGER) == 2
    assert [await count(store, table) for table in (PLACES, REVOKED, STATUS_LISTS)] == [0, 0, 0]


def test_a_place_is_not_shown_with_whose_it_is() -> None:
    """Neither identifier nor pseudonym is in its repr."""
    shown = repr(taken(1, 2, "jti-canary", "subject-canary"))
    assert "canary" not in shown
