"""How simulated platforms answer: each kind by a whole and invented result, which says that it is invented."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from adapters.payload_kinds import PayloadKind
from gateway.rpc.exchange_in import reply_in
from gateway.sandbox.exchange_answers import answer
from onecard.gateway.v1 import card_pb2, exchange_pb2
from tests.fakes.exchange_contents import HOLDER, NAME

if TYPE_CHECKING:
    from google.protobuf.message import Message

MONEY = exchange_pb2.Money(currency="CNY", minor_units=1234)
REQUEST = "regions/sichuan/requests/" + "a" * 32
NOW = 1_780_000_000.0
REPLACE = exchange_pb2.CARD_SERVICE_ACTION_REPLACE
PENSION, INJURY = exchange_pb2.INSURANCE_KIND_PENSION_EMPLOYEE, exchange_pb2.INSURANCE_KIND_WORK_INJURY


def content(**payload: Any) -> exchange_pb2.RequestContent:  # noqa: ANN401 - one of the payloads
    """Ask for an invented holder."""
    subject = exchange_pb2.RequestSubject(name=NAME, social_security_number=HOLDER)
    return exchange_pb2.RequestContent(subject=subject, **payload)


def answered(asked: exchange_pb2.RequestContent, *holders: str) -> exchange_pb2.RequestReply:
    """Answer it."""
    return answer(asked, name=REQUEST, now=NOW, holders=frozenset(holders or (HOLDER,)))


PAYLOADS: dict[PayloadKind, Message] = {
    PayloadKind.IDENTITY_CHECK: exchange_pb2.IdentityCheck(),
    PayloadKind.DISBURSEMENT: exchange_pb2.Disbursement(batch="B-1", amount=MONEY),
    PayloadKind.PAYMENT_BILL: exchange_pb2.PaymentBill(bill="B-1", amount=MONEY),
    PayloadKind.CARD_SERVICE: exchange_pb2.CardService(action=REPLACE),
    PayloadKind.INSURANCE_CERTIFICATE: exchange_pb2.InsuranceCertificate(kinds=[PENSION, INJURY], from_month="2021-03"),
    PayloadKind.PERSONNEL_FILE_TRANSFER: exchange_pb2.PersonnelFileTransfer(),
    PayloadKind.COMPLAINT: exchange_pb2.Complaint(ground=exchange_pb2.COMPLAINT_GROUND_CARD_REFUSED),
}


@pytest.mark.parametrize("kind", PayloadKind)
def test_every_kind_is_answered(kind: PayloadKind) -> None:
    """The reply is of the kind that was asked for, is one that the gateway takes, and is labelled."""
    reply = answered(content(**{kind.value: PAYLOADS[kind]}))
    assert reply.WhichOneof("result") == kind.value
    assert reply.synthetic
    assert reply_in(reply, refusal=False).kind is kind


def test_what_was_asked_for_is_what_is_told() -> None:
    """Amounts, months and the state of the card follow from what was asked."""
    paid = answered(content(payment_bill=PAYLOADS[PayloadKind.PAYMENT_BILL]))
    assert paid.payment_bill.amount == MONEY
    lost = exchange_pb2.CardService(action=exchange_pb2.CARD_SERVICE_ACTION_REPORT_LOSS_FORMAL)
    assert answered(content(card_service=lost)).card_service.card_status == card_pb2.CARD_STATUS_LOST_FORMAL
    certified = answered(content(insurance_certificate=PAYLOADS[PayloadKind.INSURANCE_CERTIFICATE]))
    assert [one.from_month for one in certified.insurance_certificate.periods] == ["2021-03", "2021-03"]
    whole = answered(content(insurance_certificate=exchange_pb2.InsuranceCertificate(kinds=[PENSION])))
    assert whole.insurance_certificate.periods[0].from_month
    matched = answered(content(identity_check=PAYLOADS[PayloadKind.IDENTITY_CHECK]))
    assert [one.field for one in matched.identity_check.fields] == ["holder.name", "holder.social_security_number"]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"from_month": "2021-03", "to_month": "2021-03"}, ("2021-03", "2021-03", 1)),
        ({"from_month": "2021-11", "to_month": "2022-02"}, ("2021-11", "2022-02", 4)),
        ({"from_month": "2026-01"}, ("2026-01", "2026-05", 5)),
        ({"from_month": "2030-01"}, ("2030-01", "2030-01", 1)),
        ({"to_month": "2020-12"}, ("2020-01", "2020-12", 12)),
        ({"to_month": "2019-12"}, ("2019-12", "2019-12", 1)),
        ({}, ("2020-01", "2026-05", 77)),
        ({"from_month": "2021-03", "to_month": "2021-02"}, None),
    ],
)
def test_months_are_counted(asked: dict[str, str], told: tuple[str, str, int] | None) -> None:
    """As many are paid as there are from the first to the last, up to this month; none in a time that ends before."""
    certificate = exchange_pb2.InsuranceCertificate(kinds=[PENSION], **asked)
    periods = answered(content(insurance_certificate=certificate)).insurance_certificate.periods
    assert [(one.from_month, one.to_month, one.paid_months) for one in periods] == ([told] if told else [])


def test_a_complaint_is_looked_into() -> None:
    """That a card was refused is found to be so, and remedied; of anything else nothing is found."""
    refused = answered(content(complaint=PAYLOADS[PayloadKind.COMPLAINT])).complaint
    conduct = exchange_pb2.Complaint(ground=exchange_pb2.COMPLAINT_GROUND_CONDUCT)
    other = answered(content(complaint=conduct)).complaint
    assert refused.finding == exchange_pb2.COMPLAINT_FINDING_JUSTIFIED
    assert other.finding == exchange_pb2.COMPLAINT_FINDING_NOT_JUSTIFIED
    assert "合成数据" in refused.text
    assert refused.text != other.text


def test_the_answer_to_a_request_is_always_the_same() -> None:
    """References follow from the request alone, so that a platform that begins anew invents nothing else."""
    asked = content(insurance_certificate=PAYLOADS[PayloadKind.INSURANCE_CERTIFICATE])
    assert answered(asked) == answered(asked)
    other = answer(asked, name=REQUEST[:-1] + "b", now=NOW, holders=frozenset({HOLDER}))
    assert other.insurance_certificate.certificate != answered(asked).insurance_certificate.certificate


def test_who_is_not_in_the_records_is_not_answered_for() -> None:
    """A number of which the platform knows nothing is rejected; one who is named by pseudonym only is not."""
    asked = content(identity_check=PAYLOADS[PayloadKind.IDENTITY_CHECK])
    reply = answered(asked, "another")
    assert reply.rejection.reason == exchange_pb2.REJECTION_REASON_SUBJECT_NOT_FOUND
    assert reply.synthetic
    asked.subject.Clear()
    asked.subject.pseudonym = "P-1"
    assert not answered(asked, "another").identity_check.fields


def test_nothing_is_answered_with_nothing() -> None:
    """A content without a payload, which no gateway lets through, has no result."""
    assert answered(content()).WhichOneof("result") is None
