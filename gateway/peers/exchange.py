"""The exchange of another gateway: errands as calls of the same public contract that its platforms use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway.errors import ContentErasedError, PeerProtocolError
from gateway.rpc.exchange_in import STATE
from gateway.rpc.exchange_out import event_out, time_out
from gateway.services.exchange_model import text_of
from gateway.services.exchange_states import Event, Held
from gateway.services.exchange_steps import disputes_of
from onecard.gateway.v1 import exchange_pb2
from onecard.gateway.v1 import exchange_service_pb2 as pb
from trust.encoding import encode_base64url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from google.protobuf.message import Message

    from gateway.peers.channel import PeerChannel
    from gateway.services.exchange_downloads import Downloads
    from gateway.services.exchange_errands import Errand
    from gateway.services.exchange_model import StoredRequest
    from gateway.services.exchange_seals import Seals

_SERVICE: Final = "/onecard.gateway.v1.ExchangeService"
_PIECE_BYTES: Final = 65_536
_FILE_SECONDS: Final = 600.0
_SETTLED: Final = frozenset({Event.DISPUTE_SETTLED, Event.REOPENED})


class PeerExchange:
    """Tells one gateway what there is to tell.

    Args:
        channel: the connection to it.
        seals: opens what is to be told.
        downloads: gives the bytes of files.
    """

    def __init__(self, channel: PeerChannel, *, seals: Seals, downloads: Downloads) -> None:
        """Take the connection."""
        self._channel = channel
        self._seals = seals
        self._downloads = downloads

    async def __call__(self, errand: Errand) -> str:
        """Tell it; gives the receipt that came back with a reply, else nothing.

        Raises:
            PeerUnavailableError, DeadlineError, PeerProtocolError, PeerRefusedError: as they say.
            ContentErasedError: what is to be told is not there any more.
        """
        request, event = errand.request, errand.entry.event
        match event:
            case Event.SUBMITTED:
                await self._submit(request)
            case Event.COMPLETED | Event.REJECTED:
                return await self._answer(request, errand)
            case Event.CANCEL_ASKED:
                asked = pb.CancelRequestRequest(name=request.name, news=_news(errand))
                await self._call("CancelRequest", asked, pb.CancelRequestResponse, request, scope="exchange.submit")
            case Event.DISPUTED | Event.DISPUTE_SETTLED | Event.REOPENED:
                await self._dispute(request, errand)
            case _:
                state = STATE[errand.entry.state]
                told = pb.AdvanceRequestRequest(name=request.name, state=state, news=_news(errand))
                await self._call("AdvanceRequest", told, pb.AdvanceRequestResponse, request, scope="exchange.answer")
        return ""

    async def _submit(self, request: StoredRequest) -> None:
        """Hand a request over, its files first; the other side must see the same in it as we do."""
        if request.content is None:
            raise ContentErasedError
        opened = self._seals.open_content(request.id, request.content)
        content = exchange_pb2.RequestContent.FromString(opened.encoded)
        await self._upload(content.attachments, request)
        handover = pb.Handover(
            name=request.name,
            salt=encode_base64url(opened.salt),
            submit_time=time_out(request.submitted_at),
            deadline=time_out(request.deadline),
        )
        submitted = pb.SubmitRequestRequest(idempotency_key=request.id.hex(), content=content, handover=handover)
        answer = await self._call(
            "SubmitRequest", submitted, pb.SubmitRequestResponse, request, scope="exchange.submit"
        )
        if (answer.request.name, answer.request.digest) != (request.name, text_of(request.digest)):
            raise PeerProtocolError(region=self._channel.region, rule="answer:digest")

    async def _answer(self, request: StoredRequest, errand: Errand) -> str:
        """Tell a reply, its files first."""
        if request.reply is None:
            raise ContentErasedError
        opened = self._seals.open_reply(request.id, request.reply)
        reply = exchange_pb2.RequestReply.FromString(opened.encoded)
        await self._upload(reply.attachments, request)
        news = _news(errand)
        news.salt, news.receipt = encode_base64url(opened.salt), request.receipt or ""
        if errand.entry.event is Event.COMPLETED:
            completed = pb.CompleteRequestRequest(name=request.name, reply=reply, news=news)
            done = await self._call(
                "CompleteRequest", completed, pb.CompleteRequestResponse, request, scope="exchange.answer"
            )
            return str(done.receipt)
        rejected = pb.RejectRequestRequest(name=request.name, rejection=reply.rejection, news=news)
        refused = await self._call(
            "RejectRequest", rejected, pb.RejectRequestResponse, request, scope="exchange.answer"
        )
        return str(refused.receipt)

    async def _dispute(self, request: StoredRequest, errand: Errand) -> None:
        """Tell an objection, or how one has ended."""
        disputes = disputes_of(request, self._seals)
        if not disputes:
            raise ContentErasedError
        last = disputes[-1]
        told = pb.DisputeRequestRequest(name=request.name, news=_news(errand))
        if errand.entry.event in _SETTLED:
            told.settlement.outcome = exchange_pb2.DisputeOutcome.Value(f"DISPUTE_OUTCOME_{last.outcome.upper()}")
            told.settlement.answer = last.answer
        else:
            told.opening.ground = exchange_pb2.DisputeGround.Value(f"DISPUTE_GROUND_{last.ground.upper()}")
            told.opening.text = last.text
        await self._call("DisputeRequest", told, pb.DisputeRequestResponse, request, scope="exchange.dispute")

    async def _upload(self, files: Iterable[exchange_pb2.Attachment], request: StoredRequest) -> None:
        """Let the other side have files, from where it has them."""
        for file in files:
            ident = bytes.fromhex(file.name.rpartition("/")[2])
            begin = pb.BeginUpload(
                upload_key=ident.hex(),
                digest=file.digest,
                size=file.size,
                media_type=file.media_type,
                name=file.name,
            )
            there = await self._send(_only(begin), request)
            if not there.complete:
                begin.offset = there.stored_size
                there = await self._send(self._pieces(begin, ident), request)
            if not there.complete:
                raise PeerProtocolError(region=self._channel.region, rule="answer:attachment")

    async def _send(
        self, messages: AsyncIterator[pb.UploadAttachmentRequest], request: StoredRequest
    ) -> pb.UploadAttachmentResponse:
        return await self._channel.send(
            f"{_SERVICE}/UploadAttachment",
            messages,
            pb.UploadAttachmentResponse,
            asking=_asking(request),
            scope="exchange.attach",
            timeout_seconds=_FILE_SECONDS,
        )

    async def _pieces(self, begin: pb.BeginUpload, ident: bytes) -> AsyncIterator[pb.UploadAttachmentRequest]:
        """Give the messages of an upload."""
        yield pb.UploadAttachmentRequest(begin=begin)
        async for piece in self._downloads.read(ident, begin.offset):
            for start in range(0, len(piece), _PIECE_BYTES):
                yield pb.UploadAttachmentRequest(data=piece[start : start + _PIECE_BYTES])

    async def _call(
        self, method: str, message: Message, answer: type[Any], request: StoredRequest, *, scope: str
    ) -> Any:  # noqa: ANN401 - the answer of the method
        return await self._channel.call(f"{_SERVICE}/{method}", message, answer, asking=_asking(request), scope=scope)


def _asking(request: StoredRequest) -> str:
    """Name the home region in whose name something is told."""
    return request.source if request.held is Held.SOURCE else request.target


def _news(errand: Errand) -> pb.GatewayNews:
    return pb.GatewayNews(event=event_out(errand.entry))


async def _only(begin: pb.BeginUpload) -> AsyncIterator[pb.UploadAttachmentRequest]:
    """Give the first message of an upload and no other: to ask how far a former one came."""
    yield pb.UploadAttachmentRequest(begin=begin)
