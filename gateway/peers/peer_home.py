"""The home side on another gateway: a client of the same public contract that every partner uses."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import grpc
from google.protobuf.message import DecodeError

from gateway.certificates import fingerprint
from gateway.errors import DeadlineError, PeerProtocolError, PeerRefusedError, PeerUnavailableError
from gateway.peers.details import details_of, plain
from gateway.peers.messages import answer_value, question_message
from gateway.rpc.status import PAIRS
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

_Code = grpc.StatusCode
_UNKNOWN_KEY = "UNKNOWN_KEY"
_KEY_SECONDS = 1.5
_METHOD = "/onecard.gateway.v1.IdentityService/VerifyCard"
_SCOPE = "card.verify"
_TIMEOUT_SECONDS = 10.0
_FORMER_CERTIFICATES = 8
_RETIRE_SECONDS = _TIMEOUT_SECONDS + 1.0
_TOKEN_SECONDS = 300
_TOKEN_MARGIN_SECONDS = 60

# What a peer says about our own credentials is our operator's trouble and would mislead the caller, and an INTERNAL of
# the peer is its bug; neither is passed on.
_NOT_PASSED_ON = frozenset({_Code.UNAUTHENTICATED, _Code.INTERNAL, _Code.UNKNOWN, _Code.UNIMPLEMENTED})
_OUR_OWN_REASONS = frozenset({"SCOPE", "CALLER_REGION", "NOT_TRANSITIVE", "REQUEST_ID_REUSED", "MALFORMED_REQUEST"})
_PASSED_ON = ("region", "field", "rule", "fault", "agreement", "regions", "credential", "who_failed")
_CHANNEL_OPTIONS = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_receive_message_length", 256 * 1024),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerAddress:
    """Where a peer is and how it proves itself: `server_name` must stand in its certificate, `audience` is its id.

    With `certificate` and `key`, PEM, we prove ourselves to it as well, which its mutual port demands.
    """

    region: str
    address: str
    server_name: str
    audience: str
    ca: bytes
    certificate: bytes | None = None
    key: bytes | None = field(default=None, repr=False)


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
        self._peer = peer
        self._tokens = tokens
        self._recognitions = recognitions
        self._book = book
        self._secret = request_secret
        self._clock = clock
        self._renew = renew
        self._channel: grpc.aio.Channel | None = None
        self._retired: dict[asyncio.Task[None], grpc.aio.Channel] = {}
        self._shown = _shown(peer)
        self._former: deque[str] = deque(maxlen=_FORMER_CERTIFICATES)
        self._verify: grpc.aio.UnaryUnaryMultiCallable[identity_service_pb2.VerifyCardRequest, bytes]
        self._issued: dict[str, tuple[CallerTokenSigner, str, float]] = {}
        self._reachable = True

    @property
    def reachable(self) -> bool:
        """Tell whether the last call reached the peer."""
        return self._reachable

    @property
    def certificates(self) -> frozenset[str]:
        """The thumbprints to which the peer may have bound an answer: of our certificate, and of its forerunners.

        A rotation may come before an answer does, and the peer gives a repeated request the answer of the first one.
        """
        return frozenset(self._former).union(() if self._shown is None else (self._shown,))

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
            await self._renew(self._peer.region)
            claims = self._believe(asked, answer, now=int(now))
        return replace(answer, claims=claims)

    def _believe(self, asked: CardQuestion, answer: CardAnswer, *, now: int) -> RecognitionClaims | None:
        return believe(asked, answer, recognitions=self._recognitions, now=now, certificates=self.certificates)

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
        stub, channel = self._stub(), self._channel
        try:
            raw = await stub(request, timeout=_TIMEOUT_SECONDS, metadata=self._metadata(asking))
        except grpc.aio.AioRpcError as error:
            failure = self._failure(error)
            if isinstance(failure, DeadlineError) and channel is self._channel:
                # Nothing came back: the connection may be one that only we believe in. The next call opens another.
                self._retire_channel()
            # A refusal comes from a peer that was reached.
            self._reachable = not isinstance(failure, PeerUnavailableError | DeadlineError)
            raise failure from None
        self._reachable = True
        try:
            return identity_service_pb2.VerifyCardResponse.FromString(raw)
        except DecodeError:
            raise PeerProtocolError(region=self._peer.region, rule="unreadable") from None

    def _stub(self) -> grpc.aio.UnaryUnaryMultiCallable[identity_service_pb2.VerifyCardRequest, bytes]:
        """Open the channel once; answers come as bytes, because the library logs and loses what it cannot read."""
        if self._channel is None:
            options = (*_CHANNEL_OPTIONS, ("grpc.ssl_target_name_override", self._peer.server_name))
            credentials = grpc.ssl_channel_credentials(self._peer.ca, self._peer.key, self._peer.certificate)
            self._channel = grpc.aio.secure_channel(self._peer.address, credentials, options)
            self._verify = self._channel.unary_unary(
                _METHOD,
                request_serializer=identity_service_pb2.VerifyCardRequest.SerializeToString,
                response_deserializer=bytes,
            )
        return self._verify

    def _metadata(self, asking: str) -> tuple[tuple[str, str], ...]:
        """Give a bearer token of the region that asks, the same until shortly before it expires: the peer remembers it.

        It is bound to our certificate, where we have one, so that whoever hears it cannot use it; and it is always one
        of the key that signs now: what a rotated or revoked key has signed is soon believed no longer.
        """
        signer, now = self._tokens(asking), self._clock()
        known = self._issued.get(asking)
        if known is not None and known[0] is signer and now < known[2]:
            return (("authorization", f"Bearer {known[1]}"),)
        token = signer.issue(
            audience=self._peer.audience,
            now=int(now),
            scopes=(_SCOPE,),
            lifetime_seconds=_TOKEN_SECONDS,
            confirmation=self._shown,
        )
        self._issued[asking] = (signer, token, now + _TOKEN_SECONDS - _TOKEN_MARGIN_SECONDS)
        return (("authorization", f"Bearer {token}"),)

    def _failure(self, error: grpc.aio.AioRpcError) -> Exception:
        """Turn a peer's status into an error of ours."""
        region = self._peer.region
        info, violations = details_of(error)
        if info is None:
            if error.code() is _Code.DEADLINE_EXCEEDED:
                return DeadlineError()
            if error.code() in {_Code.UNAVAILABLE, _Code.CANCELLED}:
                return PeerUnavailableError(region=region)
            return PeerProtocolError(region=region, rule=error.code().name)
        if error.code() in _NOT_PASSED_ON or info.reason in _OUR_OWN_REASONS:
            return PeerProtocolError(region=region, rule=info.reason)
        if (error.code(), info.reason) not in PAIRS:
            return PeerProtocolError(region=region, rule="unknown_reason")
        safe = {key: told for key in _PASSED_ON if (told := plain(info.metadata.get(key, "")))}
        if "region" in safe:
            safe["region"] = region
        return PeerRefusedError(code=error.code().name, reason=info.reason, violations=violations, **safe)

    def rotate(self, *, certificate: bytes | None, key: bytes | None, ca: bytes) -> None:
        """Use other certificates from the next call on; running calls finish on those they began with."""
        peer = replace(self._peer, certificate=certificate, key=key, ca=ca)
        shown = _shown(peer)
        if self._shown is not None:
            self._former.append(self._shown)
        self._peer, self._shown = peer, shown
        self._issued.clear()
        self._retire_channel()

    def _retire_channel(self) -> None:
        """Let the next call open a channel; running calls finish on the one they began with."""
        if self._channel is not None:
            retiring = asyncio.get_running_loop().create_task(_retire(self._channel))
            self._retired[retiring], self._channel = self._channel, None
            retiring.add_done_callback(self._retired.pop)

    async def close(self) -> None:
        """Close the channel, and those that were rotated away."""
        channels = [*self._retired.values(), *((self._channel and [self._channel]) or [])]
        for retiring in tuple(self._retired):
            retiring.cancel()
        for channel in channels:
            await channel.close(None)


async def _retire(channel: grpc.aio.Channel) -> None:
    """Close a channel when the last call that may run on it has come to its end."""
    await asyncio.sleep(_RETIRE_SECONDS)
    await channel.close(None)


def _shown(peer: PeerAddress) -> str | None:
    """Give the thumbprint of the certificate that we show (BindingError where it cannot be read)."""
    return None if peer.certificate is None else fingerprint(peer.certificate)
