"""What gateways hold of each other's logs: growth is cosigned; rollbacks, cut tails and split views are found out."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete

from gateway.services import evidence_witness
from gateway.services.evidence_alarms import OWN_ROLLBACK, ROLLBACK, SPLIT_VIEW
from gateway.store.tables_evidence import BUNDLES, CHECKPOINTS
from tests.gateway.services.evidence_lab import decision, fill, record, tamper
from tests.gateway.services.evidence_logs import KEYS, log_of, note_keys
from trust.checkpoint import Checkpoint, check_cosignature, sign_checkpoint
from trust.errors import CheckpointError, LogConflictError
from trust.merkle import EMPTY_ROOT
from trust.note import COSIGNER_KIND
from trust.signer import KeySigner

if TYPE_CHECKING:
    from pathlib import Path

OURS, THEIRS, THIRD = KEYS


def signed(size: int, root: bytes, name: str = OURS) -> str:
    """Sign a head as a log."""
    return sign_checkpoint(Checkpoint(name, size, root), signer=KeySigner(KEYS[name])).to_text()


async def no_proofs(origin: str, first: int, second: int) -> None:
    """Reach nobody."""
    del origin, first, second


async def test_a_log_that_grows_is_cosigned_by_its_peer(store_url: str, tmp_path: Path) -> None:
    """Each checkpoint that goes on from the one held gets the peer's line, which holds."""
    async with log_of(OURS, store_url) as ours, log_of(THEIRS, f"sqlite:///{tmp_path}/theirs.sqlite") as theirs:
        gossip = ours.gossip(peer=theirs)
        for size in (7, 14, 21):
            await fill(ours.store, 7)
            await gossip.exchange(THEIRS)
            shown = await ours.heads.shown()
            assert shown.checkpoint.size == size
            key = note_keys(THEIRS)[0].of_kind(COSIGNER_KIND)
            line = shown.note.of_key(key)
            assert line is not None
            check_cosignature(line, shown.checkpoint, key=key)
        assert theirs.alarms.count == 0


async def test_a_peer_that_was_forgotten_is_caught_up(sqlite_url: str, tmp_path: Path) -> None:
    """After a restart nobody knows what the peer holds; it tells, and is shown the way from there."""
    async with log_of(OURS, sqlite_url) as ours, log_of(THEIRS, f"sqlite:///{tmp_path}/theirs.sqlite") as theirs:
        await fill(ours.store, 7)
        await ours.gossip(peer=theirs).exchange(THEIRS)
        await fill(ours.store, 7)
        await ours.gossip(peer=theirs).exchange(THEIRS)
        assert "\n14\n" in (await theirs.witness.all_held())[0]
        assert len((await ours.heads.shown()).note.signatures) == 2


async def test_nothing_is_shown_twice_without_need(sqlite_url: str, tmp_path: Path) -> None:
    """A log that has not grown is not shown again at once."""
    async with log_of(OURS, sqlite_url) as ours, log_of(THEIRS, f"sqlite:///{tmp_path}/theirs.sqlite") as theirs:
        gossip = ours.gossip(peer=theirs)
        await fill(ours.store, 7)
        await gossip.exchange(THEIRS)
        await theirs.store.close()
        await gossip.exchange(THEIRS)


async def test_a_log_that_stays_behind_what_it_has_signed_is_an_alarm_at_its_peer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A smaller head may have been overtaken on its way, but not for long."""
    async with log_of(THEIRS, f"sqlite:///{tmp_path}/theirs.sqlite") as theirs:
        await theirs.witness.see(signed(9, bytes(32)), origin=OURS, from_size=0, proof=[])
        seen = await theirs.witness.see(signed(8, bytes(32)), origin=OURS, from_size=0, proof=[])
        assert (seen.held.checkpoint.size, seen.cosignature) == (9, None)
        assert theirs.alarms.count == 0
        monkeypatch.setattr(evidence_witness, "ROLLBACK_MICROS", -1)
        seen = await theirs.witness.see(signed(8, bytes(32)), origin=OURS, from_size=0, proof=[])
        assert (seen.held.checkpoint.size, seen.cosignature) == (9, None)
        assert theirs.told == [("evidence_alarm", {"origin": OURS, "kind": ROLLBACK})]


@pytest.mark.parametrize("late", [False, True])
async def test_a_log_that_was_set_back_is_an_alarm_at_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, late: bool
) -> None:
    """However long ago the peer was shown the larger head: it tells the log what it has signed, DU6."""
    if late:
        monkeypatch.setattr(evidence_witness, "ROLLBACK_MICROS", -1)
    url = f"sqlite:///{tmp_path}/ours.sqlite"
    async with log_of(THEIRS, f"sqlite:///{tmp_path}/theirs.sqlite") as theirs:
        async with log_of(OURS, url) as ours:
            await fill(ours.store, 7)
            await ours.heads.current()
        shutil.copy2(tmp_path / "ours.sqlite", tmp_path / "old.sqlite")
        async with log_of(OURS, url) as ours:
            await fill(ours.store, 7)
            await ours.gossip(peer=theirs).exchange(THEIRS)
        async with log_of(OURS, f"sqlite:///{tmp_path}/old.sqlite") as old:
            with pytest.raises(LogConflictError):
                await old.gossip(peer=theirs).exchange(THEIRS)
            assert old.told == [("evidence_alarm", {"origin": OURS, "kind": OWN_ROLLBACK})]
        assert theirs.told == [("evidence_alarm", {"origin": OURS, "kind": ROLLBACK})] * late


async def test_a_log_that_was_rewritten_is_an_alarm_at_its_peer(sqlite_url: str, tmp_path: Path) -> None:
    """Contract DU6: whoever changes records, tiles, heads and checkpoints alike is still found out by who watched."""
    async with log_of(OURS, sqlite_url) as ours, log_of(THEIRS, f"sqlite:///{tmp_path}/theirs.sqlite") as theirs:
        gossip = ours.gossip(peer=theirs)
        await fill(ours.store, 7)
        await gossip.exchange(THEIRS)
        await tamper(sqlite_url, delete(BUNDLES), delete(CHECKPOINTS))
        await ours.store.commit(record, [decision(number) for number in range(100, 120)])
        with pytest.raises(LogConflictError):
            await gossip.exchange(THEIRS)
        assert theirs.told == [("evidence_alarm", {"origin": OURS, "kind": SPLIT_VIEW})]
        (kept,) = await theirs.alarms.kept()
        assert "\n7\n" in kept.held
        assert "\n20\n" in kept.offered


async def test_two_heads_of_one_size_are_a_split_view(tmp_path: Path) -> None:
    """Contract DU7: both notes are signed by the log, and kept as the proof."""
    async with log_of(THEIRS, f"sqlite:///{tmp_path}/theirs.sqlite") as theirs:
        first = await theirs.witness.see(signed(9, bytes(32)), origin=OURS, from_size=0, proof=[])
        again = await theirs.witness.see(signed(9, bytes(32)), origin=OURS, from_size=0, proof=[])
        assert first.cosignature is not None
        assert again.cosignature is not None
        with pytest.raises(LogConflictError):
            await theirs.witness.see(signed(9, b"x" * 32), origin=OURS, from_size=0, proof=[])
        assert [one.kind for one in await theirs.alarms.kept()] == [SPLIT_VIEW]


async def test_two_views_to_two_peers_are_found_out_when_these_talk(tmp_path: Path) -> None:
    """Contract DU7: the log shows one face here and another there; gossip brings both together."""
    urls = {name: f"sqlite:///{tmp_path}/{name}.sqlite" for name in (*KEYS, "other_face")}
    async with (
        log_of(OURS, urls[OURS]) as ours,
        log_of(OURS, urls["other_face"]) as other_face,
        log_of(THEIRS, urls[THEIRS]) as theirs,
        log_of(THIRD, urls[THIRD]) as third,
    ):
        await fill(ours.store, 7)
        await ours.gossip(peer=theirs).exchange(THEIRS)
        await other_face.store.commit(record, [decision(number) for number in range(50, 62)])
        await other_face.gossip(peer=third).exchange(THIRD)
        assert third.alarms.count == theirs.alarms.count == 0
        proofs = third.gossip(first=other_face).proof
        await third.witness.hear(await theirs.witness.all_held(), proofs=proofs)
        assert third.told == [("evidence_alarm", {"origin": OURS, "kind": SPLIT_VIEW})]
        assert [one.kind for one in await third.alarms.kept()] == [SPLIT_VIEW]


async def test_what_is_heard_of_a_log_that_grew_is_no_alarm(tmp_path: Path) -> None:
    """One peer may have seen more than another: the log proves that both are its own."""
    urls = {name: f"sqlite:///{tmp_path}/{name}.sqlite" for name in KEYS}
    async with (
        log_of(OURS, urls[OURS]) as ours,
        log_of(THEIRS, urls[THEIRS]) as theirs,
        log_of(THIRD, urls[THIRD]) as third,
    ):
        await fill(ours.store, 7)
        await ours.gossip(peer=theirs).exchange(THEIRS)
        await fill(ours.store, 7)
        await ours.gossip(peer=third).exchange(THIRD)
        for one, other in ((third, theirs), (theirs, third)):
            await one.witness.hear(await other.witness.all_held(), proofs=one.gossip(log=ours).proof)
            await one.witness.hear(await other.witness.all_held(), proofs=no_proofs)
        await third.witness.hear([signed(9, bytes(32), THEIRS), "no note", signed(0, EMPTY_ROOT)], proofs=no_proofs)
        assert theirs.alarms.count == third.alarms.count == 0


@pytest.mark.parametrize("note", ["", "no note", signed(9, bytes(32), THEIRS)])
async def test_a_checkpoint_of_another_log_is_refused(tmp_path: Path, note: str) -> None:
    """A caller shows its own log and no other."""
    async with log_of(THEIRS, f"sqlite:///{tmp_path}/theirs.sqlite") as theirs:
        with pytest.raises(CheckpointError):
            await theirs.witness.see(note, origin=OURS, from_size=0, proof=[])


async def test_a_log_that_began_empty_goes_on_from_nothing(tmp_path: Path) -> None:
    """Every log goes on from the empty one."""
    async with log_of(THEIRS, f"sqlite:///{tmp_path}/theirs.sqlite") as theirs:
        await theirs.witness.see(signed(0, EMPTY_ROOT), origin=OURS, from_size=0, proof=[])
        seen = await theirs.witness.see(signed(9, bytes(32)), origin=OURS, from_size=0, proof=[])
        assert seen.held.checkpoint.size == 9
        assert seen.cosignature is not None
