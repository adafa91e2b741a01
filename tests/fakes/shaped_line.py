"""A line between two ends that a test makes slow, thin, cut or deaf: bytes are passed on as they are, and in order."""

from __future__ import annotations

import asyncio
import struct
from contextlib import suppress
from dataclasses import dataclass
from socket import SO_LINGER, SOL_SOCKET
from typing import TYPE_CHECKING, Self

from tests.fakes.stream_server import StreamServer

if TYPE_CHECKING:
    from socket import socket

_CHUNK = 4096
_TURN_SECONDS = 0.02


@dataclass(slots=True)
class ShapedLine:
    """Listens on a free port and passes on to an address; what it does with bytes may change at any time.

    `latency` is in seconds for each piece, `bytes_per_second` bounds each direction, `piece` is the most bytes at a
    time. After `cut_after` bytes of answers, counted over all connections, the connection is reset, `cuts` times.
    While it is `deaf`, it takes everything and passes on nothing.
    """

    to: str
    latency: float = 0.0
    bytes_per_second: int = 0
    piece: int = _CHUNK
    cut_after: int = 0
    cuts: int = 0
    deaf: bool = False
    port: int = 0
    connections: int = 0
    answered: int = 0
    _server: StreamServer | None = None

    async def start(self) -> Self:
        """Begin to listen, in the running event loop."""
        self._server = await StreamServer(self._connect).start()
        self.port = self._server.port
        return self

    async def stop(self) -> None:
        """Cut everything."""
        if self._server is not None:
            await self._server.stop()

    def heal(self) -> None:
        """Pass on everything at once from now on; what was swallowed stays lost."""
        self.latency, self.bytes_per_second, self.piece, self.cuts, self.deaf = 0.0, 0, _CHUNK, 0, False

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        host, _, port = self.to.rpartition(":")
        there, back = await asyncio.open_connection(host, int(port))
        lines = [self._pass_on(reader, back, answers=False), self._pass_on(there, writer, answers=True)]
        tasks = [asyncio.create_task(line) for line in lines]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            for end in (writer, back):
                end.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(self.piece):
                while self.deaf:
                    await asyncio.sleep(_TURN_SECONDS)
                    if not self.deaf:
                        return
                await asyncio.sleep(self.latency + (len(data) / self.bytes_per_second if self.bytes_per_second else 0))
                if answers and self._is_cut(len(data)):
                    _reset(writer)
                    return
                writer.write(data)
                await writer.drain()

    def _is_cut(self, count: int) -> bool:
        """Count bytes of answers, and tell whether this is where the line breaks."""
        self.answered += count
        if not self.cuts or self.answered < self.cut_after:
            return False
        self.cuts -= 1
        self.answered = 0
        return True


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close a connection by a reset and not by an end (RST in the place of FIN)."""
    end: socket = writer.get_extra_info("socket")
    with suppress(OSError):
        end.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
