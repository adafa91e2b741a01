"""Tests of the server of byte streams that leaves nothing open: a leak would make some other test fail, later."""

from __future__ import annotations

import asyncio
import gc
import socket
from typing import TYPE_CHECKING

import pytest

from tests.fakes.shaped_line import ShapedLine
from tests.fakes.stream_server import HOST, StreamServer

if TYPE_CHECKING:
    from tests.fakes.stream_server import Answer


async def _listen_on(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def _fail(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    raise ConnectionResetError


@pytest.mark.parametrize("turns", range(12))
@pytest.mark.parametrize("answer", [_listen_on, _fail])
async def test_a_connection_that_comes_as_it_stops_is_closed(turns: int, answer: Answer) -> None:
    """However far asyncio has come with it; what is not closed fails this test by the collector."""
    near = await StreamServer(answer).start()
    line = await ShapedLine(to=f"{HOST}:{near.port}").start()
    for port in (near.port, line.port):
        with socket.create_connection((HOST, port)):
            for _ in range(turns):
                await asyncio.sleep(0)
    await line.stop()
    await near.stop()
    gc.collect()
