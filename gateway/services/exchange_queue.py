"""The queue: tasks are leased, in the order of their keys, and whoever holds a lease too long holds nothing any more.

A lease is a number that counts up each time a task is taken. Whoever comes back later, because it was paused or cut
off, brings an old number, and what it says is refused. A task counts as failed from the moment when it is taken, until
it is done or was released: so one that kills whoever takes it is laid aside after some times as well. Because whoever
dies holds many that have done nothing, one that was in such company too often is taken alone before it is blamed.

Of the tasks with one key only the first is taken, with those that follow it; a task that was laid aside keeps none
back. Half of what is taken are the newest tasks, so that who comes now does not wait behind a backlog.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import bindparam, delete, exists, select, update

from gateway.services.exchange_model import MICROS
from gateway.store.tables_exchange import QUEUE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from gateway.store.transaction import Transaction

MOST_FAILURES: Final = 8
SUSPECT: Final = 3
"""So often a task counts as failed in the company of others; then it is taken alone."""

HELD_UNTIL: Final = 2**62
"""When a task is due that is held back until something happens, microseconds."""

_RUN: Final = 64
_EARLIER: Final = QUEUE.alias("earlier")
_HEADS: Final = (
    select(QUEUE)
    .where(
        QUEUE.c.lane == bindparam("lane"),
        QUEUE.c.dead.is_(False),
        QUEUE.c.due <= bindparam("now"),
        ~exists().where(
            _EARLIER.c.order_key == QUEUE.c.order_key,
            _EARLIER.c.place < QUEUE.c.place,
            _EARLIER.c.lane == QUEUE.c.lane,
            _EARLIER.c.dead.is_(False),
        ),
    )
    .limit(bindparam("most"))
)
_OLDEST: Final = _HEADS.order_by(QUEUE.c.place).with_for_update(skip_locked=True, of=QUEUE)
_NEWEST: Final = _HEADS.order_by(QUEUE.c.place.desc()).with_for_update(skip_locked=True, of=QUEUE)
_FOLLOWING: Final = (
    select(QUEUE)
    .where(
        QUEUE.c.order_key.in_(bindparam("keys", expanding=True)),
        QUEUE.c.lane == bindparam("lane"),
        QUEUE.c.dead.is_(False),
        QUEUE.c.place.not_in(bindparam("places", expanding=True)),
    )
    .order_by(QUEUE.c.place)
    .limit(bindparam("most"))
    .with_for_update()
)
_TAKE: Final = (
    update(QUEUE)
    .where(QUEUE.c.place.in_(bindparam("places", expanding=True)))
    .values(due=bindparam("until"), lease=QUEUE.c.lease + 1, failures=QUEUE.c.failures + 1)
)
_HELD: Final = (
    select(QUEUE)
    .where(QUEUE.c.place.in_(bindparam("places", expanding=True)))
    .order_by(QUEUE.c.place)
    .with_for_update()
)
_OF_REQUESTS: Final = (
    select(QUEUE)
    .where(
        QUEUE.c.request.in_(bindparam("ids", expanding=True)),
        QUEUE.c.lane == bindparam("lane"),
    )
    .order_by(QUEUE.c.place)
    .with_for_update()
)
_DONE: Final = delete(QUEUE).where(QUEUE.c.place.in_(bindparam("places", expanding=True)))
_PUT: Final = (
    update(QUEUE)
    .where(QUEUE.c.place == bindparam("at"))
    .values(
        due=bindparam("to_due"), failures=bindparam("to_failures"), dead=bindparam("to_dead"), reason=bindparam("why")
    )
)
_EXTEND: Final = update(QUEUE).where(QUEUE.c.place == bindparam("at")).values(due=bindparam("to_due"))


class Taken(NamedTuple):
    """A task under a lease; `failures` counts this time too."""

    place: int
    request: bytes
    task: str
    revision: int
    order_key: bytes
    lease: int
    failures: int
    dead: bool


async def take(
    transaction: Transaction, lane: str, *, most: int, lease_seconds: float, now: int, both_ends: bool = True
) -> list[Taken]:
    """Lease tasks of a lane that are due, in the order of their places.

    Args:
        transaction: in which they are leased.
        lane: of which.
        most: how many at most.
        lease_seconds: how long.
        now: microseconds.
        both_ends: take as many of the newest as of the oldest, and those that follow them under the same key; a
            suspect one is taken alone.
    """
    asked = {"lane": lane, "now": now}
    oldest = most - most // 2 if both_ends else most
    rows = {row.place: row for row in await transaction.execute(_OLDEST, {**asked, "most": oldest})}
    if both_ends and len(rows) == oldest and most > oldest:
        newest = await transaction.execute(_NEWEST, {**asked, "most": most})
        fresh = [row for row in newest if row.place not in rows][: most - oldest]
        rows |= {row.place: row for row in fresh}
    suspects = [row for row in rows.values() if row.failures >= SUSPECT] if both_ends else []
    if suspects:
        rows = {suspects[0].place: suspects[0]}
    elif both_ends and rows and len(rows) < most:
        rows |= {row.place: row for row in await _following(transaction, lane, list(rows.values()), most, now)}
    if not rows:
        return []
    await transaction.execute(_TAKE, {"places": sorted(rows), "until": now + int(lease_seconds * MICROS)})
    return [_taken(rows[place], by=1) for place in sorted(rows)]


async def _following(transaction: Transaction, lane: str, heads: Sequence[Any], most: int, now: int) -> list[Any]:
    """Find what comes directly behind heads under the same keys; nothing behind one that is not due."""
    found = await transaction.execute(
        _FOLLOWING,
        {
            "keys": sorted({row.order_key for row in heads}),
            "places": [row.place for row in heads],
            "lane": lane,
            "most": min(most - len(heads), _RUN),
        },
    )
    rows: list[Any] = []
    stopped: set[bytes] = set()
    for row in found:
        if row.due > now or row.failures >= SUSPECT:
            stopped.add(row.order_key)
        elif row.order_key not in stopped:
            rows.append(row)
    return rows


def _taken(row: Any, *, by: int = 0) -> Taken:  # noqa: ANN401 - a row of the table
    return Taken(
        place=row.place,
        request=row.request,
        task=row.task,
        revision=row.revision,
        order_key=row.order_key,
        lease=row.lease + by,
        failures=row.failures + by,
        dead=row.dead,
    )


async def held(transaction: Transaction, leases: Iterable[tuple[int, int]]) -> dict[int, Taken]:
    """Give the tasks, by place, of which these leases, pairs of place and number, are still the last."""
    told = dict(leases)
    found = await transaction.execute(_HELD, {"places": sorted(told)})
    return {row.place: _taken(row) for row in found if row.lease == told[row.place] and not row.dead}


async def tasks_of(transaction: Transaction, lane: str, requests: Collection[bytes]) -> dict[bytes, Taken]:
    """Give the task of each request in a lane, where it has one."""
    found = await transaction.execute(_OF_REQUESTS, {"lane": lane, "ids": sorted(requests)})
    return {row.request: _taken(row) for row in found}


async def done(transaction: Transaction, places: Collection[int]) -> None:
    """Take tasks out of the queue."""
    if places:
        await transaction.execute(_DONE, {"places": sorted(places)})


async def put_back(
    transaction: Transaction, taken: Taken, *, due: int, reason: str, failed: bool, most_failures: int = MOST_FAILURES
) -> bool:
    """Let a task be taken again from some time on; tells whether it was laid aside instead.

    Args:
        transaction: in which that is done.
        taken: the task, as it is held.
        due: from when, microseconds.
        reason: why it was not done; an ErrorReason.
        failed: whether that was the fault of the task; it then counts, and too many lay it aside.
        most_failures: how many are too many; 0 lays it aside at once.
    """
    failures = taken.failures if failed else taken.failures - 1
    dead = failed and failures >= most_failures
    row = {"at": taken.place, "to_due": due, "to_failures": failures, "to_dead": dead, "why": reason}
    await transaction.execute(_PUT, row)
    return dead


async def extend(transaction: Transaction, places: Iterable[int], *, until: int) -> None:
    """Make leases last longer."""
    rows = [{"at": place, "to_due": until} for place in places]
    if rows:
        await transaction.execute(_EXTEND, rows)
