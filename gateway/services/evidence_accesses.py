"""Finds the accesses to the data of one person, latest first.

No index is kept for it: the end of the log is read as it is, and before that the first bytes of whom each record is
about, four for a record, a tile at a time. Only a record that they match is read itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, select

from gateway.services.evidence import subject_of
from gateway.services.evidence_bundle import SHORT_BYTES, unpack
from gateway.store.tables_evidence import BUNDLES, TILE_WIDTH, TILES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.services.evidence_bundle import Stored
    from gateway.store.store import Store

MOST_TILES: Final = 20_000
"""How many tiles one call looks through, some five million records; the next page goes on from there."""

_AT_ONCE: Final = 500
_TAIL: Final = (
    select(BUNDLES)
    .where(BUNDLES.c.place >= bindparam("start"), BUNDLES.c.place < bindparam("end"))
    .order_by(BUNDLES.c.place)
)
_SUBJECTS: Final = (
    select(TILES.c.number, TILES.c.subjects)
    .where(TILES.c.level == 0, TILES.c.number >= bindparam("start"), TILES.c.number < bindparam("end"))
    .order_by(TILES.c.number.desc())
)


@dataclass(frozen=True, slots=True)
class Found:
    """Records about a person, latest first, and the place before which to look on; None where there are no more."""

    records: Sequence[Stored]
    before: int | None


class Accesses:
    """Looks through the log."""

    def __init__(self, store: Store) -> None:
        """Take the store."""
        self._store = store

    async def about(self, subject: bytes, *, before: int, most: int) -> Found:
        """Find records about a person (StoreUnavailableError).

        Args:
            subject: the HMAC of the person, 32 bytes.
            before: only records at places below this one.
            most: how many are wanted.
        """
        found: list[Stored] = []
        async with self._store.reading() as connection:
            async for tile in _candidates(connection, subject[:SHORT_BYTES], before):
                start = tile * TILE_WIDTH
                rows = (await connection.execute(_TAIL, {"start": start, "end": start + TILE_WIDTH})).all()
                found += [one for one in _about(rows, subject) if one.place < before]
                if len(found) >= most:
                    break
        last = before - before % TILE_WIDTH - MOST_TILES * TILE_WIDTH
        if len(found) >= most:
            return Found(found[:most], found[most - 1].place or None)
        return Found(found, last if last > 0 else None)


def _about(rows: Sequence[Any], subject: bytes) -> list[Stored]:
    """Give the records of some bundles that are about a person, latest first."""
    stored = [one for row in rows for one in unpack(row)]
    return [one for one in reversed(stored) if one.personal is not None and subject_of(one.personal) == subject]


async def _candidates(connection: AsyncConnection, short: bytes, before: int) -> AsyncIterator[int]:
    """Name the tiles that may have a record about a person, latest first; the one that `before` is in always may."""
    end = before // TILE_WIDTH
    if before % TILE_WIDTH:
        yield end
    last = max(0, end - MOST_TILES)
    while end > last:
        start = max(last, end - _AT_ONCE)
        for row in (await connection.execute(_SUBJECTS, {"start": start, "end": end})).all():
            if _has(row.subjects or b"", short):
                yield row.number
        end = start


def _has(subjects: bytes, short: bytes) -> bool:
    """Tell whether the first bytes of a person are among those of a tile."""
    at = subjects.find(short)
    while at >= 0 and at % SHORT_BYTES:
        at = subjects.find(short, at + 1)
    return at >= 0
