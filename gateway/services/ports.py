"""What the use cases need from outside, as narrow protocols; `bootstrap` gives the real ones, tests give fakes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from adapters.wire import Draft, PlatformRecord
    from gateway.services.model import CardAnswer, CardQuestion


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


class Home(Protocol):
    """The home side of a question: this process, or another gateway."""

    @property
    def reachable(self) -> bool:
        """Tell whether the last calls went through."""

    async def answer(self, question: CardQuestion, *, disclose: bool) -> CardAnswer:
        """Answer a question; `disclose` is false where the caller wants no identity."""
