"""The boundary: whatever bytes come and whatever goes wrong, callers see errors of the contract and nothing else."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf import message_factory
from google.rpc import status_pb2
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import MalformedRequestError
from gateway.reasons import Language
from gateway.rpc.boundary import DEADLINE_CAP_SECONDS, Call
from gateway.rpc.catalog import CatalogServicer
from gateway.rpc.catalog_publication import CatalogPublicationServicer
from gateway.rpc.catalog_rules import CatalogRulesServicer
from gateway.rpc.identity import IdentityServicer
from gateway.rpc.methods import read_message, snake_case
from gateway.rpc.recognition import RecognitionServicer
from gateway.rpc.region import RegionServicer
from onecard.gateway.v1 import identity_service_pb2 as pb
from onecard.gateway.v1.catalog_service_pb2 import ListCatalogsRequest
from onecard.gateway.v1.catalog_service_pb2_grpc import CatalogServiceStub
from onecard.gateway.v1.identity_service_pb2_grpc import IdentityServiceStub
from onecard.gateway.v1.region_service_pb2 import GetRegionRequest
from onecard.gateway.v1.region_service_pb2_grpc import RegionServiceStub
from tests.fakes.callers import PLATFORM, STRANGER, bearer, callers, token
from tests.fakes.clock import FakeClock
from tests.fakes.context import AbortedError, FakeContext
from tests.fakes.node import FakeNode, channel_to
from tests.gateway.rpc.raising import RaisingServicer
from tests.gateway.rpc.requests import verify
from tests.gateway.rpc.told import DETAILS, Told, refused, told_by

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from gateway.rpc.boundary import Servicer

SERVICERS: tuple[type[Servicer], ...] = (
    RegionServicer,
    CatalogServicer,
    CatalogRulesServicer,
    CatalogPublicationServicer,
    IdentityServicer,
    RecognitionServicer,
)
METHODS = [method for servicer in SERVICERS for method in servicer.SERVICE.methods]
ENDING = [method for method in METHODS if method.client_streaming or not method.server_streaming]
"""Those that come to an end by themselves; a stream of ours goes on until the caller leaves."""
VERIFY = "/onecard.gateway.v1.IdentityService/VerifyCard"


def handled(node: FakeNode, servicer: Servicer, method: str) -> Callable[[bytes, Any], Coroutine[Any, Any, None]]:
    """Give the handler of a method, single or stream, as one that takes one message and ends."""
    full = f"/{servicer.SERVICE.full_name}/{method}"
    asked: Any = SimpleNamespace(method=full, invocation_metadata=())
    handler: Any = node.boundary.handlers(servicer).service(asked)

    async def play(raw: bytes, context: Any) -> None:  # noqa: ANN401 - a context that no network carries
        context.messages.append(raw)
        await (handler.stream_unary or handler.stream_stream)(None, context)

    return play


async def abort(node: FakeNode, servicer: Servicer, method: str, raw: bytes, context: FakeContext) -> Told:
    """Call a handler without a network, and read how it ended the call."""
    with pytest.raises(AbortedError):
        await handled(node, servicer, method)(raw, context)
    status = status_pb2.Status.FromString(dict(context.trailers)[DETAILS])  # type: ignore[arg-type]  # it is bytes
    read = told_by(status)
    assert (context.code and context.code.name, context.details) == (read.code, read.message)
    return read


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.full_name.rpartition(".v1.")[2])
async def test_every_method_asks_for_a_token_and_its_scope_before_it_reads_anything(method: Any) -> None:  # noqa: ANN401 - a descriptor
    """Without a token UNAUTHENTICATED, without the scope PERMISSION_DENIED, whatever the bytes are."""
    node = FakeNode()
    servicer = next(one for one in node.servicers() if one.SERVICE is method.containing_service)
    scope = servicer.SCOPES[method.name]
    told_ = await abort(node, servicer, method.name, b"\xff", FakeContext(None))
    assert (told_.code, told_.reason) == ("UNAUTHENTICATED", "UNAUTHENTICATED")
    others = {"catalog.read", "card.verify"} - {scope}
    lacking = FakeContext(bearer(PLATFORM, node.clock, *others))
    told_ = await abort(node, servicer, method.name, b"\xff", lacking)
    assert (told_.code, told_.reason, told_.metadata["scope"]) == ("PERMISSION_DENIED", "SCOPE", scope)
    told_ = await abort(node, servicer, method.name, b"\xff", FakeContext(bearer(PLATFORM, node.clock, scope)))
    assert (told_.code, told_.reason) == ("INVALID_ARGUMENT", "MALFORMED_REQUEST")


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.full_name.rpartition(".v1.")[2])
def test_every_method_has_an_implementation_and_a_known_scope(method: Any) -> None:  # noqa: ANN401 - a descriptor
    """The contract's methods in snake case, no more and no less."""
    servicer = next(one for one in SERVICERS if one.SERVICE is method.containing_service)
    assert callable(getattr(servicer, snake_case(method.name)))
    assert servicer.SCOPES.keys() == {one.name for one in method.containing_service.methods}


NODE = FakeNode()
SERVED = NODE.servicers()


@given(raw=st.binary(max_size=120), method=st.sampled_from(ENDING))
def test_any_bytes_get_an_answer_of_the_contract(raw: bytes, method: Any) -> None:  # noqa: ANN401 - a descriptor
    """No bytes lead to anything but an answer, or an error that is foreseen and repeats nothing of them."""
    servicer = next(one for one in SERVED if one.SERVICE is method.containing_service)
    context = FakeContext(bearer(PLATFORM, NODE.clock))
    with suppress(AbortedError):
        asyncio.run(handled(NODE, servicer, method.name)(raw, context))
    assert context.code not in {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN}


@given(st.binary(max_size=200), st.sampled_from(METHODS))
def test_any_bytes_are_a_message_or_malformed(raw: bytes, method: Any) -> None:  # noqa: ANN401 - a descriptor
    """The error of bytes that are no message has no cause that could quote them."""
    request_type = message_factory.GetMessageClass(method.input_type)
    errors = []
    try:
        read_message(request_type, raw)
    except MalformedRequestError as error:
        errors.append(error)
    assert [(error.metadata, error.__cause__) for error in errors] in ([], [({}, None)])


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ((), "UNAUTHENTICATED"),
        ((("authorization", ""),), "UNAUTHENTICATED"),
        ((("authorization", "bearer x"),), "MALFORMED_TOKEN"),
        ((("authorization", "Basic eA=="),), "UNAUTHENTICATED"),
        ((("authorization", "Bearer "),), "MALFORMED_TOKEN"),
        ((("authorization", f"Bearer {token(PLATFORM, FakeClock())} "),), "MALFORMED_TOKEN"),
        ((("authorization", f"Bearer {token(PLATFORM, FakeClock())[:-4]}AAAA"),), "BAD_SIGNATURE"),
        ((("authorization", f"Bearer {token(PLATFORM, FakeClock(), audience='gateway.other')}"),), "AUDIENCE"),
        ((("authorization", f"Bearer {token(PLATFORM, FakeClock(1_780_286_000))}"),), "EXPIRED"),
        ((("authorization", f"Bearer {token(PLATFORM, FakeClock(1_780_286_411))}"),), "NOT_YET_VALID"),
        ((("authorization", f"Bearer {token(STRANGER, FakeClock())}"),), "ISSUER_UNKNOWN"),
    ],
)
async def test_a_caller_that_is_not_proven_is_not_admitted(metadata: tuple[tuple[str, str], ...], reason: str) -> None:
    """Each way of not proving oneself has its reason, and no caller is written into the log."""
    node = FakeNode()
    async with channel_to(node.server()) as channel:
        told_ = await refused(RegionServiceStub(channel).GetRegion(GetRegionRequest(), metadata=metadata))
    assert (told_.code, told_.reason) == ("UNAUTHENTICATED", reason)
    assert node.journal.lines[-1]["caller"] == ""
    assert "Bearer" not in node.journal.text


async def test_a_binary_header_is_no_proof() -> None:
    """Metadata that are not text count as not there."""
    context = FakeContext((("authorization", b"Bearer x"), ("accept-language", b"pt")))
    told_ = await abort(FakeNode(), RaisingServicer(ValueError()), "GetRegion", b"", context)
    assert (told_.reason, told_.locale) == ("UNAUTHENTICATED", "zh-Hans")


@pytest.mark.parametrize(
    ("language", "locale"),
    [("", "zh-Hans"), ("en", "en"), ("pt-PT,en;q=0.5", "pt"), ("zh-HK", "zh-Hant"), ("fr", "zh-Hans")],
)
async def test_errors_speak_the_callers_language(language: str, locale: str) -> None:
    """By accept-language, before anything of the caller is proven."""
    metadata = (("accept-language", language),) if language else ()
    told_ = await abort(FakeNode(), RaisingServicer(ValueError()), "GetRegion", b"", FakeContext(metadata))
    assert told_.locale == locale


async def test_a_good_call_is_one_line_with_safe_fields() -> None:
    """Method, outcome, caller and time; nothing of the request."""
    node = FakeNode()
    async with channel_to(node.server()) as channel:
        await CatalogServiceStub(channel).ListCatalogs(
            ListCatalogsRequest(page_size=1), metadata=bearer(PLATFORM, node.clock)
        )
    (line,) = node.journal.lines
    assert line.pop("timestamp")
    assert line.pop("micros") >= 0
    assert line.pop("trace_id")
    assert line == {
        "event": "call",
        "method": "CatalogService/ListCatalogs",
        "code": "OK",
        "reason": "OK",
        "who_failed": "",
        "caller": PLATFORM,
    }


async def test_a_deadline_ends_a_call_that_waits() -> None:
    """The work is stopped at the caller's deadline and told as DEADLINE."""
    node = FakeNode()
    node.platform.gate = asyncio.Event()
    servicer = next(one for one in node.servicers() if isinstance(one, IdentityServicer))
    context = FakeContext(bearer(PLATFORM, node.clock), seconds_left=0.01)
    told_ = await abort(node, servicer, "VerifyCard", verify().SerializeToString(), context)
    assert (told_.code, told_.reason, told_.retry_seconds) == ("DEADLINE_EXCEEDED", "DEADLINE", None)
    context = FakeContext(bearer(PLATFORM, node.clock), seconds_left=0.01)
    stream = pb.BatchVerifyCardsRequest(entries=[verify(request_id="2")]).SerializeToString()
    assert (await abort(node, servicer, "BatchVerifyCards", stream, context)).reason == "DEADLINE"
    node.platform.gate.set()
    await asyncio.sleep(0)


def test_no_call_waits_longer_than_the_cap() -> None:
    """A caller without a deadline, or with a longer one, gets the cap."""
    node = FakeNode()
    caller = callers(node.clock).authenticate(token(PLATFORM, node.clock))
    for left, seconds in ((None, DEADLINE_CAP_SECONDS), (1e6, DEADLINE_CAP_SECONDS), (1.5, 1.5), (-1.0, -1.0)):
        context: Any = FakeContext(seconds_left=left)
        assert Call(caller, Language.EN, "trace", node.boundary, context).seconds_left() == seconds


@pytest.mark.parametrize("servicer", SERVICERS)
def test_whatever_waits_is_a_method_with_a_deadline(servicer: type[Servicer]) -> None:
    """Only what asks a platform or a peer waits, or what a thread works on; each of these is named."""
    asking = {"VerifyCard", "BatchVerifyCards", "IssueRecognition", "RevokeRecognition"}
    wanted = asking | {"PublishCatalog", "FoldProposal", "DiffCatalogs"}
    assert wanted & servicer.SCOPES.keys() == servicer.WAITS


async def test_a_caller_that_leaves_is_noted() -> None:
    """A cancelled call is one line, single or stream; what used something up is there when the caller comes back."""
    node = FakeNode()
    node.platform.gate = asyncio.Event()
    once, again = verify(credential={"qr_text": "SYN-QR"}), verify(request_id="2")
    async with channel_to(node.server()) as channel:
        stub: Any = IdentityServiceStub(channel)
        call = stub.VerifyCard(once, metadata=bearer(PLATFORM, node.clock))
        stream = stub.BatchVerifyCards(metadata=bearer(PLATFORM, node.clock))
        await stream.write(pb.BatchVerifyCardsRequest(entries=[again]))
        while len(node.platform.asked) < 2:
            await asyncio.sleep(0.001)
        call.cancel()
        stream.cancel()
        while len(node.journal.lines) < 2:
            await asyncio.sleep(0.001)
        node.platform.gate.set()
        first = await stub.VerifyCard(once, metadata=bearer(PLATFORM, node.clock))
        second = await stub.VerifyCard(again, metadata=bearer(PLATFORM, node.clock))
    lines = node.journal.lines[:2]
    assert {(line["code"], line["reason"], line["who_failed"]) for line in lines} == {
        ("CANCELLED", "CANCELLED", "caller")
    }
    assert {line["method"] for line in lines} == {"IdentityService/VerifyCard", "IdentityService/BatchVerifyCards"}
    assert (first.replayed, second.replayed) == (True, False)
    assert len(node.platform.asked) == 3


async def test_a_stopping_gateway_takes_no_new_calls_and_finishes_the_old() -> None:
    """SHUTTING_DOWN comes with a RetryInfo; a call under way is answered."""
    node = FakeNode()
    node.platform.gate = asyncio.Event()
    async with channel_to(node.server()) as channel:
        stub: Any = IdentityServiceStub(channel)
        running = stub.VerifyCard(verify(), metadata=bearer(PLATFORM, node.clock))
        while not node.platform.asked:
            await asyncio.sleep(0.001)
        node.boundary.stop()
        told_ = await refused(stub.VerifyCard(verify(request_id="2"), metadata=bearer(PLATFORM, node.clock)))
        assert (told_.code, told_.reason, told_.retry_seconds) == ("UNAVAILABLE", "SHUTTING_DOWN", 2)
        node.platform.gate.set()
        assert (await running).verdict.card_status


async def test_trace_ids_are_never_the_same() -> None:
    """Not within a process, and not between two."""
    one, two = FakeNode(), FakeNode()
    ids = set()
    for node in (one, two, one):
        told_ = await abort(node, RaisingServicer(ValueError()), "GetRegion", b"", FakeContext())
        ids.add(told_.metadata["trace_id"])
    assert len(ids) == 3


async def test_an_unknown_method_and_an_oversized_message_are_refused_by_the_transport() -> None:
    """Nothing of either is read; of the second it is noted that it ended."""
    node = FakeNode()
    async with channel_to(node.server()) as channel:
        for method, raw, code in (
            ("/onecard.gateway.v1.IdentityService/Nothing", b"", "UNIMPLEMENTED"),
            (VERIFY, b"\0" * (4 * 1024 * 1024 + 1), "RESOURCE_EXHAUSTED"),
        ):
            untyped: Any = channel.unary_unary
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await untyped(method)(raw, metadata=bearer(PLATFORM, node.clock))
            assert caught.value.code().name == code
    while not node.journal.lines:
        await asyncio.sleep(0.001)
    assert [line["reason"] for line in node.journal.lines] == ["CANCELLED"]


async def test_a_failing_context_is_a_bug_that_is_noticed() -> None:
    """An abort that came back would let the call go on; it must not."""

    class Forgiving(FakeContext):
        async def abort(self, *_arguments: object) -> None:  # type: ignore[override]
            """Do not end the call."""

    node = FakeNode()
    with pytest.raises(AssertionError, match="abort does not return"):
        await abort(node, RaisingServicer(ValueError()), "GetRegion", b"", Forgiving())


@pytest.mark.parametrize(("name", "snake"), [("VerifyCard", "verify_card"), ("X", "x"), ("aB", "a_b")])
def test_names_become_snake_case(name: str, snake: str) -> None:
    """As Python writes them."""
    assert snake_case(name) == snake
