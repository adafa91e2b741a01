"""Hears from PostgreSQL what any replica has told, over one connection that is made anew when it is lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from asyncpg import InterfaceError, PostgresError  # type: ignore[import-untyped]  # it brings no types
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import GatewayError

if TYPE_CHECKING:
    from gateway.store.engine import StoreEngine
    from gateway.store.notices import Notices

RETRY_SECONDS: Final = 0.5
LOOK_SECONDS: Final = 5.0
"""How often a connection on which nothing comes is asked whether it still stands."""

_LOST: Final = (InterfaceError, PostgresError, SQLAlchemyError, OSError, TimeoutError, GatewayError)


class ServerListening:
    """Listens on the server to the channels to which somebody listens here."""

    def __init__(self, engine: StoreEngine, notices: Notices) -> None:
        """Begin without a connection."""
        self._engine = engine
        self._notices = notices
        self._changed = asyncio.Event()

    def look(self) -> None:
        """See soon whether there are other channels than before."""
        self._changed.set()

    async def run(self) -> None:
        """Listen until cancelled; what may have been missed while there was no connection, everybody is told."""
        while True:
            try:
                async with self._engine.reading.connect() as connection:
                    driver: Any = (await connection.get_raw_connection()).driver_connection
                    driver.add_termination_listener(self._ended)
                    try:
                        await self._follow(driver)
                    finally:
                        # It hears what nobody else asked for: never to be lent again.
                        await connection.invalidate()
            except _LOST:
                await asyncio.sleep(RETRY_SECONDS)

    def _ended(self, _driver: object) -> None:
        self._changed.set()

    def _hear(self, _driver: object, _process: int, channel: str, payload: object) -> None:
        self._notices.tell(channel, str(payload))

    async def _follow(self, driver: Any) -> None:  # noqa: ANN401 - a connection of asyncpg, which brings no types
        """Listen to what is wanted, as long as the connection stands (one of `_LOST`)."""
        heard = set[str]()
        while True:
            self._changed.clear()
            wanted = self._notices.channels
            for channel in wanted - heard:
                await driver.add_listener(channel, self._hear)
                self._notices.tell_all()
            for channel in heard - wanted:
                await driver.remove_listener(channel, self._hear)
            heard = set(wanted)
            try:
                async with asyncio.timeout(LOOK_SECONDS):  # wait_for() of Python 3.11 may swallow that we are cancelled
                    await self._changed.wait()
            except TimeoutError:
                await driver.execute("SELECT 1", timeout=self._engine.patience_seconds)
