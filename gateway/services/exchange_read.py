"""Reading requests: one, many by page, and one again and again whenever something has happened to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import bindparam, select, union_all

from gateway.errors import RequestNotFoundError
from gateway.services.evidence import Outcome
from gateway.services.exchange_act import DENIED
from gateway.services.exchange_downloads import record
from gateway.services.exchange_model import HistoryEntry, parse_row, request_name
from gateway.services.exchange_receipts import is_ready
from gateway.services.exchange_states import ANSWERED, OVER, Event, Open, State
from gateway.store.tables_exchange import EVENTS, REQUESTS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.services.exchange_board import Board
    from gateway.services.exchange_model import Actor, StoredRequest
    from gateway.services.exchange_receipts import ReceiptDesk
    from gateway.store.store import Store

LOOK_SECONDS: Final = 30.0
"""How often who watches looks, should he have missed that something happened."""

_BY_ID: Final = select(REQUESTS).where(REQUESTS.c.id == bindparam("id"))
_HISTORY: Final = select(EVENTS).where(EVENTS.c.request == bindparam("id")).order_by(EVENTS.c.revision)
_HISTORIES: Final = (
    select(EVENTS).where(EVENTS.c.request.in_(bindparam("ids", expanding=True))).order_by(EVENTS.c.revision)
)


class Found(NamedTuple):
    """A request with its history."""

    request: StoredRequest
    history: tuple[HistoryEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which requests are listed: sent by the caller, or received by its region; in one of some states."""

    received: bool
    states: frozenset[State]
    other_region: str
    item_type: str


class Reading:
    """The use cases.

    Args:
        store: where requests are kept.
        board: wakes who watches.
    """

    def __init__(self, store: Store, *, board: Board) -> None:
        """Keep them."""
        self._store = store
        self._board = board

    async def get(self, request: tuple[str, bytes], actor: Actor) -> Found:
        """Find a request of the caller's.

        Raises:
            RequestNotFoundError: there is none, or none of the caller's; that is recorded, and told in the same words.
        """
        source, ident = request
        async with self._store.reading() as connection:
            row: Any = (await connection.execute(_BY_ID, {"id": ident})).one_or_none()
            found = None if row is None else parse_row(row)
            if found is not None and found.source == source and found.party(actor) is not None:
                return Found(found, await _history(connection, ident))
        reason = "REQUEST_NOT_FOUND" if row is None else DENIED
        await self._store.commit(record, actor.decision(Outcome.REFUSED, reason=reason, who_failed="caller"))
        raise RequestNotFoundError

    async def chains(self, request: StoredRequest, receipts: ReceiptDesk) -> dict[str, tuple[str, ...]]:
        """Give the trust chains of a receipt, by region."""
        async with self._store.reading() as connection:
            return await receipts.chains_of(connection, request)

    async def watch(self, request: tuple[str, bytes], actor: Actor) -> AsyncGenerator[Found]:
        """Give a request as it is now, and whenever something has happened to it, until it can change no more.

        Raises:
            RequestNotFoundError: as `get`.
        """
        seen: tuple[int, bool] | None = None
        with self._board.waiting(request_name(*request)) as news:  # before it is read, or what happens then is missed
            while True:
                found = await self.get(request, actor)
                mark = (found.request.revision, is_ready(found.request))
                if mark != seen:
                    seen = mark
                    yield found
                if is_final(found.request):
                    return
                await news.wait(LOOK_SECONDS)

    async def page(self, filtered: Filter, actor: Actor, *, after: bytes, size: int) -> tuple[list[Found], bool]:
        """List requests in the order of their ids; tells whether there are more.

        Args:
            filtered: which.
            actor: whose.
            after: the id behind which to begin; empty for the first page.
            size: how many at most.
        """
        columns = REQUESTS.c
        whose = columns.target == actor.region if filtered.received else columns.caller == actor.caller
        parts = []
        for state in sorted(filtered.states or State):
            part = select(REQUESTS).where(whose, columns.state == state.value, columns.id > after)
            if filtered.received:
                part = part.where(columns.held == "target")
            if filtered.other_region:
                other = columns.source if filtered.received else columns.target
                part = part.where(other == filtered.other_region)
            if filtered.item_type:
                part = part.where(columns.item_type == filtered.item_type)
            parts.append(select(part.order_by(columns.id).limit(size + 1).subquery()))
        every = union_all(*parts).subquery()
        statement = select(every).order_by(every.c.id).limit(size + 1)
        async with self._store.reading() as connection:
            rows = [parse_row(row) for row in await connection.execute(statement)]
            histories = await _histories(connection, [row.id for row in rows[:size]])
        return [Found(row, histories[row.id]) for row in rows[:size]], len(rows) > size


def is_final(request: StoredRequest) -> bool:
    """Tell whether nothing will happen to a request any more, unless somebody objects to its reply."""
    if request.stage.open is not Open.NONE or request.state not in OVER:
        return False
    return request.state not in ANSWERED or is_ready(request)


async def _history(connection: AsyncConnection, ident: bytes) -> tuple[HistoryEntry, ...]:
    return tuple(_entry(row) for row in await connection.execute(_HISTORY, {"id": ident}))


async def _histories(connection: AsyncConnection, ids: Sequence[bytes]) -> dict[bytes, tuple[HistoryEntry, ...]]:
    """Read the histories of several requests at once."""
    found: dict[bytes, list[HistoryEntry]] = {ident: [] for ident in ids}
    if ids:
        for row in await connection.execute(_HISTORIES, {"ids": list(ids)}):
            found[row.request].append(_entry(row))
    return {ident: tuple(entries) for ident, entries in found.items()}


def _entry(row: Any) -> HistoryEntry:  # noqa: ANN401 - a row of the table
    return HistoryEntry(row.revision, Event(row.event), State(row.state), row.time, row.region, row.reason)
