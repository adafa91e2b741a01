"""Catalog values as messages of the contract. The values never change, so dear messages are made once and kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.words import Layer, LegalStatus, Relation
from gateway.rpc.convert import CLASS, MEDIUM, enum_numbers, reversed_numbers
from onecard.gateway.v1 import catalog_pb2, region_pb2

if TYPE_CHECKING:
    from adapters.canonical import ApplicationItem, LocalizedText
    from adapters.catalog import Catalog
    from adapters.equivalence import Equivalence

RELATION = enum_numbers(Relation, catalog_pb2.Relation, "RELATION")
LAYER = enum_numbers(Layer, catalog_pb2.Layer, "LAYER")
LAYER_WORD = reversed_numbers(LAYER)
LEGAL_STATUS = enum_numbers(LegalStatus, catalog_pb2.LegalStatus, "LEGAL_STATUS")
LEGAL_STATUS_WORD = reversed_numbers(LEGAL_STATUS)


def text_message(text: LocalizedText) -> region_pb2.LocalizedText:
    """Make a text in four languages."""
    return region_pb2.LocalizedText(zh_hans=text.zh_hans, zh_hant=text.zh_hant, en=text.en, pt=text.pt)


def item_message(item: ApplicationItem) -> catalog_pb2.ApplicationItem:
    """Make an item."""
    message = catalog_pb2.ApplicationItem(
        name=f"regions/{item.region}/items/{item.item}",
        region=item.region,
        item=item.item,
        display_name=text_message(item.name),
        content=item.content,
        responsible_unit=item.unit,
        cooperating_units=item.co_units,
        classes=[CLASS[c] for c in item.classes],
        media=[MEDIUM[m] for m in item.media],
        residue=item.residue,
        depth_note=item.depth_note,
        layer=LAYER[item.layer],
        legal_status=LEGAL_STATUS[item.legal_status],
        effective_from=item.effective_from.isoformat() if item.effective_from else "",
        effective_to=item.effective_to.isoformat() if item.effective_to else "",
        legal_source=item.source,
        article=item.article,
        synthetic=item.synthetic,
        sensitive=item.sensitive,
        one_time=item.one_time,
        note=item.note,
    )
    for relation in item.relations:
        message.item_types.add(item_type=relation.item_type, relation=RELATION[relation.relation])
    for depth in item.depths:
        message.depths.add(
            year=depth.year,
            application_class=CLASS[depth.application_class],
            printed=depth.printed,
            level=depth.level or 0,
        )
    return message


def catalog_message(catalog: Catalog) -> catalog_pb2.Catalog:
    """Make a catalog without its items."""
    return catalog_pb2.Catalog(
        name=f"regions/{catalog.region}/catalog",
        region=catalog.region,
        version=catalog.version,
        item_count=len(catalog),
        legal_sources=catalog.sources,
        legal_status=LEGAL_STATUS[catalog.legal_status],
        synthetic=catalog.synthetic,
    )


def equivalence_message(equivalence: Equivalence, regional_fields: dict[str, str]) -> catalog_pb2.Equivalence:
    """Make the answer to what an item corresponds to."""
    message = catalog_pb2.Equivalence(
        source=item_message(equivalence.source),
        target_region=equivalence.target_region,
        relation=RELATION[equivalence.relation],
        complete_set=equivalence.complete_set,
        uncovered_item_types=equivalence.uncovered_item_types,
        explanation=text_message(equivalence.explanation),
        regional_fields=regional_fields,
    )
    for found in equivalence.items:
        message.items.add(
            item=item_message(found.item),
            relation=RELATION[found.relation],
            shared_item_types=found.shared_item_types,
            lost=found.lost,
            beyond=found.beyond,
        )
    return message
