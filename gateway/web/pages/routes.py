"""Every page of the site and where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.web.pages import ask_page, catalog_pages, explain_page, node_pages, relation_pages, version_pages
from gateway.web.pages.feed_page import FeedPage
from gateway.web.pages.page import Route

if TYPE_CHECKING:
    from gateway.web.pages.node_facts import NodeFacts


def routes(facts: NodeFacts) -> tuple[Route, ...]:
    """Give all routes, of which `facts` fills those that tell of the node itself."""
    node = node_pages.NodePages(facts)
    return (
        Route("", ask_page.read_entrance),
        Route("ask", ask_page.read_ask),
        Route("regions", catalog_pages.read_regions),
        Route("regions/{region}", catalog_pages.read_region),
        Route("catalogs", catalog_pages.read_catalogs),
        Route("feed.atom", FeedPage(facts)),
        Route("catalogs/{catalog}", catalog_pages.read_catalog),
        Route("catalogs/{catalog}/versions", version_pages.read_versions),
        Route("catalogs/{catalog}/diff", version_pages.read_diff),
        Route("items/{catalog}/{item}", catalog_pages.read_item),
        Route("explain/{catalog}/{item}/{region}", explain_page.read_explain),
        Route("item-types", catalog_pages.read_item_types),
        Route("item-types/{code}", catalog_pages.read_item_type),
        Route("depth", catalog_pages.read_depth),
        Route("agreements", relation_pages.read_agreements),
        Route("agreements/{agreement}", relation_pages.read_agreement),
        Route("compare", relation_pages.read_compare),
        Route("search", relation_pages.read_search),
        Route("status", node.status),
        Route("trust", node.trust),
        Route("api", node.api),
        Route("about", node_pages.read_about),
    )
