"""Streams: each message is answered in its turn, each entry in its place, and what ends a stream ends it in words."""

from __future__ import annotations

from typing import Any

import pytest

from onecard.gateway.v1 import identity_service_pb2 as pb
from onecard.gateway.v1.identity_service_pb2_grpc import IdentityServiceStub
from tests.fakes.callers import HOME_PLATFORM, PLATFORM, bearer
from tests.fakes.node import FakeNode, channel_to
from tests.fakes.regions import record
from tests.gateway.rpc.raising import PLANTED, RaisingStreams
from tests.gateway.rpc.told import refused, told_by


def batch(*entries: dict[str, Any]) -> pb.BatchTranslateIdentitiesRequest:
    """Make one message of a stream."""
    return pb.BatchTranslateIdentitiesRequest(entries=[pb.TranslateIdentityRequest(**entry) for entry in entries])


def good() -> dict[str, Any]:
    """Give an entry that can be translated."""
    return {"source": {"region": "chongqing", "fields": record("chongqing")}, "target_region": "sichuan"}


async def test_one_bad_entry_does_not_end_a_stream_and_the_order_is_kept() -> None:
    """Each entry is answered in its place, the bad one by the status that the single method would give."""
    node = FakeNode()
    entry = None
    bad: dict[str, Any] = {**good(), "source": {"region": "chongqing", "fields": record("chongqing", aac002="1")}}
    async with channel_to(node.server()) as channel:
        stub: Any = IdentityServiceStub(channel)
        stream = stub.BatchTranslateIdentities(metadata=bearer(PLATFORM, node.clock, language="pt"))
        for _ in range(3):
            await stream.write(batch(good(), bad, good()))
            outcomes = (await stream.read()).outcomes
            assert [outcome.WhichOneof("outcome") for outcome in outcomes] == ["response", "error", "response"]
            entry = told_by(outcomes[1].error)
        await stream.done_writing()
        assert not await stream.read()
        single = await refused(
            stub.TranslateIdentity(
                pb.TranslateIdentityRequest(**bad), metadata=bearer(PLATFORM, node.clock, language="pt")
            )
        )
    assert entry is not None
    assert entry.metadata.pop("trace_id") != single.metadata.pop("trace_id")
    assert entry == single
    assert entry.locale == "pt"
    assert node.journal.lines[0]["code"] == "OK"


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (pb.BatchTranslateIdentitiesRequest(), "INVALID_FIELD"),
        (batch(*[{}] * 1001), "LIMIT"),
    ],
)
async def test_a_message_that_is_no_batch_ends_the_stream(message: Any, reason: str) -> None:  # noqa: ANN401 - a message
    """None, or too many; the entries are not looked at."""
    node = FakeNode()
    async with channel_to(node.server()) as channel:
        stub: Any = IdentityServiceStub(channel)
        stream = stub.BatchTranslateIdentities(metadata=bearer(PLATFORM, node.clock))
        await stream.write(message)
        told_ = await refused(stream.read())
    assert told_.reason == reason


async def test_a_token_that_runs_out_ends_its_stream() -> None:
    """What was answered before stays answered."""
    node = FakeNode()
    async with channel_to(node.server()) as channel:
        stub: Any = IdentityServiceStub(channel)
        stream = stub.BatchTranslateIdentities(metadata=bearer(PLATFORM, node.clock))
        await stream.write(batch(good()))
        assert (await stream.read()).outcomes
        node.clock.advance(309)
        await stream.write(batch(good()))
        assert (await stream.read()).outcomes
        node.clock.advance(1)
        await stream.write(batch(good()))
        told_ = await refused(stream.read())
    assert (told_.code, told_.reason, told_.metadata["skew_seconds"]) == ("UNAUTHENTICATED", "EXPIRED", "10")


async def test_a_key_that_is_revoked_ends_its_streams() -> None:
    """TL7: with the next message, while a new call and the streams of other callers tell the difference."""
    node = FakeNode()
    async with channel_to(node.server()) as channel:
        stub: Any = IdentityServiceStub(channel)
        lost = stub.BatchTranslateIdentities(metadata=bearer(PLATFORM, node.clock))
        kept = stub.BatchTranslateIdentities(metadata=bearer(HOME_PLATFORM, node.clock))
        for stream in (lost, kept):
            await stream.write(batch(good()))
            assert (await stream.read()).outcomes
        node.keys.revoked.add(PLATFORM)
        for stream in (lost, kept):
            await stream.write(batch(good()))
        assert (await kept.read()).outcomes
        told_ = await refused(lost.read())
        again = await refused(
            stub.TranslateIdentity(pb.TranslateIdentityRequest(**good()), metadata=bearer(PLATFORM, node.clock))
        )
    for told in (told_, again):
        assert (told.code, told.reason, told.metadata["reason"]) == ("UNAUTHENTICATED", "KEY_REVOKED", "compromised")


async def test_what_nobody_foresaw_ends_a_stream_in_fixed_words() -> None:
    """As in a single call."""
    node = FakeNode()
    async with channel_to(node.server([RaisingStreams(RuntimeError(PLANTED))])) as channel:
        stub: Any = IdentityServiceStub(channel)
        stream = stub.BatchVerifyCards(metadata=bearer(PLATFORM, node.clock))
        await stream.write(pb.BatchVerifyCardsRequest())
        told_ = await refused(stream.read())
    assert (told_.code, told_.reason) == ("INTERNAL", "UNFORESEEN")
    assert "canary" not in repr(told_) + node.journal.text
    assert [line["event"] for line in node.journal.lines] == ["unforeseen", "call"]


async def test_an_error_of_the_contract_ends_a_stream_that_it_concerns_whole() -> None:
    """An unreadable message cannot be answered entry by entry."""
    node = FakeNode()
    async with channel_to(node.server()) as channel:
        untyped: Any = channel.stream_stream
        stream = untyped("/onecard.gateway.v1.IdentityService/BatchVerifyCards")(metadata=bearer(PLATFORM, node.clock))
        await stream.write(b"\xff\xff")
        told_ = await refused(stream.read())
    assert told_.reason == "MALFORMED_REQUEST"
