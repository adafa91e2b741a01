"""One gateway to a file of SQLite: listeners of another process would not hear what this one writes."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from gateway.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path


class FileLock:
    """Holds a file for this process, until it is released or the process ends, however it ends."""

    def __init__(self, file: Path) -> None:
        """Name the file of the database; the lock is a file beside it."""
        self._path = file.with_name(f"{file.name}.lock")
        self._held: int | None = None

    def take(self) -> None:
        """Hold it (SettingsError where another process does, or the folder cannot be written)."""
        try:
            held = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise SettingsError((f"store.url: {self._path.name} cannot be made ({type(error).__name__})",)) from error
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(held)
            raise SettingsError(("store.url: another gateway has this file open; replicas need PostgreSQL",)) from error
        self._held = held

    def release(self) -> None:
        """Let another process have it."""
        if self._held is not None:
            os.close(self._held)
            self._held = None
