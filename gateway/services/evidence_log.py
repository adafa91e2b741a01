"""Appends decisions to the one log of the store, as a bundle, and the tile that it ends, in the transaction of both.

A bundle is added behind the one that it was made to follow, at a place that only one can have. Whoever comes at the
same time, on this replica or on another, waits for the outcome and finds the place taken: so places are given without a
gap and never twice. The end of the log is not read first: what this process believes it to be is tried, and where the
store knows better, that is read.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import bindparam, exists, insert, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from gateway.services.evidence import SALT_BYTES, write_entry
from gateway.services.evidence_bundle import pack, short_subjects
from gateway.services.evidence_rows import have_tiles_alone
from gateway.store.tables_evidence import BUNDLES, TILE_WIDTH, TILES
from trust.merkle import Frontier, split_hashes, tree_root

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.services.evidence import Decision, Entry, EvidenceSecret
    from gateway.store.transaction import Transaction

_NAMES: Final = [column.name for column in BUNDLES.columns]
_BEFORE: Final = BUNDLES.alias("before")
_NEXT: Final = select(*(bindparam(column.name, type_=column.type) for column in BUNDLES.columns)).where(
    or_(
        bindparam("place", type_=BUNDLES.c.place.type) == 0,
        exists().where(
            _BEFORE.c.place == bindparam("before_place"), _BEFORE.c.frontier == bindparam("before_frontier")
        ),
    )
)
_APPEND: Final = {
    "sqlite": sqlite.insert(BUNDLES).from_select(_NAMES, _NEXT).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(BUNDLES).from_select(_NAMES, _NEXT).on_conflict_do_nothing(),
}
"""Adds a bundle behind the one that it was made to follow, and nothing where that is not the last one."""

_LAST: Final = select(BUNDLES.c.place, BUNDLES.c.entries, BUNDLES.c.frontier).order_by(BUNDLES.c.place.desc()).limit(1)
_INSERT_TILE: Final = insert(TILES)
_BUNDLES: Final = (
    select(BUNDLES)
    .where(BUNDLES.c.place >= bindparam("start"), BUNDLES.c.place < bindparam("end"))
    .order_by(BUNDLES.c.place)
)
_ROOTS: Final = (
    select(TILES.c.root)
    .where(TILES.c.level == bindparam("level"), TILES.c.number >= bindparam("start"), TILES.c.number < bindparam("end"))
    .order_by(TILES.c.number)
)


class _Head(NamedTuple):
    """The end of the log: the place of the last bundle, and the tree with it."""

    place: int
    frontier: Frontier


_NEW: Final = _Head(-1, Frontier())


class EvidenceLog:
    """What the store calls with the decisions of each transaction."""

    def __init__(self, secret: EvidenceSecret, *, dialect: str) -> None:
        """Take the secret, and the name of the store's engine: sqlite or postgresql."""
        self._secret = secret
        self._append = _APPEND[dialect]
        self._head = _NEW

    async def append(self, transaction: Transaction, decisions: Sequence[Decision]) -> None:
        """Append decisions in their order; they are there when the transaction is committed, and only then."""
        salts = os.urandom(SALT_BYTES * len(decisions))
        entries = [
            write_entry(decision, secret=self._secret, salt=salts[at * SALT_BYTES : (at + 1) * SALT_BYTES])
            for at, decision in enumerate(decisions)
        ]
        done = 0
        while done < len(entries):
            done += await self._add(transaction, entries[done : done + TILE_WIDTH])

    async def _add(self, transaction: Transaction, entries: Sequence[Entry]) -> int:
        """Add a bundle, and the tile that it ends; gives how many entries had room before the end of the tile."""
        head = self._head
        while True:
            size = head.frontier.size
            part = entries[: TILE_WIDTH - size % TILE_WIDTH]
            if (size + len(part)) % TILE_WIDTH == 0:
                await have_tiles_alone(transaction)
            frontier = head.frontier.extended([entry.leaf for entry in part])
            follows = {"before_place": head.place, "before_frontier": head.frontier.to_bytes()}
            row = {**pack(size, part), "frontier": frontier.to_bytes(), **follows}
            if (await transaction.execute(self._append, row)).rowcount == 1:
                break
            head = await _last(transaction)
        if frontier.size % TILE_WIDTH == 0:
            await _add_tile(transaction, 0, size // TILE_WIDTH)
        # Should the transaction fail, this is not what the store has, and the next bundle finds that out.
        self._head = _Head(size, frontier)
        return len(part)


async def _last(transaction: Transaction) -> _Head:
    """Read the end of the log as the store has it."""
    row = (await transaction.execute(_LAST)).one_or_none()
    return _NEW if row is None else _Head(row.place, Frontier.from_bytes(row.place + row.entries, row.frontier))


async def _add_tile(transaction: Transaction, level: int, number: int) -> None:
    """Write a tile that has become whole, and the one above it where that has become whole too."""
    start = number * TILE_WIDTH
    span = {"start": start, "end": start + TILE_WIDTH}
    subjects = None
    if level == 0:
        rows = (await transaction.execute(_BUNDLES, span)).all()
        hashes = [leaf for row in rows for leaf in split_hashes(row.leaves)]
        subjects = short_subjects(rows)
    else:
        hashes = list((await transaction.execute(_ROOTS, {"level": level - 1, **span})).scalars())
    tile = {"level": level, "number": number, "root": tree_root(hashes), "hashes": b"".join(hashes)}
    await transaction.execute(_INSERT_TILE, {**tile, "subjects": subjects})
    if (number + 1) % TILE_WIDTH == 0:
        await _add_tile(transaction, level + 1, number // TILE_WIDTH)
