"""What a node must not forget of whom it believes: anchors, pins, chains and revocations, over restarts.

The folder is this user's alone (mode 700). `beliefs.json` is replaced whole; each revocation has a file of its own,
numbered without a gap by its place in the feed. Every file carries a checksum: one that does not hold, or a revocation
that is not there any more, is an error that names the file, because to forget in silence is to be rolled back.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import stat
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from gateway.errors import SettingsError
from gateway.federation.desk_memory import (
    KnownAnchor,
    KnownChain,
    KnownRevocation,
    Remembered,
    TrustMemory,
    TrustMemoryError,
)
from gateway.federation.publisher_ledger import write_whole
from trust.anchor import TrustAnchor
from trust.claim_rules import (
    Check,
    Rule,
    check_claims,
    is_count,
    is_digest,
    is_entity,
    is_index,
    is_list_of,
    is_object,
    is_time,
)
from trust.errors import TrustError
from trust.pinboard import Pin
from trust.revocation import read_revocation
from trust.statement import MAX_CHAIN

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["FileTrustMemory", "TrustMemory", "TrustMemoryError"]

_BELIEFS: Final = "beliefs.json"
_REVOCATIONS: Final = "revocations"
_LOCK: Final = ".lock"


class FileTrustMemory:
    """Keeps files in a folder, which is made when it is not there; one process at a time writes.

    Raises:
        TrustMemoryError: the folder cannot be made, or others than this user can enter it.
    """

    def __init__(self, folder: Path) -> None:
        """Make or check the folder."""
        self._folder = folder
        self._lock: int | None = None
        try:
            for each in (folder, folder / _REVOCATIONS):
                each.mkdir(mode=0o700, parents=True, exist_ok=True)
            mode = stat.S_IMODE(folder.stat().st_mode)
        except OSError as error:
            raise TrustMemoryError(file=folder.name, fault="write") from error
        if mode & 0o077:
            raise TrustMemoryError(file=folder.name, fault="mode")

    def remembered(self) -> Remembered:
        """Read anchors, pins and chains; nothing where nothing was kept (TrustMemoryError)."""
        if not (self._folder / _BELIEFS).exists():
            return Remembered()
        content = self._read(_BELIEFS, _BELIEFS_TABLE)
        try:
            return Remembered(
                anchors=tuple(map(_anchor, content["anchors"])),
                pins=tuple(map(_pin, content["pins"])),
                chains=tuple(map(_chain, content["chains"])),
            )
        except TrustError as error:
            raise TrustMemoryError(file=_BELIEFS, fault="form") from error

    def revocations(self) -> tuple[KnownRevocation, ...]:
        """Read all revocations by cursor (TrustMemoryError)."""
        try:
            names = sorted(path.name for path in (self._folder / _REVOCATIONS).iterdir() if path.name[0] != ".")
        except OSError as error:
            raise TrustMemoryError(file=_REVOCATIONS, fault="read") from error
        for cursor, name in enumerate(names, start=1):
            if name != _file_of(cursor):
                raise TrustMemoryError(file=f"{_REVOCATIONS}/{_file_of(cursor)}", fault="missing")
        return tuple(self._revocation(cursor) for cursor in range(1, len(names) + 1))

    def keep(self, remembered: Remembered) -> None:
        """Replace anchors, pins and chains, all or nothing (TrustMemoryError)."""
        anchors = [
            {
                "entity": anchor.state.entity,
                "fingerprints": sorted(anchor.state.fingerprints),
                "version": anchor.state.version,
                "pinned": sorted(anchor.pinned),
            }
            for anchor in remembered.anchors
        ]
        content = {
            "anchors": anchors,
            "pins": [asdict(pin) for pin in remembered.pins],
            "chains": [{**asdict(chain), "texts": list(chain.texts)} for chain in remembered.chains],
        }
        self._write(_BELIEFS, content)

    def keep_revocation(self, known: KnownRevocation) -> None:
        """Add a revocation, or replace the one at its place (TrustMemoryError)."""
        content = {"cursor": known.cursor, "text": known.text, "anchors": sorted(known.anchors)}
        self._write(f"{_REVOCATIONS}/{_file_of(known.cursor)}", content)

    def close(self) -> None:
        """Let another process write."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _revocation(self, cursor: int) -> KnownRevocation:
        name = f"{_REVOCATIONS}/{_file_of(cursor)}"
        content = self._read(name, _REVOCATION_TABLE)
        try:
            read_revocation(content["text"])
        except TrustError as error:
            raise TrustMemoryError(file=name, fault="form") from error
        if content["cursor"] != cursor:
            raise TrustMemoryError(file=name, fault="form")
        return KnownRevocation(cursor=cursor, text=content["text"], anchors=frozenset(content["anchors"]))

    def _read(self, name: str, table: Mapping[str, Rule]) -> Any:  # noqa: ANN401 - the table has checked it
        """Read the content of a file whose checksum holds."""
        try:
            document = json.loads((self._folder / name).read_bytes())
        except OSError as error:
            raise TrustMemoryError(file=name, fault="read") from error
        except (ValueError, RecursionError):
            # The decoder's own errors carry the document, which must not travel with ours.
            raise TrustMemoryError(file=name, fault="form") from None
        if not isinstance(document, dict) or document.keys() != {"content", "sha256"}:
            raise TrustMemoryError(file=name, fault="form")
        if document["sha256"] != _checksum(document["content"]):
            raise TrustMemoryError(file=name, fault="checksum")
        content = document["content"]
        try:
            check_claims(content if isinstance(content, dict) else {}, table)
        except TrustError as error:
            raise TrustMemoryError(file=name, fault="form") from error
        return content

    def _write(self, name: str, content: Mapping[str, object]) -> None:
        """Replace a file, and see that it lasts."""
        self._hold()
        document = {"content": content, "sha256": _checksum(content)}
        try:
            write_whole(self._folder / name, json.dumps(document, indent=1).encode("ascii"))
        except SettingsError as error:
            raise TrustMemoryError(file=name, fault="write") from error

    def _hold(self) -> None:
        """Keep every other process from writing, until the end of this one or `close`."""
        if self._lock is not None:
            return
        try:
            self._lock = os.open(self._folder / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise TrustMemoryError(file=_LOCK, fault="write") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.close()
            raise TrustMemoryError(file=_LOCK, fault="in_use") from error


def _checksum(content: object) -> str:
    """Give the SHA-256 of a content, written in the one form that has no choices."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode("ascii")).hexdigest()


def _file_of(cursor: int) -> str:
    return f"{cursor:08}.json"


def _anchor(content: Any) -> KnownAnchor:  # noqa: ANN401 - the table checks it
    check_claims(content, _ANCHOR_TABLE)
    fingerprints, pinned = frozenset(content["fingerprints"]), frozenset(content["pinned"])
    state = TrustAnchor(entity=content["entity"], fingerprints=fingerprints, version=content["version"])
    return KnownAnchor(state=state, pinned=pinned)


def _pin(content: Any) -> Pin:  # noqa: ANN401 - the table checks it
    check_claims(content, _PIN_TABLE)
    return Pin(**content)


def _chain(content: Any) -> KnownChain:  # noqa: ANN401 - the table checks it
    check_claims(content, _CHAIN_TABLE)
    return KnownChain(anchor=content["anchor"], entity=content["entity"], texts=tuple(content["texts"]))


def _is_list(check: Check) -> Check:
    return lambda value: isinstance(value, list) and all(map(check, value))


_ENTITY: Final = Rule("entity identifier", is_entity)
_TEXT: Final = Rule("text", lambda value: isinstance(value, str))
_TIME: Final = Rule("whole seconds", is_time)
_DIGESTS: Final = Rule("list of fingerprints", is_list_of(is_digest, at_least=1, at_most=64))
_BELIEFS_TABLE: Final = {name: Rule("list", _is_list(is_object)) for name in ("anchors", "pins", "chains")}
_ANCHOR_TABLE: Final = {
    "entity": _ENTITY,
    "fingerprints": _DIGESTS,
    "version": Rule("whole number from 0", is_index),
    "pinned": _DIGESTS,
}
_PIN_TABLE: Final = {
    **dict.fromkeys(("anchor", "issuer", "subject"), _ENTITY),
    **dict.fromkeys(("issued_at", "expires_at"), _TIME),
    "version": Rule("whole number from 1", is_count),
    "digest": Rule("digest", is_digest),
}
_CHAIN_TABLE: Final = {
    **dict.fromkeys(("anchor", "entity"), _ENTITY),
    "texts": Rule("list of texts", is_list_of(lambda value: isinstance(value, str), at_least=1, at_most=MAX_CHAIN)),
}
_REVOCATION_TABLE: Final = {
    "cursor": Rule("whole number from 1", is_count),
    "text": _TEXT,
    "anchors": Rule("list of entity identifiers", _is_list(is_entity)),
}
