"""Keeps copies of other regions' card states over restarts (`gateway.services.card_news.CopyStore`).

Replicas follow the same feeds. What two of them keep of one card is joined, and a copy never goes back, so nothing is
lost whichever of them writes last.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from adapters.card_state import CardState, Mark
from gateway.services.card_news import CopyState
from gateway.store.tables_cards import COPIED, COPIES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from gateway.store.store import Store
    from gateway.store.transaction import Transaction

_MICROS: Final = 1_000_000
_AT_ONCE: Final = 500
_STAMP_BYTES: Final = 13
_MARK: Final = Struct(f">B{_STAMP_BYTES}sH")
_STATE: Final = select(COPIES.c.feed, COPIES.c.last, COPIES.c.as_of).where(
    COPIES.c.home == bindparam("of"), COPIES.c.visited == bindparam("for")
)
_CARDS: Final = select(COPIED.c.card, COPIED.c.marks).where(
    COPIED.c.home == bindparam("of"), COPIED.c.visited == bindparam("for")
)
_SOME: Final = _CARDS.where(COPIED.c.card.in_(bindparam("cards", expanding=True)))
_PAGE: Final = 5000
_NEXT: Final = _CARDS.where(COPIED.c.card > bindparam("after")).order_by(COPIED.c.card).limit(_PAGE)


class _Keep(NamedTuple):
    pair: tuple[str, str]
    state: CopyState
    cards: Sequence[tuple[bytes, CardState]]


class StoredCopies:
    """The copies of all pairs of regions."""

    def __init__(self, store: Store) -> None:
        """Take the store."""
        self._store = store
        add = postgresql.insert if store.dialect == "postgresql" else sqlite.insert
        cards, copies = add(COPIED), add(COPIES)
        self._put_cards = cards.on_conflict_do_update(
            index_elements=["home", "visited", "card"], set_={"marks": cards.excluded.marks}
        )
        new = copies.excluded
        self._put_copy = copies.on_conflict_do_update(
            index_elements=["home", "visited"],
            set_={"feed": new.feed, "last": new.last, "as_of": new.as_of},
            where=(COPIES.c.feed != new.feed) | (COPIES.c.last <= new.last),
        )

    async def begin(self, pair: tuple[str, str]) -> CopyState:
        """Give where a copy stands (StoreUnavailableError)."""
        async with self._store.reading() as connection:
            row = (await connection.execute(_STATE, _asked(pair))).one_or_none()
        if row is None:
            return CopyState()
        return CopyState(feed=row.feed, last=row.last, as_of=None if row.as_of is None else row.as_of / _MICROS)

    async def states(self, pair: tuple[str, str]) -> AsyncIterator[tuple[bytes, CardState]]:
        """Give the state of every card in a copy (StoreUnavailableError)."""
        after, full = b"", True
        while full:
            async with self._store.reading() as connection:
                rows = (await connection.execute(_NEXT, {**_asked(pair), "after": after})).all()
            full = len(rows) == _PAGE
            for row in rows:
                after = row.card
                yield row.card, unpacked(row.marks)

    async def keep(self, pair: tuple[str, str], state: CopyState, cards: Sequence[tuple[bytes, CardState]]) -> None:
        """Keep the states of some cards and where the copy stands now, both or neither (StoreUnavailableError)."""
        await self._store.commit(self._keep, _Keep(pair, state, cards))

    async def _keep(self, transaction: Transaction, items: Sequence[_Keep]) -> Sequence[None]:
        for item in items:
            home, visited = item.pair
            for first in range(0, len(item.cards), _AT_ONCE):
                some = dict(item.cards[first : first + _AT_ONCE])
                for row in await transaction.execute(_SOME, {**_asked(item.pair), "cards": sorted(some)}):
                    some[row.card] = some[row.card].joined(unpacked(row.marks).marks)
                rows = [
                    {"home": home, "visited": visited, "card": card, "marks": packed(one)} for card, one in some.items()
                ]
                await transaction.execute(self._put_cards, rows)
            as_of = None if item.state.as_of is None else round(item.state.as_of * _MICROS)
            told = {"feed": item.state.feed, "last": item.state.last, "as_of": as_of}
            await transaction.execute(self._put_copy, {"home": home, "visited": visited, **told})
        return [None] * len(items)


def _asked(pair: tuple[str, str]) -> dict[str, str]:
    return dict(zip(("of", "for"), pair, strict=True))


def packed(state: CardState) -> bytes:
    """Write a state: for each mark its slot, its stamp, and its detail with its length."""
    parts: list[bytes] = []
    for mark in state.marks:
        detail = mark.detail.encode()
        parts += (_MARK.pack(mark.slot, mark.stamp.to_bytes(_STAMP_BYTES, "big"), len(detail)), detail)
    return b"".join(parts)


def unpacked(data: bytes) -> CardState:
    """Read what `packed` has written."""
    marks, at = [], 0
    while at < len(data):
        slot, stamp, length = _MARK.unpack_from(data, at)
        at += _MARK.size
        marks.append(Mark(slot, int.from_bytes(stamp, "big"), data[at : at + length].decode()))
        at += length
    return CardState(tuple(marks))
