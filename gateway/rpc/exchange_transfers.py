"""Attachments as streams: what comes is written before more is read, what goes is read as the caller takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.errors import InvalidFieldError
from gateway.rpc.convert import Fields
from gateway.rpc.exchange_forms import check
from gateway.rpc.exchange_in import actor_of, read_attachment_name
from gateway.rpc.exchange_out import attachment_out
from gateway.services.exchange_downloads import PIECE_BYTES
from gateway.services.exchange_files import Announcement
from onecard.gateway.v1 import exchange_service_pb2 as pb
from trust.encoding import decode_base64url

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from gateway.rpc.boundary import Call
    from gateway.services.exchange_downloads import Downloads
    from gateway.services.exchange_files import Files

_ANSWER_BYTES: Final = 65_536


class Transfers:
    """Uploads and downloads."""

    def __init__(self, *, files: Files, downloads: Downloads) -> None:
        """Take the use cases."""
        self._files = files
        self._downloads = downloads

    async def upload(
        self, messages: AsyncIterator[pb.UploadAttachmentRequest], call: Call
    ) -> pb.UploadAttachmentResponse:
        """Keep what comes; the first message says what it will be."""
        first = await anext(messages, None)
        if first is None or first.WhichOneof("message") != "begin":
            raise InvalidFieldError(("begin", "first_message"))
        announcement = _announcement(first.begin, call)
        upload = await self._files.begin(announcement, actor_of(call))
        second = await anext(messages, None)
        if second is not None:
            upload = await self._files.receive(upload, _pieces(second, messages), offset=first.begin.offset)
        return pb.UploadAttachmentResponse(
            attachment=attachment_out(upload.reference), stored_size=upload.stored, complete=upload.complete
        )

    async def download(
        self, request: pb.DownloadAttachmentRequest, call: Call
    ) -> AsyncGenerator[pb.DownloadAttachmentResponse]:
        """Give what a file is, and then its bytes."""
        owner, ident = read_attachment_name(request.name)
        reference = await self._downloads.find(owner, ident, actor_of(call))
        if not 0 <= request.offset <= reference.size:
            raise InvalidFieldError(("offset", "0_to_size"))
        yield pb.DownloadAttachmentResponse(attachment=attachment_out(reference))
        async for piece in self._downloads.read(ident, request.offset):
            for start in range(0, len(piece), _ANSWER_BYTES):
                yield pb.DownloadAttachmentResponse(data=piece[start : start + _ANSWER_BYTES])


def _announcement(begin: pb.BeginUpload, call: Call) -> Announcement:
    """Read what an upload begins with (InvalidFieldError)."""
    gateway, fields, ident = call.caller.kind == "gateway", Fields(), None
    named = begin.name
    begin.ClearField("name")
    offset = begin.offset
    begin.ClearField("offset")
    check(begin, "begin", fields)
    begin.offset = offset
    if offset < 0:
        fields.add("begin.offset", "not_negative")
    if bool(named) is not gateway:
        fields.add("begin.name", "required" if gateway else "only_between_gateways")
    fields.finish()
    if gateway:
        owner, ident = read_attachment_name(named, field="begin.name")
        if owner != call.caller.region:
            raise InvalidFieldError(("begin.name", "of_the_own_region"))
    return Announcement(
        upload_key=begin.upload_key,
        digest=decode_base64url(begin.digest) or b"",
        size=begin.size,
        media_type=begin.media_type,
        id=ident,
    )


async def _pieces(
    first: pb.UploadAttachmentRequest, messages: AsyncIterator[pb.UploadAttachmentRequest]
) -> AsyncGenerator[bytes]:
    """Give the bytes of messages (InvalidFieldError: one that brings none, or too many)."""
    yield _piece(first)
    async for message in messages:
        yield _piece(message)


def _piece(message: pb.UploadAttachmentRequest) -> bytes:
    if message.WhichOneof("message") != "data" or not 0 < len(message.data) <= PIECE_BYTES:
        raise InvalidFieldError(("data", f"1_to_{PIECE_BYTES}_bytes"))
    return message.data
