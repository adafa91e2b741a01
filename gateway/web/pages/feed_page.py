"""The feed of published versions (Atom, RFC 4287): which catalog has a new version, from when on, signed by whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from gateway.services.catalog_version import missing
from gateway.services.shown_lists import published_at
from gateway.web.pages.page import Page, Question

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.services.catalog_version import Version
    from gateway.web.pages.node_facts import NodeFacts
    from gateway.web.pages.page import View
    from gateway.web.pages.query import Query

MOST_ENTRIES: Final = 50
ATOM: Final = "application/atom+xml"
_NEVER: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""When a feed without entries was changed last; the format wants a time."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A version that every party has signed, and when it came into being."""

    version: Version
    at: datetime


class FeedPage:
    """Reads the address of the feed; what it is called by others is the entity of the first home region."""

    def __init__(self, facts: NodeFacts) -> None:
        """Take what tells of the node."""
        self._facts = facts

    def __call__(self, _query: Query, _match: Mapping[str, str]) -> Question:
        """Read the address."""
        return Question.of(feed_page, base=next((one.entity for one in self._facts.entities()), ""))


def feed_page(view: View, *, base: str) -> Page:
    """List the newest versions of all shown catalogs, the newest first."""
    known = view.shown.known
    complete = (v for catalog in view.shown.lists for v in known.versions(catalog) if not missing(v))
    entries = [Entry(version, at) for version in complete if (at := published_at(version)) is not None]
    entries.sort(key=lambda entry: (entry.at, entry.version.head.catalog, entry.version.head.sequence), reverse=True)
    values = {
        "base": base,
        "entries": entries[:MOST_ENTRIES],
        "updated": entries[0].at if entries else _NEVER,
    }
    return Page(template="feed.xml", values=values, content_type=ATOM)
