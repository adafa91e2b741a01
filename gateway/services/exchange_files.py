"""Attachments: uploaded by pieces that are on disk before the next is read, resumed where they stopped, downloaded.

A file is kept in sealed pieces of 256 KiB, so that neither way needs more memory than that. It is whole when all bytes
are there and have the digest that was announced; only then a request or a reply can name it, and only one can.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import bindparam, delete, func, insert, select, update

from gateway.errors import (
    AttachmentIncompleteError,
    AttachmentOffsetError,
    DigestMismatchError,
    GatewayError,
    IdempotencyKeyReusedError,
    InvalidFieldError,
    QueueFullError,
)
from gateway.services.exchange_downloads import PIECE_BYTES, read_pieces, reference_of
from gateway.services.exchange_model import MICROS, AttachmentReference
from gateway.store.schema import new_id
from gateway.store.tables_exchange import ATTACHMENTS, CHUNKS, REQUESTS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from gateway.services.exchange_model import Actor
    from gateway.services.exchange_seals import Blinding, Seals
    from gateway.services.ports import Clock
    from gateway.store.store import Store
    from gateway.store.transaction import Transaction

LARGEST: Final = 100_000_000
MOST_LOOSE_BYTES: Final = 2_000_000_000
"""How many bytes one caller may have uploaded, or announced, that belong to no request."""

_BY_UPLOAD: Final = select(ATTACHMENTS).where(ATTACHMENTS.c.upload == bindparam("upload"))
_BY_ID: Final = select(ATTACHMENTS).where(ATTACHMENTS.c.id == bindparam("id"))
_LOOSE: Final = select(func.coalesce(func.sum(ATTACHMENTS.c.size), 0)).where(
    ATTACHMENTS.c.request.is_(None), ATTACHMENTS.c.caller == bindparam("caller")
)
_REQUEST: Final = select(REQUESTS).where(REQUESTS.c.id == bindparam("id"))
_NEXT: Final = (
    select(CHUNKS)
    .where(CHUNKS.c.attachment == bindparam("id"), CHUNKS.c.start >= bindparam("start"))
    .order_by(CHUNKS.c.start)
    .limit(1)
)
_GROW: Final = (
    update(ATTACHMENTS)
    .where(ATTACHMENTS.c.id == bindparam("of_id"), ATTACHMENTS.c.stored == bindparam("from_stored"))
    .values(stored=bindparam("to_stored"), changed_at=bindparam("at"))
)
_COMPLETE: Final = update(ATTACHMENTS).where(ATTACHMENTS.c.id == bindparam("of_id")).values(complete=True)
_DROP: Final = (
    delete(CHUNKS).where(CHUNKS.c.attachment == bindparam("of_id")),
    delete(ATTACHMENTS).where(ATTACHMENTS.c.id == bindparam("of_id")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """What an upload begins with; `id` is given by another gateway only."""

    upload_key: str
    digest: bytes
    size: int
    media_type: str
    id: bytes | None = None


class Upload(NamedTuple):
    """A file under way: what it will be, how many bytes are on disk, and whether it is whole."""

    reference: AttachmentReference
    stored: int
    complete: bool


class _Begin(NamedTuple):
    announcement: Announcement
    upload: bytes
    actor: Actor
    at: int


class _Piece(NamedTuple):
    id: bytes
    start: int
    size: int
    sealed: bytes
    at: int


class Files:
    """The use cases of attachments."""

    def __init__(self, store: Store, *, seals: Seals, blinding: Blinding, clock: Clock) -> None:
        """Take where they are kept, what seals them, and Unix seconds."""
        self._store = store
        self._seals = seals
        self._blinding = blinding
        self._clock = clock
        self._begin_handler, self._add_handler = self._begin, self._add
        self._complete_handler, self._drop_handler = _complete, _drop

    async def begin(self, announcement: Announcement, actor: Actor) -> Upload:
        """Begin an upload, or find how far a former one came.

        Raises:
            IdempotencyKeyReusedError: the key was used for another file.
            InvalidFieldError: another file has the name that a gateway gives.
            QueueFullError: too much was uploaded that belongs to no request.
        """
        blind = self._blinding("upload", actor.caller, announcement.upload_key)
        return await self._store.commit(self._begin_handler, _Begin(announcement, blind, actor, self._now()))

    async def receive(self, upload: Upload, pieces: AsyncIterator[bytes], *, offset: int) -> Upload:
        """Keep the bytes that come, from an offset on; those of a call that breaks stay up to the last whole piece.

        Raises:
            AttachmentOffsetError: the offset is not where the upload stopped, or another call goes on with it.
            DigestMismatchError: they are too many, or together not what was announced; nothing of them is kept then.
        """
        if upload.complete:
            return upload
        if offset != upload.stored:
            raise AttachmentOffsetError(stored_size=str(upload.stored))
        seen = sha256() if offset == 0 else None
        waiting = bytearray()
        async for piece in pieces:
            waiting += piece
            if upload.stored + len(waiting) > upload.reference.size:
                raise DigestMismatchError(rule="size")
            if seen is not None:
                seen.update(piece)
            while len(waiting) >= PIECE_BYTES:
                upload = await self._keep(upload, bytes(waiting[:PIECE_BYTES]))
                del waiting[:PIECE_BYTES]
        if waiting and upload.stored + len(waiting) == upload.reference.size:
            upload = await self._keep(upload, bytes(waiting))
        if upload.stored < upload.reference.size:
            return upload
        return await self._finish(upload, None if seen is None else seen.digest())

    async def _keep(self, upload: Upload, piece: bytes) -> Upload:
        """Write a piece."""
        ident, start = upload.reference.id, upload.stored
        sealed = self._seals.seal_chunk(ident, start, piece)
        await self._store.commit(self._add_handler, _Piece(ident, start, len(piece), sealed, self._now()))
        return upload._replace(stored=start + len(piece))

    async def _finish(self, upload: Upload, digest: bytes | None) -> Upload:
        """See that all bytes together have the digest; they are read again where they came in several calls."""
        ident = upload.reference.id
        if digest is None:
            whole = sha256()
            async for piece in read_pieces(self._store, self._seals, ident, 0):
                whole.update(piece)
            digest = whole.digest()
        if digest != upload.reference.digest:
            await self._store.commit(self._drop_handler, ident)
            raise DigestMismatchError(rule="digest")
        await self._store.commit(self._complete_handler, ident)
        return upload._replace(complete=True)

    def _now(self) -> int:
        return int(self._clock() * MICROS)

    async def _begin(self, transaction: Transaction, items: Sequence[_Begin]) -> Sequence[Upload | GatewayError]:
        """Begin uploads, one after the other."""
        answers: list[Upload | GatewayError] = []
        for item in items:
            try:
                answers.append(await _begin_one(transaction, item))
            except GatewayError as error:
                answers.append(error)
        return answers

    async def _add(self, transaction: Transaction, items: Sequence[_Piece]) -> Sequence[GatewayError | None]:
        """Write pieces, each where the last one ended."""
        answers: list[GatewayError | None] = []
        for item in items:
            values = {"of_id": item.id, "from_stored": item.start, "to_stored": item.start + item.size, "at": item.at}
            grown = await transaction.execute(_GROW, values)
            if grown.rowcount != 1:
                answers.append(AttachmentOffsetError(stored_size="unknown"))
                continue
            row = {"attachment": item.id, "start": item.start, "data": item.sealed}
            await transaction.execute(insert(CHUNKS), row)
            answers.append(None)
        return answers


async def _begin_one(transaction: Transaction, item: _Begin) -> Upload:
    announcement, actor = item.announcement, item.actor
    row: Any = (await transaction.execute(_BY_UPLOAD, {"upload": item.upload})).one_or_none()
    if row is not None:
        if (row.digest, row.size, row.media_type) != (
            announcement.digest,
            announcement.size,
            announcement.media_type,
        ) or announcement.id not in {None, row.id}:
            raise IdempotencyKeyReusedError
        return Upload(reference_of(row), row.stored, row.complete)
    ident = announcement.id or new_id()
    if announcement.id is not None and (await transaction.execute(_BY_ID, {"id": ident})).first() is not None:
        raise InvalidFieldError(("begin.name", "new"))
    loose = (await transaction.execute(_LOOSE, {"caller": actor.caller})).scalar_one()
    if loose + announcement.size > MOST_LOOSE_BYTES:
        raise QueueFullError(limit=f"{MOST_LOOSE_BYTES}_bytes_without_request")
    values = {
        "id": ident,
        "owner": actor.region,
        "caller": actor.caller,
        "upload": item.upload,
        "digest": announcement.digest,
        "size": announcement.size,
        "media_type": announcement.media_type,
        "stored": 0,
        "complete": False,
        "changed_at": item.at,
        "request": None,
    }
    await transaction.execute(insert(ATTACHMENTS), values)
    reference = AttachmentReference(
        ident, actor.region, announcement.digest, announcement.size, announcement.media_type
    )
    return Upload(reference, 0, complete=False)


async def _complete(transaction: Transaction, items: Sequence[bytes]) -> Sequence[None]:
    await transaction.execute(_COMPLETE, [{"of_id": ident} for ident in items])
    return [None for _ in items]


async def _drop(transaction: Transaction, items: Sequence[bytes]) -> Sequence[None]:
    for statement in _DROP:
        await transaction.execute(statement, [{"of_id": ident} for ident in items])
    return [None for _ in items]


async def check_files(
    transaction: Transaction, references: Iterable[AttachmentReference], *, request: bytes, caller: str
) -> list[bytes]:
    """Demand that files are there as they are named, whole, from this caller, and free; gives their ids.

    Raises:
        AttachmentIncompleteError: one of them is not.
    """
    named = {reference.id: reference for reference in references}
    if not named:
        return []
    rows = await transaction.find(ATTACHMENTS.c.id, sorted(named), lock=True)
    good = {
        row.id
        for row in rows
        if row.complete
        and row.caller == caller
        and row.request in {None, request}
        and reference_of(row) == named[row.id]
    }
    if good != named.keys():
        raise AttachmentIncompleteError
    return sorted(named)
