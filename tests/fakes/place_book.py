"""Keeps lists, places and revocations for as long as a test runs (`gateway.services.status_register.PlaceBook`)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.errors import StoreUnavailableError
from gateway.store.status_places import ListState

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.store.status_places import TakenPlace


class FakePlaceBook:
    """What registers share, as replicas share the store; `gone` makes it unavailable, `told` hears of revocations.

    `reported` is the number of the last report of a card.
    """

    def __init__(self, first: int | None = None) -> None:
        """Begin without lists; their numbers count from the first one, or from what is asked for."""
        self.taken: list[TakenPlace] = []
        self.lists: dict[tuple[str, int], int] = {}
        self.revoked: dict[tuple[str, int], dict[int, tuple[int, int]]] = {}
        self.looked = 0
        self.gone = False
        self.reported = 0
        self.told: Callable[[int], None] | None = None
        self._first = first

    def __len__(self) -> int:
        """Count the places that were taken."""
        return len(self.taken)

    def _demand(self) -> None:
        if self.gone:
            raise StoreUnavailableError(fault="disk")

    async def open_list(self, region: str, *, at_least: int, until: int) -> int:
        """Begin a list, which takes a while."""
        await asyncio.sleep(0)
        self._demand()
        number = max(
            at_least if self._first is None else self._first,
            *(number + 1 for of, number in self.lists if of == region),
            0,
        )
        self.lists[region, number] = until
        return number

    async def extend(self, region: str, number: int, *, until: int) -> bool:
        """Serve a list until later."""
        self._demand()
        if (region, number) not in self.lists:
            return False
        self.lists[region, number] = until
        return True

    async def keep(self, taken: TakenPlace) -> bool:
        """Note who has a place, unless more was reported than was known."""
        self._demand()
        if taken.card and taken.known < self.reported:
            return False
        self.taken.append(taken)
        return True

    async def state(self, region: str, number: int, *, now: int) -> ListState | None:
        """Give what is revoked on a list."""
        self._demand()
        self.looked += 1
        if self.lists.get((region, number), 0) <= now:
            return None
        revoked = {
            place: since for place, (since, until) in self.revoked.get((region, number), {}).items() if until > now
        }
        return ListState(frozenset(revoked), max(revoked.values(), default=0))

    async def revoke(self, region: str, *, jti: str, now: int, remembered_seconds: int) -> tuple[int, ...]:
        """Revoke by identifier."""
        return self._revoke([one for one in self.taken if one.jti == jti], region, now, remembered_seconds)

    async def revoke_subject(self, region: str, *, subject: str, now: int, remembered_seconds: int) -> tuple[int, ...]:
        """Revoke by pseudonym."""
        return self._revoke([one for one in self.taken if one.subject == subject], region, now, remembered_seconds)

    def _revoke(self, concerned: list[TakenPlace], region: str, now: int, longer: int) -> tuple[int, ...]:
        self._demand()
        living = [one for one in concerned if one.region == region and one.until > now]
        known = {number: len(places) for (_, number), places in self.revoked.items()}
        for one in living:
            self.revoked.setdefault((region, one.number), {}).setdefault(one.place, (now, one.until + longer))
        changed = {number for (_, number), places in self.revoked.items() if len(places) != known.get(number)}
        for number in sorted(changed):
            if self.told is not None:
                self.told(number)
        return tuple(one.number for one in living)
