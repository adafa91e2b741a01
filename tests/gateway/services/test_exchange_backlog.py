"""The backlog: what waits in a lane and what was laid aside is counted, and nothing of another lane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update

from gateway.errors import StoreUnavailableError
from gateway.services.exchange_backlog import Backlog, Lane
from gateway.services.exchange_clock import process_time, store_time
from gateway.services.exchange_errands import Refused, Verdict
from gateway.services.exchange_queue import HELD_UNTIL
from gateway.store.engine import open_engine
from gateway.store.migrate import migrate
from gateway.store.store import Store
from gateway.store.tables_exchange import QUEUE
from tests.fakes.exchange import client, exchange_node

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.store.transaction import Transaction
    from tests.fakes.exchange import ExchangeNode

OUT, IN = "out:chongqing", "in:sichuan"


def looking(node: ExchangeNode) -> Backlog:
    """Make what looks at the lanes of a node, by its clock."""
    return Backlog(node.store, now=process_time(node.clock))


async def rewrite_oldest(node: ExchangeNode, **columns: object) -> None:
    """Change the first task that was put into the queue."""

    async def write(transaction: Transaction, items: Sequence[Any]) -> Sequence[Any]:
        await transaction.execute(update(QUEUE).where(QUEUE.c.place == 1).values(columns))
        return items

    await node.store.commit(write, None)


async def test_a_lane_is_counted_with_the_age_of_its_oldest(store_url: str) -> None:
    """What waits, what is under way too, until it is done or laid aside; a lane without any is told as empty."""
    async with exchange_node(store_url, "sichuan") as node, client(node, "platform.sichuan") as source:
        backlog = looking(node)
        assert await backlog.look([OUT, IN]) == {OUT: Lane(0, 0, 0.0), IN: Lane(0, 0, 0.0)}
        for number in range(3):
            await source.submit(f"key-{number}")
            node.clock.advance(10)
        assert await backlog.look([OUT, IN]) == {OUT: Lane(3, 0, 30.0), IN: Lane(0, 0, 0.0)}
        first, second, _ = await node.errands.take("chongqing", most=10)
        await node.errands.settle(second)
        assert await backlog.look([OUT]) == {OUT: Lane(2, 0, 30.0)}
        await node.errands.refuse(Refused(first, Verdict.FOR_GOOD, "ATTACHMENT_NOT_FOUND"))
        assert await backlog.look([OUT]) == {OUT: Lane(1, 1, 10.0)}


async def test_what_is_held_back_waits_and_has_no_age(store_url: str) -> None:
    """A card that is not in use for weeks does not look like a platform that takes nothing."""
    async with exchange_node(store_url, "sichuan") as node, client(node, "platform.sichuan") as source:
        for number in range(2):
            await source.submit(f"key-{number}")
            node.clock.advance(10)
        await rewrite_oldest(node, due=HELD_UNTIL)
        assert await looking(node).look([OUT]) == {OUT: Lane(2, 0, 10.0)}


async def test_an_age_is_never_negative(store_url: str) -> None:
    """Also where the clock of another process was ahead."""
    async with exchange_node(store_url, "sichuan") as node, client(node, "platform.sichuan") as source:
        await source.submit()
        node.clock.advance(-100)
        assert await looking(node).look([OUT]) == {OUT: Lane(1, 0, 0.0)}


async def test_age_goes_by_the_clock_of_the_store(store_url: str) -> None:
    """A server is asked for its time on the connection that reads; here it is far ahead of what was written."""
    async with exchange_node(store_url, "sichuan") as node, client(node, "platform.sichuan") as source:
        await source.submit()
        await rewrite_oldest(node, added_at=0)
        now = store_time(node.store.dialect, lambda: 2e9)
        lane = (await Backlog(node.store, now=now).look([OUT]))[OUT]
    assert lane.oldest_seconds > 1e9


async def test_a_store_that_cannot_be_read_is_told(store_url: str) -> None:
    """Where all connections are taken for longer than one may wait, nothing is told instead."""
    engine = open_engine(store_url, readers=1)
    await migrate(engine)
    store = Store(engine)
    await store.open()
    backlog = Backlog(store, now=process_time(lambda: 0.0))
    try:
        async with store.reading():
            with pytest.raises(StoreUnavailableError):
                await backlog.look([OUT])
        assert await backlog.look([OUT]) == {OUT: Lane(0, 0, 0.0)}
    finally:
        await store.close()
