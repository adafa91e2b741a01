"""Watches the logs of peers: holds the largest checkpoint of each, lets it only grow, and cosigns what does.

What a log has signed and does not own up to later is an alarm: two heads of one size, a head that does not go on from
the one held, or, some seconds later, a head that is smaller. Peers tell each other what they hold of others, so that a
log that shows one of them another face than the rest is found out.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from sqlalchemy import bindparam, select

from gateway.services.evidence_alarms import ROLLBACK, SPLIT_VIEW, Alarm
from gateway.services.evidence_rows import KeepLast
from gateway.store.schema import now_micros
from gateway.store.tables_evidence import PEERS
from trust.checkpoint import Checkpoint, SignedCheckpoint, cosign, read_checkpoint
from trust.errors import CheckpointError, LogConflictError, ProofError, TrustError
from trust.merkle import prove_consistency
from trust.note import read_note

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.services.evidence_alarms import Alarms
    from gateway.store.store import Store
    from trust.note import NoteKey, NoteSignature
    from trust.signer import Signer

ROLLBACK_MICROS: Final = 15_000_000
"""How long a smaller head may be one that was overtaken on its way: no call takes so long."""

_HELD: Final = select(PEERS.c.note, PEERS.c.time).where(PEERS.c.origin == bindparam("origin"))
_ALL: Final = select(PEERS.c.note).order_by(PEERS.c.origin)


class Proofs(Protocol):
    """Asks a log itself for a proof between two of its sizes."""

    async def __call__(self, origin: str, first: int, second: int) -> Sequence[bytes] | None:
        """Give it; None where the log cannot be asked just now."""


@dataclass(frozen=True, slots=True)
class Held:
    """The largest checkpoint of a log, as the note in which it came, and when that was (microseconds)."""

    checkpoint: Checkpoint
    note: str
    since: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What we hold of a log after it has shown a checkpoint; `cosignature` where that is the one held."""

    held: Held
    cosignature: NoteSignature | None


class Witness:
    """What we hold of the logs of peers.

    Args:
        store: where it is kept.
        keys: gives the keys of a log, none where it is not one of a peer.
        signer: cosigns, with a key of Ed25519.
        name: of this gateway as a cosigner.
        alarms: hears of logs that contradict themselves.
    """

    def __init__(
        self,
        store: Store,
        *,
        keys: Callable[[str], tuple[NoteKey, ...]],
        signer: Signer,
        name: str,
        alarms: Alarms,
    ) -> None:
        """Take the parts."""
        self._store = store
        self._keys = keys
        self._signer = signer
        self._name = name
        self._alarms = alarms
        self._keep = KeepLast(store, PEERS)

    async def see(self, note: str, *, origin: str, from_size: int, proof: Sequence[bytes]) -> Seen:
        """Look at the checkpoint that a log shows of itself, with the proof that it goes on from one of `from_size`.

        Where that is not the size that we hold, nothing is cosigned, and the log may try again from there.

        Raises:
            CheckpointError, BadSignatureError: it is not one that this log has signed.
            LogConflictError: it contradicts what we hold; an alarm. One that stays behind what it has signed is an
                alarm too, and is told what that was.
        """
        shown = self._read(note, origin)
        held = await self._held(origin)
        if held is None:
            return await self._accept(shown)
        size, before = shown.checkpoint.size, held.checkpoint.size
        if size == before:
            await self._require_same(held, shown)
            return Seen(held, self._cosign(held.checkpoint))
        if size < before and now_micros() - held.since > ROLLBACK_MICROS:
            await self._sound(ROLLBACK, held, shown)
        if size < before or from_size != before:
            return Seen(held, None)  # by what it holds in its hands then, a log that was set back finds that out itself
        await self._require_growth(held, shown, proof)
        return await self._accept(shown)

    async def hear(self, notes: Sequence[str], *, proofs: Proofs) -> None:
        """Hold what another peer says that logs have signed against what we hold; what is of strangers is passed over.

        LogConflictError is not raised: the one who tells is not the one at fault. The alarm is sounded.
        """
        for note in notes:
            try:
                origin = Checkpoint.from_text(read_note(note).text).origin
                told = self._read(note, origin)
                await self._compare(told, proofs)
            except TrustError:
                continue

    async def all_held(self) -> list[str]:
        """Give what we hold of all logs, as notes."""
        async with self._store.reading() as connection:
            return list((await connection.execute(_ALL)).scalars())

    def _read(self, note: str, origin: str) -> SignedCheckpoint:
        """Read a checkpoint of a log (CheckpointError, BadSignatureError)."""
        shown = read_checkpoint(note, *self._keys(origin))
        if shown.checkpoint.origin != origin:
            raise CheckpointError(rule="origin")
        return shown

    async def _held(self, origin: str) -> Held | None:
        """Give what we hold of a log; its signature was verified when it came."""
        async with self._store.reading() as connection:
            row = (await connection.execute(_HELD, {"origin": origin})).one_or_none()
        return None if row is None else Held(Checkpoint.from_text(read_note(row.note).text), row.note, row.time)

    async def _accept(self, shown: SignedCheckpoint) -> Seen:
        """Hold a checkpoint from now on, and cosign it."""
        held = Held(shown.checkpoint, shown.to_text(), now_micros())
        row = {"origin": shown.checkpoint.origin, "size": shown.checkpoint.size, "time": held.since, "note": held.note}
        await self._store.commit(self._keep, row)
        return Seen(held, self._cosign(shown.checkpoint))

    def _cosign(self, checkpoint: Checkpoint) -> NoteSignature:
        return cosign(checkpoint, signer=self._signer, name=self._name, at=int(time.time()))

    async def _compare(self, told: SignedCheckpoint, proofs: Proofs) -> None:
        """See that a head told by others and the one held are of one log (LogConflictError)."""
        origin = told.checkpoint.origin
        held = await self._held(origin)
        if held is None:
            return
        first, second = sorted((told.checkpoint.size, held.checkpoint.size))
        if first == second:
            await self._require_same(held, told)
            return
        path = await proofs(origin, first, second) if first else None
        if path is None:
            return
        roots = {told.checkpoint.size: told.checkpoint.root, held.checkpoint.size: held.checkpoint.root}
        try:
            prove_consistency(first, second, roots=(roots[first], roots[second]), path=path)
        except ProofError:
            await self._conflict(SPLIT_VIEW, held, told)

    async def _require_same(self, held: Held, shown: SignedCheckpoint) -> None:
        """Demand that two heads of one size are one (LogConflictError)."""
        if held.checkpoint.root != shown.checkpoint.root:
            await self._conflict(SPLIT_VIEW, held, shown)

    async def _require_growth(self, held: Held, shown: SignedCheckpoint, proof: Sequence[bytes]) -> None:
        """Demand that a head goes on from the one held; every log goes on from the empty one (LogConflictError)."""
        old, new = held.checkpoint, shown.checkpoint
        if old.size == 0:
            return
        try:
            prove_consistency(old.size, new.size, roots=(old.root, new.root), path=proof)
        except ProofError:
            await self._conflict(SPLIT_VIEW, held, shown)

    async def _conflict(self, kind: str, held: Held, shown: SignedCheckpoint) -> None:
        """Sound the alarm (LogConflictError)."""
        await self._sound(kind, held, shown)
        raise LogConflictError(origin=held.checkpoint.origin, rule=kind)

    async def _sound(self, kind: str, held: Held, shown: SignedCheckpoint) -> None:
        await self._alarms.sound(Alarm(held.checkpoint.origin, kind, held=held.note, offered=shown.to_text()))
