"""The forms of what is exchanged: every text has a rule, and of a wrong content all is named that is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from gateway.errors import CallerRegionError, InvalidFieldError
from gateway.rpc.exchange_forms import FORMS, texts_of
from gateway.rpc.exchange_in import LARGEST_BYTES, news_in, reply_in, submission_in
from gateway.services.exchange_states import Event, State
from onecard.gateway.v1 import card_pb2, exchange_pb2
from onecard.gateway.v1 import exchange_service_pb2 as pb
from tests.fakes.exchange_contents import HOLDER, NAME, content, reply

if TYPE_CHECKING:
    from google.protobuf.message import Message

PENSION = exchange_pb2.INSURANCE_KIND_PENSION_EMPLOYEE
RESIDENT = exchange_pb2.INSURANCE_KIND_PENSION_RESIDENT
CNY = exchange_pb2.Money(currency="CNY", minor_units=100)
PAYLOADS: dict[str, Message] = {
    "identity_check": exchange_pb2.IdentityCheck(birth_date="1902-01-03", sex=card_pb2.SEX_MALE),
    "disbursement": exchange_pb2.Disbursement(
        amount=CNY, benefit="养老金", payer="某单位", period="2026-05", batch="B-1"
    ),
    "payment_bill": exchange_pb2.PaymentBill(bill="B-1", payee="某医院", amount=CNY, due_date="2026-06-30"),
    "card_service": exchange_pb2.CardService(action=exchange_pb2.CARD_SERVICE_ACTION_REPLACE, pickup_division="510100"),
    "insurance_certificate": exchange_pb2.InsuranceCertificate(
        kinds=[PENSION, RESIDENT], from_month="2020-01", to_month="2020-12"
    ),
    "personnel_file_transfer": exchange_pb2.PersonnelFileTransfer(
        file="F-1", holding_institution="某人才中心", receiving_institution="某人才中心"
    ),
}
RESULTS: dict[str, Message] = {
    "identity_check": exchange_pb2.IdentityCheckResult(
        matches=True,
        fields=[exchange_pb2.FieldMatch(field="holder.name", matches=True)],
        check_time=Timestamp(seconds=1),
    ),
    "disbursement": exchange_pb2.DisbursementResult(pay_time=Timestamp(seconds=1), bank_reference="R", amount=CNY),
    "payment_bill": exchange_pb2.PaymentBillResult(pay_time=Timestamp(seconds=1), payment_reference="R", amount=CNY),
    "card_service": exchange_pb2.CardServiceResult(card_status=card_pb2.CARD_STATUS_ACTIVE, reference="R"),
    "insurance_certificate": exchange_pb2.InsuranceCertificateResult(
        certificate="C",
        issuer="某局",
        issued_on="2026-06-01",
        periods=[exchange_pb2.InsuredPeriod(kind=PENSION, from_month="2020-01", to_month="2020-12", paid_months=12)],
    ),
    "complaint": exchange_pb2.ComplaintResult(
        finding=exchange_pb2.COMPLAINT_FINDING_JUSTIFIED,
        text="属实",
        issuer="某局",
        legal_basis="第二十条",
        reference="R",
    ),
    "personnel_file_transfer": exchange_pb2.PersonnelFileTransferResult(notice="N", sent_on="2026-06-01", volumes=1),
}
NAMED = {
    "identity_check": {"holder.birth_date", "holder.sex"},
    "disbursement": set[str](),
    "payment_bill": set[str](),
    "card_service": set[str](),
    "insurance_certificate": set[str](),
    "personnel_file_transfer": set[str](),
}


def asked(kind: str, **changes: Any) -> exchange_pb2.RequestContent:  # noqa: ANN401 - any field
    """Ask for something of a kind."""
    return content(**{"insurance_certificate": None, kind: PAYLOADS[kind], **changes})


def submitted(message: exchange_pb2.RequestContent) -> pb.SubmitRequestRequest:
    """Submit a content."""
    return pb.SubmitRequestRequest(idempotency_key="key-1", content=message)


def wrong(request: pb.SubmitRequestRequest, *, gateway: bool = False) -> dict[str, str]:
    """Give all that is wrong with a submission, rule by field; each field is told once."""
    with pytest.raises(InvalidFieldError) as caught:
        submission_in(request, gateway=gateway)
    found = dict(caught.value.violations)
    assert len(found) == len(caught.value.violations)
    return found


@pytest.mark.parametrize("kind", sorted(PAYLOADS))
def test_each_kind_of_payload_is_read(kind: str) -> None:
    """A good payload of each kind is read, with the canonical fields of a person that it names."""
    read = submission_in(submitted(asked(kind)), gateway=False)
    assert read.terms.kind == kind
    assert read.body.fields == {"holder.name", "holder.social_security_number", *NAMED[kind]}
    assert exchange_pb2.RequestContent.FromString(read.body.encoded) == asked(kind)
    assert read.body.subject is not None
    assert HOLDER not in repr(read) + str(read.body.subject)


@pytest.mark.parametrize("kind", sorted(RESULTS))
def test_each_kind_of_result_is_read(kind: str) -> None:
    """A good result of each kind is read, with the fields that it tells."""
    changes: Any = {kind: RESULTS[kind]}
    body = reply_in(exchange_pb2.RequestReply(**changes), refusal=False)
    assert body.kind == kind
    told = {"identity_check": {"holder.name"}, "card_service": {"card.status"}}
    assert body.fields == told.get(kind, set())


def test_every_text_has_a_rule() -> None:
    """No text of a content, a reply or what goes with them comes in unchecked."""
    messages = (
        exchange_pb2.RequestContent,
        exchange_pb2.RequestReply,
        pb.DisputeOpening,
        pb.DisputeSettlement,
    )
    texts = {name for message in messages for name in texts_of(message.DESCRIPTOR)}
    assert texts <= FORMS.keys()
    assert FORMS.keys() - texts == {"idempotency_key", "upload_key"}


LONG = "甲" * 101
SUBJECT = "content.subject."
CASES: list[tuple[str, dict[str, Any], str]] = [
    ("identity_check", {"birth_date": "1902-13-01"}, "birth_date"),
    ("identity_check", {"birth_date": "19020103"}, "birth_date"),
    ("identity_check", {"sex": 99}, "sex"),
    ("disbursement", {"amount": None}, "amount"),
    ("disbursement", {"amount": exchange_pb2.Money(currency="USD", minor_units=1)}, "amount.currency"),
    ("disbursement", {"amount": exchange_pb2.Money(currency="CNY")}, "amount.minor_units"),
    ("disbursement", {"amount": exchange_pb2.Money(currency="CNY", minor_units=-5)}, "amount.minor_units"),
    ("disbursement", {"amount": exchange_pb2.Money(currency="CNY", minor_units=10**16)}, "amount.minor_units"),
    ("disbursement", {"benefit": ""}, "benefit"),
    ("disbursement", {"benefit": LONG}, "benefit"),
    ("disbursement", {"payer": "a\nb"}, "payer"),
    ("disbursement", {"payer": " a"}, "payer"),
    ("disbursement", {"payer": "a\u202eb"}, "payer"),
    ("disbursement", {"period": "2026-13"}, "period"),
    ("disbursement", {"batch": "a b"}, "batch"),
    ("payment_bill", {"bill": ""}, "bill"),
    ("payment_bill", {"due_date": "tomorrow"}, "due_date"),
    ("payment_bill", {"description": "甲" * 201}, "description"),
    ("card_service", {"action": 0}, "action"),
    ("card_service", {"action": 77}, "action"),
    ("card_service", {"agent_name": "a|b"}, "agent_name"),
    ("card_service", {"pickup_division": "51010"}, "pickup_division"),
    ("insurance_certificate", {"kinds": []}, "kinds"),
    ("insurance_certificate", {"kinds": [1, 1]}, "kinds[0]"),
    ("insurance_certificate", {"kinds": [0]}, "kinds[0]"),
    ("insurance_certificate", {"kinds": [1, 2, 3, 4, 5, 1]}, "kinds"),
    ("insurance_certificate", {"from_month": "2025-01", "to_month": "2020-01"}, "to_month"),
    ("personnel_file_transfer", {"holding_institution": ""}, "holding_institution"),
]


@pytest.mark.parametrize(("kind", "changes", "field"), CASES)
def test_a_wrong_field_is_named(kind: str, changes: dict[str, Any], field: str) -> None:
    """Each field that is against its rule is named by its path, and its value is not repeated."""
    given: Any = {one.name: value for one, value in PAYLOADS[kind].ListFields()} | changes
    payload = type(PAYLOADS[kind])(**given)
    faults = wrong(submitted(asked(kind, **{kind: payload})))
    assert f"content.{kind}.{field}" in faults


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        ({"source_region": None}, "content.source_region", "required"),
        ({"target_region": "CHONGQING"}, "content.target_region", "form"),
        ({"item": "a b"}, "content.item", "form"),
        ({"item_type": None}, "content.item_type", "required"),
        ({"purpose": None}, "content.purpose", "required"),
        ({"purpose": 99}, "content.purpose", "unknown_value"),
        ({"medium": None}, "content.medium", "required"),
        ({"consent_reference": "甲"}, "content.consent_reference", "form"),
        ({"ordering_key": "x" * 129}, "content.ordering_key", "at_most_128"),
        ({"ordering_key": "x\n"}, "content.ordering_key", "form"),
        ({"target_region": "sichuan"}, "content.target_region", "another_region"),
        ({"source_region": None, "target_region": None}, "content.target_region", "required"),
        ({"subject": None}, "content.subject", "required"),
        ({"subject": {}}, "content.subject", "required"),
        ({"subject": {"name": "甲\x00"}}, "content.subject.name", "name"),
        ({"subject": {"social_security_number": HOLDER[:-1] + "8"}}, SUBJECT + "social_security_number", "check_digit"),
        ({"subject": {"social_security_number": "1"}}, SUBJECT + "social_security_number", "length"),
        ({"subject": {"card_number": "A1234567x"}}, SUBJECT + "card_number", "alphabet"),
        ({"subject": {"pseudonym": "a b"}}, "content.subject.pseudonym", "form"),
        ({"insurance_certificate": None}, "content.payload", "required"),
        ({"attachments": [{"name": "x", "digest": "A" * 43}]}, "content.attachments[0].name", "form"),
        ({"attachments": [{"digest": "short"}]}, "content.attachments[0].digest", "form"),
        ({"attachments": [{"media_type": "pdf"}]}, "content.attachments[0].media_type", "form"),
        ({"attachments": [{}] * 9}, "content.attachments", "at_most_8_entries"),
        *(
            ({"deadline": {"seconds": seconds, "nanos": nanos}}, "content.deadline", "time_between_years_1_and_9999")
            for seconds, nanos in ((253402300800, 0), (2**63 - 1, 0), (-(2**63), 0), (1, -5), (1, 2**31 - 1))
        ),
    ],
)  # fmt: skip
def test_what_a_content_must_have_is_named(changes: dict[str, Any], field: str, rule: str) -> None:
    """IN3: what is missing or wrong in a content is named with its rule, and never with its value."""
    assert wrong(submitted(content(**changes)))[field] == rule


@pytest.mark.parametrize(
    ("kind", "changes", "rule"),
    [
        ("insurance_certificate", {"from_month": "2020-1"}, "iso_month"),
        ("insurance_certificate", {"to_month": "2020-13"}, "iso_month"),
        ("insurance_certificate", {"to_month": "2020-01-01"}, "iso_month"),
        ("disbursement", {"period": "May"}, "iso_month"),
        ("identity_check", {"birth_date": "1902-02-30"}, "iso_date"),
        ("payment_bill", {"due_date": "2026-06"}, "iso_date"),
    ],
)
def test_a_day_and_a_month_say_how_they_are_written(kind: str, changes: dict[str, Any], rule: str) -> None:
    """The rule that they break names their form, which the page on errors shows."""
    given: Any = {one.name: value for one, value in PAYLOADS[kind].ListFields()} | changes
    faults = wrong(submitted(asked(kind, **{kind: type(PAYLOADS[kind])(**given)})))
    assert faults == {f"content.{kind}.{name}": rule for name in changes}
    page = (Path(__file__).resolve().parents[3] / "docs" / "errors.md").read_text("utf-8")
    assert f"| `{rule}` |" in page


def test_all_that_is_wrong_is_named_at_once() -> None:
    """A caller learns of every fault in one answer."""
    request = submitted(content(item="a b", purpose=None, subject=None))
    request.idempotency_key = "a b"
    assert set(wrong(request)) == {"idempotency_key", "content.item", "content.purpose", "content.subject"}
    request.idempotency_key = ""
    assert wrong(request)["idempotency_key"] == "required"


def test_what_is_not_known_is_not_taken() -> None:
    """A field of a later contract would be missing in the digest, so it is refused."""
    raw = content().SerializeToString() + b"\xfa\x3e\x01x"
    assert wrong(submitted(exchange_pb2.RequestContent.FromString(raw)))["content"] == "unknown_fields"


def test_contents_are_small() -> None:
    """What is large belongs into attachments."""
    names = ["甲" * 100] * 4
    large = content(insurance_certificate={"kinds": [1], "from_month": "x" * LARGEST_BYTES})
    assert wrong(submitted(large))["content"] == f"at_most_{LARGEST_BYTES}_bytes"
    assert NAME not in names


@pytest.mark.parametrize("name", sorted(set(RESULTS) - {"insurance_certificate"}))
def test_a_result_lacks_nothing(name: str) -> None:
    """A result without what the contract demands is refused by the field."""
    empty: Any = {name: type(RESULTS[name])()}
    with pytest.raises(InvalidFieldError) as caught:
        reply_in(exchange_pb2.RequestReply(**empty), refusal=False)
    assert all(field.startswith(f"reply.{name}.") for field, _ in caught.value.violations)


def test_no_period_ends_before_it_begins() -> None:
    """Neither one that is asked for nor one that is certified; a single month is a period, and so is an open one."""
    backwards: Any = {"from_month": "2025-01", "to_month": "2020-01"}
    asking = submitted(content(insurance_certificate={"kinds": [1], **backwards}))
    assert wrong(asking) == {"content.insurance_certificate.to_month": "not_before_from_month"}
    for months in (
        {"to_month": "2020-01"},
        {"from_month": "2020-01"},
        {"from_month": "2020-01", "to_month": "2020-01"},
    ):
        submission_in(submitted(content(insurance_certificate={"kinds": [1], **months})), gateway=False)
    good = RESULTS["insurance_certificate"].SerializeToString()
    result = exchange_pb2.InsuranceCertificateResult.FromString(good)
    result.periods.add(kind=PENSION, **backwards)
    with pytest.raises(InvalidFieldError) as caught:
        reply_in(exchange_pb2.RequestReply(insurance_certificate=result), refusal=False)
    assert caught.value.violations == (("reply.insurance_certificate.periods[1].to_month", "not_before_from_month"),)


@pytest.mark.parametrize(
    ("told", "refusal"),
    [
        (exchange_pb2.RequestReply(), False),
        (exchange_pb2.RequestReply(), True),
        (reply(), True),
        (exchange_pb2.RequestReply(rejection={"reason": 8}), False),  # type: ignore[arg-type]  # a dict of its fields
    ],
)
def test_a_reply_is_a_result_or_a_refusal(told: exchange_pb2.RequestReply, *, refusal: bool) -> None:
    """A result is no refusal, and nothing is neither."""
    with pytest.raises(InvalidFieldError) as caught:
        reply_in(told, refusal=refusal)
    assert ("reply.result", "required") in caught.value.violations


def handed_over(**changes: Any) -> pb.SubmitRequestRequest:  # noqa: ANN401 - any field
    """Hand a request over as a gateway does."""
    fields: dict[str, Any] = {
        "name": f"regions/sichuan/requests/{'a' * 32}",
        "salt": "A" * 22,
        "submit_time": Timestamp(seconds=5),
        "deadline": Timestamp(seconds=9),
        **changes,
    }
    request = submitted(content())
    request.handover.CopyFrom(pb.Handover(**{name: value for name, value in fields.items() if value is not None}))
    return request


def test_a_handover_is_read() -> None:
    """What a gateway says of a request that it hands over is read to the microsecond."""
    read = submission_in(handed_over(submit_time=Timestamp(seconds=5, nanos=6000)), gateway=True).handover
    assert read is not None
    assert (read.id.hex(), read.submitted_at, read.deadline) == ("a" * 32, 5_000_006, 9_000_000)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": None}, "handover.name"),
        ({"name": "requests/1"}, "handover.name"),
        ({"salt": None}, "handover.salt"),
        ({"salt": "A" * 21}, "handover.salt"),
        ({"submit_time": None}, "submit_time"),
        ({"deadline": Timestamp(seconds=2**40)}, "deadline"),
    ],
)
def test_a_handover_says_what_it_must(changes: dict[str, Any], field: str) -> None:
    """Name, salt and times of a handover have their forms."""
    assert field in wrong(handed_over(**changes), gateway=True)


def test_only_gateways_hand_over() -> None:
    """A platform hands nothing over, a gateway nothing but that, and only in the name of its region."""
    assert wrong(handed_over())["handover"] == "only_between_gateways"
    assert wrong(submitted(content()), gateway=True)["handover"] == "required"
    foreign = handed_over(name=f"regions/guizhou/requests/{'a' * 32}")
    with pytest.raises(CallerRegionError):
        submission_in(foreign, gateway=True)


def told(**changes: Any) -> pb.AdvanceRequestRequest:  # noqa: ANN401 - any field
    """Tell that a request was taken, as a gateway does."""
    fields: dict[str, Any] = {
        "revision": 3,
        "kind": exchange_pb2.REQUEST_EVENT_KIND_ACCEPTED,
        "state": exchange_pb2.REQUEST_STATE_ACCEPTED,
        "time": Timestamp(seconds=7),
        "region": "chongqing",
        **changes,
    }
    return pb.AdvanceRequestRequest(news=pb.GatewayNews(event=exchange_pb2.RequestEvent(**fields)))


def test_news_are_read() -> None:
    """What a gateway tells is read; a platform tells nothing of that kind."""
    read = news_in(told(), gateway=True, events=frozenset({Event.ACCEPTED}))
    assert read is not None
    assert (read.entry.event, read.entry.state, read.entry.revision) == (Event.ACCEPTED, State.ACCEPTED, 3)
    assert news_in(pb.AdvanceRequestRequest(), gateway=False, events=frozenset()) is None


@pytest.mark.parametrize(
    ("message", "gateway", "field"),
    [
        (told(), False, "news"),
        (pb.AdvanceRequestRequest(), True, "news"),
        (told(revision=0), True, "news.event"),
        (told(kind=exchange_pb2.REQUEST_EVENT_KIND_COMPLETED), True, "news.event"),
        (told(kind=0), True, "news.event"),
        (told(state=0), True, "news.event"),
        (told(reason="why not"), True, "news.event"),
        (told(time=None), True, "time"),
    ],
)
def test_news_have_their_form(message: pb.AdvanceRequestRequest, field: str, *, gateway: bool) -> None:
    """News of an event that the method does not tell of, or without number, state or time, are refused."""
    with pytest.raises(InvalidFieldError) as caught:
        news_in(message, gateway=gateway, events=frozenset({Event.ACCEPTED}))
    assert caught.value.violations[0][0] == field
