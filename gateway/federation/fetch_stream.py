"""Server-Sent Events as they come in, cut into entries: bounded, and pure.

The form is that of the WHATWG HTML standard, section 9.2, as far as a feed of revocations needs it: lines end with LF
or CRLF, an entry is an `id` and one line of `data`, and lines that begin with a colon keep the connection alive. An
entry of a type of its own (`event`) is a notice, which needs no `id`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_LINE_BYTES: Final = 16_384
_CURSOR: Final = re.compile(r"[0-9]{1,15}")


class LineTooLongError(Exception):
    """A line does not end within the bound; the stream cannot be read on."""


@dataclass(frozen=True, slots=True)
class StreamEntry:
    """One entry of a stream: its cursor and what stands in it. `text` is None for an entry that is no entry.

    `kind` is the type of a notice, empty for a revocation.
    """

    cursor: int | None
    text: str | None
    kind: str = ""


class EventLines:
    """Gathers bytes and gives the entries that are whole."""

    __slots__ = ("_data", "_id", "_kind", "_rest")

    def __init__(self) -> None:
        """Begin with nothing."""
        self._rest = b""
        self._id: str | None = None
        self._kind = ""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> Iterator[StreamEntry]:
        """Take bytes and give what they complete (LineTooLongError).

        What is not ASCII, or has no usable cursor, or not exactly one line of data, gives an entry without text.
        """
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            if len(line) > MAX_LINE_BYTES:
                raise LineTooLongError
            yield from self._line(line.removesuffix(b"\r").decode("ascii", "replace"))
        if len(self._rest) > MAX_LINE_BYTES:
            raise LineTooLongError

    def _line(self, line: str) -> Iterator[StreamEntry]:
        """Take one line; an empty one ends an entry."""
        if not line:
            if self._data:
                yield self._entry()
            self._id, self._kind, self._data = None, "", []
            return
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "id":
            self._id = value
        elif name == "event":
            self._kind = value
        elif name == "data" and len(self._data) <= 1:
            self._data.append(value)

    def _entry(self) -> StreamEntry:
        """Read the entry that has been gathered."""
        cursor = int(self._id) if self._id is not None and _CURSOR.fullmatch(self._id) else None
        whole = (cursor is not None or self._kind) and len(self._data) == 1 and self._data[0].isascii()
        return StreamEntry(cursor, self._data[0] if whole else None, self._kind)
