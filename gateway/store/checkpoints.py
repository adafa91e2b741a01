"""Writes SQLite's log back into its file beside the writer, so that no commit waits for it.

SQLite would do so in a commit, once the log is long enough: in a large file thousands of pages that lie far apart, and
everybody who waits for that commit waits for them too. A passive checkpoint on a connection of its own stops nobody.
It cannot begin the log anew while new commits come in; the writer still does that, at a length that it seldom meets,
and then finds nearly everything written back (SQLite, "Write-Ahead Logging", sections 2.1 and 3).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import SQLAlchemyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.store.engine import StoreEngine

LOOK_SECONDS: Final = 0.5
MANY: Final = 250
"""Items that are worth a checkpoint at once; fewer wait a while, since each one synchronizes the disk twice."""

_PATIENT_LOOKS: Final = 20


class Checkpoints:
    """Writes back what was written since.

    Args:
        engine: where the store is, in a file of SQLite.
        written: how many items were written so far.
        look_seconds: how often it looks.
    """

    def __init__(self, engine: StoreEngine, *, written: Callable[[], int], look_seconds: float = LOOK_SECONDS) -> None:
        """Begin nothing yet."""
        self._engine = engine
        self._written = written
        self._look_seconds = look_seconds

    async def run(self) -> None:
        """Go on until cancelled."""
        back, looks = self._written(), 0
        while True:
            await asyncio.sleep(self._look_seconds)
            new, looks = self._written() - back, looks + 1
            if new >= MANY or (new and looks >= _PATIENT_LOOKS):
                back, looks = back + new, 0
                await self._write_back()

    async def _write_back(self) -> None:
        # What could not be written back is left to the writer, whose commit then fails, and which tells of it.
        with suppress(SQLAlchemyError, OSError, TimeoutError):
            async with self._engine.reading.connect() as connection:
                await connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")
