"""Bytes that no client library would send: hand-made frames of HTTP/2, and requests that are no HTTP."""

from __future__ import annotations

import asyncio
import struct
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import ClientSession

from gateway.web.app import WebSide
from onecard.gateway.v1.catalog_service_pb2 import ListCatalogsRequest
from onecard.gateway.v1.catalog_service_pb2_grpc import CatalogServiceStub
from tests.fakes.callers import PLATFORM, bearer
from tests.fakes.journal import FakeJournal
from tests.fakes.node import FakeNode, channel_to

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp import web

LIST = b"/onecard.gateway.v1.CatalogService/ListCatalogs"
CANARY = b"canary-7f3a"
_DATA, _HEADERS, _SETTINGS = 0, 1, 4
_END_STREAM, _END_HEADERS = 1, 4


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Make a frame (RFC 9113 section 4.1)."""
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(name: bytes, value: bytes) -> bytes:
    """Write a header that no table remembers (RFC 7541 section 6.2.2); both parts under 127 bytes, or value longer."""
    size = bytes([len(value)]) if len(value) < 127 else _long(len(value))
    return b"\x00" + bytes([len(name)]) + name + size + value


def _long(length: int) -> bytes:
    rest, out = length - 127, b"\x7f"
    while rest >= 128:
        out, rest = out + bytes([rest % 128 + 128]), rest // 128
    return out + bytes([rest])


def headers(path: bytes, metadata: tuple[tuple[str, str], ...], *, flags: int = 0) -> bytes:
    """Open stream 1 with a call."""
    pairs = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", path), (b":authority", b"x")]
    pairs += [(b"te", b"trailers"), (b"content-type", b"application/grpc")]
    pairs += [(name.encode(), value.encode()) for name, value in metadata]
    return frame(_HEADERS, flags | _END_HEADERS, 1, b"".join(literal(*pair) for pair in pairs))


@asynccontextmanager
async def listening(node: FakeNode) -> AsyncIterator[tuple[int, Any]]:
    """Start a server; give its port and a stub of an honest caller."""
    server = node.server()
    second = server.listen("127.0.0.1:0", None)
    async with channel_to(server) as channel:
        yield second, CatalogServiceStub(channel)


async def answer(port: int, *frames: bytes) -> bytes:
    """Send frames on a new connection, and read until it is silent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(_SETTINGS, 0, 0, b"") + b"".join(frames))
    got = b""
    try:
        while b"grpc-status" not in got:
            async with asyncio.timeout(5):
                more = await reader.read(65536)
            if not more:
                break
            got += more
    finally:
        writer.transport.abort()  # what the server does not read any more would keep it open
    return got


@pytest.mark.parametrize(
    "data",
    [
        frame(_DATA, _END_STREAM, 1, b""),
        frame(_DATA, _END_STREAM, 1, b"\x00\x00\x00"),
        frame(_DATA, _END_STREAM, 1, b"\x00\x00\x00\x00\x09abc"),
    ],
    ids=["nothing", "cut in its length", "cut in its bytes"],
)
async def test_a_call_without_a_whole_message_gets_a_reply(data: bytes) -> None:
    """MALFORMED_REQUEST, as soon as the caller says that it has said all."""
    node = FakeNode()
    async with listening(node) as (port, _):
        got = await answer(port, headers(LIST, bearer(PLATFORM, node.clock)), data)
    assert b"grpc-status" in got
    assert [line["reason"] for line in node.journal.lines] == ["MALFORMED_REQUEST"]


async def test_a_path_that_is_no_text_does_not_end_the_server() -> None:
    """An honest caller is answered afterwards."""
    node = FakeNode()
    async with listening(node) as (port, stub):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(_SETTINGS, 0, 0, b""))
        writer.write(headers(b"/onecard/\xff\xfe", (), flags=_END_STREAM))
        await reader.read(1024)
        await asyncio.sleep(0.1)
        writer.close()
        assert (await stub.ListCatalogs(ListCatalogsRequest(), metadata=bearer(PLATFORM, node.clock))).catalogs


async def test_a_message_without_proof_is_not_kept() -> None:
    """The refusal comes while the message is still on its way."""
    node = FakeNode()
    async with listening(node) as (port, _):
        start = frame(_DATA, 0, 1, struct.pack(">BI", 0, 4 * 1024 * 1024) + bytes(1000))
        got = await answer(port, headers(LIST, ()), start)
    assert b"grpc-status" in got
    assert [line["reason"] for line in node.journal.lines] == ["UNAUTHENTICATED"]


@asynccontextmanager
async def web_side(journal: FakeJournal | None) -> AsyncIterator[int]:
    """Start a web side with a route that fails; give its port."""

    async def fail(_request: web.Request) -> web.Response:
        raise ValueError(CANARY.decode())

    def add(app: web.Application) -> None:
        app.router.add_get("/fail", fail)

    side = WebSide(key_sets=dict, ready=dict, parts=[add])
    await side.start("127.0.0.1", 0, journal=journal)
    assert side._runner is not None
    try:
        yield side._runner.addresses[0][1]
    finally:
        await side.stop()


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /livez HTTP/1.1\r\nHost: x\r\n" + CANARY + b"\x01: \xff\r\n\r\n",
        b"GET /livez HTTP/9.9 " + CANARY + b"\r\n\r\n",
        b"\x16\x03\x01" + CANARY + b"\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + CANARY + b"\r\n",
    ],
)
async def test_a_request_that_is_no_http_is_not_written_down(
    request_bytes: bytes, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Neither into the journal nor beside it; and the answer does not tell what the gateway is made of."""
    journal = FakeJournal()
    async with web_side(journal) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request_bytes)
        writer.write_eof()
        got = await reader.read()
        writer.close()
    assert b"aiohttp" not in got
    assert b"Python" not in got
    captured = capfd.readouterr()
    assert CANARY.decode() not in journal.text + captured.out + captured.err + caplog.text
    assert journal.lines == []


@pytest.mark.parametrize("journal", [FakeJournal(), None])
async def test_a_fault_of_ours_is_told_by_its_type(
    journal: FakeJournal | None, capfd: pytest.CaptureFixture[str]
) -> None:
    """Where there is a journal; its words are told nowhere, and no answer names the server's program."""
    async with web_side(journal) as port, ClientSession() as session:
        for path, status in (("fail", 500), ("livez", 200), ("nothing", 404)):
            async with session.get(f"http://127.0.0.1:{port}/{path}") as reply:
                assert reply.status == status
                assert not reply.headers.get("Server")
                assert CANARY not in await reply.read()
    captured = capfd.readouterr()
    assert CANARY.decode() not in captured.out + captured.err
    if journal is not None:
        assert [(line["event"], line["type"]) for line in journal.lines] == [("web_fault", "ValueError")]
