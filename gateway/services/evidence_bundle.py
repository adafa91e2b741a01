"""Bundles: the records of one transaction as one row, so that a record costs bytes and hashes, and hardly a statement.

`records` has them one after the other, each behind its length in two bytes (as entry bundles of C2SP tlog-tiles);
`leaves` their hashes of 32 bytes; `personal` their personal parts of 80 bytes, zeros where there is none or where it
was erased, and is nothing at all where that is so of all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from gateway.services.evidence import PERSONAL_BYTES, SALT_BYTES, subject_of
from trust.merkle import HASH_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.services.evidence import Entry

_LENGTH_BYTES: Final = 2
_NOTHING: Final = bytes(PERSONAL_BYTES)
SHORT_BYTES: Final = 4
"""Of a subject's HMAC, that a search looks through."""


class BundleError(Exception):
    """A row is no bundle. `place` is that of the first record that cannot be read."""

    def __init__(self, place: int) -> None:
        """Keep the place."""
        super().__init__("a row of the evidence is no bundle")
        self.place = place


@dataclass(frozen=True, slots=True)
class Stored:
    """A record at its place; `personal` is None where there is none, or where it was erased."""

    place: int
    record: bytes
    leaf: bytes
    personal: bytes | None = field(repr=False)


def pack(place: int, entries: Sequence[Entry]) -> dict[str, Any]:
    """Make the row of entries whose first has a place, but for its frontier."""
    return {
        "place": place,
        "entries": len(entries),
        "time": max([entry.time for entry in entries]),
        "records": b"".join([len(one.record).to_bytes(_LENGTH_BYTES, "big") + one.record for one in entries]),
        "leaves": b"".join([entry.leaf for entry in entries]),
        "personal": _join([entry.personal for entry in entries]),
    }


def _join(parts: Sequence[bytes | None]) -> bytes | None:
    """Put personal parts side by side."""
    return b"".join([part or _NOTHING for part in parts]) if any(parts) else None


def unpack(row: Any) -> Iterator[Stored]:  # noqa: ANN401 - a row of the table
    """Read the records of a row (BundleError: at the first that is not there, or when something is left over)."""
    records, leaves = row.records, row.leaves
    if not _typed(row):
        raise BundleError(row.place)
    personal = _NOTHING * row.entries if row.personal is None else row.personal
    at = 0
    for number in range(row.entries):
        start = at + _LENGTH_BYTES
        at = start + int.from_bytes(records[at:start], "big")
        leaf = leaves[number * HASH_BYTES : (number + 1) * HASH_BYTES]
        part = personal[number * PERSONAL_BYTES : (number + 1) * PERSONAL_BYTES]
        if len(records) < max(start, at) or len(leaf) != HASH_BYTES or len(part) != PERSONAL_BYTES:
            raise BundleError(row.place + number)
        yield Stored(row.place + number, records[start:at], leaf, None if part == _NOTHING else part)
    if (len(records), len(leaves), len(personal)) != (at, row.entries * HASH_BYTES, row.entries * PERSONAL_BYTES):
        raise BundleError(row.place + row.entries)


def _typed(row: Any) -> bool:  # noqa: ANN401 - a row of the table
    """Tell whether columns have their types: SQLite lets whoever writes to the file put anything into any of them."""
    blobs = (row.records, row.leaves, b"" if row.personal is None else row.personal)
    return isinstance(row.entries, int) and all(isinstance(blob, bytes) for blob in blobs)


def without(row: Any, subject: bytes) -> bytes | None:  # noqa: ANN401 - a row of the table
    """Give the personal parts of a row without those about a subject."""
    return _join([None if s.personal is None or subject_of(s.personal) == subject else s.personal for s in unpack(row)])


def parts_of(personal: bytes | None) -> int:
    """Count the personal parts in a row that are there."""
    if personal is None:
        return 0
    starts = range(0, len(personal), PERSONAL_BYTES)
    return sum(personal[start : start + PERSONAL_BYTES] != _NOTHING for start in starts)


def short_subjects(rows: Sequence[Any]) -> bytes:
    """Give the first bytes of the HMAC of whom each record of some rows is about, zeros where there is nobody."""
    joined = b"".join([bytes(row.entries * PERSONAL_BYTES) if row.personal is None else row.personal for row in rows])
    starts = range(SALT_BYTES, len(joined), PERSONAL_BYTES)
    return b"".join([joined[start : start + SHORT_BYTES] for start in starts])
