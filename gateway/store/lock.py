"""One gateway to a file of SQLite: listeners of another process would not hear what this one writes."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING, Final

from gateway.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path


TAKEN: Final = "store.folder: another gateway has the file of this store open; replicas need PostgreSQL"


class FileLock:
    """Holds a file for this process, until it is released or the process ends, however it ends."""

    def __init__(self, file: Path, *, taken: str = TAKEN, heading: str = "") -> None:
        """Name what is held, and what is told where another process has it; the lock is a file beside it."""
        self._path = file.with_name(f"{file.name}.lock")
        self._taken, self._heading = taken, heading
        self._held: int | None = None

    def take(self) -> None:
        """Hold it (SettingsError where another process does, or the folder cannot be written)."""
        try:
            held = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise SettingsError(
                (f"store.folder: {self._path.name} cannot be made ({type(error).__name__})",)
            ) from error
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(held)
            raise SettingsError((self._taken,), heading=self._heading) from error
        self._held = held

    def release(self) -> None:
        """Let another process have it."""
        if self._held is not None:
            os.close(self._held)
            self._held = None
