"""The group commit, on both engines."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from gateway.errors import LimitError, StoreUnavailableError
from tests.gateway.store.lab import SAYINGS, Sayer, kept, make_tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.store.store import Store, Transaction


async def test_what_waits_together_is_written_together(store: Store) -> None:
    """Many items that come at once take few transactions, and each has its own answer."""
    await make_tables(store)
    sayer = Sayer()
    answers = await asyncio.gather(*(store.commit(sayer.add, number) for number in range(50)))
    assert answers == list(range(50))
    assert await kept(store) == list(range(50))
    assert sum(sayer.together) == 50
    assert len(sayer.together) < 10


async def test_a_refused_item_is_refused_alone(store: Store) -> None:
    """A handler's error for one item is raised there, the others are kept."""
    await make_tables(store)
    sayer = Sayer()
    answers = await asyncio.gather(*(store.commit(sayer.add, n) for n in (1, -1, 2)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [int, LimitError, int]
    assert await kept(store) == [1, 2]


async def test_nothing_is_taken_once_closed(store: Store) -> None:
    """What waits at the end is written; what comes later is refused."""
    await make_tables(store)
    sayer = Sayer()
    waiting = asyncio.gather(*(store.commit(sayer.add, n) for n in range(300)))
    await asyncio.sleep(0)
    await store.close()
    assert await waiting == list(range(300))
    assert not store.ready
    with pytest.raises(StoreUnavailableError):
        await store.commit(sayer.add, 1)


@pytest.mark.parametrize("lock", [False, True])
async def test_rows_are_found_by_the_values_of_a_column(store: Store, lock: bool) -> None:
    """A transaction finds the rows that it asks for in their order, whole, also those that it has added itself."""
    await make_tables(store)
    await asyncio.gather(*(store.commit(Sayer().add, n) for n in range(5)))

    async def find(transaction: Transaction, items: Sequence[list[int]]) -> Sequence[list[tuple[int, str]]]:
        await transaction.add(SAYINGS, [{"id": 9, "words": "同城"}])
        found = [await transaction.find(SAYINGS.c.id, item, lock=lock) for item in items]
        return [[(row.id, row.words) for row in rows] for rows in found]

    assert await store.commit(find, [4, 9, 7, 1]) == [(1, "测试"), (4, "测试"), (9, "同城")]


async def test_no_values_find_no_rows(store: Store) -> None:
    """Who asks for nothing gets nothing."""
    await make_tables(store)
    await store.commit(Sayer().add, 1)

    async def find(transaction: Transaction, items: Sequence[list[int]]) -> Sequence[int]:
        return [len(await transaction.find(SAYINGS.c.id, item)) for item in items]

    assert await store.commit(find, []) == 0
