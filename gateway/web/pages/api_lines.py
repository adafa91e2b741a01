"""grpcurl lines that ask a gateway what the pages show, made of what is shown; to be pasted as they stand."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.services.public_catalog import PublicCatalog

_PACKAGE: Final = "onecard.gateway.v1"
_PAGE_SIZE: Final = 50


@dataclass(frozen=True, slots=True)
class ApiLine:
    """A line: the key of the text that says what it does, its method, its request, and the line itself."""

    title: str
    method: str
    request: str
    command: str


def api_lines(shown: PublicCatalog, homes: Sequence[str], *, address: str, options: str) -> tuple[ApiLine, ...]:
    """Write the lines for the first home region of a node and a region that it has an agreement with, or any other."""
    home = next((code for code in homes if code in shown.regions), next(iter(shown.regions), ""))
    joined = (code for agreement in shown.agreements_of(home) for code in agreement.regions)
    other = next((code for code in (*joined, *shown.regions) if code != home and code in shown.regions), home)
    item = next(iter(shown.region(home).catalog.items), None) if home else None
    asks: list[tuple[str, str, Mapping[str, object]]] = [
        ("api_list_regions", f"{_PACKAGE}.RegionService/ListRegions", {}),
        ("api_list_catalogs", f"{_PACKAGE}.CatalogService/ListCatalogs", {}),
        ("api_health", "grpc.health.v1.Health/Check", {"service": f"{_PACKAGE}.CatalogService"}),
    ]
    if item is not None:
        name = f"regions/{home}/items/{item.item}"
        service = f"{_PACKAGE}.CatalogService"
        asks[2:2] = [
            (
                "api_list_items",
                f"{service}/ListApplicationItems",
                {"parent": f"regions/{home}", "pageSize": _PAGE_SIZE},
            ),
            ("api_get_item", f"{service}/GetApplicationItem", {"name": name}),
            ("api_translate", f"{service}/TranslateApplicationItem", {"name": name, "targetRegion": other}),
        ]
    return tuple(_line(title, method, request, address=address, options=options) for title, method, request in asks)


def _line(title: str, method: str, request: Mapping[str, object], *, address: str, options: str) -> ApiLine:
    text = json.dumps(request, ensure_ascii=False)
    parts = ("grpcurl", options, "-d", shlex.quote(text), address, method)
    return ApiLine(title, method, text, " ".join(part for part in parts if part))
