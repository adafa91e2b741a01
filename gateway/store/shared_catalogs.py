"""What replicas of one gateway tell each other of catalogs: the versions that were published, with their signatures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import LargeBinary, bindparam, case, cast, func, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from gateway.federation.catalogs_told import Told
from gateway.services.catalog_text import LONGEST_DOCUMENT
from gateway.store.tables_catalogs import CATALOG_SIGNATURES, CATALOG_VERSIONS
from trust.jws import MAX_STATEMENT_LENGTH

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from sqlalchemy import ColumnElement, Select

    from gateway.errors import GatewayError
    from gateway.store.store import Store
    from gateway.store.transaction import Transaction

CHANNEL: Final = "catalogs"


def _told(raw: Callable[[ColumnElement[str]], ColumnElement[Any]]) -> Select[Any]:
    """Make the statement that gives all versions; `raw` says how an engine gives a text."""
    row = CATALOG_SIGNATURES.c
    text = case((func.length(raw(row.text)) <= MAX_STATEMENT_LENGTH, row.text), else_="")
    return (
        select(
            raw(row.catalog).label("catalog"),
            row.sequence,
            raw(row.region).label("region"),
            raw(row.version).label("version"),
            raw(text).label("text"),
            CATALOG_VERSIONS.c.digest.is_not(None).label("whole"),
        )
        .outerjoin(CATALOG_VERSIONS, CATALOG_VERSIONS.c.digest == row.version)
        .order_by(*CATALOG_SIGNATURES.primary_key)
    )


# A file of SQLite takes a value of any type in any column, and bytes that are no text as a text.
_TOLD: Final = {"sqlite": _told(lambda text: cast(text, LargeBinary)), "postgresql": _told(lambda text: text)}
_KEPT: Final = select(CATALOG_VERSIONS.c.document).where(
    CATALOG_VERSIONS.c.digest == bindparam("digest"), func.length(CATALOG_VERSIONS.c.document) <= LONGEST_DOCUMENT
)
_DOCUMENT: Final = {
    "sqlite": _KEPT.where(func.typeof(CATALOG_VERSIONS.c.document) == "blob"),
    "postgresql": _KEPT,
}
_SAME: Final = select(CATALOG_SIGNATURES.c.version == bindparam("version")).where(
    CATALOG_SIGNATURES.c.catalog == bindparam("catalog"),
    CATALOG_SIGNATURES.c.sequence == bindparam("sequence"),
    CATALOG_SIGNATURES.c.region == bindparam("region"),
)


class StoredCatalogs:
    """Keeps what replicas share (`gateway.federation.catalogs_told.SharedCatalogs`)."""

    def __init__(self, store: Store) -> None:
        """Take the store."""
        self._store = store
        self._insert = postgresql_insert if store.engine.file is None else sqlite_insert

    async def told(self) -> Sequence[Told]:
        """Give all versions with their signatures, by catalog and sequence (StoreUnavailableError).

        All, and not those behind a place: where two replicas write at the same time, the lower place may come later.
        What is too long, or of another type than its column, is given as empty.
        """
        found: dict[tuple[str, int, str], Told] = {}
        async with self._store.reading() as connection:
            for row in await connection.execute(_TOLD[self._store.dialect]):
                catalog, version, sequence = _text(row.catalog), _text(row.version), row.sequence
                place = catalog, sequence if isinstance(sequence, int) else 0, version
                known = Told(catalog=catalog, sequence=place[1], digest=version, signatures={}, whole=bool(row.whole))
                found.setdefault(place, known).signatures[_text(row.region)] = _text(row.text)
        return tuple(found.values())

    async def document(self, digest: str) -> bytes:
        """Give what was kept under a digest (StoreUnavailableError).

        Empty where there is nothing, or something that is longer than any document or not of bytes.
        """
        async with self._store.reading() as connection:
            asked = await connection.execute(_DOCUMENT[self._store.dialect], {"digest": digest})
            found: bytes | None = asked.scalar_one_or_none()
        return b"" if found is None else bytes(found)

    async def keep(self, told: Told, document: bytes) -> Sequence[str]:
        """Keep a version and the signatures that it has more than before (StoreUnavailableError).

        Who listens is told where anything of it is new. A region's signature of another content for the same number
        is passed over; gives these regions.
        """
        return await self._store.commit(self._keep, (told, document))

    def listen(self) -> AsyncGenerator[str]:
        """Give a word whenever another replica may have told something."""
        return self._store.listen(CHANNEL)

    async def _keep(
        self, transaction: Transaction, items: Sequence[tuple[Told, bytes]]
    ) -> Sequence[Sequence[str] | GatewayError]:
        return [await self._keep_one(transaction, told, document) for told, document in items]

    async def _keep_one(self, transaction: Transaction, told: Told, document: bytes) -> Sequence[str]:
        version = {"digest": told.digest, "document": document}
        made = await transaction.execute(self._insert(CATALOG_VERSIONS).on_conflict_do_nothing(), version)
        new, passed_over = bool(made.rowcount), []
        for region, text in sorted(told.signatures.items()):
            place = {"catalog": told.catalog, "sequence": told.sequence, "region": region, "version": told.digest}
            row = {**place, "text": text}
            made = await transaction.execute(self._insert(CATALOG_SIGNATURES).on_conflict_do_nothing(), row)
            if made.rowcount:
                new = True
            elif not (await transaction.execute(_SAME, place)).scalar_one_or_none():
                passed_over.append(region)
        if new:
            transaction.notify(CHANNEL, told.digest)
        return passed_over


def _text(value: str | bytes) -> str:
    """Give a text, empty for bytes that are none."""
    if isinstance(value, str):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return ""
