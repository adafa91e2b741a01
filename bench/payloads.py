"""What is sent: requests of the contract about fictitious cardholders, as bytes."""

from __future__ import annotations

import datetime
import json
from typing import TYPE_CHECKING, Any

from adapters.identifiers import person_check_character
from adapters.registry import load_vectors
from onecard.gateway.v1 import card_pb2, exchange_pb2, exchange_service_pb2, identity_service_pb2

if TYPE_CHECKING:
    from collections.abc import Iterator

_SERVICE = "/onecard.gateway.v1.IdentityService"
METHODS = {
    "translate": f"{_SERVICE}/TranslateIdentity",
    "verify": f"{_SERVICE}/VerifyCard",
    "batch": f"{_SERVICE}/BatchTranslateIdentities",
    "submit": "/onecard.gateway.v1.ExchangeService/SubmitRequest",
}
VISITED, HOME = "sichuan", "chongqing"
_CARD, _ITEM = "active", "SC-13"
_FIRST_DAY = datetime.date(1900, 1, 1)
_DAYS = 7300  # births of 1900 to 1919: nobody who holds a card
_ISSUED = datetime.date(2021, 1, 1)


def _vector(region: str, name: str) -> dict[str, Any]:
    """Find a fictitious cardholder by the id of its vector."""
    vectors = json.loads(load_vectors(region))["round_trips"]
    found: dict[str, Any] = next(v for v in vectors if v["id"] == name)
    return found


def platform_record(region: str) -> dict[str, str]:
    """Give the record that the region's platform holds of the active card."""
    record: dict[str, str] = _vector(region, _CARD)["record"]
    return record


def identities(count: int) -> Iterator[dict[str, str]]:
    """Make records in Chongqing's form, all different, so that no memory of a date or number flatters the figure."""
    record = platform_record(HOME)
    for n in range(count):
        born = _FIRST_DAY + datetime.timedelta(days=n * 7 % _DAYS)
        issued = _ISSUED + datetime.timedelta(days=n % 1500)
        body = f"500112{born:%Y%m%d}{n % 999 + 1:03d}"
        number = body + person_check_character(body)
        yield {
            **record,
            "aac002": number,
            "aac147": number,
            "aac006": born.isoformat(),
            "aaz500": f"A{n:08d}",
            "aaz501": f"500106D156{n:022X}",
            "aaz503": issued.isoformat(),
            "aae031": issued.replace(year=issued.year + 10, day=min(issued.day, 28)).isoformat(),
            "signno": f"SYN-CQ-{n:08d}",
        }


def _translation(record: dict[str, str]) -> identity_service_pb2.TranslateIdentityRequest:
    source = card_pb2.RegionalIdentity(region=HOME, fields=record)
    return identity_service_pb2.TranslateIdentityRequest(source=source, target_region=VISITED)


def translate_request() -> bytes:
    """Ask for one identity, Chongqing's form to Sichuan's."""
    return _translation(next(identities(1))).SerializeToString()


def batch_request(entries: int) -> bytes:
    """Ask for many different identities in one message."""
    batch = identity_service_pb2.BatchTranslateIdentitiesRequest(entries=map(_translation, identities(entries)))
    return batch.SerializeToString()


def verify_request(home: str, *, item: str = _ITEM, request_id: str = "", consent: str = "") -> bytes:
    """Ask about an active card, as Sichuan's caller unless another item is named.

    Without a request id it is no whole request yet; the sender adds one.
    """
    shown = _vector(home, _CARD)["canonical"]
    credential = identity_service_pb2.CardNumberCredential(
        card_number=shown["card"]["number"], social_security_number=shown["holder"]["social_security_number"]
    )
    return identity_service_pb2.VerifyCardRequest(
        request_id=request_id,
        home_region=home,
        credential=identity_service_pb2.Credential(card_number=credential),
        medium=card_pb2.MEDIUM_PHYSICAL,
        visited_item=item,
        consent_reference=consent,
        purpose=card_pb2.PURPOSE_SERVICE_ACCESS,
    ).SerializeToString()


def submit_request(*, idempotency_key: str = "", ordering_key: str = "") -> bytes:
    """Ask Chongqing for a certificate of insurance, as Sichuan; the sender adds an idempotency key where none is."""
    holder = _vector(HOME, _CARD)["canonical"]["holder"]
    content = exchange_pb2.RequestContent(
        source_region=VISITED,
        target_region=HOME,
        item="CQ-02",
        item_type="SI.PERSON.CERT",
        purpose=card_pb2.PURPOSE_RECORD_ENQUIRY,
        medium=card_pb2.MEDIUM_PHYSICAL,
        subject=exchange_pb2.RequestSubject(
            name=holder["name"], social_security_number=holder["social_security_number"]
        ),
        insurance_certificate=exchange_pb2.InsuranceCertificate(
            kinds=[exchange_pb2.INSURANCE_KIND_PENSION_EMPLOYEE], from_month="2020-01"
        ),
        ordering_key=ordering_key,
    )
    request = exchange_service_pb2.SubmitRequestRequest(idempotency_key=idempotency_key, content=content)
    return request.SerializeToString()


def checked_reply(method: str, reply: bytes) -> bytes:
    """See that a reply is the good answer (AssertionError), so that nobody measures refusals."""
    if method == METHODS["translate"]:
        assert identity_service_pb2.TranslateIdentityResponse.FromString(reply).identity.region == VISITED
    elif method == METHODS["verify"]:
        answer = identity_service_pb2.VerifyCardResponse.FromString(reply)
        assert answer.identity.card.number
        assert not answer.replayed
    elif method == METHODS["submit"]:
        assert not exchange_service_pb2.SubmitRequestResponse.FromString(reply).replayed
    else:
        outcomes = identity_service_pb2.BatchTranslateIdentitiesResponse.FromString(reply).outcomes
        assert outcomes
        assert all(outcome.WhichOneof("outcome") == "response" for outcome in outcomes)
    return reply
