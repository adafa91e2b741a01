"""Turns a page into HTML: templates that escape everything, and the words of one language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from adapters.words import ApplicationClass, Medium
from gateway.reasons import Language
from gateway.web.pages.query import address
from gateway.web.pages.texts import PageWords

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.canonical import ApplicationItem
    from gateway.web.pages.page import Page, Place, View

NAVIGATION: Final = ("ask", "regions", "catalogs", "item-types", "agreements", "compare", "depth", "search")
FOOT: Final = ("status", "trust", "api", "about")


class Links:
    """Addresses of the site for one page: in its language, and the same page in the others."""

    __slots__ = ("_language", "_path", "_query")

    def __init__(self, language: Language, place: Place) -> None:
        """Take where the page itself is."""
        self._language = language
        self._path, self._query = place

    def to(self, path: str, **query: str | None) -> str:
        """Give the address of a page in the same language; parameters that are empty are left out."""
        return address(f"/{self._language}/{path}", tuple((name, text) for name, text in query.items() if text))

    def here(self, language: Language) -> str:
        """Give the address of this page in a language."""
        return address(f"/{language}/{self._path}", self._query)

    def turned(self, number: int) -> str:
        """Give the address of another page of this list."""
        others = tuple(pair for pair in self._query if pair[0] != "page")
        return address(f"/{self._language}/{self._path}", (*others, ("page", str(number))) if number > 1 else others)

    def at(self, section: str) -> bool:
        """Tell whether this page is the entrance of a part of the site."""
        return self._path == section

    def within(self, section: str) -> bool:
        """Tell whether this page belongs to a part of the site."""
        return self._path == section or self._path.startswith(f"{section}/")


def listed_in(item: ApplicationItem) -> str:
    """Give the identifier of the catalog that lists an item."""
    return item.catalog or item.region


class Renderer:
    """Renders pages; one for the whole site."""

    def __init__(self, assets: Mapping[str, str]) -> None:
        """Take the addresses of the files by name."""
        self._words = {language: PageWords(language) for language in Language}
        self._environment = Environment(
            loader=PackageLoader("gateway.web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.globals.update(
            assets=dict(assets),
            all_words=tuple(self._words.values()),
            navigation=NAVIGATION,
            foot=FOOT,
            classes=tuple(ApplicationClass),
            media=tuple(Medium),
            listed_in=listed_in,
        )

    def prepare(self) -> None:
        """Compile all templates, so that the first reader of a page need not wait for it."""
        for name in self._environment.list_templates(extensions=["html", "xml"]):
            self._environment.get_template(name)

    def render(self, page: Page, view: View, *, language: Language, place: Place) -> str:
        """Give a page as HTML."""
        words = self._words[language]
        return self._environment.get_template(page.template).render(
            **page.values, w=words, t=words.t, links=Links(language, place), shown=view.shown, today=view.today
        )
