"""What ExchangeService does not take: times out of bounds, messages without what they must say, what was erased."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gateway.services.exchange_submit import LEAST_SECONDS, MOST_SECONDS
from gateway.services.exchange_upkeep import Kept
from onecard.gateway.v1 import exchange_pb2
from onecard.gateway.v1 import exchange_service_pb2 as pb
from tests.fakes.exchange import client, delivering, exchange_node, in_state, pair, until
from tests.fakes.exchange_contents import content, reply
from tests.gateway.rpc.told import refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.fakes.exchange import Client, ExchangeNode

DAY = 86_400
ABSENT = "regions/sichuan/requests/" + "0" * 32


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[ExchangeNode]:
    """Run one gateway for both regions."""
    async with exchange_node(f"sqlite:///{tmp_path}/s", "hub", homes=("sichuan", "chongqing")) as node:
        yield node


@pytest.mark.parametrize(
    ("seconds", "taken"),
    [(LEAST_SECONDS - 2, False), (LEAST_SECONDS, True), (MOST_SECONDS, True), (MOST_SECONDS + 2, False)],
)
async def test_a_deadline_is_neither_too_near_nor_too_far(hub: ExchangeNode, *, seconds: int, taken: bool) -> None:
    """A deadline is a minute to half a year from now, and stands in the request."""
    async with client(hub, "platform.sichuan") as source:
        deadline = {"seconds": int(hub.clock()) + seconds}
        if taken:
            assert (await source.submit(deadline=deadline)).request.deadline.seconds == deadline["seconds"]
        else:
            assert (await refused(source.submit(deadline=deadline))).fields == {"content.deadline"}


async def test_somebody_may_be_asked_for_by_pseudonym(hub: ExchangeNode) -> None:
    """A request may name its subject as the regions know him, without any number."""
    async with client(hub, "platform.sichuan") as source, client(hub, "platform.chongqing") as target:
        name = (await source.submit(subject={"pseudonym": "P-1"})).request.name
        found = await target.get(name)
    assert found.content.subject.pseudonym == "P-1"


@pytest.mark.parametrize(
    ("filtered", "violation"),
    [
        ({"direction": 9}, ("direction", "unknown_value")),
        ({"states": [99]}, ("states", "unknown_value")),
        ({"states": [exchange_pb2.REQUEST_STATE_UNSPECIFIED]}, ("states", "unknown_value")),
        ({"other_region": "atlantis"}, ("other_region", "unknown_value")),
        ({"other_region": "sichuan"}, ("other_region", "another_region")),
        ({"item_type": "no type"}, ("item_type", "form")),
    ],
)
async def test_nothing_is_listed_by_a_word_that_no_request_has(
    hub: ExchangeNode, filtered: dict[str, Any], violation: tuple[str, str]
) -> None:
    """A filter that can never be met is a slip of the caller, which an empty list would hide."""
    async with client(hub, "platform.sichuan") as source:
        told = await refused(source.call("ListRequests", pb.ListRequestsRequest(**filtered)))
    assert (told.reason, told.violations) == ("INVALID_FIELD", (violation,))


def _news(**fields: Any) -> pb.GatewayNews:  # noqa: ANN401 - of the event
    event = {"revision": 9, "kind": exchange_pb2.REQUEST_EVENT_KIND_ACCEPTED, "region": "chongqing", **fields}
    event.setdefault("state", exchange_pb2.REQUEST_STATE_ACCEPTED)
    told = exchange_pb2.RequestEvent(**event)
    told.time.seconds = 1_780_000_000
    return pb.GatewayNews(event=told)


@pytest.mark.parametrize(
    ("method", "request_", "field"),
    [
        ("AdvanceRequest", pb.AdvanceRequestRequest(name=ABSENT), "state"),
        ("AdvanceRequest", pb.AdvanceRequestRequest(name=ABSENT, news=_news()), "news"),
        ("DisputeRequest", pb.DisputeRequestRequest(name=ABSENT), "step"),
        ("CompleteRequest", pb.CompleteRequestRequest(name=ABSENT), "reply.result"),
        ("GetRequest", pb.GetRequestRequest(name="requests/1"), "name"),
        ("GetRequest", pb.GetRequestRequest(), "name"),
    ],
)
async def test_a_message_says_what_it_must(hub: ExchangeNode, method: str, request_: Any, field: str) -> None:  # noqa: ANN401 - each method's own
    """What is missing is named, and a platform does not speak as a gateway."""
    async with client(hub, "platform.chongqing") as target:
        told = await refused(target.call(method, request_))
    assert (told.reason, told.fields) == ("INVALID_FIELD", {field})


@pytest.mark.parametrize(
    ("news", "field"),
    [
        (_news(revision=0), "news.event"),
        (_news(kind=exchange_pb2.REQUEST_EVENT_KIND_SUBMITTED), "news.event"),
        (_news(state=exchange_pb2.REQUEST_STATE_UNSPECIFIED), "news.event"),
        (_news(reason="what someone said"), "news.event"),
        (_news(state=exchange_pb2.REQUEST_STATE_IN_PROGRESS), "state"),
        (None, "news"),
    ],
)
async def test_a_gateway_tells_what_it_may(hub: ExchangeNode, news: pb.GatewayNews | None, field: str) -> None:
    """What another gateway tells is an event that it may tell of, whose state is the one that the message says."""
    asked = pb.AdvanceRequestRequest(name=ABSENT, state=exchange_pb2.REQUEST_STATE_ACCEPTED, news=news)
    async with client(hub, "gateway.guizhou") as gateway:
        told = await refused(gateway.call("AdvanceRequest", asked))
    assert (told.reason, told.fields) == ("INVALID_FIELD", {field})


async def test_a_reply_is_of_the_kind_that_was_asked_for(hub: ExchangeNode) -> None:
    """A request for a certificate is not answered with the result of a payment."""
    amount = exchange_pb2.Money(currency="CNY", minor_units=100)
    bill = exchange_pb2.PaymentBillResult(payment_reference="P-1", amount=amount)
    bill.pay_time.seconds = int(hub.clock())
    async with client(hub, "platform.sichuan") as source, client(hub, "platform.chongqing") as target:
        name = (await source.submit()).request.name
        wrong = exchange_pb2.RequestReply(payment_bill=bill, synthetic=True)
        told = await refused(target.complete(name, wrong))
    assert told.reason == "PAYLOAD_NOT_ALLOWED"


async def closed(source: Client, target: Client) -> str:
    """Submit a request that is answered, objected to and answered for good."""
    name: str = (await source.submit()).request.name
    await target.complete(name)
    opening = pb.DisputeOpening(ground=exchange_pb2.DISPUTE_GROUND_OTHER, text="wrong")
    await source.call("DisputeRequest", pb.DisputeRequestRequest(name=name, opening=opening))
    back = pb.DisputeSettlement(outcome=exchange_pb2.DISPUTE_OUTCOME_WITHDRAWN)
    await source.call("DisputeRequest", pb.DisputeRequestRequest(name=name, settlement=back))
    return name


async def test_what_was_asked_and_answered_is_erased_in_time(hub: ExchangeNode) -> None:
    """Ninety days after its end nothing is left of what a request said; that it was, and its digests, stay."""
    async with client(hub, "platform.sichuan") as source, client(hub, "platform.chongqing") as target:
        name = await closed(source, target)
        before = await source.get(name)
        still_open = (await source.submit("open", deadline={"seconds": int(hub.clock()) + 100 * DAY})).request.name
        hub.clock.advance(90 * DAY - 1)
        assert await hub.upkeep.once() == Kept(0, 0, 0)
        hub.clock.advance(2)
        assert await hub.upkeep.once() == Kept(0, 1, 0)
        assert await hub.upkeep.once() == Kept(0, 0, 0)
        after = await source.get(name)
        told = [
            await refused(source.call("GetReceipt", pb.GetReceiptRequest(name=name))),
            await refused(source.submit()),
        ]
        assert (await source.get(still_open)).content == content(deadline={"seconds": int(hub.clock()) - 1 + 10 * DAY})
    assert (after.HasField("content"), after.HasField("reply"), list(after.disputes)) == (False, False, [])
    assert (after.digest, after.reply_digest, after.history) == (before.digest, before.reply_digest, before.history)
    assert [one.reason for one in told] == ["CONTENT_ERASED"] * 2


async def test_the_gateway_that_asked_does_not_answer(tmp_path: Path) -> None:
    """The source's gateway cannot bring a reply of its own into the target's store."""
    async with (
        pair(f"sqlite:///{tmp_path}/source/s", f"sqlite:///{tmp_path}/target/s") as (sichuan, chongqing),
        client(sichuan, "platform.sichuan") as source,
        client(chongqing, "platform.chongqing") as target,
        client(chongqing, "gateway.sichuan") as gateway,
        delivering((sichuan, "chongqing")),
    ):
        name = (await source.submit()).request.name
        await until(in_state(target, name, "DELIVERED"))
        news = _news(kind=exchange_pb2.REQUEST_EVENT_KIND_COMPLETED, state=exchange_pb2.REQUEST_STATE_COMPLETED)
        news.salt, news.receipt = "A" * 22, "{}"
        told = await refused(
            gateway.call("CompleteRequest", pb.CompleteRequestRequest(name=name, reply=reply(), news=news))
        )
        assert told.reason == "REQUEST_STATE"
        own = pb.CompleteRequestRequest(name=name, reply=reply())
        assert (await refused(gateway.call("CompleteRequest", own))).fields == {"news"}


async def test_a_gateway_uses_a_name_once(tmp_path: Path) -> None:
    """Another request that is handed over under the same name is refused, and harms no other."""
    async with (
        exchange_node(f"sqlite:///{tmp_path}/s", "chongqing") as node,
        client(node, "gateway.sichuan") as gateway,
    ):
        now = int(node.clock())

        def handed_over(key: str, **changes: Any) -> pb.SubmitRequestRequest:  # noqa: ANN401 - of `content`
            told = pb.Handover(name="regions/sichuan/requests/" + "a" * 32, salt="A" * 22)
            told.submit_time.seconds, told.deadline.seconds = now, now + 1000
            return pb.SubmitRequestRequest(idempotency_key=key, content=content(**changes), handover=told)

        assert not (await gateway.call("SubmitRequest", handed_over("k"))).replayed
        assert (await gateway.call("SubmitRequest", handed_over("k"))).replayed
        for name, value in (("name", "regions/sichuan/requests/" + "b" * 32), ("salt", "B" * 21 + "A")):
            again = handed_over("k")  # RP6: the same key for what is not the same
            setattr(again.handover, name, value)
            assert (await refused(gateway.call("SubmitRequest", again))).reason == "IDEMPOTENCY_KEY_REUSED"
        for name in ("submit_time", "deadline"):
            again = handed_over("k")
            getattr(again.handover, name).seconds -= 1
            assert (await refused(gateway.call("SubmitRequest", again))).reason == "IDEMPOTENCY_KEY_REUSED"
        other = handed_over("l", item_type="SI.PERSON.RECORD")
        assert (await refused(gateway.call("SubmitRequest", other))).reason == "IDEMPOTENCY_KEY_REUSED"
        ahead = handed_over("m")
        ahead.handover.submit_time.seconds = now + 3600
        assert (await refused(gateway.call("SubmitRequest", ahead))).fields == {"handover"}
