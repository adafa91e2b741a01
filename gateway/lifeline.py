"""Ends a process with the one that started it, so that nothing is left behind that holds its ports.

A parent that is killed cannot tell its children. So a child looks whether its parent is still the same process, which
works on every system that has processes with parents; the kernel gives an orphan another one at once.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_VARIABLE = "ONECARD_PARENT"
_POLL_SECONDS = 0.5


def stop_signals() -> tuple[signal.Signals, ...]:
    """Give the signals that ask for a graceful stop; a hangup only where nobody asked to ignore it (nohup)."""
    ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return (signal.SIGTERM, signal.SIGINT, *(() if ignored else (signal.SIGHUP,)))


@contextmanager
def children_end_with_us() -> Iterator[None]:
    """Tell the processes that we start meanwhile to end when we do; they hear it by `end_with_parent`."""
    before = os.environ.get(_VARIABLE)
    os.environ[_VARIABLE] = str(os.getpid())
    try:
        yield
    finally:
        del os.environ[_VARIABLE]
        if before is not None:
            os.environ[_VARIABLE] = before


def end_with_parent() -> None:
    """End with the parent if it wants so; a process that an operator started by hand goes on alone."""
    with suppress(KeyError, ValueError):
        end_with(int(os.environ[_VARIABLE]))


def end_with(parent: int) -> None:
    """Send ourselves SIGTERM as soon as another process than this one is our parent; nothing else is watched then."""
    os.environ.pop(_VARIABLE, None)
    threading.Thread(target=_watch, args=(parent,), name="lifeline", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_POLL_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
