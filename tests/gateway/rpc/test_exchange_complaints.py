"""FileComplaint: a complaint reaches the region responsible, is answered by its deadline, and names nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from onecard.gateway.v1 import card_pb2, catalog_rules_pb2, exchange_pb2
from onecard.gateway.v1 import exchange_service_pb2 as pb
from tests.fakes.exchange import client, delivering, exchange_node, in_state, pair, until
from tests.fakes.exchange_contents import HOLDER, content
from tests.gateway.rpc.told import refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.fakes.exchange import Client, ExchangeNode

DAY = 86_400
TEXT = "闸机不识别我的卡，工作人员要求另办卡片"
ANSWER = "经核查属实，已责令改正"
RESULT = exchange_pb2.ComplaintResult(
    finding=exchange_pb2.COMPLAINT_FINDING_JUSTIFIED, text=ANSWER, issuer="某局", legal_basis="第七条"
)


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[ExchangeNode]:
    """Run one gateway for both regions."""
    async with exchange_node(f"sqlite:///{tmp_path}/s", "hub", homes=("sichuan", "chongqing")) as node:
        yield node


def complaint(**changes: Any) -> pb.FileComplaintRequest:  # noqa: ANN401 - any field; those of the complaint as `about`
    """Complain of the museums of Chongqing."""
    about = {
        "ground": exchange_pb2.COMPLAINT_GROUND_DUPLICATE_DEMANDED,
        "text": TEXT,
        "happened_on": "2026-05-30",
        "channel": catalog_rules_pb2.COMPLAINT_CHANNEL_KIND_TELEPHONE,
        **changes.pop("about", {}),
    }
    fields: dict[str, Any] = {
        "idempotency_key": "key-1",
        "item": "regions/chongqing/items/CQ-31",
        "complaint": {name: value for name, value in about.items() if value},
        "medium": card_pb2.MEDIUM_PHYSICAL,
        **changes,
    }
    return pb.FileComplaintRequest(**fields)


async def filed(source: Client, **changes: Any) -> pb.FileComplaintResponse:  # noqa: ANN401 - any field
    """File it."""
    answer: pb.FileComplaintResponse = await source.call("FileComplaint", complaint(**changes))
    return answer


async def test_a_complaint_is_answered_in_the_other_region(tmp_path: Path) -> None:
    """It travels, waits there like any request, and comes back with finding and receipt; no log or record tells it."""
    urls = f"sqlite:///{tmp_path}/a", f"sqlite:///{tmp_path}/b"
    async with (
        pair(*urls) as (sichuan, chongqing),
        delivering((sichuan, "chongqing"), (chongqing, "sichuan")),
        client(sichuan, "platform.sichuan") as source,
        client(chongqing, "platform.chongqing") as target,
    ):
        request = (await filed(source)).request
        assert request.deadline.seconds == int(sichuan.clock()) + 30 * DAY
        asked = (await until(in_state(target, request.name, "DELIVERED"))).content
        assert asked == content(
            item="CQ-31",
            item_type=None,
            subject=None,
            purpose=card_pb2.PURPOSE_SERVICE_ACCESS,
            insurance_certificate=None,
            complaint=complaint().complaint,
        )
        await target.complete(request.name, exchange_pb2.RequestReply(complaint=RESULT))
        done = await until(in_state(source, request.name, "COMPLETED"))
        assert done.reply.complaint == RESULT
        await until(lambda: _has_receipt(source, request.name))
        receipt = await source.call("GetReceipt", pb.GetReceiptRequest(name=request.name))
        assert ANSWER in receipt.document
        for node in (sichuan, chongqing):
            told = repr(node.decisions) + node.journal.text
            assert "ExchangeService" in told
            assert TEXT not in told
            assert ANSWER not in told


async def _has_receipt(source: Client, name: str) -> bool:
    return (await source.get(name)).receipt_ready


async def test_a_complaint_is_filed_once(hub: ExchangeNode) -> None:
    """The same key and content give the same request, another content is refused."""
    async with client(hub, "platform.sichuan") as source:
        first, again = await filed(source), await filed(source)
        assert (first.replayed, again.replayed) == (False, True)
        assert first.request.name == again.request.name
        other = await refused(filed(source, about={"text": "另一件事"}))
    assert other.reason == "IDEMPOTENCY_KEY_REUSED"


async def test_a_complaint_is_refused_with_a_reason_or_expires(hub: ExchangeNode) -> None:
    """The region responsible may say that it is not; one that nobody answers is over at its deadline."""
    async with client(hub, "platform.sichuan") as source, client(hub, "platform.chongqing") as target:
        first, second = (await filed(source)).request, (await filed(source, idempotency_key="key-2")).request
        rejection = exchange_pb2.Rejection(reason=exchange_pb2.REJECTION_REASON_NOT_COMPETENT)
        await target.call("RejectRequest", pb.RejectRequestRequest(name=first.name, rejection=rejection))
        assert (await source.get(first.name)).reply.rejection == rejection
        hub.clock.advance(30 * DAY + 600)
        await hub.upkeep.once()
        assert (await source.get(second.name)).state == exchange_pb2.REQUEST_STATE_EXPIRED


async def test_a_reply_of_another_kind_answers_no_complaint(hub: ExchangeNode) -> None:
    """Who is asked to look into a complaint does not certify an insurance."""
    async with client(hub, "platform.sichuan") as source, client(hub, "platform.chongqing") as target:
        name = (await filed(source)).request.name
        told = await refused(target.complete(name))
    assert told.reason == "PAYLOAD_NOT_ALLOWED"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"item": "CQ-31"}, "item"),
        ({"item": "regions/sichuan/items/SC-15"}, "item"),
        ({"idempotency_key": ""}, "idempotency_key"),
        ({"medium": 0}, "medium"),
        ({"purpose": 99}, "purpose"),
        ({"about": {"ground": 0}}, "complaint.ground"),
        ({"about": {"ground": 99}}, "complaint.ground"),
        ({"about": {"text": ""}}, "complaint.text"),
        ({"about": {"text": "甲" * 1001}}, "complaint.text"),
        ({"about": {"channel": 0}}, "complaint.channel"),
        ({"about": {"happened_on": "30.5.2026"}}, "complaint.happened_on"),
        ({"about": {"happened_on": "2026-06-02"}}, "complaint.happened_on"),
        ({"about": {"venue": "museum"}}, "complaint.venue"),
        ({"about": {"venue": "regions/sichuan/venues/V-1"}}, "complaint.venue"),
        ({"about": {"reference": "甲"}}, "complaint.reference"),
    ],
)
async def test_a_complaint_says_what_it_must(hub: ExchangeNode, changes: dict[str, Any], field: str) -> None:
    """What is missing or wrong is named as the caller has written it."""
    async with client(hub, "platform.sichuan") as source:
        told = await refused(filed(source, **changes))
    assert (told.reason, told.fields) == ("INVALID_FIELD", {field})


async def test_a_complaint_names_nobody(hub: ExchangeNode) -> None:
    """One that is submitted like other requests has neither a subject nor an item type."""
    changes: dict[str, Any] = {"insurance_certificate": None, "complaint": complaint().complaint}
    async with client(hub, "platform.sichuan") as source:
        told = await refused(source.submit(**changes))
        assert told.fields == {"content.item_type", "content.subject"}
        assert HOLDER not in str(told)
        assert not (await source.submit(item_type=None, subject=None, **changes)).replayed


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"item": "regions/sichuan/items/SC-15"}, "of_another_region"),
        ({"about": {"text": "甲" * 1001}}, "at_most_1000"),
        ({"about": {"text": " "}}, "form"),
    ],
)
async def test_the_rule_that_a_complaint_breaks_is_named(hub: ExchangeNode, changes: dict[str, Any], rule: str) -> None:
    """A complainant's own region is asked without a gateway, and a long text is told how long it may be."""
    async with client(hub, "platform.sichuan") as source:
        told = await refused(filed(source, **changes))
    assert [told_rule for _, told_rule in told.violations] == [rule]


async def test_what_is_complained_of_has_happened(hub: ExchangeNode) -> None:
    """It may be of today in China, even where it is yesterday by UTC, and of no later day, however it is submitted."""
    hub.clock.advance(13 * 3600)
    changes: dict[str, Any] = {"insurance_certificate": None, "item_type": None, "subject": None}
    async with client(hub, "platform.sichuan") as source:
        tomorrow = complaint(about={"happened_on": "2026-06-03"}).complaint
        told = [
            await refused(filed(source, about={"happened_on": "2026-06-03"})),
            await refused(source.submit(complaint=tomorrow, **changes)),
        ]
        assert not (await filed(source, about={"happened_on": "2026-06-02"})).replayed
    rule = "not_in_the_future"
    assert [one.violations for one in told] == [
        (("complaint.happened_on", rule),),
        (("content.complaint.happened_on", rule),),
    ]


async def test_a_gateway_does_not_complain(tmp_path: Path) -> None:
    """Complaints are filed by platforms; a gateway hands them over as it does with all requests."""
    async with (
        exchange_node(f"sqlite:///{tmp_path}/s", "chongqing") as node,
        client(node, "gateway.sichuan") as gateway,
    ):
        assert (await refused(filed(gateway))).reason == "CALLER_REGION"
