"""The home side on another gateway: a client of the same public contract that every partner uses."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from dataclasses import replace
from typing import TYPE_CHECKING

import grpc
from google.protobuf.message import DecodeError

from gateway.errors import DeadlineError, PeerProtocolError, PeerUnavailableError
from gateway.peers.messages import answer_value, question_message
from gateway.peers.peer_link import TIMEOUT_SECONDS, PeerAddress, PeerLink
from gateway.services.believe import believe
from gateway.services.local_home import china_day
from onecard.gateway.v1 import identity_service_pb2
from trust.errors import UnknownKeyError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from adapters.equivalence import EquivalenceBook
    from gateway.services.model import CardAnswer, CardQuestion
    from gateway.services.ports import Clock
    from trust.claims import RecognitionClaims
    from trust.signer import CallerTokenSigner
    from trust.verifier import RecognitionVerifier

_UNKNOWN_KEY = "UNKNOWN_KEY"
_KEY_SECONDS = 1.5
_METHOD = "/onecard.gateway.v1.IdentityService/VerifyCard"
_SCOPE = "card.verify"
_TIMEOUT_SECONDS = TIMEOUT_SECONDS

__all__ = ["PeerAddress", "PeerHome"]


class PeerHome:
    """Asks the gateway of one home region."""

    def __init__(
        self,
        peer: PeerAddress,
        *,
        tokens: Callable[[str], CallerTokenSigner],
        recognitions: RecognitionVerifier,
        book: EquivalenceBook,
        request_secret: bytes,
        clock: Clock,
        renew: Callable[[str], Awaitable[None]],
    ) -> None:
        """Take the peer's address and our own means; the channel is opened by the first call.

        `tokens` gives what signs for a home region of ours; `renew` waits until a region's keys were fetched again.
        """
        self.link = PeerLink(peer, tokens=tokens, clock=clock)
        self._recognitions = recognitions
        self._book = book
        self._secret = request_secret
        self._clock = clock
        self._renew = renew
        self._opened: grpc.aio.Channel | None = None
        self._verify: grpc.aio.UnaryUnaryMultiCallable[identity_service_pb2.VerifyCardRequest, bytes]
        self._reachable = True

    @property
    def reachable(self) -> bool:
        """Tell whether the last call reached the peer."""
        return self._reachable

    async def answer(self, question: CardQuestion, *, disclose: bool) -> CardAnswer:
        """Ask the peer, and believe only what it signed.

        Raises PeerUnavailableError, PeerProtocolError, DeadlineError, or PeerRefusedError with the peer's own reason.
        """
        asked = replace(question, request_id=self._request_id(question))
        response = await self._ask(question_message(asked, disclose=disclose), asking=question.visited_region)
        now = self._clock()
        item = self._book.translate(
            question.visited_region, question.visited_item, question.home_region, on=china_day(now)
        )
        answer = answer_value(response, asked, item)
        try:
            claims = self._believe(asked, answer, now=int(now))
        except PeerProtocolError as error:
            if not isinstance(error.__cause__, UnknownKeyError):
                raise
            # The peer may have rotated its keys a moment ago; nobody's call is to fail for that.
            await self._renew(self.link.region)
            claims = self._believe(asked, answer, now=int(now))
        return replace(answer, claims=claims)

    def _believe(self, asked: CardQuestion, answer: CardAnswer, *, now: int) -> RecognitionClaims | None:
        return believe(asked, answer, recognitions=self._recognitions, now=now, certificates=self.link.certificates)

    def _request_id(self, question: CardQuestion) -> str:
        """Give the id under which the peer knows this request.

        The same for the same question, so that a retry has one effect there too; and not to be guessed by others, since
        the hash of the question, which the recognition carries, would else let them try out card numbers.
        """
        return hmac.new(self._secret, f"{question.asked_by} {question.digest()}".encode(), hashlib.sha256).hexdigest()

    async def _ask(
        self, request: identity_service_pb2.VerifyCardRequest, *, asking: str
    ) -> identity_service_pb2.VerifyCardResponse:
        """Call the peer; once more where the connection broke, which is safe because the request id makes it so.

        Once more, too, where the peer does not know our key yet: it has begun to fetch our keys, because we asked.
        """
        try:
            return await self._call(request, asking=asking)
        except PeerUnavailableError:
            pass
        except PeerProtocolError as error:
            if error.metadata.get("rule") != _UNKNOWN_KEY:
                raise
            await asyncio.sleep(_KEY_SECONDS)
        return await self._call(request, asking=asking)

    async def _call(
        self, request: identity_service_pb2.VerifyCardRequest, *, asking: str
    ) -> identity_service_pb2.VerifyCardResponse:
        stub, channel = self._stub(), self._opened
        try:
            raw = await stub(request, timeout=_TIMEOUT_SECONDS, metadata=self.link.metadata(asking, scope=_SCOPE))
        except grpc.aio.AioRpcError as error:
            failure = self.link.failure(error)
            if isinstance(failure, DeadlineError) and channel is not None:
                # Nothing came back: the connection may be one that only we believe in. The next call opens another.
                self.link.retire(channel)
            # A refusal comes from a peer that was reached.
            self._reachable = not isinstance(failure, PeerUnavailableError | DeadlineError)
            raise failure from None
        self._reachable = True
        try:
            return identity_service_pb2.VerifyCardResponse.FromString(raw)
        except DecodeError:
            raise PeerProtocolError(region=self.link.region, rule="unreadable") from None

    def _stub(self) -> grpc.aio.UnaryUnaryMultiCallable[identity_service_pb2.VerifyCardRequest, bytes]:
        """Give the method; answers come as bytes, because the library logs and loses what it cannot read."""
        channel = self.link.channel()
        if self._opened is not channel:
            self._opened = channel
            self._verify = channel.unary_unary(
                _METHOD,
                request_serializer=identity_service_pb2.VerifyCardRequest.SerializeToString,
                response_deserializer=bytes,
            )
        return self._verify

    def rotate(self, *, certificate: bytes | None, key: bytes | None, ca: bytes) -> None:
        """Use other certificates from the next call on; running calls finish on those they began with."""
        self.link.rotate(certificate=certificate, key=key, ca=ca)

    async def close(self) -> None:
        """Close the connections."""
        await self.link.close()
