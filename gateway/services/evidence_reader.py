"""Reads the log of the evidence: its end, records, and the hashes of which proofs are made.

What is below the size of a head never changes, so that reading needs no transaction: each statement may see a longer
log than the one before, and finds the same below the size that it asks about. A proof in a log of a million records
reads three tiles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import bindparam, select, tuple_

from gateway.errors import UnknownRecordError
from gateway.services.evidence_bundle import unpack
from gateway.store.tables_evidence import BUNDLES, TILE_WIDTH, TILES
from trust.merkle import (
    Frontier,
    Range,
    consistency_ranges,
    fold,
    inclusion_ranges,
    split_hashes,
    subtrees,
    tree_root,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.services.evidence_bundle import Stored
    from gateway.store.store import Store
    from trust.merkle import Subtree

_TILE_LEVELS: Final = TILE_WIDTH.bit_length() - 1
_SLACK_MICROS: Final = 120_000_000
"""How long after a decision its record may come at the latest: no call takes so long."""

_ID_TIME_SHIFT: Final = 80
_LAST: Final = select(BUNDLES.c.place, BUNDLES.c.entries, BUNDLES.c.frontier).order_by(BUNDLES.c.place.desc()).limit(1)
_AT: Final = select(BUNDLES).where(BUNDLES.c.place <= bindparam("at")).order_by(BUNDLES.c.place.desc()).limit(1)
_AROUND: Final = (
    select(BUNDLES)
    .where(
        tuple_(BUNDLES.c.time, BUNDLES.c.place) > tuple_(bindparam("after"), bindparam("behind")),
        BUNDLES.c.time < bindparam("latest"),
    )
    .order_by(BUNDLES.c.time, BUNDLES.c.place)
    .limit(16)
)
_LEAVES: Final = (
    select(BUNDLES.c.leaves)
    .where(BUNDLES.c.place >= bindparam("start"), BUNDLES.c.place < bindparam("end"))
    .order_by(BUNDLES.c.place)
)
_TILE: Final = select(TILES.c.hashes).where(TILES.c.level == bindparam("level"), TILES.c.number == bindparam("number"))
_ROOTS: Final = (
    select(TILES.c.root)
    .where(TILES.c.level == bindparam("level"), TILES.c.number >= bindparam("start"), TILES.c.number < bindparam("end"))
    .order_by(TILES.c.number)
)


class _Tile(NamedTuple):
    """Names a tile: of which level, and which from the left."""

    level: int
    number: int


class EvidenceReader:
    """Reads what is committed. Its methods raise StoreUnavailableError where the store cannot be read."""

    def __init__(self, store: Store) -> None:
        """Take the store."""
        self._store = store

    async def head(self) -> Frontier:
        """Give the tree as it is."""
        async with self._store.reading() as connection:
            row = (await connection.execute(_LAST)).one_or_none()
        return Frontier() if row is None else Frontier.from_bytes(row.place + row.entries, row.frontier)

    async def at(self, place: int) -> Stored:
        """Give the record at a place (UnknownRecordError)."""
        async with self._store.reading() as connection:
            row = (await connection.execute(_AT, {"at": place})).one_or_none()
        if row is None or place >= row.place + row.entries:
            raise UnknownRecordError
        return next(one for one in unpack(row) if one.place == place)

    async def find(self, identifier: bytes) -> Stored:
        """Give the record of a decision (UnknownRecordError); an id says when it was made, and so where to look."""
        made = (int.from_bytes(identifier, "big") >> _ID_TIME_SHIFT) * 1000
        needle = b'"id":"' + identifier.hex().encode("ascii") + b'"'
        look: dict[str, int] | None = {"after": made, "behind": -1, "latest": made + _SLACK_MICROS}
        async with self._store.reading() as connection:
            while look is not None:
                rows = (await connection.execute(_AROUND, look)).all()
                for row in rows:
                    if needle in row.records:
                        return next(one for one in unpack(row) if needle in one.record)
                look = {**look, "after": rows[-1].time, "behind": rows[-1].place} if rows else None
        raise UnknownRecordError

    async def root(self, size: int) -> bytes:
        """Give the root of the tree of the first records, which are there."""
        return (await self._hashes([Range(0, size)]))[0]

    async def inclusion(self, place: int, size: int) -> list[bytes]:
        """Give what proves that a record is in the tree of the first `size` (ProofError where it is not)."""
        return await self._hashes(inclusion_ranges(place, size))

    async def consistency(self, first: int, second: int) -> list[bytes]:
        """Give what proves that the larger tree begins with the smaller one (ProofError: it cannot)."""
        return await self._hashes(consistency_ranges(first, second))

    async def _hashes(self, ranges: Sequence[Range]) -> list[bytes]:
        """Give the hashes of ranges."""
        parts = [subtrees(one) for one in ranges]
        tiles: dict[_Tile, list[bytes]] = {}
        async with self._store.reading() as connection:
            for tile in dict.fromkeys(_tile_of(subtree) for part in parts for subtree in part):
                tiles[tile] = await _read_tile(connection, tile)
        return [fold([_hash_of(subtree, tiles[_tile_of(subtree)]) for subtree in part]) for part in parts]


def _tile_of(subtree: Subtree) -> _Tile:
    """Name the tile that holds a subtree, whole or in part."""
    level, height = divmod(subtree.level, _TILE_LEVELS)
    return _Tile(level, (subtree.number << height) // TILE_WIDTH)


def _hash_of(subtree: Subtree, hashes: Sequence[bytes]) -> bytes:
    """Give the hash of a subtree from the hashes of its tile."""
    height = subtree.level % _TILE_LEVELS
    start = (subtree.number << height) % TILE_WIDTH
    return tree_root(hashes[start : start + (1 << height)])


async def _read_tile(connection: AsyncConnection, tile: _Tile) -> list[bytes]:
    """Read a tile; one that is not whole yet from what it will be made of."""
    whole = (await connection.execute(_TILE, tile._asdict())).scalar_one_or_none()
    if whole is not None:
        return split_hashes(whole)
    start = tile.number * TILE_WIDTH
    span = {"start": start, "end": start + TILE_WIDTH}
    if tile.level == 0:
        rows = (await connection.execute(_LEAVES, span)).scalars()
        return [leaf for leaves in rows for leaf in split_hashes(leaves)]
    return list((await connection.execute(_ROOTS, {"level": tile.level - 1, **span})).scalars())
