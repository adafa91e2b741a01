"""Whoever reads a file of SQLite may be cancelled at any moment, and again: nothing waits on."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from gateway.store.file_connection import connect

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("cancelled", [False, True])
@pytest.mark.parametrize("stopped_first", [False, True])
async def test_two_may_close_at_once(tmp_path: Path, *, stopped_first: bool, cancelled: bool) -> None:
    """One closes and one stops, in either order, and the first may be cancelled: both end, and so does the thread."""
    connection = await connect(str(tmp_path / "file.sqlite"))
    before = threading.active_count()
    closing = asyncio.create_task(connection.close())
    await asyncio.sleep(0)
    if stopped_first:
        connection.stop()
    if cancelled:
        closing.cancel()
    async with asyncio.timeout(20):
        (end,) = await asyncio.gather(closing, return_exceptions=True)
        assert isinstance(end, asyncio.CancelledError) if cancelled else end is None
        assert connection.stop() is None
        while threading.active_count() >= before:
            await asyncio.sleep(0.001)


async def test_what_is_read_meanwhile_is_refused(tmp_path: Path) -> None:
    """And does not wait for a thread that has ended."""
    connection = await connect(str(tmp_path / "file.sqlite"))
    stopped = connection.stop()
    with pytest.raises(ValueError, match="closed"):
        await connection.execute("SELECT 1")
    assert stopped is not None
    await stopped


async def test_a_connection_that_was_forgotten_keeps_no_process_alive(tmp_path: Path) -> None:
    """Its thread ends with the process."""
    before = set(threading.enumerate())
    connection = await connect(str(tmp_path / "file.sqlite"), isolation_level=None)
    assert connection.isolation_level is None
    assert [one.daemon for one in set(threading.enumerate()) - before] == [True]
    await connection.close()
