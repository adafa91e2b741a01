"""ExchangeService: requests between regions, submitted, received, answered, watched; each method is one use case."""

from __future__ import annotations

import json
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from gateway.errors import (
    CallerRegionError,
    ContentErasedError,
    InvalidFieldError,
    ReceiptNotReadyError,
    RequestNotFoundError,
)
from gateway.rpc.convert import Fields
from gateway.rpc.exchange_complaints import complaint_in
from gateway.rpc.exchange_deliveries import Deliveries
from gateway.rpc.exchange_forms import FORMS, check
from gateway.rpc.exchange_in import (
    STATE_WORD,
    actor_of,
    news_in,
    read_request_name,
    reply_in,
    states_of,
    submission_in,
)
from gateway.rpc.exchange_out import documents_of, full_request_out, request_out
from gateway.rpc.exchange_transfers import Transfers
from gateway.services.exchange_answer import Answer
from gateway.services.exchange_read import Filter
from gateway.services.exchange_receipts import is_ready, read_receipt
from gateway.services.exchange_states import Event, Held, State
from gateway.services.exchange_steps import Advance, Cancel, Hear, Object, Settle
from onecard.gateway.v1 import exchange_pb2
from onecard.gateway.v1 import exchange_service_pb2 as pb
from trust.receipt_file import ReceiptFile

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Collection

    from gateway.rpc.boundary import Call
    from gateway.rpc.days import Days
    from gateway.rpc.paging import Paging
    from gateway.services.exchange_act import Act, Acted, Step
    from gateway.services.exchange_answer import Answering
    from gateway.services.exchange_board import Board
    from gateway.services.exchange_downloads import Downloads
    from gateway.services.exchange_files import Files
    from gateway.services.exchange_inbox import Inbox
    from gateway.services.exchange_model import Submission
    from gateway.services.exchange_proofs import InclusionProofs
    from gateway.services.exchange_read import Reading
    from gateway.services.exchange_submit import SubmitRequest, Submitted

_ADVANCES: Final = {State.ACCEPTED: Event.ACCEPTED, State.IN_PROGRESS: Event.STARTED}
_NEWS: Final = frozenset(
    {
        *(Event.ACCEPTED, Event.STARTED, Event.FAILED, Event.EXPIRED, Event.CANCELLED, Event.WITHDRAWN),
        *(Event.HELD, Event.RELEASED),
    }
)
_SETTLED: Final = frozenset({Event.DISPUTE_SETTLED, Event.REOPENED})
_GROUND: Final = {
    number: name.removeprefix("DISPUTE_GROUND_").lower() for name, number in exchange_pb2.DisputeGround.items()
}
_OUTCOME: Final = {
    number: name.removeprefix("DISPUTE_OUTCOME_").lower() for name, number in exchange_pb2.DisputeOutcome.items()
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeUse:
    """The use cases of the exchange."""

    submit: SubmitRequest
    act: Act
    reading: Reading
    inbox: Inbox
    files: Files
    downloads: Downloads
    answering: Answering
    proofs: InclusionProofs
    lanes: Board


class ExchangeServicer:
    """Serves ExchangeService."""

    SERVICE: ClassVar = pb.DESCRIPTOR.services_by_name["ExchangeService"]
    SCOPES: ClassVar = {
        "SubmitRequest": "exchange.submit",
        "FileComplaint": "exchange.submit",
        "GetRequest": "exchange.read",
        "ListRequests": "exchange.read",
        "WatchRequest": "exchange.read",
        "CancelRequest": "exchange.submit",
        "ReceiveRequests": "exchange.receive",
        "AdvanceRequest": "exchange.answer",
        "CompleteRequest": "exchange.answer",
        "RejectRequest": "exchange.answer",
        "DisputeRequest": "exchange.dispute",
        "UploadAttachment": "exchange.attach",
        "DownloadAttachment": "exchange.read",
        "GetReceipt": "exchange.read",
    }
    WAITS: ClassVar = frozenset[str]()
    DECIDES: ClassVar = frozenset(
        {
            "SubmitRequest",
            "FileComplaint",
            "CancelRequest",
            "AdvanceRequest",
            "CompleteRequest",
            "RejectRequest",
            "DisputeRequest",
        }
    )

    def __init__(self, use: ExchangeUse, *, paging: Paging, days: Days, regions: Collection[str]) -> None:
        """Take the use cases, what makes page tokens and says what day it is, and the regions that there are."""
        self._use = use
        self._paging = paging
        self._days = days
        self._regions = regions
        self._seals = use.answering.seals
        self._deliveries = Deliveries(inbox=use.inbox, act=use.act, seals=self._seals, lanes=use.lanes)
        self._transfers = Transfers(files=use.files, downloads=use.downloads)

    async def submit_request(self, request: pb.SubmitRequestRequest, call: Call) -> pb.SubmitRequestResponse:
        """Accept a request; it is on disk before this returns."""
        gateway = actor_of(call).gateway
        today = None if gateway else self._days.today()
        submitted = await self._submit(submission_in(request, gateway=gateway, today=today), call)
        return pb.SubmitRequestResponse(request=request_out(submitted.request), replayed=submitted.replayed)

    async def file_complaint(self, request: pb.FileComplaintRequest, call: Call) -> pb.FileComplaintResponse:
        """Accept a complaint; it is on disk before this returns. A gateway hands one over by SubmitRequest."""
        actor = actor_of(call)
        if actor.gateway:
            raise CallerRegionError(region=actor.region)
        submitted = await self._submit(complaint_in(request, source=actor.region, today=self._days.today()), call)
        return pb.FileComplaintResponse(request=request_out(submitted.request), replayed=submitted.replayed)

    async def get_request(self, request: pb.GetRequestRequest, call: Call) -> pb.GetRequestResponse:
        """Get one request with all that is kept of it."""
        found = await self._use.reading.get(read_request_name(request.name), actor_of(call))
        return pb.GetRequestResponse(request=full_request_out(found, self._seals))

    async def list_requests(self, request: pb.ListRequestsRequest, call: Call) -> pb.ListRequestsResponse:
        """List the requests that meet every filter, in the order of their ids."""
        self._check_filter(request, call.caller.region)
        filtered = Filter(
            received=request.direction == pb.REQUEST_DIRECTION_RECEIVED,
            states=states_of(*request.states),
            other_region=request.other_region,
            item_type=request.item_type,
        )
        words = (*sorted(filtered.states), filtered.other_region, filtered.item_type, call.caller.id)
        arguments = "\x1f".join((f"requests {filtered.received}", *words))
        size = self._paging.size(request.page_size)
        after = self._paging.position(request.page_token, arguments, first=0)
        page, more = await self._use.reading.page(
            filtered, actor_of(call), after=after.to_bytes(16, "big") if after else b"", size=size
        )
        last = int.from_bytes(page[-1].request.id, "big") if more else 0
        return pb.ListRequestsResponse(
            requests=[request_out(found.request, found.history) for found in page],
            next_page_token=self._paging.token(last, arguments) if more else "",
        )

    def _check_filter(self, request: pb.ListRequestsRequest, region: str) -> None:
        """Refuse words that no request can have (InvalidFieldError); states are read apart."""
        fields = Fields()
        if request.direction not in pb.RequestDirection.values():
            fields.add("direction", "unknown_value")
        if request.other_region == region:
            fields.add("other_region", "another_region")
        elif request.other_region and request.other_region not in self._regions:
            fields.add("other_region", "unknown_value")
        if request.item_type and (rule := FORMS["item_type"](request.item_type)):
            fields.add("item_type", rule)
        fields.finish()

    async def watch_request(
        self, request: pb.WatchRequestRequest, call: Call
    ) -> AsyncGenerator[pb.WatchRequestResponse]:
        """Send a request as it is, and whenever something has happened to it."""
        async with aclosing(self._use.reading.watch(read_request_name(request.name), actor_of(call))) as told:
            async for found in told:
                yield pb.WatchRequestResponse(request=full_request_out(found, self._seals))

    async def cancel_request(self, request: pb.CancelRequestRequest, call: Call) -> pb.CancelRequestResponse:
        """Withdraw a request, or tell that the source region asks for that."""
        gateway = actor_of(call).gateway
        news = news_in(request, gateway=gateway, events=frozenset({Event.CANCEL_ASKED}))
        acted = await self._act(request.name, Cancel(news), call)
        return pb.CancelRequestResponse(request=request_out(acted.request))

    async def receive_requests(
        self, messages: AsyncIterator[pb.ReceiveRequestsRequest], call: Call
    ) -> AsyncGenerator[pb.ReceiveRequestsResponse]:
        """Hand out what waits for the caller's region, and take what is said of it."""
        async with aclosing(self._deliveries.stream(messages, call)) as told:
            async for response in told:
                yield response

    async def advance_request(self, request: pb.AdvanceRequestRequest, call: Call) -> pb.AdvanceRequestResponse:
        """Note that a request was taken or is being worked on; or what the other gateway tells."""
        news = news_in(request, gateway=actor_of(call).gateway, events=_NEWS)
        event = _ADVANCES.get(STATE_WORD.get(request.state, State.FAILED))
        if news is None and event is None:
            raise InvalidFieldError(("state", "accepted_or_in_progress"))
        if news is not None and STATE_WORD.get(request.state) is not news.entry.state:
            raise InvalidFieldError(("state", "that_of_the_event"))
        step: Step = Hear(news) if news is not None else Advance(event or Event.ACCEPTED)
        acted = await self._act(request.name, step, call)
        return pb.AdvanceRequestResponse(request=request_out(acted.request))

    async def complete_request(self, request: pb.CompleteRequestRequest, call: Call) -> pb.CompleteRequestResponse:
        """Keep the reply to a request."""
        gateway = actor_of(call).gateway
        news = news_in(request, gateway=gateway, events=frozenset({Event.COMPLETED}), reply=True)
        answer = Answer(
            event=Event.COMPLETED, body=reply_in(request.reply, refusal=False), using=self._use.answering, news=news
        )
        acted = await self._act(request.name, answer, call)
        return pb.CompleteRequestResponse(
            request=request_out(acted.request),
            replayed=acted.replayed,
            receipt=(gateway and acted.request.receipt) or "",
        )

    async def reject_request(self, request: pb.RejectRequestRequest, call: Call) -> pb.RejectRequestResponse:
        """Keep the refusal of a request."""
        gateway = actor_of(call).gateway
        news = news_in(request, gateway=gateway, events=frozenset({Event.REJECTED}), reply=True)
        reply = exchange_pb2.RequestReply(rejection=request.rejection if request.HasField("rejection") else None)
        body = reply_in(reply, refusal=True)
        reason = exchange_pb2.RejectionReason.Name(request.rejection.reason).removeprefix("REJECTION_REASON_")
        answer = Answer(event=Event.REJECTED, body=body, using=self._use.answering, reason=reason, news=news)
        acted = await self._act(request.name, answer, call)
        return pb.RejectRequestResponse(
            request=request_out(acted.request),
            replayed=acted.replayed,
            receipt=(gateway and acted.request.receipt) or "",
        )

    async def dispute_request(self, request: pb.DisputeRequestRequest, call: Call) -> pb.DisputeRequestResponse:
        """Keep an objection, or how it ends."""
        step, fields = request.WhichOneof("step"), Fields()
        if step is None:
            raise InvalidFieldError(("step", "required"))
        check(getattr(request, step), step, fields)
        fields.finish()
        gateway = actor_of(call).gateway
        made: Step
        if step == "opening":
            news = news_in(request, gateway=gateway, events=frozenset({Event.DISPUTED}))
            opening = request.opening
            made = Object(ground=_GROUND[opening.ground], text=opening.text, seals=self._seals, news=news)
        else:
            news = news_in(request, gateway=gateway, events=_SETTLED)
            settled = request.settlement
            made = Settle(outcome=_OUTCOME[settled.outcome], answer=settled.answer, seals=self._seals, news=news)
        acted = await self._act(request.name, made, call)
        return pb.DisputeRequestResponse(request=request_out(acted.request))

    async def upload_attachment(
        self, messages: AsyncIterator[pb.UploadAttachmentRequest], call: Call
    ) -> pb.UploadAttachmentResponse:
        """Keep the bytes of a file."""
        return await self._transfers.upload(messages, call)

    async def download_attachment(
        self, request: pb.DownloadAttachmentRequest, call: Call
    ) -> AsyncGenerator[pb.DownloadAttachmentResponse]:
        """Send the bytes of a file."""
        async with aclosing(self._transfers.download(request, call)) as told:
            async for response in told:
                yield response

    async def get_receipt(self, request: pb.GetReceiptRequest, call: Call) -> pb.GetReceiptResponse:
        """Put the receipt of a request together."""
        found = await self._use.reading.get(read_request_name(request.name), actor_of(call))
        stored = found.request
        if stored.receipt is None or not is_ready(stored):
            raise ReceiptNotReadyError
        documents = documents_of(stored, self._seals)
        if documents is None:
            raise ContentErasedError
        proof = None if stored.record is None else await self._use.proofs.prove(stored.record)
        own = stored.target if stored.held is Held.TARGET else stored.source
        file = ReceiptFile(
            request=documents[0],
            reply=documents[1],
            receipt=read_receipt(stored.receipt),
            chains=await self._use.reading.chains(stored, self._use.answering.receipts),
            evidence={} if proof is None else {own: proof},
        )
        return pb.GetReceiptResponse(document=json.dumps(file.to_json(), ensure_ascii=False, separators=(",", ":")))

    async def _submit(self, submission: Submission, call: Call) -> Submitted:
        """Accept what was read; the use case records it itself."""
        note, terms = call.note, submission.terms
        note.source, note.target, note.item = terms.source, terms.target, terms.item
        note.subject = submission.body.subject
        submitted = await self._use.submit(submission, actor_of(call))
        note.recorded = True
        return submitted

    async def _act(self, name: str, step: Step, call: Call) -> Acted:
        """Do something to a request; the use case records it itself, strangers included."""
        try:
            acted = await self._use.act(read_request_name(name), step, actor_of(call))
        except RequestNotFoundError:
            call.note.recorded = True
            raise
        call.note.recorded = True
        return acted
