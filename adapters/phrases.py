"""Sentences in four languages, put together from phrases: simplified and traditional Chinese, English, Portuguese.

A phrase is a row of a table with named gaps; every gap is filled in all four languages at once, so that no language can
say less than another. Traditional Chinese is as written in Hong Kong and Macao.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from adapters.canonical import LocalizedText
from adapters.tables import read_table, refuse, unique

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from adapters.canonical import ApplicationItem

    Quad = tuple[str, str, str, str]

HEADER = ("phrase", "zh_hans", "zh_hant", "en", "pt")
NOTHING: Quad = ("", "", "", "")
JOINTS: Mapping[str, Quad] = {"comma": ("、", "、", ", ", ", "), "and": ("、", "、", " and ", " e ")}


class Phrases:
    """A table of phrases by key."""

    __slots__ = ("_table",)

    def __init__(self, table: Mapping[str, Quad]) -> None:
        """Keep the table."""
        self._table = table

    def __contains__(self, key: object) -> bool:
        """Tell whether there is a phrase of this key."""
        return key in self._table

    def __getitem__(self, key: str) -> Quad:
        """Give a phrase without gaps."""
        return self._table[key]

    def fill(self, key: str, **parts: Quad) -> Quad:
        """Fill the gaps of a phrase in each language."""
        first, second, third, fourth = (
            phrase.format(**{name: part[n] for name, part in parts.items()})
            for n, phrase in enumerate(self._table[key])
        )
        return first, second, third, fourth

    def list_clause(self, key: str, parts: Iterable[Quad]) -> Quad:
        """Fill a phrase whose only gap is `list`; an empty list gives no clause."""
        rows = list(parts)
        return self.fill(key, list=listed(rows)) if rows else NOTHING


def listed(parts: Iterable[Quad]) -> Quad:
    """Join names as each language does: `a, b and c`."""
    rows = list(parts) or [NOTHING]
    comma, last = JOINTS["comma"], JOINTS["and"]
    first, second, third, fourth = (
        last[n].join(filter(None, (comma[n].join(column[:-1]), column[-1])))
        for n, column in enumerate(zip(*rows, strict=True))
    )
    return first, second, third, fourth


def joined(clauses: Iterable[Quad]) -> LocalizedText:
    """Put clauses one behind the other."""
    return LocalizedText(*("".join(parts) for parts in zip(*clauses, strict=True)))


def same(text: str) -> Quad:
    """Give a text that is the same in every language, such as a title or an identifier."""
    return text, text, text, text


def quad(text: LocalizedText) -> Quad:
    """Give a text in four languages as the part of a phrase."""
    return text.texts


_INNER = str.maketrans("“”", "‘’")
_INNER_HANT = str.maketrans("「」", "『』")


def inner(part: Quad) -> Quad:
    """Write a text as it stands between quotation marks: its own become those that each language has inside others."""
    zh_hans, zh_hant, en, pt = part
    return zh_hans.translate(_INNER), zh_hant.translate(_INNER_HANT), en.translate(_INNER), pt.translate(_INNER)


def item_name(item: ApplicationItem) -> Quad:
    """Name an item: identifier and name in the quotation marks of each language."""
    zh_hans, zh_hant, en, pt = inner(item.name.texts)
    return (
        f"{item.item}“{zh_hans}”",
        f"{item.item}「{zh_hant}」",
        f"{item.item} “{en}”",
        f"{item.item} “{pt}”",
    )


def parse_phrases(file: str, text: str) -> Phrases:
    """Read a table of phrases, header `HEADER` (RegionDataError with file, row, column and rule)."""
    records, faults = read_table(file, text, HEADER)
    unique(records, "phrase")
    table: dict[str, Quad] = {}
    for record in records:
        first, second, third, fourth = (record.required(column) for column in HEADER[1:])
        table[record.required("phrase")] = first, second, third, fourth
    if faults:
        raise refuse(faults)
    return Phrases(table)


@cache
def load_phrases(file: str) -> Phrases:
    """Read a table of phrases that ships with the adapters."""
    return parse_phrases(file, files("adapters").joinpath(file).read_text("utf-8"))
