"""Composition root of several processes that are one gateway on one machine: what they share, what each has alone."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Final, Protocol

from gateway.cores import stay_on_own_cores
from gateway.errors import GatewayError, SettingsError
from gateway.journal import JsonJournal
from gateway.lifeline import end_with_parent
from gateway.overheard import places
from gateway.processes import UNUSABLE, Processes, in_words
from gateway.store.engine import open_engine
from gateway.store.lock import FileLock
from gateway.store.migrate import migrate
from gateway.store.siblings import Siblings, paired

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.processes import Place
    from gateway.settings import Settings

_END_SECONDS: Final = 10.0
"""How long a process may take to end beside what its calls may take."""


class Run(Protocol):
    """Runs one process of a gateway until it is told to stop; `gateway.bootstrap.run` does."""

    def __call__(self, settings: Settings, siblings: Siblings | None = None, place: Place | None = None, /) -> None:
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
    try:
        with paired(settings.processes) as made, _speaking_once() as first:
            return Processes(
                settings.processes,
                lambda place: _run(settings, run, Siblings(place.number, made), place),
                told=_Told(settings.gateway, first),
                stop_seconds=settings.drain_seconds + _END_SECONDS,
            ).run()
    finally:
        if lock is not None:
            lock.release()


def _run(settings: Settings, run: Run, siblings: Siblings, place: Place) -> None:
    """Run one of several processes."""
    if settings.pin_processes:
        stay_on_own_cores(place.number, settings.processes)
    run(settings.of_process(place.number), siblings, place)


@contextmanager
def _speaking_once() -> Iterator[int]:
    """Give a pipe that holds one byte: of the processes that inherit it, one takes it and speaks for all."""
    out, into = os.pipe()
    try:
        os.set_blocking(out, False)
        os.write(into, b"1")
        yield out
    finally:
        os.close(out)
        os.close(into)


class _Told:
    """Tells the log of a gateway what happens to its processes."""

    def __init__(self, gateway: str, first: int) -> None:
        """Take the identifier of the gateway, and what `_speaking_once` gives."""
        self._journal = JsonJournal(gateway=gateway)
        self._first = first

    def ended(self, place: int, code: int) -> None:
        self._journal.event("process_ended", process=str(place), exit_code=code)

    def killed(self, place: int, cause: str) -> None:
        self._journal.event("process_killed", process=str(place), cause=cause)

    def failed(self, place: Place, error: Exception) -> None:
        """Tell a person who starts the gateway in words, once for all processes, and later the log."""
        if isinstance(error, UNUSABLE) and not place.ended:
            if self._speaks():
                in_words(error)
            return
        self._journal.event(
            "process_failed",
            process=str(place.number),
            type=type(error).__name__,
            says=str(error) if isinstance(error, GatewayError) else "",  # words of others may quote
            at=places(error),
        )

    def _speaks(self) -> bool:
        try:
            return bool(os.read(self._first, 1))
        except BlockingIOError:
            return False


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
    with ExitStack() as taken:  # all at once, so that two of ours do not meet either
        for name, address in _addresses(settings):
            host, _, port = address.rpartition(":")
            try:
                found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
                for family, where in {(family, where[:2]) for family, *_, where in found}:
                    taken.enter_context(closing(socket.create_server(where, family=family)))
            except OSError as error:
                raise SettingsError((f"{name}: {address} is taken or not ours ({type(error).__name__})",)) from error


def _addresses(settings: Settings) -> Iterator[tuple[str, str]]:
    """Name where these processes listen."""
    listen = settings.listen
    for name, address in (("grpc", listen.grpc), ("mutual", listen.mutual), ("web", listen.web)):
        if address is not None:
            yield f"listen.{name}", address
    for place in range(settings.processes):
        address = settings.of_process(place).listen.metrics
        if address is not None:
            yield f"listen.metrics, of process {place}", address
