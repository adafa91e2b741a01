"""How the services of the evidence add rows that may be there already, on either engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import text
from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Table

    from gateway.store.store import Store
    from gateway.store.transaction import Transaction

_INSERTS: Final[Mapping[str, Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


_ALONE: Final = text(f"SELECT pg_advisory_xact_lock({int.from_bytes(b'onecardt')})")


async def have_tiles_alone(transaction: Transaction) -> None:
    """Wait until nobody else makes or changes tiles, and keep it so to the end of the transaction.

    A tile says what its bundles do, and both are read and written by several statements: between these another replica
    must neither erase in a bundle nor end a tile. To be asked for before the transaction appends anything, since others
    wait for its place in the log. SQLite has one writer anyway.
    """
    if transaction.dialect == "postgresql":
        await transaction.execute(_ALONE)


class KeepFirst:
    """A handler of the store: adds rows to a table, and leaves those as they are whose key is there."""

    def __init__(self, store: Store, table: Table) -> None:
        """Take the table."""
        self._insert = _INSERTS[dialect_of(store)](table).on_conflict_do_nothing()

    async def __call__(self, transaction: Transaction, rows: Sequence[Mapping[str, Any]]) -> Sequence[None]:
        """Add the rows."""
        await transaction.execute(self._insert, rows)
        return [None] * len(rows)


class KeepLast:
    """A handler of the store: adds rows to a table, in place of those whose key is there."""

    def __init__(self, store: Store, table: Table) -> None:
        """Take the table."""
        insert = _INSERTS[dialect_of(store)](table)
        keys = [column.name for column in table.primary_key]
        others = {column.name: insert.excluded[column.name] for column in table.columns if column.name not in keys}
        self._insert = insert.on_conflict_do_update(index_elements=keys, set_=others)

    async def __call__(self, transaction: Transaction, rows: Sequence[Mapping[str, Any]]) -> Sequence[None]:
        """Add the rows, the later of two with one key last."""
        for row in rows:
            await transaction.execute(self._insert, row)
        return [None] * len(rows)


def dialect_of(store: Store) -> str:
    """Name the engine of a store: sqlite or postgresql."""
    return store.engine.writing.dialect.name
