"""Tells other regions what happens to the cards of the home regions, as agreements allow, and compares with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.errors import FeedCursorError, RegionNotServedError
from gateway.services.card_compare import ToldDigests
from gateway.services.card_news import FeedMessage
from gateway.services.card_told import Telling
from gateway.services.local_home import china_day

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from adapters.registry import Registry
    from gateway.services.card_ledger import CardLedger
    from gateway.services.card_news import CompareAnswer, CompareNode
    from gateway.services.ports import Clock
    from trust.policy import AgreementBook

HEARTBEAT_SECONDS: Final = 1.0
_FUNCTIONS: Final = "card.suspended_functions"


class CardFeeds:
    """The feeds of all home regions of this gateway.

    Args:
        ledgers: by home region.
        registry: the installed regions.
        agreements: who is told, and what.
        clock: Unix time.
        heartbeat_seconds: how long there is silence at most.
    """

    def __init__(
        self,
        ledgers: Mapping[str, CardLedger],
        *,
        registry: Registry,
        agreements: AgreementBook,
        clock: Clock,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        """Tell nobody yet."""
        self._ledgers = ledgers
        self._registry = registry
        self._agreements = agreements
        self._clock = clock
        self._heartbeat = heartbeat_seconds
        self._digests: dict[tuple[str, str, bool], ToldDigests] = {}

    async def watch(self, home: str, *, visited: str, feed: str, after: int) -> AsyncGenerator[FeedMessage]:
        """Tell a region what happens, from where it is, for ever; a heartbeat at least as often as was set.

        Raises:
            UnknownRegionError: there is no such region.
            RegionNotServedError: the cards are those of another gateway.
            NoAgreementError, AgreementNotInForceError, AgreementNotSignedError, AgreementStoppedError: the agreement
                does not stand, or no longer.
            FeedCursorError: the feed cannot be read on from there.
            StoreUnavailableError: what comes next cannot be read.
        """
        ledger, telling = self._telling(home, visited)
        if not ledger.follows(feed, after):
            raise FeedCursorError(region=home)
        while True:
            entries = await ledger.after(after)
            if entries:
                after = entries[-1].number
            yield FeedMessage(telling.news(entries), ledger.state())
            await ledger.changed(after, within=self._heartbeat)
            ledger, telling = self._telling(home, visited)

    async def compare(self, home: str, nodes: Sequence[CompareNode], *, visited: str) -> CompareAnswer:
        """Answer about parts of what a region is told (the errors of `watch`; InvalidFieldError for the nodes)."""
        ledger, telling = self._telling(home, visited)
        key = (home, visited, telling.functions)
        if key not in self._digests:
            self._digests[key] = ToldDigests(ledger, telling)
        return await self._digests[key].answer(nodes)

    def _telling(self, home: str, visited: str) -> tuple[CardLedger, Telling]:
        """Find the cards, and what the region is told of them today."""
        self._registry.get(home)
        functions = home == visited or self._may_tell_functions(home, visited)
        ledger = self._ledgers.get(home)
        if ledger is None:
            raise RegionNotServedError(region=home)
        return ledger, Telling(ledger, visited=visited, functions=functions)

    def _may_tell_functions(self, home: str, visited: str) -> bool:
        """Say whether the agreement of two regions lets suspended functions be told (the errors of the agreement)."""
        return _FUNCTIONS in self._agreements.between(home, visited, on=china_day(self._clock())).fields


class LocalFeed:
    """The feed of a home region of this very gateway, for another of its regions."""

    def __init__(self, feeds: CardFeeds, home: str) -> None:
        """Take the feeds and the home region."""
        self._feeds = feeds
        self._home = home

    def watch(self, *, visited: str, feed: str, after: int) -> AsyncGenerator[FeedMessage]:
        """Follow the feed (what `CardFeeds.watch` raises)."""
        return self._feeds.watch(self._home, visited=visited, feed=feed, after=after)

    async def compare(self, nodes: Sequence[CompareNode], *, visited: str) -> CompareAnswer:
        """Compare nodes (what `CardFeeds.compare` raises)."""
        return await self._feeds.compare(self._home, nodes, visited=visited)
