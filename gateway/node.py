"""A running node: its gRPC and web sides, started and stopped together."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.errors import GatewayError, SettingsError
from gateway.overheard import overhear

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

    from grpc import ServerCredentials

    from gateway.journal import Journal
    from gateway.server import GrpcServer
    from gateway.web.app import WebSide


_AGAIN_SECONDS = 1.0
_END_SECONDS = 5.0
"""How long what runs beside the servers may take to end when it is told to."""


class ServerEndedError(GatewayError):
    """The gRPC side ended by itself; for the operator, and for what starts a gateway anew."""

    message = "The gRPC side of the gateway ended by itself."


@dataclass(frozen=True, slots=True)
class Listening:
    """A port of the gRPC side, `host:port`; without credentials it speaks no TLS. `setting` names it in a report."""

    address: str
    credentials: ServerCredentials | None
    setting: str = "listen.grpc"


async def keep_running(
    name: str, work: Callable[[], Coroutine[None, None, None]], journal: Journal, *, event: str
) -> None:
    """Run something as long as the node does; what was not foreseen is told by its type, and does not end it."""
    while True:
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - others wait for this task; its words may quote what they sent
            journal.event(event, task=name, type=type(error).__name__)
        await asyncio.sleep(_AGAIN_SECONDS)


def _name_of(work: Callable[[], Coroutine[None, None, None]]) -> str:
    """Name the function that does some work."""
    return getattr(getattr(work, "func", work), "__qualname__", "")


class Node:
    """A gateway that can be started and stopped."""

    def __init__(
        self,
        *,
        server: GrpcServer,
        web: WebSide,
        grpc: Sequence[Listening],
        web_address: str,
        starters: Sequence[Callable[[], Awaitable[None]]] = (),
        settled: Callable[[], Coroutine[None, None, object]] | None = None,
        tasks: Sequence[Callable[[], Coroutine[None, None, None]]] = (),
        closers: Sequence[Callable[[], Awaitable[None]]],
        journal: Journal,
        drain_seconds: float,
    ) -> None:
        """Take the parts.

        Args:
            server: the gRPC side.
            web: the HTTP side.
            grpc: the ports of the gRPC side.
            web_address: the port of the HTTP side, `host:port`.
            starters: begin what the parts use, before anything is answered.
            settled: ends when calls can be answered as they deserve; until then they wait, and the pages are there.
            tasks: run beside the servers; one that fails by what nobody foresaw is told of and begins again.
            closers: close what the parts use, after both sides have stopped.
            journal: is told of start and stop.
            drain_seconds: how long running calls may take to finish.
        """
        self._server = server
        self._web = web
        self._grpc = tuple(grpc)
        self._web_address = web_address
        self._starters = starters
        self._settled = settled
        self._told_to_stop = asyncio.Event()
        self._tasks = tasks
        self._running: list[asyncio.Task[None]] = []
        self._closers = closers
        self._journal = journal
        self._drain_seconds = drain_seconds

    async def start(self) -> None:
        """Listen and serve (SettingsError where an address is taken)."""
        host, _, port = self._web_address.rpartition(":")
        self._web.serving = False
        for start in self._starters:
            await start()
        tried = ""
        try:
            for place in self._grpc:
                tried = f"{place.setting}: {place.address}"
                self._server.listen(place.address, place.credentials)
            tried = f"listen.web: {self._web_address}"
            await self._web.start(host.strip("[]"), int(port), journal=self._journal)
        except (OSError, RuntimeError) as error:
            raise SettingsError((f"{tried} is taken or not ours ({type(error).__name__})",)) from error
        await self._settle()
        await self._server.start()
        self._web.serving = True
        self._running = [asyncio.create_task(self._run(work)) for work in self._tasks]
        self._journal.event("ready", grpc=self._grpc[0].address, web=self._web_address)

    async def _run(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """Do some work to its end, and again where it fails: without it the node would go on as if all were well."""
        while True:
            try:
                return await work()
            except Exception as error:  # noqa: BLE001 - nobody waits for this; its words may quote what others sent
                self._journal.event("task_failed", task=_name_of(work), type=type(error).__name__)
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _settle(self) -> None:
        """Wait until calls can be answered, or until it is time to stop."""
        if self._settled is None:
            return
        waits = {asyncio.create_task(self._settled()), asyncio.create_task(self._told_to_stop.wait())}
        done, late = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in late:
            task.cancel()
        for task in done:
            task.result()

    async def stop(self) -> None:
        """Drain and close everything."""
        self._journal.event("stopping")
        self._web.serving = False
        for task in self._running:
            task.cancel()
        await self._server.stop(drain_seconds=self._drain_seconds)
        await self._web.stop()
        if self._running:  # they give back what they have of the store before it is closed
            await asyncio.wait(self._running, timeout=_END_SECONDS)
        for close in self._closers:
            await close()
        self._journal.event("stopped")

    async def serve(self) -> None:
        """Run until SIGTERM or SIGINT, then drain.

        Raises:
            SettingsError: it cannot start.
            ServerEndedError: the gRPC side ended although nobody told it to.
        """
        stop = self._told_to_stop
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        with overhear(self._journal):
            await self._serve_until(stop)

    async def _serve_until(self, stop: asyncio.Event) -> None:
        """Run until told to stop, then drain."""
        await self.start()
        told, ended = asyncio.create_task(stop.wait()), asyncio.create_task(self._server.ended())
        await asyncio.wait({told, ended}, return_when=asyncio.FIRST_COMPLETED)
        fault = ended.done() and not told.done()
        if fault:
            self._web.serving, self._web.ended = False, True
            error = ended.exception()  # its words may quote what a caller sent
            self._journal.event("server_ended", type="" if error is None else type(error).__name__)
        told.cancel()
        await self.stop()
        await asyncio.wait({ended})
        if fault:
            raise ServerEndedError
