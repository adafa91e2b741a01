"""Says which test hangs and what its tasks wait for: what pytest-timeout writes in a worker, nobody sees."""

from __future__ import annotations

import asyncio
import gc
import io
import os
import threading
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

HANGS_SECONDS = 240.0


class HangWatch:
    """Looks from a thread of its own at the test that runs, and writes once for each that hangs."""

    def __init__(self, told_to: int, hangs_seconds: float = HANGS_SECONDS, look_seconds: float = 5.0) -> None:
        """Begin to look; `told_to` is an open file of the system, which the caller closes."""
        self._told_to = told_to
        self._hangs_seconds = hangs_seconds
        self._look_seconds = look_seconds
        self._running: tuple[str, float] | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="hang-watch", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Look no more."""
        self._ended.set()
        self._thread.join()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Note which test runs, from its set-up to its tear-down."""
        self._running = (item.nodeid, time.monotonic())
        try:
            return (yield)
        finally:
            self._running = None

    def _look(self) -> None:
        told = None
        while not self._ended.wait(self._look_seconds):
            running = self._running
            if running is None or running == told or time.monotonic() - running[1] < self._hangs_seconds:
                continue
            told = running
            os.write(self._told_to, f"\nstill runs after {self._hangs_seconds:.0f} s: {running[0]}\n{tasks()}".encode())


def tasks() -> str:
    """Give what each task of each event loop in this process waits for."""
    told = io.StringIO()
    for loop in [found for found in gc.get_objects() if isinstance(found, asyncio.AbstractEventLoop)]:
        for task in asyncio.all_tasks(loop):
            print(f"{task.get_name()}, asked to end {task.cancelling()} times", file=told)
            for frame in task.get_stack():  # print_stack() fails at frames of Cython, which have no line
                print(f"  {frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_name}", file=told)
    return told.getvalue()
