"""An export holds all rows of one moment; sealed values stay sealed."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, text

from gateway.errors import StoreUnavailableError
from gateway.store.engine import open_engine
from gateway.store.export import export
from gateway.store.migrate import known_revision
from gateway.store.sealing import CipherName, Sealer, SealingKey, sealed_by
from gateway.store.snapshot import snapshot
from gateway.store.tables_exchange import CHUNKS
from tests.gateway.store.test_rotation import add

if TYPE_CHECKING:
    from gateway.store.store import Store


async def test_all_rows_of_one_moment_are_written(store: Store) -> None:
    """What is committed while it is read is not in it; bytes are base64, and nothing sealed is opened."""
    sealer = Sealer([SealingKey.new(CipherName.AES)])
    for n in range(3):
        await store.commit(add, (n, sealer))
    lines, n = [], 3
    async for line in export(store.engine):
        lines.append(json.loads(line))
        await store.commit(add, (n, sealer))
        n += 1
    assert lines[0]["schema"] == known_revision()
    rows = [line["row"] for line in lines[1:] if line["table"] == "exchange_chunks"]
    assert {row["start"] for row in rows} in ({0, 1, 2}, {0, 1, 2, 3})
    assert all(sealed_by(base64.b64decode(row["data"])) == sealer.newest for row in rows)
    assert any(line.get("table") == "about" for line in lines)


async def test_a_snapshot_sees_one_moment(store: Store) -> None:
    """What was read once is read again, whatever was committed in between; afterwards the connection sees all."""
    sealer = Sealer([SealingKey.new(CipherName.AES)])
    await store.commit(add, (0, sealer))
    asked = select(CHUNKS.c.start).order_by(CHUNKS.c.start)
    async with snapshot(store.engine) as connection:
        assert (await connection.execute(asked)).scalars().all() == [0]
        await store.commit(add, (1, sealer))
        assert (await connection.execute(asked)).scalars().all() == [0]
    async with store.reading() as connection:
        assert (await connection.execute(asked)).scalars().all() == [0, 1]


async def test_a_store_that_cannot_be_read_is_told(sqlite_url: str) -> None:
    """A file that is no database is unavailable; a wrong statement is a fault of its own."""
    engine = open_engine(sqlite_url)
    with pytest.raises(Exception, match="SELEC"):
        async with snapshot(engine) as connection:
            await connection.execute(text("SELEC 1"))
    await engine.close()
    assert engine.file is not None
    engine.file.write_bytes(b"no database at all, but long enough to be looked at as one" * 100)
    with pytest.raises(StoreUnavailableError):
        _ = [line async for line in export(engine)]
    await engine.close()
