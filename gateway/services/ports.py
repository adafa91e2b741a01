"""What the use cases need from outside, as narrow protocols; `bootstrap` gives the real ones, tests give fakes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from adapters.wire import Draft, PlatformRecord
    from gateway.services.model import CardAnswer, CardQuestion
    from trust.claims import StatusReference


class Clock(Protocol):
    """Unix time in seconds."""

    def __call__(self) -> float:
        """Give the time now."""


class Platform(Protocol):
    """A home region's platform, as its HTTP client shows it."""

    @property
    def reachable(self) -> bool:
        """Tell whether the last calls went through."""

    async def lookup(self, draft: Draft, *, timeout_seconds: float | None = None) -> PlatformRecord:
        """Ask about one card; raises the adapter errors of the platform edge."""


class Chains(Protocol):
    """Static trust chains (OpenID Federation 1.0 section 4)."""

    def __call__(self, region: str, agreement: str, /) -> tuple[str, ...]:
        """Give the chain of a region to the anchor of an agreement, compact JWS upwards; () for none."""


class Home(Protocol):
    """The home side of a question: this process, or another gateway."""

    @property
    def reachable(self) -> bool:
        """Tell whether the last calls went through."""

    async def answer(self, question: CardQuestion, *, disclose: bool) -> CardAnswer:
        """Answer a question; `disclose` is false where the caller wants no identity."""


class Consents(Protocol):
    """The home region's register of consents and contracts."""

    def require(self, reference: str, *, agreement: str) -> None:
        """Demand that a reference has not expired and was not withdrawn (ConsentMissingError)."""


class RecognitionPlaces(Protocol):
    """The issuer's side of a Token Status List: the places of one region's living recognitions."""

    @property
    def ttl_seconds(self) -> int:
        """For how long a reader may go on with a list."""

    async def allocate(
        self, *, jti: str, subject: str, expires_at: int, card: bytes = b"", known: int = 0
    ) -> StatusReference | None:
        """Take a place until a recognition has expired everywhere, Unix seconds (LimitError where all are taken).

        None where more was reported of the card than up to the number `known`: it is to be looked at again.
        """

    async def revoke(self, jti: str) -> bool:
        """Revoke a recognition by its token identifier; tell whether it lives."""

    async def revoke_subject(self, subject: str) -> int:
        """Revoke all living recognitions of a pseudonym, and count them, those that were revoked before too."""

    async def text(self, number: int) -> bytes | None:
        """Give a signed list by its number, or None where there is none (TrustError where it cannot be signed)."""
