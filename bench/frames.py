"""Clients of unary gRPC methods that make HTTP/2 frames by hand, for loads in which a client's own work would count.

grpc.aio takes some 270 µs of CPU for a call as a client, a fifth of what a durable submit takes a gateway, and both
share a machine. Here a call is two frames put together from bytes made before, and an answer is read as far as it has
to be: its length, and the status in its trailers. Of HTTP/2 (RFC 9113) there is what that needs and no more: the window
is respected, settings and pings are acknowledged, and whatever else ends a call or a connection is the end of the load.
"""

from __future__ import annotations

import asyncio
import ssl
import struct
import time
from typing import TYPE_CHECKING, Final, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_DATA, _HEADERS, _SETTINGS, _PING, _WINDOW_UPDATE = 0, 1, 4, 6, 8
_END_STREAM, _ACK, _END_HEADERS = 0x1, 0x1, 0x4
_FRAME_HEAD_BYTES: Final = 9
_MESSAGE_HEAD_BYTES: Final = 5
_FRAME_BYTES: Final = 16_384
"""The longest frame that every server takes."""

_FIRST_WINDOW: Final = 65_535
_WIDEST: Final = 2**31 - 1
_OPENING: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_HEADER_TABLE_SIZE, _INITIAL_WINDOW_SIZE = 1, 4
_SHORT: Final = 127
"""A length below goes into seven bits (RFC 7541 section 5.1)."""

_POST_BY_HTTPS: Final = b"\x83\x87"
_ALWAYS: Final = {"te": "trailers", "content-type": "application/grpc", "grpc-timeout": "25S"}
_GOOD: Final = b"grpc-status\x010"
"""How status 0 is written by a server that has no table for headers."""


class LoadError(Exception):
    """A call or its connection ended in another way than with status 0."""


class Server(NamedTuple):
    """Where a server is: `host:port`, the CA of its certificate in PEM, and the name in it."""

    address: str
    ca: str
    name: str


class Client(asyncio.Protocol):
    """A connection with one call under way; when that ends well, the next begins.

    Args:
        method: path of the method.
        authority: name of the server.
        request: gives the next message and its bearer token.
        told: hears of each call that ended well, its seconds and the bytes of its answer; says whether to go on.
    """

    def __init__(
        self,
        method: str,
        *,
        authority: str,
        request: Callable[[], tuple[bytes, str]],
        told: Callable[[float, int], bool],
    ) -> None:
        """Make what all calls have in common."""
        names = {":path": method, ":authority": authority, **_ALWAYS}
        self._headers = _POST_BY_HTTPS + b"".join(_header(name, value) for name, value in names.items())
        self._request = request
        self._told = told
        self._stream = -1
        self._began = 0.0
        self._answered = 0
        self._window = _FIRST_WINDOW
        self._body = b""
        self._out: list[bytes] = []
        self._in = b""
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say how we want to be answered, and begin."""
        self._transport = cast("asyncio.Transport", transport)
        settings = struct.pack(">HLHL", _HEADER_TABLE_SIZE, 0, _INITIAL_WINDOW_SIZE, _WIDEST)
        wider = struct.pack(">L", _WIDEST - _FIRST_WINDOW)
        self._out += (_OPENING, _frame(_SETTINGS, 0, 0, settings), _frame(_WINDOW_UPDATE, 0, 0, wider))
        self._begin()
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell that no answer comes any more."""
        self._fail(f"the connection was lost: {exc}")

    def data_received(self, data: bytes) -> None:
        """Take all whole frames, and send what they call for in one piece."""
        data, at = self._in + data, 0
        while len(data) - at >= _FRAME_HEAD_BYTES:
            start = at + _FRAME_HEAD_BYTES
            end = start + int.from_bytes(data[at : at + 3], "big")
            if end > len(data):
                break
            self._take(data[at + 3], data[at + 4], int.from_bytes(data[at + 5 : start], "big"), data[start:end])
            at = end
        self._in = data[at:]
        self._send()

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == _DATA:
            self._answered += len(payload)
        elif kind == _HEADERS:
            if flags & _END_STREAM:
                self._end(payload)
        elif kind == _WINDOW_UPDATE:
            if not stream:
                self._window += int.from_bytes(payload, "big")
                self._send_body()
        elif kind in {_SETTINGS, _PING}:
            if not flags & _ACK:
                self._out.append(_frame(kind, _ACK, 0, payload if kind == _PING else b""))
        else:
            self._fail(f"frame {kind} came for stream {stream}: {payload.hex()}")

    def _begin(self) -> None:
        message, token = self._request()
        headers = self._headers + _header("authorization", f"Bearer {token}")
        self._body = struct.pack(">BL", 0, len(message)) + message
        if max(len(headers), len(self._body)) > _FRAME_BYTES:
            self._fail("headers or a message do not fit into one frame")
            return
        self._stream += 2
        self._answered = 0
        self._began = time.perf_counter()
        self._out.append(_frame(_HEADERS, _END_HEADERS, self._stream, headers))
        self._send_body()

    def _send_body(self) -> None:
        """Send the message as soon as there is room for it."""
        if self._body and len(self._body) <= self._window:
            self._window -= len(self._body)
            self._out.append(_frame(_DATA, _END_STREAM, self._stream, self._body))
            self._body = b""

    def _end(self, trailers: bytes) -> None:
        if _GOOD not in trailers or not self._answered:
            self._fail(f"a call was answered by {self._answered} bytes and {trailers!r}")
        elif self._told(time.perf_counter() - self._began, self._answered - _MESSAGE_HEAD_BYTES):
            self._begin()
        elif not self.ended.done():
            self.ended.set_result(None)

    def _fail(self, why: str) -> None:
        if not self.ended.done():
            self.ended.set_exception(LoadError(why))

    def _send(self) -> None:
        if self._out:
            self._transport.write(b"".join(self._out))
            self._out.clear()


async def drive(server: Server, clients: Sequence[Client]) -> None:
    """Connect clients by TLS, and wait until all have ended (LoadError where one did not end well)."""
    context = ssl.create_default_context(cadata=server.ca)
    context.set_alpn_protocols(["h2"])
    async with asyncio.TaskGroup() as group:
        for client in clients:
            group.create_task(_drive(server, client, context))


async def _drive(server: Server, client: Client, context: ssl.SSLContext) -> None:
    host, port = server.address.rsplit(":", 1)
    connect = asyncio.get_running_loop().create_connection
    await connect(lambda: client, host, int(port), ssl=context, server_hostname=server.name)
    await client.ended


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">BHBBL", len(payload) >> 16, len(payload) & 0xFFFF, kind, flags, stream) + payload


def _header(name: str, value: str) -> bytes:
    """Write a header as it is, which no table is to keep (RFC 7541 section 6.2.2)."""
    return b"\x00" + _text(name.encode("ascii")) + _text(value.encode("ascii"))


def _text(text: bytes) -> bytes:
    if len(text) < _SHORT:
        return bytes((len(text),)) + text
    size, rest = bytearray((_SHORT,)), len(text) - _SHORT
    while rest > _SHORT:
        size.append(rest & _SHORT | 1 << 7)
        rest >>= 7
    return bytes((*size, rest)) + text
