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
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from gateway.errors import SettingsError, StoreSchemaError, StoreUnavailableError
from gateway.lifeline import end_with, end_with_parent, stop_signals
from gateway.signs_of_life import SignsOfLife

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    Work = Callable[["Place"], int | None]

CONFIGURATION_FAULT: Final = 2
PROGRAM_FAULT: Final = 70
UNUSABLE: Final = (SettingsError, StoreSchemaError, StoreUnavailableError)
"""What a process raises that cannot use its configuration or its store."""

AGAIN_SECONDS: Final = 1.0
"""After which a process that ended unasked is started again."""

LOOK_SECONDS: Final = 0.1
"""How often the parent looks at its processes."""


def in_words(error: Exception) -> None:
    """Tell standard error why a process cannot go on: a faulty configuration in words, our own mistake by its trace."""
    if isinstance(error, UNUSABLE):
        sys.stderr.write(f"{error}\n")
    else:
        traceback.print_exception(error)


def forked(work: Callable[[], int | None], *, failed: Callable[[Exception], None] = in_words) -> int:
    """Start a process that does some work and ends with what it gives, 0 for None; gives its id.

    The caller blocks the signals that stop until it knows the process, so that none is left behind. `failed` hears in
    the new process why it cannot go on.
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
    os._exit(exit_code(work, failed=failed))


def exit_code(work: Callable[[], int | None], *, failed: Callable[[Exception], None] = in_words) -> int:
    """Do some work and give its exit code; `failed` hears what it raises."""
    try:
        return work() or 0
    except Exception as error:  # noqa: BLE001 - the last line of a process: what is not caught here would run the parent's code
        failed(error)
        return CONFIGURATION_FAULT if isinstance(error, UNUSABLE) else PROGRAM_FAULT
    finally:
        sys.stderr.flush()


def reaped() -> tuple[int, int] | None:
    """Give the id and the exit code of a child that has ended, None where there is none.

    It may be one that we did not start: of who ran before us in this process, or an orphan that the system gave us.
    """
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return (pid, os.waitstatus_to_exitcode(status)) if pid else None


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a process among others, as the process itself knows it.

    Args:
        number: from 0 on.
        ended: how often one in this place has ended unasked.
        signs: where it gives its signs of life.
    """

    number: int
    ended: int
    signs: SignsOfLife

    async def live(self) -> None:
        """Give signs of life until cancelled."""
        await self.signs.keep_giving(self.number)


class Told(Protocol):
    """Hears what happens to processes, by their places."""

    def ended(self, place: int, code: int) -> None:
        """Hear of one that ended unasked, and its exit code."""

    def killed(self, place: int, cause: str) -> None:
        """Hear of one that had to be killed: `silent` for too long, or `late` to end when it was told to."""

    def failed(self, place: Place, error: Exception) -> None:
        """Hear, in the process itself, why it cannot go on."""


class Processes:
    """Some processes that do the same, by their place from 0 on, until they are told to stop."""

    def __init__(self, count: int, work: Work, *, told: Told, stop_seconds: float) -> None:
        """Start nothing yet.

        Args:
            count: how many.
            work: what each does, by its place; one that has given a sign of life has to go on giving them.
            told: hears what happens to them.
            stop_seconds: how long they may take to end when they are told to.
        """
        self._count = count
        self._work = work
        self._told = told
        self._signs = SignsOfLife(count)
        self._running: dict[int, int] = {}
        self._away: dict[int, float] = {}
        self._ends = Counter[int]()
        self._stopping = False
        self._left: float | None = None
        self._stop_seconds = stop_seconds
        self._worst = 0

    def run(self) -> int:
        """Run all until SIGTERM, SIGINT or SIGHUP, which is passed on; gives 0 where all ended well, else a code.

        One that ends unasked is started again, and so is one that is killed because it gives no sign of life. One that
        cannot use its configuration or its store when it is first started ends all; later, a store may be away just
        now.
        """
        for number in stop_signals():
            signal.signal(number, self._hear)
        for place in range(self._count):
            self._start(place)
        end_with_parent()
        while self._running or self._away:
            time.sleep(LOOK_SECONDS)
            while (child := reaped()) is not None:
                pid, code = child
                if pid in self._running:
                    self._look_after(self._running.pop(pid), code)
            if self._stopping:
                self._stop()
            self._start_again()
            self._demand_signs()
        return self._worst

    def _hear(self, _number: int, _frame: FrameType | None) -> None:
        """Note that it is time to stop: who looks knows which processes there are, a signal may come amid a change."""
        self._stopping = True

    def _start(self, place: int) -> None:
        """Start a process, unless it is time to stop."""
        self._signs.expect(place)
        here = Place(place, self._ends[place], self._signs)
        ends = stop_signals()
        signal.pthread_sigmask(signal.SIG_BLOCK, ends)
        try:
            if not self._stopping:
                pid = forked(lambda: self._work(here), failed=lambda error: self._told.failed(here, error))
                self._running[pid] = place
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ends)

    def _look_after(self, place: int, code: int) -> None:
        """Decide what follows when a process has ended."""
        if self._stopping:
            if code != -signal.SIGTERM:  # told to stop before it could listen to that
                self._worst = self._worst or abs(code)
            return
        self._told.ended(place, code)
        if code == CONFIGURATION_FAULT and not self._ends[place]:
            self._worst = code
            self._stopping = True
        self._ends[place] += 1
        self._away[place] = AGAIN_SECONDS

    def _start_again(self) -> None:
        """Start those that have been away for long enough."""
        for place in tuple(self._away):
            self._away[place] -= LOOK_SECONDS
            if self._away[place] <= 0:
                del self._away[place]
                self._start(place)

    def _demand_signs(self) -> None:
        """Kill who gives no sign of life: it may hold what all others wait for, and callers wait for it."""
        for pid, place in self._running.items():
            if self._signs.missed(place, LOOK_SECONDS):
                self._told.killed(place, "silent")
                os.kill(pid, signal.SIGKILL)

    def _stop(self) -> None:
        """Tell all to end, once, and later kill those that have not."""
        self._away.clear()
        if self._left is None:
            self._left = self._stop_seconds
            for pid in self._running:
                os.kill(pid, signal.SIGTERM)
        self._left -= LOOK_SECONDS
        if self._left > 0:
            return
        self._left = self._stop_seconds
        for pid, place in self._running.items():
            self._told.killed(place, "late")
            os.kill(pid, signal.SIGKILL)
