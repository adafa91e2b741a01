"""Servers on 127.0.0.1 that misbehave byte by byte, for tests of the platform client."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from tests.fakes.stream_server import StreamServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

Answer: TypeAlias = "Callable[[asyncio.StreamWriter], Awaitable[None]]"


@dataclass
class Server:
    """A running server: its port, the requests it got, how many clients left it, how many bytes it could send."""

    port: int = 0
    connections: int = 0
    clients_gone: int = 0
    requests: list[bytes] = field(default_factory=list)
    bytes_sent: int = 0

    @property
    def url(self) -> str:
        """Base URL."""
        return f"http://127.0.0.1:{self.port}"


def reply(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    """Write an HTTP/1.1 reply; `length` can lie."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def says(*replies: bytes) -> Answer:
    """Answer with these bytes, one after the other, the last one for ever."""
    left = list(replies)

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(left.pop(0) if len(left) > 1 else left[0])
        await writer.drain()

    return answer


async def silent(_writer: asyncio.StreamWriter) -> None:
    """Do not answer."""


def forever(start: bytes, piece: bytes, *, pause: float, server: Server) -> Answer:
    """Answer with a start and then the same piece until the client goes away, 100 MB at most."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while server.bytes_sent < 100_000_000:
            writer.write(piece)
            await writer.drain()
            server.bytes_sent += len(piece)
            await asyncio.sleep(pause)

    return answer


async def _request(reader: asyncio.StreamReader) -> bytes:
    """Read one request with its body."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(":")
        if name.lower() == "content-length":
            length = int(value)
    return head + await reader.readexactly(length)


@asynccontextmanager
async def serving(answer: Answer, server: Server | None = None) -> AsyncIterator[Server]:
    """Run a server that gives this answer to each request; a connection stays open unless the answer closes it."""
    served = server or Server()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.connections += 1
        try:
            while not writer.is_closing():
                served.requests.append(await _request(reader))
                await answer(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            served.clients_gone += 1
            writer.close()

    async with StreamServer(connected) as listener:
        served.port = listener.port
        yield served
