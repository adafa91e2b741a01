"""What an address asks for, read strictly: a closed list of parameters, each with a rule; nothing is guessed.

Parameters that no page knows are passed over, as links from elsewhere carry them. What was read is kept in a canonical
order, so that two spellings of one question are one entry of the cache and one address in the links of a page.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import urlencode

from gateway.services.catalog_search import LONGEST_QUESTION

if TYPE_CHECKING:
    from enum import StrEnum

    from multidict import MultiMapping

    Word = TypeVar("Word", bound=StrEnum)

FIRST_YEAR: Final = 2000
LAST_YEAR: Final = 2099
MOST_REGIONS: Final = 12
"""Visited regions in one question."""

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._*-]{0,63}")
_DIGEST: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,5}")


class BadQueryError(Exception):
    """A parameter breaks its rule. `parameter` is one of our own names, never what was sent; it becomes a page."""

    def __init__(self, parameter: str) -> None:
        """Name the parameter."""
        super().__init__(parameter)
        self.parameter = parameter


class UnknownCodeError(BadQueryError):
    """A parameter is a code of nothing that is shown here."""


class Query:
    """The parameters of one address. Each method reads one of them; an empty one counts as not there."""

    def __init__(self, values: MultiMapping[str]) -> None:
        """Take the parameters as they came."""
        self._values = values
        self._told: list[tuple[str, str]] = []

    @property
    def canonical(self) -> tuple[tuple[str, str], ...]:
        """What was read and is there, in the order of reading."""
        return tuple(self._told)

    def name(self, parameter: str) -> str:
        """Read a code or identifier, empty where it is not there (BadQueryError)."""
        text = self._one(parameter)
        if text and not _NAME.fullmatch(text):
            raise BadQueryError(parameter)
        return self._keep(parameter, text)

    def digest(self, parameter: str) -> str:
        """Read the digest of a version, SHA-256 in base64url, empty where it is not there (BadQueryError)."""
        text = self._one(parameter)
        if text and not _DIGEST.fullmatch(text):
            raise BadQueryError(parameter)
        return self._keep(parameter, text)

    def names(self, parameter: str) -> tuple[str, ...]:
        """Read several codes, each once and in order (BadQueryError)."""
        found = tuple(sorted({text for text in self._values.getall(parameter, ()) if text}))
        if len(found) > MOST_REGIONS or not all(map(_NAME.fullmatch, found)):
            raise BadQueryError(parameter)
        self._told += [(parameter, text) for text in found]
        return found

    def word(self, parameter: str, words: type[Word]) -> Word | None:
        """Read a word of a closed list, None where it is not there (BadQueryError)."""
        text = self._one(parameter)
        if not text:
            return None
        try:
            return words(self._keep(parameter, text))
        except ValueError:
            raise BadQueryError(parameter) from None

    def day(self, parameter: str) -> date | None:
        """Read a day, `YYYY-MM-DD` from 2000 to 2099, None where it is not there (BadQueryError)."""
        text = self._one(parameter)
        if not text:
            return None
        try:
            found = date.fromisoformat(text) if _DAY.fullmatch(text) else None
        except ValueError:
            found = None
        if found is None or not FIRST_YEAR <= found.year <= LAST_YEAR:
            raise BadQueryError(parameter)
        self._keep(parameter, text)
        return found

    def number(self, parameter: str) -> int:
        """Read a number of a page, 1 where it is not there (BadQueryError)."""
        text = self._one(parameter)
        if text and not _NUMBER.fullmatch(text):
            raise BadQueryError(parameter)
        if text not in {"", "1"}:
            self._keep(parameter, text)
        return int(text or 1)

    def words(self, parameter: str) -> str:
        """Read what somebody searches for, at most 100 characters, runs of blanks as one (BadQueryError)."""
        text = " ".join(self._one(parameter).split())
        if len(text) > LONGEST_QUESTION or not text.isprintable():
            raise BadQueryError(parameter)
        return self._keep(parameter, text)

    def _one(self, parameter: str) -> str:
        """Give a parameter that may be there once."""
        values = self._values.getall(parameter, ())
        if len(values) > 1:
            raise BadQueryError(parameter)
        return values[0].strip() if values else ""

    def _keep(self, parameter: str, text: str) -> str:
        if text:
            self._told.append((parameter, text))
        return text


def address(path: str, query: tuple[tuple[str, str], ...] = ()) -> str:
    """Write an address of this site."""
    return f"{path}?{urlencode(query)}" if query else path
