"""Broken HTTP/2, frame by frame, and floods of it: it costs who sends it the stream or the connection, and nobody else.

The cases are those of RFC 9113 and RFC 7541 that conformance suites ask, written by hand. The library under the server
bears with some that the standard forbids; what matters is told in each: nothing is called that was not plainly asked.
"""

from __future__ import annotations

import asyncio
import struct
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from onecard.gateway.v1.catalog_service_pb2 import ListCatalogsRequest
from onecard.gateway.v1.catalog_service_pb2_grpc import CatalogServiceStub
from tests.fakes.callers import HOME_PLATFORM, PLATFORM, bearer
from tests.fakes.clock import FakeClock
from tests.fakes.http2 import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PADDED,
    PING,
    PREFACE,
    PRIORITY,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Heard,
    frame,
    literal,
    number,
    say,
)
from tests.fakes.node import FakeNode, channel_to

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator

LIST: Final = b"/onecard.gateway.v1.CatalogService/ListCatalogs"
VERIFY: Final = b"/onecard.gateway.v1.IdentityService/VerifyCard"
PAIRS: Final = (
    *((b":method", b"POST"), (b":scheme", b"http"), (b":path", LIST), (b":authority", b"x")),
    *((b"te", b"trailers"), (b"content-type", b"application/grpc")),
)
EMPTY: Final = frame(DATA, END_STREAM, 1, bytes(5))
"""An empty message of gRPC, the last of stream 1."""

ENDED, REFUSED, IGNORED, SERVED = "the connection ends", "the stream is refused", "nothing happens", "it is served"
STRICTER: Final = {
    ENDED: {ENDED},
    REFUSED: {REFUSED, ENDED},
    IGNORED: {IGNORED, REFUSED, ENDED},
    SERVED: {SERVED, REFUSED, ENDED},
}
"""What else a later version of the library may make of a case."""

FLOOD_BYTES: Final = 48 * 1024 * 1024
_STATM = Path("/proc/self/statm")


def token(*scopes: str) -> tuple[tuple[bytes, bytes], ...]:
    """Give the proof of an honest caller; the clock of the nodes stands still."""
    return tuple((name.encode(), value.encode()) for name, value in bearer(PLATFORM, FakeClock(), *scopes))


def block(*pairs: tuple[bytes, bytes]) -> bytes:
    """Write headers."""
    return b"".join(literal(*pair) for pair in pairs)


def call(
    *more: tuple[bytes, bytes], without: bytes = b"", stream: int = 1, flags: int = END_HEADERS, **changed: bytes
) -> bytes:
    """Open a stream with a good call, some of its headers changed."""
    pairs = [(name, changed.get(name.decode().strip(":"), value)) for name, value in PAIRS if name != without]
    return frame(HEADERS, flags, stream, block(*pairs, *token(), *more))


GOOD: Final = block(*PAIRS)


def setting(identifier: int, value: int) -> bytes:
    """Write one setting."""
    return frame(SETTINGS, 0, 0, struct.pack(">HI", identifier, value))


def window(stream: int, increment: int) -> bytes:
    """Give room."""
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))


CASES: Final[dict[str, tuple[str, tuple[bytes, ...]]]] = {
    "a good call": (SERVED, (call(), EMPTY)),
    "an unknown frame before it": (SERVED, (frame(0x16, 0, 0, b"xyz"), call(), EMPTY)),
    "an unknown setting before it": (SERVED, (setting(0xFF, 1), call(), EMPTY)),
    # streams, section 5.1
    "DATA on an idle stream": (IGNORED, (frame(DATA, END_STREAM, 1, b"x"),)),
    "RST_STREAM on an idle stream": (IGNORED, (frame(RST_STREAM, 0, 1, bytes(4)),)),
    "WINDOW_UPDATE on an idle stream": (IGNORED, (window(1, 5),)),
    "CONTINUATION without HEADERS": (ENDED, (frame(CONTINUATION, END_HEADERS, 1),)),
    "DATA after the end of the stream": (REFUSED, (call(flags=END_HEADERS | END_STREAM), EMPTY)),
    "HEADERS twice": (ENDED, (call(), call())),
    "an even stream": (IGNORED, (call(stream=2), frame(DATA, END_STREAM, 2, bytes(5)))),
    # frames, section 6
    "DATA on stream 0": (IGNORED, (frame(DATA, 0, 0, b"x"),)),
    "HEADERS on stream 0": (IGNORED, (call(stream=0),)),
    "DATA padded beyond its length": (REFUSED, (call(), frame(DATA, PADDED, 1, b"\xffx"))),
    "HEADERS padded beyond their length": (ENDED, (frame(HEADERS, PADDED | END_HEADERS, 1, b"\xff" + GOOD),)),
    "DATA larger than allowed": (ENDED, (call(), frame(DATA, 0, 1, bytes(5 * 1024 * 1024)))),
    "HEADERS larger than allowed": (ENDED, (call((b"x", b"a" * 100_000)),)),
    "HEADERS broken off by DATA": (ENDED, (call(flags=0), EMPTY)),
    "CONTINUATION of another stream": (ENDED, (call(flags=0), frame(CONTINUATION, END_HEADERS, 3))),
    "PRIORITY on stream 0": (IGNORED, (frame(PRIORITY, 0, 0, bytes(5)),)),
    "RST_STREAM on stream 0": (IGNORED, (frame(RST_STREAM, 0, 0, bytes(4)),)),
    "RST_STREAM too short": (ENDED, (call(), frame(RST_STREAM, 0, 1, bytes(3)))),
    "SETTINGS acknowledged with content": (ENDED, (frame(SETTINGS, ACK, 0, bytes(6)),)),
    "SETTINGS on a stream": (ENDED, (frame(SETTINGS, 0, 1),)),
    "SETTINGS too short": (ENDED, (frame(SETTINGS, 0, 0, bytes(5)),)),
    "ENABLE_PUSH of 2": (ENDED, (setting(2, 2),)),
    "INITIAL_WINDOW_SIZE too large": (ENDED, (setting(4, 2**31),)),
    "MAX_FRAME_SIZE too small": (ENDED, (setting(5, 16_383),)),
    "MAX_FRAME_SIZE too large": (ENDED, (setting(5, 2**24),)),
    "PING too short": (ENDED, (frame(PING, 0, 0, bytes(6)),)),
    "PING on a stream": (IGNORED, (frame(PING, 0, 1, bytes(8)),)),
    "GOAWAY on a stream": (IGNORED, (frame(GOAWAY, 0, 1, bytes(8)),)),
    "WINDOW_UPDATE by nothing": (ENDED, (window(0, 0),)),
    "WINDOW_UPDATE of a stream by nothing": (ENDED, (call(), window(1, 0))),
    "WINDOW_UPDATE too short": (ENDED, (frame(WINDOW_UPDATE, 0, 0, bytes(3)),)),
    "PUSH_PROMISE from a client": (IGNORED, (frame(PUSH_PROMISE, END_HEADERS, 1, struct.pack(">I", 2) + GOOD),)),
    # messages, section 8
    ":path missing": (REFUSED, (call(without=b":path"), EMPTY)),
    ":method missing": (REFUSED, (call(without=b":method"), EMPTY)),
    ":scheme missing": (REFUSED, (call(without=b":scheme"), EMPTY)),
    ":path empty": (REFUSED, (call(path=b""), EMPTY)),
    ":method is GET": (REFUSED, (call(method=b"GET"), EMPTY)),
    ":path twice": (SERVED, (call((b":path", LIST)), EMPTY)),
    "an unknown pseudo-header": (REFUSED, (call((b":x", b"1")), EMPTY)),
    "a name in upper case": (REFUSED, (call((b"X-A", b"1")), EMPTY)),
    "a header of a connection": (SERVED, (call((b"connection", b"close")), EMPTY)),
    "te missing": (REFUSED, (call(without=b"te"), EMPTY)),
    "te is gzip": (REFUSED, (call(te=b"gzip"), EMPTY)),
    "content-type missing": (SERVED, (call(without=b"content-type"), EMPTY)),
    "content-type is text/html": (SERVED, (call((b"content-type", b"text/html"), without=b"content-type"), EMPTY)),
    "content-length of another length": (SERVED, (call((b"content-length", b"1")), EMPTY)),
    "trailers with a pseudo-header": (
        REFUSED,
        (call(), frame(HEADERS, END_HEADERS | END_STREAM, 1, literal(b":path", b"/x"))),
    ),
    "trailers that do not end": (ENDED, (call(), frame(HEADERS, END_HEADERS, 1, literal(b"a", b"b")))),
    "a line end in a value": (SERVED, (call((b"x", b"a\r\nset-cookie: c")), EMPTY)),
    "an unknown compression": (
        REFUSED,
        (call((b"grpc-encoding", b"zstd")), frame(DATA, END_STREAM, 1, b"\x01" + bytes(4))),
    ),
    "an unreadable deadline": (REFUSED, (call((b"grpc-timeout", b"zzz")), EMPTY)),
    # compressed headers, RFC 7541
    "index 0": (ENDED, (frame(HEADERS, END_HEADERS, 1, b"\x80"),)),
    "an index beyond the table": (ENDED, (frame(HEADERS, END_HEADERS, 1, b"\xff\xff\x7f"),)),
    "a table larger than allowed": (ENDED, (frame(HEADERS, END_HEADERS, 1, number(2**20, 5, 0x20) + GOOD),)),
    "a number without end": (ENDED, (frame(HEADERS, END_HEADERS, 1, b"\xff" + b"\xff" * 20 + b"\x01"),)),
    "a text that ends with the Huffman code for the end": (
        REFUSED,
        (frame(HEADERS, END_HEADERS, 1, b"\x00\x01a\x84\xff\xff\xff\xff"),),
    ),
    "a text longer than its frame": (ENDED, (frame(HEADERS, END_HEADERS, 1, b"\x00\x01a" + number(10**6, 7)),)),
}
BEFORE_ALL: Final = {
    "HTTP/1.1": b"GET / HTTP/1.1\r\nhost: a\r\n\r\n",
    "half of the preface": b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
    "no SETTINGS first": PREFACE + frame(PING, 0, 0, bytes(8)),
}


@dataclass(frozen=True, slots=True)
class Ground:
    """A server, its port for broken bytes, and an honest caller on a connection of its own."""

    node: FakeNode
    port: int
    stub: Any

    async def bystander(self) -> None:
        """Call as somebody else does, who must not notice anything."""
        proof = bearer(HOME_PLATFORM, self.node.clock)
        assert (await self.stub.ListCatalogs(ListCatalogsRequest(), metadata=proof, timeout=20)).catalogs

    def good_calls(self) -> int:
        """Count the calls of the broken side that went well."""
        return sum(line["reason"] == "OK" and line["caller"] == PLATFORM for line in self.node.journal.lines)


@asynccontextmanager
async def ground() -> AsyncIterator[Ground]:
    """Start a server, and have the honest caller connect before anything else happens; it calls afterwards, too."""
    node = FakeNode()
    server = node.server()
    port = server.listen("127.0.0.1:0", None)
    async with channel_to(server) as channel:
        beside = Ground(node, port, CatalogServiceStub(channel))
        await beside.bystander()
        yield beside
        await beside.bystander()
        assert not [line for line in node.journal.lines if line.get("code") in {"INTERNAL", "UNKNOWN"}]


def outcome(heard: Heard, good_calls: int) -> str:
    """Say what became of a case."""
    assert good_calls <= 1
    if good_calls:
        return SERVED
    if heard.ended:
        return ENDED
    return REFUSED if heard.resets or heard.answered else IGNORED


@pytest.mark.parametrize("case", CASES)
async def test_a_broken_frame_costs_its_own_connection_at_most(case: str) -> None:
    """TR7: the stream is refused or the connection ends, or the frame is as if it had not been; nobody else notices."""
    expected, frames = CASES[case]
    waits = 1 if expected in {SERVED, REFUSED} else 0
    async with ground() as beside:
        heard = await say(beside.port, *frames, stream=waits)
        assert outcome(heard, beside.good_calls()) in STRICTER[expected]
        assert b"set-cookie" not in heard.text


@pytest.mark.parametrize("first", BEFORE_ALL)
async def test_who_does_not_speak_http2_is_not_spoken_to(first: str) -> None:
    """TR7: another protocol, or none, ends its connection."""
    async with ground() as beside:
        assert (await say(beside.port, preface=BEFORE_ALL[first])).closed


@pytest.mark.parametrize("paths", [(LIST, VERIFY), (VERIFY, LIST)], ids=["list first", "verify first"])
async def test_of_two_paths_one_is_called_under_its_own_scope(paths: tuple[bytes, bytes]) -> None:
    """TR7: whichever counts, the token must be good for it; a second path is no way past that."""
    pairs = [(name, value) for name, value in PAIRS if value != LIST]
    twice = block(*pairs, (b":path", paths[0]), (b":path", paths[1]), *token("catalog.read"))
    async with ground() as beside:
        before = len(beside.node.journal.lines)
        await say(beside.port, frame(HEADERS, END_HEADERS, 1, twice), EMPTY, stream=1)
        called = [(line["method"], line["reason"]) for line in beside.node.journal.lines[before:]]
    assert called in ([("CatalogService/ListCatalogs", "OK")], [("IdentityService/VerifyCard", "SCOPE")], [])


def resets() -> Iterator[bytes]:
    """Open calls and leave them in the same breath (CVE-2023-44487)."""
    for stream in range(1, 20_000, 2):
        yield call(stream=stream) + frame(RST_STREAM, 0, stream, struct.pack(">I", 8))


def continuations(piece: bytes, count: int) -> Iterator[bytes]:
    """Begin headers that never end (CERT VU#421644)."""
    yield frame(HEADERS, 0, 1, GOOD)
    for _ in range(count):
        yield frame(CONTINUATION, 0, 1, piece)


def indexed() -> Iterator[bytes]:
    """Put a long header into the table, and name it by one byte again and again (RFC 7541 section 7.3)."""
    yield frame(HEADERS, 0, 1, b"\x40" + number(4, 7) + b"name" + number(4000, 7) + b"v" * 4000)
    for _ in range(500):
        yield frame(CONTINUATION, 0, 1, b"\xbe" * 16_000)


FLOODS: Final[dict[str, Callable[[], Iterable[bytes]]]] = {
    "headers without end, large": lambda: continuations(literal(b"x", b"a" * 16_000), 500),
    "headers without end, small": lambda: continuations(b"\x00\x01a\x01b", 20_000),
    "headers without end, empty": lambda: continuations(b"", 20_000),
    "headers that unpack": indexed,
    "calls that are left": resets,
    "calls that are never finished": lambda: (call(stream=stream) for stream in range(1, 4000, 2)),
    "PING": lambda: (frame(PING, 0, 0, bytes(8)) for _ in range(20_000)),
    "SETTINGS": lambda: (setting(3, 100) for _ in range(10_000)),
    "PRIORITY": lambda: (frame(PRIORITY, 0, 1, bytes(5)) for _ in range(20_000)),
    "WINDOW_UPDATE": lambda: (window(0, 1) for _ in range(20_000)),
    "DATA of nothing": lambda: (part for part in (call(), *[frame(DATA, 0, 1)] * 20_000)),
}


async def pour(port: int, parts: Iterable[bytes]) -> Heard:
    """Send until all is sent or the server has had enough; what it says is read and thrown away."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    heard = Heard()

    async def listen() -> None:
        raw = b""
        with suppress(ConnectionError):
            while more := await reader.read(65_536):
                raw, heard.text = heard.take(raw + more), b""
        heard.closed = True

    listening = asyncio.create_task(listen())
    try:
        writer.write(PREFACE + frame(SETTINGS, 0, 0))
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)
            if heard.closed:
                break
    except ConnectionError:
        heard.closed = True
    finally:
        listening.cancel()
        writer.transport.abort()  # what the server does not read any more would keep it open
    return heard


@pytest.mark.skipif(not _STATM.exists(), reason="NOT TESTED: no /proc on this machine")
@pytest.mark.parametrize("name", FLOODS)
async def test_a_flood_of_frames_drowns_nobody_else(name: str) -> None:
    """TR7: while it lasts, another caller is answered each time, and what it leaves behind is bounded."""
    async with ground() as beside:
        before, over, answered = resident(), asyncio.Event(), 0

        async def keep_calling() -> None:
            nonlocal answered
            while not over.is_set():
                await beside.bystander()
                answered += 1
                await asyncio.sleep(0.01)

        calling = asyncio.create_task(keep_calling())
        await pour(beside.port, FLOODS[name]())
        over.set()
        await calling
        assert answered > 0
        assert resident() - before < FLOOD_BYTES


def resident() -> int:
    """Give the memory of this process, in bytes."""
    return int(_STATM.read_text("ascii").split()[1]) * 4096
