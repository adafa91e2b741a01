"""One good request for each method of the contract, and what becomes of it when one of its texts is another."""

from __future__ import annotations

import copy
import uuid
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from adapters.registry import load_registry
from onecard.gateway.v1 import (
    card_pb2,
    card_status_pb2,
    card_status_service_pb2,
    catalog_rules_pb2,
    catalog_rules_service_pb2,
    catalog_service_pb2,
    evidence_service_pb2,
    exchange_pb2,
    exchange_service_pb2,
    identity_service_pb2,
    recognition_service_pb2,
    region_service_pb2,
)
from onecard.gateway.v1 import catalog_publication_service_pb2 as publication_pb2
from tests.sandbox_fixture.cards import credential, issue_request, translate_request, vectors, verify_request
from trust.party_signature import canonical_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from google.protobuf.message import Message

CALLER = "sichuan"
"""Region as whose platform the good requests are good."""
VERSION = f"catalogs/sichuan/versions/{canonical_digest(load_registry().documents['sichuan'].plain())}"
"""The version of Sichuan's list that ships."""
_READER_ATR = "0081544C928654C1FF"


def reader_text(region: str, vector: str = "active") -> str:
    """Write what a card reader would give for a cardholder: eleven columns, the name padded with spaces."""
    told = vectors(region)[vector]["canonical"]
    card, holder = told["card"], told["holder"]
    days = (card["issued_on"].replace("-", ""), card["expires_on"].replace("-", ""))
    columns = (card["issuer_division"], holder["social_security_number"], card["number"], card["identification_code"])
    return "|".join(
        (*columns, f"{holder['name']:<30}", _READER_ATR, card["specification"], *days, "000000000001", "D1", "")
    )


def good_requests(request_id: str, *, recognition: str = "") -> dict[str, Message]:
    """Give a good request for each method by its name, as Sichuan's platform would send it."""
    item = "regions/sichuan/items/SC-13"
    verify = verify_request("chongqing", "SC-13", request_id=request_id, consent="CONSENT-1")
    translate = translate_request("sichuan", "chongqing")
    return {
        "RegionService/GetRegion": region_service_pb2.GetRegionRequest(name="regions/sichuan"),
        "RegionService/ListRegions": region_service_pb2.ListRegionsRequest(),
        "IdentityService/VerifyCard": verify,
        "IdentityService/BatchVerifyCards": identity_service_pb2.BatchVerifyCardsRequest(entries=[verify]),
        "IdentityService/TranslateIdentity": translate,
        "IdentityService/BatchTranslateIdentities": identity_service_pb2.BatchTranslateIdentitiesRequest(
            entries=[translate]
        ),
        "CatalogService/ListCatalogs": catalog_service_pb2.ListCatalogsRequest(),
        "CatalogService/GetCatalog": catalog_service_pb2.GetCatalogRequest(name="regions/sichuan/catalog"),
        "CatalogService/ListApplicationItems": catalog_service_pb2.ListApplicationItemsRequest(
            parent="regions/sichuan"
        ),
        "CatalogService/GetApplicationItem": catalog_service_pb2.GetApplicationItemRequest(name=item),
        "CatalogService/TranslateApplicationItem": catalog_service_pb2.TranslateApplicationItemRequest(
            name=item, target_region="chongqing"
        ),
        "CatalogService/ExplainEquivalence": catalog_service_pb2.ExplainEquivalenceRequest(
            name=item, target_region="chongqing"
        ),
        "CatalogService/ListEffectiveItems": catalog_service_pb2.ListEffectiveItemsRequest(parent="regions/sichuan"),
        "CatalogRulesService/ComputeDepth": catalog_rules_service_pb2.ComputeDepthRequest(
            application_class=card_pb2.APPLICATION_CLASS_PAYMENT,
            measure=catalog_rules_pb2.DepthMeasure(payment_reach=catalog_rules_pb2.PAYMENT_REACH_BILL),
        ),
        "CatalogRulesService/ListDepths": catalog_rules_service_pb2.ListDepthsRequest(parent="regions/-"),
        "CatalogRulesService/CheckCardIssuance": catalog_rules_service_pb2.CheckCardIssuanceRequest(
            parent="regions/sichuan", kind=catalog_rules_pb2.INSTRUMENT_KIND_QR_CODE, items=[item]
        ),
        "CatalogRulesService/ListVenues": catalog_rules_service_pb2.ListVenuesRequest(parent="regions/sichuan"),
        "CatalogRulesService/GetCardRules": catalog_rules_service_pb2.GetCardRulesRequest(
            name="regions/sichuan/cardRules"
        ),
        "CatalogPublicationService/ListCatalogVersions": publication_pb2.ListCatalogVersionsRequest(
            parent="catalogs/-"
        ),
        "CatalogPublicationService/GetSignedCatalog": publication_pb2.GetSignedCatalogRequest(name="catalogs/sichuan"),
        "CatalogPublicationService/PublishCatalog": publication_pb2.PublishCatalogRequest(document=b"{}", dry_run=True),
        "CatalogPublicationService/FoldProposal": publication_pb2.FoldProposalRequest(
            name="catalogs/sichuan-chongqing", proposal="two-districts", division_codes=["500153", "510500"], items="x"
        ),
        "CatalogPublicationService/DiffCatalogs": publication_pb2.DiffCatalogsRequest(before=VERSION, after=VERSION),
        "RecognitionService/IssueRecognition": issue_request("sichuan", "chongqing", "CQ-31", request_id=request_id),
        "RecognitionService/VerifyRecognition": recognition_service_pb2.VerifyRecognitionRequest(
            recognition=recognition
        ),
        "RecognitionService/RevokeRecognition": recognition_service_pb2.RevokeRecognitionRequest(token_id=request_id),
        "EvidenceService/GetInclusionProof": evidence_service_pb2.GetInclusionProofRequest(record_id="0" * 32),
        "EvidenceService/ListAccesses": evidence_service_pb2.ListAccessesRequest(
            social_security_number=credential("sichuan").card_number.social_security_number
        ),
        **_exchange_requests(request_id),
        **_card_requests(),
    }


def _card_requests() -> dict[str, Message]:
    """Give those about states of cards; the card that is reported is nobody's."""
    pb = card_status_service_pb2
    report = pb.CardStatusReport(card_number="Z99999999", kind=card_status_pb2.CARD_EVENT_KIND_LOCKED)
    report.event_time.FromSeconds(1_750_000_000)
    return {
        "CardStatusService/ReportCardStatus": pb.ReportCardStatusRequest(reports=[report]),
        "CardStatusService/GetCardStatus": pb.GetCardStatusRequest(name=f"regions/chongqing/cards/{'A' * 22}"),
        "CardStatusService/CompareCardStatuses": pb.CompareCardStatusesRequest(home_region="chongqing"),
    }


def _exchange_requests(request_id: str) -> dict[str, Message]:
    """Give those of the exchange; what they name is not there, but for what is submitted and uploaded."""
    pb, name = exchange_service_pb2, f"regions/{CALLER}/requests/{'0' * 32}"
    subject = exchange_pb2.RequestSubject(
        name=vectors("chongqing")["active"]["canonical"]["holder"]["name"],
        social_security_number=credential("chongqing").card_number.social_security_number,
    )
    content = exchange_pb2.RequestContent(
        source_region=CALLER,
        target_region="chongqing",
        item="CQ-02",
        item_type="SI.PERSON.CERT",
        purpose=card_pb2.PURPOSE_RECORD_ENQUIRY,
        medium=card_pb2.MEDIUM_PHYSICAL,
        subject=subject,
        ordering_key="holder-1",
        insurance_certificate=exchange_pb2.InsuranceCertificate(
            kinds=[exchange_pb2.INSURANCE_KIND_PENSION_EMPLOYEE], from_month="2020-01"
        ),
    )
    reply = exchange_pb2.RequestReply(
        insurance_certificate=exchange_pb2.InsuranceCertificateResult(
            certificate="C-1", issuer="模拟平台", issued_on="2026-06-01"
        )
    )
    complaint = exchange_pb2.Complaint(
        ground=exchange_pb2.COMPLAINT_GROUND_CARD_REFUSED,
        text="闸机不识别",
        channel=catalog_rules_pb2.COMPLAINT_CHANNEL_KIND_TELEPHONE,
    )
    rejection = exchange_pb2.Rejection(reason=exchange_pb2.REJECTION_REASON_OTHER, text="不符合条件")
    opening = pb.DisputeOpening(ground=exchange_pb2.DISPUTE_GROUND_OTHER, text="年月有误")
    upload = pb.BeginUpload(upload_key=request_id, digest=canonical_digest({}), size=2, media_type="application/json")
    return {
        "ExchangeService/SubmitRequest": pb.SubmitRequestRequest(idempotency_key=request_id, content=content),
        "ExchangeService/FileComplaint": pb.FileComplaintRequest(
            idempotency_key=request_id, item="regions/chongqing/items/CQ-31", complaint=complaint, medium=content.medium
        ),
        "ExchangeService/GetRequest": pb.GetRequestRequest(name=name),
        "ExchangeService/ListRequests": pb.ListRequestsRequest(),
        "ExchangeService/CancelRequest": pb.CancelRequestRequest(name=name),
        "ExchangeService/ReceiveRequests": pb.ReceiveRequestsRequest(open=pb.OpenInbox(credit=1)),
        "ExchangeService/AdvanceRequest": pb.AdvanceRequestRequest(
            name=name, state=exchange_pb2.REQUEST_STATE_ACCEPTED
        ),
        "ExchangeService/CompleteRequest": pb.CompleteRequestRequest(name=name, reply=reply),
        "ExchangeService/RejectRequest": pb.RejectRequestRequest(name=name, rejection=rejection),
        "ExchangeService/DisputeRequest": pb.DisputeRequestRequest(name=name, opening=opening),
        "ExchangeService/UploadAttachment": pb.UploadAttachmentRequest(begin=upload),
        "ExchangeService/GetReceipt": pb.GetReceiptRequest(name=name),
    }


def credentials() -> Iterator[identity_service_pb2.Credential]:
    """Give one good credential of each kind for a Chongqing card; the QR text is one that nobody can resolve."""
    card = vectors("chongqing")["active"]["canonical"]["card"]
    yield credential("chongqing")
    yield identity_service_pb2.Credential(identification_code=card["identification_code"])
    yield identity_service_pb2.Credential(reader_text=reader_text("chongqing"))
    yield identity_service_pb2.Credential(electronic_sign_number=card["electronic_sign_number"])
    yield identity_service_pb2.Credential(qr_text="essc-sandbox-chongqing-nobody-1")


def bases(request_id: str, *, recognition: str = "") -> Iterator[tuple[str, Message]]:
    """Give the good requests, with every kind of credential and both forms of an identity where these can be given."""
    yield from good_requests(request_id, recognition=recognition).items()
    method = "IdentityService/VerifyCard"
    request: Any = good_requests(request_id)[method]
    for shown in credentials():
        other = copy.deepcopy(request)
        other.credential.CopyFrom(shown)
        yield method, other
    text = identity_service_pb2.TranslateIdentityRequest(
        source=card_pb2.RegionalIdentity(region="sichuan", text="A|B|C"), target_region="chongqing"
    )
    yield "IdentityService/TranslateIdentity", text
    signed = publication_pb2.PublishCatalogRequest(document=b"{}", signatures=["A"])
    yield "CatalogPublicationService/PublishCatalog", signed
    done = exchange_service_pb2.AcknowledgeDelivery(
        name=f"regions/{CALLER}/requests/{'0' * 32}", lease=1, state=exchange_pb2.REQUEST_STATE_ACCEPTED
    )
    yield "ExchangeService/ReceiveRequests", exchange_service_pb2.ReceiveRequestsRequest(acknowledge=done)


def variants(message: Message, text: str) -> Iterator[tuple[str, Message]]:
    """Give copies of a message, each with one text replaced, and the path of that text; empty texts too.

    Each copy has request ids of its own, so that no answer is one that was given before.
    """
    for path, put in _texts(message):
        changed = renewed(message)
        put(changed, text)
        yield path, changed


def renewed(message: Message) -> Message:
    """Copy a request under request ids that were never used."""
    copied = copy.deepcopy(message)
    for part in (copied, *getattr(copied, "entries", ())):
        for name in {"request_id", "idempotency_key"}.intersection(part.DESCRIPTOR.fields_by_name):
            setattr(part, name, uuid.uuid4().hex)
    return copied


def _texts(message: Any, prefix: str = "") -> Iterator[tuple[str, Callable[[Any, str], None]]]:  # noqa: ANN401 - any message
    """Name the texts of a message, each with what puts another one in its place in a copy."""
    for field in message.DESCRIPTOR.fields:
        path = f"{prefix}{field.name}"
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            for key in getattr(message, field.name):
                yield f"{path}[{key}]", _map_put(field.name, key)
            yield f"{path}{{}}", _key_put(field.name)
        elif field.is_repeated:
            yield from _entries(message, field, path)
        elif field.type == FieldDescriptor.TYPE_STRING:
            inside = field.containing_oneof
            if inside is None or message.WhichOneof(inside.name) == field.name:
                yield path, _put(field.name)
        elif field.message_type is not None and message.HasField(field.name):
            yield from _inside(field.name, None, _texts(getattr(message, field.name), f"{path}."))


def _entries(message: Any, field: Any, path: str) -> Iterator[tuple[str, Callable[[Any, str], None]]]:  # noqa: ANN401 - any message
    """Name the texts of a field with several entries."""
    for number, entry in enumerate(getattr(message, field.name)):
        if field.message_type is not None:
            yield from _inside(field.name, number, _texts(entry, f"{path}[{number}]."))
        elif field.type == FieldDescriptor.TYPE_STRING:
            yield f"{path}[{number}]", _put_at(field.name, number)


def _inside(
    name: str, number: int | None, texts: Iterator[tuple[str, Callable[[Any, str], None]]]
) -> Iterator[tuple[str, Callable[[Any, str], None]]]:
    for path, put in texts:

        def reach(message: Any, text: str, put: Callable[[Any, str], None] = put) -> None:  # noqa: ANN401 - any message
            part = getattr(message, name)
            put(part if number is None else part[number], text)

        yield path, reach


def _put(name: str) -> Callable[[Any, str], None]:
    return lambda message, text: setattr(message, name, text)


def _put_at(name: str, number: int) -> Callable[[Any, str], None]:
    return lambda message, text: getattr(message, name).__setitem__(number, text)


def _map_put(name: str, key: str) -> Callable[[Any, str], None]:
    return lambda message, text: getattr(message, name).__setitem__(key, text)


def _key_put(name: str) -> Callable[[Any, str], None]:
    return lambda message, text: getattr(message, name).__setitem__(text, "1")
