"""The four forms of a method behind the boundary: the caller comes first, and no stream outlives who asked for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar

import grpc
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.wrappers_pb2 import StringValue

from gateway.errors import LimitError
from gateway.rpc import patience
from tests.fakes.callers import PLATFORM, bearer
from tests.fakes.node import FakeNode, channel_to
from tests.gateway.rpc.told import refused

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from google.protobuf.descriptor import ServiceDescriptor

    from gateway.rpc.boundary import Call

SCOPE = "region.read"


def service() -> ServiceDescriptor:
    """Describe a service of texts that has each form."""
    text = ".google.protobuf.StringValue"
    file = descriptor_pb2.FileDescriptorProto(
        name="tests/forms.proto", package="tests", dependency=["google/protobuf/wrappers.proto"], syntax="proto3"
    )
    described = file.service.add(name="Forms")
    for name, streams in {"Tell": (False, True), "Gather": (True, False), "Talk": (True, True)}.items():
        described.method.add(
            name=name, input_type=text, output_type=text, client_streaming=streams[0], server_streaming=streams[1]
        )
    pool = descriptor_pool.DescriptorPool()
    known = descriptor_pb2.FileDescriptorProto()
    StringValue.DESCRIPTOR.file.CopyToProto(known)
    pool.Add(known)
    pool.Add(file)
    return pool.FindServiceByName("tests.Forms")


class FormsServicer:
    """Says texts one after the other."""

    SERVICE: ClassVar[ServiceDescriptor] = service()
    SCOPES: ClassVar[dict[str, str]] = dict.fromkeys(("Tell", "Gather", "Talk"), SCOPE)
    WAITS: ClassVar[frozenset[str]] = frozenset({"Gather"})
    DECIDES: ClassVar[frozenset[str]] = frozenset({"Gather"})

    def __init__(self) -> None:
        """Begin with nothing ended."""
        self.ended = asyncio.Event()
        self.begun = 0

    async def tell(self, request: Any, _call: Call) -> AsyncGenerator[StringValue]:  # noqa: ANN401 - of the pool of the test
        """Say each character, then wait for ever, unless the last is a dot."""
        self.begun += 1
        try:
            for character in request.value:
                if character == "!":
                    raise LimitError(limit="characters")
                yield StringValue(value=character)
            if not request.value.endswith("."):
                await asyncio.Event().wait()
        finally:
            self.ended.set()

    async def gather(self, requests: AsyncIterator[Any], call: Call) -> StringValue:
        """Join all texts."""
        return StringValue(value=call.caller.id + "".join([request.value async for request in requests]))

    async def talk(self, requests: AsyncIterator[Any], _call: Call) -> AsyncGenerator[StringValue]:
        """Say each text twice."""
        try:
            async for request in requests:
                for _ in range(2):
                    yield StringValue(value=request.value)
        finally:
            self.ended.set()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look often, so that no test waits long."""
    monkeypatch.setattr(patience, "LOOK_SECONDS", 0.01)


def call_of(channel: grpc.aio.Channel, name: str, metadata: Any = ()) -> Any:  # noqa: ANN401 - a call of bytes
    """Open a call of bytes that writes and reads by hand."""
    untyped: Any = channel.stream_stream
    return untyped(f"/tests.Forms/{name}")(metadata=metadata)


async def said(call: Any) -> str | None:  # noqa: ANN401 - a call of bytes
    """Read the next text, or None at the end."""
    raw = await call.read()
    return StringValue.FromString(raw).value if isinstance(raw, bytes) else None


async def test_a_stream_out_answers_one_message() -> None:
    """Each answer is there as it is said, and the end is the servicer's."""
    node, servicer = FakeNode(), FormsServicer()
    async with channel_to(node.server([servicer])) as channel:
        call = call_of(channel, "Tell", bearer(PLATFORM, node.clock))
        await call.write(StringValue(value="ab.").SerializeToString())
        assert [await said(call) for _ in range(4)] == ["a", "b", ".", None]
        assert await call.code() is grpc.StatusCode.OK
    assert [(line["method"], line["code"]) for line in node.journal.lines] == [("Forms/Tell", "OK")]


async def test_streams_are_refused_before_a_message_is_there() -> None:
    """Who has no token reaches no servicer, whatever the form."""
    node, servicer = FakeNode(), FormsServicer()
    async with channel_to(node.server([servicer])) as channel:
        for name in FormsServicer.SCOPES:
            assert (await refused(call_of(channel, name).read())).code == "UNAUTHENTICATED"
    assert servicer.begun == 0


async def test_an_error_in_the_middle_ends_a_stream_in_words() -> None:
    """What was said before it arrives; then comes the error of the contract."""
    node, servicer = FakeNode(), FormsServicer()
    async with channel_to(node.server([servicer])) as channel:
        call = call_of(channel, "Tell", bearer(PLATFORM, node.clock))
        await call.write(StringValue(value="a!").SerializeToString())
        assert await said(call) == "a"
        told = await refused(call.read())
    assert told.code == "RESOURCE_EXHAUSTED"
    assert servicer.ended.is_set()


async def test_a_token_that_runs_out_ends_a_stream_that_is_silent() -> None:
    """TL7: nobody need say anything for a caller to be found out."""
    node, servicer = FakeNode(), FormsServicer()
    async with channel_to(node.server([servicer])) as channel:
        call = call_of(channel, "Tell", bearer(PLATFORM, node.clock))
        await call.write(StringValue(value="a").SerializeToString())
        assert await said(call) == "a"
        node.clock.now += 3600
        told = await refused(call.read())
        assert (told.code, told.reason) == ("UNAUTHENTICATED", "EXPIRED")
        await asyncio.wait_for(servicer.ended.wait(), 10)


async def test_a_gateway_that_stops_sends_listeners_elsewhere() -> None:
    """UNAVAILABLE, so that a client tries again at another replica."""
    node, servicer = FakeNode(), FormsServicer()
    async with channel_to(node.server([servicer])) as channel:
        call = call_of(channel, "Tell", bearer(PLATFORM, node.clock))
        await call.write(StringValue(value="a").SerializeToString())
        assert await said(call) == "a"
        node.boundary.stop()
        told = await refused(call.read())
    assert (told.code, told.reason) == ("UNAVAILABLE", "SHUTTING_DOWN")


async def test_who_leaves_ends_what_was_said_to_it() -> None:
    """The servicer lets go of what it held."""
    node, servicer = FakeNode(), FormsServicer()
    async with channel_to(node.server([servicer])) as channel:
        call = call_of(channel, "Tell", bearer(PLATFORM, node.clock))
        await call.write(StringValue(value="a").SerializeToString())
        assert await said(call) == "a"
        call.cancel()
        await asyncio.wait_for(servicer.ended.wait(), 10)


async def test_a_stream_in_is_answered_once() -> None:
    """All messages come to one method, which says one thing."""
    node = FakeNode()
    async with channel_to(node.server([FormsServicer()])) as channel:
        call = call_of(channel, "Gather", bearer(PLATFORM, node.clock))
        for text in ("a", "b"):
            await call.write(StringValue(value=text).SerializeToString())
        await call.done_writing()
        assert await said(call) == f"{PLATFORM}ab"


async def test_streams_both_ways_keep_their_own_time() -> None:
    """A servicer may say more than it hears; rubbish ends it as it ends every call."""
    node, servicer = FakeNode(), FormsServicer()
    async with channel_to(node.server([servicer])) as channel:
        call = call_of(channel, "Talk", bearer(PLATFORM, node.clock))
        await call.write(StringValue(value="a").SerializeToString())
        assert [await said(call), await said(call)] == ["a", "a"]
        await call.write(b"\xff")
        told = await refused(call.read())
        assert told.reason == "MALFORMED_REQUEST"
        await asyncio.wait_for(servicer.ended.wait(), 10)
        ending = call_of(channel, "Talk", bearer(PLATFORM, node.clock))
        await ending.done_writing()
        assert await said(ending) is None


async def test_a_key_that_dies_ends_both_ways() -> None:
    """A stream that hears nothing is ended too, within a look."""
    node, servicer = FakeNode(), FormsServicer()
    async with channel_to(node.server([servicer])) as channel:
        call = call_of(channel, "Talk", bearer(PLATFORM, node.clock))
        await call.write(StringValue(value="a").SerializeToString())
        assert [await said(call), await said(call)] == ["a", "a"]
        node.clock.now += 3600
        told = await refused(call.read())
    assert told.code == "UNAUTHENTICATED"
    assert servicer.ended.is_set()
