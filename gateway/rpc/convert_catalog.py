"""Catalog values as messages of the contract. The values never change, so dear messages are made once and kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.words import Layer, LegalStatus, Relation, Requirement, VenueSet
from gateway.rpc.convert import CLASS, MEDIUM, enum_numbers, reversed_numbers
from onecard.gateway.v1 import catalog_pb2, region_pb2

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from adapters.canonical import ApplicationItem, LocalizedText
    from adapters.equivalence import Equivalence
    from gateway.services.catalog_version import Version

RELATION = enum_numbers(Relation, catalog_pb2.Relation, "RELATION")
LAYER = enum_numbers(Layer, catalog_pb2.Layer, "LAYER")
LAYER_WORD = reversed_numbers(LAYER)
LEGAL_STATUS = enum_numbers(LegalStatus, catalog_pb2.LegalStatus, "LEGAL_STATUS")
REQUIREMENT = {
    Requirement.UNSTATED: catalog_pb2.REQUIREMENT_UNSPECIFIED,
    Requirement.REQUIRED: catalog_pb2.REQUIREMENT_REQUIRED,
    Requirement.OPTIONAL: catalog_pb2.REQUIREMENT_OPTIONAL,
}
VENUE_SET = {
    word: catalog_pb2.VenueSet.Value(f"VENUE_SET_{'UNSPECIFIED' if word is VenueSet.UNSTATED else word.name}")
    for word in VenueSet
}
LEGAL_STATUS_WORD = reversed_numbers(LEGAL_STATUS)


def text_message(text: LocalizedText) -> region_pb2.LocalizedText:
    """Make a text in four languages."""
    return region_pb2.LocalizedText(zh_hans=text.zh_hans, zh_hant=text.zh_hant, en=text.en, pt=text.pt)


def item_name(item: ApplicationItem, item_id: str = "") -> str:
    """Give the resource name of an item, or of another one of the same list."""
    holder = f"catalogs/{item.catalog}" if item.catalog else f"regions/{item.region}"
    return f"{holder}/items/{item_id or item.item}"


def item_message(item: ApplicationItem, *, on: date | None = None) -> catalog_pb2.ApplicationItem:
    """Make an item; on no day it is not in force."""
    message = catalog_pb2.ApplicationItem(
        name=item_name(item),
        region="" if item.catalog == item.region else item.region,
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
        requirement=REQUIREMENT[item.requirement],
        venue_set=VENUE_SET[item.venue_set],
        overrides=item.overrides,
        catalog=f"catalogs/{item.catalog or item.region}",
        in_force=on is not None and item.in_force(on),
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


def catalog_message(version: Version, *, holds: bool, unfollowed: Sequence[str]) -> catalog_pb2.Catalog:
    """Make a catalog without its items, as one version of it says."""
    head, items = version.head, version.items
    own = head.catalog in head.regions
    return catalog_pb2.Catalog(
        name=f"regions/{head.catalog}/catalog" if own else f"catalogs/{head.catalog}",
        region=head.regions[0] if len(head.regions) == 1 else "",
        version=items.version,
        item_count=len(items),
        legal_sources=items.sources,
        legal_status=LEGAL_STATUS[items.legal_status],
        synthetic=items.synthetic,
        catalog=f"catalogs/{head.catalog}",
        title=text_message(head.name),
        layer=LAYER[head.layer],
        regions=head.regions,
        division_code=head.division,
        extends=f"catalogs/{head.extends}" if head.extends else "",
        published_version=f"catalogs/{head.catalog}/versions/{version.digest}",
        effective_from=head.effective_from.isoformat() if head.effective_from else "",
        effective_to=head.effective_to.isoformat() if head.effective_to else "",
        holds=holds,
        not_followed_regions=unfollowed,
    )


def equivalence_message(
    equivalence: Equivalence, regional_fields: dict[str, str], *, on: date
) -> catalog_pb2.Equivalence:
    """Make the answer to what an item corresponds to on a day."""
    message = catalog_pb2.Equivalence(
        source=item_message(equivalence.source, on=on),
        target_region=equivalence.target_region,
        relation=RELATION[equivalence.relation],
        complete_set=equivalence.complete_set,
        uncovered_item_types=equivalence.uncovered_item_types,
        explanation=text_message(equivalence.explanation),
        regional_fields=regional_fields,
    )
    for found in equivalence.items:
        message.items.add(
            item=item_message(found.item, on=on),
            relation=RELATION[found.relation],
            shared_item_types=found.shared_item_types,
            lost=found.lost,
            beyond=found.beyond,
        )
    return message
