"""Pages that say why there is nothing else to show; none repeats what was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.web.pages.page import Page, Question

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.web.pages.page import View
    from gateway.web.pages.query import Query


def not_found_page(_view: View, *, parameter: str = "") -> Page:
    """Say that there is no such page, and which parameter is a code of nothing, where it is that."""
    return Page(template="error.html", values={"kind": "not_found", "parameter": parameter}, status=404)


def bad_query_page(_view: View, *, parameter: str) -> Page:
    """Say which parameter breaks its rule."""
    return Page(template="error.html", values={"kind": "bad_query", "parameter": parameter}, status=400)


def stale_page(_view: View) -> Page:
    """Say that a catalog is too old to rest on."""
    return Page(template="error.html", values={"kind": "stale", "parameter": ""}, status=503)


def nowhere(_query: Query, _match: Mapping[str, str]) -> Question:
    """Read an address that leads nowhere."""
    return Question.of(not_found_page)
