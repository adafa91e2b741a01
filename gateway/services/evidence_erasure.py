"""Erases what stands for persons in the log, by age or by order; the records stay, and verify as before.

What is erased is gone from the rows at once, and from the files of the database when `scrub` is done: SQLite overwrites
what it deletes, and its log of writes is emptied; PostgreSQL reclaims it, and overwrites it in its own time.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, select, update

from gateway.errors import StoreUnavailableError
from gateway.services.evidence_accesses import Accesses
from gateway.services.evidence_bundle import parts_of, short_subjects, without
from gateway.services.evidence_erased import erasure
from gateway.services.evidence_reader import EvidenceReader
from gateway.services.evidence_rows import have_tiles_alone
from gateway.store.schema import now_micros
from gateway.store.tables_evidence import BUNDLES, TILE_WIDTH, TILES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.store.store import Store
    from gateway.store.transaction import Transaction

INTERVAL_SECONDS: Final = 3600.0
_DAY_MICROS: Final = 86_400_000_000
_AT_ONCE: Final = 256
_TRIES: Final = 20
_PAUSE_SECONDS: Final = 0.1
_OLD: Final = (
    select(BUNDLES.c.place)
    .where(BUNDLES.c.time >= bindparam("after"), BUNDLES.c.time < bindparam("before"), BUNDLES.c.personal.is_not(None))
    .order_by(BUNDLES.c.time)
    .limit(_AT_ONCE)
)
_HOLDING: Final = (
    select(BUNDLES)
    .where(BUNDLES.c.place <= bindparam("at"))
    .order_by(BUNDLES.c.place.desc())
    .limit(1)
    .with_for_update()
)
_PERSONAL: Final = (
    select(BUNDLES.c.place, BUNDLES.c.personal)
    .where(BUNDLES.c.place.in_(bindparam("places", expanding=True)), BUNDLES.c.personal.is_not(None))
    .order_by(BUNDLES.c.place)
    .with_for_update()
)
_OF_TILE: Final = (
    select(BUNDLES)
    .where(BUNDLES.c.place >= bindparam("start"), BUNDLES.c.place < bindparam("end"))
    .order_by(BUNDLES.c.place)
)
_BLANK: Final = update(BUNDLES).where(BUNDLES.c.place == bindparam("at")).values(personal=bindparam("kept"))
_TELL: Final = (
    update(TILES).where(TILES.c.level == 0, TILES.c.number == bindparam("at")).values(subjects=bindparam("kept"))
)
_SCRUB: Final = {
    "sqlite": ("PRAGMA wal_checkpoint(TRUNCATE)",),
    "postgresql": ("VACUUM evidence_bundles", "VACUUM evidence_tiles"),
}


class Erasure:
    """Erases in a store. Its methods raise StoreUnavailableError."""

    def __init__(self, store: Store) -> None:
        """Take the store."""
        self._store = store
        self._done_before = 0

    async def before(self, micros: int) -> int:
        """Erase what is older than a time (microseconds); gives how many personal parts that were."""
        erased = 0
        while True:
            async with self._store.reading() as connection:
                told = {"after": self._done_before, "before": micros}
                places = list((await connection.execute(_OLD, told)).scalars())
            if not places:
                break
            erased += await self._store.commit(_erase_all, (places, micros))
        # Nothing comes in with a time that is days old, so that the next round need not look at all of it again.
        self._done_before = max(self._done_before, micros - _DAY_MICROS)
        if erased:
            await self.scrub()
        return erased

    async def about(self, subject: bytes) -> int:
        """Erase what stands for one person, an HMAC of 32 bytes; gives in how many records there was something."""
        accesses, erased = Accesses(self._store), 0
        before = (await EvidenceReader(self._store).head()).size
        while True:
            found = await accesses.about(subject, before=before, most=_AT_ONCE)
            if found.records:
                erased += await self._store.commit(_erase_one, (subject, [one.place for one in found.records]))
            if found.before is None:
                break
            before = found.before
        if erased:
            await self.scrub()
        return erased

    async def run(self, days: int) -> None:
        """Erase what is older than some days, now and each hour, until cancelled."""
        while True:
            with suppress(StoreUnavailableError):  # tried again in an hour, and readiness tells of it meanwhile
                await self.before(now_micros() - days * _DAY_MICROS)
            await asyncio.sleep(INTERVAL_SECONDS)

    async def scrub(self) -> None:
        """Let the database get rid of what was deleted; other readers may keep it waiting."""
        statements = _SCRUB[self._store.engine.writing.dialect.name]
        for _ in range(_TRIES):
            async with self._store.reading() as connection:
                answers = [(await connection.exec_driver_sql(statement)) for statement in statements]
                rows = [answer.first() for answer in answers if answer.returns_rows]
            if not any(row[0] for row in rows if row is not None):
                return
            await asyncio.sleep(_PAUSE_SECONDS)


async def _erase_all(transaction: Transaction, items: Sequence[tuple[Sequence[int], int]]) -> Sequence[int]:
    """Erase all that is personal in some bundles that are older than a time, and record it; a handler of the store."""
    await have_tiles_alone(transaction)
    return [await _erase_some(transaction, places, before=before) for places, before in items]


async def _erase_some(transaction: Transaction, places: Sequence[int], *, before: int) -> int:
    rows = (await transaction.execute(_PERSONAL, {"places": places})).all()
    if not rows:  # another replica has just done it
        return 0
    await transaction.execute(_BLANK, [{"at": row.place, "kept": None} for row in rows])
    await _tell_tiles(transaction, [row.place for row in rows])
    parts = sum(parts_of(row.personal) for row in rows)
    transaction.record(erasure(parts, before=before))
    return parts


async def _erase_one(transaction: Transaction, items: Sequence[tuple[bytes, Sequence[int]]]) -> Sequence[int]:
    """Erase what stands for a person at some places, and record how much that was; a handler of the store."""
    await have_tiles_alone(transaction)
    answers = []
    for subject, places in items:
        done, parts = -1, 0
        for place in sorted(places):
            if place < done:
                continue
            row: Any = (await transaction.execute(_HOLDING, {"at": place})).one()
            kept = without(row, subject)
            await transaction.execute(_BLANK, {"at": row.place, "kept": kept})
            parts += parts_of(row.personal) - parts_of(kept)
            done = row.place + row.entries
        await _tell_tiles(transaction, places)
        if parts:
            transaction.record(erasure(parts))
        answers.append(parts)
    return answers


async def _tell_tiles(transaction: Transaction, places: Sequence[int]) -> None:
    """Erase the same from what a search looks through."""
    for number in sorted({place // TILE_WIDTH for place in places}):
        span = {"start": number * TILE_WIDTH, "end": (number + 1) * TILE_WIDTH}
        rows = (await transaction.execute(_OF_TILE, span)).all()
        await transaction.execute(_TELL, {"at": number, "kept": short_subjects(rows)})
