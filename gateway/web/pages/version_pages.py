"""Pages of the versions of a catalog: who has signed which, and what has changed between two of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adapters.catalog_diff import diff_catalogs
from gateway.errors import CatalogStaleError, UnknownCatalogError
from gateway.services.catalog_version import missing
from gateway.web.pages.page import Page, Question, cut

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from gateway.web.pages.page import View
    from gateway.web.pages.query import Query

VERSIONS_ON_A_PAGE: Final = 40
CHANGES_ON_A_PAGE: Final = 60


def read_versions(query: Query, match: Mapping[str, str]) -> Question:
    """Read of which catalog the versions are wanted (BadQueryError)."""
    return Question.of(versions_page, catalog=match["catalog"], on=query.day("on"), page=query.number("page"))


def versions_page(view: View, *, catalog: str, on: date | None, page: int) -> Page:
    """List the versions of a catalog, the newest first, with who has signed each (UnknownCatalogError)."""
    shown = view.shown.list(catalog)
    found = view.shown.known.versions(catalog)
    digests = frozenset(version.digest for version in found)
    entries = [(version, missing(version), version.head.previous in digests) for version in found]
    entries.sort(key=lambda entry: entry[0].head.sequence, reverse=True)
    values = {
        "catalog": catalog,
        "head": shown.head,
        "stale": shown.stale,
        "unfollowed": view.shown.known.unfollowed(shown.head),
        "versions": cut(entries, page, size=VERSIONS_ON_A_PAGE),
        "holds": _holding(view, catalog, on or view.today),
        "on": on or view.today,
    }
    return Page(template="versions.html", values=values)


def _holding(view: View, catalog: str, on: date) -> str:
    """Give the digest of the version that holds on a day, nothing where none does."""
    try:
        version = view.shown.version_on(catalog, on)
    except (CatalogStaleError, UnknownCatalogError):
        return ""
    return version.digest if version.head.in_effect(on) else ""


def read_diff(query: Query, match: Mapping[str, str]) -> Question:
    """Read which versions are compared (BadQueryError)."""
    return Question.of(
        diff_page,
        catalog=match["catalog"],
        before=query.digest("from"),
        after=query.digest("to"),
        page=query.number("page"),
    )


def diff_page(view: View, *, catalog: str, before: str, after: str, page: int) -> Page:
    """Say what has changed between two versions, the newest and the one before it unless told otherwise.

    UnknownCatalogError where there is no such version, or no earlier one.
    """
    shown = view.shown.list(catalog)
    known = view.shown.known
    new = known.version(catalog, after) if after else known.versions(catalog)[-1]
    old = known.version(catalog, before or new.head.previous)
    found = diff_catalogs(old.document(), new.document())
    values = {
        "catalog": catalog,
        "head": shown.head,
        "old": old,
        "new": new,
        "diff": found,
        "changed": cut(found.changed, page, size=CHANGES_ON_A_PAGE),
        "nothing": not (found.head or found.added or found.removed or found.changed),
    }
    return Page(template="diff.html", values=values)
