"""Shows our checkpoints to the gateways of other regions, and keeps what they have signed below them.

Each of them holds the largest checkpoint that it has seen of our log, and we of theirs: what one of us has signed and
later denies, another can show.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from gateway.errors import GatewayError, PeerRefusedError
from trust.checkpoint import check_cosignature
from trust.errors import TrustError
from trust.note import COSIGNER_KIND

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.services.evidence_alarms import Told
    from gateway.services.evidence_heads import EvidenceHeads
    from gateway.services.evidence_reader import EvidenceReader
    from gateway.services.evidence_witness import Witness
    from trust.checkpoint import Checkpoint, SignedCheckpoint
    from trust.note import NoteKey, NoteSignature

EXCHANGE_SECONDS: Final = 5.0
"""How often a peer is shown a log that has grown."""

IDLE_SECONDS: Final = 60.0
"""How often it is shown one that has not."""

_TRIES: Final = 2
_NO_SUCH_SIZE: Final = "INVALID_ARGUMENT"


@dataclass(frozen=True, slots=True)
class Answered:
    """What a peer answered: the checkpoint that it holds of our log, and its cosignature where it is the one shown."""

    held: Checkpoint
    note: str
    cosignature: NoteSignature | None


class Log(Protocol):
    """The log of another gateway: `gateway.peers.evidence.PeerLog`."""

    async def show(self, note: str, *, from_size: int, path: Sequence[bytes], seen: Sequence[str]) -> Answered:
        """Show our checkpoint (GatewayError)."""

    async def consistency(self, first: int, second: int) -> Sequence[bytes]:
        """Ask for the proof between two of its sizes (GatewayError)."""


@dataclass(slots=True)
class _State:
    """What we know of a peer: the size that it holds of our log, and what and when it was shown last."""

    size: int = 0
    shown: tuple[str, tuple[str, ...]] = ("", ())
    at: float = field(default=-IDLE_SECONDS)


class Gossip:
    """Exchanges checkpoints with peers.

    Args:
        heads: our checkpoints.
        reader: our log.
        witness: what we hold of theirs.
        logs: the logs of the peers, by origin.
        keys: gives the keys of a log.
        told: hears of a peer that refuses our checkpoint.
    """

    def __init__(
        self,
        heads: EvidenceHeads,
        *,
        reader: EvidenceReader,
        witness: Witness,
        logs: Mapping[str, Log],
        keys: Callable[[str], tuple[NoteKey, ...]],
        told: Told,
    ) -> None:
        """Begin without knowing what anybody holds."""
        self._heads = heads
        self._reader = reader
        self._witness = witness
        self._logs = logs
        self._keys = keys
        self._told = told
        self._states = {origin: _State() for origin in logs}

    async def proof(self, origin: str, first: int, second: int) -> Sequence[bytes] | None:
        """Ask a peer's log for a proof; None where it cannot be asked (`gateway.services.evidence_witness.Proofs`)."""
        log = self._logs.get(origin)
        if log is None:
            return None
        try:
            return await log.consistency(first, second)
        except PeerRefusedError as error:
            # A log that has signed two sizes and knows nothing of one of them has no proof; any other refusal passes.
            return () if error.code == _NO_SUCH_SIZE else None
        except GatewayError:
            return None

    async def run(self) -> None:
        """Exchange until cancelled; a peer that cannot be reached is asked again."""
        while self._logs:
            await asyncio.sleep(EXCHANGE_SECONDS)
            await asyncio.gather(*(self._try(origin) for origin in self._logs))

    async def _try(self, origin: str) -> None:
        try:
            await self.exchange(origin)
        except PeerRefusedError as error:
            self._told("checkpoint_refused", origin=origin, reason=error.reason)
        except (GatewayError, TrustError):
            return

    async def exchange(self, origin: str) -> None:
        """Show one peer our log, where it has not seen it as it is, or not for some time.

        Raises:
            GatewayError, TrustError: the peer cannot be reached or believed; LogConflictError: our log is not its own.
        """
        state, ours = self._states[origin], await self._heads.current()
        seen = tuple(await self._witness.all_held())
        if state.shown == (ours.to_text(), seen) and time.monotonic() - state.at < IDLE_SECONDS:
            return
        for _ in range(_TRIES):
            size = ours.checkpoint.size
            path = await self._reader.consistency(state.size, size) if 0 < state.size <= size else ()
            answered = await self._logs[origin].show(ours.to_text(), from_size=state.size, path=path, seen=seen)
            if answered.cosignature is not None:
                await self._keep(origin, ours, answered.cosignature)
                state.size, state.shown, state.at = size, (ours.to_text(), seen), time.monotonic()
                return
            await self._heads.face(answered.note)
            state.size = answered.held.size

    async def _keep(self, origin: str, ours: SignedCheckpoint, line: NoteSignature) -> None:
        """Keep a cosignature that holds (CheckpointError, BadSignatureError)."""
        keys = [key.of_kind(COSIGNER_KIND) for key in self._keys(origin)]
        key = next((key for key in keys if line.is_of(key)), None)
        if key is not None:
            check_cosignature(line, ours.checkpoint, key=key)
            await self._heads.add_cosignature(ours.checkpoint.size, line, key=key)
