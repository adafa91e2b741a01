"""Everything is sealed anew, beside a gateway that reads and writes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert, select, update

from gateway.errors import StoreUnavailableError
from gateway.store.engine import open_engine
from gateway.store.rotation import keys_in_use, reseal
from gateway.store.sealed_columns import context_of
from gateway.store.sealing import CipherName, Sealer, SealingKey
from gateway.store.tables_exchange import CHUNKS
from tests.fakes.store import opened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.store.store import Store, Transaction

OLD, NEW = SealingKey.new(CipherName.AES), SealingKey.new(CipherName.SM4)
ROWS = 350


async def add(transaction: Transaction, items: Sequence[tuple[int, Sealer]]) -> Sequence[None]:
    """Add a sealed row for each number."""
    rows = []
    for n, sealer in items:
        attachment = (n % 3).to_bytes(16, "big")
        sealed = sealer.seal(f"测试 {n}".encode(), context=context_of(CHUNKS.c.data, attachment, n))
        rows.append({"attachment": attachment, "start": n, "data": sealed})
    await transaction.execute(insert(CHUNKS), rows)
    return [None] * len(items)


async def opens(store: Store, sealer: Sealer) -> list[str]:
    """Open all rows, in their order."""
    async with store.reading() as connection:
        rows = (await connection.execute(select(CHUNKS).order_by(CHUNKS.c.start))).all()
    return [
        sealer.open(row.data, context=context_of(CHUNKS.c.data, row.attachment, row.start)).decode() for row in rows
    ]


async def test_all_is_sealed_anew_beside_a_gateway(store_url: str) -> None:
    """Every value opens before, meanwhile and afterwards; then nothing needs the old key, and a second run is idle."""
    before, after = Sealer([OLD]), Sealer([NEW, OLD])
    expected = [f"测试 {n}" for n in range(ROWS)]
    async with opened(store_url) as store:
        await asyncio.gather(*(store.commit(add, (n, before)) for n in range(ROWS)))
        assert await keys_in_use(store.engine) == {OLD.id}
        other = open_engine(store_url)
        late, done = store.commit(add, (ROWS, after)), reseal(other, after)
        assert (await asyncio.gather(done, late))[0]["exchange_chunks"] == ROWS
        assert await opens(store, after) == [*expected, f"测试 {ROWS}"]
        assert await keys_in_use(store.engine) == {NEW.id}
        assert (await reseal(other, after))["exchange_chunks"] == 0
        await other.close()
        with pytest.raises(StoreUnavailableError):
            await opens(store, before)


async def test_a_value_that_does_not_open_ends_it(store: Store) -> None:
    """What was changed behind the gateway's back is told, and left as it is."""
    await store.commit(add, (0, Sealer([OLD])))

    async def move(transaction: Transaction, items: Sequence[int]) -> Sequence[int]:
        await transaction.execute(update(CHUNKS).values(start=CHUNKS.c.start + 1))
        return items

    await store.commit(move, 1)
    other = open_engine(str(store.engine.writing.url.render_as_string(hide_password=False)))
    with pytest.raises(StoreUnavailableError) as refused:
        await reseal(other, Sealer([NEW, OLD]))
    assert refused.value.metadata == {"fault": "seal_broken"}
    await other.close()


async def test_a_store_without_tables_is_told(sqlite_url: str) -> None:
    """Nothing is sealed anew where there is no store."""
    engine = open_engine(sqlite_url)
    with pytest.raises(StoreUnavailableError):
        await reseal(engine, Sealer([NEW]))
    await engine.close()
