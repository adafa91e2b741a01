"""What waits in the lanes of the exchange, and what was laid aside, counted without reading through what is stored.

The counts of the store (`exchange_waiting`) are those of the quota: requests of a caller, also those that were laid
aside, and no replies. So the queue itself is counted, within its index and up to a bound.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import bindparam, func, select

from gateway.services.exchange_model import MICROS
from gateway.services.exchange_queue import HELD_UNTIL
from gateway.store.tables_exchange import QUEUE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import ScalarSelect

    from gateway.services.exchange_clock import Now
    from gateway.store.store import Store

AT_MOST: Final = 100_000
"""So many are counted of a lane; counting them takes an engine some hundredths of a second."""


def _counted(*, dead: bool) -> ScalarSelect[int]:
    """Count the tasks of a lane, none of whose rows has to be read: the index has all that is asked."""
    first = (
        select(QUEUE.c.place)
        .where(QUEUE.c.lane == bindparam("lane"), QUEUE.c.dead.is_(dead))
        .limit(AT_MOST)
        .subquery("counted")
    )
    return select(func.count()).select_from(first).scalar_subquery()


_OLDEST: Final = (
    select(QUEUE.c.added_at)
    .where(QUEUE.c.lane == bindparam("lane"), QUEUE.c.dead.is_(False), QUEUE.c.due < HELD_UNTIL)
    .order_by(QUEUE.c.place)
    .limit(1)
)
_LOOK: Final = select(
    _counted(dead=False).label("waiting"),
    _counted(dead=True).label("dead"),
    _OLDEST.scalar_subquery().label("oldest"),
)


class Lane(NamedTuple):
    """What is in a lane: how many wait and how many were laid aside, up to a bound, and the age of the oldest.

    What is held back for its card waits too, but has no age: nothing but its card ends that.
    """

    waiting: int
    dead: int
    oldest_seconds: float


class Backlog:
    """Looks at lanes.

    Args:
        store: where the queue is.
        now: the time of the store.
    """

    def __init__(self, store: Store, *, now: Now) -> None:
        """Keep both."""
        self._store = store
        self._now = now

    async def look(self, lanes: Iterable[str]) -> dict[str, Lane]:
        """Look at each lane (StoreUnavailableError)."""
        found: dict[str, Lane] = {}
        async with self._store.reading() as connection:
            now = await self._now(connection)
            for lane in lanes:
                row = (await connection.execute(_LOOK, {"lane": lane})).one()
                age = 0.0 if row.oldest is None else max(0, now - row.oldest) / MICROS
                found[lane] = Lane(row.waiting, row.dead, age)
        return found
