"""How the simulated platforms answer requests of other regions: invented replies, which say that they are invented."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from onecard.gateway.v1 import card_pb2, exchange_pb2

if TYPE_CHECKING:
    from collections.abc import Callable

    Write = Callable[[exchange_pb2.RequestContent, exchange_pb2.RequestReply, "Moment"], None]

_ISSUER: Final = "模拟平台（合成数据）"
_REMEDY: Final = "经核查属实，已责令改正（合成数据）"
_NOTHING_FOUND: Final = "经核查未发现所述情况（合成数据）"
_JUSTIFIED: Final = frozenset(
    {
        exchange_pb2.COMPLAINT_GROUND_CARD_REFUSED,
        exchange_pb2.COMPLAINT_GROUND_MEDIUM_REFUSED,
        exchange_pb2.COMPLAINT_GROUND_DUPLICATE_DEMANDED,
    }
)
_FIRST_MONTH: Final = "2020-01"
_AFTER: Final = {
    exchange_pb2.CARD_SERVICE_ACTION_REPORT_LOSS_TEMPORARY: card_pb2.CARD_STATUS_LOST_TEMPORARY,
    exchange_pb2.CARD_SERVICE_ACTION_REPORT_LOSS_FORMAL: card_pb2.CARD_STATUS_LOST_FORMAL,
}


class Moment:
    """When and about which request an answer is made; what is invented follows from that alone."""

    def __init__(self, name: str, now: float) -> None:
        """Take the name of the request and Unix time."""
        self.seconds = int(now)
        self.day = datetime.fromtimestamp(now, UTC).date().isoformat()
        self.reference = f"SIM-{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def answer(
    content: exchange_pb2.RequestContent, *, name: str, now: float, holders: frozenset[str]
) -> exchange_pb2.RequestReply:
    """Answer a request.

    Args:
        content: what is asked.
        name: of the request.
        now: Unix time.
        holders: the social-security numbers of the invented cardholders; others have no record.
    """
    reply = exchange_pb2.RequestReply(synthetic=True)
    number = content.subject.social_security_number
    if number and number not in holders:
        reply.rejection.reason = exchange_pb2.REJECTION_REASON_SUBJECT_NOT_FOUND
        reply.rejection.text = "模拟平台没有该持卡人（合成数据）"
        return reply
    kind = content.WhichOneof("payload")
    if kind is not None:
        _WRITERS[kind](content, reply, Moment(name, now))
    return reply


def _identity(content: exchange_pb2.RequestContent, reply: exchange_pb2.RequestReply, moment: Moment) -> None:
    result = reply.identity_check
    result.matches = True
    result.check_time.seconds = moment.seconds
    for field, path in (("name", "holder.name"), ("social_security_number", "holder.social_security_number")):
        if getattr(content.subject, field):
            result.fields.add(field=path, matches=True)


def _disbursement(content: exchange_pb2.RequestContent, reply: exchange_pb2.RequestReply, moment: Moment) -> None:
    result = reply.disbursement
    result.pay_time.seconds, result.bank_reference = moment.seconds, moment.reference
    result.amount.CopyFrom(content.disbursement.amount)


def _bill(content: exchange_pb2.RequestContent, reply: exchange_pb2.RequestReply, moment: Moment) -> None:
    result = reply.payment_bill
    result.pay_time.seconds, result.payment_reference = moment.seconds, moment.reference
    result.amount.CopyFrom(content.payment_bill.amount)


def _card(content: exchange_pb2.RequestContent, reply: exchange_pb2.RequestReply, moment: Moment) -> None:
    result = reply.card_service
    result.card_status = _AFTER.get(content.card_service.action, card_pb2.CARD_STATUS_ACTIVE)
    result.reference = moment.reference


def _certificate(content: exchange_pb2.RequestContent, reply: exchange_pb2.RequestReply, moment: Moment) -> None:
    asked, result = content.insurance_certificate, reply.insurance_certificate
    result.certificate, result.issuer, result.issued_on = moment.reference, _ISSUER, moment.day
    first = asked.from_month or min(_FIRST_MONTH, asked.to_month or _FIRST_MONTH)
    last = asked.to_month or max(first, moment.day[: len("2020-01")])
    if months := _months(first, last):
        for kind in asked.kinds:
            result.periods.add(kind=kind, from_month=first, to_month=last, paid_months=months)


def _months(first: str, last: str) -> int:
    """Count the months from one to another, `YYYY-MM`, both included; none where the last is before the first."""
    (one_year, one_month), (other_year, other_month) = (map(int, text.split("-")) for text in (first, last))
    return max(0, (other_year - one_year) * 12 + other_month - one_month + 1)


def _file(_content: exchange_pb2.RequestContent, reply: exchange_pb2.RequestReply, moment: Moment) -> None:
    result = reply.personnel_file_transfer
    result.notice, result.sent_on, result.volumes = moment.reference, moment.day, 1


def _complaint(content: exchange_pb2.RequestContent, reply: exchange_pb2.RequestReply, moment: Moment) -> None:
    result = reply.complaint
    refused = content.complaint.ground in _JUSTIFIED
    result.finding = (
        exchange_pb2.COMPLAINT_FINDING_JUSTIFIED if refused else exchange_pb2.COMPLAINT_FINDING_NOT_JUSTIFIED
    )
    result.text = _REMEDY if refused else _NOTHING_FOUND
    result.issuer, result.reference = _ISSUER, moment.reference


_WRITERS: Final[dict[str, Write]] = {
    "identity_check": _identity,
    "disbursement": _disbursement,
    "payment_bill": _bill,
    "card_service": _card,
    "insurance_certificate": _certificate,
    "personnel_file_transfer": _file,
    "complaint": _complaint,
}
