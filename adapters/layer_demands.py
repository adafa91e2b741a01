"""What a layer above demands (应当) of the items that stand in the place of one of its own.

One rule serves twice: it says what is wrong with a list that is checked, and whether an item of a lower layer has its
effect where layers are put together (`adapters.layers`).
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from adapters.scopes import Scope
from adapters.words import Requirement, VenueSet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from adapters.canonical import ApplicationItem

Flaw = tuple["ApplicationItem", str, str]
"""What an item takes away of what is demanded: the item, its column, and the rule."""

_AS_MANY_VENUES = {
    VenueSet.UNSTATED: frozenset(VenueSet),
    VenueSet.ALL: frozenset({VenueSet.ALL}),
    VenueSet.PUBLIC: frozenset({VenueSet.ALL, VenueSet.PUBLIC}),
    VenueSet.LISTED: frozenset({VenueSet.ALL, VenueSet.LISTED}),
    VenueSet.NEW: frozenset({VenueSet.ALL, VenueSet.NEW}),
    VenueSet.SOME: frozenset(VenueSet) - {VenueSet.UNSTATED},
}
"""By the venues that are demanded, those that hold them all as far as can be proved: a text that does not say proves
nothing, and a list need not hold what is public or new."""


def demands(above: ApplicationItem) -> bool:
    """Tell whether the text demands an item."""
    return above.requirement is Requirement.REQUIRED


def flaws(above: ApplicationItem, items: Sequence[ApplicationItem]) -> list[Flaw]:
    """Say what items that stand together in the place of one above take away of it; nothing where it is not demanded.

    What is demanded stays demanded, in force as long, and whole in scope, classes, forms of the card and venues.
    """
    if not demands(above):
        return []
    found: list[Flaw] = []
    for item in items:
        if item.legal_status is not above.legal_status:
            found.append((item, "legal_status", "required_above"))
        if item.requirement is not Requirement.REQUIRED:
            found.append((item, "requirement", "required_above"))
        if _ends_earlier(item, above):
            found.append((item, "effective_to", "required_above"))
    return found + [(items[0], column, "narrows_what_is_required") for column in _narrowed(above, items)]


def _narrowed(above: ApplicationItem, items: Sequence[ApplicationItem]) -> Iterator[str]:
    """Name the columns in which items together do not provably hold all of one above."""
    base = Scope.of(above)
    if not _covered(base, items):
        yield "relations"
        return
    whole = True
    for column, wanted in (("classes", above.classes), ("media", above.media)):
        if not all(_covered(base, [item for item in items if word in getattr(item, column)]) for word in wanted):
            whole = False
            yield column
    there = [item for item in items if item.venue_set in _AS_MANY_VENUES[above.venue_set]]
    if not _covered(base, there):
        yield "venue_set"
    elif whole and not all(
        _covered(base, [item for item in there if c in item.classes and medium in item.media])
        for c, medium in product(above.classes, above.media)
    ):
        # Each class and each form is there, and some class in some form is not.
        yield "media"


def _ends_earlier(item: ApplicationItem, above: ApplicationItem) -> bool:
    """Tell whether an item ends before the one above does; before it begins, the one above applies."""
    ends = item.effective_to
    return ends is not None and (above.effective_to is None or ends < above.effective_to)


def _covered(base: Scope, items: Iterable[ApplicationItem]) -> bool:
    """Tell whether items together provably hold all of a scope: its types whole, its parts in part, its residue."""
    scopes = [Scope.of(item) for item in items]
    whole = frozenset[str]().union(*(scope.whole for scope in scopes))
    touched = frozenset[str]().union(*(scope.touched for scope in scopes))
    residue = any(scope.residue for scope in scopes)
    return base.whole <= whole and base.part <= touched and (residue or not base.residue)
