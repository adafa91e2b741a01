"""Dead letters: what was laid aside, listed for the operator without any content, and put back by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import bindparam, select, update

from gateway.services.evidence import Decision, Outcome
from gateway.services.exchange_ledger import LANES
from gateway.services.exchange_model import request_name
from gateway.store.tables_exchange import QUEUE, REQUESTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.store.store import Store
    from gateway.store.transaction import Transaction

AT_MOST: Final = 10_000
_DEAD: Final = (
    select(QUEUE, REQUESTS.c.source, REQUESTS.c.target, REQUESTS.c.state, REQUESTS.c.item)
    .join(REQUESTS, REQUESTS.c.id == QUEUE.c.request)
    .where(QUEUE.c.dead)
    .order_by(QUEUE.c.place)
    .limit(AT_MOST)
)
_FOUND: Final = _DEAD.where(QUEUE.c.place.in_(bindparam("places", expanding=True)))
_BACK: Final = (
    update(QUEUE)
    .where(QUEUE.c.place.in_(bindparam("places", expanding=True)))
    .values(dead=False, failures=0, due=0, reason="")
)


class DeadLetter(NamedTuple):
    """A task that was laid aside: its number, where it was to go, what it is about, why.

    `tries` is how often it was taken to be told or handed over, `added_at` since when it was to be, in microseconds.
    """

    place: int
    lane: str
    task: str
    request: str
    state: str
    reason: str
    tries: int
    added_at: int


class DeadLetters:
    """What the operator does with them."""

    def __init__(self, store: Store) -> None:
        """Take where they are kept."""
        self._store = store
        self._handler = _requeue

    async def all(self) -> list[DeadLetter]:
        """List them, oldest first, so many at most (StoreUnavailableError)."""
        async with self._store.reading() as connection:
            return [_letter(row) for row in await connection.execute(_DEAD)]

    async def requeue(self, places: Sequence[int]) -> list[DeadLetter]:
        """Put some of them back, to be tried anew; gives those, as they lay there.

        What is no dead letter stays as it is (StoreUnavailableError).
        """
        return await self._store.commit(self._handler, tuple(places))


def _letter(row: Any) -> DeadLetter:  # noqa: ANN401 - a row of the query
    return DeadLetter(
        row.place,
        row.lane,
        row.task,
        request_name(row.source, row.request),
        row.state,
        row.reason,
        row.lease,
        row.added_at,
    )


async def _requeue(transaction: Transaction, items: Sequence[tuple[int, ...]]) -> Sequence[list[DeadLetter]]:
    back: list[list[DeadLetter]] = []
    for places in items:
        rows = (await transaction.execute(_FOUND, {"places": list(places)})).all()
        await transaction.execute(_BACK, {"places": [row.place for row in rows]})
        for row in rows:
            transaction.record(
                Decision(
                    method="exchange/requeue",
                    outcome=Outcome.ALLOWED,
                    source=row.source,
                    target=row.target,
                    item=row.item,
                )
            )
            transaction.notify(LANES, row.lane)
        back.append([_letter(row) for row in rows])
    return back
