"""Good requests of every method, from which a test takes something away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onecard.gateway.v1 import card_pb2
from onecard.gateway.v1 import catalog_service_pb2 as catalog
from onecard.gateway.v1 import identity_service_pb2 as identity
from onecard.gateway.v1 import recognition_service_pb2 as recognition
from onecard.gateway.v1 import region_service_pb2 as region
from tests.fakes.regions import record

if TYPE_CHECKING:
    from google.protobuf.message import Message


def verify(case: str = "active", **changes: Any) -> identity.VerifyCardRequest:  # noqa: ANN401 - any field
    """Ask about a card of Chongqing for the museums of Sichuan."""
    told = record("chongqing", case)
    fields: dict[str, Any] = {
        "request_id": "request-1",
        "home_region": "chongqing",
        "credential": {"card_number": {"card_number": told["aaz500"], "social_security_number": told["aac002"]}},
        "medium": card_pb2.MEDIUM_PHYSICAL,
        "visited_item": "SC-15",
        "purpose": card_pb2.PURPOSE_SERVICE_ACCESS,
        **changes,
    }
    return identity.VerifyCardRequest(**fields)


def issue(**changes: Any) -> recognition.IssueRecognitionRequest:  # noqa: ANN401 - any field
    """Ask for a recognition of the same card, to be handed over in Sichuan."""
    same = verify()
    fields: dict[str, Any] = {
        "request_id": same.request_id,
        "visited_region": "sichuan",
        "credential": same.credential,
        "medium": same.medium,
        "visited_item": same.visited_item,
        "purpose": same.purpose,
        **changes,
    }
    return recognition.IssueRecognitionRequest(**fields)


def translate(**changes: Any) -> identity.TranslateIdentityRequest:  # noqa: ANN401 - any field
    """Ask for a card of Chongqing in Sichuan's form."""
    fields: dict[str, Any] = {
        "source": {"region": "chongqing", "fields": record("chongqing")},
        "target_region": "sichuan",
        **changes,
    }
    return identity.TranslateIdentityRequest(**fields)


def good_requests() -> dict[str, Message]:
    """Give a good request of every method, by service and method."""
    return {
        "RegionService/GetRegion": region.GetRegionRequest(name="regions/chongqing"),
        "RegionService/ListRegions": region.ListRegionsRequest(),
        "CatalogService/ListCatalogs": catalog.ListCatalogsRequest(),
        "CatalogService/GetCatalog": catalog.GetCatalogRequest(name="regions/chongqing/catalog"),
        "CatalogService/ListApplicationItems": catalog.ListApplicationItemsRequest(parent="regions/chongqing"),
        "CatalogService/GetApplicationItem": catalog.GetApplicationItemRequest(name="regions/chongqing/items/CQ-31"),
        "CatalogService/TranslateApplicationItem": catalog.TranslateApplicationItemRequest(
            name="regions/chongqing/items/CQ-31", target_region="sichuan"
        ),
        "IdentityService/VerifyCard": verify(),
        "IdentityService/BatchVerifyCards": identity.BatchVerifyCardsRequest(entries=[verify(request_id="b-1")]),
        "IdentityService/TranslateIdentity": translate(),
        "IdentityService/BatchTranslateIdentities": identity.BatchTranslateIdentitiesRequest(entries=[translate()]),
        "RecognitionService/IssueRecognition": issue(),
        "RecognitionService/VerifyRecognition": recognition.VerifyRecognitionRequest(recognition="x"),
        "RecognitionService/RevokeRecognition": recognition.RevokeRecognitionRequest(token_id="x"),
    }
