"""What libraries, threads and the event loop say of faults that nobody caught: events without their words.

Their own lines are no JSON, go on over several lines, and quote what passed through the code: parameters of a
statement, arguments of a callback, bytes of a caller. So an event tells who spoke, the type and the place.
"""

from __future__ import annotations

import asyncio
import logging
import re
import sys
import threading
import traceback
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.journal import Journal

LIBRARY_FAULT: Final = "library_fault"
LOOP_FAULT: Final = "loop_fault"
THREAD_FAULT: Final = "thread_fault"
_PLACES: Final = 6
# asyncio's own sentences, such as "Task was destroyed but it is pending!"; with anything else in it, it quotes.
_SENTENCE: Final = re.compile(r"[A-Za-z ,.!'-]+")
# What only says that a caller left: its answer could not be sent any more. The call's own line tells.
_LEFT_UNSENT: Final = ("grpc._cython.cygrpc", "ExecuteBatchError")


@contextmanager
def overhear(journal: Journal) -> Iterator[None]:
    """Tell a journal what would otherwise be written to standard error in words of others; for a running loop."""
    loop = asyncio.get_running_loop()
    ear = _Ear(loop, journal)
    root, before = logging.getLogger(), (threading.excepthook, sys.unraisablehook)
    loop.set_exception_handler(lambda _, context: ear.loop_fault(context))
    handler = _Libraries(ear)
    root.addHandler(handler)
    logging.captureWarnings(capture=True)
    threading.excepthook, sys.unraisablehook = ear.thread_fault, ear.thread_fault
    try:
        yield
    finally:
        threading.excepthook, sys.unraisablehook = before
        logging.captureWarnings(capture=False)
        root.removeHandler(handler)
        loop.set_exception_handler(None)


class _Ear:
    """Makes events; a journal belongs to the thread of its loop, so others hand theirs over."""

    def __init__(self, loop: asyncio.AbstractEventLoop, journal: Journal) -> None:
        self._loop = loop
        self._journal = journal

    def tell(self, name: str, **fields: str) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(partial(self._journal.event, name, **fields))

    def loop_fault(self, context: dict[str, Any]) -> None:
        """Tell what the loop has no other place for: an exception nobody asked for, a task nobody waits for."""
        said, error = str(context.get("message", "")), context.get("exception")
        task = context.get("task") or context.get("future")
        self.tell(
            LOOP_FAULT,
            says=said if _SENTENCE.fullmatch(said) else "",
            task=_work(task) if isinstance(task, asyncio.Task) else "",
            type="" if error is None else type(error).__name__,
            at=places(error),
        )

    def thread_fault(self, raised: threading.ExceptHookArgs | sys.UnraisableHookArgs) -> None:
        """Tell what ended a thread, or was raised where nobody can catch it."""
        self.tell(THREAD_FAULT, type=raised.exc_type.__name__, at=places(raised.exc_value))


class _Libraries(logging.Handler):
    """Turns warnings and errors that libraries log into events."""

    def __init__(self, ear: _Ear) -> None:
        super().__init__(logging.WARNING)
        self._ear = ear

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        kind = "" if error is None else type(error).__name__
        if (record.name, kind) == _LEFT_UNSENT:
            return
        self._ear.tell(
            LIBRARY_FAULT,
            library=record.name,
            level=record.levelname,
            type=kind,
            at=places(error) or f"{record.filename}:{record.lineno} {record.funcName}",
        )


def _work(task: asyncio.Task[Any]) -> str:
    """Name the function that a task runs."""
    return getattr(task.get_coro(), "__qualname__", "")


def places(error: BaseException | None) -> str:
    """Name the last places that an exception passed, the outermost first."""
    if error is None:
        return ""
    frames = traceback.extract_tb(error.__traceback__)[-_PLACES:]
    return " > ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames)
