"""The originals of counter-signed recognitions, kept in files, so that each side can later prove the other's.

One file for each day (UTC), one line for each pair, only added to, this user's alone. The lines hold tokens:
pseudonyms, no numbers and no names; how long they are kept is the operator's to decide, who removes whole files.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

from gateway.errors import SettingsError
from trust.countersign import Pair

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.services.ports import Clock


class FileOriginals:
    """Keeps pairs in a folder (`trust.countersign.OriginalStore`).

    Raises:
        SettingsError: the folder cannot be made, or a file cannot be written.
    """

    def __init__(self, folder: Path, *, clock: Clock) -> None:
        """Make the folder where it is not there."""
        self._folder = folder
        self._clock = clock
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError((f"{folder.name}: cannot be made ({type(error).__name__})",)) from error

    def keep(self, issuer: str, jti: str, pair: Pair) -> None:
        """Add a pair; it is in the file, though perhaps not on the disk, when this returns."""
        line = json.dumps([issuer, jti, pair.original, pair.countersigned], separators=(",", ":"))
        day = time.strftime("%Y-%m-%d", time.gmtime(self._clock()))
        path = self._folder / f"{day}.jsonl"
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "ab") as file:
                file.write(f"{line}\n".encode("ascii"))
        except OSError as error:
            raise SettingsError((f"{path.name}: cannot be written ({type(error).__name__})",)) from error

    def find(self, issuer: str, jti: str) -> Pair | None:
        """Give the pair of an issuer's token identifier, the newest file first, or None."""
        for path in sorted(self._folder.glob("*.jsonl"), reverse=True):
            for line in path.read_text("ascii").splitlines():
                kept = json.loads(line)
                if kept[:2] == [issuer, jti]:
                    return Pair(kept[2], kept[3])
        return None
