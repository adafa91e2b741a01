"""Alarms about logs: each is told once, counted, and kept with both checkpoints, which are the proof."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from sqlalchemy import bindparam, insert, select

from gateway.errors import StoreUnavailableError
from gateway.store.schema import new_id
from gateway.store.tables_evidence import ALARMS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.store.store import Store
    from gateway.store.transaction import Transaction

SPLIT_VIEW: Final = "split_view"
"""A log has shown two heads that do not belong to one log."""

ROLLBACK: Final = "rollback"
"""A log shows less than it has signed before."""

OWN_ROLLBACK: Final = "own_rollback"
"""Our own log does not have what we have signed: a cut tail, an old copy, or a rewritten record."""

_KNOWN: Final = select(ALARMS.c.id).where(
    ALARMS.c.origin == bindparam("origin"), ALARMS.c.kind == bindparam("kind"), ALARMS.c.held == bindparam("held")
)
_ALL: Final = select(ALARMS).order_by(ALARMS.c.id)

OWN_HEAD: Final = "own_head"
"""The head of our own log is not that of its records."""

NOT_OURS: Final = "checkpoint_not_ours"
"""Our last checkpoint is signed by none of the keys that we know as ours."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """What contradicts what: two checkpoints as notes, or as texts where nobody has signed one of them."""

    origin: str
    kind: str
    held: str
    offered: str


class Told(Protocol):
    """Hears of an alarm: `gateway.journal.Journal.event`."""

    def __call__(self, name: str, **fields: str | float | bool) -> None:
        """Note an event."""


class Alarms:
    """Keeps alarms and tells of them."""

    def __init__(self, store: Store, *, told: Told) -> None:
        """Take the store and who is told."""
        self._store = store
        self._told = told
        self._sounded: set[tuple[str, str]] = set()
        self.count = 0

    async def sound(self, alarm: Alarm) -> None:
        """Tell of an alarm and keep it; the same again is neither told nor counted, nor one of a log that has one."""
        if (alarm.origin, alarm.kind) in self._sounded:
            return
        self._sounded.add((alarm.origin, alarm.kind))
        self.count += 1
        self._told("evidence_alarm", origin=alarm.origin, kind=alarm.kind)
        try:
            await self._store.commit(_keep, alarm)
        except StoreUnavailableError:
            self._told("evidence_alarm_not_kept", origin=alarm.origin, kind=alarm.kind)

    async def kept(self) -> list[Alarm]:
        """Give all that were ever kept, the oldest first (StoreUnavailableError)."""
        async with self._store.reading() as connection:
            rows = (await connection.execute(_ALL)).all()
        return [Alarm(row.origin, row.kind, held=row.held, offered=row.offered) for row in rows]


async def _keep(transaction: Transaction, alarms: Sequence[Alarm]) -> Sequence[None]:
    """Keep alarms that are not there yet."""
    for one in alarms:
        known = {"origin": one.origin, "kind": one.kind, "held": one.held}
        if (await transaction.execute(_KNOWN, known)).first() is None:
            await transaction.execute(insert(ALARMS), {"id": new_id(), **known, "offered": one.offered})
    return [None] * len(alarms)
