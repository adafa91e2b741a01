"""What replicas of one gateway tell each other of trust: publications of their homes, and revocations."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, select, text, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from gateway.federation.replicas import Shared
from gateway.store.tables_trust import PUBLICATIONS, REVOCATIONS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from gateway.errors import GatewayError
    from gateway.store.store import Store
    from gateway.store.transaction import Transaction

CHANNEL: Final = "trust"


class StoredTrust:
    """Keeps what replicas share (`gateway.federation.replicas.SharedTrust`)."""

    def __init__(self, store: Store) -> None:
        """Take the store."""
        self._store = store
        self._insert = postgresql_insert if store.engine.file is None else sqlite_insert

    async def publication(self, entity: str, *, after: int = 0) -> Shared | None:
        """Give what was published last for an entity, if its number is greater than one (StoreUnavailableError)."""
        told = PUBLICATIONS.c
        asked = select(told.version, told.text, told.history).where(told.entity == entity, told.version > after)
        async with self._store.reading() as connection:
            row = (await connection.execute(asked)).one_or_none()
        if row is None:
            return None
        # SQLite gives bytes where somebody has put some, whatever the column is.
        return Shared(entity=entity, version=row.version, text=str(row.text), history=str(row.history))

    async def publish(self, shared: Shared) -> bool:
        """Keep a publication, unless one of its number or a greater one is there; tells whether it was kept."""
        return await self._store.commit(self._publish, shared)

    async def revocations(self, after: int) -> Sequence[tuple[int, str]]:
        """Give the revocations behind a place, each with its own (StoreUnavailableError)."""
        known = REVOCATIONS.c
        asked = select(known.place, known.text).where(known.place > after).order_by(known.place)
        async with self._store.reading() as connection:
            return [(row.place, str(row.text)) for row in await connection.execute(asked)]

    async def revoke(self, text: str) -> None:
        """Keep a revocation; one that is there stays as it is (StoreUnavailableError)."""
        await self._store.commit(self._revoke, text)

    def listen(self) -> AsyncGenerator[str]:
        """Give a word whenever another replica may have told something."""
        return self._store.listen(CHANNEL)

    async def _publish(self, transaction: Transaction, items: Sequence[Shared]) -> Sequence[bool | GatewayError]:
        kept: list[bool | GatewayError] = []
        for one in items:
            row = {"entity": one.entity, "version": one.version, "text": one.text, "history": one.history}
            made = await transaction.execute(self._insert(PUBLICATIONS).on_conflict_do_nothing(), row)
            newer = (
                made if made.rowcount else await transaction.execute(_NEWER, {f"new_{k}": v for k, v in row.items()})
            )
            kept.append(newer.rowcount == 1)
            if kept[-1]:
                transaction.notify(CHANNEL)
        return kept

    async def _revoke(self, transaction: Transaction, items: Sequence[str]) -> Sequence[GatewayError | None]:
        if transaction.dialect == "postgresql":
            await transaction.execute(_IN_ORDER)
        rows = [{"digest": hashlib.sha256(text.encode()).digest(), "text": text} for text in items]
        await transaction.execute(self._insert(REVOCATIONS).on_conflict_do_nothing(index_elements=["digest"]), rows)
        transaction.notify(CHANNEL)
        return [None] * len(items)


_IN_ORDER: Final = text("LOCK TABLE revocations IN SHARE ROW EXCLUSIVE MODE")
"""One replica at a time: a place that is committed after a greater one would be passed over by who reads on from there.

SQLite has one writer anyway."""

_NEWER: Final = (
    update(PUBLICATIONS)
    .where(PUBLICATIONS.c.entity == bindparam("new_entity"), PUBLICATIONS.c.version < bindparam("new_version"))
    .values(version=bindparam("new_version"), text=bindparam("new_text"), history=bindparam("new_history"))
)
