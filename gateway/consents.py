"""Which references of consent or contract have ended: a file of the home region, looked at again at each question.

A table (CSV) of three columns, times as RFC 3339 writes them, empty where there is none:

    reference,valid_until,withdrawn_at
    GBA-2026-0001,2026-12-31T23:59:59+08:00,
    GBA-2026-0002,,2026-05-01T09:30:00+08:00

A reference that is not listed counts as it is named: the register of consents is the region's, and this file is what
the gateway must know of it. A file that cannot be read refuses every question that rests on a consent.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from gateway.errors import SettingsError
from trust.errors import ConsentMissingError

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.services.ports import Clock

_COLUMNS: Final = ["reference", "valid_until", "withdrawn_at"]
_LONGEST_FILE: Final = 64 * 1024 * 1024
_LONGEST_REFERENCE: Final = 128

_Seen = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class _Ends:
    """When a reference ends, Unix seconds; None where it does not."""

    valid_until: float | None
    withdrawn_at: float | None

    def rule(self, now: float) -> str:
        """Name what has ended it by now, nothing where it lives."""
        if self.withdrawn_at is not None and now >= self.withdrawn_at:
            return "withdrawn"
        return "expired" if self.valid_until is not None and now >= self.valid_until else ""


class FileConsents:
    """The ends of references, taken up from the file when it changes (`gateway.services.ports.Consents`).

    Raises:
        SettingsError: the file cannot be read, or a line of it is wrong; no line is repeated.
    """

    def __init__(self, path: Path, *, clock: Clock) -> None:
        """Read the file."""
        self._path = path
        self._clock = clock
        self._seen: _Seen | None = None
        self._ends: dict[str, _Ends] = {}
        self._look()

    def require(self, reference: str, *, agreement: str) -> None:
        """Demand that a reference has not ended.

        Raises:
            ConsentMissingError: it has; the rule is withdrawn or expired.
            SettingsError: that cannot be told.
        """
        self._look()
        ends = self._ends.get(reference)
        rule = "" if ends is None else ends.rule(self._clock())
        if rule:
            raise ConsentMissingError(agreement=agreement, rule=rule)

    def _look(self) -> None:
        """Read the file again if it is not what it was."""
        name = self._path.name
        try:
            told = self._path.stat()
            seen = told.st_ino, told.st_mtime_ns, told.st_size
            if seen == self._seen:
                return
            if told.st_size > _LONGEST_FILE:
                raise SettingsError((f"{name}: is longer than {_LONGEST_FILE} bytes",))
            text = self._path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError((f"{name}: cannot be read as text ({type(error).__name__})",)) from None
        self._ends = _read(text, name)
        self._seen = seen


def _read(text: str, name: str) -> dict[str, _Ends]:
    """Read the table (SettingsError names the first line that is wrong)."""
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    ends: dict[str, _Ends] = {}
    try:
        if next(rows, None) != _COLUMNS:
            raise SettingsError((f"{name}: the first line is {','.join(_COLUMNS)}",))
        for row in rows:
            _enter(row, ends)
    except (csv.Error, ValueError):
        fault = f"{name}: line {rows.line_num} is not a reference, once, and two times with their zone"
        raise SettingsError((fault,)) from None
    return ends


def _enter(row: list[str], ends: dict[str, _Ends]) -> None:
    """Take in one line (ValueError where it is wrong)."""
    reference, valid_until, withdrawn_at = row
    if not 0 < len(reference) <= _LONGEST_REFERENCE or reference in ends:
        raise ValueError
    ends[reference] = _Ends(_moment(valid_until), _moment(withdrawn_at))


def _moment(text: str) -> float | None:
    """Read a time (ValueError where it has no zone)."""
    if not text:
        return None
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError
    return moment.timestamp()
