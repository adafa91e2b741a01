"""How many calls run at once, and how many of them one caller may have: nobody can take all places."""

from __future__ import annotations

import asyncio
from typing import cast

from gateway.errors import LimitError

DEFAULT_CALLS = 1000
_PARTS = 2


class Shares:
    """Counts the calls of proven callers until their last byte is sent; who is not proven takes no place."""

    def __init__(self, most: int) -> None:
        """Take how many calls may run at once; one caller may have half of them, and one at least."""
        self._most = most
        self._each = max(1, -(-most // _PARTS))
        self._total = 0
        self._of: dict[str, _Share] = {}

    def take(self, caller: str) -> None:
        """Take a place for the call of a caller that this task answers, until it is over (LimitError: there is none).

        grpc.aio has a task for each call, which ends when the last byte is sent. A callback of grpc's own context would
        do as well, but it ties the context to itself, and all that belongs to the call stays until the collector comes.
        """
        share = self._of.get(caller)
        if share is None:
            share = self._of[caller] = _Share(self)
        if share.held >= self._each:
            raise LimitError(limit=f"{self._each}_concurrent_calls_of_one_caller")
        if self._total >= self._most:
            raise LimitError(limit=f"{self._most}_concurrent_calls")
        self._total += 1
        share.held += 1
        cast("asyncio.Task[object]", asyncio.current_task()).add_done_callback(share.give_back)

    def one_less(self) -> None:
        """Note that one of all calls is over."""
        self._total -= 1


class _Share:
    """The places of one caller."""

    def __init__(self, shares: Shares) -> None:
        self.held = 0
        self._shares = shares

    def give_back(self, _: asyncio.Task[object], /) -> None:
        """Note that a call is over."""
        self.held -= 1
        self._shares.one_less()
