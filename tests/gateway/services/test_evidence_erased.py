"""What is gone from a log must be what the log says was erased from it, neither more nor less."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from gateway.services import evidence_erasure
from gateway.services.evidence import SALT_BYTES, Decision, Known, Outcome, Subject, write_entry
from gateway.services.evidence_audit import Auditor
from gateway.services.evidence_bundle import Stored, parts_of
from gateway.services.evidence_erased import ErasureAccount, erasure
from gateway.services.evidence_erasure import Erasure
from gateway.services.evidence_sources import StoreSource
from gateway.store.tables_evidence import BUNDLES, TILES
from tests.gateway.services.evidence_lab import SECRET, decision, holder, kept, record, recording
from tests.gateway.services.evidence_logs import KEYS, note_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from gateway.services.evidence_audit import Failure
    from gateway.store.store import Store
    from gateway.store.transaction import Transaction

OURS = next(iter(KEYS))
OLD, BOUNDARY = 1_000, 2_000


async def fault(store: Store) -> Failure | None:
    """Audit what is there."""
    async with store.reading() as connection:
        return (await Auditor(StoreSource(connection), keys=note_keys(OURS)).audit()).failure


def named(one: Decision) -> bool:
    """Tell whether a decision has a personal part."""
    return bool(one.subject or one.recognition)


async def put(store: Store, place: int, personal: bytes | None) -> None:
    """Change a row behind the back of the gateway."""

    async def change(transaction: Transaction, items: Sequence[bytes | None]) -> Sequence[None]:
        await transaction.execute(update(BUNDLES).where(BUNDLES.c.place == place).values(personal=items[0]))
        return [None]

    await store.commit(change, personal)


async def bundle(store: Store, place: int) -> Any:  # noqa: ANN401 - a row of the table
    """Read the row that has a record."""
    found = select(BUNDLES).where(BUNDLES.c.place <= place).order_by(BUNDLES.c.place.desc()).limit(1)
    async with store.reading() as connection:
        return (await connection.execute(found)).one()


async def test_the_account_of_erasures_balances(store_url: str) -> None:
    """Contract DU6: by age and by order, and one part more that is gone is told, at its index, as one put back is."""
    async with recording(store_url) as store:
        for start in range(0, 400, 50):
            made = [decision(number) for number in range(start, start + 50)]
            await store.commit(record, [replace(one, time=OLD) for one in made] if start < 300 else made)
        old = await bundle(store, 299)
        assert parts_of(old.personal)
        assert await Erasure(store).before(BOUNDARY) == sum(named(decision(n)) for n in range(300))
        assert await Erasure(store).about(SECRET.subject(holder(4)))
        assert await fault(store) is None

        young = next(one.place for one in await kept(store) if one.personal)
        row = await bundle(store, young)
        await put(store, row.place, None)
        told = await fault(store)
        assert told is not None
        assert row.place <= told.place <= young
        assert told.rule.startswith("personal part: gone, and more are")
        await put(store, row.place, row.personal)
        assert await fault(store) is None

        await put(store, old.place, old.personal)
        await put(store, row.place, None)
        told = await fault(store)
        assert told is not None
        await put(store, row.place, row.personal)
        told = await fault(store)
        assert told is not None
        assert old.place <= told.place < old.place + old.entries
        assert told.rule.startswith("personal part: there again")


async def test_two_replicas_that_erase_the_same_tell_it_once(store_url: str) -> None:
    """Both find what is old; what the first has erased the second neither erases nor counts."""
    async with recording(store_url) as store:
        await store.commit(record, [replace(decision(number), time=OLD) for number in range(50)])
        one, other = Erasure(store), Erasure(store)
        assert await one.before(BOUNDARY)
        other._done_before = 0
        assert await other.before(BOUNDARY) == 0
        assert await fault(store) is None


async def test_two_orders_at_two_replicas_leave_one_sound_tile(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both persons are gone from the tile that they share, whichever comes first: an erasure waits for another."""
    people = [Subject(Known.HOLDER, "chongqing", f"ssn:{number}") for number in range(2)]
    tell = evidence_erasure._tell_tiles

    async def slowly(transaction: Transaction, places: Sequence[int]) -> None:
        await tell(transaction, places)
        await asyncio.sleep(0.05)

    monkeypatch.setattr(evidence_erasure, "_tell_tiles", slowly)
    async with recording(postgres_url) as one, recording(postgres_url) as other:
        for start in range(0, 300, 50):
            made = [decision(number) for number in range(start, start + 50)]
            if start < 100:
                made[7] = replace(made[7], subject=people[start // 50])
            await one.commit(record, made)
        stores = zip((one, other), people, strict=True)
        orders = [Erasure(store).about(SECRET.subject(person)) for store, person in stores]
        assert await asyncio.gather(*orders) == [1, 1]
        assert await fault(one) is None
        async with one.reading() as connection:
            subjects = (await connection.execute(select(TILES.c.subjects).where(TILES.c.level == 0))).scalar_one()
        assert [SECRET.subject(person)[:4] in subjects for person in people] == [False, False]


def test_what_looks_like_an_erasure_is_none() -> None:
    """A record that quotes the words of one, in a text of its own, counts for nothing."""
    quoting = Decision(method="x", outcome=Outcome.ALLOWED, detail='"method":"evidence/erase","detail":"9"')
    for made, balanced in ((quoting, True), (erasure(9), False), (erasure(9, before=BOUNDARY), False)):
        entry, account = write_entry(made, secret=SECRET, salt=bytes(SALT_BYTES)), ErasureAccount()
        account.take(Stored(0, entry.record, entry.leaf, None), time=made.time, named=False)
        assert (account.fault() is None) is balanced
