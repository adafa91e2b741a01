"""The feed of another gateway: followed over TLS, checked like anything foreign, ended before our token is."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.card_state import CardState
from adapters.errors import MalformedFieldError
from adapters.words import CardEventKind, CardFunction, CardStatus
from gateway.errors import GatewayError, PeerProtocolError, PeerRefusedError, PeerUnavailableError
from gateway.peers.card_feed import PeerFeed
from gateway.rpc import convert_status as status
from gateway.services.card_copy import CardCopy
from gateway.services.card_follow import CardFollower
from gateway.services.card_news import CompareNode, FeedState, Told
from gateway.services.card_table import Shown
from onecard.gateway.v1 import card_status_pb2
from onecard.gateway.v1 import card_status_service_pb2 as pb
from tests.adapters.card_histories import EVENTS
from tests.fakes.card_node import card_servicer
from tests.fakes.cards import FakeCopyStore, happened, ledger, report, told_name
from tests.fakes.journal import FakeJournal
from tests.fakes.node import FakeNode
from tests.gateway.peers.hostile_peer import AUDIENCE, CREDENTIALS, peer_home, refusal
from trust.encoding import encode_base64url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.services.card_ledger import CardLedger
    from tests.gateway.peers.hostile_peer import Refusal

K = CardEventKind
CARD, OTHER = "A00000001", "A00000002"
GOOD = FeedState(feed="f", last=3, age=1.5, sent_at=1_780_286_400.25)


@asynccontextmanager
async def chongqing(node: FakeNode, cards: CardLedger) -> AsyncIterator[str]:
    """Serve Chongqing's cards over TLS, and give the address."""
    await cards.start()
    server = node.server([card_servicer(node.clock, ledgers=[cards])])
    port = server.listen("127.0.0.1:0", CREDENTIALS)
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(drain_seconds=0)


async def test_a_copy_follows_another_gateway() -> None:
    """A loss arrives by the stream; what was lost is found by a comparison; nothing tells a number."""
    node = FakeNode(audience=AUDIENCE)
    cards = ledger(clock=node.clock)
    async with chongqing(node, cards) as address, peer_home(address, clock=node.clock) as home:
        copy = CardCopy("chongqing", "sichuan", store=FakeCopyStore(), clock=node.clock)
        follower = CardFollower(copy, PeerFeed(home.channel), journal=FakeJournal())
        task = asyncio.create_task(follower.run())
        try:
            async with asyncio.timeout(10):
                await cards.report([report(cards, n, happened(K.ACTIVATED, node.clock)) for n in (CARD, OTHER)])
                node.clock.advance(1)
                await cards.report([report(cards, CARD, happened(K.LOST_FORMAL, node.clock))])
                while copy.state.last < 3:
                    await asyncio.sleep(0.005)
        finally:
            task.cancel()
            await asyncio.wait({task})
        assert copy.shown(told_name(cards, CARD)) == Shown(CardStatus.LOST_FORMAL, frozenset())
        feed = PeerFeed(home.channel)
        root = await feed.compare([CompareNode(0, 0)], visited="sichuan")
        assert root.digests == (copy.table.below(0, 0),)
        leaves = [CompareNode(2, value) for value in range(256)]
        assert {card for card, _ in (await feed.compare(leaves, visited="sichuan")).cards} == {
            told_name(cards, CARD),
            told_name(cards, OTHER),
        }


async def test_a_stream_ends_before_our_token_does() -> None:
    """So that it is resumed with another one, and nothing is refused."""
    node = FakeNode(audience=AUDIENCE)
    async with (
        chongqing(node, ledger(clock=node.clock)) as address,
        peer_home(address, clock=node.clock) as home,
    ):
        feed = PeerFeed(home.channel, stream_seconds=0.0)
        assert len([m async for m in feed.watch(visited="sichuan", feed="", after=0)]) == 1


async def test_a_refusal_of_the_peer_is_told_with_its_reason() -> None:
    """A cursor that it does not know; a peer that is not there."""
    node = FakeNode(audience=AUDIENCE)
    async with (
        chongqing(node, ledger(clock=node.clock)) as address,
        peer_home(address, clock=node.clock) as home,
    ):
        with pytest.raises(PeerRefusedError) as caught:
            await anext(PeerFeed(home.channel).watch(visited="sichuan", feed="other", after=5))
        assert caught.value.reason == "FEED_CURSOR"
        with pytest.raises(PeerRefusedError):
            await PeerFeed(home.channel).compare([], visited="sichuan")
    async with peer_home("127.0.0.1:1") as home:
        with pytest.raises(PeerUnavailableError):
            await anext(PeerFeed(home.channel).watch(visited="sichuan", feed="", after=0))
        with pytest.raises(PeerUnavailableError):
            await PeerFeed(home.channel).compare([CompareNode(0, 0)], visited="sichuan")


@asynccontextmanager
async def saying(answer: bytes | Refusal) -> AsyncIterator[PeerFeed]:
    """Follow a peer that says one thing only."""

    async def stream(_raw: bytes, context: Any) -> AsyncIterator[bytes]:  # noqa: ANN401 - the context of raw calls
        yield await one(_raw, context)

    async def one(_raw: bytes, context: Any) -> bytes:  # noqa: ANN401 - the same context
        if not isinstance(answer, bytes):
            trailers = (("grpc-status-details-bin", answer.details or b""),)
            await context.abort(answer.code, "words of the peer", trailers)
        assert isinstance(answer, bytes)
        return answer

    server = grpc.aio.server()
    handlers = {
        "WatchCardStatus": grpc.unary_stream_rpc_method_handler(stream),
        "CompareCardStatuses": grpc.unary_unary_rpc_method_handler(one),
    }
    service = grpc.method_handlers_generic_handler("onecard.gateway.v1.CardStatusService", handlers)
    server.add_generic_rpc_handlers((service,))
    port = server.add_secure_port("127.0.0.1:0", CREDENTIALS)
    await server.start()
    try:
        async with peer_home(f"127.0.0.1:{port}") as home:
            yield PeerFeed(home.channel)
    finally:
        await server.stop(None)


def news(**changes: Any) -> pb.WatchCardStatusResponse:  # noqa: ANN401 - any field
    """Make a message with one piece of news, some of it changed."""
    response = pb.WatchCardStatusResponse()
    event = card_status_pb2.CardEvent(kind=card_status_pb2.CARD_EVENT_KIND_LOCKED)
    event.event_time.seconds = 5
    told = {"number": 1, "card": encode_base64url(bytes(16)), "event": event}
    response.news.add(**{**told, **changes})
    status.state_out(GOOD, response.state)
    return response


def event(**changes: Any) -> card_status_pb2.CardEvent:  # noqa: ANN401 - any field
    """Make an event, some of it changed."""
    made = card_status_pb2.CardEvent(**{"kind": card_status_pb2.CARD_EVENT_KIND_LOCKED, **changes})
    if "event_time" not in changes:
        made.event_time.seconds = 5
    return made


MANY = pb.WatchCardStatusResponse(news=[news().news[0]] * 501, state=news().state)


@pytest.mark.parametrize(
    "said",
    [
        b"\xff\xff",
        news(number=0),
        news(card="A00000001"),
        news(event=event(kind=0)),
        news(event=event(kind=99)),
        news(event=event(sequence=-1)),
        news(event=event(kind=8, successor="A00000001")),
        news(event=card_status_pb2.CardEvent(kind=card_status_pb2.CARD_EVENT_KIND_LOCKED)),
        news(event=event(kind=11, legal_basis="x" * 201)),
        MANY,
        pb.WatchCardStatusResponse(state=card_status_pb2.FeedState(last_number=-1)),
        pb.WatchCardStatusResponse(state=card_status_pb2.FeedState(feed="\n")),
        pb.WatchCardStatusResponse(state=card_status_pb2.FeedState(feed="x" * 65)),
        pb.WatchCardStatusResponse(state=card_status_pb2.FeedState(age={"seconds": -1})),  # type: ignore[arg-type]  # as protobuf takes it
    ],
)
async def test_news_that_are_none_are_not_read(said: bytes | pb.WatchCardStatusResponse) -> None:
    """Whatever is wrong with them, it is the peer's, and nothing of it is in the error."""
    raw = said if isinstance(said, bytes) else said.SerializeToString()
    async with saying(raw) as feed:
        with pytest.raises(PeerProtocolError) as caught:
            await anext(feed.watch(visited="sichuan", feed="", after=0))
    assert caught.value.metadata == {"region": "chongqing", "rule": "unreadable"}


NODE = card_status_pb2.CardStatusNodeAnswer(digests=bytes(128))


@pytest.mark.parametrize(
    "said",
    [
        b"\xff\xff",
        pb.CompareCardStatusesResponse(deepest=2),
        pb.CompareCardStatusesResponse(deepest=2, nodes=[NODE, NODE]),
        pb.CompareCardStatusesResponse(deepest=0, nodes=[NODE]),
        pb.CompareCardStatusesResponse(deepest=9, nodes=[NODE]),
        pb.CompareCardStatusesResponse(deepest=2, nodes=[card_status_pb2.CardStatusNodeAnswer(digests=bytes(120))]),
        pb.CompareCardStatusesResponse(deepest=2, nodes=[card_status_pb2.CardStatusNodeAnswer(digests=b"1")]),
        pb.CompareCardStatusesResponse(
            deepest=2,
            nodes=[card_status_pb2.CardStatusNodeAnswer(digests=bytes(128), cards=[{"card": "x"}])],  # type: ignore[list-item]  # as protobuf takes it
        ),
    ],
)
async def test_an_answer_to_another_question_is_not_read(said: bytes | pb.CompareCardStatusesResponse) -> None:
    """As many nodes as were asked about, sixteen digests each, of a tree that is no deeper than trees are."""
    raw = said if isinstance(said, bytes) else said.SerializeToString()
    async with saying(raw) as feed:
        with pytest.raises(PeerProtocolError):
            await feed.compare([CompareNode(0, 0)], visited="sichuan")


async def test_what_a_peer_says_of_our_own_credentials_is_not_passed_on() -> None:
    """It is our operator's trouble."""
    async with saying(refusal("UNAUTHENTICATED", "EXPIRED")) as feed:
        with pytest.raises(GatewayError) as caught:
            await anext(feed.watch(visited="sichuan", feed="", after=0))
    assert caught.value.metadata == {"region": "chongqing", "rule": "EXPIRED"}


@given(st.lists(EVENTS, min_size=1, max_size=6), st.integers(1, 2**40))
def test_states_and_news_are_read_as_they_were_written(events: list[Any], number: int) -> None:
    """Every kind of event, with its function, basis and successor."""
    name = encode_base64url(b"\x22" * 16)
    whole = [
        one if one.kind is not K.REPLACED else type(one)(kind=one.kind, time=one.time, detail=name) for one in events
    ]
    state = CardState.of(whole)
    message = card_status_pb2.CardStatusHistory()
    status.history_out(bytes(16), state, message)
    assert status.history_in(message) == (bytes(16), state)
    for one in whole:
        told = Told(number, bytes(16), (one,), 7)
        sent = card_status_pb2.CardStatusNews()
        status.news_out(told, sent)
        assert status.news_in(sent) == told


def test_functions_that_are_not_named_are_all_functions() -> None:
    """One event on the wire, one for each function behind it."""
    clock = FakeNode().clock
    events = tuple(happened(K.FUNCTION_SUSPENDED, clock, function=function) for function in CardFunction)
    message = card_status_pb2.CardEvent()
    status.events_out(events, message)
    assert message.function == 0
    assert status.events_in(message) == events


@pytest.mark.parametrize("state", [GOOD, FeedState(feed="", last=0, age=None, sent_at=1.0)])
def test_the_state_of_a_feed_is_read_as_it_was_written(state: FeedState) -> None:
    """An age that nobody knows is absent, and not zero."""
    message = card_status_pb2.FeedState()
    status.state_out(state, message)
    assert status.state_in(message) == state


def test_digests_are_eight_bytes_each() -> None:
    """Anything else is refused."""
    assert status.digests_in(status.digests_out((1, 2**64 - 1)), field="x") == (1, 2**64 - 1)
    with pytest.raises(MalformedFieldError):
        status.digests_in(b"123", field="x")


async def test_a_stream_that_nobody_reads_any_more_is_cancelled() -> None:
    """The peer learns of it, and holds it against nobody."""
    node = FakeNode(audience=AUDIENCE)
    async with (
        chongqing(node, ledger(clock=node.clock)) as address,
        peer_home(address, clock=node.clock) as home,
    ):
        async with aclosing(PeerFeed(home.channel).watch(visited="sichuan", feed="", after=0)) as messages:
            await anext(messages)
        async with asyncio.timeout(10):
            while not (ended := [line for line in node.journal.lines if "code" in line]):
                await asyncio.sleep(0.01)
    assert [(line["method"], line["code"], line["who_failed"]) for line in ended] == [
        ("CardStatusService/WatchCardStatus", "OK", "")
    ]
