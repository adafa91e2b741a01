"""Pages of what regions have with each other: agreements, and two catalogs side by side. And the search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from adapters.canonical import FIELD_PATHS
from adapters.errors import UnknownItemError
from adapters.words import Relation
from gateway.services.catalog_search import Kind
from gateway.web.pages.page import Page, Question, cut

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from adapters.canonical import ApplicationItem
    from adapters.taxonomy import ItemType
    from gateway.services.catalog_search import Hit
    from gateway.services.public_catalog import PublicCatalog
    from gateway.services.shown_lists import ShownList, ShownRegion
    from gateway.web.pages.page import View
    from gateway.web.pages.query import Query

PAIRS_ON_A_PAGE: Final = 50
HITS_ON_A_PAGE: Final = 50


def read_agreements(_query: Query, _match: Mapping[str, str]) -> Question:
    """Read the address of the list of agreements."""
    return Question.of(agreements_page)


def agreements_page(_view: View) -> Page:
    """List the agreements."""
    return Page(template="agreements.html", values={})


def read_agreement(_query: Query, match: Mapping[str, str]) -> Question:
    """Read the address of an agreement."""
    return Question.of(agreement_page, agreement=match["agreement"])


def agreement_page(view: View, *, agreement: str) -> Page:
    """Show an agreement (UnknownItemError where there is none of this id)."""
    found = view.shown.agreement(agreement)
    if found is None:
        raise UnknownItemError
    types = [(pattern, view.shown.taxonomy.matches(pattern)) for pattern in found.item_types]
    fields = [path for path in FIELD_PATHS if path in found.fields]
    return Page(template="agreement.html", values={"agreement": found, "types": types, "fields": fields})


def read_compare(query: Query, _match: Mapping[str, str]) -> Question:
    """Read which two regions are compared (BadQueryError)."""
    return Question.of(
        compare_page, one=query.name("one"), other=query.name("other"), on=query.day("on"), page=query.number("page")
    )


def compare_page(view: View, *, one: str, other: str, on: date | None, page: int) -> Page:
    """Set the items of one region beside what they correspond to in another (UnknownRegionError, CatalogStaleError)."""
    shown, day = view.shown, on or view.today
    first = shown.region(one) if one else None
    second = shown.region(other) if other else None
    values: dict[str, object] = {"one": first, "other": second, "on": day, "asked_on": on, "pairs": None}
    if first is None or second is None or first is second:
        return Page(template="compare.html", values=values)
    items, others = (shown.version_on(region.code, day).items for region in (first, second))
    found = [shown.translate(one, item.item, other, on=day) for item in items]
    matched = {item.item.item for equivalence in found for item in equivalence.items}
    values |= {
        "pairs": cut(found, page, size=PAIRS_ON_A_PAGE),
        "tally": {relation: sum(e.relation is relation for e in found) for relation in Relation},
        "unmatched": cut([item for item in others if item.item not in matched], 1, size=PAIRS_ON_A_PAGE),
        "agreement": shown.joined(one, other, on=day),
        "joint": shown.joint_lists(one, other),
    }
    return Page(template="compare.html", values=values)


@dataclass(frozen=True, slots=True)
class ShownHit:
    """What was found, with what is shown of it: a region, an item type, or an item with its catalog."""

    kind: Kind
    region: ShownRegion | None = None
    catalog: ShownList | None = None
    item: ApplicationItem | None = None
    item_type: ItemType | None = None


def read_search(query: Query, _match: Mapping[str, str]) -> Question:
    """Read what is searched for (BadQueryError)."""
    return Question.of(search_page, q=query.words("q"), page=query.number("page"))


def search_page(view: View, *, q: str, page: int) -> Page:
    """Show what was found."""
    found = view.index().find(q)
    hits = cut(found.hits, page, size=HITS_ON_A_PAGE)
    shown = [_shown(view.shown, hit) for hit in found.hits[(page - 1) * HITS_ON_A_PAGE : page * HITS_ON_A_PAGE]]
    return Page(template="search.html", values={"q": q, "hits": hits, "found": shown, "cut": found.cut})


def _shown(shown: PublicCatalog, hit: Hit) -> ShownHit:
    if hit.kind is Kind.REGION:
        return ShownHit(hit.kind, region=shown.region(hit.code))
    if hit.kind is Kind.ITEM_TYPE:
        return ShownHit(hit.kind, item_type=shown.taxonomy.get(hit.code))
    catalog = shown.list(hit.catalog)
    return ShownHit(hit.kind, catalog=catalog, item=catalog.items.get(hit.code))
