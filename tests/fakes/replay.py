"""A memory of used recognitions that ends with the test."""

from __future__ import annotations

from trust.errors import ReplayError, ReplayMemoryFullError


class FakeReplay:
    """Keeps the promise of `gateway.services.recognise.ReplayMemory`, but forgets nothing."""

    def __init__(self, capacity: int = 100) -> None:
        """Begin empty, with room for some."""
        self._capacity = capacity
        self._used: set[tuple[str, str]] = set()

    async def remember(self, issuer: str, jti: str, expires_at: int) -> None:
        """Use one up."""
        assert expires_at > 0
        if (issuer, jti) in self._used:
            raise ReplayError(issuer=issuer)
        if len(self._used) >= self._capacity:
            raise ReplayMemoryFullError(capacity=str(self._capacity))
        self._used.add((issuer, jti))
