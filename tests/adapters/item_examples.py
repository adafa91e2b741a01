"""Application items made up for tests, and the catalogs that are shipped."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

from adapters.canonical import ApplicationItem, ItemTypeRelation, LocalizedText
from adapters.catalog import Catalog, load_catalog
from adapters.equivalence import Equivalence, translate_item
from adapters.taxonomy import Taxonomy
from adapters.words import ApplicationClass, Layer, LegalStatus, Medium, Relation

ADAPTERS = Path(__file__).resolve().parents[2] / "adapters"
TAXONOMY = Taxonomy.from_csv((ADAPTERS / "taxonomy.csv").read_text("utf-8"))
REGIONS = {
    path.parent.name: load_catalog(path.parent.name, path.read_text("utf-8"), TAXONOMY)
    for path in sorted(ADAPTERS.glob("*/catalog.csv"))
}
TODAY = date(2026, 1, 1)


def item(item_id: str, relations: str, *, region: str = "there", residue: str = "") -> ApplicationItem:
    """Make an item in force; `relations` as in a catalog's CSV."""
    entries = [entry.split(":") for entry in relations.split(";") if entry]
    return ApplicationItem(
        region=region,
        item=item_id,
        name=LocalizedText(f"{item_id}简", f"{item_id}繁", f"{item_id} en", f"{item_id} pt"),
        unit="",
        co_units="",
        content="",
        classes=(ApplicationClass.IDENTITY, ApplicationClass.PAYMENT),
        media=(Medium.PHYSICAL, Medium.ELECTRONIC),
        relations=tuple(ItemTypeRelation(code, Relation(word)) for code, word in entries),
        residue=residue,
        depths=(),
        depth_note="",
        layer=Layer.PROVINCE,
        legal_status=LegalStatus.IN_FORCE,
        effective_from=date(2025, 1, 1),
        effective_to=None,
        source="示例",
        article="",
        synthetic=True,
        sensitive=False,
        one_time=False,
        note="",
    )


def source(relations: str, residue: str = "") -> ApplicationItem:
    """Make the item asked about."""
    return item("SR-01", relations, region="here", residue=residue)


def draft(of: ApplicationItem) -> ApplicationItem:
    """Make the same item a draft."""
    return replace(of, legal_status=LegalStatus.DRAFT, effective_from=None)


def translate(asked: ApplicationItem, *targets: ApplicationItem, on: date = TODAY) -> Equivalence:
    """Translate into a catalog of just these items."""
    return translate_item(asked, Catalog("there", targets), TAXONOMY, on=on)
