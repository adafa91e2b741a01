"""The keys of the store: a folder that is not the database's, one file for each key, of its owner alone.

A file `0001.key` has one line, cipher and key in base64; lines that begin with # are passed over. The greatest number
seals, the others open what they have sealed. A file `0003.next` is a key to come: it opens already, so that all
replicas can have it before one of them seals with it.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import stat
from typing import TYPE_CHECKING, Final

from gateway.errors import SettingsError
from gateway.store.sealing import CipherName, SealingKey

if TYPE_CHECKING:
    from pathlib import Path

_NAME: Final = re.compile(r"(?P<number>[0-9]{4})\.(?P<kind>key|next)\Z")
_MODE: Final = 0o600
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def key_files(folder: Path) -> list[Path]:
    """Name the files of keys: the one that seals first, then the others, the newest first; one to come is last."""
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if _NAME.match(path.name)]
    return sorted(found, key=lambda path: (path.suffix == ".key", path.stem), reverse=True)


def read_keys(folder: Path) -> list[SealingKey]:
    """Read the keys, the one that seals first (SettingsError where a file is no key, or others can read it)."""
    return [_read(path) for path in key_files(folder)]


def new_key(folder: Path, cipher: CipherName, *, preamble: bytes = b"", to_come: bool = False) -> Path:
    """Make a key behind all others and give its file, which is on disk then (SettingsError, OSError)."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    number = max((int(path.stem) for path in key_files(folder)), default=0) + 1
    key = SealingKey.new(cipher)
    path = folder / f"{number:04}.{'next' if to_come else 'key'}"
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, _MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(preamble + f"{cipher} {base64.b64encode(key.secret).decode()}\n".encode())
        file.flush()
        os.fsync(file.fileno())
    return path


def switch_keys(folder: Path) -> Path | None:
    """Let the key to come seal from now on; gives its file, None where there is none to come."""
    waiting = [path for path in key_files(folder) if path.suffix == ".next"]
    if not waiting:
        return None
    return waiting[0].rename(waiting[0].with_suffix(".key"))


def _read(path: Path) -> SealingKey:
    try:
        mode = path.stat().st_mode
        lines = path.read_text("ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError((f"store.keys: {path.name} cannot be read",)) from error
    if mode & _OTHERS:
        raise SettingsError((f"store.keys: {path.name} can be read by others; allow the owner only (mode 600)",))
    words = [line.split() for line in lines if line.strip() and not line.startswith("#")]
    try:
        ((name, secret),) = words
        return SealingKey(CipherName(name), base64.b64decode(secret, validate=True))
    except (ValueError, binascii.Error):
        raise SettingsError((f"store.keys: {path.name} is no key of the store",)) from None
