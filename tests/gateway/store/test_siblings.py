"""Processes with one file of SQLite hear of each other what was written."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, aclosing
from typing import TYPE_CHECKING

import pytest

from gateway.store.engine import open_engine
from gateway.store.migrate import migrate
from gateway.store.notices import LOOK_YOURSELF, Notices
from gateway.store.siblings import Siblings, paired
from gateway.store.store import Store
from tests.gateway.store.lab import CHANNEL, Sayer, kept, make_tables

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from gateway.store.siblings import Pair

_PATIENCE = 10.0


@pytest.fixture
def made() -> Iterator[tuple[Pair, ...]]:
    """Give what three processes would inherit."""
    with paired(3) as ends:
        yield ends


@pytest.fixture
async def stores(tmp_path: Path, made: tuple[Pair, ...]) -> AsyncIterator[tuple[Store, Store]]:
    """Give two stores on one file, each as one of two processes would have it."""
    opened = list[Store]()
    before = open_engine(f"sqlite:///{tmp_path}/store.sqlite")
    await migrate(before)
    await before.close()
    async with AsyncExitStack() as stack:
        for place in range(2):
            engine = open_engine(f"sqlite:///{tmp_path}/store.sqlite")
            store = Store(engine, siblings=Siblings(place, made))
            await store.open()
            stack.push_async_callback(store.close)
            opened.append(store)
        await make_tables(opened[0])
        yield opened[0], opened[1]


async def test_what_one_writes_the_other_hears_and_reads(stores: tuple[Store, Store]) -> None:
    """A listener of either process hears what any of them has told, once it is there to be read."""
    one, other = stores
    sayer = Sayer()
    async with (
        aclosing(one.listen(CHANNEL)) as here,
        aclosing(other.listen(CHANNEL)) as there,
        asyncio.timeout(_PATIENCE),
    ):
        assert [await anext(here), await anext(there)] == [LOOK_YOURSELF, LOOK_YOURSELF]
        for writer, number in ((one, 7), (other, 8)):
            await writer.commit(sayer.add, number)
            assert [await anext(here), await anext(there)] == [str(number), str(number)]
    assert await kept(one) == await kept(other) == [7, 8]


async def test_processes_that_write_at_once_take_turns(stores: tuple[Store, Store]) -> None:
    """Nothing is refused and nothing is lost."""
    sayers = [Sayer(), Sayer()]
    await asyncio.gather(
        *(
            store.commit(sayer.add, 2 * n + place)
            for n in range(200)
            for place, (store, sayer) in enumerate(zip(stores, sayers, strict=True))
        )
    )
    assert await kept(stores[0]) == list(range(400))


async def heard(notices: Notices, channel: str, most: int) -> list[str]:
    """Give what a listener hears until it was told `most` times, without what it hears first."""
    async with aclosing(notices.listen(channel)) as told, asyncio.timeout(_PATIENCE):
        return [await anext(told) for _ in range(most + 1)][1:]


async def test_who_is_too_slow_is_told_to_look(made: tuple[Pair, ...]) -> None:
    """Whoever takes nothing for a while hears later that something may have been missed; the writer never waits."""
    teller, notices = Siblings(0, made), Notices()
    slow = asyncio.create_task(heard(notices, CHANNEL, 1))
    await asyncio.sleep(0)
    for n in range(5_000):
        teller.tell([("elsewhere", str(n))])
    repaying = asyncio.create_task(teller.run(Notices()))
    hearing = asyncio.create_task(Siblings(1, made).run(notices))
    try:
        assert await slow == [LOOK_YOURSELF]
    finally:
        for task in (repaying, hearing):
            task.cancel()
        await asyncio.wait({repaying, hearing})


async def test_who_begins_has_the_others_look(made: tuple[Pair, ...]) -> None:
    """What a process wrote that was lost before it could tell of it, the others find when its place is taken again."""
    notices = Notices()
    hearing = asyncio.create_task(Siblings(1, made).run(notices))
    listener = asyncio.create_task(heard(notices, CHANNEL, 1))
    await asyncio.sleep(0)
    beginning = asyncio.create_task(Siblings(0, made).run(Notices()))
    try:
        assert await listener == [LOOK_YOURSELF]
    finally:
        for task in (beginning, hearing):
            task.cancel()
        await asyncio.wait({beginning, hearing})


async def test_what_is_too_long_for_a_word_is_looked_at(made: tuple[Pair, ...]) -> None:
    """A transaction that told very much is told as: look yourself."""
    notices = Notices()
    hearing = asyncio.create_task(Siblings(1, made).run(notices))
    listener = asyncio.create_task(heard(notices, CHANNEL, 1))
    await asyncio.sleep(0)
    Siblings(0, made).tell([(CHANNEL, f"{n:064d}") for n in range(1_000)])
    assert await listener == [LOOK_YOURSELF]
    hearing.cancel()
    await asyncio.wait({hearing})


def test_nobody_tells_itself(made: tuple[Pair, ...]) -> None:
    """What one process tells is in the inboxes of all others, and not in its own."""
    Siblings(1, made).tell([(CHANNEL, "x")])
    assert [made[place][0].recv(100) for place in (0, 2)] == [b'[["lab","x"]]'] * 2
    with pytest.raises(BlockingIOError):
        made[1][0].recv(100)
