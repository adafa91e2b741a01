"""Translates an application item: what it corresponds to in another region, and how that region would write it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.services.local_home import china_day

if TYPE_CHECKING:
    from datetime import date

    from adapters.equivalence import Equivalence, EquivalenceBook
    from adapters.registry import Registry
    from gateway.services.ports import Clock


@dataclass(frozen=True, slots=True)
class TranslatedItem:
    """The correspondence, and the source item by the target region's own field names."""

    equivalence: Equivalence
    regional_fields: dict[str, str]


class TranslateItem:
    """The use case."""

    def __init__(self, *, registry: Registry, book: EquivalenceBook, clock: Clock) -> None:
        """Take the installed regions and the book of correspondences."""
        self._registry = registry
        self._book = book
        self._clock = clock

    @property
    def revision(self) -> int:
        """Another number as soon as any catalog has changed."""
        return self._book.revision

    def __call__(self, *, region: str, item: str, target_region: str, on: date | None = None) -> TranslatedItem:
        """Translate as of a day, today unless said (UnknownRegionError, UnknownItemError).

        The source is an item of a region's own list, or of another catalog by its identifier. What the data does not
        prove is no correspondence.
        """
        target = self._registry.get(target_region)
        equivalence = self._book.translate(region, item, target_region, on=on or china_day(self._clock()))
        return TranslatedItem(equivalence, target.item_from_canonical(equivalence.source))
