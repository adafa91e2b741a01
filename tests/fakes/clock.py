"""A clock that stands still until a test moves it."""

from __future__ import annotations

NOON = 1_780_286_400.0
"""Noon of 1 June 2026 in the regions' time; every example agreement is in force."""


class FakeClock:
    """Gives the time that it was told."""

    def __init__(self, now: float = NOON) -> None:
        """Stand at a Unix time."""
        self.now = now

    def __call__(self) -> float:
        """Give the time."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Move on."""
        self.now += seconds
