"""The home side on another gateway: a client of the same public contract that every partner uses."""

from __future__ import annotations

import hashlib
import hmac
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from gateway.errors import DeadlineError, PeerProtocolError, PeerRefusedError, PeerUnavailableError
from gateway.peers.messages import REASONS, answer_value, question_message
from gateway.services.believe import believe
from gateway.services.local_home import china_day
from onecard.gateway.v1 import identity_service_pb2

if TYPE_CHECKING:
    from adapters.equivalence import EquivalenceBook
    from gateway.services.model import CardAnswer, CardQuestion
    from gateway.services.ports import Clock
    from trust.signer import CallerTokenSigner
    from trust.verifier import RecognitionVerifier

_Code = grpc.StatusCode
_METHOD = "/onecard.gateway.v1.IdentityService/VerifyCard"
_SCOPE = "card.verify"
_TIMEOUT_SECONDS = 10.0
_TOKEN_SECONDS = 300
_TOKEN_MARGIN_SECONDS = 60
_DETAILS = "grpc-status-details-bin"
_ERROR_INFO = "google.rpc.ErrorInfo"
_BAD_REQUEST = "google.rpc.BadRequest"

# What a peer says about our own credentials is our operator's trouble and would mislead the caller, and an INTERNAL of
# the peer is its bug; neither is passed on.
_NOT_PASSED_ON = frozenset({_Code.UNAUTHENTICATED, _Code.INTERNAL, _Code.UNKNOWN, _Code.UNIMPLEMENTED})
_OUR_OWN_REASONS = frozenset({"SCOPE", "CALLER_REGION", "NOT_TRANSITIVE", "REQUEST_ID_REUSED", "MALFORMED_REQUEST"})
_PASSED_ON = ("region", "field", "rule", "fault", "agreement", "regions", "credential", "who_failed")
_MOST_VIOLATIONS = 20
_LONGEST_TEXT = 64
_CHANNEL_OPTIONS = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.enable_http_proxy", 0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerAddress:
    """Where a peer is and how it proves itself: `server_name` must stand in its certificate, `audience` is its id."""

    region: str
    address: str
    server_name: str
    audience: str
    ca: bytes


class PeerHome:
    """Asks the gateway of one home region."""

    def __init__(
        self,
        peer: PeerAddress,
        *,
        tokens: CallerTokenSigner,
        recognitions: RecognitionVerifier,
        book: EquivalenceBook,
        request_secret: bytes,
        clock: Clock,
    ) -> None:
        """Take the peer's address and our own means; the channel is opened by the first call."""
        self._peer = peer
        self._tokens = tokens
        self._recognitions = recognitions
        self._book = book
        self._secret = request_secret
        self._clock = clock
        self._channel: grpc.aio.Channel | None = None
        self._verify: grpc.aio.UnaryUnaryMultiCallable[identity_service_pb2.VerifyCardRequest, bytes]
        self._token = ("", 0.0)
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
        response = await self._ask(question_message(asked, disclose=disclose))
        now = self._clock()
        item = self._book.translate(
            question.visited_region, question.visited_item, question.home_region, on=china_day(now)
        )
        answer = answer_value(response, asked, item)
        claims = believe(asked, answer, recognitions=self._recognitions, now=int(now))
        return replace(answer, claims=claims)

    def _request_id(self, question: CardQuestion) -> str:
        """Give the id under which the peer knows this request.

        The same for the same question, so that a retry has one effect there too; and not to be guessed by others, since
        the hash of the question, which the recognition carries, would else let them try out card numbers.
        """
        return hmac.new(self._secret, f"{question.asked_by} {question.digest()}".encode(), hashlib.sha256).hexdigest()

    async def _ask(self, request: identity_service_pb2.VerifyCardRequest) -> identity_service_pb2.VerifyCardResponse:
        """Call the peer; once more where the connection broke, which is safe because the request id makes it so."""
        with suppress(PeerUnavailableError):
            return await self._call(request)
        return await self._call(request)

    async def _call(self, request: identity_service_pb2.VerifyCardRequest) -> identity_service_pb2.VerifyCardResponse:
        try:
            raw = await self._stub()(request, timeout=_TIMEOUT_SECONDS, metadata=self._metadata())
        except grpc.aio.AioRpcError as error:
            failure = self._failure(error)
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
            credentials = grpc.ssl_channel_credentials(self._peer.ca)
            self._channel = grpc.aio.secure_channel(self._peer.address, credentials, options)
            self._verify = self._channel.unary_unary(
                _METHOD,
                request_serializer=identity_service_pb2.VerifyCardRequest.SerializeToString,
                response_deserializer=bytes,
            )
        return self._verify

    def _metadata(self) -> tuple[tuple[str, str], ...]:
        """Give a bearer token, the same one until shortly before it expires, so that the peer can remember it."""
        token, good_until = self._token
        now = self._clock()
        if now >= good_until:
            token = self._tokens.issue(
                audience=self._peer.audience, now=int(now), scopes=(_SCOPE,), lifetime_seconds=_TOKEN_SECONDS
            )
            self._token = (token, now + _TOKEN_SECONDS - _TOKEN_MARGIN_SECONDS)
        return (("authorization", f"Bearer {token}"),)

    def _failure(self, error: grpc.aio.AioRpcError) -> Exception:
        """Turn a peer's status into an error of ours."""
        region = self._peer.region
        info, violations = _details(error)
        if info is None:
            if error.code() is _Code.DEADLINE_EXCEEDED:
                return DeadlineError()
            if error.code() in {_Code.UNAVAILABLE, _Code.CANCELLED}:
                return PeerUnavailableError(region=region)
            return PeerProtocolError(region=region, rule=error.code().name)
        if error.code() in _NOT_PASSED_ON or info.reason in _OUR_OWN_REASONS:
            return PeerProtocolError(region=region, rule=info.reason)
        if info.reason not in REASONS:
            return PeerProtocolError(region=region, rule="unknown_reason")
        safe = {key: info.metadata[key][:_LONGEST_TEXT] for key in _PASSED_ON if key in info.metadata}
        return PeerRefusedError(code=error.code().name, reason=info.reason, violations=violations, **safe)

    async def close(self) -> None:
        """Close the channel."""
        if self._channel is not None:
            await self._channel.close(None)


def _details(
    error: grpc.aio.AioRpcError,
) -> tuple[error_details_pb2.ErrorInfo | None, tuple[tuple[str, str], ...]]:
    """Read ErrorInfo and BadRequest from the trailers, or nothing where they are not there or not readable."""
    trailers: dict[str, str | bytes] = dict(error.trailing_metadata() or ())  # type: ignore[arg-type]  # pairs
    raw = trailers.get(_DETAILS, b"")
    info: error_details_pb2.ErrorInfo | None = None
    violations: tuple[tuple[str, str], ...] = ()
    try:
        for detail in status_pb2.Status.FromString(raw if isinstance(raw, bytes) else b"").details:
            if detail.TypeName() == _ERROR_INFO:
                info = error_details_pb2.ErrorInfo()
                detail.Unpack(info)
            elif detail.TypeName() == _BAD_REQUEST:
                bad = error_details_pb2.BadRequest()
                detail.Unpack(bad)
                named = bad.field_violations[:_MOST_VIOLATIONS]
                violations = tuple((v.field[:_LONGEST_TEXT], v.description[:_LONGEST_TEXT]) for v in named)
    except DecodeError:
        return None, ()
    return info, violations
