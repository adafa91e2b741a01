"""What comes in the way of a group commit: conflicts, faults of a handler, waiters that leave, too much at once."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import OperationalError

from gateway.errors import LimitError, StoreUnavailableError
from gateway.store import writer
from gateway.store.engine import open_engine
from gateway.store.migrate import migrate
from gateway.store.store import Store
from tests.fakes.store import opened
from tests.gateway.store.lab import SAYINGS, Sayer, kept, make_tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.store.store import Transaction


async def gathered(*commits: object) -> list[object]:
    """Wait for commits, and give what each gave or raised."""
    return await asyncio.gather(*commits, return_exceptions=True)  # type: ignore[call-overload,no-any-return]  # any


async def test_an_item_in_conflict_does_not_take_others_with_it(store: Store) -> None:
    """Of two items with one key the first is kept, the second is refused, and what came with them is kept."""
    await make_tables(store)
    sayer = Sayer()
    answers = await gathered(*(store.commit(sayer.add, n) for n in (7, 7, 8)))
    assert answers[0] == 7
    assert isinstance(answers[1], StoreUnavailableError)
    assert answers[1].metadata == {"fault": "conflict"}
    assert answers[2] == 8
    assert await kept(store) == [7, 8]
    assert store.ready


async def test_what_another_replica_wrote_first_is_seen_at_the_second_try(store_url: str) -> None:
    """A handler that met a conflict is run again, and then sees what was in its way."""
    async with opened(store_url) as one:
        await make_tables(one)
        await one.commit(Sayer().add, 1)
        tries = 0

        async def add_or_see(transaction: Transaction, items: Sequence[int]) -> Sequence[str]:
            nonlocal tries
            tries += 1
            if tries == 1:
                await transaction.execute(insert(SAYINGS), [{"id": item, "words": ""} for item in items])
            return ["seen"] * len(items)

        assert await one.commit(add_or_see, 1) == "seen"
        assert tries == 2


async def test_a_fault_in_a_handler_is_told_to_who_waits_for_it(store: Store) -> None:
    """An error that nobody foresaw reaches the one who asked for it, and nobody else."""
    await make_tables(store)
    sayer = Sayer()

    async def break_down(transaction: Transaction, items: Sequence[int]) -> Sequence[int]:
        await sayer.add(transaction, items)
        raise ZeroDivisionError

    async def refuse(_transaction: Transaction, _items: Sequence[int]) -> Sequence[int]:
        raise LimitError(limit="lab")

    async def misspell(transaction: Transaction, items: Sequence[int]) -> Sequence[int]:
        await transaction.execute(text("SELEC 1"))
        return items

    answers = await gathered(
        store.commit(break_down, 1), store.commit(sayer.add, 2), store.commit(refuse, 3), store.commit(misspell, 4)
    )
    assert isinstance(answers[0], ZeroDivisionError)
    assert answers[1] == 2
    assert isinstance(answers[2], LimitError)
    assert "SELEC" in str(answers[3])
    assert await kept(store) == [2]
    assert await store.commit(sayer.add, 5) == 5


async def test_a_handler_waits_for_nothing_but_its_transaction(sqlite_url: str) -> None:
    """On SQLite, where it runs without a loop, one that waits for something else is told so and changes nothing."""

    async def dawdle(transaction: Transaction, items: Sequence[int]) -> Sequence[object]:
        await Sayer().add(transaction, items)
        await asyncio.sleep(0)
        return items

    async with opened(sqlite_url) as store:
        await make_tables(store)
        with pytest.raises(RuntimeError, match="waits for something else"):
            await store.commit(dawdle, 1)
        assert await kept(store) == []
        assert await store.commit(Sayer().add, 2) == 2


async def test_many_rows_are_added_at_once(store: Store) -> None:
    """As many as there are, however many go into one statement; each value comes back as it was."""
    await make_tables(store)

    async def add_all(transaction: Transaction, items: Sequence[range]) -> Sequence[int]:
        await transaction.add(SAYINGS, [{"id": n, "words": f"'{n}?"} for item in items for n in item])
        return [0] * len(items)

    await store.commit(add_all, range(150))
    async with store.reading() as connection:
        rows = await connection.execute(select(SAYINGS).order_by(SAYINGS.c.id))
        assert [(row.id, row.words) for row in rows] == [(n, f"'{n}?") for n in range(150)]


async def test_who_leaves_does_not_disturb_the_others(store: Store) -> None:
    """An item whose waiter left before it was begun is not done; one that is begun is done all the same."""
    await make_tables(store)
    sayer, begun, go_on, go_on_thread = Sayer(), asyncio.Event(), asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    async def slowly(transaction: Transaction, items: Sequence[int]) -> Sequence[object]:
        loop.call_soon_threadsafe(begun.set)
        if transaction.dialect == "sqlite":
            assert go_on_thread.wait(10)
        else:
            await go_on.wait()
        return await sayer.add(transaction, items)

    first = asyncio.create_task(store.commit(slowly, 1))
    await begun.wait()
    others = [asyncio.create_task(store.commit(sayer.add, n)) for n in (2, 3)]
    await asyncio.sleep(0)
    first.cancel()
    others[0].cancel()
    go_on.set()
    go_on_thread.set()
    assert await others[1] == 3
    assert await kept(store) == [1, 3]
    lonely = asyncio.create_task(store.commit(sayer.add, 4))
    await asyncio.sleep(0)
    lonely.cancel()
    await asyncio.sleep(0.05)
    assert await store.commit(sayer.add, 5) == 5
    assert await kept(store) == [1, 3, 5]


async def test_no_more_waits_than_there_is_room_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes when too much waits is refused at once."""
    await make_tables(store)
    monkeypatch.setattr(writer, "MOST_WAITING", 2)
    sayer = Sayer()
    answers = await gathered(*(store.commit(sayer.add, n) for n in range(4)))
    assert answers[:2] == [0, 1]
    assert [type(answer) for answer in answers[2:]] == [StoreUnavailableError] * 2


async def test_a_batch_that_dies_in_its_parts_tells_everybody(store: Store) -> None:
    """Where the store is lost while items are done one by one, those that come after are told as well."""
    await make_tables(store)

    async def lose(_transaction: Transaction, items: Sequence[int]) -> Sequence[int]:
        if len(items) > 1:
            raise ZeroDivisionError
        raise ConnectionResetError

    answers = await gathered(*(store.commit(lose, n) for n in range(3)))
    assert [getattr(answer, "metadata", None) for answer in answers] == [
        {"fault": "connection"},
        {"fault": "not_ready"},
        {"fault": "not_ready"},
    ]
    with pytest.raises(StoreUnavailableError):
        await store.commit(lose, 1)
    while not store.ready:
        await asyncio.sleep(0.01)
    assert await store.commit(Sayer().add, 1) == 1


async def test_a_rollback_that_fails_costs_the_connection(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is not known what a connection holds, it is not used again."""
    await make_tables(store)
    sayer = Sayer()

    async def break_down(_transaction: Transaction, _items: Sequence[int]) -> Sequence[int]:
        raise ZeroDivisionError

    def fail(_self: object) -> None:
        raise OperationalError("ROLLBACK", None, ValueError())

    with monkeypatch.context() as patch:
        patch.setattr("sqlalchemy.Connection.rollback", fail)
        with pytest.raises(StoreUnavailableError) as refused:
            await store.commit(break_down, 1)
        assert refused.value.metadata == {"fault": "cannot_open"}
    while not store.ready:
        await asyncio.sleep(0.01)
    assert await store.commit(sayer.add, 2) == 2


async def test_whatever_ends_the_writer_nobody_waits_on(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of our own ends it for good: who waits is refused, nothing is taken, and it comes out at the end."""

    async def break_down(_self: object) -> None:
        raise ZeroDivisionError

    async def refuse(_transaction: Transaction, _items: Sequence[int]) -> Sequence[int]:
        raise LimitError(limit="lab")

    engine = open_engine(sqlite_url)
    await migrate(engine)
    store = Store(engine)
    await store.open()
    monkeypatch.setattr(writer.Writer, "_roll_back", break_down)
    answers = await asyncio.wait_for(gathered(store.commit(refuse, 1), store.commit(refuse, 2)), 10)
    assert [getattr(answer, "metadata", None) for answer in answers] == [{"fault": "closed"}] * 2
    with pytest.raises(StoreUnavailableError):
        await store.commit(refuse, 3)
    with pytest.raises(ZeroDivisionError):
        await store.close()


async def test_decisions_are_appended_in_the_same_transaction(store_url: str) -> None:
    """The evidence of a transaction comes at its end, once; where it cannot be written, nothing is."""
    seen: list[list[object]] = []

    async def append(transaction: Transaction, decisions: Sequence[object]) -> None:
        seen.append(list(decisions))
        if "broken" in decisions:
            raise ConnectionResetError
        await transaction.execute(insert(SAYINGS), [{"id": 100 + len(seen), "words": "evidence"}])

    async def decide(transaction: Transaction, items: Sequence[str]) -> Sequence[str]:
        for item in items:
            transaction.record(item)
        await transaction.execute(insert(SAYINGS), [{"id": len(item), "words": item} for item in items])
        return items

    async with opened(store_url, append=append) as store:
        await make_tables(store)
        assert await gathered(store.commit(decide, "a"), store.commit(decide, "bb")) == ["a", "bb"]
        assert seen == [["a", "bb"]]
        with pytest.raises(StoreUnavailableError):
            await store.commit(decide, "broken")
        while not store.ready:
            await asyncio.sleep(0.01)
        assert await kept(store) == [1, 2, 101]
