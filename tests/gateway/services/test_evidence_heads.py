"""Checkpoints of our own log: signed as it grows, never against what was signed, and found out where it shrinks."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import delete, update

from gateway.services import evidence_heads
from gateway.services.evidence_alarms import NOT_OURS, OWN_HEAD, OWN_ROLLBACK
from gateway.store.tables_evidence import BUNDLES, CHECKPOINTS, TILES
from tests.gateway.services.evidence_lab import fill, tamper
from tests.gateway.services.evidence_logs import KEYS, log_of, note_keys
from trust.checkpoint import Checkpoint, cosign, read_checkpoint, sign_checkpoint
from trust.errors import LogConflictError, TrustError
from trust.merkle import EMPTY_ROOT
from trust.note import COSIGNER_KIND
from trust.signer import KeySigner

OURS, THEIRS = "gateway.chongqing", "gateway.sichuan"


async def test_a_checkpoint_is_signed_when_the_log_has_grown(store_url: str) -> None:
    """The head is signed once for each size, and reads back with our key."""
    async with log_of(OURS, store_url) as side:
        empty = await side.heads.current()
        assert (empty.checkpoint.size, empty.checkpoint.root) == (0, EMPTY_ROOT)
        await fill(side.store, 10)
        signed = await side.heads.current()
        assert signed.checkpoint == Checkpoint(OURS, 10, (await side.reader.head()).root)
        assert await side.heads.current() == signed
        assert read_checkpoint(signed.to_text(), *note_keys(OURS)) == signed


async def test_an_earlier_checkpoint_is_shown_with_its_cosignatures(store_url: str) -> None:
    """Whoever asks for at least a size gets the first checkpoint that has it, and the lines of peers below."""
    async with log_of(OURS, store_url) as side:
        for _ in range(3):
            await fill(side.store, 5)
            await side.heads.current()
        first = Checkpoint(OURS, 10, await side.reader.root(10))
        line = cosign(first, signer=KeySigner(KEYS[THEIRS]), name=THEIRS, at=1_790_000_000)
        for _ in range(2):
            await side.heads.add_cosignature(10, line, key=note_keys(THEIRS)[0].of_kind(COSIGNER_KIND))
        shown = await side.heads.shown(6)
        assert shown.checkpoint == first
        assert shown.note.signatures[1:] == (line,)
        assert (await side.heads.shown()).checkpoint.size == 15
        assert (await side.heads.shown(99)).checkpoint.size == 15


async def test_replicas_sign_one_text(store_url: str) -> None:
    """Two that sign at the same time say the same."""
    async with log_of(OURS, store_url) as one, log_of(OURS, store_url) as other:
        await fill(one.store, 5)
        first, second = await asyncio.gather(one.heads.current(), other.heads.current())
        assert first.to_text() == second.to_text()


async def test_a_log_that_lost_its_tail_is_signed_no_more(store_url: str) -> None:
    """Contract DU6: a cut tail contradicts what was signed; the alarm is told once and kept."""
    async with log_of(OURS, store_url) as side:
        await fill(side.store, 20, together=5)
        await side.heads.current()
        await tamper(store_url, delete(BUNDLES).where(BUNDLES.c.place >= 10))
        for _ in range(2):
            with pytest.raises(LogConflictError):
                await side.heads.current()
        assert side.told == [("evidence_alarm", {"origin": OURS, "kind": OWN_ROLLBACK})]
        assert side.alarms.count == 1
        (kept,) = await side.alarms.kept()
        assert "\n20\n" in kept.held
        assert "\n10\n" in kept.offered


async def test_a_rewritten_tile_is_found_out_before_anything_is_signed(sqlite_url: str) -> None:
    """What was under a signed head cannot be changed unseen, however much was added since."""
    async with log_of(OURS, sqlite_url) as side:
        await fill(side.store, 300, together=50)
        await side.heads.current()
        await tamper(sqlite_url, update(TILES).values(root=bytes(32)))
        await fill(side.store, 5)
        with pytest.raises(LogConflictError):
            await side.heads.current()


async def test_a_head_that_is_not_that_of_the_records_is_not_signed(sqlite_url: str) -> None:
    """A head is signed only if the records give it."""
    async with log_of(OURS, sqlite_url) as side:
        await fill(side.store, 5)
        await tamper(sqlite_url, update(BUNDLES).values(frontier=bytes(64)))
        with pytest.raises(LogConflictError):
            await side.heads.current()
        assert side.told == [("evidence_alarm", {"origin": OURS, "kind": OWN_HEAD})]


async def test_a_checkpoint_that_is_not_ours_is_an_alarm(sqlite_url: str) -> None:
    """Contract DU6: a swapped key is noticed."""
    async with log_of(OURS, sqlite_url) as side:
        await fill(side.store, 5)
        signed = await side.heads.current()
        forged = sign_checkpoint(signed.checkpoint, signer=KeySigner(KEYS[THEIRS]))
        await tamper(sqlite_url, update(CHECKPOINTS).values(note=forged.to_text()))
        with pytest.raises(LogConflictError):
            await side.heads.current()
        assert side.told == [("evidence_alarm", {"origin": OURS, "kind": NOT_OURS})]


async def test_what_others_say_we_have_signed_is_faced(sqlite_url: str) -> None:
    """A checkpoint of ours that our log has is nothing, one that it has not is an alarm, one of others is refused."""
    async with log_of(OURS, sqlite_url) as side:
        await fill(side.store, 5)
        signed = await side.heads.current()
        await side.heads.face(signed.to_text())
        longer = sign_checkpoint(Checkpoint(OURS, 6, bytes(32)), signer=KeySigner(KEYS[OURS]))
        with pytest.raises(LogConflictError):
            await side.heads.face(longer.to_text())
        with pytest.raises(TrustError):
            await side.heads.face(sign_checkpoint(signed.checkpoint, signer=KeySigner(KEYS[THEIRS])).to_text())
        assert side.alarms.count == 1


async def test_a_log_that_grows_is_signed_by_itself(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it runs, checkpoints come without anybody asking, and go on after a conflict is mended."""
    monkeypatch.setattr(evidence_heads, "INTERVAL_SECONDS", 0.01)
    async with log_of(OURS, sqlite_url) as side:
        running = asyncio.create_task(side.heads.run())
        await fill(side.store, 5)
        while (last := await side.heads._last()) is None or last.checkpoint.size < 5:
            await asyncio.sleep(0.01)
        await tamper(sqlite_url, delete(BUNDLES))
        while not side.alarms.count:
            await asyncio.sleep(0.01)
        assert not running.done()
        running.cancel()
