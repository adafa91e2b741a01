"""What a page is made from, and what it is before it is rendered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence
    from datetime import date

    from gateway.services.ask_card_use import AskCardUse
    from gateway.services.catalog_search import SearchIndex
    from gateway.services.public_catalog import PublicCatalog
    from gateway.web.pages.query import Query

    Place = tuple[str, tuple[tuple[str, str], ...]]
    Read = Callable[[Query, Mapping[str, str]], "Question"]

Entry = TypeVar("Entry")

MINUTE: Final = 60
HTML: Final = "text/html"
ENTRANCE: Final[Place] = ("", ())
"""Where a page is: its path below the language, and its parameters in canonical order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One state of the catalogs, and the day it is looked at; `index` waits for the search index."""

    shown: PublicCatalog
    ask: AskCardUse
    index: Callable[[], SearchIndex] = field(repr=False)
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A template with its values; `max_age_seconds` says how long whoever has it may keep it without asking."""

    template: str
    values: Mapping[str, object]
    status: int = 200
    max_age_seconds: int = MINUTE
    content_type: str = HTML


@dataclass(frozen=True, slots=True)
class Question:
    """What one address asks: who makes the page, and with which arguments; two that are equal have the same answer."""

    make: Callable[..., Page]
    arguments: tuple[tuple[str, Hashable], ...]

    @classmethod
    def of(cls, make: Callable[..., Page], **arguments: Hashable) -> Question:
        """Put a question together."""
        return cls(make, tuple(arguments.items()))

    def answer(self, view: View) -> Page:
        """Make the page.

        Raises:
            UnknownRegionError, UnknownCatalogError, UnknownItemError, UnknownItemTypeError: it is not shown here.
            CatalogStaleError: the stated life of a catalog that it rests on is over.
        """
        return self.make(view, **dict(self.arguments))


@dataclass(frozen=True, slots=True)
class Route:
    """A path below the language, in the form of aiohttp, and what reads its parameters (BadQueryError)."""

    path: str
    read: Read


@dataclass(frozen=True, slots=True)
class Cut(Generic[Entry]):
    """One page of a long list: what is on it, the number of the page, how many pages and how many entries there are."""

    entries: Sequence[Entry]
    number: int
    pages: int
    total: int


def cut(entries: Sequence[Entry], number: int, *, size: int) -> Cut[Entry]:
    """Cut a page out of a list; one past the end is empty."""
    pages = max(1, -(-len(entries) // size))
    return Cut(entries[(number - 1) * size : number * size], number, pages, len(entries))
