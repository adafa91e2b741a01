"""What replicas of one gateway tell each other of catalogs: the versions that were published, with their signatures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from gateway.federation.catalog_replicas import Told
from gateway.store.tables_catalogs import CATALOG_SIGNATURES, CATALOG_VERSIONS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from gateway.errors import GatewayError
    from gateway.store.store import Store
    from gateway.store.transaction import Transaction

CHANNEL: Final = "catalogs"

_TOLD: Final = select(CATALOG_SIGNATURES).order_by(*CATALOG_SIGNATURES.primary_key)
_DOCUMENT: Final = select(CATALOG_VERSIONS.c.document).where(CATALOG_VERSIONS.c.digest == bindparam("digest"))


class StoredCatalogs:
    """Keeps what replicas share (`gateway.federation.catalog_replicas.SharedCatalogs`)."""

    def __init__(self, store: Store) -> None:
        """Take the store."""
        self._store = store
        self._insert = postgresql_insert if store.engine.file is None else sqlite_insert

    async def told(self) -> Sequence[Told]:
        """Give all versions with their signatures, by catalog and sequence (StoreUnavailableError).

        All, and not those behind a place: where two replicas write at the same time, the lower place may come later.
        """
        found: dict[str, Told] = {}
        async with self._store.reading() as connection:
            for row in await connection.execute(_TOLD):
                known = Told(catalog=row.catalog, sequence=row.sequence, digest=row.version, signatures={})
                found.setdefault(row.version, known).signatures[row.region] = row.text
        return tuple(found.values())

    async def document(self, digest: str) -> bytes:
        """Give what was kept under a digest, empty where there is nothing (StoreUnavailableError)."""
        async with self._store.reading() as connection:
            found: bytes | None = (await connection.execute(_DOCUMENT, {"digest": digest})).scalar_one_or_none()
        return b"" if found is None else bytes(found)

    async def keep(self, told: Told, document: bytes) -> None:
        """Keep a version and the signatures that it has more than before (StoreUnavailableError).

        Who listens is told where anything of it is new. A region's signature of another content for the same number
        is passed over.
        """
        await self._store.commit(self._keep, (told, document))

    def listen(self) -> AsyncGenerator[str]:
        """Give a word whenever another replica may have told something."""
        return self._store.listen(CHANNEL)

    async def _keep(
        self, transaction: Transaction, items: Sequence[tuple[Told, bytes]]
    ) -> Sequence[GatewayError | None]:
        for told, document in items:
            version = {"digest": told.digest, "document": document}
            await transaction.execute(self._insert(CATALOG_VERSIONS).on_conflict_do_nothing(), version)
            place = {"catalog": told.catalog, "sequence": told.sequence, "version": told.digest}
            for region, text in sorted(told.signatures.items()):
                row = {**place, "region": region, "text": text}
                made = await transaction.execute(self._insert(CATALOG_SIGNATURES).on_conflict_do_nothing(), row)
                if made.rowcount:
                    transaction.notify(CHANNEL, told.digest)
        return [None] * len(items)
