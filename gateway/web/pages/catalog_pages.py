"""Pages of regions, catalogs, items and item types."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from adapters.depth import legend, printed_depths
from adapters.words import ApplicationClass, LegalStatus, Medium
from gateway.services.public_catalog import ItemFilter, level_counts
from gateway.web.pages.ask_page import domains
from gateway.web.pages.depth_chart import charts
from gateway.web.pages.page import Page, Question, cut

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from adapters.depth import PrintedDepth
    from gateway.web.pages.page import View
    from gateway.web.pages.query import Query

ITEMS_ON_A_PAGE: Final = 100
REGIONS_ON_A_PAGE: Final = 60
TARGETS_ON_A_PAGE: Final = 24
VENUES_ON_A_PAGE: Final = 60


def read_regions(query: Query, _match: Mapping[str, str]) -> Question:
    """Read the address of the list of regions (BadQueryError)."""
    return Question.of(regions_page, page=query.number("page"))


def regions_page(view: View, *, page: int) -> Page:
    """List the regions."""
    regions = cut(tuple(view.shown.regions.values()), page, size=REGIONS_ON_A_PAGE)
    return Page(template="regions.html", values={"regions": regions})


def read_region(_query: Query, match: Mapping[str, str]) -> Question:
    """Read the address of a region."""
    return Question.of(region_page, region=match["region"])


def region_page(view: View, *, region: str) -> Page:
    """Show a region (UnknownRegionError)."""
    found = view.shown.region(region)
    values = {
        "region": found,
        "agreements": view.shown.agreements_of(region),
        "lists": view.shown.lists_of(region),
        "venues": cut(tuple(found.venues), 1, size=VENUES_ON_A_PAGE),
    }
    return Page(template="region.html", values=values)


def read_catalogs(query: Query, _match: Mapping[str, str]) -> Question:
    """Read the address of the list of catalogs (BadQueryError)."""
    return Question.of(catalogs_page, page=query.number("page"))


def catalogs_page(view: View, *, page: int) -> Page:
    """List the catalogs, the regions' own first."""
    return Page(
        template="catalogs.html", values={"lists": cut(tuple(view.shown.lists.values()), page, size=REGIONS_ON_A_PAGE)}
    )


def read_catalog(query: Query, match: Mapping[str, str]) -> Question:
    """Read which items of a catalog are wanted (BadQueryError)."""
    return Question.of(
        catalog_page,
        catalog=match["catalog"],
        application_class=query.word("class", ApplicationClass),
        medium=query.word("medium", Medium),
        legal_status=query.word("status", LegalStatus),
        on=query.day("on"),
        page=query.number("page"),
    )


def catalog_page(
    view: View,
    *,
    catalog: str,
    application_class: ApplicationClass | None,
    medium: Medium | None,
    legal_status: LegalStatus | None,
    on: date | None,
    page: int,
) -> Page:
    """List the items of a catalog, of the version that holds on a day (UnknownCatalogError, CatalogStaleError)."""
    shown = view.shown.list(catalog)
    version = view.shown.version_on(catalog, on or view.today)
    wanted = ItemFilter(application_class=application_class, medium=medium, legal_status=legal_status, on=on)
    values = {
        "catalog": catalog,
        "head": version.head,
        "version": version,
        "all": len(version.items),
        "items": cut(wanted.of(version.items), page, size=ITEMS_ON_A_PAGE),
        "wanted": wanted,
        "region": view.shown.regions.get(catalog),
        "draft": shown.draft,
        "sources": version.items.sources,
        "unfollowed": view.shown.known.unfollowed(version.head),
    }
    return Page(template="catalog.html", values=values)


def read_item(query: Query, match: Mapping[str, str]) -> Question:
    """Read the address of an item (BadQueryError)."""
    return Question.of(
        item_page, catalog=match["catalog"], item=match["item"], on=query.day("on"), page=query.number("page")
    )


def item_page(view: View, *, catalog: str, item: str, on: date | None, page: int) -> Page:
    """Show an item, and what it corresponds to elsewhere.

    Raises:
        UnknownCatalogError, UnknownItemError: it is not listed here on that day.
        CatalogStaleError: a catalog is too old to rest on.
    """
    shown, day = view.shown, on or view.today
    found = shown.item(catalog, item, on=day)
    regions = tuple(code for code in shown.list(catalog).head.regions if code in shown.regions)
    partners = tuple(code for code in shown.regions if any(shown.joined(one, code, on=day) for one in regions))
    others = (*partners, *(code for code in shown.regions if code not in {*regions, *partners}))
    targets = cut(others, page, size=TARGETS_ON_A_PAGE)
    values = {
        "item": found,
        "catalog": catalog,
        "head": shown.version_on(catalog, day).head,
        "regions": [shown.region(code) for code in regions],
        "on": day,
        "asked_on": on,
        "targets": targets,
        "equivalences": [shown.translate(catalog, item, code, on=day) for code in targets.entries],
        "partners": partners,
        "types": [(shown.taxonomy.get(r.item_type), r.relation) for r in found.relations],
        "depths": [(year, tuple(row)) for year, row in groupby(sorted(printed_depths(found), key=_year), key=_year)],
    }
    return Page(template="item.html", values=values)


def read_item_types(_query: Query, _match: Mapping[str, str]) -> Question:
    """Read the address of the taxonomy."""
    return Question.of(item_types_page)


def item_types_page(view: View) -> Page:
    """List the item types, with the number of items that touch each."""
    shown = view.shown
    counts = {node.code: sum(len(items) for _, items in shown.touching(node.code)) for node in shown.taxonomy}
    return Page(template="item_types.html", values={"domains": domains(shown.taxonomy), "counts": counts})


def read_item_type(query: Query, match: Mapping[str, str]) -> Question:
    """Read the address of an item type (BadQueryError)."""
    return Question.of(item_type_page, code=match["code"], page=query.number("page"))


def item_type_page(view: View, *, code: str, page: int) -> Page:
    """Show an item type with the items that touch it (UnknownItemTypeError)."""
    node = view.shown.taxonomy.get(code)
    touching = [
        (shown, item, relation.relation)
        for shown, items in view.shown.touching(code)
        for item in items
        for relation in item.relations
        if relation.item_type == code
    ]
    values = {"node": node, "touching": cut(touching, page, size=ITEMS_ON_A_PAGE)}
    return Page(template="item_type.html", values=values)


def read_depth(query: Query, _match: Mapping[str, str]) -> Question:
    """Read of which region the depths are wanted (BadQueryError)."""
    return Question.of(depth_page, region=query.name("region"))


def depth_page(view: View, *, region: str) -> Page:
    """Show how deep the card is used, by class and year; of the first region with depths unless one is named.

    UnknownRegionError where the region is not shown here.
    """
    shown = view.shown
    printed = tuple(code for code, found in shown.regions.items() if any(item.depths for item in found.catalog))
    chosen = region or next(iter(printed), "")
    found = shown.region(chosen) if chosen else None
    counts = level_counts(found.catalog.items) if found else ()
    known = legend()
    values = {
        "region": found,
        "printed": printed,
        "counts": counts,
        "charts": charts(counts),
        "legend": [(c, known.criteria(c)) for c in ApplicationClass],
        "legend_source": f"{known.source} {known.article}",
    }
    return Page(template="depth.html", values=values)


def _year(depth: PrintedDepth) -> int:
    return depth.year
