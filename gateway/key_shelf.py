"""The key shelf: the key of one issuer that signs, the one to come, and the one that was, a file each.

    region.pem         signs, and is published
    region.next.pem    is published, so that everybody knows it before it signs anything
    region.former.pem is published still, while what it has signed is alive

A rotation is three steps with time between them (`stage`, `switch`, `retire`), none of which interrupts anything: what
is verified is always among the keys published, before and after. A running node looks at the files now and then
(`look`) and takes up what has changed; what it cannot read leaves it with what it had.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol, TypeAlias

from gateway.errors import SettingsError
from trust.keys import SigningKey
from trust.signer import Signer, signer_of

if TYPE_CHECKING:
    from pathlib import Path

    from trust.keys import VerificationKey

Key: TypeAlias = SigningKey | Signer
"""A key in memory, or what signs with one that lies elsewhere."""

_Seen = tuple[tuple[int, int, int] | None, ...]


def next_file(path: Path) -> Path:
    """Give the file of the key to come."""
    return path.with_suffix(f".next{path.suffix}")


def former_file(path: Path) -> Path:
    """Give the file of the key that was."""
    return path.with_suffix(f".former{path.suffix}")


class Shelf(Protocol):
    """The keys of one issuer, wherever they lie."""

    issuer: str
    keys: tuple[Key, ...]

    def look(self) -> bool:
        """Take up what has changed; tells whether anything did (TrustError, OSError, SettingsError)."""

    @property
    def signing(self) -> Key:
        """The key that signs."""

    @property
    def published(self) -> tuple[VerificationKey, ...]:
        """The public halves of all keys, the one that signs first."""


class KeyShelf:
    """The keys of one issuer.

    Args:
        path: file of the key that signs, PEM.
        issuer: whose keys they are.
    """

    def __init__(self, path: Path, *, issuer: str) -> None:
        """Read the keys (TrustError, OSError)."""
        self._path = path
        self.issuer = issuer
        self._seen: _Seen = ()
        self.look()

    def look(self) -> bool:
        """Read the files again if they are not what they were; tells whether they changed.

        Raises:
            TrustError, OSError: a file cannot be used; the keys stay what they were.
        """
        files = (self._path, next_file(self._path), former_file(self._path))
        seen = tuple(_state(file) for file in files)
        if seen == self._seen:
            return False
        keys = [
            SigningKey.from_pem(file.read_bytes(), issuer=self.issuer)
            for file, state in zip(files, seen, strict=True)
            if state is not None or file is self._path
        ]
        self.keys: tuple[Key, ...] = tuple({key.kid: key for key in keys}.values())
        self._seen = seen
        return True

    @property
    def signing(self) -> Key:
        """The key that signs."""
        return self.keys[0]

    @property
    def published(self) -> tuple[VerificationKey, ...]:
        """The public halves of all three, the one that signs first."""
        return tuple(key.public() for key in self.keys)


class ShelfSigner:
    """Signs with whatever key of a shelf signs now (`trust.signer.Signer`)."""

    def __init__(self, shelf: Shelf) -> None:
        """Take the shelf."""
        self._shelf = shelf

    @property
    def issuer(self) -> str:
        """For whom it signs."""
        return self._shelf.issuer

    @property
    def kid(self) -> str:
        """The name of the key."""
        return self._shelf.signing.kid

    @property
    def algorithm(self) -> str:
        """The name of the suite."""
        return self._shelf.signing.algorithm

    def current(self) -> Signer:
        """Give the key that signs now, for who names it first and signs then while another thread may turn it."""
        return signer_of(self._shelf.signing)

    def sign(self, message: bytes) -> bytes:
        """Sign (KeyMaterialError where the key cannot)."""
        return self.current().sign(message)

    def public(self) -> VerificationKey:
        """Give the public half."""
        return self._shelf.signing.public()


def _state(file: Path) -> tuple[int, int, int] | None:
    """Give what tells one version of a file from another, None where there is none."""
    try:
        stat = file.stat()
    except FileNotFoundError:
        return None
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def write_key(path: Path, key: SigningKey, *, preamble: bytes = b"") -> None:
    """Write a private key that only its owner can read, closed before it has any content, and all of it or nothing.

    Raises:
        SettingsError: there is a key already, which is never overwritten.
    """
    if path.exists():
        raise SettingsError((f"{path.name}: is there already; a key is never overwritten",))
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.touch(mode=0o600, exist_ok=False)
    draft.write_bytes(preamble + key.to_pem())
    draft.replace(path)


def stage(path: Path, *, issuer: str, algorithm: str | None = None, preamble: bytes = b"") -> SigningKey:
    """Make the key to come; it is published from now on and signs nothing yet.

    Args:
        path: file of the key that signs.
        issuer: whose keys they are.
        algorithm: suite of the new key; that of the one that signs where nothing is said.
        preamble: what stands before the PEM block.

    Raises:
        SettingsError: a key to come is there already, or the one that was has not been retired.
    """
    if former_file(path).exists():
        raise SettingsError((f"{former_file(path).name}: retire it first",))
    signing = SigningKey.from_pem(path.read_bytes(), issuer=issuer)
    coming = SigningKey.generate(algorithm or signing.algorithm, issuer=issuer)
    write_key(next_file(path), coming, preamble=preamble)
    return coming


def switch(path: Path) -> None:
    """Let the key to come sign from now on; the one that signed is published still.

    Raises:
        SettingsError: no key has been staged.
    """
    coming = next_file(path)
    if not coming.exists():
        raise SettingsError((f"{coming.name}: is not there; stage a key first",))
    former_file(path).unlink(missing_ok=True)
    os.link(path, former_file(path))  # at no moment is there no key that signs
    coming.replace(path)


def switched_at(path: Path) -> float:
    """Tell since when the key that was signs no more, Unix seconds; later where its file was touched since.

    Raises:
        SettingsError: there is none.
    """
    try:
        return former_file(path).stat().st_ctime  # its file got this name then, which no one can date back
    except FileNotFoundError:
        raise SettingsError((f"{former_file(path).name}: is not there",)) from None


def retire(path: Path) -> None:
    """Drop the key that was; from now on what it has signed is believed no longer.

    Raises:
        SettingsError: there is none.
    """
    if not former_file(path).exists():
        raise SettingsError((f"{former_file(path).name}: is not there",))
    former_file(path).unlink()
