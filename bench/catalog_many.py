"""Many published catalogs, as they lie in the folder of a gateway: city lists made of all items that ship."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from adapters.catalog_document import CatalogHead, read_rows
from adapters.catalog_rows import write_row
from adapters.manifest import Words
from adapters.words import Layer, LegalStatus
from bench.process import BenchError
from gateway.federation.catalog_shelf import FileCatalogs
from trust.party_signature import canonical_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.catalog_document import CatalogDocument
    from adapters.registry import Registry

    Row = dict[str, str]

CATALOGS = 500
ITEMS = 200
"""Catalogs, and items of each: 100,000 items in all."""

_FIRST_DAY = "2024-01-01"
_LIFE = 4_000_000_000
_SIGNATURE = "x" * 400  # as long as one is; who reads a folder of its own does not verify again


def rows_of(registry: Registry, first: int, number: int) -> list[Row]:
    """Make rows of a city list out of the items that ship, with names, contents and identifiers of their own."""
    models = [write_row(item) for document in registry.documents.values() for item in document.items]
    chosen = itertools.islice(itertools.cycle(models), first, first + number)
    return [_row(model, first, place) for place, model in enumerate(chosen, start=1)]


def _row(model: Row, first: int, place: int) -> Row:
    named = {name: f"{text} {first}" for name, text in model.items() if name.startswith("name_")}
    return {
        **model,
        **named,
        "item_id": f"XX-{place:04}",
        "content": f"{model['content']} {first}.{place}",
        "layer": Layer.CITY.value,
        "legal_status": LegalStatus.IN_FORCE.value,
        "effective_from": _FIRST_DAY,
        "effective_to": "",
        "overrides": "",
        "article": f"附件第{place}行",
    }


def head_of(registry: Registry, number: int) -> CatalogHead:
    """Make the head of a city list of one of the regions."""
    region = registry.regions[number % len(registry.regions)]
    name = f"{region}-{number:03}"
    province = registry.get(region).manifest.division_code[:2]
    return CatalogHead.model_validate(
        {
            "catalog": name,
            "title": Words.model_validate(dict.fromkeys(("zh-Hans", "zh-Hant", "en", "pt"), name)),
            "layer": Layer.CITY,
            "regions": (region,),
            "division": f"{province}{number % 90 + 10}00",
            "extends": region,
            "legal_status": LegalStatus.IN_FORCE,
            "effective_from": _FIRST_DAY,
            "valid_until": _LIFE,
            "synthetic": True,
        }
    )


def lay_down(folder: Path, registry: Registry) -> None:
    """Write the catalogs as a gateway keeps them (BenchError where one has a fault)."""
    shelf = FileCatalogs(folder, registry.taxonomy)
    for number in range(CATALOGS):
        document = _document(registry, number)
        signed_by = frozenset(document.head.regions)
        shelf.keep(document, canonical_bytes(document.plain()), signatures=(_SIGNATURE,), signed_by=signed_by)


def _document(registry: Registry, number: int) -> CatalogDocument:
    head = head_of(registry, number)
    document, faults = read_rows(head.catalog, head, rows_of(registry, number, ITEMS), registry.taxonomy)
    if faults:
        raise BenchError(f"{head.catalog}: {faults[0]}")
    return document
