"""Explains why an item corresponds to what it does in another region: facets, clauses, and the sets that are needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.catalog import item_order
from adapters.pair_explanation import PairExplanation, explain_pair
from adapters.scopes import Scope, smallest_covers
from adapters.words import Relation

if TYPE_CHECKING:
    from datetime import date

    from adapters.equivalence import Equivalence, EquivalenceBook
    from adapters.registry import Registry


@dataclass(frozen=True, slots=True)
class Explanation:
    """The correspondence with its reasons; `minimal_sets` are identifiers of items that are needed together."""

    equivalence: Equivalence
    pairs: tuple[PairExplanation, ...]
    minimal_sets: tuple[tuple[str, ...], ...]


class ExplainEquivalence:
    """The use case."""

    def __init__(self, *, registry: Registry, book: EquivalenceBook) -> None:
        """Take the regions and the book of correspondences."""
        self._registry = registry
        self._book = book

    def __call__(self, *, catalog: str, item: str, target_region: str, target_item: str, on: date) -> Explanation:
        """Explain an item of a catalog toward a region, or toward one of its items, as of a day.

        Raises:
            UnknownRegionError, UnknownItemError: there is no such target.
        """
        self._registry.get(target_region)
        found = self._book.translate(catalog, item, target_region, on=on)
        targets = [self._book.item(target_region, target_item, on=on)] if target_item else [e.item for e in found.items]
        pairs = tuple(explain_pair(found.source, one, self._registry.taxonomy, on=on) for one in targets)
        return Explanation(found, pairs, minimal_sets(found))


def minimal_sets(found: Equivalence) -> tuple[tuple[str, ...], ...]:
    """Give every smallest set of items in force that cover the source only together; none where one item does."""
    if not found.complete_set:
        return ()
    usable = sorted(
        (e.item for e in found.items if e.in_force and e.relation is not Relation.CONFLICTING),
        key=lambda one: item_order(one.item),
    )
    covers = smallest_covers(Scope.of(found.source).touched, [Scope.of(one).whole for one in usable])
    return tuple(tuple(usable[n].item for n in cover) for cover in covers)
