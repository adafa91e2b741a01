"""A platform of prepared answers for tests of look-ups: no network, and time that stands still."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adapters.auth import scheme
from adapters.codec import decode_json, encode_json, flatten
from adapters.errors import AdapterError, CardNotFoundError, PlatformUnavailableError, TokenRefusedError
from adapters.lookup import LookupPolicy, PlatformLimits, Surroundings
from adapters.wire import Draft, HttpReply, HttpRequest, PlatformRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

ONCE = Draft("POST", "/card", {"qr": "x"}, {}, repeatable=False)
AGAIN = Draft("POST", "/card", {"aac002": "x"}, {}, repeatable=True)
GOOD = HttpReply(200, {}, b'{"aac003":"x"}')
AUTH = scheme("login_token", {})
SECRETS = {"app_id": "gateway", "app_secret": "s3cret", "api_key": "k"}


class JsonDialect:
    """A dialect that sends the draft as JSON and reads flat JSON; 401 means that the token is refused."""

    def encode(self, draft: Draft, extra: Mapping[str, str]) -> HttpRequest:
        """Write the record."""
        return HttpRequest(draft.method, draft.path, {}, encode_json({**draft.record, **extra}))

    def decode(self, reply: HttpReply, *, now: float) -> PlatformRecord:
        """Read the record."""
        if reply.status == 401:
            raise TokenRefusedError
        if reply.status == 404:
            raise CardNotFoundError
        return PlatformRecord(flatten(decode_json(reply.body)), now)


@dataclass
class Platform:
    """A platform of prepared answers; the last one is given for ever. Logins are counted and always succeed."""

    answers: list[HttpReply | AdapterError] = field(default_factory=lambda: [GOOD])
    seen: list[HttpRequest] = field(default_factory=list)
    logins: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    login_error: AdapterError | None = None

    async def send(self, request: HttpRequest) -> HttpReply:
        """Answer a login or a look-up, once the gate is open."""
        if request.path == "/auth/token":
            self.logins += 1
            await self.gate.wait()
            if self.login_error is not None:
                raise self.login_error
            return AUTH.answer_login(request, secrets=SECRETS, token=f"token-{self.logins}")
        self.seen.append(request)
        await self.gate.wait()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, AdapterError):
            raise answer
        return answer


@dataclass
class World:
    """Time that stands still until it is told to move."""

    now: float = 1000.0
    nonces: int = 0

    def nonce(self) -> str:
        """Count."""
        self.nonces += 1
        return str(self.nonces)


def policy(platform: Platform, world: World | None = None, *, auth: str = "api_key", **limits: float) -> LookupPolicy:
    """Build a policy whose platform answers at once."""
    world = world or World()
    platform.gate.set()
    return LookupPolicy(
        region="500000",
        dialect=JsonDialect(),
        auth=scheme(auth, {}),
        secrets=SECRETS,
        limits=PlatformLimits(**{"backoff_seconds": 0, **limits}),  # type: ignore[arg-type]
        surroundings=Surroundings(
            clock=lambda: world.now, monotonic=lambda: world.now, new_nonce=world.nonce, jitter=lambda: 0.5
        ),
        send=platform.send,
    )


def fault(name: str = "http_5xx") -> PlatformUnavailableError:
    """Give a transport's error."""
    return PlatformUnavailableError(region="500000", fault=name)


async def ask(asked: LookupPolicy, draft: Draft = AGAIN, seconds: float | None = None) -> PlatformRecord:
    """Look up."""
    return await asked.look_up(draft, timeout_seconds=seconds)
