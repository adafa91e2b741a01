"""Messages of the exchange as values: what comes in is checked whole, and kept exactly as it came."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.json_format import MessageToDict

from adapters.payload_kinds import PayloadKind
from adapters.words import Medium, Purpose
from gateway.errors import CallerRegionError, InvalidFieldError
from gateway.rpc.convert import MEDIUM_WORD, PURPOSE_WORD, Fields, enum_numbers, reversed_numbers
from gateway.rpc.exchange_forms import FORMS, check
from gateway.services.evidence import Known, Subject
from gateway.services.exchange_model import (
    MICROS,
    Actor,
    AttachmentReference,
    Body,
    Handover,
    HistoryEntry,
    News,
    Submission,
    Terms,
)
from gateway.services.exchange_seals import SALT_BYTES
from gateway.services.exchange_states import Event, State
from onecard.gateway.v1 import exchange_pb2
from trust.encoding import decode_base64url

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from google.protobuf.message import Message
    from google.protobuf.timestamp_pb2 import Timestamp

    from gateway.rpc.boundary import Call
    from onecard.gateway.v1 import exchange_service_pb2

STATE: Final = enum_numbers(State, exchange_pb2.RequestState, "REQUEST_STATE")
EVENT: Final = enum_numbers(Event, exchange_pb2.RequestEventKind, "REQUEST_EVENT_KIND")
STATE_WORD: Final = reversed_numbers(STATE)
EVENT_WORD: Final = reversed_numbers(EVENT)
LARGEST_BYTES: Final = 65_536
"""Of a content or a reply; files belong into attachments."""

_REQUEST: Final = re.compile(r"regions/([a-z][a-z0-9_]{1,31})/requests/([0-9a-f]{32})\Z")
_ATTACHMENT: Final = re.compile(r"regions/([a-z][a-z0-9_]{1,31})/attachments/([0-9a-f]{32})\Z")
_REASON: Final = re.compile(r"[A-Z][A-Z0-9_]{0,62}\Z|\Z")
_LAST_SECONDS: Final = 2**37
_SUBJECT_FIELDS: Final = {
    "name": "holder.name",
    "social_security_number": "holder.social_security_number",
    "card_number": "card.number",
    "romanised_surname": "holder.romanised_name",
    "romanised_given_names": "holder.romanised_name",
    "pseudonym": "",
}
"""Which canonical field each field of the subject is; the agreement must let it out. A pseudonym is none."""

_PAYLOAD_FIELDS: Final = {
    "identity_check": {"birth_date": "holder.birth_date", "sex": "holder.sex"},
    "card_service": {"card_status": "card.status"},
}
"""The same of the payloads and results."""


def actor_of(call: Call) -> Actor:
    """Say who calls, as the exchange knows it."""
    caller = call.caller
    return Actor(
        caller=caller.id,
        region=caller.region,
        gateway=caller.kind == "gateway",
        method=call.name,
        trace_id=call.trace_id,
        certificate=caller.certificate or "",
        kid=caller.kid,
        token=caller.token,
    )


def read_request_name(name: str, *, field: str = "name") -> tuple[str, bytes]:
    """Give region and id of `regions/{region}/requests/{request}` (InvalidFieldError)."""
    return _parts(_REQUEST, name, field, "regions/{region}/requests/{request}")


def read_attachment_name(name: str, *, field: str = "name") -> tuple[str, bytes]:
    """Give region and id of `regions/{region}/attachments/{attachment}` (InvalidFieldError)."""
    return _parts(_ATTACHMENT, name, field, "regions/{region}/attachments/{attachment}")


def _parts(pattern: re.Pattern[str], name: str, field: str, form: str) -> tuple[str, bytes]:
    match = pattern.match(name)
    if match is None:
        raise InvalidFieldError((field, form if name else "required"))
    return match[1], bytes.fromhex(match[2])


def micros_of(time: Timestamp) -> int:
    """Give the microseconds of a timestamp."""
    return int(time.seconds) * MICROS + time.nanos // 1000


def submission_in(
    request: exchange_service_pb2.SubmitRequestRequest, *, gateway: bool, today: date | None = None
) -> Submission:
    """Read what SubmitRequest brings (InvalidFieldError names all that is wrong).

    Args:
        request: the message.
        gateway: whether another gateway hands it over, and so says more than a platform may.
        today: behind which nothing can have happened; None where that was held against it before.
    """
    content, fields = request.content, Fields()
    key = request.idempotency_key
    rule = FORMS["idempotency_key"](key) if key else "required"
    if rule:
        fields.add("idempotency_key", rule)
    _check_body(content, "content", fields)
    kind = content.WhichOneof("payload")
    if kind is None:
        fields.add("content.payload", "required")
    _check_about(content, fields)
    _check_day(content.complaint, today, fields)
    purpose = fields.word("content.purpose", content.purpose, PURPOSE_WORD, Purpose.IDENTITY_CHECK)
    medium = fields.word("content.medium", content.medium, MEDIUM_WORD, Medium.PHYSICAL)
    files = _references(content.attachments, "content.attachments", fields)
    if request.HasField("handover") is not gateway:
        fields.add("handover", "required" if gateway else "only_between_gateways")
    fields.finish()
    terms = Terms(
        source=content.source_region,
        target=content.target_region,
        item=content.item,
        item_type=content.item_type,
        kind=PayloadKind(kind or ""),
        purpose=purpose,
        medium=medium,
        consent=bool(content.consent_reference),
    )
    subject = content.subject
    used = "" if terms.kind is PayloadKind.CARD_SERVICE else subject.card_number
    body = _body(content, terms.kind, files, subject=_subject(subject, terms.target), card_number=used)
    return Submission(
        idempotency_key=request.idempotency_key,
        terms=terms,
        body=body,
        deadline=micros_of(content.deadline) if content.HasField("deadline") else None,
        ordering_key=content.ordering_key,
        handover=_handover(request.handover, terms.source) if gateway else None,
    )


def _check_about(content: exchange_pb2.RequestContent, fields: Fields) -> None:
    """Demand an item type and a subject; a complaint is about an item whole and what it offers, and names nobody.

    What is asked of the own region needs no gateway, and there is no agreement of a region with itself.
    """
    complaint = content.HasField("complaint")
    for field, told in (("item_type", bool(content.item_type)), ("subject", bool(content.subject.ListFields()))):
        if told is complaint:
            fields.add(f"content.{field}", "not_in_a_complaint" if complaint else "required")
    if content.source_region and content.target_region == content.source_region:
        fields.add("content.target_region", "another_region")
    venue = content.complaint.venue
    if venue and not venue.startswith(f"regions/{content.target_region}/"):
        fields.add("content.complaint.venue", "of_the_target_region")


def _check_day(complaint: exchange_pb2.Complaint, today: date | None, fields: Fields) -> None:
    """Demand that what somebody complains of has happened; a text that is no day was noted already."""
    told = complaint.happened_on
    if today is not None and not FORMS["happened_on"](told) and told > today.isoformat():
        fields.add("content.complaint.happened_on", "not_in_the_future")


def _check_body(message: Message, path: str, fields: Fields) -> None:
    """Hold a content or a reply against its forms."""
    size = message.ByteSize()
    if size > LARGEST_BYTES:
        raise InvalidFieldError((path, f"at_most_{LARGEST_BYTES}_bytes"))
    # What is not known here would be missing in the digest, on which both gateways must agree.
    message.DiscardUnknownFields()
    if message.ByteSize() != size:
        fields.add(path, "unknown_fields")
    check(message, path, fields)


def reply_in(reply: exchange_pb2.RequestReply, *, refusal: bool) -> Body:
    """Read a reply: a result, or a refusal (InvalidFieldError)."""
    fields = Fields()
    _check_body(reply, "rejection" if refusal else "reply", fields)
    kind = reply.WhichOneof("result")
    if kind is None or (kind == "rejection") is not refusal:
        fields.add("reply.result", "required")
    files = _references(reply.attachments, "reply.attachments", fields)
    fields.finish()
    return _body(reply, None if refusal else PayloadKind(kind or ""), files)


def _body(
    message: Any,  # noqa: ANN401 - a content or a reply
    kind: PayloadKind | None,
    files: tuple[AttachmentReference, ...],
    *,
    subject: Subject | None = None,
    card_number: str = "",
) -> Body:
    return Body(
        kind=kind,
        document=MessageToDict(message),
        encoded=message.SerializeToString(deterministic=True),
        fields=_named(message, kind),
        attachments=files,
        subject=subject,
        card_number=card_number,
    )


def _named(message: Any, kind: PayloadKind | None) -> frozenset[str]:  # noqa: ANN401 - a content or a reply
    """Give the canonical fields of a person that a content or a reply names."""
    named = set[str]()
    if message.DESCRIPTOR.name == "RequestContent":
        named |= {_SUBJECT_FIELDS[field.name] for field, _ in message.subject.ListFields()}
    if kind is not None:
        payload = getattr(message, kind.value)
        paths = _PAYLOAD_FIELDS.get(kind.value, {})
        named |= {paths[field.name] for field, _ in payload.ListFields() if field.name in paths}
        named |= {match.field for match in getattr(payload, "fields", ())}
    return frozenset(named - {""})


def _subject(subject: exchange_pb2.RequestSubject, home: str) -> Subject | None:
    """Say whom a request is about, for the evidence."""
    if subject.social_security_number:
        return Subject(Known.HOLDER, home, f"ssn:{subject.social_security_number}")
    return Subject(Known.PSEUDONYM, home, subject.pseudonym) if subject.pseudonym else None


def _references(
    attachments: Iterable[exchange_pb2.Attachment], path: str, fields: Fields
) -> tuple[AttachmentReference, ...]:
    """Read the files that are named."""
    read: list[AttachmentReference] = []
    for number, one in enumerate(attachments):
        match = _ATTACHMENT.match(one.name)
        digest = decode_base64url(one.digest)
        if match is None or digest is None:
            fields.add(f"{path}[{number}].name", "form" if one.name else "required")
        else:
            read.append(AttachmentReference(bytes.fromhex(match[2]), match[1], digest, one.size, one.media_type))
    return tuple(read)


def _handover(handover: exchange_service_pb2.Handover, source: str) -> Handover:
    """Read what a gateway says of a request that it hands over (InvalidFieldError, CallerRegionError)."""
    region, ident = read_request_name(handover.name, field="handover.name")
    if region != source:
        raise CallerRegionError(region=source)
    return Handover(
        id=ident,
        salt=_salt(handover.salt, "handover.salt"),
        submitted_at=_time(handover, "submit_time"),
        deadline=_time(handover, "deadline"),
    )


def _salt(text: str, field: str) -> bytes:
    salt = decode_base64url(text)
    if salt is None or len(salt) != SALT_BYTES:
        raise InvalidFieldError((field, "form" if text else "required"))
    return salt


def _time(message: Message, field: str) -> int:
    time: Timestamp = getattr(message, field)
    if not 0 < time.seconds < _LAST_SECONDS:
        raise InvalidFieldError((field, "form" if message.HasField(field) else "required"))
    return micros_of(time)


def news_in(
    request: Any,  # noqa: ANN401 - each method's own message
    *,
    gateway: bool,
    events: frozenset[Event],
    reply: bool = False,
) -> News | None:
    """Read what a gateway adds; a platform adds nothing (InvalidFieldError).

    Args:
        request: the message.
        gateway: whether a gateway calls.
        events: of which it may tell by this method.
        reply: whether it tells of a reply, with its salt and its receipt.
    """
    if request.HasField("news") is not gateway:
        raise InvalidFieldError(("news", "required" if gateway else "only_between_gateways"))
    if not gateway:
        return None
    event = request.news.event
    kind, state = EVENT_WORD.get(event.kind), STATE_WORD.get(event.state)
    if kind not in events or state is None or event.revision < 1 or not _REASON.match(event.reason):
        raise InvalidFieldError(("news.event", "form"))
    entry = HistoryEntry(event.revision, kind, state, _time(event, "time"), event.region, event.reason)
    return News(entry, _salt(request.news.salt, "news.salt") if reply else b"", request.news.receipt)


@cache
def states_of(*numbers: int) -> frozenset[State]:
    """Read states (InvalidFieldError)."""
    if not all(number in STATE_WORD for number in numbers):
        raise InvalidFieldError(("states", "unknown_value"))
    return frozenset(STATE_WORD[number] for number in numbers)
