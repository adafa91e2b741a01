"""JSON log lines: one event, one line, safe fields only.

What a caller typed never reaches a line: names of methods, codes, reasons, registered caller ids, trace ids and times
do. Of an unforeseen exception the type and the places in the code are told, never its words, which may quote data.
"""

from __future__ import annotations

import asyncio
import json
import select
import sys
import time
import traceback
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import structlog

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, MutableMapping
    from typing import TextIO

    from gateway.rpc.boundary import OpenCall
    from gateway.rpc.status import Row


_GATHER_SECONDS = 0.02
_MOST_PENDING = 500
_WHOLE = select.PIPE_BUF
"""Bytes that are written to a pipe without others between them (write(2)); lines are ASCII."""

_ENCODER = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"))


class Journal(Protocol):
    """Where a gateway writes what it did."""

    def call(self, opened: OpenCall, failure: Row | None) -> None:
        """Write that a call ended; `failure` is its line in the error table."""

    def unforeseen(self, opened: OpenCall, error: Exception) -> None:
        """Write where an unforeseen exception came from."""

    def event(self, name: str, **fields: str | float | bool) -> None:
        """Write an event of the node's own life."""


class JsonJournal:
    """Writes lines through structlog; a line never spans two, because JSON escapes every control character.

    Lines about calls, one for each, are the dearest part of a small call. So they are set by hand, from words that the
    program itself chose and that need no escaping, and are handed to the operating system together, some milliseconds
    later. All other lines go through structlog, and out at once.
    """

    def __init__(self, stream: TextIO | None = None, **bound: str) -> None:
        """Write to a stream, standard error by default; `bound` stands on every line."""
        self._lines = _Lines(stream or sys.stderr)
        self._stamp = _Stamp()
        self._bound = "".join(f"{_ENCODER.encode(name)}:{_ENCODER.encode(value)}," for name, value in bound.items())
        self._log = structlog.wrap_logger(
            structlog.WriteLogger(self._lines),  # type: ignore[arg-type]  # it needs no more of a stream than this
            processors=[self._stamp, structlog.processors.JSONRenderer(serializer=_render)],
            wrapper_class=structlog.BoundLogger,
            cache_logger_on_first_use=True,
        ).bind(**bound)

    def call(self, opened: OpenCall, failure: Row | None) -> None:
        """Write that a call ended."""
        code, reason, who = (failure.code.name, failure.reason, failure.who.value) if failure else ("OK", "OK", "")
        micros = (time.perf_counter_ns() - opened.started_ns) // 1000
        self._lines.write(
            f'{{{self._bound}"event":"call","method":"{opened.name}","code":"{code}","reason":"{reason}",'
            f'"who_failed":"{who}","caller":{_quoted(opened.caller)},"trace_id":"{opened.trace_id}","micros":{micros},'
            f'"timestamp":"{self._stamp.text()}"}}\n'
        )
        self._lines.flush()

    def unforeseen(self, opened: OpenCall, error: Exception) -> None:
        """Write the type of the exception and the places it passed."""
        frames = traceback.extract_tb(error.__traceback__)
        places = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames[-12:]]
        self._log.msg("unforeseen", method=opened.name, trace_id=opened.trace_id, type=type(error).__name__, at=places)
        self._lines.hand_over()

    def event(self, name: str, **fields: str | float | bool) -> None:
        """Write an event of the node's own life."""
        self._log.msg(name, **fields)
        self._lines.hand_over()


class _Lines:
    """Gathers lines and hands them over together; outside an event loop, each at once."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._pending: list[str] = []
        self._timer: asyncio.TimerHandle | None = None

    def write(self, text: str) -> None:
        self._pending.append(text)

    def flush(self) -> None:
        if len(self._pending) >= _MOST_PENDING:
            self.hand_over()
            return
        if self._timer is not None:
            return
        try:
            self._timer = asyncio.get_running_loop().call_later(_GATHER_SECONDS, self.hand_over)
        except RuntimeError:
            self.hand_over()

    def hand_over(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        pending, self._pending = self._pending, []
        for text in _together(pending):
            self._stream.write(text)
            self._stream.flush()


def _together(lines: Iterable[str]) -> Iterator[str]:
    """Join lines to texts that a pipe takes whole, whoever else writes to it."""
    some: list[str] = []
    length = 0
    for line in lines:
        if some and length + len(line) > _WHOLE:
            yield "".join(some)
            some, length = [], 0
        some.append(line)
        length += len(line)
    if some:
        yield "".join(some)


@lru_cache(maxsize=1024)
def _quoted(text: str) -> str:
    """Write a registered caller's id as JSON."""
    return _ENCODER.encode(text)


class _Stamp:
    """Adds the time, ISO 8601 in UTC; the part down to the second is made once a second."""

    def __init__(self) -> None:
        self._second, self._text = -1, ""

    def __call__(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["timestamp"] = self.text()
        return event

    def text(self) -> str:
        now = time.time()
        second = int(now)
        if second != self._second:
            self._second, self._text = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._text}.{int((now - second) * 1_000_000):06d}Z"


def _render(event: MutableMapping[str, Any], **_options: object) -> str:
    """Write one event as JSON; an encoder that is made once is four times as fast as `json.dumps` with options."""
    return _ENCODER.encode(event)
