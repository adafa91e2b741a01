"""The algebra of scopes: what can be proved of two items when all that is known is how each stands to the item types.

An item's scope is a set of which we know only this: the types it covers whole (it is exact or broader), the types of
which it covers a proper part (narrower or overlapping), and whether something lies outside every listed type. Types
are disjoint. From that:

- A lies within B is proved if and only if A has nothing outside and B covers whole every type that A touches;
- A and B share something is proved if and only if one covers whole a type that the other touches.

Two parts of one type may be the same part or have nothing in common, so they prove neither.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from adapters.words import Relation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.canonical import ApplicationItem, ItemTypeRelation

MIRROR = {
    Relation.EXACT: Relation.EXACT,
    Relation.BROADER: Relation.NARROWER,
    Relation.NARROWER: Relation.BROADER,
    Relation.OVERLAPPING: Relation.OVERLAPPING,
    Relation.CONFLICTING: Relation.CONFLICTING,
    Relation.NONE: Relation.NONE,
}

_WHOLE = frozenset({Relation.EXACT, Relation.BROADER})
_PART = frozenset({Relation.NARROWER, Relation.OVERLAPPING})


@dataclass(frozen=True, slots=True)
class Scope:
    """What is known of an item's scope: types covered whole, types covered in part, something outside all of them."""

    whole: frozenset[str] = frozenset()
    part: frozenset[str] = frozenset()
    residue: bool = False
    touched: frozenset[str] = field(init=False, repr=False, compare=False)
    """Types covered whole or in part."""

    def __post_init__(self) -> None:
        """Join both kinds of types."""
        object.__setattr__(self, "touched", self.whole | self.part)

    @staticmethod
    def of(item: ApplicationItem) -> Scope:
        """Read an item's scope. An item that touches no type is all residue."""
        return _scope(item.relations, residue=bool(item.residue))

    def within(self, other: Scope) -> bool:
        """Tell whether this scope provably lies within the other one; a scope of nothing proves nothing."""
        touched = self.touched
        return bool(touched) and not self.residue and touched <= other.whole

    def shared(self, other: Scope) -> frozenset[str]:
        """Give the types of which both provably cover a common part."""
        return (self.whole & other.touched) | (self.part & other.whole)

    def relation_to(self, other: Scope) -> Relation:
        """Give the strongest R for which `this is R than, or to, the other` is proved."""
        inside, around = self.within(other), other.within(self)
        if inside and around:
            return Relation.EXACT
        if inside or around:
            return Relation.NARROWER if inside else Relation.BROADER
        return Relation.OVERLAPPING if self.shared(other) else Relation.NONE


@lru_cache(maxsize=4096)
def _scope(relations: tuple[ItemTypeRelation, ...], *, residue: bool) -> Scope:
    """Read a scope; many items say the same of it."""
    whole = frozenset([r.item_type for r in relations if r.relation in _WHOLE])
    part = frozenset([r.item_type for r in relations if r.relation in _PART])
    return Scope(whole, part, residue or not (whole or part))


def smallest_covers(
    wanted: frozenset[str], offers: Sequence[frozenset[str]], *, most: int = 8, limit: int = 4096
) -> tuple[tuple[int, ...], ...]:
    """Give the covers that need as few offers as possible; positions ascending, the first covers first.

    Args:
        wanted: types to cover.
        offers: for each offer the types it covers whole.
        most: how many covers are given.
        limit: steps of search; beyond them those found so far are given.
    """
    best = smallest_cover(wanted, [(types, False) for types in offers], limit=limit)
    if not best:
        return ()
    found: set[tuple[int, ...]] = set()
    stack: list[tuple[frozenset[str], tuple[int, ...]]] = [(wanted, ())]
    while stack and limit > 0:
        limit -= 1
        missing, chosen = stack.pop()
        if not missing:
            found.add(tuple(sorted(chosen)))
        elif len(chosen) < len(best):
            pivot = min(missing)
            stack += [(missing - types, (*chosen, n)) for n, types in enumerate(offers) if pivot in types]
    return tuple(sorted(cover for cover in found if len(cover) == len(best)))[:most] or (best,)


def smallest_cover(
    wanted: frozenset[str], offers: Sequence[tuple[frozenset[str], bool]], *, limit: int = 4096
) -> tuple[int, ...]:
    """Choose the fewest offers that together cover every wanted type.

    Args:
        wanted: types to cover.
        offers: for each offer the types it covers whole, and whether it reaches beyond what is wanted.
        limit: steps of search; beyond them the smallest cover found so far is given.

    Returns:
        Positions of the chosen offers, ascending; empty where there is no cover. Of covers with equally many offers
        the one with fewest that reach beyond, then the one whose positions come first.
    """
    distinct: dict[tuple[frozenset[str], bool], int] = {}
    for index, (types, reaches) in enumerate(offers):
        distinct.setdefault((types & wanted, reaches), index)
    givers: dict[str, list[tuple[frozenset[str], bool, int]]] = {code: [] for code in wanted}
    for (types, reaches), index in distinct.items():
        for code in types:
            givers[code].append((types, reaches, index))
    for choice in givers.values():
        choice.sort(key=lambda giver: (len(giver[0]), not giver[1], -giver[2]))
    best: tuple[int, int, tuple[int, ...]] | None = None
    stack: list[tuple[frozenset[str], tuple[int, ...], int]] = [(wanted, (), 0)]
    while stack and (best is None or limit > 0):
        limit -= 1
        missing, chosen, beyond = stack.pop()
        if not missing:
            found = (len(chosen), beyond, tuple(sorted(chosen)))
            best = found if best is None else min(best, found)
        elif best is None or len(chosen) < best[0]:
            pivot = min(missing, key=lambda code: (len(givers[code]), code))
            # The giver that covers most is popped, and so followed, first.
            stack += [(missing - types, (*chosen, index), beyond + reaches) for types, reaches, index in givers[pivot]]
    return best[2] if best else ()
