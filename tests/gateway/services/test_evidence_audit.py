"""Audits: fourteen kinds of tampering, each at a hundred places, are found, and the first bad index is named."""

from __future__ import annotations

import asyncio
import io
import random
from typing import TYPE_CHECKING

import pytest

from gateway.errors import SettingsError
from gateway.services.evidence_audit import Auditor, Failure
from gateway.services.evidence_sources import FileSource, StoreSource
from gateway.store.engine import open_engine
from tests.gateway.services.evidence_lab import decision, record
from tests.gateway.services.evidence_logs import KEYS, log_of, note_keys
from trust.checkpoint import Checkpoint, cosign
from trust.note import COSIGNER_KIND, read_note
from trust.signer import KeySigner

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

from tests.gateway.services.evidence_tampering import (
    EVERY,
    KINDS,
    OURS,
    PLACES,
    RECORDS,
    THEIRS,
    Log,
    Rows,
    audit,
    cut_tail,
)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Log:
    """Fill a log of three tiles with checkpoints and cosignatures."""
    return asyncio.run(fill(tmp_path_factory.mktemp("log") / "store.sqlite"))


async def fill(file: Path) -> Log:
    """Fill a log."""
    async with log_of(OURS, f"sqlite:///{file}") as side:
        for start in range(0, RECORDS, EVERY):
            for at in range(start, start + EVERY, 5):
                await side.store.commit(record, [decision(number) for number in range(at, at + 5)])
            signed = await side.heads.current()
            line = cosign(signed.checkpoint, signer=KeySigner(KEYS[THEIRS]), name=THEIRS, at=1_790_000_000)
            key = note_keys(THEIRS)[0].of_kind(COSIGNER_KIND)
            await side.heads.add_cosignature(signed.checkpoint.size, line, key=key)
        held = (await side.heads.shown()).to_text()
    return Log(file, held)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
async def test_tampering_is_found_and_its_first_index_named(
    kind: Callable[[Rows, int, random.Random], int], log: Log
) -> None:
    """Contract DU6: at each of a hundred places; what the log alone cannot show, the checkpoint of a peer does."""
    chance = random.Random(kind.__name__)
    missed: list[tuple[int, int, Failure | None]] = []
    for place in chance.sample(range(RECORDS), PLACES):
        rows = Rows(log)
        expected = kind(rows, place, chance)
        report = await rows.audit(held=[log.held])
        if report.failure is None or report.failure.place != expected:
            missed.append((place, expected, report.failure))
    assert missed == []


async def test_a_whole_log_is_sound(log: Log) -> None:
    """Nothing is found where nothing was done, and everything was looked at."""
    report = await audit(log.file, held=[log.held], witnesses=[note_keys(THEIRS)[0].of_kind(COSIGNER_KIND)])
    assert report.failure is None
    assert (report.records, report.checkpoints, report.cosignatures) == (RECORDS, RECORDS // EVERY, RECORDS // EVERY)
    assert (report.erased, report.foreign) == (0, 0)
    assert report.root == Checkpoint.from_text(read_note(log.held).text).root


async def test_a_cosignature_of_nobody_named_is_counted_apart(log: Log) -> None:
    """Where keys of witnesses are given, others do not count."""
    report = await audit(log.file, witnesses=[note_keys(OURS)[0].of_kind(COSIGNER_KIND)])
    assert report.failure is None
    assert (report.cosignatures, report.foreign) == (0, RECORDS // EVERY)


async def test_a_log_that_was_cut_cleanly_is_sound_but_for_what_others_hold(log: Log) -> None:
    """Contract DU6: only an external checkpoint shows that something was there."""
    rows = Rows(log)
    start = cut_tail(rows, 333, random.Random(1))
    assert (await rows.audit()).failure is None
    report = await rows.audit(held=[log.held])
    assert report.failure is not None
    assert report.failure.place == start
    assert "missing" in report.failure.rule


async def test_a_log_signed_by_a_stranger_is_not_ours(log: Log) -> None:
    """Contract DU6: with the keys of another log nothing holds."""
    report = await audit(log.file, keys=note_keys(THEIRS))
    assert report.failure is not None
    report = await audit(log.file, held=["no note"])
    assert report.failure is not None
    assert report.failure.place == 0


async def test_an_exported_log_is_audited_like_the_store(log: Log) -> None:
    """A file for an auditor has all but what is personal, and proves the same."""
    engine, file = open_engine(f"sqlite:///{log.file}"), io.StringIO()
    async with engine.reading.connect() as connection:
        await StoreSource(connection).export(file)
    await engine.close()
    whole = await Auditor(FileSource(file), keys=note_keys(OURS), held=[log.held]).audit()
    assert whole.failure is None
    assert (whole.records, whole.checkpoints, whole.cosignatures) == (RECORDS, RECORDS // EVERY, RECORDS // EVERY)
    assert whole.erased > 0
    lines = file.getvalue().splitlines(keepends=True)
    without_tile = io.StringIO("".join(line for line in lines if not line.startswith('{"tile"')))
    report = await Auditor(FileSource(without_tile), keys=note_keys(OURS)).audit()
    assert report.failure is not None
    assert (report.failure.place, report.failure.rule) == (0, "tile: missing")


@pytest.mark.parametrize(
    "line",
    ["", "[]", "{}", '{"bundle": {}}', '{"other": {}}', '{"tile": {"level": "0"}}', '{"checkpoint": 1}', "[" * 9999],
)
def test_a_file_that_is_no_exported_log_is_refused(line: str) -> None:
    """What is wrong is told by its line, and nothing of it repeated."""
    with pytest.raises(SettingsError, match="line 1"):
        FileSource(io.StringIO(line + "\n"))
