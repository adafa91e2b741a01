"""Walks a log from its first record to its last and names the first thing that is not as it must be.

Everything is computed anew: the hash of each record, each tile, the tree after each bundle, the root of each head;
and every signature is verified. What a checkpoint that somebody else has kept shows, the log alone cannot: that its end
was cut off, that it was put back to an older state, or that all of it was written anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final, Protocol

from gateway.services.evidence import commitment
from gateway.services.evidence_bundle import SHORT_BYTES, BundleError, short_subjects, unpack
from gateway.services.evidence_erased import ErasureAccount
from gateway.store.tables_evidence import TILE_WIDTH
from trust.checkpoint import check_cosignature, read_checkpoint
from trust.errors import TrustError
from trust.merkle import HASH_BYTES, fold, leaf_hash, node_hash, split_hashes, tree_root
from trust.note import COSIGNER_KIND, NoteKey, NoteSignature

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from gateway.services.evidence_bundle import Stored
    from trust.checkpoint import Checkpoint, SignedCheckpoint

_PERSONAL: Final = b'"personal":"'
_TIME: Final = b',"time":'


@dataclass(frozen=True, slots=True)
class Failure:
    """The first thing that is wrong: at which record, counted from 0, and what. `rule` is a fixed sentence."""

    place: int
    rule: str


@dataclass(slots=True)
class Report:
    """What was seen; `failure` is None where everything is as it must be. `signed` records are below a checkpoint."""

    records: int = 0
    signed: int = 0
    erased: int = 0
    checkpoints: int = 0
    cosignatures: int = 0
    foreign: int = 0
    root: bytes = b""
    failure: Failure | None = None


class Source(Protocol):
    """Where a log is read from: rows with the columns of `gateway.store.tables_evidence`.

    `exported` tells that what is personal was left out.
    """

    exported: bool

    def bundles(self) -> AsyncIterator[Any]:
        """Give all bundles by place."""

    async def tile(self, level: int, number: int) -> Any:  # noqa: ANN401 - a row of the table
        """Give a tile, None where there is none."""

    async def tiles(self) -> int:
        """Count the tiles."""

    async def checkpoints(self) -> Sequence[Any]:
        """Give all checkpoints by size."""

    async def cosignatures(self) -> Sequence[Any]:
        """Give all cosignatures by size."""


class _BadError(Exception):
    """Ends the walk."""

    def __init__(self, place: int, rule: str) -> None:
        super().__init__(rule)
        self.failure = Failure(place, rule)


@dataclass(slots=True)
class _Tiles:
    """The hashes of which tiles will be made, by level."""

    hashes: list[list[bytes]] = field(default_factory=lambda: [[]])
    done: int = 0


class Auditor:
    """Audits one log.

    Args:
        source: the log.
        keys: whose checkpoints are its own.
        held: checkpoints of this log that somebody else has kept, as notes.
        witnesses: keys of gateways whose cosignatures count; where there are none, those kept with them do.
    """

    def __init__(
        self,
        source: Source,
        *,
        keys: Sequence[NoteKey],
        held: Sequence[str] = (),
        witnesses: Sequence[NoteKey] = (),
    ) -> None:
        """Begin before the first record."""
        self._source = source
        self._keys = keys
        self._held = held
        self._witnesses = {key.of_kind(COSIGNER_KIND).to_text() for key in witnesses}
        self._report = Report()
        self._stack: list[bytes] = []
        self._tiles = _Tiles()
        self._rows: list[Any] = []
        self._due: list[tuple[Checkpoint, str]] = []
        self._vouched = 0
        self._erased = ErasureAccount()

    async def audit(self) -> Report:
        """Walk the log (StoreUnavailableError where it cannot be read)."""
        report, failures = self._report, list[Failure]()
        for step in (self._take_checkpoints, self._walk):
            try:
                await step()
            except _BadError as bad:
                failures.append(bad.failure)
        report.failure = min(failures, key=lambda failure: failure.place, default=None)
        return report

    async def _walk(self) -> None:
        """Take all records."""
        self._pass_checkpoints()
        async for row in self._source.bundles():
            await self._take(row)
        self._report.root = fold(self._stack)
        self._report.erased, self._report.signed = self._erased.gone, self._vouched
        await self._finish()

    async def _take_checkpoints(self) -> None:
        """Verify all signatures, and line up the checkpoints by size, those of others behind ours of the same size."""
        lines: dict[int, list[Any]] = {}
        for row in await self._source.cosignatures():
            lines.setdefault(row.size, []).append(row)
        try:
            for note in self._held:
                signed = self._read(note, 0, "checkpoint held elsewhere: not signed by a key of this log")
                self._due.append((signed.checkpoint, "checkpoint held elsewhere: the records do not give its root"))
            for row in await self._source.checkpoints():
                self._take_checkpoint(row, lines.pop(row.size, ()))
            for size in sorted(lines):
                raise _BadError(size, "cosignature: of no checkpoint")
        finally:
            self._due.sort(key=lambda due: -due[0].size)

    def _take_checkpoint(self, row: Any, lines: Sequence[Any]) -> None:  # noqa: ANN401 - a row of the table
        """Verify one checkpoint and its cosignatures."""
        signed = self._read(row.note, row.size, "checkpoint: not signed by a key of this log")
        if signed.checkpoint.size != row.size:
            raise _BadError(row.size, "checkpoint: of another size than it is kept under")
        self._due.append((signed.checkpoint, "checkpoint: the records do not give its root"))
        self._report.checkpoints += 1
        for line in lines:
            self._check_line(line, signed)

    def _read(self, note: str, place: int, rule: str) -> SignedCheckpoint:
        try:
            return read_checkpoint(note, *self._keys)
        except TrustError:
            raise _BadError(place, rule) from None

    def _check_line(self, row: Any, signed: SignedCheckpoint) -> None:  # noqa: ANN401 - a row of the table
        """Verify a cosignature; one of a key that is not among the given ones is counted only."""
        try:
            key = NoteKey.from_text(row.key)
            check_cosignature(NoteSignature.from_text(row.line), signed.checkpoint, key=key)
        except TrustError:
            raise _BadError(row.size, "cosignature: does not hold") from None
        if self._witnesses and row.key not in self._witnesses:
            self._report.foreign += 1
        else:
            self._report.cosignatures += 1

    async def _take(self, row: Any) -> None:  # noqa: ANN401 - a row of the table
        """Add a bundle to the tree."""
        report = self._report
        if row.place != report.records:
            raise _BadError(min(row.place, report.records), "record: missing, or there twice")
        if row.entries < 1 or row.place % TILE_WIDTH + row.entries > TILE_WIDTH:
            raise _BadError(row.place, "bundle: beyond the end of a tile")
        latest = 0
        try:
            for one in unpack(row):
                leaf, time = leaf_hash(one.record), _time_of(one.record)
                latest = max(latest, time)
                if leaf != one.leaf:
                    raise _BadError(one.place, "record: is not what was hashed")
                self._check_personal(one, time)
                self._push(leaf)
        except BundleError as error:
            raise _BadError(error.place, "bundle: cut or lengthened") from None
        if row.frontier != b"".join(self._stack):
            raise _BadError(await self._first_other(row), "record: not the one of which the head was made")
        if row.time != latest:
            raise _BadError(row.place, "bundle: its time is not that of its latest record")
        self._pass_checkpoints()
        self._rows.append(row)
        if report.records % TILE_WIDTH == 0:
            await self._check_tile(0, report.records // TILE_WIDTH - 1)
            self._rows = []

    async def _first_other(self, row: Any) -> int:  # noqa: ANN401 - a row of the table
        """Find the first record of a bundle that its tile has not, where that is whole; else it is the first of all."""
        tile = await self._source.tile(0, row.place // TILE_WIDTH)
        if tile is not None:
            known = split_hashes(_padded(tile.hashes))[row.place % TILE_WIDTH :]
            for at, (own, other) in enumerate(zip(split_hashes(row.leaves), known, strict=False)):
                if own != other:
                    return int(row.place) + at
        return int(row.place)

    def _check_personal(self, one: Stored, time: int) -> None:
        """See that a personal part is the one to which the record commits, or is gone."""
        told = one.record.partition(_PERSONAL)[2].partition(b'"')[0]
        if one.personal is not None and commitment(one.personal).encode("ascii") != told:
            raise _BadError(one.place, "personal part: not that of the record")
        self._erased.take(one, time=time, named=bool(told))

    def _push(self, leaf: bytes) -> None:
        """Add a leaf to the tree."""
        top, rest = leaf, self._report.records
        while rest & 1:
            top = node_hash(self._stack.pop(), top)
            rest >>= 1
        self._stack.append(top)
        self._tiles.hashes[0].append(leaf)
        self._report.records += 1

    def _pass_checkpoints(self) -> None:
        """Hold the root against the checkpoints of this size."""
        vouched = self._vouched
        while self._due and self._due[-1][0].size <= self._report.records:
            checkpoint, rule = self._due.pop()
            if checkpoint.size != self._report.records or checkpoint.root != fold(self._stack):
                raise _BadError(self._vouched, rule)
            vouched = checkpoint.size
        self._vouched = vouched

    async def _check_tile(self, level: int, number: int) -> None:
        """Hold a whole tile against the hashes that were computed, and the one above it where that is whole too."""
        hashes, self._tiles.hashes[level] = self._tiles.hashes[level], []
        span = TILE_WIDTH**level
        start = number * TILE_WIDTH * span
        row = await self._source.tile(level, number)
        if row is None:
            raise _BadError(start, "tile: missing")
        for at, (found, computed) in enumerate(zip_longest(split_hashes(_padded(row.hashes)), hashes)):
            if found != computed:
                raise _BadError(start + min(at, TILE_WIDTH - 1) * span, "tile: not the hashes of its records")
        root = tree_root(hashes)
        if row.root != root:
            raise _BadError(start, "tile: not its root")
        if level == 0 and row.subjects is not None:
            self._check_subjects(start, row.subjects)
        self._tiles.done += 1
        if level + 1 == len(self._tiles.hashes):
            self._tiles.hashes.append([])
        self._tiles.hashes[level + 1].append(root)
        if (number + 1) % TILE_WIDTH == 0:
            await self._check_tile(level + 1, number // TILE_WIDTH)

    def _check_subjects(self, start: int, subjects: bytes) -> None:
        """Hold what a search looks through against the personal parts."""
        for at, (found, computed) in enumerate(zip_longest(subjects, short_subjects(self._rows))):
            if found != computed:
                raise _BadError(start + min(at // SHORT_BYTES, TILE_WIDTH - 1), "tile: not the subjects of its records")

    async def _finish(self) -> None:
        """See that nothing is left over."""
        records = self._report.records
        if self._due:
            raise _BadError(records, self._due[-1][1].partition(":")[0] + ": of a longer log; the end is missing")
        if await self._source.tiles() != self._tiles.done:
            raise _BadError(records, "tile: of records that are not there")
        fault = None if self._source.exported else self._erased.fault()
        if fault is not None:
            raise _BadError(*fault)


def _time_of(record: bytes) -> int:
    """Give the time of a record, microseconds; inside of a JSON string the quotes would be escaped."""
    digits = record.partition(_TIME)[2].partition(b",")[0]
    return int(digits) if digits.isdigit() else 0


def _padded(hashes: bytes) -> bytes:
    """Fill up a last hash that is not whole, so that it is compared and found wrong."""
    return hashes + bytes(-len(hashes) % HASH_BYTES)
