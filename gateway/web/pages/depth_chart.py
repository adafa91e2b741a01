"""The geometry of the depth charts: stacked bars, one chart a class, one bar a year; drawn as SVG by the template."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.words import ApplicationClass
    from gateway.services.public_catalog import LevelCount

WIDTH: Final = 320
HEIGHT: Final = 200
_LEFT: Final = 8
_TOP: Final = 16
_BASE: Final = 168
_GAP: Final = 18
_LEAST_LABELLED: Final = 14.0
"""Height from which on a number fits into a part of a bar."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a bar, in units of the drawing: its level (0 where nothing could be read), how many items, where."""

    level: int
    count: int
    y: float
    height: float

    @property
    def labelled(self) -> bool:
        """Whether its number fits into it."""
        return self.height >= _LEAST_LABELLED


@dataclass(frozen=True, slots=True)
class Bar:
    """A year."""

    year: int
    x: float
    width: float
    parts: tuple[Part, ...]

    @property
    def middle(self) -> float:
        """Where the year is written."""
        return round(self.x + self.width / 2, 1)


@dataclass(frozen=True, slots=True)
class Chart:
    """A class."""

    application_class: ApplicationClass
    bars: tuple[Bar, ...]
    width: int = WIDTH
    height: int = HEIGHT
    base: int = _BASE


def charts(counts: Sequence[LevelCount]) -> tuple[Chart, ...]:
    """Lay out one chart a class; the tallest bar of all fills the height, so that charts can be compared."""
    most = max((count.total for count in counts), default=1)
    return tuple(
        Chart(application_class, _bars(tuple(years), most))
        for application_class, years in groupby(counts, key=lambda count: count.application_class)
    )


def _bars(years: Sequence[LevelCount], most: int) -> tuple[Bar, ...]:
    step = (WIDTH - 2 * _LEFT) / len(years)
    return tuple(
        Bar(count.year, round(_LEFT + n * step + _GAP / 2, 1), round(step - _GAP, 1), _parts(count, most))
        for n, count in enumerate(years)
    )


def _parts(count: LevelCount, most: int) -> tuple[Part, ...]:
    """Stack the levels, the first at the base and what could not be read on top."""
    scale, y = (_BASE - _TOP) / most, float(_BASE)
    parts = []
    for level, number in ((1, count.levels[0]), (2, count.levels[1]), (3, count.levels[2]), (0, count.unread)):
        if number:
            y -= number * scale
            parts.append(Part(level, number, round(y, 1), round(number * scale, 1)))
    return tuple(parts)
