"""Memory of the one login token of a platform; pure, the monotonic time is an argument."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adapters.auth_scheme import Login

MARGIN_SECONDS = 60.0


class TokenCache:
    """Keeps a token until `MARGIN_SECONDS` before it expires, or half its lifetime if that is shorter."""

    __slots__ = ("_good_until", "_token")

    def __init__(self) -> None:
        """Start without a token."""
        self._token: str | None = None
        self._good_until = 0.0

    def current(self, now: float) -> str | None:
        """Give the token if it is good for a while yet."""
        return self._token if now < self._good_until else None

    def keep(self, login: Login, now: float) -> None:
        """Remember the token of a login that was asked for at this time."""
        self._token = login.token
        self._good_until = now + login.lifetime_seconds - min(MARGIN_SECONDS, login.lifetime_seconds / 2)

    def forget(self, token: str) -> None:
        """Drop a token that the platform refused, unless a newer one has taken its place."""
        if token == self._token:
            self._token = None
            self._good_until = 0.0
