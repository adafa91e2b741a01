"""The exchange of checkpoints: in the background, past peers that are away or refuse, believed where it holds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gateway.errors import PeerRefusedError, PeerUnavailableError
from gateway.services import evidence_gossip
from gateway.services.evidence_gossip import Answered, Gossip
from tests.gateway.services.evidence_lab import fill
from tests.gateway.services.evidence_logs import KEYS, LogSide, Shown, log_of, note_keys
from trust.checkpoint import Checkpoint, cosign
from trust.note import NoteSignature, read_note
from trust.signer import KeySigner

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pytest

OURS, THEIRS, _ = KEYS


def refusal(code: str, reason: str) -> PeerRefusedError:
    """Make the refusal of a peer."""
    return PeerRefusedError(code=code, reason=reason, violations=(), region="sichuan")


@dataclass(slots=True)
class Unwilling:
    """A peer that fails first, and may answer later."""

    failures: list[Exception]
    behind: Shown | None = None
    shown: list[str] = field(default_factory=list)

    async def show(self, note: str, *, from_size: int, path: Sequence[bytes], seen: Sequence[str]) -> Answered:
        """Fail, or let the one behind answer."""
        self.shown.append(note)
        if self.failures:
            raise self.failures.pop(0)
        assert self.behind is not None
        return await self.behind.show(note, from_size=from_size, path=path, seen=seen)

    async def consistency(self, first: int, second: int) -> Sequence[bytes]:
        """Fail."""
        del first, second
        raise self.failures[0]


def gossip_with(side: LogSide, log: Any) -> Gossip:  # noqa: ANN401 - stands for the log of a peer
    """Make what shows a log to one peer."""
    return Gossip(
        side.heads, reader=side.reader, witness=side.witness, logs={THEIRS: log}, keys=note_keys, told=side.tell
    )


async def test_peers_are_shown_the_log_while_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is away, and one that refuses for the moment, is shown it again; a refusal is told."""
    monkeypatch.setattr(evidence_gossip, "EXCHANGE_SECONDS", 0.01)
    async with (
        log_of(OURS, f"sqlite:///{tmp_path}/ours.sqlite") as ours,
        log_of(THEIRS, f"sqlite:///{tmp_path}/theirs.sqlite") as theirs,
    ):
        await fill(ours.store, 7)
        failures: list[Exception] = [
            PeerUnavailableError(region="sichuan"),
            refusal("FAILED_PRECONDITION", "LOG_CONFLICT"),
        ]
        peer = Unwilling(failures, behind=Shown(ours, theirs))
        running = asyncio.create_task(gossip_with(ours, peer).run())
        while len((await ours.heads.shown()).note.signatures) < 2:
            await asyncio.sleep(0.01)
        running.cancel()
        assert ours.told == [("checkpoint_refused", {"origin": THEIRS, "reason": "LOG_CONFLICT"})]


async def test_without_peers_there_is_nothing_to_do(sqlite_url: str) -> None:
    """A gateway that has no agreement exchanges nothing."""
    async with log_of(OURS, sqlite_url) as ours:
        await ours.gossip().run()


async def test_a_log_that_has_no_proof_of_what_it_signed_is_told_from_one_that_cannot_be_asked(sqlite_url: str) -> None:
    """No such size is an answer, and an empty proof; everything else is none."""
    async with log_of(OURS, sqlite_url) as ours:
        for failure, proof in (
            (refusal("INVALID_ARGUMENT", "INVALID_FIELD"), ()),
            (refusal("RESOURCE_EXHAUSTED", "LIMIT"), None),
            (PeerUnavailableError(region="sichuan"), None),
        ):
            gossip = gossip_with(ours, Unwilling([failure]))
            assert await gossip.proof(THEIRS, 1, 2) == proof
        assert await gossip_with(ours, Unwilling([])).proof("gateway.nowhere", 1, 2) is None


async def test_a_cosignature_by_another_key_is_not_kept(sqlite_url: str) -> None:
    """What the peer's key has not signed is nothing to us, and what it has signed otherwise is refused."""
    async with log_of(OURS, sqlite_url) as ours:
        await fill(ours.store, 7)
        head = (await ours.heads.current()).checkpoint
        good = cosign(head, signer=KeySigner(KEYS[THEIRS]), name=THEIRS, at=1)
        for line in (
            cosign(head, signer=KeySigner(KEYS[OURS]), name=THEIRS, at=1),
            NoteSignature(good.name, good.key_id, good.value[:-1] + bytes([good.value[-1] ^ 1])),
            cosign(Checkpoint(OURS, 8, bytes(32)), signer=KeySigner(KEYS[THEIRS]), name=THEIRS, at=1),
        ):
            await gossip_with(ours, Saying(line))._try(THEIRS)
            assert len((await ours.heads.shown()).note.signatures) == 1
        await gossip_with(ours, Saying(good))._try(THEIRS)
        assert len((await ours.heads.shown()).note.signatures) == 2


@dataclass(frozen=True, slots=True)
class Saying:
    """A peer that answers with one line, whatever it is shown."""

    line: NoteSignature

    async def show(self, note: str, *, from_size: int, path: Sequence[bytes], seen: Sequence[str]) -> Answered:
        """Answer."""
        del from_size, path, seen
        return Answered(Checkpoint.from_text(read_note(note).text), note, self.line)
