"""A running node: its gRPC and web sides, started and stopped together."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from grpc import ServerCredentials

    from gateway.journal import Journal
    from gateway.server import GrpcServer
    from gateway.web.app import WebSide


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a node listens, `host:port`; without credentials the gRPC side speaks no TLS."""

    grpc: str
    web: str
    credentials: ServerCredentials | None


class Node:
    """A gateway that can be started and stopped."""

    def __init__(
        self,
        *,
        server: GrpcServer,
        web: WebSide,
        addresses: Addresses,
        closers: Sequence[Callable[[], Awaitable[None]]],
        journal: Journal,
        drain_seconds: float,
    ) -> None:
        """Take the parts; `closers` close what the parts use, after both sides have stopped."""
        self._server = server
        self._web = web
        self._addresses = addresses
        self._closers = closers
        self._journal = journal
        self._drain_seconds = drain_seconds

    async def start(self) -> None:
        """Listen and serve (SettingsError where an address is taken)."""
        addresses = self._addresses
        host, _, port = addresses.web.rpartition(":")
        try:
            self._server.listen(addresses.grpc, addresses.credentials)
            await self._web.start(host.strip("[]"), int(port))
        except (OSError, RuntimeError) as error:
            raise SettingsError((f"listen: an address is taken or not ours ({type(error).__name__})",)) from error
        await self._server.start()
        self._journal.event("ready", grpc=addresses.grpc, web=addresses.web)

    async def stop(self) -> None:
        """Drain and close everything."""
        self._journal.event("stopping")
        await self._server.stop(drain_seconds=self._drain_seconds)
        await self._web.stop()
        for close in self._closers:
            await close()
        self._journal.event("stopped")

    async def serve(self) -> None:
        """Run until SIGTERM or SIGINT, then drain (SettingsError where it cannot start)."""
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await self.start()
        await stop.wait()
        await self.stop()
