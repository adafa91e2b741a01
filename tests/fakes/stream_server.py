"""A server of byte streams for tests that leaves nothing open, not even what it had just accepted as it stopped."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Self, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

Answer: TypeAlias = "Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[object, object, None]]"

HOST = "127.0.0.1"


class StreamServer:
    """Listens on a free port of this machine; each connection is given to `answer`, and is cut where the line fails.

    A context manager; `start` and `stop` are for those that outlive a block. What an answer leaves open is cut when
    the server stops, and an answer that still runs is cancelled. Not asyncio's own server: that one forgets a
    connection which it has accepted and not yet handed over as it closes (CPython 3.11), and the collector then finds
    it in some other test.
    """

    def __init__(self, answer: Answer) -> None:
        """Take who answers; connections wait until it is started."""
        self._answer = answer
        self._listener = socket.create_server((HOST, 0))
        self._listener.settimeout(0)
        self.port: int = self._listener.getsockname()[1]
        self._accepted: list[socket.socket] = []
        self._writers: list[asyncio.StreamWriter] = []
        self._running: set[asyncio.Task[None]] = set()

    async def start(self) -> Self:
        """Begin to accept, in the running event loop."""
        asyncio.get_running_loop().add_reader(self._listener, self._accept)
        return self

    async def stop(self) -> None:
        """Cut everything, and wait until it is closed."""
        asyncio.get_running_loop().remove_reader(self._listener)
        self._listener.close()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*(writer.wait_closed() for writer in self._writers), return_exceptions=True)
        for connection in self._accepted:
            connection.close()  # whose answer was cancelled before it began

    async def __aenter__(self) -> Self:
        """Begin to accept."""
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        self._accepted.append(connection)
        task = asyncio.create_task(self._serve(connection))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(0)
        reader, writer = await asyncio.open_connection(sock=connection)
        self._writers.append(writer)
        try:
            await self._answer(reader, writer)
        except ConnectionError:
            writer.close()
