"""The feed of another gateway's home region: a client of the public contract that checks what it reads."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import grpc
from google.protobuf.message import DecodeError

from adapters.errors import MalformedFieldError
from gateway.errors import PeerProtocolError
from gateway.peers.peer_link import TIMEOUT_SECONDS
from gateway.rpc import convert_status as status
from gateway.services.card_compare import MOST_CARDS
from gateway.services.card_news import MOST_AT_ONCE, CompareAnswer, FeedMessage
from gateway.services.card_table import BRANCHES
from onecard.gateway.v1 import card_status_service_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from gateway.peers.peer_link import PeerLink
    from gateway.services.card_news import CompareNode

_SERVICE: Final = "/onecard.gateway.v1.CardStatusService"
_SCOPE: Final = "card.follow"
_STREAM_SECONDS: Final = 240.0
"""How long a stream is kept: our token runs out a minute later, and the peer would end it with that."""

_COMPARE_SECONDS: Final = 12 * TIMEOUT_SECONDS
"""A comparison may go through all cards of a home region."""

_DEEPEST: Final = 8


class PeerFeed:
    """Follows the cards of the home region whose gateway a link leads to."""

    def __init__(self, link: PeerLink, *, stream_seconds: float = _STREAM_SECONDS) -> None:
        """Open nothing yet."""
        self._link = link
        self._seconds = stream_seconds

    async def watch(self, *, visited: str, feed: str, after: int) -> AsyncGenerator[FeedMessage]:
        """Follow the feed; it ends before our token does, and is then to be resumed.

        Raises PeerUnavailableError, PeerProtocolError, DeadlineError, or PeerRefusedError with the peer's own reason.
        """
        method = self._link.channel().unary_stream(
            f"{_SERVICE}/WatchCardStatus",
            request_serializer=pb.WatchCardStatusRequest.SerializeToString,
            response_deserializer=bytes,
        )
        request = pb.WatchCardStatusRequest(home_region=self._link.region, feed=feed, after=after)
        call = method(request, metadata=self._link.metadata(visited, scope=_SCOPE))
        ends_at = asyncio.get_running_loop().time() + self._seconds
        try:
            async for raw in call:
                yield self._message(raw)
                if asyncio.get_running_loop().time() >= ends_at:
                    return
        except grpc.aio.AioRpcError as error:
            raise self._link.failure(error) from None
        finally:
            call.cancel()

    def _message(self, raw: bytes) -> FeedMessage:
        """Read one message (PeerProtocolError)."""
        with suppress(DecodeError, MalformedFieldError):
            message = pb.WatchCardStatusResponse.FromString(raw)
            if len(message.news) <= MOST_AT_ONCE:
                return FeedMessage(tuple(map(status.news_in, message.news)), status.state_in(message.state))
        raise PeerProtocolError(region=self._link.region, rule="unreadable")

    async def compare(self, nodes: Sequence[CompareNode], *, visited: str) -> CompareAnswer:
        """Compare nodes (the errors of `watch`)."""
        method = self._link.channel().unary_unary(
            f"{_SERVICE}/CompareCardStatuses",
            request_serializer=pb.CompareCardStatusesRequest.SerializeToString,
            response_deserializer=bytes,
        )
        request = status.question_out(self._link.region, nodes)
        metadata = self._link.metadata(visited, scope=_SCOPE)
        try:
            raw = await method(request, timeout=_COMPARE_SECONDS, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            raise self._link.failure(error) from None
        return self._answer(raw, nodes)

    def _answer(self, raw: bytes, nodes: Sequence[CompareNode]) -> CompareAnswer:
        """Read an answer, and see that it is one to the question (PeerProtocolError)."""
        with suppress(DecodeError, MalformedFieldError):
            message = pb.CompareCardStatusesResponse.FromString(raw)
            digests = tuple(status.digests_in(node.digests, field="digests") for node in message.nodes)
            cards = [card for node in message.nodes for card in node.cards]
            inner = bool(nodes) and nodes[0].depth < message.deepest
            right = all(len(one) == (BRANCHES if inner else 0) for one in digests)
            if right and len(digests) == len(nodes) and 0 < message.deepest <= _DEEPEST and len(cards) <= MOST_CARDS:
                histories = tuple(map(status.history_in, cards))
                return CompareAnswer(digests, histories, message.deepest, status.state_in(message.state))
        raise PeerProtocolError(region=self._link.region, rule="unreadable")
