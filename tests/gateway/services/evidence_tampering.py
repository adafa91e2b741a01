"""What somebody with a hand on the database may do to a log, each telling the first index that is bad then."""

from __future__ import annotations

import base64
import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from gateway.services.evidence import PERSONAL_BYTES, SALT_BYTES, write_entry
from gateway.services.evidence_audit import Auditor, Report
from gateway.services.evidence_bundle import pack, short_subjects, unpack
from gateway.services.evidence_sources import StoreSource
from gateway.store.engine import open_engine
from tests.gateway.services.evidence_lab import SECRET, decision
from tests.gateway.services.evidence_logs import KEYS, note_keys
from trust.checkpoint import Checkpoint, sign_checkpoint
from trust.merkle import Frontier, leaf_hash, tree_root
from trust.note import read_note
from trust.signer import KeySigner

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

OURS, THEIRS, _ = KEYS
RECORDS = 700
EVERY = 20
"""A checkpoint is signed after each so many records."""

PLACES = 100


@dataclass(frozen=True, slots=True)
class Log:
    """A whole log: its file, and the checkpoint that a peer has kept."""

    file: Path
    held: str


class Rows:
    """A copy of a log that somebody with a hand on the database changes, in memory until it is audited."""

    exported = False

    def __init__(self, log: Log) -> None:
        """Copy the log."""
        self.connection = sqlite3.connect(":memory:")
        with closing(sqlite3.connect(log.file)) as source:
            source.backup(self.connection)
        self.connection.row_factory = sqlite3.Row
        self.held = log.held

    def change(self, statement: str, *values: Any) -> None:  # noqa: ANN401 - by place or by name
        """Run a statement."""
        self.connection.execute(statement, values[0] if values and isinstance(values[0], dict) else values)

    def bundle(self, place: int) -> Any:  # noqa: ANN401 - a row of the table
        """Give the bundle of a record."""
        return self.row("SELECT * FROM evidence_bundles WHERE place <= ? ORDER BY place DESC LIMIT 1", place)

    def rewrite(self, place: int, change: Callable[[list[Any]], None]) -> None:
        """Change the records of a bundle, the hash of each beside it included."""
        row = self.bundle(place)
        entries = [
            write_entry(decision(), secret=SECRET, salt=bytes(SALT_BYTES))._replace(
                record=one.record, leaf=one.leaf, personal=one.personal
            )
            for one in unpack(row)
        ]
        change(entries)
        packed = pack(row.place, entries)
        self.change(
            "UPDATE evidence_bundles SET records = ?, leaves = ?, personal = ?, entries = ? WHERE place = ?",
            *(packed["records"], packed["leaves"], packed["personal"], packed["entries"], row.place),
        )

    def row(self, statement: str, *values: object) -> Any:  # noqa: ANN401 - a row of the table
        """Give one row with its columns as attributes, None where there is none."""
        found = self.connection.execute(statement, values).fetchone()
        return None if found is None else SimpleNamespace(**dict(found))

    def all(self, statement: str) -> list[Any]:
        """Give all rows of a statement."""
        return [SimpleNamespace(**dict(found)) for found in self.connection.execute(statement)]

    async def bundles(self) -> AsyncIterator[Any]:
        """Give all bundles by place."""
        for row in self.all("SELECT * FROM evidence_bundles ORDER BY place"):
            yield row

    async def tile(self, level: int, number: int) -> Any:  # noqa: ANN401 - a row of the table
        """Give a tile."""
        return self.row("SELECT * FROM evidence_tiles WHERE level = ? AND number = ?", level, number)

    async def tiles(self) -> int:
        """Count the tiles."""
        return len(self.all("SELECT level FROM evidence_tiles"))

    async def checkpoints(self) -> list[Any]:
        """Give all checkpoints by size."""
        return self.all("SELECT * FROM evidence_checkpoints ORDER BY size")

    async def cosignatures(self) -> list[Any]:
        """Give all cosignatures by size."""
        return self.all("SELECT * FROM evidence_cosignatures ORDER BY size")

    async def audit(self, **options: Any) -> Report:  # noqa: ANN401 - those of the auditor
        """Audit what is there now."""
        return await Auditor(self, keys=note_keys(OURS), **options).audit()


async def audit(file: Path, **options: Any) -> Report:  # noqa: ANN401 - those of the auditor
    """Audit a log in a file."""
    engine = open_engine(f"sqlite:///{file}")
    async with engine.reading.connect() as connection:
        report = await Auditor(StoreSource(connection), **{"keys": note_keys(OURS), **options}).audit()
    await engine.close()
    return report


def vouched(place: int) -> int:
    """Give the last checkpoint that a change at a place leaves whole: what comes after it is vouched for no more."""
    return place // EVERY * EVERY


def first_told(place: int, bundle: int) -> int:
    """Say what is named where hashes were changed with their records: a whole tile tells them apart."""
    return place if place < RECORDS // 256 * 256 else bundle


def flip(rows: Rows, place: int, chance: random.Random) -> int:
    """Turn one bit of a record."""
    row = rows.bundle(place)
    raw = bytearray(row.records)
    start = sum(2 + len(one.record) for one in list(unpack(row))[: place - row.place]) + 2
    raw[start + chance.randrange(100)] ^= 1 << chance.randrange(8)
    rows.change("UPDATE evidence_bundles SET records = ? WHERE place = ?", bytes(raw), row.place)
    return place


def truncate(rows: Rows, place: int, _: random.Random) -> int:
    """Cut the end of a record off, lengths and all."""
    at = place - rows.bundle(place).place
    rows.rewrite(place, lambda entries: entries.__setitem__(at, entries[at]._replace(record=entries[at].record[:-9])))
    return place


def delete(rows: Rows, place: int, _: random.Random) -> int:
    """Take the row of some records away."""
    row = rows.bundle(place)
    rows.change("DELETE FROM evidence_bundles WHERE place = ?", row.place)
    return int(row.place)


def reorder(rows: Rows, place: int, _: random.Random) -> int:
    """Let two neighboring records change their places, their hashes with them."""
    row = rows.bundle(place)
    at = min(place - row.place, row.entries - 2)

    def swap(entries: list[Any]) -> None:
        entries[at], entries[at + 1] = entries[at + 1], entries[at]

    rows.rewrite(place, swap)
    return first_told(row.place + at, row.place)


def insert(rows: Rows, place: int, _: random.Random) -> int:
    """Push a record of one's own in between."""
    row = rows.bundle(place)
    own = write_entry(decision(4711), secret=SECRET, salt=bytes(SALT_BYTES))
    rows.rewrite(place, lambda entries: entries.insert(place - row.place, own))
    return first_told(place, row.place)


def replace(rows: Rows, place: int, _: random.Random) -> int:
    """Put another record in the place of one, and make hashes, tiles and heads anew as far as nothing is signed."""
    row = rows.bundle(place)
    own = write_entry(decision(4711), secret=SECRET, salt=bytes(SALT_BYTES))
    rows.rewrite(place, lambda entries: entries.__setitem__(place - row.place, own))
    make_anew(rows)
    return vouched(place)


def make_anew(rows: Rows) -> None:
    """Compute all that follows from the records."""
    bundles = rows.all("SELECT * FROM evidence_bundles ORDER BY place")
    frontier, leaves = Frontier(), list[bytes]()
    for bundle in bundles:
        records = [one.record for one in unpack(bundle)]
        own = [leaf_hash(record) for record in records]
        leaves += own
        frontier = frontier.extended(own)
        rows.change(
            "UPDATE evidence_bundles SET frontier = ?, leaves = ?, time = ? WHERE place = ?",
            *(frontier.to_bytes(), b"".join(own), max(json.loads(one)["time"] for one in records), bundle.place),
        )
    for number in range(len(leaves) // 256):
        part = leaves[number * 256 : number * 256 + 256]
        own_rows = [bundle for bundle in bundles if bundle.place // 256 == number]
        rows.change(
            "UPDATE evidence_tiles SET hashes = ?, root = ?, subjects = ? WHERE level = 0 AND number = ?",
            *(b"".join(part), tree_root(part), short_subjects(own_rows), number),
        )


def cut_tail(rows: Rows, place: int, _: random.Random) -> int:
    """Cut the log off, with tiles, checkpoints and cosignatures, as if it had never been longer."""
    start = rows.bundle(place).place
    rows.change("DELETE FROM evidence_bundles WHERE place >= ?", start)
    rows.change("DELETE FROM evidence_tiles WHERE level = 0 AND (number + 1) * 256 > ?", start)
    rows.change("DELETE FROM evidence_checkpoints WHERE size > ?", start)
    rows.change("DELETE FROM evidence_cosignatures WHERE size > ?", start)
    return int(start)


def restore(rows: Rows, place: int, chance: random.Random) -> int:
    """Put an old copy back, to which others were added since."""
    start = cut_tail(rows, place, chance)
    row = rows.connection.execute("SELECT * FROM evidence_bundles ORDER BY place DESC LIMIT 1").fetchone()
    before = Frontier.from_bytes(start, row["frontier"]) if row else Frontier()
    own = [write_entry(decision(4711), secret=SECRET, salt=bytes(SALT_BYTES))]
    packed = {**pack(start, own), "frontier": before.extended([own[0].leaf]).to_bytes()}
    rows.change(
        "INSERT INTO evidence_bundles (place, entries, time, records, leaves, personal, frontier)"
        " VALUES (:place, :entries, :time, :records, :leaves, :personal, :frontier)",
        packed,
    )
    return start + 1


def swap_key(rows: Rows, place: int, _: random.Random) -> int:
    """Sign a checkpoint again with a key of one's own, under the name of the log."""
    size = vouched(place) + EVERY
    row = rows.connection.execute("SELECT note FROM evidence_checkpoints WHERE size = ?", (size,)).fetchone()
    head = Checkpoint.from_text(read_note(row["note"]).text)
    forged = sign_checkpoint(head, signer=KeySigner(KEYS[THEIRS])).to_text()
    rows.change("UPDATE evidence_checkpoints SET note = ? WHERE size = ?", forged, size)
    return size


def alter_tile(rows: Rows, place: int, chance: random.Random) -> int:
    """Turn a bit of a hash in a tile."""
    place %= 512
    number = place // 256
    row = rows.connection.execute("SELECT hashes FROM evidence_tiles WHERE level = 0 AND number = ?", (number,))
    raw = bytearray(row.fetchone()["hashes"])
    raw[place % 256 * 32 + chance.randrange(32)] ^= 1
    rows.change("UPDATE evidence_tiles SET hashes = ? WHERE level = 0 AND number = ?", bytes(raw), number)
    return place


def alter_checkpoint(rows: Rows, place: int, chance: random.Random) -> int:
    """Turn a character of the root or the signature of a checkpoint."""
    size = vouched(place) + EVERY
    row = rows.connection.execute("SELECT note FROM evidence_checkpoints WHERE size = ?", (size,)).fetchone()
    lines = row["note"].splitlines(keepends=True)
    which = chance.choice((2, -1))
    at = chance.randrange(len(lines[which]) - 30, len(lines[which]) - 10)
    letter = "A" if lines[which][at] != "A" else "B"
    lines[which] = lines[which][:at] + letter + lines[which][at + 1 :]
    rows.change("UPDATE evidence_checkpoints SET note = ? WHERE size = ?", "".join(lines), size)
    return size


def alter_cosignature(rows: Rows, place: int, chance: random.Random) -> int:
    """Turn a bit of a cosignature, or of its time."""
    size = vouched(place) + EVERY
    row = rows.connection.execute("SELECT line FROM evidence_cosignatures WHERE size = ?", (size,)).fetchone()
    head, _, value = row["line"].rpartition(" ")
    raw = bytearray(base64.b64decode(value))
    raw[4 + chance.randrange(72)] ^= 1
    line = f"{head} {base64.b64encode(raw).decode()}"
    rows.change("UPDATE evidence_cosignatures SET line = ? WHERE size = ?", line, size)
    return size


def alter_personal(rows: Rows, place: int, chance: random.Random) -> int:
    """Make a record be about somebody else."""
    row = rows.bundle(place)
    at = next(one.place for one in (*list(unpack(row))[place - row.place :], *unpack(row)) if one.personal)
    raw = bytearray(row.personal)
    raw[(at - row.place) * 80 + chance.randrange(80)] ^= 1
    rows.change("UPDATE evidence_bundles SET personal = ? WHERE place = ?", bytes(raw), row.place)
    return at


def hide_personal(rows: Rows, place: int, _: random.Random) -> int:
    """Take away whom a record is about, as if that had been erased, from the tile too."""
    row = rows.bundle(place)
    at = next(one.place for one in (*list(unpack(row))[place - row.place :], *unpack(row)) if one.personal)
    start = (at - row.place) * PERSONAL_BYTES
    raw = row.personal[:start] + bytes(PERSONAL_BYTES) + row.personal[start + PERSONAL_BYTES :]
    rows.change("UPDATE evidence_bundles SET personal = ? WHERE place = ?", raw if any(raw) else None, row.place)
    number = at // 256
    bundles = [one for one in rows.all("SELECT * FROM evidence_bundles ORDER BY place") if one.place // 256 == number]
    rows.change(
        "UPDATE evidence_tiles SET subjects = ? WHERE level = 0 AND number = ?", short_subjects(bundles), number
    )
    return at


def alter_time(rows: Rows, place: int, chance: random.Random) -> int:
    """Give records another age, by which they are erased sooner or later than they may be."""
    row = rows.bundle(place)
    rows.change(
        "UPDATE evidence_bundles SET time = time + ? WHERE place = ?", chance.choice((-1, 1)) * 86_400, row.place
    )
    return int(row.place)


KINDS = (
    flip, truncate, delete, reorder, insert, replace, cut_tail, restore,
    swap_key, alter_tile, alter_checkpoint, alter_cosignature, alter_personal,
    alter_time, hide_personal,
)  # fmt: skip
