"""Requests between two gateways and time: deadlines that pass, and replies that come over them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from gateway.services.exchange_upkeep import GRACE_SECONDS
from gateway.store.tables_exchange import QUEUE
from onecard.gateway.v1 import exchange_pb2
from onecard.gateway.v1 import exchange_service_pb2 as pb
from tests.fakes.exchange import client, delivering, in_state, pair, until
from tests.fakes.exchange_contents import reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from gateway.services.exchange_errands import Errand
    from gateway.services.exchange_states import Event
    from tests.fakes.exchange import Client, ExchangeNode


@dataclass(slots=True)
class Parties:
    """Both gateways, and the platforms at them."""

    sichuan: ExchangeNode
    chongqing: ExchangeNode
    source: Client
    target: Client


@pytest.fixture
async def parties(tmp_path: Path) -> AsyncIterator[Parties]:
    """Run two gateways on files; nothing is delivered unless a test lets it."""
    async with (
        pair(f"sqlite:///{tmp_path}/source/s", f"sqlite:///{tmp_path}/target/s") as (sichuan, chongqing),
        client(sichuan, "platform.sichuan") as source,
        client(chongqing, "platform.chongqing") as target,
    ):
        yield Parties(sichuan, chongqing, source, target)


@dataclass(slots=True)
class Lossy:
    """Sends, and then does what a network may do; `faults` come one after the other, then nothing goes wrong."""

    send: Callable[[Errand], Any]
    faults: list[Exception | None] = field(default_factory=list)
    before: bool = False
    sent: list[tuple[str, Event]] = field(default_factory=list)

    async def __call__(self, errand: Errand) -> str:
        """Tell the gateway, or fail before or after that."""
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None and self.before:
            raise fault
        self.sent.append((errand.request.name, errand.entry.event))
        answer: str = await self.send(errand)
        if fault is not None:
            raise fault
        return answer


async def received(who: Client) -> list[exchange_pb2.Request]:
    """List what has come to the caller's region."""
    listed = await who.call("ListRequests", pb.ListRequestsRequest(direction=pb.REQUEST_DIRECTION_RECEIVED))
    return list(listed.requests)


async def queued(node: ExchangeNode) -> list[Any]:
    """Read the queue of a gateway."""
    async with node.store.reading() as connection:
        return list((await connection.execute(select(QUEUE).order_by(QUEUE.c.place))).all())


async def test_a_deadline_passes_where_nothing_is_heard(parties: Parties) -> None:
    """A request that could not be handed over expires some minutes behind its deadline; one that was there at once."""
    away = (await parties.source.submit("away")).request.name
    there = (await parties.source.submit("there")).request.name
    sent = parties.sichuan.send("chongqing")
    async with asyncio.timeout(20):
        for errand in await parties.sichuan.errands.take("chongqing", most=2):
            if errand.request.name == there:
                await sent(errand)
                await parties.sichuan.errands.settle(errand)
    parties.sichuan.clock.advance(30 * 86_400 + 1)
    assert (await parties.chongqing.upkeep.once()).expired == 1
    assert (await parties.sichuan.upkeep.once()).expired == 0
    async with delivering((parties.chongqing, "sichuan")):
        found = await until(in_state(parties.source, there, "EXPIRED"))
    assert found.history[-1].reason == "REQUEST_EXPIRED"
    parties.sichuan.clock.advance(GRACE_SECONDS)
    assert (await parties.sichuan.upkeep.once()).expired == 1
    assert (await parties.source.get(away)).state == exchange_pb2.REQUEST_STATE_EXPIRED
    assert await queued(parties.sichuan) == []


async def test_a_reply_that_was_given_in_time_comes_over_an_expiry(parties: Parties) -> None:
    """The source's gateway thought it expired while it heard nothing; what the target did in time stands."""
    name = (await parties.source.submit()).request.name
    async with delivering((parties.sichuan, "chongqing")):
        await until(in_state(parties.source, name, "DELIVERED"))
    await parties.target.complete(name)
    parties.sichuan.clock.advance(30 * 86_400 + GRACE_SECONDS + 1)
    assert (await parties.sichuan.upkeep.once()).expired == 1
    async with delivering((parties.chongqing, "sichuan")):
        found = await until(in_state(parties.source, name, "COMPLETED"))
    assert found.reply == reply()
