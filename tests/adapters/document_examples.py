"""Documents made up for tests: a province, a city below it, a joint list of two provinces."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from adapters.catalog_document import CatalogDocument, CatalogHead, make_document
from adapters.layers import Surroundings
from adapters.words import Layer, Requirement
from tests.adapters.item_examples import item

if TYPE_CHECKING:
    from adapters.canonical import ApplicationItem
    from adapters.card_rules import CardRules

DIGEST = "A" * 43
TITLE = {"zh-Hans": "示例", "zh-Hant": "示例", "en": "Example", "pt": "Exemplo"}
DIVISIONS = {"here": "510000", "there": "500000"}
BEGUN = date(2025, 1, 1)


def head(**changes: Any) -> CatalogHead:  # noqa: ANN401 - any key of a head
    """Make the head of a province's list, with changes."""
    plain: dict[str, Any] = {
        "catalog": "here",
        "title": TITLE,
        "layer": "province",
        "regions": ["here"],
        "legal_status": "in_force",
        "effective_from": BEGUN,
        "synthetic": True,
    }
    return CatalogHead.model_validate({**plain, **changes})


def listed(item_id: str, relations: str, *, layer: Layer = Layer.PROVINCE, **changes: Any) -> ApplicationItem:  # noqa: ANN401 - any field
    """Make an item of a layer, with changes."""
    return replace(item(item_id, relations), layer=layer, **changes)


def demanded(item_id: str, relations: str, **changes: Any) -> ApplicationItem:  # noqa: ANN401 - any field
    """Make an item that its text demands."""
    return listed(item_id, relations, requirement=Requirement.REQUIRED, **changes)


def province(*items: ApplicationItem, **changes: Any) -> CatalogDocument:  # noqa: ANN401 - any key of a head
    """Make a province's document."""
    return make_document(head(**changes), items)


def city(*items: ApplicationItem, **changes: Any) -> CatalogDocument:  # noqa: ANN401 - any key of a head
    """Make the document of a city below the province."""
    told = {"catalog": "here-city", "layer": "city", "division": "510100", "extends": "here", **changes}
    return make_document(head(**told), [replace(one, layer=Layer.CITY) for one in items])


def joint(*items: ApplicationItem, **changes: Any) -> CatalogDocument:  # noqa: ANN401 - any key of a head
    """Make the joint document of two provinces."""
    told = {"catalog": "here-there", "layer": "joint", "regions": ["here", "there"], **changes}
    return make_document(head(**told), [replace(one, layer=Layer.JOINT) for one in items])


def around(*documents: CatalogDocument, **rules: CardRules) -> Surroundings:
    """Give what a document is checked against."""
    return Surroundings({d.head.catalog: d for d in documents}, DIVISIONS, rules)
