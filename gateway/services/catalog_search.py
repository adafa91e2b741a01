"""Finds regions, item types and items by what people type: names in four languages, identifiers, and romanized names.

Each entry is one line of folded text, all lines are one run of UTF-8, and a search is a walk through it: no entry costs
more than its text, and what was made of a catalog is kept until that catalog changes.
"""

from __future__ import annotations

import unicodedata
from array import array
from bisect import bisect_right
from dataclasses import astuple, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from adapters.canonical import LocalizedText
    from gateway.services.public_catalog import PublicCatalog
    from gateway.services.shown_lists import ShownList

    Romanize = Callable[[str], Iterable[str]]

LONGEST_QUESTION: Final = 100
"""Characters of a question."""
MOST_HITS: Final = 1000
"""Entries that are looked at for one question; where there are more, the question is too wide to be of use."""

_FIELD: Final = b"\x1f"
_LINE: Final = b"\n"


class Kind(StrEnum):
    """What was found."""

    REGION = "region"
    ITEM_TYPE = "item_type"
    ITEM = "item"


@dataclass(frozen=True, slots=True)
class Hit:
    """What was found: a region by its code, an item type by its code, or an item by catalog and identifier."""

    kind: Kind
    catalog: str
    code: str


@dataclass(frozen=True, slots=True)
class Found:
    """Hits, the best first; `cut` says that there are more than were looked at."""

    hits: tuple[Hit, ...]
    cut: bool


def fold(text: str) -> str:
    """Make texts comparable: compatibility forms, letter case and marks above letters do not count."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize("NFC", "".join(c for c in parts if not unicodedata.combining(c)))


class SearchIndex:
    """Lines of all entries; made by `CatalogSearch`."""

    __slots__ = ("_hits", "_starts", "_text")

    def __init__(self, parts: Iterable[tuple[tuple[Hit, ...], tuple[bytes, ...]]]) -> None:
        """Join the lines."""
        hits: list[Hit] = []
        lines: list[bytes] = []
        for found, texts in parts:
            hits += found
            lines += texts
        self._hits = tuple(hits)
        self._text = _LINE.join(lines)
        self._starts = array("Q")
        at = 0
        for line in lines:
            self._starts.append(at)
            at += len(line) + 1

    def __len__(self) -> int:
        """Count the entries."""
        return len(self._hits)

    def find(self, question: str) -> Found:
        """Find the entries that hold every word of a question; one of no words finds nothing."""
        words = sorted((word.encode() for word in fold(question).split()), key=len, reverse=True)
        if not words:
            return Found((), cut=False)
        ranked: list[tuple[int, int]] = []
        for number, line in self._holding(words[0]):
            if len(ranked) == MOST_HITS:
                return Found(self._ordered(ranked), cut=True)
            if all(word in line for word in words[1:]):
                ranked.append((_rank(line, fold(question).strip().encode()), number))
        return Found(self._ordered(ranked), cut=False)

    def _holding(self, word: bytes) -> Iterator[tuple[int, bytes]]:
        """Go through the lines that hold a word."""
        at = self._text.find(word)
        while at >= 0:
            number = bisect_right(self._starts, at) - 1
            end = self._starts[number + 1] if number + 1 < len(self._starts) else len(self._text) + 1
            yield number, self._text[self._starts[number] : end - 1]
            at = self._text.find(word, end)

    def _ordered(self, ranked: list[tuple[int, int]]) -> tuple[Hit, ...]:
        return tuple(self._hits[number] for _, number in sorted(ranked))


def _rank(line: bytes, question: bytes) -> int:
    """Rank a line: a whole field is the question, a field begins with it, or it is somewhere."""
    if _FIELD + question + _FIELD in line:
        return 0
    return 1 if _FIELD + question in line else 2


class CatalogSearch:
    """Makes indexes; what it has made of a catalog is kept by the digest of its version."""

    def __init__(self, romanize: Romanize) -> None:
        """Take what gives the romanized forms of a Chinese name, lower case."""
        self._romanize = romanize
        self._kept: dict[str, tuple[str, tuple[Hit, ...], tuple[bytes, ...]]] = {}

    def index(self, shown: PublicCatalog) -> SearchIndex:
        """Make the index of what is shown: regions, then item types, then items."""
        regions = [(Hit(Kind.REGION, r.code, r.code), self._line(r.code, r.name)) for r in shown.regions.values()]
        types = [(Hit(Kind.ITEM_TYPE, "", t.code), self._line(t.code, t.name)) for t in shown.taxonomy]
        self._kept = {name: self._items(name, one) for name, one in shown.lists.items()}
        heads = [(tuple(hit for hit, _ in part), tuple(line for _, line in part)) for part in (regions, types)]
        return SearchIndex([*heads, *((hits, lines) for _, hits, lines in self._kept.values())])

    def _items(self, name: str, shown: ShownList) -> tuple[str, tuple[Hit, ...], tuple[bytes, ...]]:
        """Give digest, hits and lines of a catalog's items, as they were made before or anew."""
        digest = "" if shown.stale else shown.version.digest
        kept = self._kept.get(name)
        if kept is not None and kept[0] == digest:
            return kept
        items = shown.items.items
        hits = tuple(Hit(Kind.ITEM, name, item.item) for item in items)
        return digest, hits, tuple(self._line(item.item, item.name) for item in items)

    def _line(self, code: str, name: LocalizedText) -> bytes:
        """Put the fields of an entry together."""
        fields = [fold(text) for text in (code, *astuple(name), *self._romanize(name.zh_hans))]
        return _FIELD + _FIELD.join(text.encode() for text in dict.fromkeys(fields)) + _FIELD
