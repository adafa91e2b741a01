"""Remembering one-time tokens, by issuer and jti: never by the text of the token, which a holder could vary.

A memory never gives up a live entry: when it is full, new tokens are refused, not old ones forgotten.
"""

from __future__ import annotations

import heapq
import threading
from typing import Protocol

from trust.errors import ReplayError, ReplayMemoryFullError


class ReplayMemory(Protocol):
    """What a memory of used tokens does; a durable one, shared by replicas, keeps the same promise."""

    def remember(self, issuer: str, jti: str, expires_at: int, now: int) -> None:
        """Use a token up. Of any number of parallel calls for the same pair exactly one returns.

        Args:
            issuer: who issued it; two issuers may use the same jti.
            jti: its identifier.
            expires_at: from when on no verifier accepts it any more (`replay_until`), Unix seconds.
            now: Unix seconds.

        Raises:
            ReplayError: it was used before.
            ReplayMemoryFullError: no room that is not taken by a live entry.
        """


class InMemoryReplay:
    """A bounded memory in this process; it forgets an entry once the token has expired, and not before."""

    __slots__ = ("_capacity", "_expiries", "_lock", "_used")

    def __init__(self, capacity: int) -> None:
        """Make an empty memory with room for at least one token."""
        if capacity < 1:
            message = "a replay memory holds at least one token"
            raise RuntimeError(message)
        self._capacity = capacity
        self._used: set[tuple[str, str]] = set()
        self._expiries: list[tuple[int, str, str]] = []
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Count the tokens remembered."""
        return len(self._used)

    def remember(self, issuer: str, jti: str, expires_at: int, now: int) -> None:
        """Use a token up.

        Raises:
            ReplayError: it was used before.
            ReplayMemoryFullError: all room is taken by live entries.
        """
        with self._lock:
            self._forget_expired(now)
            if (issuer, jti) in self._used:
                raise ReplayError(issuer=issuer)
            if len(self._used) >= self._capacity:
                raise ReplayMemoryFullError(capacity=str(self._capacity))
            self._used.add((issuer, jti))
            heapq.heappush(self._expiries, (expires_at, issuer, jti))

    def _forget_expired(self, now: int) -> None:
        """Drop what has expired, soonest first."""
        while self._expiries and self._expiries[0][0] <= now:
            _, issuer, jti = heapq.heappop(self._expiries)
            self._used.discard((issuer, jti))
