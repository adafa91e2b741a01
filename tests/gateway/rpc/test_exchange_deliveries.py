"""ReceiveRequests: leases, credit, acknowledgements, and what becomes of who does not keep to them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self

import pytest
from google.protobuf.duration_pb2 import Duration

from gateway.services.exchange_dead_letters import DeadLetters
from gateway.services.exchange_queue import MOST_FAILURES
from onecard.gateway.v1 import exchange_pb2
from onecard.gateway.v1 import exchange_service_pb2 as pb
from tests.fakes.exchange import client, exchange_node
from tests.gateway.rpc.told import refused, told_by
from trust.policy import AgreementBook

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.fakes.exchange import Client, ExchangeNode
    from tests.gateway.rpc.told import Told

BOTH = ("sichuan", "chongqing")
ACCEPTED = exchange_pb2.REQUEST_STATE_ACCEPTED
IN_PROGRESS = exchange_pb2.REQUEST_STATE_IN_PROGRESS


@pytest.fixture
async def hub(store_url: str) -> AsyncIterator[ExchangeNode]:
    """Run one gateway for both regions, once for each engine."""
    async with exchange_node(store_url, "hub", homes=BOTH) as node:
        yield node


class Stream:
    """One stream of a platform."""

    def __init__(self, who: Client, *, credit: int = 10, lease: int = 0) -> None:
        """Open it with credit."""
        self._call = who.stream("ReceiveRequests")
        self._open = pb.OpenInbox(credit=credit)
        if lease:
            self._open.lease.seconds = lease

    async def __aenter__(self) -> Self:
        """Say the first message."""
        await self.say(open=self._open)
        return self

    async def __aexit__(self, *_error: object) -> None:
        """End it."""
        self._call.cancel()

    async def say(self, **message: Any) -> None:  # noqa: ANN401 - one of five messages
        """Say something."""
        await self._call.write(pb.ReceiveRequestsRequest(**message))

    async def hear(self, seconds: float = 10) -> Any:  # noqa: ANN401 - one of three messages
        """Wait for the next message, and give what it says."""
        async with asyncio.timeout(seconds):
            message: Any = await self._call.read()
        return getattr(message, message.WhichOneof("message"))

    async def finish(self) -> None:
        """Say no more."""
        await self._call.done_writing()

    async def rest(self) -> list[Any]:
        """Hear all that comes until the end."""
        heard = []
        while message := await self._call.read():
            heard.append(getattr(message, message.WhichOneof("message")))
        return heard

    async def ended(self) -> Told:
        """Wait for an error at the end."""
        return await refused(self._call.read())


def taken(delivery: pb.Delivery, state: exchange_pb2.RequestState.ValueType = ACCEPTED) -> dict[str, Any]:
    """Say that a delivery was taken."""
    return {"acknowledge": pb.AcknowledgeDelivery(name=delivery.request.name, lease=delivery.lease, state=state)}


def laid_aside(node: ExchangeNode) -> list[tuple[str, ...]]:
    """Give the dead letters that the journal of a node has told of."""
    lines = [line for line in node.journal.lines if line["event"] == "exchange_dead_letter"]
    return [(line["direction"], line["region"], line["task"], line["reason"]) for line in lines]


async def test_requests_come_and_are_acknowledged(hub: ExchangeNode) -> None:
    """What waits comes with its content, oldest first; what is submitted later comes too; each is taken once."""
    async with client(hub, "platform.sichuan") as source, client(hub, "platform.chongqing") as target:
        names = [(await source.submit(f"key-{number}")).request.name for number in range(2)]
        async with Stream(target) as stream:
            deliveries = [await stream.hear(), await stream.hear()]
            names.append((await source.submit("key-2")).request.name)
            deliveries.append(await stream.hear())
            assert [one.request.name for one in deliveries] == names
            assert deliveries[0].request.content.subject.name == "测试甲"
            assert [(one.lease, one.attempt) for one in deliveries] == [(1, 1)] * 3
            for one, state in zip(deliveries, (ACCEPTED, IN_PROGRESS, ACCEPTED), strict=True):
                await stream.say(**taken(one, state))
                settled = await stream.hear()
                assert (settled.name, settled.state) == (one.request.name, state)
            await stream.say(**taken(deliveries[0]))
            again = await stream.hear()
            assert again.state == ACCEPTED
            await stream.finish()
            assert await stream.rest() == []
        async with Stream(target) as stream:
            await stream.finish()
            assert await stream.rest() == []


async def test_nobody_gets_more_than_he_has_credit_for(hub: ExchangeNode) -> None:
    """Each delivery uses one credit, and the next comes when more is given, not when one is acknowledged."""
    async with client(hub, "platform.sichuan") as source, client(hub, "platform.chongqing") as target:
        names = [(await source.submit(f"key-{number}")).request.name for number in range(4)]
        async with Stream(target, credit=1) as stream:
            first = await stream.hear()
            await stream.say(**taken(first))
            assert (await stream.hear()).name == names[0]
            with pytest.raises(TimeoutError):
                await stream.hear(0.3)
        async with Stream(target, credit=1) as stream:
            await stream.say(add_credit=pb.AddCredit(credit=1))
            assert [(await stream.hear()).request.name for _ in range(2)] == names[1:3]


async def test_two_streams_share_what_waits(hub: ExchangeNode) -> None:
    """What one stream has under lease no other gets."""
    async with client(hub, "platform.sichuan") as source, client(hub, "platform.chongqing") as target:
        names = {(await source.submit(f"key-{number}")).request.name for number in range(6)}
        async with Stream(target, credit=3) as one, Stream(target, credit=3) as two:
            got = [(await stream.hear()).request.name for stream in (one, two) for _ in range(3)]
        assert set(got) == names
        assert len(got) == len(names)


async def test_a_platform_that_ends_its_stream_has_not_failed(hub: ExchangeNode) -> None:
    """It may say that it has said all, or just leave: the stream ends as well as it began."""
    async with client(hub, "platform.chongqing") as target:
        async with Stream(target) as said_all:
            await said_all.finish()
            assert await said_all.rest() == []
        async with Stream(target) as left:
            with pytest.raises(TimeoutError):
                await left.hear(0.2)
        while len(hub.journal.lines) < 2:
            await asyncio.sleep(0.001)
    assert {(line["code"], line["who_failed"]) for line in hub.journal.lines} == {("OK", "")}


async def test_what_is_not_acknowledged_comes_again(hub: ExchangeNode) -> None:
    """When a lease has ended the request comes again under another, and what is said under the old one is refused."""
    async with client(hub, "platform.sichuan") as source, client(hub, "platform.chongqing") as target:
        name = (await source.submit()).request.name
        async with Stream(target, lease=5) as stream:
            first = await stream.hear()
            assert first.lease_expire_time.seconds == int(hub.clock()) + 5
            hub.clock.advance(6)
            second = await stream.hear()
            assert (second.request.name, second.lease, second.attempt) == (name, 2, 2)
            for said in (
                taken(first),
                {"extend": pb.ExtendLease(name=name, lease=1)},
                {"give_back": pb.ReturnDelivery(name=name, lease=1)},
            ):
                await stream.say(**said)
                lost = await stream.hear()
                assert (lost.name, lost.lease) == (name, 1)
                assert told_by(lost.error).reason == "LEASE_LOST"
            await stream.say(**taken(second))
            assert (await stream.hear()).state == ACCEPTED


async def test_a_lease_is_extended(hub: ExchangeNode) -> None:
    """Who needs longer says so in time."""
    async with client(hub, "platform.sichuan") as source, client(hub, "platform.chongqing") as target:
        await source.submit()
        async with Stream(target, lease=5) as stream:
            first = await stream.hear()
            for _ in range(3):
                hub.clock.advance(4)
                await stream.say(extend=pb.ExtendLease(name=first.request.name, lease=first.lease))
                extended = await stream.hear()
                assert extended.lease_expire_time.seconds == int(hub.clock()) + 5
            await stream.say(**taken(first))
            assert (await stream.hear()).state == ACCEPTED


@pytest.mark.parametrize("caller", ["platform.chongqing", "agency.sichuan"])
async def test_what_is_not_there_is_not_found_whatever_is_said_of_it(hub: ExchangeNode, caller: str) -> None:
    """Only what is the caller's has a lease to lose; a stranger's request is told of like one that is not there."""
    async with client(hub, "platform.sichuan") as source, client(hub, caller) as target:
        name = (await source.submit()).request.name
        name = name if caller == "agency.sichuan" else f"regions/sichuan/requests/{'0' * 32}"
        heard = []
        async with Stream(target, credit=1) as stream:
            if caller == "platform.chongqing":
                await stream.hear()
            for said in (
                {"acknowledge": pb.AcknowledgeDelivery(name=name, lease=1, state=ACCEPTED)},
                {"extend": pb.ExtendLease(name=name, lease=1)},
                {"give_back": pb.ReturnDelivery(name=name, lease=1)},
            ):
                await stream.say(**said)
                heard.append(told_by((await stream.hear()).error))
    assert [(one.code, one.reason) for one in heard] == [("NOT_FOUND", "REQUEST_NOT_FOUND")] * 3


async def test_what_is_given_back_comes_again_until_it_is_laid_aside(hub: ExchangeNode) -> None:
    """DU8: a request that its platform cannot take comes again some times; then the operator has it, others go on."""
    async with client(hub, "platform.sichuan") as source, client(hub, "platform.chongqing") as target:
        bad = (await source.submit("bad", ordering_key="x")).request.name
        good = (await source.submit("good", ordering_key="x")).request.name
        async with Stream(target, credit=100) as stream:
            for number in range(MOST_FAILURES):
                delivery = await stream.hear()
                assert (delivery.request.name, delivery.attempt) == (bad, number + 1)
                await stream.say(give_back=pb.ReturnDelivery(name=bad, lease=delivery.lease))
                assert (await stream.hear()).name == bad
            assert (await stream.hear()).request.name == good
            letters = DeadLetters(hub.store)
            (letter,) = await letters.all()
            assert (letter.request, letter.lane, letter.task) == (bad, "in:chongqing", "received")
            given_back = [one for one in hub.decisions if one.reason == "LEASE_LOST"]
            assert len(given_back) == MOST_FAILURES
            assert laid_aside(hub) == [("in", "chongqing", "received", "LEASE_LOST")]
            assert await letters.requeue([letter.place]) == [letter]
            assert (await stream.hear()).request.name == bad


async def test_a_request_that_nobody_ever_answers_for_is_laid_aside(hub: ExchangeNode) -> None:
    """DU8: a platform that breaks down whenever it gets a request does not get it for ever."""
    async with client(hub, "platform.sichuan") as source, client(hub, "platform.chongqing") as target:
        await source.submit()
        async with Stream(target, credit=100, lease=5) as stream:
            for _ in range(MOST_FAILURES):
                await stream.hear()
                hub.clock.advance(6)
            with pytest.raises(TimeoutError):
                await stream.hear(1.5)
        (letter,) = await DeadLetters(hub.store).all()
    assert letter.reason == "LEASE_LOST"
    assert laid_aside(hub) == [("in", "chongqing", "received", "LEASE_LOST")]


async def test_what_is_given_back_waits_as_long_as_said(hub: ExchangeNode) -> None:
    """A delay keeps a request back."""
    async with client(hub, "platform.sichuan") as source, client(hub, "platform.chongqing") as target:
        name = (await source.submit()).request.name
        async with Stream(target) as stream:
            first = await stream.hear()
            back = pb.ReturnDelivery(name=name, lease=first.lease)
            back.delay.seconds = 100
            await stream.say(give_back=back)
            assert (await stream.hear()).name == name
            with pytest.raises(TimeoutError):
                await stream.hear(1.2)
        hub.clock.advance(101)
        async with Stream(target) as stream:
            assert (await stream.hear()).request.name == name


async def test_an_agreement_that_ended_lets_nothing_through(hub: ExchangeNode) -> None:
    """AZ7: what waits for its platform when the agreement is withdrawn has FAILED, and its content is erased."""
    async with client(hub, "platform.sichuan") as source, client(hub, "platform.chongqing") as target:
        name = (await source.submit()).request.name
        hub.agreements.append(AgreementBook(()))
        async with Stream(target) as stream:
            with pytest.raises(TimeoutError):
                await stream.hear(1.0)
        found = await source.get(name)
        told = await refused(target.complete(name))
    assert found.state == exchange_pb2.REQUEST_STATE_FAILED
    assert found.history[-1].reason == "NO_AGREEMENT"
    assert not found.HasField("content")
    assert told.reason == "NO_AGREEMENT"


@pytest.mark.parametrize(
    ("first", "field"),
    [
        ({"add_credit": pb.AddCredit(credit=1)}, "open"),
        ({"open": pb.OpenInbox(credit=0)}, "open.credit"),
        ({"open": pb.OpenInbox(credit=1001)}, "open.credit"),
        ({"open": pb.OpenInbox(credit=1, lease=Duration(seconds=1))}, "open.lease"),
    ],
)
async def test_a_stream_is_opened_first(tmp_path: Path, first: dict[str, Any], field: str) -> None:
    """The first message opens the stream, with credit and a lease within their bounds."""
    async with (
        exchange_node(f"sqlite:///{tmp_path}/s", "hub", homes=BOTH) as hub,
        client(hub, "platform.chongqing") as target,
    ):
        call = target.stream("ReceiveRequests")
        await call.write(pb.ReceiveRequestsRequest(**first))
        told = await refused(call.read())
    assert (told.reason, told.violations[0][0]) == ("INVALID_FIELD", field)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"open": pb.OpenInbox(credit=1)}, "message"),
        ({}, "message"),
        ({"add_credit": pb.AddCredit(credit=0)}, "add_credit.credit"),
    ],
)
async def test_a_message_out_of_place_ends_the_stream(tmp_path: Path, said: dict[str, Any], field: str) -> None:
    """What is no message of an open stream ends it, and names what was wrong."""
    async with (
        exchange_node(f"sqlite:///{tmp_path}/s", "hub", homes=BOTH) as hub,
        client(hub, "platform.chongqing") as target,
        Stream(target) as stream,
    ):
        await stream.say(**said)
        told = await stream.ended()
    assert (told.reason, told.violations[0][0]) == ("INVALID_FIELD", field)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"acknowledge": pb.AcknowledgeDelivery(name="x", lease=1, state=ACCEPTED)}, "INVALID_FIELD"),
        ({"acknowledge": pb.AcknowledgeDelivery(state=exchange_pb2.REQUEST_STATE_COMPLETED)}, "INVALID_FIELD"),
        ({"give_back": pb.ReturnDelivery(delay=Duration(seconds=4000))}, "INVALID_FIELD"),
    ],
)
async def test_what_is_wrong_with_one_delivery_does_not_end_the_stream(
    tmp_path: Path, said: dict[str, Any], reason: str
) -> None:
    """A wrong word about one delivery is answered, and the stream goes on."""
    async with (
        exchange_node(f"sqlite:///{tmp_path}/s", "hub", homes=BOTH) as hub,
        client(hub, "platform.sichuan") as source,
        client(hub, "platform.chongqing") as target,
    ):
        name = (await source.submit()).request.name
        async with Stream(target) as stream:
            delivery = await stream.hear()
            (inner,) = said.values()
            inner.name = inner.name or name
            await stream.say(**said)
            assert told_by((await stream.hear()).error).reason == reason
            await stream.say(**taken(delivery))
            assert (await stream.hear()).state == ACCEPTED


async def test_gateways_do_not_receive(tmp_path: Path) -> None:
    """Requests are received by platforms of the region; a gateway that asks is refused."""
    async with (
        exchange_node(f"sqlite:///{tmp_path}/s", "chongqing") as node,
        client(node, "gateway.sichuan") as gateway,
        Stream(gateway) as stream,
    ):
        assert (await stream.ended()).reason == "CALLER_REGION"
