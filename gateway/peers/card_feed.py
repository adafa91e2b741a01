"""The feed of another gateway's home region: a client of the public contract that checks what it reads."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Final

from adapters.errors import MalformedFieldError
from gateway.errors import PeerProtocolError
from gateway.rpc import convert_status as status
from gateway.services.card_compare import MOST_CARDS
from gateway.services.card_news import MOST_AT_ONCE, CompareAnswer, FeedMessage
from gateway.services.card_table import BRANCHES
from onecard.gateway.v1 import card_status_service_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from gateway.peers.channel import PeerChannel
    from gateway.services.card_news import CompareNode

_SERVICE: Final = "/onecard.gateway.v1.CardStatusService"
_SCOPE: Final = "card.follow"
_STREAM_SECONDS: Final = 240.0
"""How long a stream is kept: our token runs out a minute later, and the peer would end it with that."""

_COMPARE_SECONDS: Final = 900.0
"""A comparison goes through all cards of a home region: some ten microseconds each, beside all else that it does."""

_DEEPEST: Final = 8


class PeerFeed:
    """Follows the cards of the home region whose gateway a link leads to."""

    def __init__(self, channel: PeerChannel, *, stream_seconds: float = _STREAM_SECONDS) -> None:
        """Open nothing yet."""
        self._channel = channel
        self._seconds = stream_seconds

    async def watch(self, *, visited: str, feed: str, after: int) -> AsyncGenerator[FeedMessage]:
        """Follow the feed; it ends before our token does, and is then to be resumed.

        Raises PeerUnavailableError, PeerProtocolError, DeadlineError, or PeerRefusedError with the peer's own reason.
        """
        request = pb.WatchCardStatusRequest(home_region=self._channel.region, feed=feed, after=after)
        ends_at = asyncio.get_running_loop().time() + self._seconds
        followed = self._channel.follow(
            f"{_SERVICE}/WatchCardStatus", request, pb.WatchCardStatusResponse, asking=visited, scope=_SCOPE
        )
        async with aclosing(followed) as messages:
            async for message in messages:
                yield self._message(message)
                if asyncio.get_running_loop().time() >= ends_at:
                    return

    def _message(self, message: pb.WatchCardStatusResponse) -> FeedMessage:
        """Read one message (PeerProtocolError)."""
        with suppress(MalformedFieldError):
            if len(message.news) <= MOST_AT_ONCE:
                return FeedMessage(tuple(map(status.news_in, message.news)), status.state_in(message.state))
        raise PeerProtocolError(region=self._channel.region, rule="unreadable")

    async def compare(self, nodes: Sequence[CompareNode], *, visited: str) -> CompareAnswer:
        """Compare nodes (the errors of `watch`)."""
        request = status.question_out(self._channel.region, nodes)
        message = await self._channel.call(
            f"{_SERVICE}/CompareCardStatuses",
            request,
            pb.CompareCardStatusesResponse,
            asking=visited,
            scope=_SCOPE,
            timeout_seconds=_COMPARE_SECONDS,
        )
        return self._answer(message, nodes)

    def _answer(self, message: pb.CompareCardStatusesResponse, nodes: Sequence[CompareNode]) -> CompareAnswer:
        """Read an answer, and see that it is one to the question (PeerProtocolError)."""
        with suppress(MalformedFieldError):
            digests = tuple(status.digests_in(node.digests, field="digests") for node in message.nodes)
            cards = [card for node in message.nodes for card in node.cards]
            inner = bool(nodes) and nodes[0].depth < message.deepest
            right = all(len(one) == (BRANCHES if inner else 0) for one in digests)
            if right and len(digests) == len(nodes) and 0 < message.deepest <= _DEEPEST and len(cards) <= MOST_CARDS:
                histories = tuple(map(status.history_in, cards))
                return CompareAnswer(digests, histories, message.deepest, status.state_in(message.state))
        raise PeerProtocolError(region=self._channel.region, rule="unreadable")
