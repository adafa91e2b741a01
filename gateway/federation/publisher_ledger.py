"""What a publisher must not forget: the numbers of its statements, written down before a statement is used.

The numbers of one issuer and subject only grow, over restarts too, and with them the dates: readers take a higher
number of the same second for a contradiction (`trust.pinboard`). Every file here is whole or as it was before.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gateway.errors import SettingsError
from trust.claim_rules import is_count, is_time

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_OWNER_ONLY = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """The number and the date (Unix seconds) of one statement; no other of its issuer and subject has them."""

    version: int
    iat: int


@dataclass(frozen=True, slots=True)
class Numbering:
    """Which numbers are ours: those that leave `residue` when divided by `stride`; the others are other replicas'."""

    stride: int = 1
    residue: int = 0

    def after(self, number: int) -> int:
        """Give our next number after any."""
        return number + 1 + (self.residue - number - 1) % self.stride


class VersionLedger:
    """Gives out the numbers of one issuer's statements, by subject, and keeps them in a file of its own (JSON)."""

    def __init__(self, path: Path, *, numbering: Numbering = Numbering()) -> None:
        """Take the file; it is made with the first number."""
        self._path = path
        self._numbering = numbering

    def next(self, subject: str, *, now: int) -> Issue:
        """Give the next number of a subject; it is on the disk when this returns, and is never given again.

        The date is `now` (Unix seconds), or one second after that of the number before.

        Raises:
            SettingsError: the file cannot be read or written.
        """
        with locked(self._path):
            numbers = self._read()
            last = numbers.get(subject, Issue(version=0, iat=-1))
            issue = Issue(version=self._numbering.after(last.version), iat=max(now, last.iat + 1))
            self._write({**numbers, subject: issue})
        return issue

    def reach(self, subject: str, issue: Issue) -> None:
        """Never give a number or a date up to these again (SettingsError as above)."""
        with locked(self._path):
            numbers = self._read()
            last = numbers.get(subject, Issue(version=0, iat=-1))
            reached = Issue(version=max(last.version, issue.version), iat=max(last.iat, issue.iat))
            if reached != last:
                self._write({**numbers, subject: reached})

    def _write(self, numbers: dict[str, Issue]) -> None:
        document = {name: [number.version, number.iat] for name, number in numbers.items()}
        write_whole(self._path, json.dumps(document, indent=1).encode())

    def _read(self) -> dict[str, Issue]:
        document = read_json(self._path, {})
        good = isinstance(document, dict) and all(
            isinstance(entry, list)
            and len(entry) == len(("version", "iat"))
            and is_count(entry[0])
            and is_time(entry[1])
            for entry in document.values()
        )
        if not good:
            raise SettingsError((f"{self._path.name}: not numbers and dates by subject",))
        return {subject: Issue(version=version, iat=iat) for subject, (version, iat) in document.items()}


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep every other process of this machine away from a file (SettingsError where its folder cannot be used)."""
    try:
        descriptor = os.open(path.with_name(f".{path.name}.lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, _OWNER_ONLY)
    except OSError as error:
        raise SettingsError((f"{path.name}: its folder cannot be used ({type(error).__name__})",)) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file of this user alone (mode 600), whole or not at all (SettingsError where it cannot be written)."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, _OWNER_ONLY)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        draft.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise SettingsError((f"{path.name}: cannot be written ({type(error).__name__})",)) from error


def _sync_folder(folder: Path) -> None:
    """Make the new name last over a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_json(path: Path, absent: object) -> Any:  # noqa: ANN401 - what is in a file is seen by who asks for it
    """Read a JSON file, or give a stand-in where there is none (SettingsError where it cannot be read)."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return absent
    except (OSError, ValueError) as error:
        # The decoder's own errors carry the document, which must not travel with ours.
        raise SettingsError((f"{path.name}: cannot be read as JSON ({type(error).__name__})",)) from None
