"""The brake: whoever brings one false proof after another waits; who is proven does not, and each hears its reason."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rpc.brake import Allowance, Brake, BrakeRule, address_of
from gateway.rpc.recording import Allowance as Recorded
from onecard.gateway.v1.catalog_service_pb2 import ListCatalogsRequest
from onecard.gateway.v1.catalog_service_pb2_grpc import CatalogServiceStub
from tests.fakes.callers import PLATFORM, bearer
from tests.fakes.clock import FakeClock
from tests.fakes.node import FakeNode, channel_to
from tests.gateway.rpc.told import refused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

HERE, THERE = "ipv4:192.0.2.1:50000", "ipv4:192.0.2.2:50000"
RULE = BrakeRule(
    each=Allowance(10, 3),
    together=Allowance(100, 8),
    per_second_beyond=2,
    round_seconds=0.25,
    places=4,
    addresses=16,
)


class Slept(list[float]):
    """How long each sleep was to be; nothing sleeps in truth."""

    async def __call__(self, seconds: float) -> None:
        """Note it, and go on."""
        self.append(seconds)


class Held:
    """A brake with few places, a clock that stands still and sleeps on paper."""

    def __init__(self) -> None:
        """Begin with nobody known."""
        self.clock, self.slept = FakeClock(), Slept()
        self.brake = Brake(RULE, clock=self.clock, sleep=self.slept)

    async def times(self, count: int, peer: str = HERE, left: float | None = None) -> list[float]:
        """Refuse so often in a row; give how long each but those at once was to wait."""
        self.slept.clear()
        for _ in range(count):
            await self.brake.hold(peer, left)
        return [*self.slept]


async def test_some_refusals_in_a_row_are_given_at_once() -> None:
    """An honest caller whose token has run out hears so without delay, a few times."""
    held = Held()
    assert await held.times(3) == []
    assert await held.times(1) == [0.5]


async def test_an_allowance_comes_back_with_time() -> None:
    """Whoever pauses has the whole allowance again, however much it was beyond, and never more than that."""
    held = Held()
    await held.times(100)
    held.clock.advance(0.125)
    assert await held.times(1) == []
    held.clock.advance(59.875)
    assert await held.times(3) == []
    assert await held.times(1) == [0.5]


async def test_one_address_does_not_use_up_what_another_has() -> None:
    """Addresses are counted apart, and what is beyond an address's own is not taken from what all have together."""
    held = Held()
    await held.times(1000)
    assert await held.times(3, THERE) == []
    held.clock.advance(2)
    await held.times(1000)
    assert await held.times(3, THERE) == []
    held.clock.advance(2)
    assert await held.times(4, THERE) == [0.5]


async def test_many_addresses_do_not_add_up() -> None:
    """All together have no more at once than their own allowance, each of them may have some of it."""
    held = Held()
    waits = [await held.times(1, f"ipv4:192.0.2.{number}:1") for number in range(12)]
    assert waits == [[]] * 8 + [[0.5], [1.0], [1.5], [2.0]]


@given(numbers=st.lists(st.integers(0, 60), max_size=200))
def test_the_memory_of_addresses_is_bounded(numbers: list[int]) -> None:
    """Whatever addresses come, those that were refused last are known, and no more than there is room for."""

    async def play() -> None:
        held = Held()
        for number in numbers:
            await held.times(1, f"ipv4:192.0.2.{number}:1")
            assert len(held.brake._used_until) <= RULE.addresses
        last = list(dict.fromkeys(f"ipv4:192.0.2.{number}" for number in reversed(numbers)))[: RULE.addresses - 2]
        assert {*last} <= {*held.brake._used_until}

    asyncio.run(play())


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:192.0.2.1:50000", "ipv4:192.0.2.1"),
        ("ipv6:%5B2001:db8::1%5D:50000", "ipv6:20010db800000000"),
        ("ipv6:[2001:db8::ffff]:50001", "ipv6:20010db800000000"),
        ("ipv6:%5Bfe80::1%25eth0%5D:50000", "ipv6:fe80000000000000"),
        ("ipv6:%5B::ffff:192.0.2.1%5D:50000", "ipv4:192.0.2.1"),
        ("ipv6:rubbish", "ipv6"),
        ("unix:", "unix"),
        ("unix:/run/onecard.sock", "unix"),
        ("unknown", "unknown"),
        ("", ""),
    ],
)
def test_an_address_has_no_port(peer: str, address: str) -> None:
    """All connections of a host are one address, and all addresses of a network of IPv6; an odd one is still one."""
    assert address_of(peer) == address


async def test_refusals_beyond_are_given_in_turn() -> None:
    """Each waits until the one before it was given, so many a second; with all places taken nobody else waits."""
    held = Held()
    await held.times(3)
    assert await held.times(6) == [0.5, 1.0, 1.5, 2.0]
    held.clock.advance(0.0625)
    assert await held.times(2) == []
    held.clock.advance(1)
    assert (await held.times(12))[-2:] == [1.4375, 1.9375]


async def test_turns_come_in_rounds() -> None:
    """Those whose turns are close together are given together, none before its turn."""
    held = Held()
    held.brake = Brake(replace(RULE, round_seconds=1.0, places=8), clock=held.clock, sleep=held.slept)
    held.clock.advance(0.25)
    await held.times(3)
    assert await held.times(5) == [0.75, 1.75, 1.75, 2.75, 2.75]


async def test_a_caller_in_a_hurry_hears_its_reason_in_time() -> None:
    """No more than half of the time to the caller's deadline is waited."""
    held = Held()
    await held.times(3)
    assert await held.times(1, left=0.1) == [0.05]
    assert await held.times(1, left=100.0) == [1.0]
    assert await held.times(1, left=0.0) == [0.0]


def braked(node: FakeNode, *, sleep: Callable[[float], Awaitable[None]]) -> FakeNode:
    """Give a node that lets two refusals of an address pass at once."""
    node.boundary._brake = Brake(BrakeRule(each=Allowance(0.001, 2)), sleep=sleep)
    return node


async def test_who_is_proven_does_not_wait_beside_who_is_not() -> None:
    """While refusals wait, good calls are answered over the same connection; then each refusal has its reason (RX8)."""
    go_on = asyncio.Event()

    async def wait(_seconds: float) -> None:
        await go_on.wait()

    node = braked(FakeNode(), sleep=wait)
    async with channel_to(node.server()) as channel:
        stub: Any = CatalogServiceStub(channel)

        async def false(number: int) -> str:
            head = (("authorization", f"Bearer {number}"),) if number % 2 else ()
            told = await refused(stub.ListCatalogs(ListCatalogsRequest(), metadata=head))
            assert told.code == "UNAUTHENTICATED"
            return told.reason

        assert [await false(0), await false(1)] == ["UNAUTHENTICATED", "MALFORMED_TOKEN"]
        waiting = [asyncio.create_task(false(number)) for number in range(6)]
        for _ in range(20):
            assert (await stub.ListCatalogs(ListCatalogsRequest(), metadata=bearer(PLATFORM, node.clock))).catalogs
        assert not any(one.done() for one in waiting)
        go_on.set()
        assert Counter(await asyncio.gather(*waiting)) == {"UNAUTHENTICATED": 3, "MALFORMED_TOKEN": 3}


async def test_each_refusal_has_a_line_before_it_waits() -> None:
    """What a caller gets later is written at once, so that nobody who hangs up goes unseen."""
    node = FakeNode()

    async def wait(_seconds: float) -> None:
        lines.append(len(node.journal.lines))

    lines: list[int] = []
    braked(node, sleep=wait)
    async with channel_to(node.server()) as channel:
        stub: Any = CatalogServiceStub(channel)
        for _ in range(5):
            await refused(stub.ListCatalogs(ListCatalogsRequest()))
    assert lines == [3, 4, 5]
    assert [line["reason"] for line in node.journal.lines] == ["UNAUTHENTICATED"] * 5


async def test_a_refusal_that_is_recorded_no_more_waits_all_the_same() -> None:
    """Whoever has used up what is recorded of strangers is told another reason, and passes no brake by that."""
    slept = Slept()
    node = braked(FakeNode(), sleep=slept)
    node.boundary._recorder._allowance = Recorded(0.0)
    async with channel_to(node.server()) as channel:
        stub: Any = CatalogServiceStub(channel)
        told = [(await refused(stub.ListCatalogs(ListCatalogsRequest()))).reason for _ in range(5)]
    assert told == ["LIMIT"] * 5
    assert len(slept) == 3


async def test_a_proven_caller_that_is_refused_is_not_braked() -> None:
    """What a token does not allow is refused at once, however often."""
    slept = Slept()
    node = braked(FakeNode(), sleep=slept)
    async with channel_to(node.server()) as channel:
        stub: Any = CatalogServiceStub(channel)
        for _ in range(5):
            told = await refused(
                stub.ListCatalogs(ListCatalogsRequest(), metadata=bearer(PLATFORM, node.clock, "card.verify"))
            )
            assert told.reason == "SCOPE"
    assert slept == []
