"""Processes that are forked from one parent: each ends with it, and those that are to go on are started again.

A fork copies the thread that forks and no other. Where a process is started again its parent has one more, which only
looks after its own parent and holds nothing that the new one could wait for.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from typing import TYPE_CHECKING, Final

from gateway.errors import SettingsError, StoreSchemaError, StoreUnavailableError
from gateway.lifeline import end_with, end_with_parent, stop_signals

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    Work = Callable[[int], int | None]

CONFIGURATION_FAULT: Final = 2
PROGRAM_FAULT: Final = 70
AGAIN_SECONDS: Final = 1.0
"""After which a process that ended unasked is started again."""


def forked(work: Callable[[], int | None]) -> int:
    """Start a process that does some work and ends with what it gives, 0 for None; gives its id.

    The caller blocks the signals that stop until it knows the process, so that none is left behind.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    for number in stop_signals():
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, stop_signals())
    end_with(parent)
    os._exit(exit_code(work))


def exit_code(work: Callable[[], int | None]) -> int:
    """Do some work and give its exit code; a faulty configuration is told in words, our own mistake by its trace."""
    try:
        return work() or 0
    except (SettingsError, StoreSchemaError, StoreUnavailableError) as error:
        sys.stderr.write(f"{error}\n")
        return CONFIGURATION_FAULT
    except Exception:  # noqa: BLE001 - the last line of a process: what is not caught here would run the parent's code
        traceback.print_exc()
        return PROGRAM_FAULT
    finally:
        sys.stderr.flush()


class Processes:
    """Some processes that do the same, by their place from 0 on, until they are told to stop."""

    def __init__(self, count: int, work: Work, *, ended: Callable[[int, int], None]) -> None:
        """Start nothing yet.

        Args:
            count: how many.
            work: what each does, by its place.
            ended: hears the place and the exit code of one that ended unasked.
        """
        self._count = count
        self._work = work
        self._ended = ended
        self._running: dict[int, int] = {}
        self._again = set[int]()
        self._stopping = False
        self._worst = 0

    def run(self) -> int:
        """Run all until SIGTERM, SIGINT or SIGHUP, which is passed on; gives 0 where all ended well, else a code.

        One that ends unasked is started again. One that cannot use its configuration or its store when it is first
        started ends all; later, a store may be away just now.
        """
        for number in stop_signals():
            signal.signal(number, self._pass_on)
        for place in range(self._count):
            self._start(place)
        end_with_parent()
        while self._running:
            pid, status = os.wait()
            self._look_after(self._running.pop(pid), os.waitstatus_to_exitcode(status))
        return self._worst

    def _start(self, place: int) -> None:
        """Start a process, unless it is time to stop."""
        ends = stop_signals()
        signal.pthread_sigmask(signal.SIG_BLOCK, ends)
        try:
            if not self._stopping:
                self._running[forked(lambda: self._work(place))] = place
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ends)

    def _look_after(self, place: int, code: int) -> None:
        """Decide what follows when a process has ended."""
        if self._stopping:
            self._worst = self._worst or abs(code)
            return
        self._ended(place, code)
        if code == CONFIGURATION_FAULT and place not in self._again:
            self._worst = code
            self._stop()
            return
        self._again.add(place)
        time.sleep(AGAIN_SECONDS)
        self._start(place)

    def _pass_on(self, _number: int, _frame: FrameType | None) -> None:
        self._stop()

    def _stop(self) -> None:
        self._stopping = True
        for pid in tuple(self._running):
            os.kill(pid, signal.SIGTERM)
