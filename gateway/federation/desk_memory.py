"""The port behind which a node remembers whom it believes; `gateway.federation.memory` keeps it in files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from gateway.errors import SettingsError

if TYPE_CHECKING:
    from trust.anchor import TrustAnchor
    from trust.pinboard import Pin

_BACKUP: Final = "restore it from a backup, or take it away: what was known is fetched anew then"
_ADVICE: Final = {
    "mode": "others may read the folder or write in it: give it to the gateway's user only (chmod 700)",
    "read": "it cannot be read: look at its owner and mode, and at the disk",
    "write": "it cannot be made or written: look whether the folder is the one that is meant, at its owner and mode,"
    " and whether the disk has room",
    "in_use": "another process has it: each gateway needs a folder of its own",
    "form": f"it is not what a gateway writes: {_BACKUP}",
    "checksum": f"it was changed: {_BACKUP}",
    "missing": f"it is gone: {_BACKUP}",
}
"""What to look at, by the word for what is wrong."""


class TrustMemoryError(SettingsError):
    """What is remembered cannot be read or written. Metadata: file, fault. For the operator, never for callers.

    `fault` is one of those that `_ADVICE` has words for.
    """

    message = "What was remembered of the federation cannot be read or written."

    def __init__(self, *, file: str, fault: str) -> None:
        """Name the file, within the folder, and the fault."""
        super().__init__((f"trust.state: {file}: fault={fault}: {_ADVICE[fault]}",), file=file, fault=fault)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAnchor:
    """An anchor as it was last believed, and the fingerprints that the settings pinned then."""

    state: TrustAnchor
    pinned: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownChain:
    """A chain that was believed: `texts` are compact JWS, the entity's configuration first, the anchor's last."""

    anchor: str
    entity: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """All but the revocations."""

    anchors: tuple[KnownAnchor, ...] = ()
    pins: tuple[Pin, ...] = ()
    chains: tuple[KnownChain, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRevocation:
    """A revocation that is believed under some anchors; `cursor` is its place in the feed, from 1 without a gap."""

    cursor: int
    text: str
    anchors: frozenset[str]


class TrustMemory(Protocol):
    """Where a node keeps whom it believes. What was kept lasts, a power cut included, once the call returns."""

    def remembered(self) -> Remembered:
        """Read anchors, pins and chains; nothing where nothing was kept (TrustMemoryError)."""
        ...

    def revocations(self) -> tuple[KnownRevocation, ...]:
        """Read all revocations by cursor (TrustMemoryError)."""
        ...

    def keep(self, remembered: Remembered) -> None:
        """Replace anchors, pins and chains, all or nothing (TrustMemoryError)."""
        ...

    def keep_revocation(self, known: KnownRevocation) -> None:
        """Add a revocation, or replace the one at its place (TrustMemoryError)."""
        ...

    def close(self) -> None:
        """Let go of what is held."""
        ...
