"""Card states between messages and values, strictly: for the service, and for the client of other gateways."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adapters.card_events import CardEvent
from adapters.card_state import CardState, Mark, Outcome
from adapters.errors import MalformedFieldError
from adapters.words import CardEventKind, CardFunction
from gateway.rpc.convert import FUNCTION, FUNCTION_WORD, enum_numbers, reversed_numbers
from gateway.services.card_news import MICROS, FeedState, Told, propagation_millis
from gateway.services.card_table import KEY_BYTES
from onecard.gateway.v1 import card_status_pb2 as pb
from onecard.gateway.v1 import card_status_service_pb2 as service_pb2
from trust.encoding import decode_base64url, encode_base64url, is_sixteen_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.timestamp_pb2 import Timestamp

    from gateway.services.card_news import CompareAnswer, CompareNode

KIND: Final = enum_numbers(CardEventKind, pb.CardEventKind, "CARD_EVENT_KIND")
KIND_WORD: Final = reversed_numbers(KIND)
OUTCOME: Final = enum_numbers(Outcome, pb.EventOutcome, "EVENT_OUTCOME")

_OF_FUNCTIONS: Final = frozenset({CardEventKind.FUNCTION_SUSPENDED, CardEventKind.FUNCTION_RESTORED})
_DIGEST_BYTES: Final = 8
_NANOS: Final = 1000


def micros_in(time: Timestamp) -> int:
    """Read a time as whole microseconds since 1970."""
    return time.seconds * MICROS + time.nanos // _NANOS


def micros_out(micros: int, message: Timestamp) -> None:
    """Write whole microseconds since 1970."""
    message.seconds, rest = divmod(micros, MICROS)
    message.nanos = rest * _NANOS


def card_in(text: str, *, field: str = "card") -> bytes:
    """Read the pseudonym of a card (MalformedFieldError)."""
    card = decode_base64url(text) if is_sixteen_bytes(text) else None
    if card is None:
        raise MalformedFieldError(field=field, rule="22_characters_of_a_pseudonym")
    return card


def events_out(events: tuple[CardEvent, ...], message: pb.CardEvent) -> None:
    """Write what happened; several are one event of functions that are not named."""
    first = events[0]
    message.kind = KIND[first.kind]
    micros_out(first.time, message.event_time)
    message.sequence = first.sequence
    if first.function is not None and len(events) == 1:
        message.function = FUNCTION[first.function]
        message.legal_basis = first.detail
    elif first.kind is CardEventKind.REPLACED:
        message.successor = first.detail


def events_in(message: pb.CardEvent) -> tuple[CardEvent, ...]:
    """Read what happened (MalformedFieldError); of functions that are not named it is all of them."""
    kind = KIND_WORD.get(message.kind)
    if kind is None:
        raise MalformedFieldError(field="event.kind", rule="a_known_kind")
    detail = message.legal_basis
    if kind is CardEventKind.REPLACED:
        detail = message.successor and encode_base64url(card_in(message.successor, field="event.successor"))
    functions: tuple[CardFunction | None, ...] = (None,)
    if kind in _OF_FUNCTIONS:
        named = FUNCTION_WORD.get(message.function)
        functions = (named,) if named else tuple(CardFunction)
    time = micros_in(message.event_time)
    return tuple(
        CardEvent(kind=kind, time=time, sequence=message.sequence, function=function, detail=detail)
        for function in functions
    )


def news_out(told: Told, message: pb.CardStatusNews) -> None:
    """Write one piece of news; its propagation is that to the home region's gateway."""
    message.number = told.number
    message.card = encode_base64url(told.card)
    events_out(told.events, message.event)
    micros_out(told.reported_at, message.report_time)
    message.propagation_ms = propagation_millis(told.events[0], told.reported_at / MICROS)


def news_in(message: pb.CardStatusNews) -> Told:
    """Read one piece of news (MalformedFieldError)."""
    if message.number < 1:
        raise MalformedFieldError(field="news.number", rule="from_1")
    return Told(message.number, card_in(message.card), events_in(message.event), micros_in(message.report_time))


def state_out(state: FeedState, message: pb.FeedState) -> None:
    """Write where a feed stands."""
    message.feed = state.feed
    message.last_number = state.last
    if state.age is not None:
        message.age.FromMicroseconds(round(state.age * MICROS))
    micros_out(round(state.sent_at * MICROS), message.send_time)


def state_in(message: pb.FeedState) -> FeedState:
    """Read where a feed stands (MalformedFieldError)."""
    age = message.age.seconds + message.age.nanos / 1e9 if message.HasField("age") else None
    if message.last_number < 0 or not message.feed.isprintable() or len(message.feed) > KEY_BYTES * 4:
        raise MalformedFieldError(field="state", rule="form")
    if age is not None and age < 0:
        raise MalformedFieldError(field="state.age", rule="from_0")
    sent_at = micros_in(message.send_time) / MICROS
    return FeedState(feed=message.feed, last=message.last_number, age=age, sent_at=sent_at)


def digests_out(digests: tuple[int, ...]) -> bytes:
    """Write digests one after another, 8 bytes each."""
    return b"".join(digest.to_bytes(_DIGEST_BYTES, "big") for digest in digests)


def digests_in(data: bytes, *, field: str) -> tuple[int, ...]:
    """Read digests (MalformedFieldError)."""
    if len(data) % _DIGEST_BYTES:
        raise MalformedFieldError(field=field, rule="8_bytes_each")
    return tuple(int.from_bytes(data[at : at + _DIGEST_BYTES], "big") for at in range(0, len(data), _DIGEST_BYTES))


def node_out(node: CompareNode, message: pb.CardStatusNode) -> None:
    """Write a node that is asked about."""
    message.depth, message.value, message.known = node.depth, node.value, digests_out(node.known)


def question_out(home: str, nodes: Sequence[CompareNode]) -> service_pb2.CompareCardStatusesRequest:
    """Write a question about nodes."""
    request = service_pb2.CompareCardStatusesRequest(home_region=home)
    for node in nodes:
        node_out(node, request.nodes.add())
    return request


def answer_out(answer: CompareAnswer) -> service_pb2.CompareCardStatusesResponse:
    """Write an answer about nodes; all cards stand with the first."""
    response = service_pb2.CompareCardStatusesResponse(deepest=answer.deepest)
    for digests in answer.digests:
        response.nodes.add(digests=digests_out(digests))
    for card, state in answer.cards:
        history_out(card, state, response.nodes[0].cards.add())
    state_out(answer.state, response.state)
    return response


def history_out(card: bytes, state: CardState, message: pb.CardStatusHistory) -> None:
    """Write a card with what counts of its events."""
    message.card = encode_base64url(card)
    for event in state.events:
        events_out((event,), message.events.add())


def history_in(message: pb.CardStatusHistory) -> tuple[bytes, CardState]:
    """Read a card with its events (MalformedFieldError)."""
    events = [event for one in message.events for event in events_in(one)]
    return card_in(message.card), CardState().joined(Mark(e.slot, e.stamp, e.detail) for e in events)
