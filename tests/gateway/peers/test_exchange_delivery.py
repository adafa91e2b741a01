"""Handing over between two gateways: at least once in sending, once in effect, in order, and never stuck for good."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from gateway.errors import (
    DeadlineError,
    PeerProtocolError,
    PeerRefusedError,
    PeerUnavailableError,
)
from gateway.services.exchange_dead_letters import DeadLetters
from gateway.services.exchange_errands import TRIES
from gateway.services.exchange_states import Event
from gateway.store.tables_exchange import QUEUE
from onecard.gateway.v1 import exchange_pb2
from onecard.gateway.v1 import exchange_service_pb2 as pb
from tests.fakes.exchange import client, delivering, in_state, pair, until
from tests.fakes.exchange_contents import content, reply
from tests.gateway.rpc.told import refused
from trust.policy import AgreementBook

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from gateway.services.exchange_errands import Errand
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


@pytest.mark.parametrize("fault", [PeerUnavailableError(region="chongqing"), DeadlineError()])
async def test_a_lost_reply_makes_no_second_request(parties: Parties, fault: Exception) -> None:
    """PF2: the request arrives and the reply is lost; sent once more under the same key it has one effect."""
    name = (await parties.source.submit()).request.name
    lossy = Lossy(parties.sichuan.send("chongqing"), [fault, fault])
    outbox = asyncio.create_task(parties.sichuan.outbox("chongqing", send=lossy).run())

    async def forward() -> object:
        parties.sichuan.clock.advance(1)
        return await in_state(parties.source, name, "DELIVERED")()

    await until(forward)
    outbox.cancel()
    assert lossy.sent == [(name, Event.SUBMITTED)] * 3
    assert [one.name for one in await received(parties.target)] == [name]
    assert await queued(parties.sichuan) == []
    assert {line["event"] for line in parties.sichuan.journal.lines} >= {"exchange_peer_lost", "exchange_peer_found"}


async def test_a_reply_that_is_told_twice_is_heard_once(parties: Parties) -> None:
    """The reply and each state travel back at least once, and count once; both receipts are the same."""
    name = (await parties.source.submit()).request.name
    lossy = Lossy(parties.chongqing.send("sichuan"), [PeerUnavailableError(region="sichuan")] * 3)
    async with delivering((parties.sichuan, "chongqing")):
        await until(in_state(parties.target, name, "DELIVERED"))
        await parties.target.complete(name)
        back = asyncio.create_task(parties.chongqing.outbox("sichuan", send=lossy).run())

        async def both() -> object:
            parties.chongqing.clock.advance(1)
            there = await parties.target.get(name)
            return there if there.receipt_ready else None

        await until(both)
        back.cancel()
    assert lossy.sent == [(name, Event.COMPLETED)] * 4
    found = await parties.source.get(name)
    assert [one.kind for one in found.history].count(exchange_pb2.REQUEST_EVENT_KIND_COMPLETED) == 1
    documents = [
        json.loads((await who.call("GetReceipt", pb.GetReceiptRequest(name=name))).document)
        for who in (parties.source, parties.target)
    ]
    assert documents[0]["receipt"] == documents[1]["receipt"]
    assert len(documents[0]["receipt"]["signatures"]) == 2


async def test_the_order_of_a_key_is_kept(parties: Parties) -> None:
    """PF1: requests of one key arrive in the order of submission, others side by side with them."""
    keys = ["a", "a", "b", "a", "", "b", "a"] * 3
    names = [
        (await parties.source.submit(f"key-{number}", ordering_key=key or None)).request.name
        for number, key in enumerate(keys)
    ]
    lossy = Lossy(parties.sichuan.send("chongqing"), [None, DeadlineError(), None, DeadlineError()])
    outbox = asyncio.create_task(parties.sichuan.outbox("chongqing", send=lossy).run())

    async def all_there() -> bool:
        parties.sichuan.clock.advance(1)
        return len(await received(parties.target)) == len(names)

    await until(all_there)
    outbox.cancel()
    for key in ("a", "b"):
        own = [name for name, one in zip(names, keys, strict=True) if one == key]
        first = list(dict.fromkeys(name for name, _ in lossy.sent if name in own))
        assert first == own


async def test_a_poisoned_request_is_laid_aside_and_put_back_by_hand(parties: Parties) -> None:
    """DU8: what the other gateway cannot take is laid aside after some tries, and what is behind it goes on."""
    bad = (await parties.source.submit("bad", ordering_key="x")).request.name
    good = (await parties.source.submit("good", ordering_key="x")).request.name
    send = parties.sichuan.send("chongqing")
    poison = [True]

    async def poisoned(errand: Errand) -> str:
        if errand.request.name == bad and poison:
            raise PeerProtocolError(region="chongqing", rule="UNFORESEEN")
        return await send(errand)

    outbox = asyncio.create_task(parties.sichuan.outbox("chongqing", send=poisoned).run())
    letters = DeadLetters(parties.sichuan.store)

    async def delivered() -> object:
        parties.sichuan.clock.advance(400)
        return await in_state(parties.source, good, "DELIVERED")()

    await until(delivered)
    (letter,) = await letters.all()
    assert (letter.request, letter.lane, letter.task) == (bad, "out:chongqing", "submitted")
    assert (letter.reason, letter.state) == ("PEER_PROTOCOL", "submitted")
    tries = [one for one in parties.sichuan.decisions if one.method == "exchange/tell/submitted" and one.reason != "OK"]
    assert len(tries) == TRIES
    poison.clear()
    assert await letters.requeue([letter.place, 10_000]) == [letter]
    await until(in_state(parties.source, bad, "DELIVERED"))
    outbox.cancel()
    assert await letters.all() == []


@pytest.mark.parametrize(
    ("code", "reason", "tries"),
    [("INVALID_ARGUMENT", "INVALID_FIELD", 1), ("FAILED_PRECONDITION", "TRUST_EXPIRED", TRIES)],
)
async def test_a_refusal_for_good_is_laid_aside_at_once(parties: Parties, code: str, reason: str, tries: int) -> None:
    """What would be refused again is not tried again; what may be taken another time is."""
    await parties.source.submit()
    sent: list[str] = []

    async def refusing(errand: Errand) -> str:
        sent.append(errand.request.name)
        raise PeerRefusedError(code=code, reason=reason, violations=())

    outbox = asyncio.create_task(parties.sichuan.outbox("chongqing", send=refusing).run())

    async def dead() -> object:
        parties.sichuan.clock.advance(400)
        return await DeadLetters(parties.sichuan.store).all()

    (letter,) = await until(dead)
    outbox.cancel()
    assert (len(sent), letter.reason) == (tries, reason)


@pytest.mark.parametrize(
    "error",
    [
        PeerRefusedError(code="UNAVAILABLE", reason="STORE_UNAVAILABLE", violations=()),
        PeerRefusedError(code="RESOURCE_EXHAUSTED", reason="QUEUE_FULL", violations=()),
        PeerProtocolError(region="chongqing", rule="not_believed"),
    ],
)
async def test_a_gateway_in_trouble_is_waited_for(parties: Parties, error: Exception) -> None:
    """However long the other gateway is away, full or not believed, nothing is laid aside for that."""
    name = (await parties.source.submit()).request.name
    lossy = Lossy(parties.sichuan.send("chongqing"), [error] * (TRIES + 3), before=True)
    outbox = asyncio.create_task(parties.sichuan.outbox("chongqing", send=lossy).run())
    tried: list[int] = []

    async def there() -> object:
        tried.append(len(lossy.faults))
        parties.sichuan.clock.advance(400)
        return await in_state(parties.source, name, "DELIVERED")()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gateway.services.exchange_outbox.pause_seconds", lambda _failures: 0.0)
        await until(there)
    outbox.cancel()
    assert await DeadLetters(parties.sichuan.store).all() == []
    assert await queued(parties.sichuan) == []


async def test_an_agreement_that_ended_lets_nothing_out(parties: Parties) -> None:
    """AZ7: what waits when the agreement is withdrawn is not delivered; it has FAILED, and its content is erased."""
    name = (await parties.source.submit()).request.name
    parties.sichuan.agreements.append(AgreementBook(()))
    async with delivering((parties.sichuan, "chongqing")):
        found = await until(in_state(parties.source, name, "FAILED"))
    assert found.history[-1].reason == "NO_AGREEMENT"
    assert not found.HasField("content")
    assert await received(parties.target) == []
    assert await queued(parties.sichuan) == []
    assert [(one.method, one.reason) for one in parties.sichuan.decisions][-1] == ("exchange/fail", "NO_AGREEMENT")


async def test_an_agreement_that_ended_on_the_other_side_fails_the_request(parties: Parties) -> None:
    """AZ7: the other gateway does not take what its agreement does not allow; the request has FAILED here."""
    name = (await parties.source.submit()).request.name
    parties.chongqing.agreements.append(AgreementBook(()))
    async with delivering((parties.sichuan, "chongqing")):
        found = await until(in_state(parties.source, name, "FAILED"))
    assert found.history[-1].reason == "NO_AGREEMENT"
    assert await received(parties.target) == []


async def test_a_reply_stays_where_the_agreement_ended(parties: Parties) -> None:
    """AZ7: a reply that waits when the agreement is withdrawn does not leave; the operator sees why."""
    name = (await parties.source.submit()).request.name
    async with delivering((parties.sichuan, "chongqing")):
        await until(in_state(parties.target, name, "DELIVERED"))
    await parties.target.complete(name)
    parties.chongqing.agreements.append(AgreementBook(()))
    async with delivering((parties.chongqing, "sichuan")):
        letters = DeadLetters(parties.chongqing.store)
        (letter,) = await until(letters.all)
    assert (letter.task, letter.reason) == ("completed", "NO_AGREEMENT")


async def test_a_request_is_withdrawn_at_the_other_gateway(parties: Parties) -> None:
    """Once it may have arrived, the other gateway decides: it was in time, or too late."""
    early = (await parties.source.submit("early")).request.name
    late = (await parties.source.submit("late")).request.name
    never = (await parties.source.submit("never")).request.name
    cancelled = await parties.source.call("CancelRequest", pb.CancelRequestRequest(name=never))
    assert cancelled.request.state == exchange_pb2.REQUEST_STATE_CANCELLED
    async with delivering((parties.sichuan, "chongqing")):
        for name in (early, late):
            await until(in_state(parties.source, name, "DELIVERED"))
    accept = pb.AdvanceRequestRequest(name=late, state=exchange_pb2.REQUEST_STATE_ACCEPTED)
    await parties.target.call("AdvanceRequest", accept)
    for name in (early, late):
        asked = await parties.source.call("CancelRequest", pb.CancelRequestRequest(name=name))
        assert asked.request.state == exchange_pb2.REQUEST_STATE_DELIVERED
    async with delivering((parties.sichuan, "chongqing"), (parties.chongqing, "sichuan")):
        await until(in_state(parties.source, early, "CANCELLED"))
        found = await until(in_state(parties.source, late, "ACCEPTED"))

        async def told() -> object:
            kinds = [one.kind for one in (await parties.source.get(late)).history]
            return exchange_pb2.REQUEST_EVENT_KIND_CANCEL_REFUSED in kinds

        await until(told)
    assert found.name == late
    assert [one.name for one in await received(parties.target)] == [early, late]


async def test_an_objection_travels_both_ways(parties: Parties) -> None:
    """An objection at one gateway is seen at the other, and its end comes back with the corrected reply."""
    name = (await parties.source.submit()).request.name
    async with delivering((parties.sichuan, "chongqing"), (parties.chongqing, "sichuan")):
        await until(in_state(parties.target, name, "DELIVERED"))
        await parties.target.complete(name)
        await until(in_state(parties.source, name, "COMPLETED"))
        opening = pb.DisputeOpening(ground=exchange_pb2.DISPUTE_GROUND_WRONG_FACTS, text="年月有误")
        await parties.source.call("DisputeRequest", pb.DisputeRequestRequest(name=name, opening=opening))

        async def disputed() -> object:
            return (await parties.target.get(name)).disputed

        await until(disputed)
        settlement = pb.DisputeSettlement(outcome=exchange_pb2.DISPUTE_OUTCOME_UPHELD, answer="已更正")
        await parties.target.call("DisputeRequest", pb.DisputeRequestRequest(name=name, settlement=settlement))
        await until(in_state(parties.source, name, "IN_PROGRESS"))
        await parties.target.complete(name, reply("C-2"))
        found = await until(in_state(parties.source, name, "COMPLETED"))
    assert found.reply == reply("C-2")
    assert found.disputes[0].answer == "已更正"


async def test_a_request_given_up_for_an_objection_is_cancelled_on_both_sides(parties: Parties) -> None:
    """The target objects, the source upholds it at its own gateway, and both show that the request is given up."""
    name = (await parties.source.submit()).request.name
    async with delivering((parties.sichuan, "chongqing"), (parties.chongqing, "sichuan")):
        await until(in_state(parties.target, name, "DELIVERED"))
        opening = pb.DisputeOpening(ground=exchange_pb2.DISPUTE_GROUND_WRONG_PERSON, text="并非本人")
        await parties.target.call("DisputeRequest", pb.DisputeRequestRequest(name=name, opening=opening))

        async def disputed() -> object:
            return (await parties.source.get(name)).disputed

        await until(disputed)
        settlement = pb.DisputeSettlement(outcome=exchange_pb2.DISPUTE_OUTCOME_UPHELD)
        await parties.source.call("DisputeRequest", pb.DisputeRequestRequest(name=name, settlement=settlement))
        await until(in_state(parties.target, name, "CANCELLED"))
        await until(in_state(parties.source, name, "CANCELLED"))


async def test_a_peer_hands_over_its_own_requests_only(parties: Parties) -> None:
    """A gateway submits in the name of its own region, for a region that the other serves, and says what it must."""
    async with (
        client(parties.chongqing, "gateway.sichuan") as gateway,
        client(parties.chongqing, "gateway.guizhou") as third,
    ):
        handover = pb.Handover(name="regions/sichuan/requests/" + "a" * 32, salt="A" * 22)
        now = int(parties.sichuan.clock())
        handover.submit_time.seconds, handover.deadline.seconds = now, now + 1000
        good = pb.SubmitRequestRequest(idempotency_key="k", content=content(), handover=handover)
        answer = await gateway.call("SubmitRequest", good)
        assert answer.request.state == exchange_pb2.REQUEST_STATE_DELIVERED
        cases: list[tuple[Client, pb.SubmitRequestRequest, str]] = [
            (third, good, "CALLER_REGION"),
            (gateway, pb.SubmitRequestRequest(idempotency_key="m", content=content()), "INVALID_FIELD"),
        ]
        late = pb.SubmitRequestRequest()
        late.CopyFrom(good)
        late.idempotency_key, late.handover.name = "n", "regions/sichuan/requests/" + "b" * 32
        late.handover.deadline.seconds = now + 1
        parties.sichuan.clock.advance(2)
        cases.append((gateway, late, "REQUEST_STATE"))
        foreign = pb.SubmitRequestRequest()
        foreign.CopyFrom(good)
        foreign.handover.name = "regions/guizhou/requests/" + "c" * 32
        cases.append((gateway, foreign, "CALLER_REGION"))
        beyond = pb.SubmitRequestRequest()
        beyond.CopyFrom(good)
        beyond.content.target_region = "guizhou"
        cases.append((gateway, beyond, "NOT_TRANSITIVE"))
        for who, request, reason in cases:
            assert await refused_with(who, request) == reason


async def refused_with(who: Client, request: pb.SubmitRequestRequest) -> str:
    """Give the reason with which a submission is refused."""
    return (await refused(who.call("SubmitRequest", request))).reason
