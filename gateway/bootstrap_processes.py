"""Composition root of several processes that are one gateway on one machine: what they share, what each has alone."""

from __future__ import annotations

import asyncio
import socket
from contextlib import closing
from typing import TYPE_CHECKING, Protocol

from gateway.errors import SettingsError
from gateway.journal import JsonJournal
from gateway.lifeline import end_with_parent
from gateway.processes import Processes
from gateway.store.engine import open_engine
from gateway.store.lock import FileLock
from gateway.store.migrate import migrate
from gateway.store.siblings import Siblings, paired

if TYPE_CHECKING:
    from gateway.settings import Settings


class Run(Protocol):
    """Runs one process of a gateway until it is told to stop; `gateway.bootstrap.run` does."""

    def __call__(self, settings: Settings, siblings: Siblings | None = None, /) -> None:
        """Run it (SettingsError, StoreSchemaError, StoreUnavailableError)."""


def serve(settings: Settings, run: Run) -> int:
    """Run a gateway in as many processes as it is to have; gives its exit code.

    Raises:
        SettingsError: another gateway has its file or its addresses.
        StoreSchemaError, StoreUnavailableError: the file cannot be brought up to date.
    """
    if settings.processes == 1:
        end_with_parent()
        run(settings)
        return 0
    _demand_free(settings)
    lock = _hold(settings)
    journal = JsonJournal(gateway=settings.gateway)
    try:
        with paired(settings.processes) as made:
            return Processes(
                settings.processes,
                lambda place: run(settings.of_process(place), Siblings(place, made)),
                ended=lambda place, code: journal.event("process_ended", process=str(place), exit_code=code),
            ).run()
    finally:
        if lock is not None:
            lock.release()


def _hold(settings: Settings) -> FileLock | None:
    """Take hold of a file of SQLite for all processes, which inherit it, and bring it up to date."""
    engine = open_engine(settings.store.address)
    if engine.file is None:
        return None
    lock = FileLock(engine.file)
    lock.take()

    async def bring_up_to_date() -> None:
        await migrate(engine)
        await engine.close()

    try:
        asyncio.run(bring_up_to_date())
    except BaseException:
        lock.release()
        raise
    return lock


def _demand_free(settings: Settings) -> None:
    """Demand that nobody listens where these processes are to, and would share calls with them (SettingsError)."""
    listen = settings.listen
    metrics = (settings.of_process(place).listen.metrics for place in range(settings.processes))
    for address in filter(None, (listen.grpc, listen.mutual, listen.web, *metrics)):
        host, _, port = address.rpartition(":")
        try:
            for family, *_, place in socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM):
                with closing(socket.create_server(place[:2], family=family)):
                    pass
        except OSError as error:
            raise SettingsError((f"listen: {address} is taken or not ours ({type(error).__name__})",)) from error
