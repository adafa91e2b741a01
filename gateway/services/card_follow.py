"""Follows the feed of one home region for one region of ours, for ever: resumes, finds gaps, compares where need be."""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from gateway.errors import FeedCursorError, GatewayError, PeerProtocolError, PeerRefusedError
from gateway.services.card_compare import MOST_CARDS, compare
from gateway.services.card_copy import GAP
from trust.errors import TrustError

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.journal import Journal
    from gateway.services.card_copy import CardCopy
    from gateway.services.card_news import FeedSource

SILENCE_SECONDS: Final = 5.0
COMPARE_SECONDS: Final = 3600.0
_FIRST_RETRY_SECONDS: Final = 0.05
_LONGEST_RETRY_SECONDS: Final = 2.0
_MOST_DOUBLINGS: Final = 20
_CURSOR: Final = "FEED_CURSOR"


class CardFollower:
    """Keeps a copy up to date.

    Args:
        copy: what is kept up to date.
        source: where the feed comes from.
        journal: is told where the feed breaks, and what a comparison has found.
        silence_seconds: after how long without a message a stream counts as broken.
        compare_seconds: how often, at most, the copy is compared with the original although nothing is amiss.
        jitter: a number from 0 to 1, so that gateways do not come back all at once.
    """

    def __init__(
        self,
        copy: CardCopy,
        source: FeedSource,
        *,
        journal: Journal,
        silence_seconds: float = SILENCE_SECONDS,
        compare_seconds: float = COMPARE_SECONDS,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Begin nothing yet."""
        self.copy = copy
        self.streaming = False
        self._source = source
        self._journal = journal
        self._silence = silence_seconds
        self._compare_every = compare_seconds
        self._jitter = jitter
        self._compare_due = False
        self._compared_at: float | None = None
        self._gaps = 0

    async def run(self) -> None:
        """Follow for ever; what breaks is tried again, soon at first, and every two seconds at the latest."""
        failures, told = 0, ""
        while True:
            last = self.copy.state.last
            fault = await self._round()
            heard = self.copy.state.last > last or not fault
            failures = 0 if heard else failures + 1
            if fault and fault != told:
                self._journal.event("card_feed_broken", home=self.copy.home, visited=self.copy.visited, fault=fault)
            told = fault
            wait = min(_FIRST_RETRY_SECONDS * 2 ** min(failures, _MOST_DOUBLINGS), _LONGEST_RETRY_SECONDS)
            await asyncio.sleep(wait * (1 - self._jitter() / 2))

    async def _round(self) -> str:
        """Compare where that is due, then follow until the stream ends; gives the fault, "" for none."""
        try:
            await self._compare()
            await self._follow()
        except TimeoutError:
            return "silence"
        except (GatewayError, TrustError) as error:
            return self._judge(error)
        finally:
            self.streaming = False
        return ""

    def _judge(self, error: GatewayError | TrustError) -> str:
        """Name a fault; where the feed cannot be read on, or twice left something out, a comparison is due."""
        if isinstance(error, FeedCursorError) or (isinstance(error, PeerRefusedError) and error.reason == _CURSOR):
            self._compare_due = True
            return _CURSOR
        if isinstance(error, PeerRefusedError):
            return error.reason
        rule = error.metadata.get("rule", "")
        if isinstance(error, PeerProtocolError) and rule.startswith(GAP):
            self._gaps += 1
            self._compare_due = self._gaps > 1
        return rule or type(error).__name__

    async def _follow(self) -> None:
        """Read the feed on from where the copy stands, until it ends or is silent (TimeoutError)."""
        state = self.copy.state
        stream = self._source.watch(visited=self.copy.visited, feed=state.feed, after=state.last)
        async with aclosing(stream) as messages:
            while True:
                async with asyncio.timeout(self._silence):
                    message = await anext(messages, None)
                if message is None:
                    return
                await self.copy.apply(message.news, message.state)
                self.streaming = True
                self._gaps = 0

    async def _compare(self) -> None:
        """Compare the copy with the original where something is amiss, or has not been looked at for long."""
        now = asyncio.get_running_loop().time()
        if self._compared_at is None:
            self._compared_at = now
        if not self._compare_due and (now - self._compared_at < self._compare_every or not len(self.copy.table)):
            return
        changed, more = 0, True
        while more:
            cards, state = await compare(self.copy.table, self._source, visited=self.copy.visited)
            changed += await self.copy.merge(cards, state)
            more = len(cards) >= MOST_CARDS
        self._compared_at, self._compare_due, self._gaps = now, False, 0
        self._journal.event("card_feed_compared", home=self.copy.home, visited=self.copy.visited, changed=changed)
