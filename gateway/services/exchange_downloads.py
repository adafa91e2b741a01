"""Downloads: who may read an attachment, and its bytes one sealed piece after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, select

from gateway.errors import AttachmentNotFoundError
from gateway.services.evidence import Outcome
from gateway.services.exchange_act import DENIED
from gateway.services.exchange_model import AttachmentReference, parse_row
from gateway.store.tables_exchange import ATTACHMENTS, CHUNKS, REQUESTS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from gateway.services.evidence import Decision
    from gateway.services.exchange_model import Actor
    from gateway.services.exchange_seals import Seals
    from gateway.store.store import Store
    from gateway.store.transaction import Transaction

PIECE_BYTES: Final = 262_144
"""How a file is cut: each piece but the last has as many bytes."""

_BY_ID: Final = select(ATTACHMENTS).where(ATTACHMENTS.c.id == bindparam("id"))
_REQUEST: Final = select(REQUESTS).where(REQUESTS.c.id == bindparam("id"))
_NEXT: Final = (
    select(CHUNKS)
    .where(CHUNKS.c.attachment == bindparam("id"), CHUNKS.c.start >= bindparam("start"))
    .order_by(CHUNKS.c.start)
    .limit(1)
)


class Downloads:
    """The use case."""

    def __init__(self, store: Store, *, seals: Seals) -> None:
        """Take where files are kept, and what opens them."""
        self._store = store
        self._seals = seals

    async def find(self, owner: str, ident: bytes, actor: Actor) -> AttachmentReference:
        """Find a whole file that a caller may read: its own, or one of a request of its own.

        Raises:
            AttachmentNotFoundError: there is none, or it may not.
        """
        async with self._store.reading() as connection:
            row: Any = (await connection.execute(_BY_ID, {"id": ident})).one_or_none()
            wanted = {"id": ident if row is None or row.request is None else row.request}
            found: Any = (await connection.execute(_REQUEST, wanted)).one_or_none()
        if row is not None and row.owner == owner and row.complete:
            party = None if found is None else parse_row(found).party(actor)
            if party is not None or row.caller == actor.caller:
                return reference_of(row)
        reason = "ATTACHMENT_NOT_FOUND" if row is None else DENIED
        await self._store.commit(record, actor.decision(Outcome.REFUSED, reason=reason, who_failed="caller"))
        raise AttachmentNotFoundError

    async def read(self, ident: bytes, offset: int = 0) -> AsyncIterator[bytes]:
        """Give the bytes of a file from an offset on, at most 256 KiB at a time."""
        skip = offset % PIECE_BYTES
        async for piece in read_pieces(self._store, self._seals, ident, offset - skip):
            if len(piece) > skip:
                yield piece[skip:]
            skip = 0


def reference_of(row: Any) -> AttachmentReference:  # noqa: ANN401 - a row of the table
    """Read what a row says of a file."""
    return AttachmentReference(row.id, row.owner, row.digest, row.size, row.media_type)


async def read_pieces(store: Store, seals: Seals, ident: bytes, start: int) -> AsyncIterator[bytes]:
    """Open the pieces of a file one after the other; no connection is kept between two."""
    while True:
        async with store.reading() as connection:
            row: Any = (await connection.execute(_NEXT, {"id": ident, "start": start})).one_or_none()
        if row is None:
            return
        piece = seals.open_chunk(ident, row.start, row.data)
        start = row.start + len(piece)
        yield piece


async def record(transaction: Transaction, items: Sequence[Decision]) -> Sequence[None]:
    """Handler that only records decisions."""
    for decision in items:
        transaction.record(decision)
    return [None for _ in items]
