"""ExchangeService over real gRPC: one gateway that serves both regions, and two that serve one each."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from gateway.services.evidence import Outcome
from gateway.services.exchange_read import LOOK_SECONDS
from onecard.gateway.v1 import exchange_pb2
from onecard.gateway.v1 import exchange_service_pb2 as pb
from tests.fakes.exchange import Client, client, delivering, exchange_node, in_state, pair, until
from tests.fakes.exchange_contents import content, reply
from tests.gateway.rpc.told import refused as told_of

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from pathlib import Path

BOTH = ("sichuan", "chongqing")


async def refused(call: Awaitable[Any]) -> tuple[str, str]:
    """Give code and reason of a call that must be refused."""
    told = await told_of(call)
    return told.code, told.reason


def states(request: exchange_pb2.Request) -> list[str]:
    """Give what has happened to a request."""
    return [exchange_pb2.RequestEventKind.Name(one.kind).removeprefix("REQUEST_EVENT_KIND_") for one in request.history]


async def test_a_request_goes_to_the_other_region_and_comes_back_answered(tmp_path: Path) -> None:
    """Submitted in one gateway, delivered, taken and completed in the other: both show it, with one receipt."""
    urls = (f"sqlite:///{tmp_path}/source/s", f"sqlite:///{tmp_path}/target/s")
    async with (
        pair(*urls) as (sichuan, chongqing),
        client(sichuan, "platform.sichuan") as source,
        client(chongqing, "platform.chongqing") as target,
        delivering((sichuan, "chongqing"), (chongqing, "sichuan")),
    ):
        submitted = await source.submit()
        name = submitted.request.name
        assert not submitted.replayed
        await until(in_state(target, name, "DELIVERED"))
        found = await until(in_state(source, name, "DELIVERED"))
        assert found.next_actor == exchange_pb2.REQUEST_ACTOR_TARGET_PLATFORM
        advance = pb.AdvanceRequestRequest(name=name, state=exchange_pb2.REQUEST_STATE_ACCEPTED)
        await target.call("AdvanceRequest", advance)
        await until(in_state(source, name, "ACCEPTED"))
        done = await target.complete(name)
        assert not done.replayed
        answered = await until(in_state(source, name, "COMPLETED"))
        assert answered.reply == reply()
        assert answered.content == content()
        assert states(answered) == ["SUBMITTED", "DELIVERED", "ACCEPTED", "COMPLETED"]
        assert [one.region for one in answered.history] == ["sichuan", "chongqing", "chongqing", "chongqing"]

        async def signed() -> exchange_pb2.Request | None:
            there = await target.get(name)
            return there if there.receipt_ready else None

        there = await until(signed)
    assert answered.receipt_ready
    assert (there.digest, there.reply_digest) == (answered.digest, answered.reply_digest)
    for node in (sichuan, chongqing):
        others = [one for one in node.decisions if one.reason != "REQUEST_NOT_FOUND"]
        assert [one.outcome for one in others] == [Outcome.ALLOWED] * len(others)
        assert {(one.source, one.target, one.item) for one in others} == {("sichuan", "chongqing", "CQ-02")}


async def test_one_gateway_serves_both_regions(tmp_path: Path) -> None:
    """Where one gateway serves both, a request is delivered at once, and the receipt has both signatures at once."""
    async with (
        exchange_node(f"sqlite:///{tmp_path}/s", "hub", homes=BOTH) as hub,
        client(hub, "platform.sichuan") as source,
        client(hub, "platform.chongqing") as target,
    ):
        name = (await source.submit()).request.name
        assert states(await source.get(name)) == ["SUBMITTED", "DELIVERED"]
        await target.complete(name)
        answered = await source.get(name)
    assert answered.receipt_ready
    assert answered.state == exchange_pb2.REQUEST_STATE_COMPLETED
    assert answered.next_actor == exchange_pb2.REQUEST_ACTOR_UNSPECIFIED


@pytest.fixture
async def hub(store_url: str) -> Any:  # noqa: ANN401 - an asynchronous fixture
    """Run one gateway for both regions, once for each engine."""
    async with exchange_node(store_url, "hub", homes=BOTH, quota=3) as node:
        yield node


async def test_the_same_request_again_is_the_same_request(hub: Any) -> None:  # noqa: ANN401 - the fixture
    """RP5: the same key and bytes give the same request, flagged replayed, also when sent at once; it is there once."""
    async with client(hub, "platform.sichuan") as source:
        answers = await asyncio.gather(*(source.submit("key-1") for _ in range(20)))
        listed = await source.call("ListRequests", pb.ListRequestsRequest())
    assert len({answer.request.name for answer in answers}) == 1
    assert sorted(answer.replayed for answer in answers) == [False, *[True] * 19]
    assert len(listed.requests) == 1
    assert len(hub.decisions) == 1


async def test_another_request_under_the_same_key_is_refused(hub: Any) -> None:  # noqa: ANN401 - the fixture
    """RP6: the same key with another content is ALREADY_EXISTS; another caller has keys of its own."""
    async with client(hub, "platform.sichuan") as source, client(hub, "agency.sichuan") as other:
        first = await source.submit("key-1")
        assert await refused(source.submit("key-1", item_type="SI.PERSON.RECORD")) == (
            "ALREADY_EXISTS",
            "IDEMPOTENCY_KEY_REUSED",
        )
        second = await other.submit("key-1")
    assert first.request.name != second.request.name
    assert not second.replayed


async def test_a_full_queue_accepts_nothing(hub: Any) -> None:  # noqa: ANN401 - the fixture
    """RX6: beyond the quota of a caller nothing is accepted; what waits still drains, and then there is room again."""
    async with (
        client(hub, "platform.sichuan") as source,
        client(hub, "agency.sichuan") as other,
        client(hub, "platform.chongqing") as target,
    ):
        names = [(await source.submit(f"key-{number}")).request.name for number in range(3)]
        assert await refused(source.submit("key-3")) == ("RESOURCE_EXHAUSTED", "QUEUE_FULL")
        assert (await source.submit("key-1")).replayed
        assert not (await other.submit("key-3")).replayed
        await target.complete(names[0])
        assert not (await source.submit("key-3")).replayed


async def strangers(who: Client, name: str) -> list[tuple[str, str]]:
    """Try everything that names a request; gives how each was refused."""
    opening = pb.DisputeOpening(ground=exchange_pb2.DISPUTE_GROUND_OTHER, text="wrong")
    rejection = exchange_pb2.Rejection(reason=exchange_pb2.REJECTION_REASON_OTHER)
    tries: list[tuple[str, Any]] = [
        ("GetRequest", pb.GetRequestRequest(name=name)),
        ("CancelRequest", pb.CancelRequestRequest(name=name)),
        ("AdvanceRequest", pb.AdvanceRequestRequest(name=name, state=exchange_pb2.REQUEST_STATE_ACCEPTED)),
        ("CompleteRequest", pb.CompleteRequestRequest(name=name, reply=reply())),
        ("RejectRequest", pb.RejectRequestRequest(name=name, rejection=rejection)),
        ("DisputeRequest", pb.DisputeRequestRequest(name=name, opening=opening)),
        ("GetReceipt", pb.GetReceiptRequest(name=name)),
    ]
    return [await refused(who.call(method, request)) for method, request in tries]


async def test_nobody_learns_of_the_requests_of_others(hub: Any) -> None:  # noqa: ANN401 - the fixture
    """AZ5: who has nothing to do with a request is told what he would be told of none, and that is recorded."""
    absent = "regions/sichuan/requests/" + "0" * 32
    async with client(hub, "platform.sichuan") as source, client(hub, "agency.sichuan") as stranger:
        name = (await source.submit()).request.name
        before = len(hub.decisions)
        assert await strangers(stranger, name) == [("NOT_FOUND", "REQUEST_NOT_FOUND")] * 7
        denied = [one.reason for one in hub.decisions[before:]]
        assert await strangers(stranger, absent) == [("NOT_FOUND", "REQUEST_NOT_FOUND")] * 7
        assert (await stranger.call("ListRequests", pb.ListRequestsRequest())).requests == []
        watching = stranger.stream("WatchRequest", pb.WatchRequestRequest(name=name))
        assert await refused(watching.read()) == ("NOT_FOUND", "REQUEST_NOT_FOUND")
        wrong = name.replace("sichuan", "chongqing")
        assert await refused(source.get(wrong)) == ("NOT_FOUND", "REQUEST_NOT_FOUND")
        assert (await source.get(name)).state == exchange_pb2.REQUEST_STATE_DELIVERED
    assert denied == ["DENY_IDOR"] * 7
    assert [one.reason for one in hub.decisions[before + 7 :]].count("REQUEST_NOT_FOUND") == 7


async def test_a_reply_is_given_once(hub: Any) -> None:  # noqa: ANN401 - the fixture
    """The same reply again is the same, another one is refused, and so is what comes after it."""
    async with client(hub, "platform.sichuan") as source, client(hub, "platform.chongqing") as target:
        name = (await source.submit()).request.name
        assert not (await target.complete(name)).replayed
        assert (await target.complete(name)).replayed
        assert await refused(target.complete(name, reply("C-2"))) == ("ALREADY_EXISTS", "REPLY_DIFFERS")
        cancel = pb.CancelRequestRequest(name=name)
        assert await refused(source.call("CancelRequest", cancel)) == ("FAILED_PRECONDITION", "REQUEST_STATE")
        accept = pb.AdvanceRequestRequest(name=name, state=exchange_pb2.REQUEST_STATE_ACCEPTED)
        assert await refused(target.call("AdvanceRequest", accept)) == ("FAILED_PRECONDITION", "REQUEST_STATE")
        assert await refused(source.complete(name)) == ("FAILED_PRECONDITION", "REQUEST_STATE")


async def test_a_refusal_has_a_reason(hub: Any) -> None:  # noqa: ANN401 - the fixture
    """A request is rejected with a reason, which stands in its history, and the same again is no other refusal."""
    async with client(hub, "platform.sichuan") as source, client(hub, "platform.chongqing") as target:
        name = (await source.submit()).request.name
        rejection = exchange_pb2.Rejection(reason=exchange_pb2.REJECTION_REASON_NOT_ENTITLED, text="不符合条件")
        rejected = pb.RejectRequestRequest(name=name, rejection=rejection)
        assert not (await target.call("RejectRequest", rejected)).replayed
        assert (await target.call("RejectRequest", rejected)).replayed
        found = await source.get(name)
    assert found.reply.rejection == rejection
    assert found.history[-1].reason == "NOT_ENTITLED"
    assert found.receipt_ready


async def test_a_request_is_withdrawn_before_it_is_taken(hub: Any) -> None:  # noqa: ANN401 - the fixture
    """The source region withdraws what nobody has taken; once more is no fault, and then nothing can be done to it."""
    async with client(hub, "platform.sichuan") as source, client(hub, "platform.chongqing") as target:
        name = (await source.submit()).request.name
        cancel = pb.CancelRequestRequest(name=name)
        for _ in range(2):
            cancelled = await source.call("CancelRequest", cancel)
            assert cancelled.request.state == exchange_pb2.REQUEST_STATE_CANCELLED
        assert await refused(target.complete(name)) == ("FAILED_PRECONDITION", "REQUEST_STATE")
        assert not (await source.submit("key-2")).replayed


async def test_a_wrong_reply_is_objected_to_and_corrected(hub: Any) -> None:  # noqa: ANN401 - the fixture
    """The source objects to a reply; the target upholds it, works again, and gives another one with a new receipt."""
    async with client(hub, "platform.sichuan") as source, client(hub, "platform.chongqing") as target:
        name = (await source.submit()).request.name
        await target.complete(name)
        first = await source.get(name)
        opening = pb.DisputeOpening(ground=exchange_pb2.DISPUTE_GROUND_WRONG_FACTS, text="年月有误")
        await source.call("DisputeRequest", pb.DisputeRequestRequest(name=name, opening=opening))
        disputed = await target.get(name)
        assert disputed.disputed
        assert disputed.next_actor == exchange_pb2.REQUEST_ACTOR_TARGET_PLATFORM
        settlement = pb.DisputeSettlement(outcome=exchange_pb2.DISPUTE_OUTCOME_UPHELD, answer="已更正")
        await target.call("DisputeRequest", pb.DisputeRequestRequest(name=name, settlement=settlement))
        reopened, receipt = await source.get(name), pb.GetReceiptRequest(name=name)
        assert reopened.state == exchange_pb2.REQUEST_STATE_IN_PROGRESS
        assert (first.receipt_ready, reopened.receipt_ready) == (True, False)
        assert await refused(source.call("GetReceipt", receipt)) == ("FAILED_PRECONDITION", "RECEIPT_NOT_READY")
        await target.complete(name, reply("C-2"))
        second = await source.get(name)
        assert '"certificate":"C-2"' in (await source.call("GetReceipt", receipt)).document
    assert second.reply == reply("C-2")
    assert second.reply_digest != first.reply_digest
    assert states(second)[-4:] == ["COMPLETED", "DISPUTED", "REOPENED", "COMPLETED"]
    (dispute,) = second.disputes
    assert (dispute.region, dispute.text, dispute.answer) == ("sichuan", "年月有误", "已更正")


async def test_the_target_objects_to_a_request(hub: Any) -> None:  # noqa: ANN401 - the fixture
    """While the target objects it gives no reply; if the source upholds that, the request is given up."""
    async with client(hub, "platform.sichuan") as source, client(hub, "platform.chongqing") as target:
        name = (await source.submit()).request.name
        opening = pb.DisputeOpening(ground=exchange_pb2.DISPUTE_GROUND_WRONG_PERSON, text="并非本人")
        request = pb.DisputeRequestRequest(name=name, opening=opening)
        for _ in range(2):
            await target.call("DisputeRequest", request)
        assert await refused(target.complete(name)) == ("FAILED_PRECONDITION", "REQUEST_STATE")
        assert (await source.get(name)).next_actor == exchange_pb2.REQUEST_ACTOR_SOURCE_PLATFORM
        own = pb.DisputeSettlement(outcome=exchange_pb2.DISPUTE_OUTCOME_UPHELD)
        settle = pb.DisputeRequestRequest(name=name, settlement=own)
        assert await refused(target.call("DisputeRequest", settle)) == ("FAILED_PRECONDITION", "REQUEST_STATE")
        for _ in range(2):
            await source.call("DisputeRequest", settle)
        found = await target.get(name)
    assert found.state == exchange_pb2.REQUEST_STATE_CANCELLED
    assert states(found)[-1] == "WITHDRAWN"


async def test_an_objection_is_taken_back(hub: Any) -> None:  # noqa: ANN401 - the fixture
    """Who objects may take it back, and work goes on; there is nothing to settle then, and nothing was before."""
    async with client(hub, "platform.sichuan") as source, client(hub, "platform.chongqing") as target:
        name = (await source.submit()).request.name
        back = pb.DisputeSettlement(outcome=exchange_pb2.DISPUTE_OUTCOME_WITHDRAWN)
        withdraw = pb.DisputeRequestRequest(name=name, settlement=back)
        assert await refused(target.call("DisputeRequest", withdraw)) == ("FAILED_PRECONDITION", "REQUEST_STATE")
        opening = pb.DisputeOpening(ground=exchange_pb2.DISPUTE_GROUND_NO_BASIS, text="缺少授权")
        await target.call("DisputeRequest", pb.DisputeRequestRequest(name=name, opening=opening))
        await target.call("DisputeRequest", withdraw)
        await target.complete(name)
        found = await source.get(name)
    assert found.state == exchange_pb2.REQUEST_STATE_COMPLETED
    assert found.disputes[0].outcome == exchange_pb2.DISPUTE_OUTCOME_WITHDRAWN


async def test_objections_have_an_end(hub: Any) -> None:  # noqa: ANN401 - the fixture
    """After ninety days nobody objects to a reply any more."""
    async with client(hub, "platform.sichuan") as source, client(hub, "platform.chongqing") as target:
        name = (await source.submit()).request.name
        await target.complete(name)
        hub.clock.advance(91 * 86_400)
        opening = pb.DisputeOpening(ground=exchange_pb2.DISPUTE_GROUND_OTHER, text="晚了")
        late = source.call("DisputeRequest", pb.DisputeRequestRequest(name=name, opening=opening))
        assert await refused(late) == ("FAILED_PRECONDITION", "REQUEST_STATE")


async def test_requests_are_listed_by_page(hub: Any) -> None:  # noqa: ANN401 - the fixture
    """Pages hold each request once, in order; filters cut them down; a token of another list is refused."""
    async with client(hub, "platform.sichuan") as source, client(hub, "platform.chongqing") as target:
        names = [(await source.submit(f"key-{number}")).request.name for number in range(3)]
        await target.complete(names[0])
        seen: list[str] = []
        token = ""
        while True:
            page = await source.call("ListRequests", pb.ListRequestsRequest(page_size=2, page_token=token))
            seen += [one.name for one in page.requests]
            token = page.next_page_token
            if not token:
                break
        assert seen == names
        waiting = pb.ListRequestsRequest(
            direction=pb.REQUEST_DIRECTION_RECEIVED,
            states=[exchange_pb2.REQUEST_STATE_DELIVERED],
            other_region="sichuan",
            item_type="SI.PERSON.CERT",
        )
        listed = await target.call("ListRequests", waiting)
        assert [one.name for one in listed.requests] == names[1:]
        assert not listed.requests[0].HasField("content")
        nothing = pb.ListRequestsRequest(direction=pb.REQUEST_DIRECTION_RECEIVED, other_region="guizhou")
        assert (await target.call("ListRequests", nothing)).requests == []
        first = await source.call("ListRequests", pb.ListRequestsRequest(page_size=1))
        stolen = pb.ListRequestsRequest(page_size=1, page_token=first.next_page_token, item_type="SI.PERSON.CERT")
        assert await refused(source.call("ListRequests", stolen)) == ("INVALID_ARGUMENT", "BAD_PAGE_TOKEN")
        unknown: Any = 77
        for wrong in (
            pb.ListRequestsRequest(page_size=-1),
            pb.ListRequestsRequest(states=[unknown]),
            pb.ListRequestsRequest(direction=unknown),
        ):
            assert await refused(source.call("ListRequests", wrong)) == ("INVALID_ARGUMENT", "INVALID_FIELD")


async def test_a_request_is_watched_to_its_end(hub: Any) -> None:  # noqa: ANN401 - the fixture
    """Who watches hears of each thing that happens, and the stream ends with the request."""
    async with client(hub, "platform.sichuan") as source, client(hub, "platform.chongqing") as target:
        name = (await source.submit()).request.name
        watching = source.stream("WatchRequest", pb.WatchRequestRequest(name=name))
        seen = [(await watching.read()).request.state]
        accept = pb.AdvanceRequestRequest(name=name, state=exchange_pb2.REQUEST_STATE_IN_PROGRESS)
        await target.call("AdvanceRequest", accept)
        seen.append((await watching.read()).request.state)
        await target.call("AdvanceRequest", accept)
        await target.complete(name)
        while told := await watching.read():
            seen.append(told.request.state)
    assert seen == [
        exchange_pb2.REQUEST_STATE_DELIVERED,
        exchange_pb2.REQUEST_STATE_IN_PROGRESS,
        exchange_pb2.REQUEST_STATE_COMPLETED,
    ]


async def test_what_happens_while_a_watch_begins_is_not_missed(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401 - the fixture
    """A change after the request was read, and before it is shown, is told at once and not at the next look."""
    reading = hub.use.reading
    get, accepted = reading.get, exchange_pb2.REQUEST_STATE_IN_PROGRESS
    async with client(hub, "platform.sichuan") as source, client(hub, "platform.chongqing") as target:
        name = (await source.submit()).request.name

        async def get_and_be_late(request: tuple[str, bytes], actor: Any) -> Any:  # noqa: ANN401 - of Reading.get
            monkeypatch.undo()
            found = await get(request, actor)
            with hub.news.waiting(name) as heard:
                await target.call("AdvanceRequest", pb.AdvanceRequestRequest(name=name, state=accepted))
                await heard.wait(10)
            return found

        monkeypatch.setattr(reading, "get", get_and_be_late)
        watching = source.stream("WatchRequest", pb.WatchRequestRequest(name=name))
        async with asyncio.timeout(LOOK_SECONDS / 2):
            seen = [(await watching.read()).request.state, (await watching.read()).request.state]
    assert seen == [exchange_pb2.REQUEST_STATE_DELIVERED, accepted]


async def test_a_receipt_is_given_when_both_have_signed(hub: Any) -> None:  # noqa: ANN401 - the fixture
    """Before there is a reply there is no receipt."""
    async with client(hub, "platform.sichuan") as source:
        name = (await source.submit()).request.name
        got = source.call("GetReceipt", pb.GetReceiptRequest(name=name))
        assert await refused(got) == ("FAILED_PRECONDITION", "RECEIPT_NOT_READY")
