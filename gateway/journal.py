"""JSON log lines: one event, one line, safe fields only.

What a caller typed never reaches a line: names of methods, codes, reasons, registered caller ids, trace ids and times
do. Of an unforeseen exception the type and the places in the code are told, never its words, which may quote data.
"""

from __future__ import annotations

import sys
import time
import traceback
from typing import TYPE_CHECKING, Protocol

import structlog

if TYPE_CHECKING:
    from typing import TextIO

    from gateway.rpc.boundary import OpenCall
    from gateway.rpc.status import Row


class Journal(Protocol):
    """Where a gateway writes what it did."""

    def call(self, opened: OpenCall, failure: Row | None) -> None:
        """Write that a call ended; `failure` is its line in the error table."""

    def unforeseen(self, opened: OpenCall, error: Exception) -> None:
        """Write where an unforeseen exception came from."""

    def event(self, name: str, **fields: str | float | bool) -> None:
        """Write an event of the node's own life."""


class JsonJournal:
    """Writes lines through structlog; a line never spans two, because JSON escapes every control character."""

    def __init__(self, stream: TextIO | None = None, **bound: str) -> None:
        """Write to a stream, standard error by default; `bound` stands on every line."""
        self._log = structlog.wrap_logger(
            structlog.WriteLogger(stream or sys.stderr),
            processors=[
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.JSONRenderer(ensure_ascii=True),
            ],
            wrapper_class=structlog.BoundLogger,
        ).bind(**bound)

    def call(self, opened: OpenCall, failure: Row | None) -> None:
        """Write that a call ended."""
        self._log.msg(
            "call",
            method=opened.name,
            code=failure.code.name if failure else "OK",
            reason=failure.reason if failure else "OK",
            who_failed=failure.who.value if failure else "",
            caller=opened.caller,
            trace_id=opened.trace_id,
            micros=(time.perf_counter_ns() - opened.started_ns) // 1000,
        )

    def unforeseen(self, opened: OpenCall, error: Exception) -> None:
        """Write the type of the exception and the places it passed."""
        frames = traceback.extract_tb(error.__traceback__)
        places = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames[-12:]]
        self._log.msg("unforeseen", method=opened.name, trace_id=opened.trace_id, type=type(error).__name__, at=places)

    def event(self, name: str, **fields: str | float | bool) -> None:
        """Write an event of the node's own life."""
        self._log.msg(name, **fields)
