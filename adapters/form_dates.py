"""Dates in a region's own pattern, such as `YYYY-MM-DD` or `DD/MM/YYYY`.

Each identity has three. The two commonest patterns are what the standard library reads and writes itself, at a fifth
of the cost of any other; only their shape is checked here, because the library takes week dates too.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapters.field_codec import Place

_DASHED, _PLAIN = "YYYY-MM-DD", "YYYYMMDD"
_day = date.fromisoformat


def date_reader(pattern: str, place: Place) -> Callable[[str], date]:
    """Make what reads a date by a pattern; MalformedFieldError for another pattern or no day of the calendar."""
    parse = _parser(pattern)

    def read(text: str) -> date:
        try:
            return parse(text)
        except ValueError:
            raise place.bad(f"date_{pattern}") from None

    return read


def date_writer(pattern: str) -> Callable[[date], str]:
    """Make what writes a date by a pattern."""
    if pattern == _DASHED:
        return date.isoformat
    if pattern == _PLAIN:
        return lambda day: day.isoformat().replace("-", "")

    def write(day: date) -> str:
        iso = day.isoformat()
        return pattern.replace("YYYY", iso[:4]).replace("MM", iso[5:7], 1).replace("DD", iso[8:], 1)

    return write


def _parser(pattern: str) -> Callable[[str], date]:
    """Make what reads a date (ValueError)."""
    if pattern == _DASHED:
        return lambda text: _day(text if len(text) == len(_DASHED) and text[4] == text[7] == "-" else "")
    if pattern == _PLAIN:
        return lambda text: _day(text if len(text) == len(_PLAIN) and text.isdigit() else "")
    expression = re.escape(pattern).replace("YYYY", "(?P<y>[0-9]{4})")
    expression = expression.replace("MM", "(?P<m>[0-9]{2})", 1).replace("DD", "(?P<d>[0-9]{2})", 1)
    match = re.compile(expression).fullmatch

    def parse(text: str) -> date:
        found = match(text)
        return _day(f"{found['y']}-{found['m']}-{found['d']}" if found else "")

    return parse
