"""Two gateways with a log each, for tests: who signs, who watches, and what one shows the other."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gateway.services.evidence_alarms import Alarms
from gateway.services.evidence_gossip import Answered, Gossip
from gateway.services.evidence_heads import EvidenceHeads
from gateway.services.evidence_reader import EvidenceReader
from gateway.services.evidence_witness import Witness
from tests.gateway.services.evidence_lab import recording
from trust.checkpoint import Checkpoint
from trust.keys import SigningKey
from trust.note import NoteKey, read_note
from trust.signer import KeySigner

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from gateway.services.evidence_gossip import Log
    from gateway.store.store import Store

NAMES = ("gateway.chongqing", "gateway.sichuan", "gateway.guizhou")
KEYS = {name: SigningKey.generate("EdDSA", issuer=name) for name in NAMES}


def note_keys(origin: str) -> tuple[NoteKey, ...]:
    """Give the keys of a log."""
    return (NoteKey.of(KEYS[origin].public(), name=origin),) if origin in KEYS else ()


@dataclass(slots=True)
class LogSide:
    """The log of a gateway, and what it holds of others."""

    name: str
    store: Store
    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    reader: EvidenceReader = field(init=False)
    alarms: Alarms = field(init=False)
    heads: EvidenceHeads = field(init=False)
    witness: Witness = field(init=False)

    def __post_init__(self) -> None:
        """Put the parts together."""
        signer = KeySigner(KEYS[self.name])
        self.reader = EvidenceReader(self.store)
        self.alarms = Alarms(self.store, told=self.tell)
        self.heads = EvidenceHeads(
            self.store,
            reader=self.reader,
            signer=signer,
            known=lambda: note_keys(self.name),
            origin=self.name,
            alarms=self.alarms,
        )
        self.witness = Witness(self.store, keys=note_keys, signer=signer, name=self.name, alarms=self.alarms)

    def tell(self, name: str, **fields: str | float | bool) -> None:
        """Note an event."""
        self.told.append((name, fields))

    def gossip(self, **logs: LogSide) -> Gossip:
        """Make what shows this log to others."""
        known: dict[str, Log] = {other.name: Shown(self, other) for other in logs.values()}
        return Gossip(self.heads, reader=self.reader, witness=self.witness, logs=known, keys=note_keys, told=self.tell)


@dataclass(slots=True)
class Shown:
    """The log of another gateway, without a wire in between; `proofs` is what that one asks others for."""

    own: LogSide
    other: LogSide

    async def show(self, note: str, *, from_size: int, path: Sequence[bytes], seen: Sequence[str]) -> Answered:
        """Let the other look at our checkpoint."""
        told = await self.other.witness.see(note, origin=self.own.name, from_size=from_size, proof=path)
        await self.other.witness.hear(seen, proofs=self.other.gossip(own=self.own).proof)
        held = Checkpoint.from_text(read_note(told.held.note).text)
        return Answered(held, told.held.note, told.cosignature)

    async def consistency(self, first: int, second: int) -> Sequence[bytes]:
        """Ask the other for a proof."""
        return await self.other.reader.consistency(first, second)


@asynccontextmanager
async def log_of(name: str, url: str) -> AsyncIterator[LogSide]:
    """Open the log of a gateway."""
    async with recording(url) as store:
        yield LogSide(name, store)
