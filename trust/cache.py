"""A bounded memory of callers' tokens that were verified, so that a known token costs a dictionary look-up."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trust.verified import VerifiedCaller


class VerifiedTokenCache:
    """Tokens that a caller verifier has believed, by their exact text; the oldest entry makes room for a new one.

    It holds conclusions about signature and form only. The verifier asks again, at each use, whether the key still
    stands, whether the times hold and whom the token is addressed to. Strangers cannot fill it: only verified tokens
    enter. Memory is bounded by capacity times the size of a token (4 KiB).
    """

    __slots__ = ("_capacity", "_entries")

    def __init__(self, capacity: int) -> None:
        """Make an empty cache for at least one token."""
        if capacity < 1:
            message = "a cache holds at least one token"
            raise RuntimeError(message)
        self._capacity = capacity
        self._entries: OrderedDict[str, VerifiedCaller] = OrderedDict()

    def __len__(self) -> int:
        """Count the tokens held."""
        return len(self._entries)

    def get(self, token: str) -> VerifiedCaller | None:
        """Give what was concluded about this text, or None."""
        return self._entries.get(token)

    def put(self, token: str, verified: VerifiedCaller) -> None:
        """Keep a conclusion, at the cost of the oldest when full."""
        if token not in self._entries and len(self._entries) >= self._capacity:
            self._entries.popitem(last=False)  # a dict would look for its first entry among all that were deleted
        self._entries[token] = verified
