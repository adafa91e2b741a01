"""Seals everything anew with the newest key, some rows at a time, beside a gateway that runs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, bindparam, select, tuple_, update
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import StoreUnavailableError
from gateway.store.faults import why_closed
from gateway.store.sealed_columns import context_of, sealed_columns
from gateway.store.sealing import sealed_by
from gateway.store.snapshot import snapshot
from gateway.store.tables import METADATA

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Column, Table
    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.store.engine import StoreEngine
    from gateway.store.sealing import Sealer

AT_ONCE: Final = 100


async def reseal(engine: StoreEngine, sealer: Sealer) -> Mapping[str, int]:
    """Seal anew what was sealed with another key than the newest; gives how many values of which table.

    Raises:
        StoreUnavailableError: the store cannot be used, or a value does not open; what was done by then stays done.
    """
    done = Counter[str]()
    try:
        for table, column in sealed_columns(METADATA):
            after: Sequence[Any] | None = None
            while True:
                async with engine.writing.begin() as connection:
                    rows = await _some(connection, table, column, after)
                    done[table.name] += await _reseal(connection, column, rows, sealer)
                if len(rows) < AT_ONCE:
                    break
                after = rows[-1][1:]
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        raise StoreUnavailableError(fault=why_closed(error)) from error
    return done


async def keys_in_use(engine: StoreEngine) -> frozenset[bytes]:
    """Give the ids of all keys that something is sealed with (StoreUnavailableError)."""
    found = set[bytes]()
    async with snapshot(engine) as connection:
        for _, column in sealed_columns(METADATA):
            async for row in await connection.stream(select(column).where(column.is_not(None))):
                found.add(sealed_by(row[0]))
    return frozenset(found)


async def _some(
    connection: AsyncConnection, table: Table, column: Column[bytes], after: Sequence[Any] | None
) -> Sequence[Any]:
    """Read some rows behind those before, in the order of their keys: the value, then the key."""
    keys = list(table.primary_key)
    asked = select(column, *keys).where(column.is_not(None)).order_by(*keys).limit(AT_ONCE)
    if after is not None:
        last = tuple_(*(bindparam(None, part, key.type) for part, key in zip(after, keys, strict=True)))
        asked = asked.where(tuple_(*keys) > last)
    return (await connection.execute(asked)).all()


async def _reseal(connection: AsyncConnection, column: Column[bytes], rows: Sequence[Any], sealer: Sealer) -> int:
    """Seal anew the values of some rows that need it; one that has changed meanwhile is left to who changed it."""
    keys = list(column.table.primary_key)
    changed = []
    for value, *key in rows:
        if sealed_by(value) != sealer.newest:
            context = context_of(column, *key)
            sealed = sealer.seal(sealer.open(value, context=context), context=context)
            changed.append({"sealed": sealed, "before": value, **{f"key_{n}": part for n, part in enumerate(key)}})
    if changed:
        same = and_(*(k == bindparam(f"key_{n}") for n, k in enumerate(keys)), column == bindparam("before"))
        await connection.execute(update(column.table).where(same).values({column: bindparam("sealed")}), changed)
    return len(changed)
