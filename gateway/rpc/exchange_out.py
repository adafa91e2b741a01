"""Values of the exchange as messages: requests with their histories, contents and replies opened for their parties."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from google.protobuf.json_format import MessageToDict
from google.protobuf.timestamp_pb2 import Timestamp

from gateway.rpc.exchange_in import EVENT, STATE
from gateway.services.exchange_model import MICROS, attachment_name, text_of
from gateway.services.exchange_receipts import is_ready
from gateway.services.exchange_seals import reply_document, request_document
from gateway.services.exchange_states import Actor, Open
from gateway.services.exchange_steps import disputes_of
from onecard.gateway.v1 import exchange_pb2

if TYPE_CHECKING:
    from gateway.services.exchange_model import AttachmentReference, HistoryEntry, StoredRequest
    from gateway.services.exchange_read import Found
    from gateway.services.exchange_seals import Seals

ACTOR: Final = {
    Actor.NOBODY: exchange_pb2.REQUEST_ACTOR_UNSPECIFIED,
    Actor.SOURCE_GATEWAY: exchange_pb2.REQUEST_ACTOR_SOURCE_GATEWAY,
    Actor.SOURCE_PLATFORM: exchange_pb2.REQUEST_ACTOR_SOURCE_PLATFORM,
    Actor.TARGET_PLATFORM: exchange_pb2.REQUEST_ACTOR_TARGET_PLATFORM,
}


def time_out(micros: int) -> Timestamp:
    """Write microseconds as a timestamp."""
    return Timestamp(seconds=micros // MICROS, nanos=micros % MICROS * 1000)


def event_out(entry: HistoryEntry) -> exchange_pb2.RequestEvent:
    """Write an entry of a history."""
    return exchange_pb2.RequestEvent(
        revision=entry.revision,
        kind=EVENT[entry.event],
        state=STATE[entry.state],
        time=time_out(entry.time),
        region=entry.region,
        reason=entry.reason,
    )


def request_out(request: StoredRequest, history: tuple[HistoryEntry, ...] = ()) -> exchange_pb2.Request:
    """Write a request without content, reply and objections."""
    return exchange_pb2.Request(
        name=request.name,
        digest=text_of(request.digest),
        state=STATE[request.state],
        history=[event_out(entry) for entry in history],
        next_actor=ACTOR[request.stage.next_actor],
        deadline=time_out(request.deadline),
        submit_time=time_out(request.submitted_at),
        update_time=time_out(request.changed_at),
        source_region=request.source,
        target_region=request.target,
        item=request.item,
        item_type=request.item_type,
        agreement=request.agreement,
        catalog_version=request.catalog_version,
        reply_digest=text_of(request.reply_digest),
        disputed=request.stage.open is not Open.NONE,
        receipt_ready=is_ready(request),
    )


def full_request_out(found: Found, seals: Seals) -> exchange_pb2.Request:
    """Write a request with all that is still kept of it (a GatewayError where it cannot be opened)."""
    request = found.request
    message = request_out(request, found.history)
    if request.content is not None:
        message.content.MergeFromString(seals.open_content(request.id, request.content).encoded)
    if request.reply is not None:
        message.reply.MergeFromString(seals.open_reply(request.id, request.reply).encoded)
    for one in disputes_of(request, seals):
        outcome = f"DISPUTE_OUTCOME_{(one.outcome or 'unspecified').upper()}"
        message.disputes.add(
            region=one.region,
            ground=exchange_pb2.DisputeGround.Value(f"DISPUTE_GROUND_{one.ground.upper()}"),
            text=one.text,
            raise_time=time_out(one.raised_at),
            outcome=exchange_pb2.DisputeOutcome.Value(outcome),
            answer=one.answer,
            settle_time=time_out(one.settled_at) if one.settled_at else None,
        )
    return message


def documents_of(request: StoredRequest, seals: Seals) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Give the documents of which a receipt has the digests, None where they were erased."""
    if request.content is None or request.reply is None:
        return None
    asked = seals.open_content(request.id, request.content)
    answered = seals.open_reply(request.id, request.reply)
    content = MessageToDict(exchange_pb2.RequestContent.FromString(asked.encoded))
    reply = MessageToDict(exchange_pb2.RequestReply.FromString(answered.encoded))
    return (
        request_document(request.name, asked.salt, content),
        reply_document(request.name, answered.salt, reply),
    )


def attachment_out(reference: AttachmentReference) -> exchange_pb2.Attachment:
    """Write what is said of a file."""
    return exchange_pb2.Attachment(
        name=attachment_name(reference.owner, reference.id),
        digest=text_of(reference.digest),
        size=reference.size,
        media_type=reference.media_type,
    )
