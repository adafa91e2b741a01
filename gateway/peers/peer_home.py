"""The home side on another gateway: a client of the same public contract that every partner uses."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gateway.errors import PeerProtocolError, PeerUnavailableError
from gateway.peers.channel import PeerChannel
from gateway.peers.messages import answer_value, question_message
from gateway.services.believe import believe
from gateway.services.local_home import china_day
from onecard.gateway.v1 import identity_service_pb2
from trust.errors import UnknownKeyError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from adapters.equivalence import EquivalenceBook
    from gateway.peers.channel import PeerAddress
    from gateway.services.model import CardAnswer, CardQuestion
    from gateway.services.ports import Clock
    from trust.claims import RecognitionClaims
    from trust.signer import CallerTokenSigner
    from trust.verifier import RecognitionVerifier

_UNKNOWN_KEY: Final = "UNKNOWN_KEY"
_KEY_SECONDS = 1.5
_METHOD: Final = "/onecard.gateway.v1.IdentityService/VerifyCard"
_SCOPE: Final = "card.verify"


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
        passed_on: Callable[[], tuple[tuple[str, str], ...]] = tuple,
    ) -> None:
        """Take the peer's address and our own means; the channel is opened by the first call.

        `tokens` gives what signs for a home region of ours; `renew` waits until a region's keys were fetched again;
        `passed_on` gives the metadata of a trace that goes on at the peer.
        """
        self.channel = PeerChannel(peer, tokens=tokens, clock=clock, passed_on=passed_on)
        self._recognitions = recognitions
        self._book = book
        self._secret = request_secret
        self._clock = clock
        self._renew = renew
        self.call = self.channel.call
        self.rotate = self.channel.rotate
        self.close = self.channel.close

    @property
    def reachable(self) -> bool:
        """Tell whether the last call reached the peer."""
        return self.channel.reachable

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
            await self._renew(self.channel.region)
            claims = self._believe(asked, answer, now=int(now))
        return replace(answer, claims=claims)

    def _believe(self, asked: CardQuestion, answer: CardAnswer, *, now: int) -> RecognitionClaims | None:
        certificates = self.channel.certificates
        return believe(asked, answer, recognitions=self._recognitions, now=now, certificates=certificates)

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
        return await self.channel.call(
            _METHOD, request, identity_service_pb2.VerifyCardResponse, asking=asking, scope=_SCOPE
        )
