"""Workers that share the requests to a peer: leases, replicas, and one that was paused or killed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from gateway.errors import (
    LeaseLostError,
)
from gateway.services.exchange_dead_letters import DeadLetters
from gateway.services.exchange_errands import DEATHS, LEASE_SECONDS
from onecard.gateway.v1 import exchange_pb2
from tests.fakes.exchange import client, exchange_node

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.fakes.exchange import Client, ExchangeNode


@dataclass(slots=True)
class Parties:
    """Both gateways, and the platforms at them."""

    sichuan: ExchangeNode
    chongqing: ExchangeNode
    source: Client
    target: Client


@pytest.fixture
async def replicas(store_url: str) -> AsyncIterator[tuple[ExchangeNode, ExchangeNode]]:
    """Run two replicas of one gateway on one store, once for each engine."""
    async with exchange_node(store_url, "sichuan") as one, exchange_node(store_url, "sichuan", clock=one.clock) as two:
        yield one, two


async def test_a_paused_worker_notes_nothing(replicas: tuple[ExchangeNode, ExchangeNode]) -> None:
    """PF3: a worker that was paused beyond its lease finds that another has its task, and its write is refused."""
    one, two = replicas
    async with client(one, "platform.sichuan") as source:
        name = (await source.submit()).request.name
        (paused,) = await one.errands.take("chongqing", most=10)
        assert await two.errands.take("chongqing", most=10) == []
        one.clock.advance(LEASE_SECONDS + 1)
        (again,) = await two.errands.take("chongqing", most=10)
        assert again.taken.lease > paused.taken.lease
        with pytest.raises(LeaseLostError):
            await one.errands.settle(paused)
        await one.errands.renew([paused.taken])
        await one.errands.release([paused.taken], delay_seconds=0)
        await two.errands.settle(again)
        with pytest.raises(LeaseLostError):
            await two.errands.settle(again)
        found = await source.get(name)
    assert found.state == exchange_pb2.REQUEST_STATE_DELIVERED
    assert [one.method for one in two.decisions].count("exchange/tell/submitted") == 1


async def test_a_lease_is_kept_as_long_as_it_is_renewed(replicas: tuple[ExchangeNode, ExchangeNode]) -> None:
    """Who renews keeps its tasks; who releases them lets others have them, and a start frees all."""
    one, two = replicas
    async with client(one, "platform.sichuan") as source:
        await source.submit()
        (mine,) = await one.errands.take("chongqing", most=10)
        for _ in range(3):
            one.clock.advance(LEASE_SECONDS - 1)
            await one.errands.renew([mine.taken])
            assert await two.errands.take("chongqing", most=10) == []
        await one.errands.release([mine.taken], delay_seconds=5)
        assert await two.errands.take("chongqing", most=10) == []
        one.clock.advance(5)
        (theirs,) = await two.errands.take("chongqing", most=10)
        assert theirs.taken.failures == 1
        await two.errands.free_all()
        assert len(await one.errands.take("chongqing", most=10)) == 1


async def test_two_workers_share_a_backlog(replicas: tuple[ExchangeNode, ExchangeNode]) -> None:
    """Nobody gets what another holds, of each key only what is first, and half of what is taken is the newest."""
    one, two = replicas
    async with client(one, "platform.sichuan") as source:
        names = [(await source.submit(f"key-{number}")).request.name for number in range(20)]
        mine = [errand.request.name for errand in await one.errands.take("chongqing", most=8)]
        assert mine == [*names[:4], *names[-4:]]
        theirs = [errand.request.name for errand in await two.errands.take("chongqing", most=20)]
        assert theirs == names[4:-4]
        same = [(await source.submit(f"same-{number}", ordering_key="k")).request.name for number in range(5)]
        run = await one.errands.take("chongqing", most=3)
        assert [errand.request.name for errand in run] == same[:3]
        assert await two.errands.take("chongqing", most=3) == []


async def test_a_task_that_kills_whoever_takes_it_is_laid_aside(replicas: tuple[ExchangeNode, ExchangeNode]) -> None:
    """DU8: a task counts as failed from the moment it is taken, so even one that is never settled has an end."""
    one, two = replicas
    async with client(one, "platform.sichuan") as source:
        await source.submit()
        for _ in range(DEATHS):
            assert len(await one.errands.take("chongqing", most=1)) == 1
            one.clock.advance(LEASE_SECONDS + 1)
        assert await two.errands.take("chongqing", most=1) == []
        (letter,) = await DeadLetters(two.store).all()
    assert letter.tries == DEATHS + 1
