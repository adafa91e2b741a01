"""Deletes rows whose time is over, some at a time, so that whoever waits for a commit does not wait for this."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, delete, select, tuple_

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Column

    from gateway.store.store import Store
    from gateway.store.transaction import Transaction

AT_ONCE: Final = 500


class Expiry:
    """The rows of a table that have a column with the time until which they count, which is looked at by an index."""

    def __init__(self, store: Store, until: Column[int]) -> None:
        """Take the store and the column, whose unit is the caller's own."""
        self._store = store
        table, keys = until.table, list(until.table.primary_key)
        over = select(*keys).where(until <= bindparam("now")).order_by(until).limit(AT_ONCE)
        # A replica that does the same just now takes others.
        chosen = over.with_for_update(skip_locked=True)
        self._delete: Any = delete(table).where((keys[0] if len(keys) == 1 else tuple_(*keys)).in_(chosen))

    async def sweep(self, now: int) -> int:
        """Delete what has expired by now, and count it (StoreUnavailableError)."""
        deleted = 0
        while (some := await self._store.commit(self._delete_some, now)) == AT_ONCE:
            deleted += some
        return deleted + some

    async def _delete_some(self, transaction: Transaction, items: Sequence[int]) -> Sequence[int]:
        return [(await transaction.execute(self._delete, {"now": now})).rowcount for now in items]
