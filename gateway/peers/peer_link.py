"""The connection to another gateway: its channel, our tokens for it, and what its refusals mean to our own callers."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import grpc

from gateway.certificates import fingerprint
from gateway.errors import DeadlineError, GatewayError, PeerProtocolError, PeerRefusedError, PeerUnavailableError
from gateway.peers.details import details_of, plain
from gateway.rpc.status import PAIRS

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.services.ports import Clock
    from trust.signer import CallerTokenSigner

_Code = grpc.StatusCode
TIMEOUT_SECONDS = 10.0
_FORMER_CERTIFICATES = 8
_RETIRE_SECONDS = TIMEOUT_SECONDS + 1.0
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
    ("grpc.max_receive_message_length", 1024 * 1024),
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


class PeerLink:
    """Connects to one gateway.

    Args:
        peer: where it is.
        tokens: gives what signs for a home region of ours.
        clock: Unix time.
    """

    def __init__(self, peer: PeerAddress, *, tokens: Callable[[str], CallerTokenSigner], clock: Clock) -> None:
        """Open nothing; the channel is opened by the first call."""
        self._peer = peer
        self._tokens = tokens
        self._clock = clock
        self._channel: grpc.aio.Channel | None = None
        self._retired: dict[asyncio.Task[None], grpc.aio.Channel] = {}
        self._shown = _shown(peer)
        self._former: deque[str] = deque(maxlen=_FORMER_CERTIFICATES)
        self._issued: dict[tuple[str, str], tuple[CallerTokenSigner, str, float]] = {}

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

    def channel(self) -> grpc.aio.Channel:
        """Give the channel, which is opened once and again after a rotation."""
        if self._channel is None:
            options = (*_CHANNEL_OPTIONS, ("grpc.ssl_target_name_override", self._peer.server_name))
            credentials = grpc.ssl_channel_credentials(self._peer.ca, self._peer.key, self._peer.certificate)
            self._channel = grpc.aio.secure_channel(self._peer.address, credentials, options)
        return self._channel

    def metadata(self, asking: str, *, scope: str) -> tuple[tuple[str, str], ...]:
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

    def failure(self, error: grpc.aio.AioRpcError) -> GatewayError:
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
        if self._channel is not None:
            self.retire(self._channel)

    def retire(self, channel: grpc.aio.Channel) -> None:
        """Let the next call open a channel in place of this one; running calls finish on the one they began with."""
        if channel is self._channel:
            retiring = asyncio.get_running_loop().create_task(_retire(channel))
            self._retired[retiring], self._channel = channel, None
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
