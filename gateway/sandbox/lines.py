"""grpcurl lines against the sandbox, to be pasted as they stand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from adapters.registry import load_vectors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.sandbox.layout import Layout


def grpcurl(layout: Layout, region: str, method: str, request: Mapping[str, object], *, language: str = "") -> str:
    """Write a grpcurl line to a region's gateway as that region's own platform."""
    site = next(site for site in layout.sites if site.region == region)
    spoken = f" -H 'accept-language: {language}'" if language else ""
    return (
        f"grpcurl {grpcurl_options(layout, region)}{spoken}"
        f" -d '{json.dumps(request, ensure_ascii=False)}' {site.grpc} onecard.gateway.v1.{method}"
    )


def grpcurl_options(layout: Layout, region: str) -> str:
    """Write the options of grpcurl that prove who asks: a region's own platform."""
    token = f".venv/bin/onecard token {region}{_folder_option(layout)}"
    return f'-cacert {layout.ca} -H "authorization: Bearer $({token})"'


def _folder_option(layout: Layout) -> str:
    return "" if str(layout.folder) == ".sandbox" else f" --folder {layout.folder}"


def credential(region: str, vector: str) -> dict[str, object]:
    """Give the card-number credential of a fictitious cardholder, by the id of its vector."""
    vectors = {v["id"]: v["canonical"] for v in json.loads(load_vectors(region))["round_trips"]}
    found = vectors[vector]
    return {
        "cardNumber": {
            "cardNumber": found["card"]["number"],
            "socialSecurityNumber": found["holder"]["social_security_number"],
        }
    }


def grpcurl_lines(layout: Layout) -> list[tuple[str, str]]:
    """Give the lines that the sandbox prints when it is ready."""
    verify = {
        "requestId": "paste-1",
        "homeRegion": "chongqing",
        "credential": credential("chongqing", "active"),
        "medium": "MEDIUM_PHYSICAL",
        "visitedItem": "SC-13",
        "purpose": "PURPOSE_SERVICE_ACCESS",
    }
    lost = {**verify, "requestId": "paste-2", "credential": credential("chongqing", "lost_formal")}
    item = {"name": "regions/guangdong/items/GD-07", "targetRegion": "chongqing"}
    return [
        (
            "Sichuan verifies a Chongqing card for library entry",
            grpcurl(layout, "sichuan", "IdentityService/VerifyCard", verify, language="en"),
        ),
        (
            "a card that was reported lost",
            grpcurl(layout, "sichuan", "IdentityService/VerifyCard", lost, language="en"),
        ),
        (
            "Guangdong's ferry has no equal in Chongqing",
            grpcurl(layout, "guangdong", "CatalogService/TranslateApplicationItem", item),
        ),
        ("which regions this gateway knows", grpcurl(layout, "sichuan", "RegionService/ListRegions", {})),
    ]
