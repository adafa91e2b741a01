"""Values and ports of card states on their way: what is filed at home, what a region is told, and where it is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence

    from adapters.card_events import CardEvent
    from adapters.card_state import CardState, Outcome

MOST_AT_ONCE: Final = 500
"""Reports of one request, and news of one message."""

MICROS: Final = 1_000_000


class CardNews(NamedTuple):
    """An event with its number in a feed; `card` is a pseudonym of 16 bytes, `reported_at` microseconds since 1970."""

    number: int
    card: bytes
    event: CardEvent
    reported_at: int


class Filed(NamedTuple):
    """What became of an event to be filed: its number, 0 for a duplicate, and how it stood to what was known."""

    number: int
    outcome: Outcome
    reported_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedState:
    """How far a feed goes: its id, the last number, for how long the home platform was not heard (None: never was).

    `sent_at` is Unix time by the clock of the home region's gateway.
    """

    feed: str
    last: int
    age: float | None
    sent_at: float


class Told(NamedTuple):
    """What a region is told: `card` is the pseudonym for it, and each event one or, for all functions, several."""

    number: int
    card: bytes
    events: tuple[CardEvent, ...]
    reported_at: int


@dataclass(frozen=True, slots=True)
class FeedMessage:
    """Some news, or none as a heartbeat, with the state of the feed."""

    news: tuple[Told, ...] = field(repr=False)
    state: FeedState


class FeedStart(NamedTuple):
    """Where a log stands: the id of its feed, its last number, and when the platform was last heard (Unix time)."""

    feed: str
    last: int
    heard_at: float | None = None


class CardLog(Protocol):
    """The log of all that was reported of the cards of the home regions, by what a region itself calls a card."""

    async def begin(self, home: str) -> FeedStart:
        """Give the feed of a region as it is now; the first time it is made (StoreUnavailableError)."""

    async def file(self, home: str, told: Sequence[tuple[bytes, CardEvent]], *, heard: bool = True) -> Sequence[Filed]:
        """Append what is not there yet, and note that the platform was `heard`, even of nothing.

        What vouches for a card that is then not in full use is taken back. Returns when all that is on disk
        (StoreUnavailableError).
        """

    async def after(self, home: str, number: int, *, limit: int) -> Sequence[CardNews]:
        """Give what comes after a number, in order and without a gap (StoreUnavailableError)."""

    def states(self, home: str) -> AsyncIterator[tuple[bytes, CardState]]:
        """Give the state of every card of which something was reported (StoreUnavailableError)."""

    def heard(self) -> AsyncGenerator[str]:
        """Name a home region whenever something may have been filed, here or by another replica; "" for any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyState:
    """Where a copy of a feed stands: the feed, the last number in it, and until when it is known (Unix time)."""

    feed: str = ""
    last: int = 0
    as_of: float | None = None


class CopyStore(Protocol):
    """What keeps copies of other regions' card states: `pair` is home and visited region."""

    async def begin(self, pair: tuple[str, str]) -> CopyState:
        """Give where a copy stands."""

    def states(self, pair: tuple[str, str]) -> AsyncIterator[tuple[bytes, CardState]]:
        """Give the state of every card in a copy."""

    async def keep(self, pair: tuple[str, str], state: CopyState, cards: Sequence[tuple[bytes, CardState]]) -> None:
        """Keep the states of some cards and where the copy stands now, both or neither (StoreUnavailableError)."""


class CompareNode(NamedTuple):
    """A part of the tree that is asked about; at the deepest level `known` has the caller's digests."""

    depth: int
    value: int
    known: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class CompareAnswer:
    """Answers about nodes: the sixteen digests below each, or, at the depth `deepest`, the cards that were unknown."""

    digests: tuple[tuple[int, ...], ...]
    cards: tuple[tuple[bytes, CardState], ...] = field(repr=False)
    deepest: int
    state: FeedState


def propagation_millis(event: CardEvent, known_at: float) -> int:
    """Give the milliseconds from an event to when it was known (Unix time); clocks may differ, so never below 0."""
    return max(0, round(known_at * 1000) - event.time * 1000 // MICROS)


class CompareSource(Protocol):
    """With what a copy is compared: the cards of one home region, at another gateway."""

    async def compare(self, nodes: Sequence[CompareNode], *, visited: str) -> CompareAnswer:
        """Compare nodes (PeerUnavailableError, PeerProtocolError, PeerRefusedError, DeadlineError)."""


class FeedSource(CompareSource, Protocol):
    """Where the feed of one home region comes from: another gateway."""

    def watch(self, *, visited: str, feed: str, after: int) -> AsyncGenerator[FeedMessage]:
        """Follow the feed (the same errors)."""
