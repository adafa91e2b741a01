"""Checkpoints of our own log: signed when it has grown, kept, and shown with the cosignatures of peers.

Nothing is signed that contradicts what was signed before: first the tree must still begin with the tree of the last
checkpoint. The replicas of a gateway have one log and one key, and sign the same text the same way.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, select

from gateway.errors import StoreUnavailableError
from gateway.services.evidence_alarms import NOT_OURS, OWN_HEAD, OWN_ROLLBACK, Alarm
from gateway.services.evidence_rows import KeepFirst
from gateway.store.schema import now_micros
from gateway.store.tables_evidence import CHECKPOINTS, COSIGNATURES
from trust.checkpoint import Checkpoint, SignedCheckpoint, read_checkpoint, sign_checkpoint
from trust.errors import LogConflictError, TrustError
from trust.note import NoteKey, NoteSignature, read_note

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.services.evidence_alarms import Alarms
    from gateway.services.evidence_reader import EvidenceReader
    from gateway.store.store import Store
    from trust.signer import Signer

INTERVAL_SECONDS: Final = 1.0
"""How often a log that grows gets a checkpoint."""

_LATEST: Final = select(CHECKPOINTS.c.note).order_by(CHECKPOINTS.c.size.desc()).limit(1)
_FROM: Final = (
    select(CHECKPOINTS.c.note).where(CHECKPOINTS.c.size >= bindparam("least")).order_by(CHECKPOINTS.c.size).limit(1)
)
_COSIGNED = (
    select(COSIGNATURES.c.size)
    .where(COSIGNATURES.c.size > bindparam("place"))
    .order_by(COSIGNATURES.c.size.desc())
    .limit(1)
)
_LINES: Final = select(COSIGNATURES.c.line).where(COSIGNATURES.c.size == bindparam("at")).order_by(COSIGNATURES.c.name)


async def latest_checkpoint(store: Store) -> str | None:
    """Give the last checkpoint as it is kept, with its cosignatures; None where none was signed yet."""
    async with store.reading() as connection:
        kept = (await connection.execute(_LATEST)).scalar_one_or_none()
        if kept is None:
            return None
        note = read_note(kept)
        size = Checkpoint.from_text(note.text).size
        lines = list((await connection.execute(_LINES, {"at": size})).scalars())
    return note.with_signatures(map(NoteSignature.from_text, lines)).to_text()


class EvidenceHeads:
    """The checkpoints of our log.

    Args:
        store: where they are kept.
        reader: reads the log.
        signer: signs, with a key of Ed25519; it may change its key.
        known: gives the keys whose checkpoints are ours, those of before included.
        origin: names the log.
        alarms: hears of a log that lost what was signed.
    """

    def __init__(
        self,
        store: Store,
        *,
        reader: EvidenceReader,
        signer: Signer,
        known: Callable[[], tuple[NoteKey, ...]],
        origin: str,
        alarms: Alarms,
    ) -> None:
        """Take the parts."""
        self._store = store
        self._reader = reader
        self._signer = signer
        self._known = known
        self._origin = origin
        self._alarms = alarms
        self._keep_checkpoint = KeepFirst(store, CHECKPOINTS)
        self._keep_cosignature = KeepFirst(store, COSIGNATURES)

    async def current(self) -> SignedCheckpoint:
        """Give the checkpoint of the log as it is, signed now if it has grown; without cosignatures.

        Raises:
            LogConflictError: the log does not begin with what was signed before; nothing is signed.
            StoreUnavailableError: the store cannot be read or written.
        """
        last = await self._last()
        head = await self._reader.head()
        if last is not None:
            await self._require_growth(last, head.size)
            if last.checkpoint.size == head.size:
                return last
        checkpoint = Checkpoint(self._origin, head.size, head.root)
        if await self._reader.root(head.size) != head.root:
            await self._alarms.sound(Alarm(self._origin, OWN_HEAD, held="", offered=checkpoint.to_text()))
            raise LogConflictError(origin=self._origin, rule=OWN_HEAD)
        signed = sign_checkpoint(checkpoint, signer=self._signer)
        row = {"size": head.size, "time": now_micros(), "note": signed.to_text()}
        await self._store.commit(self._keep_checkpoint, row)
        return signed

    async def shown(self, least: int = 0) -> SignedCheckpoint:
        """Give a checkpoint with its cosignatures: the current one, or the first of at least a size that was signed.

        Raises the errors of `current`.
        """
        signed = await self.current()
        if 0 < least < signed.checkpoint.size:
            async with self._store.reading() as connection:
                note = (await connection.execute(_FROM, {"least": least})).scalar_one()
            signed = read_checkpoint(note, *self._known())
        async with self._store.reading() as connection:
            lines = list((await connection.execute(_LINES, {"at": signed.checkpoint.size})).scalars())
        note = signed.note.with_signatures(map(NoteSignature.from_text, lines))
        return SignedCheckpoint(signed.checkpoint, note, signed.key)

    async def cosigned_beyond(self, place: int) -> int:
        """Give the size of the last checkpoint with a cosignature that has the record at a place; 0 where none has."""
        async with self._store.reading() as connection:
            return (await connection.execute(_COSIGNED, {"place": place})).scalar_one_or_none() or 0

    async def add_cosignature(self, size: int, line: NoteSignature, *, key: NoteKey) -> None:
        """Keep what a peer has signed below our checkpoint of a size; the first line of each peer stays."""
        row = {"size": size, "name": line.name, "time": now_micros(), "key": key.to_text(), "line": line.to_text()}
        await self._store.commit(self._keep_cosignature, row)

    async def face(self, note: str) -> None:
        """Hold a checkpoint that somebody says is ours against our log (TrustError: it is none of ours; no alarm then).

        Raises:
            LogConflictError: we have signed it, and our log does not have it.
        """
        signed = read_checkpoint(note, *self._known())
        await self._require_growth(signed, (await self._reader.head()).size)

    async def run(self) -> None:
        """Sign now and then, until cancelled; what is wrong has been told by then, and is tried again."""
        while True:
            await asyncio.sleep(INTERVAL_SECONDS)
            try:
                await self.current()
            except (LogConflictError, StoreUnavailableError):
                continue

    async def _last(self) -> SignedCheckpoint | None:
        async with self._store.reading() as connection:
            note = (await connection.execute(_LATEST)).scalar_one_or_none()
        if note is None:
            return None
        try:
            return read_checkpoint(note, *self._known())
        except TrustError as error:
            await self._alarms.sound(Alarm(self._origin, NOT_OURS, held=note, offered=""))
            raise LogConflictError(origin=self._origin, rule=NOT_OURS) from error

    async def _require_growth(self, signed: SignedCheckpoint, size: int) -> None:
        """Demand that the log begins with the tree of a checkpoint of ours (LogConflictError)."""
        old = signed.checkpoint
        if old.size > size or await self._reader.root(old.size) != old.root:
            head = await self._reader.head()
            found = Checkpoint(self._origin, head.size, head.root)
            alarm = Alarm(self._origin, OWN_ROLLBACK, held=signed.to_text(), offered=found.to_text())
            await self._alarms.sound(alarm)
            raise LogConflictError(origin=self._origin, rule=OWN_ROLLBACK)
