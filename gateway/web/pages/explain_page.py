"""Why an item corresponds to what it does in another region: facet by facet, each clause with the facet it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adapters.pair_explanation import explain_pair
from gateway.services.explain_equivalence import minimal_sets
from gateway.web.pages.page import Page, Question, cut

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from gateway.web.pages.page import View
    from gateway.web.pages.query import Query

PAIRS_ON_A_PAGE: Final = 20


def read_explain(query: Query, match: Mapping[str, str]) -> Question:
    """Read what is to be explained (BadQueryError)."""
    return Question.of(
        explain_page,
        catalog=match["catalog"],
        item=match["item"],
        region=match["region"],
        on=query.day("on"),
        page=query.number("page"),
    )


def explain_page(view: View, *, catalog: str, item: str, region: str, on: date | None, page: int) -> Page:
    """Explain what an item corresponds to in another region on a day.

    Raises:
        UnknownCatalogError, UnknownRegionError, UnknownItemError: it is not shown here.
        CatalogStaleError: a catalog is too old to rest on.
    """
    shown, day = view.shown, on or view.today
    head = shown.list(catalog).head
    found = shown.translate(catalog, item, region, on=day)
    by_id = {one.item.item: one.item for one in found.items}
    pairs = cut(found.items, page, size=PAIRS_ON_A_PAGE)
    values = {
        "catalog": catalog,
        "head": head,
        "region": shown.region(region),
        "found": found,
        "pairs": pairs,
        "explained": [explain_pair(found.source, one.item, shown.taxonomy, on=day) for one in pairs.entries],
        "sets": [[by_id[one] for one in together] for together in minimal_sets(found)],
        "on": day,
        "asked_on": on,
    }
    return Page(template="explain.html", values=values)
