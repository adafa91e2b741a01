"""HTTP/2 by hand: frames that no library would write, and what a server makes of them (RFC 9113, RFC 7541)."""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass, field
from typing import Final

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED = 1, 1, 4, 8
_HEAD: Final = 9


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Make a frame (RFC 9113 section 4.1)."""
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(name: bytes, value: bytes) -> bytes:
    """Write a header that no table remembers (RFC 7541 section 6.2.2)."""
    return b"\x00" + number(len(name), 7) + name + number(len(value), 7) + value


def number(value: int, bits: int, head: int = 0) -> bytes:
    """Write an integer of HPACK behind a few bits (RFC 7541 section 5.1)."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([head | value])
    rest, out = value - most, bytes([head | most])
    while rest >= 128:
        out, rest = out + bytes([rest % 128 + 128]), rest // 128
    return out + bytes([rest])


@dataclass(slots=True)
class Heard:
    """What a server has said: how it ended the connection, if it did, and each stream that it reset or answered."""

    goaway: int | None = None
    resets: dict[int, int] = field(default_factory=dict)
    answered: set[int] = field(default_factory=set)
    pings: int = 0
    closed: bool = False
    text: bytes = b""

    @property
    def ended(self) -> bool:
        """Tell whether the connection has come to its end."""
        return self.closed or self.goaway is not None

    def take(self, raw: bytes) -> bytes:
        """Read whole frames off, and give the rest."""
        while len(raw) >= _HEAD:
            length, kind, flags = int.from_bytes(raw[:3], "big"), raw[3], raw[4]
            if len(raw) < _HEAD + length:
                break
            stream = int.from_bytes(raw[5:_HEAD], "big") & 0x7FFFFFFF
            self._frame(kind, flags, stream, raw[_HEAD : _HEAD + length])
            raw = raw[_HEAD + length :]
        return raw

    def _frame(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        self.text += payload
        if kind == GOAWAY:
            self.goaway = int.from_bytes(payload[4:8], "big")
        elif kind == RST_STREAM:
            self.resets[stream] = int.from_bytes(payload, "big")
        elif kind == HEADERS:
            self.answered.add(stream)
        elif kind == PING and flags & ACK:
            self.pings += 1


async def say(
    port: int, *frames: bytes, preface: bytes = PREFACE + frame(SETTINGS, 0, 0), stream: int = 0, seconds: float = 5.0
) -> Heard:
    """Send frames on a new connection and then a PING; listen until that is answered, or until the end.

    With `stream`, listen on until that stream was answered or reset, too. What has not come after `seconds` does not.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    heard, raw = Heard(), b""

    def enough() -> bool:
        return bool(heard.pings) and (not stream or stream in heard.answered or stream in heard.resets)

    try:
        writer.write(preface)
        for part in frames:
            writer.write(part)
            await writer.drain()
        writer.write(frame(PING, 0, 0, b"alive???"))
        async with asyncio.timeout(seconds):
            while not enough() and not heard.closed:
                more = await reader.read(65536)
                heard.closed = not more
                raw = heard.take(raw + more)
    except ConnectionError:
        heard.closed = True
    except TimeoutError:
        pass
    finally:
        writer.transport.abort()  # what the server does not read any more would keep it open
    return heard
