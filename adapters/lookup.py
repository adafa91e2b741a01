"""One look-up at a platform from draft to record: deadline, login, retries and circuit breaker around a given `send`.

No I/O here: `adapters.platform` gives the `send` that reaches the network, a test gives one that does not.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeVar

from adapters.breaker import Breaker
from adapters.errors import (
    AdapterError,
    BadUpstreamError,
    CardNotFoundError,
    CredentialUsedError,
    HolderMismatchError,
    PlatformRefusedError,
    PlatformTimeoutError,
    PlatformUnavailableError,
    TokenRefusedError,
    UndecodableTextError,
)
from adapters.token_cache import TokenCache
from adapters.wire import Draft, HttpReply, HttpRequest, Moment, PlatformRecord

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from adapters.auth_scheme import AuthScheme

# Faults that the transport reports when no connection could be made, so that nothing can have been sent.
UNSENT_FAULTS = frozenset({"name_resolution", "tls", "connect", "connect_timeout"})

_T = TypeVar("_T")
_FAILURES = (PlatformUnavailableError, BadUpstreamError)
_ANSWERS = (CardNotFoundError, HolderMismatchError, CredentialUsedError, PlatformRefusedError)


class Dialect(Protocol):
    """How one region's platform writes requests and replies; pure."""

    def encode(self, draft: Draft, extra: Mapping[str, str]) -> HttpRequest:
        """Write the request; `extra` holds the fields that the authentication scheme adds."""

    def decode(self, reply: HttpReply, *, now: float) -> PlatformRecord:
        """Read a reply whose status is 2xx or 4xx.

        Raises:
            CardNotFoundError, HolderMismatchError, CredentialUsedError: what the platform says of the card.
            TokenRefusedError: the login token is no longer good.
            PlatformRefusedError, PlatformUnavailableError, BadUpstreamError, UndecodableTextError: it does not say.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformLimits:
    """What one look-up may cost. Times in seconds, sizes in bytes; `attempts` counts the first try too.

    A caller's deadline that ran out sooner than `fair_seconds` is not held against the platform.
    """

    total_seconds: float = 5.0
    connect_seconds: float = 2.0
    fair_seconds: float = 1.0
    body_bytes: int = 262_144
    failures_to_open: int = 5
    open_seconds: float = 5.0
    attempts: int = 2
    backoff_seconds: float = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a look-up takes from the world: Unix time, monotonic time, fresh nonces, numbers from 0 to 1 for jitter."""

    clock: Callable[[], float]
    monotonic: Callable[[], float]
    new_nonce: Callable[[], str]
    jitter: Callable[[], float]


class LookupPolicy:
    """Looks cards up at one platform; shared by all callers of one event loop."""

    def __init__(
        self,
        *,
        region: str,
        dialect: Dialect,
        auth: AuthScheme,
        secrets: Mapping[str, str],
        limits: PlatformLimits,
        surroundings: Surroundings,
        send: Callable[[HttpRequest], Awaitable[HttpReply]],
    ) -> None:
        """Start with a closed breaker and no token."""
        self._region = region
        self._dialect = dialect
        self._auth = auth
        self._secrets = dict(secrets)
        self._limits = limits
        self._world = surroundings
        self._send = send
        self._breaker = Breaker(failures_to_open=limits.failures_to_open, open_seconds=limits.open_seconds)
        self._tokens = TokenCache()
        self._login: asyncio.Task[str] | None = None

    @property
    def admits(self) -> bool:
        """Tell whether the breaker would let a look-up through now."""
        return self._breaker.would_admit(self._world.monotonic())

    async def look_up(self, draft: Draft, *, timeout_seconds: float | None) -> PlatformRecord:
        """Ask the platform, within the breaker and the deadline; errors as in `PlatformClient.lookup`."""
        budget = self._limits.total_seconds
        if timeout_seconds is not None:
            budget = min(budget, timeout_seconds)
        if budget <= 0:
            raise PlatformTimeoutError(region=self._region)
        permit = self._breaker.admit(self._world.monotonic())
        if permit is None:
            raise PlatformUnavailableError(region=self._region, fault="circuit_open")
        try:
            with self._region_named():
                record = await self._in_time(draft, budget)
        except PlatformTimeoutError:
            if budget >= min(self._limits.fair_seconds, self._limits.total_seconds):
                self._breaker.fail(permit, self._world.monotonic())
            raise
        except _FAILURES:
            self._breaker.fail(permit, self._world.monotonic())
            raise
        except _ANSWERS:
            self._breaker.succeed(permit)
            raise
        else:
            self._breaker.succeed(permit)
            return record
        finally:
            self._breaker.abandon(permit)

    async def close(self) -> None:
        """Stop a login that is under way."""
        if self._login is not None:
            self._login.cancel()
            await asyncio.wait({self._login})

    async def _in_time(self, draft: Draft, budget: float) -> PlatformRecord:
        """Bound everything by one deadline."""
        try:
            async with asyncio.timeout(budget):
                return await self._with_token(draft)
        except TimeoutError:
            raise PlatformTimeoutError(region=self._region) from None

    async def _with_token(self, draft: Draft) -> PlatformRecord:
        """Ask with the token at hand; when the platform does not take it, log in once and ask again."""
        token = await self._token()
        try:
            return await self._retried(lambda: self._ask(draft, token), harmless=draft.repeatable)
        except TokenRefusedError:
            if token is None:
                raise PlatformRefusedError(region=self._region) from None
            self._tokens.forget(token)
        fresh = await self._token()
        try:
            return await self._retried(lambda: self._ask(draft, fresh), harmless=draft.repeatable)
        except TokenRefusedError:
            raise PlatformRefusedError(region=self._region) from None

    async def _retried(self, ask: Callable[[], Awaitable[_T]], *, harmless: bool) -> _T:
        """Try again where a second try does no harm: the draft says so, or nothing was sent."""
        for attempt in range(1, self._limits.attempts):
            try:
                return await ask()
            except PlatformUnavailableError as error:
                if not harmless and error.metadata.get("fault") not in UNSENT_FAULTS:
                    raise
            # Doubled each time and spread from half to one and a half, so that callers do not return in step.
            await asyncio.sleep(self._limits.backoff_seconds * 2 ** (attempt - 1) * (0.5 + self._world.jitter()))
        return await ask()

    async def _ask(self, draft: Draft, token: str | None) -> PlatformRecord:
        """Send one request, with a time and a nonce of its own, and read the reply."""
        moment = Moment(now=self._world.clock(), nonce=self._world.new_nonce())
        extra = self._auth.envelope(draft.record, draft.constants, secrets=self._secrets, moment=moment)
        request = self._dialect.encode(draft, extra)
        headers = self._auth.headers(
            method=request.method,
            path=request.path,
            body=request.body,
            secrets=self._secrets,
            moment=moment,
            token=token,
        )
        reply = await self._send(replace(request, headers={**request.headers, **headers}))
        try:
            return self._dialect.decode(reply, now=self._world.clock())
        except UndecodableTextError as error:
            raise BadUpstreamError(region=self._region, rule=error.metadata.get("rule", "syntax")) from None

    async def _token(self) -> str | None:
        """Give a good token, logging in at most once for all who wait; None for a scheme without login.

        The login is a task of its own, so that a caller who leaves does not take it from the others.
        """
        token = self._tokens.current(self._world.monotonic())
        if token is not None:
            return token
        request = self._auth.login(secrets=self._secrets)
        if request is None:
            return None
        if self._login is None or self._login.done():
            self._login = asyncio.create_task(self._log_in(request))
            self._login.add_done_callback(_look_at)
        login = self._login
        await asyncio.wait({login})
        if login.cancelled():
            raise PlatformUnavailableError(region=self._region, fault="closed")
        return login.result()

    async def _log_in(self, request: HttpRequest) -> str:
        """Log in, within the time of a look-up, and remember the token."""
        asked_at = self._world.monotonic()
        async with asyncio.timeout(self._limits.total_seconds):
            login = self._auth.read_login(await self._retried(lambda: self._send(request), harmless=True))
        self._tokens.keep(login, asked_at)
        return login.token

    @contextmanager
    def _region_named(self) -> Iterator[None]:
        """Say which region it was in errors of parts that do not know it."""
        try:
            yield
        except AdapterError as error:
            error.metadata.setdefault("region", self._region)
            raise


def _look_at(task: asyncio.Task[str]) -> None:
    """Take note of a failed login for which nobody waits any more; asyncio would log it."""
    if not task.cancelled():
        task.exception()
