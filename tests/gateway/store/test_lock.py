"""One gateway to a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.errors import SettingsError
from gateway.store.lock import FileLock

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_is_held_by_one(tmp_path: Path) -> None:
    """Whoever comes second is refused, until the first lets go."""
    first, second = (FileLock(tmp_path / "store.sqlite") for _ in range(2))
    first.take()
    with pytest.raises(SettingsError, match="another gateway"):
        second.take()
    first.release()
    first.release()
    second.take()
    second.release()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """Where the lock cannot be made nothing is opened."""
    with pytest.raises(SettingsError, match="cannot be made"):
        FileLock(tmp_path / "nowhere" / "store.sqlite").take()
