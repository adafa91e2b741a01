"""What every authentication scheme is: the gateway's side and the platform's side of one agreement, both pure.

The platform's side serves simulated platforms and tests, so that whoever reads one scheme reads both. Time, nonces,
tokens and secrets are arguments; a scheme keeps nothing. A secret never becomes part of an error or a `repr`.
"""

from __future__ import annotations

import hmac
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol

from adapters.errors import BadUpstreamError, RegionDataError
from adapters.wire import HttpReply, HttpRequest

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from adapters.wire import Moment

FRESHNESS_SECONDS = 300.0
_TIMESTAMP = re.compile(r"[0-9]{1,15}", re.ASCII)
_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}")
_MAX_LIFETIME_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class Login:
    """Result of a login: a token, and for how many seconds from now it is good."""

    token: str = field(repr=False)
    lifetime_seconds: float


class AuthScheme(Protocol):
    """How a gateway proves to a platform who it is."""

    @property
    def login_path(self) -> str | None:
        """Path of the login step, or None for a scheme without one."""

    @property
    def secret_names(self) -> tuple[str, ...]:
        """Names of the secrets that the scheme needs; the other methods raise RegionDataError when one is missing."""

    def envelope(
        self,
        record: Mapping[str, str],
        constants: Mapping[str, str],
        *,
        secrets: Mapping[str, str],
        moment: Moment,
    ) -> dict[str, str]:
        """Give the fields to add beside a draft's record and constants."""

    def headers(
        self,
        *,
        method: str,
        path: str,
        body: bytes,
        secrets: Mapping[str, str],
        moment: Moment,
        token: str | None,
    ) -> dict[str, str]:
        """Give the headers to add to the encoded request; `token` comes from the login step."""

    def login(self, *, secrets: Mapping[str, str]) -> HttpRequest | None:
        """Give the login request, or None for a scheme without a login step."""

    def read_login(self, reply: HttpReply) -> Login:
        """Read the platform's answer to `login` (PlatformRefusedError, BadUpstreamError with a rule)."""

    def admits(
        self,
        request: HttpRequest,
        envelope: Mapping[str, str],
        record: Mapping[str, str],
        *,
        secrets: Mapping[str, str],
        now: float,
        tokens: Container[str],
    ) -> bool:
        """Platform's side: tell whether a request is authentic.

        `envelope` holds every decoded field beside the record: the constants and what `envelope()` added. `tokens` are
        those given out and still good. Whether a nonce was seen before is for the caller to remember.
        """

    def answer_login(self, request: HttpRequest, *, secrets: Mapping[str, str], token: str) -> HttpReply:
        """Platform's side: answer a login request, with this token if its credentials are right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainScheme(ABC):
    """Base of the schemes: adds nothing, has no login step. A subclass's fields are its options, all of them text."""

    secret_names: ClassVar[tuple[str, ...]] = ()

    @property
    def login_path(self) -> str | None:
        """No login step."""
        return None

    def envelope(
        self,
        record: Mapping[str, str],
        constants: Mapping[str, str],
        *,
        secrets: Mapping[str, str],
        moment: Moment,
    ) -> dict[str, str]:
        """No further fields."""
        del record, constants, secrets, moment
        return {}

    def headers(
        self,
        *,
        method: str,
        path: str,
        body: bytes,
        secrets: Mapping[str, str],
        moment: Moment,
        token: str | None,
    ) -> dict[str, str]:
        """No further headers."""
        del method, path, body, secrets, moment, token
        return {}

    def login(self, *, secrets: Mapping[str, str]) -> HttpRequest | None:
        """No login step."""
        del secrets
        return None

    def read_login(self, reply: HttpReply) -> Login:
        """There is no login that could be answered (BadUpstreamError)."""
        del reply
        raise BadUpstreamError(rule="no_login")

    @abstractmethod
    def admits(
        self,
        request: HttpRequest,
        envelope: Mapping[str, str],
        record: Mapping[str, str],
        *,
        secrets: Mapping[str, str],
        now: float,
        tokens: Container[str],
    ) -> bool:
        """Platform's side, as in `AuthScheme`."""

    def answer_login(self, request: HttpRequest, *, secrets: Mapping[str, str], token: str) -> HttpReply:
        """There is no login page."""
        del request, secrets, token
        return HttpReply(404)


def secret(secrets: Mapping[str, str], name: str) -> str:
    """Give a secret by name (RegionDataError when the configuration lacks it)."""
    value = secrets.get(name)
    if not value:
        raise RegionDataError(rule="missing_secret", column=name)
    return value


def same(one: str, other: str) -> bool:
    """Compare two texts in a time that does not depend on where they differ."""
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))


def header(request: HttpRequest, name: str) -> str:
    """Give a header whatever the case of its name; empty when it is absent."""
    return next((value for key, value in request.headers.items() if key.lower() == name.lower()), "")


def is_fresh(timestamp: str, now: float, *, per_second: int = 1) -> bool:
    """Tell whether a decimal Unix time, in seconds or in parts of one, lies within the tolerance around now."""
    return bool(_TIMESTAMP.fullmatch(timestamp)) and abs(int(timestamp) / per_second - now) <= FRESHNESS_SECONDS


def make_login(token: object, lifetime: object) -> Login:
    """Check what a platform gave as token and lifetime (BadUpstreamError); a lifetime beyond a day counts as a day."""
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise BadUpstreamError(rule="login_token")
    text = str(lifetime)
    if isinstance(lifetime, bool) or not _TIMESTAMP.fullmatch(text) or int(text) == 0:
        raise BadUpstreamError(rule="login_lifetime")
    return Login(token, min(float(text), _MAX_LIFETIME_SECONDS))
