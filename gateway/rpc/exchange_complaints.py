"""FileComplaint: a complaint about an item becomes a request to the region that is responsible for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.errors import InvalidFieldError
from gateway.rpc import names
from gateway.rpc.exchange_in import submission_in
from onecard.gateway.v1 import card_pb2, exchange_pb2
from onecard.gateway.v1 import exchange_service_pb2 as pb

if TYPE_CHECKING:
    from datetime import date

    from gateway.services.exchange_model import Submission

_CONTENT = "content."


def complaint_in(request: pb.FileComplaintRequest, *, source: str, today: date) -> Submission:
    """Read a complaint of a region on a day (InvalidFieldError names all that is wrong)."""
    target, item = names.read_item(request.item, field="item")
    if target == source:
        raise InvalidFieldError(("item", "of_another_region"))
    content = exchange_pb2.RequestContent(
        source_region=source,
        target_region=target,
        item=item,
        purpose=request.purpose or card_pb2.PURPOSE_SERVICE_ACCESS,
        medium=request.medium,
        complaint=request.complaint,
        attachments=request.attachments,
    )
    submitted = pb.SubmitRequestRequest(idempotency_key=request.idempotency_key, content=content)
    try:
        return submission_in(submitted, gateway=False, today=today)
    except InvalidFieldError as error:
        raise InvalidFieldError(*((field.removeprefix(_CONTENT), rule) for field, rule in error.violations)) from None
