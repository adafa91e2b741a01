"""Requests about the fictitious cardholders of the regions' vectors."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from adapters.registry import load_vectors
from onecard.gateway.v1 import card_pb2, identity_service_pb2, recognition_service_pb2

FREE_ITEMS = {
    "chongqing": "CQ-31",
    "sichuan": "SC-13",
}


@cache
def vectors(region: str) -> dict[str, dict[str, Any]]:
    """Give a region's round trips by their ids: `record` as the region writes it, `canonical` in neutral words."""
    return {vector["id"]: vector for vector in json.loads(load_vectors(region))["round_trips"]}


def credential(region: str, vector: str = "active") -> identity_service_pb2.Credential:
    """Make the card-number credential of a cardholder."""
    told = vectors(region)[vector]["canonical"]
    return identity_service_pb2.Credential(
        card_number=identity_service_pb2.CardNumberCredential(
            card_number=told["card"]["number"], social_security_number=told["holder"]["social_security_number"]
        )
    )


def verify_request(
    home: str,
    item: str,
    *,
    request_id: str,
    vector: str = "active",
    shown: identity_service_pb2.Credential | None = None,
    purpose: card_pb2.Purpose.ValueType = card_pb2.PURPOSE_SERVICE_ACCESS,
    consent: str = "",
    medium: card_pb2.Medium.ValueType = card_pb2.MEDIUM_PHYSICAL,
) -> identity_service_pb2.VerifyCardRequest:
    """Ask about a card of a home region for an item of the caller's region."""
    return identity_service_pb2.VerifyCardRequest(
        request_id=request_id,
        home_region=home,
        credential=shown or credential(home, vector),
        medium=medium,
        visited_item=item,
        purpose=purpose,
        consent_reference=consent,
    )


def issue_request(
    home: str, visited: str, item: str, *, request_id: str, vector: str = "active"
) -> recognition_service_pb2.IssueRecognitionRequest:
    """Ask the home region's gateway for a recognition to hand over."""
    return recognition_service_pb2.IssueRecognitionRequest(
        request_id=request_id,
        visited_region=visited,
        credential=credential(home, vector),
        medium=card_pb2.MEDIUM_PHYSICAL,
        visited_item=item,
        purpose=card_pb2.PURPOSE_SERVICE_ACCESS,
    )


def translate_request(
    source: str, target: str, vector: str = "active"
) -> identity_service_pb2.TranslateIdentityRequest:
    """Ask for a cardholder's record in another region's form."""
    return identity_service_pb2.TranslateIdentityRequest(
        source=card_pb2.RegionalIdentity(region=source, fields=vectors(source)[vector]["record"]),
        target_region=target,
        include_text=True,
        include_canonical=True,
    )
