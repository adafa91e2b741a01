"""`onecard evidence`: an auditor's and an operator's way to the log, on the files of a gateway."""

from __future__ import annotations

import asyncio
import shutil
import time
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete, update
from typer.testing import CliRunner

from gateway.bootstrap_evidence import evidence_secret, own_keys
from gateway.cli import app
from gateway.key_shelf import KeyShelf, ShelfSigner
from gateway.services.evidence_alarms import Alarms
from gateway.services.evidence_heads import EvidenceHeads
from gateway.services.evidence_log import EvidenceLog
from gateway.services.evidence_reader import EvidenceReader
from gateway.services.local_home import china_day
from gateway.settings import load_settings
from gateway.store.tables_evidence import BUNDLES, CHECKPOINTS
from tests.fakes.configuration import FakeConfiguration
from tests.fakes.store import opened
from tests.gateway.services.evidence_lab import decision, record, tamper
from tests.gateway.services.evidence_logs import KEYS
from trust.checkpoint import Checkpoint, cosign, sign_checkpoint
from trust.errors import LogConflictError
from trust.note import COSIGNER_KIND, NoteKey
from trust.signer import KeySigner

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.sql.base import Executable

    from gateway.settings import Settings

DAY_MICROS = 86_400_000_000
NUMBER = "500112190302110117"
PEER = "gateway.sichuan"
PEER_KEY = NoteKey.of(KEYS[PEER].public(), name=PEER, kind=COSIGNER_KIND)


def age(number: int) -> int:
    """Give how long ago something was decided, microseconds."""
    return 2 * DAY_MICROS if number < 20 else 0


class Gateway:
    """The files of a gateway that has decided something, and is not running."""

    def __init__(self, configuration: FakeConfiguration) -> None:
        """Let it decide forty times, half of them two days ago."""
        self.configuration = configuration
        self.settings: Settings = load_settings(configuration.path)
        asyncio.run(self._fill())

    async def _fill(self) -> None:
        settings = self.settings
        shelf = KeyShelf(settings.evidence.key, issuer=settings.gateway)
        log = EvidenceLog(evidence_secret(settings), dialect="sqlite")
        async with opened(settings.store.address, append=log.append) as store:
            for start in range(0, 40, 4):
                made = [decision(number) for number in range(start, start + 4)]
                await store.commit(record, [replace(one, time=one.time - age(start)) for one in made])
            heads = EvidenceHeads(
                store,
                reader=EvidenceReader(store),
                signer=ShelfSigner(shelf),
                known=lambda: own_keys(settings, shelf),
                origin=settings.gateway,
                alarms=Alarms(store, told=_tell_nobody),
            )
            signed = await heads.current()
            line = cosign(signed.checkpoint, signer=KeySigner(KEYS[PEER]), name=PEER, at=1_790_000_000)
            await heads.add_cosignature(signed.checkpoint.size, line, key=PEER_KEY)

    def tamper(self, *statements: Executable) -> None:
        """Do something to the database."""
        asyncio.run(tamper(self.settings.store.address, *statements))

    def run(self, *words: str, given: str = "") -> tuple[int, str]:
        """Run a command; gives how it ended, and all that it said."""
        done = CliRunner().invoke(app, ["evidence", *words], input=given)
        return done.exit_code, done.output

    def on(self, *words: str, given: str = "") -> tuple[int, str]:
        """Run a command on the configuration."""
        return self.run(words[0], "--config", str(self.configuration.path), *words[1:], given=given)


def naming(number: int) -> int:
    """Count those among the first decisions that have a personal part: they are about somebody, or gave something."""
    decisions = map(decision, range(number))
    return sum(bool(one.subject or one.recognition) for one in decisions)


def _tell_nobody(name: str, **fields: str | float | bool) -> None:
    del name, fields


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    """Lay out a gateway."""
    return Gateway(FakeConfiguration(tmp_path))


def test_a_sound_log_is_told_with_what_was_seen(gateway: Gateway) -> None:
    """Records, checkpoints and cosignatures are counted, and the command ends well."""
    code, said = gateway.on("verify", "--witness", PEER_KEY.to_text())
    assert code == 0
    assert "all is well" in said
    assert [line.split("│")[2].strip() for line in said.splitlines() if "│ records" in line] == ["40"]
    assert [line.split("│")[2].strip() for line in said.splitlines() if "│ cosignatures  " in line] == ["1"]


def test_the_first_bad_index_is_named(gateway: Gateway) -> None:
    """A record that is gone is named by its place, and the command ends with 1."""
    gateway.tamper(delete(BUNDLES).where(BUNDLES.c.place == 20))
    code, said = gateway.on("verify")
    assert code == 1
    assert said.startswith("first bad index: 20: record: missing")


def test_what_a_peer_has_kept_shows_what_is_missing(gateway: Gateway) -> None:
    """A log that was cut cleanly is sound in itself, and not beside the checkpoint."""
    held = gateway.configuration.folder / "held.note"
    code, note = gateway.on("checkpoint")
    assert code == 0
    held.write_text(note, "utf-8")
    code, said = gateway.on("verify", "--checkpoint", str(held))
    assert (code, said.splitlines()[-1]) == (0, "all is well")
    assert "named witnesses" not in said
    gateway.tamper(delete(BUNDLES).where(BUNDLES.c.place >= 20), delete(CHECKPOINTS))
    gateway.tamper(delete(CHECKPOINTS.metadata.tables["evidence_cosignatures"]))
    code, said = gateway.on("verify")
    assert (code, "shows only beside a checkpoint" in said) == (0, True)
    code, said = gateway.on("verify", "--checkpoint", str(held))
    assert code == 1
    assert "first bad index: 20: checkpoint held elsewhere: of a longer log" in said


def test_what_nobody_has_signed_proves_nothing(gateway: Gateway, tmp_path: Path) -> None:
    """An export without a checkpoint of the log's key is no proof, whatever its records say; nor is an empty one."""
    file = tmp_path / "log.jsonl"
    assert gateway.on("export", str(file))[0] == 0
    key = gateway.on("key")[1].split()[0]
    code, said = gateway.run("verify", "--export", str(file), "--key", key)
    assert code == 0
    assert _count(said, "of them behind the last checkpoint, signed by nobody yet") == 0
    lines = file.read_text("utf-8").splitlines(keepends=True)
    for left in ([line for line in lines if not line.startswith(('{"checkpoint"', '{"cosignature"'))], []):
        file.write_text("".join(left), "utf-8")
        code, said = gateway.run("verify", "--export", str(file), "--key", key)
        assert (code, "no record is proved" in said) == (1, True)


def test_a_file_that_is_no_log_is_named(gateway: Gateway, tmp_path: Path) -> None:
    """It ends with 2: nothing is said of a log where there is none."""
    key = gateway.on("key")[1].split()[0]
    other = tmp_path / "other.txt"
    other.write_text("words\n", "utf-8")
    for file, fault in ((tmp_path / "nowhere.jsonl", "nowhere.jsonl: cannot be read"), (other, "other.txt: line 1")):
        code, said = gateway.run("verify", "--export", str(file), "--key", key)
        assert (code, fault in said) == (2, True)


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """A folder that is mistyped is told, and stays as it is."""
    configuration = FakeConfiguration(tmp_path)
    folder = load_settings(configuration.path).store.folder
    assert folder is not None
    for words in (("verify",), ("checkpoint",), ("erase", "--before", "2020-01-01")):
        done = CliRunner().invoke(app, ["evidence", words[0], "--config", str(configuration.path), *words[1:]])
        assert (done.exit_code, "there is no store.sqlite in it" in done.output) == (2, True)
    assert not (folder / "store.sqlite").exists()


def test_a_witness_may_be_named_by_either_key(gateway: Gateway) -> None:
    """That of its log, as `key` shows it, or that of its cosignatures."""
    for key in (PEER_KEY, NoteKey.of(KEYS[PEER].public(), name=PEER)):
        said = gateway.on("verify", "--witness", key.to_text())[1]
        assert (_count(said, "cosignatures  "), _count(said, "cosignatures of others than the named witnesses")) == (
            1,
            0,
        )


def test_an_auditor_needs_a_file_and_a_key_only(gateway: Gateway, tmp_path: Path) -> None:
    """An exported log is verified without the gateway's configuration, and is not overwritten."""
    file = tmp_path / "log.jsonl"
    assert gateway.on("export", str(file)) == (0, "")
    assert gateway.on("export", str(file))[0] == 2
    _, key = gateway.on("key")
    code, said = gateway.run("verify", "--export", str(file), "--key", key.strip())
    assert (code, "all is well" in said) == (0, True)
    file.write_text(file.read_text("utf-8").replace('"entries":4', '"entries":3', 1), "utf-8")
    assert gateway.run("verify", "--export", str(file), "--key", key.strip())[0] == 1
    file.write_text("no log\n", "utf-8")
    code, said = gateway.run("verify", "--export", str(file), "--key", key.strip())
    assert (code, "line 1" in said) == (2, True)


def test_a_checkpoint_is_printed_as_peers_hold_it(gateway: Gateway) -> None:
    """The note has the gateway's own line and the peer's."""
    _, note = gateway.on("checkpoint")
    assert note.startswith("gateway.chongqing\n40\n")
    assert note.count("\u2014 ") == 2
    gateway.tamper(delete(CHECKPOINTS))
    code, said = gateway.on("checkpoint")
    assert (code, "no checkpoint" in said) == (2, True)


def test_keys_of_before_are_ours_still(gateway: Gateway) -> None:
    """What a retired key has signed is sound if the configuration names it."""
    former = NoteKey.of(KEYS[PEER].public(), name="gateway.chongqing")
    old = sign_checkpoint(Checkpoint("gateway.chongqing", 40, bytes(32)), signer=KeySigner(KEYS[PEER]))
    gateway.tamper(update(CHECKPOINTS).values(note=old.to_text()))
    assert "first bad index: 40: checkpoint: not signed" in gateway.on("verify")[1]
    gateway.configuration.change(
        'secret = "evidence.secret"', f'secret = "evidence.secret"\nformer_keys = ["{former.to_text()}"]'
    )
    assert "first bad index: 0: checkpoint: the records do not give its root" in gateway.on("verify")[1]
    assert len(gateway.on("key")[1].split()) == 2


def test_alarms_are_printed_with_both_checkpoints(gateway: Gateway) -> None:
    """What contradicts what is there for whoever has to find the cause."""
    assert gateway.on("alarms") == (0, "")
    gateway.tamper(delete(BUNDLES).where(BUNDLES.c.place >= 20))
    asyncio.run(_notice(gateway.settings))
    code, said = gateway.on("alarms")
    assert code == 1
    assert said.startswith("gateway.chongqing: own_rollback\n")
    assert "\n40\n" in said
    assert "\n20\n" in said


async def _notice(settings: Settings) -> None:
    """Let the gateway look at its log."""
    shelf = KeyShelf(settings.evidence.key, issuer=settings.gateway)
    async with opened(settings.store.address) as store:
        heads = EvidenceHeads(
            store,
            reader=EvidenceReader(store),
            signer=ShelfSigner(shelf),
            known=lambda: own_keys(settings, shelf),
            origin=settings.gateway,
            alarms=Alarms(store, told=_tell_nobody),
        )
        with pytest.raises(LogConflictError):
            await heads.current()


def test_what_stands_for_persons_is_erased_by_day_and_by_order(gateway: Gateway) -> None:
    """Contract PV5: a holder's number comes from standard input and is repeated nowhere; the log stays sound."""
    code, said = gateway.on("erase", "--region", "chongqing", given=f"{NUMBER}\n")
    assert (code, said.strip()) == (0, "erased in 0 records")
    assert NUMBER not in said
    today = china_day(time.time())
    for day, records in ((date(1999, 12, 31), 0), (today, naming(20))):
        code, said = gateway.on("erase", "--before", day.isoformat())
        assert (code, said.strip()) == (0, f"erased in {records} records")
    code, said = gateway.on("verify")
    assert (code, "all is well" in said) == (0, True)
    assert _count(said, "of them with personal parts erased") == naming(20)


def test_a_day_to_come_erases_nothing(gateway: Gateway) -> None:
    """A year that is mistyped would erase the whole log, so tomorrow is refused already."""
    for days in (1, 365_000):
        day = china_day(time.time()) + timedelta(days=days)
        code, said = gateway.on("erase", "--before", day.isoformat())
        assert (code, "the day is yet to come" in said) == (2, True)
    assert _count(gateway.on("verify")[1], "of them with personal parts erased") == 0


def test_a_region_that_is_mistyped_is_told(gateway: Gateway) -> None:
    """An order to erase is not taken as done where the region is none; the number is not even read."""
    code, said = gateway.on("erase", "--region", "Chongqing", given=f"{NUMBER}\n")
    assert code == 2
    assert "No adapter is installed for this region" in said
    assert "erased" not in said
    assert NUMBER not in said


def test_an_export_leaves_out_and_erases_nothing(gateway: Gateway, tmp_path: Path) -> None:
    """What is not in an export is told as left out, since it may be in the log still."""
    file = tmp_path / "log.jsonl"
    assert gateway.on("export", str(file))[0] == 0
    _, said = gateway.on("verify", "--export", str(file))
    assert _count(said, "of them with personal parts left out of the export") == naming(40)
    assert "erased" not in said


def _count(said: str, row: str) -> int:
    """Give the number in a row of the table that an audit prints."""
    (line,) = [line for line in said.splitlines() if f"│ {row} " in line]
    return int(line.split("│")[2])


@pytest.mark.parametrize(
    ("words", "given", "told"),
    [
        (("erase",), "", "say --before a day, or --region"),
        (("erase", "--before", "2020-01-01", "--region", "chongqing"), "", "say --before a day, or --region"),
        (("erase", "--before", "yesterday"), "", "a day is YYYY-MM-DD"),
        (("erase", "--region", "chongqing"), "secret-canary\n", "is no social-security number"),
        (("verify", "--key", "secret-canary"), "", "a verifier key is name+id+key"),
        (("verify", "--checkpoint", "nowhere.note"), "", "nowhere.note: cannot be read"),
    ],
)
def test_what_cannot_be_done_is_told(gateway: Gateway, words: tuple[str, ...], given: str, told: str) -> None:
    """A wrong word is named, what was given is not repeated, and no configuration is blamed."""
    code, said = gateway.on(*words, given=given)
    assert code == 2
    assert told in said
    assert "The configuration is wrong." not in said
    assert "secret-canary" not in said


def test_a_log_or_its_keys_must_be_named(gateway: Gateway, tmp_path: Path) -> None:
    """Without a configuration there is a file, and a key."""
    _, key = gateway.on("key")
    assert "name the log" in gateway.run("verify", "--key", key.strip())[1]
    assert "name the keys" in gateway.run("verify", "--export", str(tmp_path / "log.jsonl"))[1]


def test_another_store_can_be_named(gateway: Gateway, tmp_path: Path) -> None:
    """A copy of a store is verified by its address."""
    folder = gateway.settings.store.folder
    assert folder is not None
    shutil.copytree(folder, tmp_path / "copy")
    code, said = gateway.on("verify", "--store", f"sqlite:///{tmp_path}/copy/store.sqlite")
    assert (code, "all is well" in said) == (0, True)


def test_an_evidence_key_is_one_of_ed25519(gateway: Gateway) -> None:
    """Notes are signed with nothing else; a wrong former key is named by its rule."""
    gateway.configuration.change('secret = "evidence.secret"', 'secret = "evidence.secret"\nformer_keys = ["x"]')
    code, said = gateway.on("key")
    assert (code, "a verifier key is name+id+key" in said) == (2, True)
