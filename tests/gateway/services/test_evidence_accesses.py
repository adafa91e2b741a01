"""Accesses to a holder's data are found in all of the log; what is erased is gone from every file of the database."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from gateway.services import evidence_accesses
from gateway.services.evidence import Known, Subject, subject_of
from gateway.services.evidence_accesses import Accesses
from gateway.services.evidence_audit import Auditor
from gateway.services.evidence_erased import METHOD
from gateway.services.evidence_erasure import Erasure
from gateway.services.evidence_sources import StoreSource
from gateway.store.schema import now_micros
from tests.gateway.services.evidence_lab import SECRET, decision, holder, kept, record, recording
from tests.gateway.services.evidence_logs import KEYS, log_of, note_keys

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from gateway.services.evidence import Decision
    from gateway.services.evidence_audit import Report
    from gateway.store.store import Store

OURS = next(iter(KEYS))
SOMEBODY = Subject(Known.HOLDER, "chongqing", "ssn:500112190302110117")
MAC = SECRET.subject(SOMEBODY)
PLACES = (3, 255, 256, 300, 511, 512, 640, 699)


def about(number: int) -> Decision:
    """Make a decision, at some places about somebody."""
    one = decision(number)
    return replace(one, subject=SOMEBODY) if number in PLACES else one


async def filled(store: Store) -> None:
    """Record seven hundred decisions."""
    made = [about(number) for number in range(700)]
    for start in range(0, 700, 50):
        await store.commit(record, made[start : start + 50])


async def audited(store: Store) -> Report:
    """Audit what is there."""
    async with store.reading() as connection:
        return await Auditor(StoreSource(connection), keys=note_keys(OURS)).audit()


async def test_all_accesses_are_found_latest_first_page_by_page(store_url: str) -> None:
    """Every record about a person is found once, in whole tiles and in the one that is not whole."""
    async with recording(store_url) as store:
        await filled(store)
        accesses, found, before = Accesses(store), list[int](), 700
        while True:
            page = await accesses.about(MAC, before=before, most=3)
            found += [one.place for one in page.records]
            assert len(page.records) <= 3
            assert all(one.personal is not None and subject_of(one.personal) == MAC for one in page.records)
            if page.before is None:
                break
            before = page.before
        assert found == sorted(PLACES, reverse=True)
        nobody = await accesses.about(SECRET.subject(replace(SOMEBODY, home_region="sichuan")), before=700, most=3)
        assert (nobody.records, nobody.before) == ([], None)
        one = await accesses.about(MAC, before=700, most=99)
        assert len(one.records) == len(PLACES)


async def test_a_long_log_is_looked_through_in_parts(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one call would look for too long, it says where to go on."""
    monkeypatch.setattr(evidence_accesses, "MOST_TILES", 1)
    monkeypatch.setattr(evidence_accesses, "_AT_ONCE", 1)
    async with recording(sqlite_url) as store:
        await filled(store)
        first = await Accesses(store).about(MAC, before=700, most=99)
        assert [one.place for one in first.records] == [699, 640, 512, 511, 300, 256]
        assert first.before == 256
        second = await Accesses(store).about(MAC, before=256, most=99)
        assert ([one.place for one in second.records], second.before) == ([255, 3], None)


def test_first_bytes_count_only_where_a_person_begins() -> None:
    """Bytes of two neighbors that look like a third person's are not taken for one."""
    assert evidence_accesses._has(b"abcdefgh", b"efgh")
    assert not evidence_accesses._has(b"abcdefgh", b"cdef")
    assert evidence_accesses._has(b"xababaab" + b"baab" * 2, b"baab")


async def test_one_person_is_erased_and_all_others_stay(store_url: str) -> None:
    """Contract PV5: by order, and the log is as sound as before."""
    async with recording(store_url) as store:
        await filled(store)
        assert await Erasure(store).about(MAC) == len(PLACES)
        assert (await Accesses(store).about(MAC, before=701, most=99)).records == []
        other = await Accesses(store).about(SECRET.subject(holder(4)), before=701, most=99)
        assert other.records
        last = (await kept(store))[-1]
        assert METHOD.encode() in last.record
        assert b'"detail":"8"' in last.record
        assert await Erasure(store).about(MAC) == 0
        report = await audited(store)
        assert (report.failure, report.erased, report.records) == (None, len(PLACES), 701)


async def test_what_is_old_is_erased_and_what_is_young_stays(store_url: str) -> None:
    """Contract PV5: after some days nothing stands for anybody, and the log is as sound as before."""
    async with recording(store_url) as store:
        await store.commit(record, [replace(about(number), time=1_000) for number in range(600)])
        await store.commit(record, [about(number) for number in range(600, 700)])
        assert await Erasure(store).before(1_000) == 0
        assert await Erasure(store).before(2_000) == sum(
            bool(one.subject or one.recognition) for one in map(about, range(600))
        )
        found = await kept(store)
        assert {one.personal for one in found[:600]} == {None}
        assert any(one.personal for one in found[600:])
        report = await audited(store)
        assert report.failure is None


async def test_what_gets_old_is_erased_by_itself(sqlite_url: str) -> None:
    """While a gateway runs, what is older than its days goes without anybody asking."""
    async with recording(sqlite_url) as store:
        day = 86_400_000_000
        for age in (1, 3):
            await store.commit(record, [replace(about(3), time=now_micros() - age * day)])
        running = asyncio.create_task(Erasure(store).run(2))
        while len(await kept(store)) < 3:
            await asyncio.sleep(0.01)
        running.cancel()
        young, old, _ = await kept(store)
        assert (young.personal is None, old.personal is None) == (False, True)


async def test_nothing_of_what_was_erased_is_left_in_any_file(tmp_path: Path) -> None:
    """Contract PV5: not in the database, its free pages, nor in the log of its writes."""
    folder = tmp_path / "store"

    def found(canary: bytes) -> list[str]:
        return [file.name for file in folder.iterdir() if canary in file.read_bytes()]

    async with log_of(OURS, f"sqlite:///{folder}/store.sqlite") as side:
        await filled(side.store)
        await side.heads.current()
        parts = [one.personal for one in await kept(side.store) if one.personal and subject_of(one.personal) == MAC]
        assert len(parts) == len(PLACES)
        assert found(MAC)
        assert found(MAC[:4])
        await Erasure(side.store).about(MAC)
        for part in parts:
            assert part is not None
            assert found(part[:16]) == found(MAC) == found(MAC[:4]) == []
        rest = next(one.personal for one in await kept(side.store) if one.personal)
        assert found(rest[16:48])
        await Erasure(side.store).before(2**62)
        assert found(rest[16:48]) == []
        await side.heads.current()
        report = await audited(side.store)
        assert report.failure is None
        assert report.checkpoints == 2
