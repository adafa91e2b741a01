"""Proofs that the log of this gateway has recorded a reply, as they stand in receipts."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

from gateway.errors import UnknownRecordError

if TYPE_CHECKING:
    from gateway.services.evidence_heads import EvidenceHeads
    from gateway.services.evidence_reader import EvidenceReader


class InclusionProofs:
    """Proves records of our own log."""

    def __init__(self, *, reader: EvidenceReader, heads: EvidenceHeads) -> None:
        """Take the log and its checkpoints."""
        self._reader = reader
        self._heads = heads

    async def prove(self, record: bytes) -> dict[str, object] | None:
        """Prove that a record is in the log, by its id; None where it is not there any more.

        Raises:
            LogConflictError: the log is not what it was.
            StoreUnavailableError: it cannot be read.
        """
        try:
            stored = await self._reader.find(record)
        except UnknownRecordError:
            return None
        # One that a peer has cosigned says more than the newest, which nobody has seen yet while the log grows.
        shown = await self._heads.shown(await self._heads.cosigned_beyond(stored.place))
        path = await self._reader.inclusion(stored.place, shown.checkpoint.size)
        return {
            "record": stored.record.decode("utf-8"),
            "index": stored.place,
            "path": [b64encode(part).decode("ascii") for part in path],
            "checkpoint": shown.to_text(),
        }
