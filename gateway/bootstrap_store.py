"""Composition root of the store: where it is, who holds it, and the keys of what is sealed in it."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from gateway.errors import SettingsError, StoreUnavailableError
from gateway.store.engine import open_engine
from gateway.store.key_folder import read_keys
from gateway.store.lock import FileLock
from gateway.store.migrate import migrate
from gateway.store.replay import StoreReplay
from gateway.store.sealing import Sealer
from gateway.store.status_places import StatusPlaces
from gateway.store.store import Store
from gateway.store_advice import advice

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.journal import Journal
    from gateway.settings import Settings
    from gateway.store.engine import StoreEngine
    from gateway.store.sealing import SealingKey
    from gateway.store.siblings import Siblings
    from gateway.store.store import Append

SWEEP_SECONDS = 15.0
"""How often what is over is deleted."""


@dataclass(frozen=True, slots=True)
class StoreSide:
    """The store of a node. `lock` keeps other gateways from the same file; a server is for several.

    `keys` reads the keys of `sealer` as they are now.
    """

    engine: StoreEngine
    store: Store
    sealer: Sealer
    keys: Callable[[], Sequence[SealingKey]]
    lock: FileLock | None
    replay: StoreReplay
    places: StatusPlaces
    journal: Journal

    async def start(self) -> None:
        """Take hold of it, bring its schema up to date, and see that a write lasts.

        Raises:
            SettingsError: another gateway has the file, or the database cannot be had or is not fit to keep anything.
            StoreSchemaError: a later version has made the schema.
        """
        if self.lock is not None:
            self.lock.take()
        try:
            before = await migrate(self.engine)
            await self.store.open()
        except StoreUnavailableError as error:
            raise advice(error, self.engine) from error
        self.journal.event("store_open", engine=self.engine.writing.dialect.name, schema_before=before)

    async def keep_clean(self) -> None:
        """Take up new keys and delete what is over, again and again, until cancelled.

        What cannot be done now is done at the next time.
        """
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            with suppress(SettingsError):
                self.sealer.use(self.keys())
            for sweep in (self.replay.sweep, self.places.sweep):
                with suppress(StoreUnavailableError):
                    await sweep(int(time.time()))

    async def close(self) -> None:
        """Write what still waits, and let go of it."""
        await self.store.close()
        if self.lock is not None:
            self.lock.release()


def build_store(
    settings: Settings, journal: Journal, *, evidence: Callable[[str], Append], siblings: Siblings | None = None
) -> StoreSide:
    """Prepare the store of a node; nothing is connected yet (SettingsError where it or its keys cannot be used).

    `evidence` gives, for the name of an engine, what adds the decisions of each transaction to the log. With
    `siblings`, who started all holds the file for them.
    """
    keys = partial(read_keys, settings.store.keys)
    engine = open_engine(settings.store.address)
    store = Store(engine, append=evidence(engine.writing.dialect.name), told=journal.event, siblings=siblings)
    return StoreSide(
        engine=engine,
        store=store,
        sealer=Sealer(keys(), more=keys),
        keys=keys,
        lock=None if engine.file is None or siblings is not None else FileLock(engine.file),
        replay=StoreReplay(store),
        places=StatusPlaces(store),
        journal=journal,
    )
