"""A line that can be cut: `python -m bench.status_line`, between one gateway and another.

The plan on standard input is the address to which it leads. Prints its port when it listens. SIGUSR1 cuts it: nothing
passes any more, and nobody is told, as when a cable is cut. SIGUSR2 heals it: what was open is dropped, and what comes
then passes.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import suppress

from bench.references import HOST

_PIECE = 65_536


class Cuttable:
    """Passes bytes on, both ways, while it is whole."""

    def __init__(self, host: str, port: int) -> None:
        """Take where it leads to; it is whole."""
        self._to = host, port
        self._whole = asyncio.Event()
        self._whole.set()
        self._open: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        """Let nothing pass."""
        self._whole.clear()

    def heal(self) -> None:
        """Drop what was open, and let pass what comes."""
        for writer in self._open:
            writer.transport.abort()
        self._whole.set()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on what somebody sends, and what comes back, until one side ends."""
        ends = [writer]
        self._open.add(writer)
        try:
            with suppress(OSError):
                await self._whole.wait()
                there, away = await asyncio.open_connection(*self._to)
                ends.append(away)
                self._open.add(away)
                await asyncio.gather(self._pump(reader, away), self._pump(there, writer))
        finally:
            for end in ends:
                end.close()
            self._open.difference_update(ends)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(_PIECE):
                await self._whole.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


async def serve(address: str) -> None:
    """Serve until SIGTERM."""
    host, _, port = address.rpartition(":")
    line, stop, loop = Cuttable(host, int(port)), asyncio.Event(), asyncio.get_running_loop()
    for number, does in ((signal.SIGTERM, stop.set), (signal.SIGUSR1, line.cut), (signal.SIGUSR2, line.heal)):
        loop.add_signal_handler(number, does)
    server = await asyncio.start_server(line.connected, HOST, 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await stop.wait()
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(sys.stdin.read().strip()))
