"""A connection to another gateway: one channel, our certificate, our tokens, its errors as ours.

The channel is opened by the first call. A rotated certificate makes a new one; the former stays until the calls on it
have come to their end.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message

from gateway.certificates import fingerprint
from gateway.errors import DeadlineError, PeerProtocolError, PeerRefusedError, PeerUnavailableError
from gateway.peers.details import details_of, plain
from gateway.rpc.status import PAIRS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    from gateway.services.ports import Clock
    from trust.signer import CallerTokenSigner

Answer = TypeVar("Answer", bound=Message)

_TIMEOUT_SECONDS = 10.0
_Code = grpc.StatusCode
_FORMER_CERTIFICATES: Final = 8
_RETIRE_SECONDS = _TIMEOUT_SECONDS + 1.0
_TOKEN_SECONDS: Final = 300
_TOKEN_MARGIN_SECONDS: Final = 60

# What a peer says about our own credentials is our operator's trouble and would mislead the caller, and an INTERNAL of
# the peer is its bug; neither is passed on.
_NOT_PASSED_ON: Final = frozenset({_Code.UNAUTHENTICATED, _Code.INTERNAL, _Code.UNKNOWN, _Code.UNIMPLEMENTED})
_OUR_OWN_REASONS: Final = frozenset(
    {"SCOPE", "CALLER_REGION", "NOT_TRANSITIVE", "REQUEST_ID_REUSED", "MALFORMED_REQUEST"}
)
_PASSED_ON: Final = ("region", "field", "rule", "fault", "agreement", "regions", "credential", "who_failed")
_OPTIONS: Final = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    # Also how long a connection may take to be made: two provinces, or a busy machine, need more than the first pause.
    ("grpc.min_reconnect_backoff_ms", 2000),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_receive_message_length", 4 * 1024 * 1024),  # the longest is a signed catalog
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


class PeerChannel:
    """Calls methods of one peer.

    Args:
        peer: its address and our own means.
        tokens: gives what signs for a home region of ours.
        clock: Unix seconds.
        passed_on: gives the metadata of a trace that goes on at the peer.
    """

    def __init__(
        self,
        peer: PeerAddress,
        *,
        tokens: Callable[[str], CallerTokenSigner],
        clock: Clock,
        passed_on: Callable[[], tuple[tuple[str, str], ...]] = tuple,
    ) -> None:
        """Begin without a connection."""
        self._passed_on = passed_on
        self._peer = peer
        self._tokens = tokens
        self._clock = clock
        self._channel: grpc.aio.Channel | None = None
        self._retired: dict[asyncio.Task[None], grpc.aio.Channel] = {}
        self._shown = _shown(peer)
        self._former: deque[str] = deque(maxlen=_FORMER_CERTIFICATES)
        self._methods: dict[str, Any] = {}
        self._issued: dict[tuple[str, str], tuple[CallerTokenSigner, str, float]] = {}
        self.reachable = True

    @property
    def region(self) -> str:
        """The region whose gateway it is."""
        return self._peer.region

    @property
    def certificates(self) -> frozenset[str]:
        """The thumbprints to which the peer may have bound an answer: of our certificate, and of its forerunners.

        A rotation may come before an answer does, and the peer gives a repeated request the answer of the first one.
        """
        return frozenset(self._former).union(() if self._shown is None else (self._shown,))

    async def call(
        self,
        method: str,
        request: Message,
        answer: type[Answer],
        *,
        asking: str,
        scope: str,
        timeout_seconds: float | None = None,
    ) -> Answer:
        """Call a method with one message each way, `/package.Service/Method`, on behalf of a home region.

        Raises:
            PeerUnavailableError: the peer cannot be reached.
            DeadlineError: it did not answer in time.
            PeerProtocolError: it does not keep to the contract, or does not believe us.
            PeerRefusedError: it refused, with its own reason.
        """
        stub, metadata = self._stub("unary_unary", method), (*self._metadata(asking, scope), *self._passed_on())
        call = stub(request, timeout=timeout_seconds or _TIMEOUT_SECONDS, metadata=metadata)
        return self._read(await self._answered(call), answer)

    async def follow(
        self, method: str, request: Message, answer: type[Answer], *, asking: str, scope: str
    ) -> AsyncGenerator[Answer]:
        """Call a method that answers with a stream; closing this ends the call (raises as `call`)."""
        call = self._stub("unary_stream", method)(request, metadata=self._metadata(asking, scope))
        try:
            async for raw in call:
                yield self._read(raw, answer)
        except grpc.aio.AioRpcError as error:
            raise self._failure(error) from None
        finally:
            call.cancel()

    async def send(
        self,
        method: str,
        requests: AsyncIterator[Message],
        answer: type[Answer],
        *,
        asking: str,
        scope: str,
        timeout_seconds: float,
    ) -> Answer:
        """Call a method that takes a stream of messages; raises as `call`, and whatever giving the messages raises."""
        stub = self._stub("stream_unary", method)
        call = stub(timeout=timeout_seconds, metadata=(*self._metadata(asking, scope), *self._passed_on()))
        with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):  # answered before all was sent: that says why
            async for request in requests:
                await call.write(request)
            await call.done_writing()
        return self._read(await self._answered(call), answer)

    async def _answered(self, call: Any) -> bytes:  # noqa: ANN401 - a call of grpc
        """Wait for the one answer of a call."""
        channel = self._channel
        try:
            raw: bytes = await call
        except grpc.aio.AioRpcError as error:
            failure = self._failure(error)
            if isinstance(failure, DeadlineError) and channel is self._channel:
                # Nothing came back: the connection may be one that only we believe in. The next call opens another.
                self._retire_channel()
            # A refusal comes from a peer that was reached.
            self.reachable = not isinstance(failure, PeerUnavailableError | DeadlineError)
            raise failure from None
        self.reachable = True
        return raw

    def _read(self, raw: bytes, answer: type[Answer]) -> Answer:
        """Read an answer; answers come as bytes, because the library logs and loses what it cannot read."""
        try:
            return answer.FromString(raw)
        except DecodeError:
            raise PeerProtocolError(region=self._peer.region, rule="unreadable") from None

    def _stub(self, form: str, method: str) -> Any:  # noqa: ANN401 - what grpc calls a multi-callable
        """Give what calls a method; the channel is opened once."""
        if self._channel is None:
            options = (*_OPTIONS, ("grpc.ssl_target_name_override", self._peer.server_name))
            credentials = grpc.ssl_channel_credentials(self._peer.ca, self._peer.key, self._peer.certificate)
            self._channel = grpc.aio.secure_channel(self._peer.address, credentials, options)
            self._methods = {}
        stub = self._methods.get(method)
        if stub is None:
            stub = self._methods[method] = getattr(self._channel, form)(
                method, request_serializer=_serialized, response_deserializer=bytes
            )
        return stub

    def _metadata(self, asking: str, scope: str) -> tuple[tuple[str, str], ...]:
        """Give a bearer token of the region that asks, the same until shortly before it expires: the peer remembers it.

        It is bound to our certificate, where we have one, so that whoever hears it cannot use it; and it is always one
        of the key that signs now: what a rotated or revoked key has signed is soon believed no longer.
        """
        signer, now = self._tokens(asking), self._clock()
        known = self._issued.get((asking, scope))
        if known is not None and known[0] is signer and now < known[2]:
            return (("authorization", f"Bearer {known[1]}"),)
        token = signer.issue(
            audience=self._peer.audience,
            now=int(now),
            scopes=(scope,),
            lifetime_seconds=_TOKEN_SECONDS,
            confirmation=self._shown,
        )
        self._issued[asking, scope] = (signer, token, now + _TOKEN_SECONDS - _TOKEN_MARGIN_SECONDS)
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


def _serialized(request: Message) -> bytes:
    return request.SerializeToString()


async def _retire(channel: grpc.aio.Channel) -> None:
    """Close a channel when the last call that may run on it has come to its end."""
    await asyncio.sleep(_RETIRE_SECONDS)
    await channel.close(None)


def _shown(peer: PeerAddress) -> str | None:
    """Give the thumbprint of the certificate that we show (BindingError where it cannot be read)."""
    return None if peer.certificate is None else fingerprint(peer.certificate)
