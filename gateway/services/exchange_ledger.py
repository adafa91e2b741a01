"""Changes to stored requests inside one transaction: rows, histories, queues and counts move together or not at all."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway.services.exchange_model import parse_row
from gateway.services.exchange_states import Event, Held, State
from gateway.store.tables_exchange import ATTACHMENTS, CHUNKS, EVENTS, QUEUE, REQUESTS, WAITING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from gateway.services.evidence import Decision
    from gateway.services.exchange_model import StoredRequest
    from gateway.services.exchange_states import Party, Transitions
    from gateway.store.store import Store
    from gateway.store.transaction import Transaction

NEWS: Final = "exchange_news"
"""Channel on which it is told that something has happened to a request, by its name."""

LANES: Final = "exchange_lanes"
"""Channel on which it is told that a lane has something new, by its name."""

RECEIVED: Final = "received"
"""Task of the lane in: hand the request to the platform."""

_TAKE_TASKS: Final = delete(QUEUE).where(
    QUEUE.c.request == bindparam("of_request"), QUEUE.c.task == bindparam("of_task")
)
_SUBMITTED_TASKS: Final = select(QUEUE.c.request, QUEUE.c.lease).where(
    QUEUE.c.request.in_(bindparam("ids", expanding=True)), QUEUE.c.task == Event.SUBMITTED.value
)
_AMOUNT: Final = bindparam("amount", type_=WAITING.c.requests.type)
_COUNT: Final = {
    name: dialect.insert(WAITING)
    .values(name=bindparam("queue"), requests=_AMOUNT)
    .on_conflict_do_update(index_elements=[WAITING.c.name], set_={"requests": WAITING.c.requests + _AMOUNT})
    for name, dialect in (("sqlite", sqlite), ("postgresql", postgresql))
}
_FILES_OF: Final = select(ATTACHMENTS.c.id).where(ATTACHMENTS.c.request.in_(bindparam("ids", expanding=True)))
_DROP_CHUNKS: Final = delete(CHUNKS).where(CHUNKS.c.attachment == bindparam("of_file"))
CLAIM_FILE: Final = (
    update(ATTACHMENTS).where(ATTACHMENTS.c.id == bindparam("of_file")).values(request=bindparam("for_request"))
)
_DROP_FILE: Final = delete(ATTACHMENTS).where(ATTACHMENTS.c.id == bindparam("of_file"))


def dialect_of(store: Store) -> str:
    """Name the engine of a store: sqlite or postgresql."""
    return store.engine.writing.dialect.name


def lane_out(region: str) -> str:
    """Name the lane to the gateway of another region."""
    return f"out:{region}"


def lane_in(region: str) -> str:
    """Name the lane to the platform of a home region."""
    return f"in:{region}"


def task(lane: str, request: bytes, name: str, *, order_key: bytes, revision: int, now: int) -> dict[str, Any]:
    """Make a row of the queue."""
    return {
        "lane": lane,
        "request": request,
        "task": name,
        "revision": revision,
        "order_key": order_key,
        "due": now,
        "lease": 0,
        "failures": 0,
        "dead": False,
        "reason": "",
        "added_at": now,
    }


def entry(
    request: bytes, revision: int, event: Event, state: State, *, time: int, region: str, reason: str = ""
) -> dict[str, Any]:
    """Make a row of the history."""
    return {
        "request": request,
        "revision": revision,
        "event": event.value,
        "state": state.value,
        "time": time,
        "region": region,
        "reason": reason,
    }


async def load(transaction: Transaction, ids: Iterable[bytes]) -> dict[bytes, StoredRequest]:
    """Read requests and keep them from being changed by others; what is not there is not in the answer."""
    found = await transaction.find(REQUESTS.c.id, sorted(set(ids)), lock=True)
    return {row.id: parse_row(row) for row in found}


class Ledger:
    """What a batch changes; nothing is written before `write`.

    Args:
        transaction: in which it is written.
        rules: what may happen.
        homes: the regions of this gateway.
        dialect: of the store, sqlite or postgresql.
        now: microseconds, by the clock of the store.
    """

    def __init__(
        self, transaction: Transaction, *, rules: Transitions, homes: Collection[str], dialect: str, now: int
    ) -> None:
        """Begin with no change."""
        self._transaction = transaction
        self._rules = rules
        self._homes = homes
        self._dialect = dialect
        self.now = now
        self._changes: dict[bytes, dict[str, Any]] = defaultdict(dict)
        self._events: list[dict[str, Any]] = []
        self._tasks: list[dict[str, Any]] = []
        self._done: list[dict[str, Any]] = []
        self._erased: list[bytes] = []
        self._files: list[dict[str, Any]] = []
        self._counts: Counter[str] = Counter()

    def move(
        self,
        request: StoredRequest,
        event: Event,
        by: Party,
        *,
        region: str,
        reason: str = "",
        at: int | None = None,
        told: State | None = None,
        **columns: Any,  # noqa: ANN401 - columns of the row
    ) -> StoredRequest:
        """Let something happen to a request; gives it as it is then.

        Args:
            request: as it is now.
            event: what happens.
            by: who acts.
            region: the region that acts.
            reason: why.
            at: when, microseconds by the clock where it happened; now where it is not said.
            told: the state that the other gateway tells, where this one follows.
            columns: what else changes in the row.

        Raises:
            RequestStateError: it is not possible.
        """
        if told is None:
            stage = self._rules.after(request.held, request.stage, event, by)
        else:
            stage = self._rules.followed(request.stage, event, by, told)
        revision = request.revision + 1
        columns |= {"revision": revision, "changed_at": self.now}
        if stage.state is State.FAILED:
            columns |= {"content": None, "reply": None, "disputes": None}
            self._erased.append(request.id)
        moved = replace(request, stage=stage, **columns)
        self._changes[request.id] |= {**columns, **moved.moved(stage)}
        time = self.now if at is None else at
        self._events.append(entry(request.id, revision, event, moved.state, time=time, region=region, reason=reason))
        self._queue(request, moved, event, by)
        self._transaction.notify(NEWS, moved.name)
        return moved

    def require(self, request: StoredRequest, event: Event, by: Party) -> None:
        """Demand that something is possible (RequestStateError)."""
        self._rules.after(request.held, request.stage, event, by)

    def set(self, request: StoredRequest, **columns: Any) -> StoredRequest:  # noqa: ANN401 - columns of the row
        """Change columns of a row without anything happening to the request."""
        self._changes[request.id] |= columns
        self._transaction.notify(NEWS, request.name)
        return replace(request, **columns)

    def record(self, decision: Decision) -> None:
        """Add a decision to the evidence."""
        self._transaction.record(decision)

    def claim(self, request: bytes, files: Iterable[bytes]) -> None:
        """Let files belong to a request."""
        self._files += [{"of_file": ident, "for_request": request} for ident in files]

    def _queue(self, before: StoredRequest, after: StoredRequest, event: Event, by: Party) -> None:
        """Tell the other gateway what it has to hear, and take out of the queues what does not wait any more."""
        other = after.source if after.held is Held.TARGET else after.target
        if other not in self._homes and self._rules.is_told(after.held, event, by):
            lane = lane_out(other)
            self._tasks.append(
                task(
                    lane,
                    after.id,
                    event.value,
                    order_key=after.order_key,
                    revision=after.revision,
                    now=self.now,
                )
            )
            self._transaction.notify(LANES, lane)
        if before.waiting is not None and after.waiting is None:
            self._counts[before.waiting] -= 1
            waited = Event.SUBMITTED.value if after.held is Held.SOURCE else RECEIVED
            self._done.append({"of_request": after.id, "of_task": waited})

    async def write(self) -> None:
        """Write all changes."""
        run = self._transaction.execute
        by_columns: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
        for ident, columns in self._changes.items():
            by_columns[tuple(sorted(columns))].append({"of_id": ident, **{f"to_{n}": v for n, v in columns.items()}})
        for names, rows in by_columns.items():
            values: dict[str, Any] = {name: bindparam(f"to_{name}") for name in names}
            await run(update(REQUESTS).where(REQUESTS.c.id == bindparam("of_id")).values(values), rows)
        if self._events:
            await self._transaction.add(EVENTS, self._events)
        if self._done:
            await run(_TAKE_TASKS, self._done)
        if self._tasks:
            await self._transaction.add(QUEUE, self._tasks)
        if self._files:
            await run(CLAIM_FILE, self._files)
        if self._erased:
            files = [{"of_file": ident} for ident in (await run(_FILES_OF, {"ids": self._erased})).scalars()]
            for statement in (_DROP_CHUNKS, _DROP_FILE) if files else ():
                await run(statement, files)
        await count(self._transaction, self._counts, dialect=self._dialect)


async def count(transaction: Transaction, changes: Mapping[str, int], *, dialect: str) -> None:
    """Add to the counts of what waits; in one order everywhere, so that two replicas do not wait for each other."""
    rows = [{"queue": name, "amount": amount} for name, amount in sorted(changes.items()) if amount]
    if rows:
        await transaction.execute(_COUNT[dialect], rows)


async def counted(transaction: Transaction, names: Collection[str]) -> dict[str, int]:
    """Read how many wait, and keep these counts from being changed by others."""
    found = await transaction.find(WAITING.c.name, sorted(names), lock=True)
    return {row.name: row.requests for row in found}


async def never_tried(transaction: Transaction, ids: Collection[bytes]) -> frozenset[bytes]:
    """Tell which requests wait to be handed over and were never tried: the other gateway cannot have them."""
    found = await transaction.execute(_SUBMITTED_TASKS, {"ids": sorted(ids)})
    return frozenset(row.request for row in found if row.lease == 0)
