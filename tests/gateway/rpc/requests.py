"""Good requests of every method, from which a test takes something away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onecard.gateway.v1 import card_pb2, catalog_rules_pb2
from onecard.gateway.v1 import catalog_publication_service_pb2 as publication
from onecard.gateway.v1 import catalog_rules_service_pb2 as rules
from onecard.gateway.v1 import catalog_service_pb2 as catalog
from onecard.gateway.v1 import identity_service_pb2 as identity
from onecard.gateway.v1 import recognition_service_pb2 as recognition
from onecard.gateway.v1 import region_service_pb2 as region
from tests.fakes.regions import REGISTRY, record
from trust.party_signature import canonical_digest

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


def _chongqing_version() -> str:
    """Name the version of Chongqing's list that ships."""
    return f"catalogs/chongqing/versions/{canonical_digest(REGISTRY.documents['chongqing'].plain())}"


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
        "CatalogService/ExplainEquivalence": catalog.ExplainEquivalenceRequest(
            name="regions/chongqing/items/CQ-31", target_region="sichuan"
        ),
        "CatalogService/ListEffectiveItems": catalog.ListEffectiveItemsRequest(parent="regions/chongqing"),
        "CatalogRulesService/ComputeDepth": rules.ComputeDepthRequest(
            application_class=card_pb2.APPLICATION_CLASS_IDENTITY,
            measure=catalog_rules_pb2.DepthMeasure(share=catalog_rules_pb2.Share(supported=1, total=2)),
        ),
        "CatalogRulesService/ListDepths": rules.ListDepthsRequest(parent="regions/chongqing"),
        "CatalogRulesService/CheckCardIssuance": rules.CheckCardIssuanceRequest(
            parent="regions/chongqing", kind=catalog_rules_pb2.INSTRUMENT_KIND_CARD, item_types=["CUL.MUSEUM"]
        ),
        "CatalogRulesService/ListVenues": rules.ListVenuesRequest(parent="regions/chongqing"),
        "CatalogRulesService/GetCardRules": rules.GetCardRulesRequest(name="regions/chongqing/cardRules"),
        "CatalogPublicationService/ListCatalogVersions": publication.ListCatalogVersionsRequest(parent="catalogs/-"),
        "CatalogPublicationService/GetSignedCatalog": publication.GetSignedCatalogRequest(name="catalogs/chongqing"),
        "CatalogPublicationService/PublishCatalog": publication.PublishCatalogRequest(document=b"{}", dry_run=True),
        "CatalogPublicationService/FoldProposal": publication.FoldProposalRequest(
            name="catalogs/sichuan-chongqing", proposal="two-districts", division_codes=["500153", "510500"], items="x"
        ),
        "CatalogPublicationService/DiffCatalogs": publication.DiffCatalogsRequest(
            before=_chongqing_version(), after=_chongqing_version()
        ),
        "IdentityService/VerifyCard": verify(),
        "IdentityService/BatchVerifyCards": identity.BatchVerifyCardsRequest(entries=[verify(request_id="b-1")]),
        "IdentityService/TranslateIdentity": translate(),
        "IdentityService/BatchTranslateIdentities": identity.BatchTranslateIdentitiesRequest(entries=[translate()]),
        "RecognitionService/IssueRecognition": issue(),
        "RecognitionService/VerifyRecognition": recognition.VerifyRecognitionRequest(recognition="x"),
        "RecognitionService/RevokeRecognition": recognition.RevokeRecognitionRequest(token_id="x"),
    }
