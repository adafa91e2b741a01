"""Proofs of inclusion for receipts: by a checkpoint that a peer has cosigned, where one has the record."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gateway.services.exchange_proofs import InclusionProofs
from tests.gateway.services.evidence_lab import fill, kept
from tests.gateway.services.evidence_logs import KEYS, log_of
from trust.note import read_note

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.services.evidence_bundle import Stored

OURS, THEIRS, _ = KEYS


def identifier(stored: Stored) -> bytes:
    """Give the id of a record."""
    return bytes.fromhex(json.loads(stored.record)["id"])


async def test_a_record_is_proved_by_a_checkpoint_that_was_cosigned(sqlite_url: str, tmp_path: Path) -> None:
    """What a peer has seen is proved by that, though the log has grown since; what came later by the newest head."""
    async with log_of(OURS, sqlite_url) as ours, log_of(THEIRS, f"sqlite:///{tmp_path}/theirs.sqlite") as theirs:
        proofs = InclusionProofs(reader=ours.reader, heads=ours.heads)
        await fill(ours.store, 7)
        first, *_ = await kept(ours.store)
        before = await proofs.prove(identifier(first))
        await ours.gossip(peer=theirs).exchange(THEIRS)
        await fill(ours.store, 7)
        *_, last = await kept(ours.store)
        found = [await proofs.prove(identifier(one)) for one in (first, last)]
    notes = [read_note(str((told or {})["checkpoint"])) for told in (before, *found)]
    assert [(note.text.splitlines()[1], len(note.signatures)) for note in notes] == [("7", 1), ("7", 2), ("14", 1)]
