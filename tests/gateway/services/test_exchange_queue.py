"""The queue: who is blamed when whoever takes tasks dies with all of them in hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.services.exchange_errands import DEATHS, LEASE_SECONDS
from gateway.services.exchange_ledger import lane_out
from gateway.services.exchange_model import MICROS
from gateway.services.exchange_queue import SUSPECT, Taken, done, take
from tests.fakes.exchange import client, exchange_node

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.store.transaction import Transaction
    from tests.fakes.exchange import ExchangeNode

TOGETHER = 64


async def taken(node: ExchangeNode) -> list[Taken] | None:
    """Take what a gateway takes at once, and lay aside what has failed too often; None where nothing is left."""

    async def write(transaction: Transaction, items: Sequence[int]) -> Sequence[list[Taken]]:
        found = [
            await take(transaction, lane_out("chongqing"), most=TOGETHER, lease_seconds=LEASE_SECONDS, now=now)
            for now in items
        ]
        await done(transaction, [one.place for one in found[0] if one.failures > DEATHS])  # laid aside
        return found

    found = await node.store.commit(write, int(node.clock() * MICROS))
    return [one for one in found if one.failures <= DEATHS] if found else None


async def finish(node: ExchangeNode, tasks: list[Taken]) -> None:
    """Take tasks out that were done."""

    async def write(transaction: Transaction, items: Sequence[None]) -> Sequence[None]:
        await done(transaction, [one.place for one in tasks])
        return items

    await node.store.commit(write, None)


async def test_only_what_kills_alone_is_blamed(store_url: str) -> None:
    """One task kills whoever takes it, with all the others in hand: it alone is laid aside, they are all done."""
    async with exchange_node(store_url, "sichuan") as node, client(node, "platform.sichuan") as platform:
        names = [(await platform.submit(f"key-{n}", ordering_key=f"k-{n % 7}")).request.name for n in range(20)]
        killer = bytes.fromhex(names[4].rpartition("/")[2])
        finished: set[bytes] = set()
        deaths = 0
        while (tasks := await taken(node)) is not None:
            if killer in {one.request for one in tasks}:
                deaths += 1
                assert len(tasks) == 1 or deaths <= SUSPECT
                node.clock.advance(LEASE_SECONDS + 1)
            else:
                await finish(node, tasks)
                finished |= {one.request for one in tasks}
    assert finished == {bytes.fromhex(name.rpartition("/")[2]) for name in names} - {killer}
    assert deaths == DEATHS


async def test_many_deaths_blame_nobody(store_url: str) -> None:
    """However often a gateway dies with all in hand, for reasons of its own, nothing is laid aside for that."""
    async with exchange_node(store_url, "sichuan") as node, client(node, "platform.sichuan") as platform:
        names = {(await platform.submit(f"key-{n}")).request.name for n in range(12)}
        finished: set[bytes] = set()
        for death in range(400):
            tasks = await taken(node)
            if death % 3 == 0 and tasks:  # now and then it lives long enough for one of them
                await finish(node, tasks[:1])
                finished.add(tasks[0].request)
            node.clock.advance(LEASE_SECONDS + 1)
    assert finished == {bytes.fromhex(name.rpartition("/")[2]) for name in names}
