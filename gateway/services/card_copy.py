"""The visited side of card states: a copy of what one home region tells one region of ours, and how old it is."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from gateway.errors import PeerProtocolError
from gateway.services.card_news import CopyState, propagation_millis
from gateway.services.card_table import CardTable
from trust.claims import CLOCK_SKEW_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from adapters.card_events import CardEvent
    from adapters.card_state import CardState
    from gateway.services.card_news import CopyStore, FeedState, Told
    from gateway.services.card_table import Shown
    from gateway.services.ports import Clock

GAP: Final = "feed:"
"""How the rule of an error begins that says that a feed cannot be read on."""

_REMEMBERED: Final = 100_000


class Learned(NamedTuple):
    """When something was learned of a card (Unix time), and the milliseconds from the event to then."""

    at: float
    millis: int


class CardCopy:
    """What one home region tells one visited region.

    Args:
        home: the region whose cards these are.
        visited: the region that is told.
        store: keeps the copy.
        clock: Unix time.
        learned: is told of each event that was new, and how many milliseconds it took.
    """

    def __init__(
        self,
        home: str,
        visited: str,
        *,
        store: CopyStore,
        clock: Clock,
        learned: Callable[[CardEvent, int], None] = lambda _event, _millis: None,
    ) -> None:
        """Know nothing yet."""
        self.home = home
        self.visited = visited
        self.table = CardTable()
        self.state = CopyState()
        self._store = store
        self._clock = clock
        self._told = learned
        self._learned: OrderedDict[bytes, Learned] = OrderedDict()

    @property
    def pair(self) -> tuple[str, str]:
        """Home and visited region."""
        return self.home, self.visited

    async def start(self) -> None:
        """Load what was kept (StoreUnavailableError)."""
        self.state = await self._store.begin(self.pair)
        async for card, state in self._store.states(self.pair):
            self.table.put(card, state)

    def age(self) -> float | None:
        """Give how old what is known is, in seconds; None where nothing was ever vouched for."""
        return None if self.state.as_of is None else max(0.0, self._clock() - self.state.as_of)

    def shown(self, card: bytes) -> Shown | None:
        """Give what a card's state means, None for a card of which nothing was told."""
        return self.table.shown(card)

    def learned(self, card: bytes) -> Learned | None:
        """Give when the last thing was learned of a card, as far back as is remembered."""
        return self._learned.get(card)

    async def apply(self, news: Iterable[Told], state: FeedState) -> None:
        """Apply news of the feed in their order, none twice, and note how old the feed is.

        What is told counts at once; it is kept after that, and told again where it could not be kept.

        Raises:
            PeerProtocolError: a number is missing, or the feed is another one or has fewer numbers than were told.
            StoreUnavailableError: it cannot be kept.
        """
        if self.state.last and self.state.feed != state.feed:
            raise self._gap("another_feed")
        last, changed = self.state.last, dict[bytes, None]()
        for one in news:
            if one.number <= last:
                continue
            if one.number != last + 1:
                raise self._gap("missing_number")
            last = one.number
            self._join(one.card, one.events)
            changed[one.card] = None
        if state.last < last:
            raise self._gap("fewer_numbers")
        await self._keep(CopyState(feed=state.feed, last=last, as_of=self._as_of(state, last)), changed)

    def _gap(self, rule: str) -> PeerProtocolError:
        return PeerProtocolError(region=self.home, rule=f"{GAP}{rule}")

    def _as_of(self, state: FeedState, last: int) -> float | None:
        """Give until when all is known that happened: not before there is nothing more to be told.

        The age is that which the home gateway told when it sent the message, and the message may have been long on its
        way, which its clock shows, as far as clocks agree.
        """
        if state.age is None or last < state.last:
            return self.state.as_of
        now = self._clock()
        late = max(0.0, now - state.sent_at - CLOCK_SKEW_SECONDS)
        as_of = now - state.age - late
        return as_of if self.state.as_of is None else max(as_of, self.state.as_of)

    def _join(self, card: bytes, events: Iterable[CardEvent]) -> None:
        before = self.table.state(card)
        after = before
        for event in events:
            after = after.with_event(event)
        if after == before:
            return
        self.table.put(card, after)
        now = self._clock()
        latest = max(after.events, key=lambda event: event.stamp)
        self._learned[card] = Learned(now, propagation_millis(latest, now))
        self._learned.move_to_end(card)
        if len(self._learned) > _REMEMBERED:
            self._learned.popitem(last=False)
        self._told(latest, self._learned[card].millis)

    async def merge(self, cards: Iterable[tuple[bytes, CardState]], state: FeedState) -> int:
        """Take what a comparison has found, and go on from where it began; gives how many cards changed.

        Raises:
            StoreUnavailableError: it cannot be kept.
        """
        changed = dict[bytes, None]()
        for card, told in cards:
            before = self.table.state(card)
            self._join(card, told.events)
            if self.table.state(card) != before:
                changed[card] = None
        await self._keep(CopyState(feed=state.feed, last=state.last, as_of=self._as_of(state, state.last)), changed)
        return len(changed)

    async def _keep(self, state: CopyState, changed: Iterable[bytes]) -> None:
        """Keep what has changed, and where the copy stands; a heartbeat alone is kept in memory."""
        self.state = replace(self.state, as_of=state.as_of)  # what counts at once is as fresh at once
        cards = [(card, self.table.state(card)) for card in changed]
        if cards or (state.feed, state.last) != (self.state.feed, self.state.last):
            await self._store.keep(self.pair, state, cards)
        self.state = state
