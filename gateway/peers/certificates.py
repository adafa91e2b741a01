"""The TLS files of this gateway: read whole, read again when they change, and never half.

Whoever rotates a certificate replaces its files one after the other. Until certificate and key belong together, the
former pair stays in use, so that no handshake fails between two writes.
"""

from __future__ import annotations

import asyncio
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

import grpc
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Marks: TypeAlias = tuple[tuple[int, int, int], ...]

_EVERY_SECONDS: Final = 1.0
_UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm)


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsMaterial:
    """What one side of a connection proves itself with, and whom it believes; all PEM.

    `authorities` is empty where nobody is believed.
    """

    certificate: bytes
    key: bytes = field(repr=False)
    authorities: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """Where the material is; several files of authorities are joined, each once."""

    certificate: Path
    key: Path
    authorities: tuple[Path, ...] = ()

    def read(self) -> TlsMaterial:
        """Read the files (SettingsError: not there, not PEM, open to others, or a key of another certificate)."""
        certificate, key = _bytes_of(self.certificate), _secret_of(self.key)
        try:
            fits = _first(certificate).public_key() == load_pem_private_key(key, password=None).public_key()
        except _UNREADABLE:
            raise SettingsError((f"{self.certificate.name}, {self.key.name}: no PEM of certificate and key",)) from None
        if not fits:
            raise SettingsError((f"{self.key.name}: is not the key of {self.certificate.name}",))
        return TlsMaterial(certificate=certificate, key=key, authorities=self._authorities())

    def _authorities(self) -> bytes:
        contents = {path: _bytes_of(path) for path in self.authorities}
        for path, pem in contents.items():
            try:
                _first(pem)
            except _UNREADABLE:
                raise SettingsError((f"{path.name}: no PEM of certificates",)) from None
        return b"\n".join(dict.fromkeys(contents.values()))

    def marks(self) -> Marks:
        """Give what changes whenever a file does: its time, size and inode; cheap enough for each handshake."""
        told = [path.stat() for path in (self.certificate, self.key, *self.authorities)]
        return tuple((one.st_mtime_ns, one.st_size, one.st_ino) for one in told)


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise SettingsError((f"{path.name}: cannot be read",)) from None


def _secret_of(path: Path) -> bytes:
    try:
        mode = path.stat().st_mode
    except OSError:
        raise SettingsError((f"{path.name}: cannot be read",)) from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SettingsError((f"{path.name}: can be read by others; allow the owner only (mode 600)",))
    return _bytes_of(path)


def _first(pem: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificates(pem)[0]


class Told(Protocol):
    """Hears of each change of the files."""

    def __call__(self, *, rotated: bool, fault: str) -> None:
        """Note that new files are in use, or why they are not; the fault names files and repeats nothing of them."""


def _tell_nobody(*, rotated: bool, fault: str) -> None:
    """Ignore what happens."""


class TlsWatch:
    """Reads TLS files again when they changed. Each reader of changes has a watch of its own."""

    def __init__(self, files: TlsFiles, *, told: Told = _tell_nobody) -> None:
        """Read the files for the first time (SettingsError).

        `told` is called by whoever asks for changes: for a server that is a thread of gRPC.
        """
        self._files = files
        self._told = told
        # Marks are taken before the content: what is written in between looks changed, and is read once more.
        self._seen = _marks_of(files)
        self.material = files.read()

    def changed(self) -> TlsMaterial | None:
        """Give the new material once after a change; None where nothing changed, or what is there cannot be used."""
        marks = _marks_of(self._files)
        if marks == self._seen:
            return None
        self._seen = marks
        try:
            material = self._files.read()
        except SettingsError as error:
            self._told(rotated=False, fault="; ".join(error.faults))
            return None
        if material == self.material:
            return None
        self.material = material
        self._told(rotated=True, fault="")
        return material


def _marks_of(files: TlsFiles) -> Marks | None:
    """Give the marks, or None while a file is not there."""
    try:
        return files.marks()
    except OSError:
        return None


def server_credentials(files: TlsFiles, *, mutual: bool, told: Told = _tell_nobody) -> grpc.ServerCredentials:
    """Make credentials that look at their files before each handshake; open connections stay as they are.

    Args:
        files: certificate and key; for `mutual` also the authorities of the callers' certificates.
        mutual: demand a certificate from whoever connects. gRPC for Python cannot ask for one and do without it, so
            callers without a certificate need a port of their own.
        told: called from a thread of gRPC; hand over with `loop.call_soon_threadsafe`.

    Raises:
        SettingsError: the files cannot be used, or nobody's certificates would be believed.
    """
    if mutual and not files.authorities:
        raise SettingsError(("mutual TLS: no authority for the certificates of callers",))
    watch = TlsWatch(files, told=told)

    def configuration(material: TlsMaterial) -> grpc.ServerCertificateConfiguration:
        roots = material.authorities if mutual else None
        return grpc.ssl_server_certificate_configuration([(material.key, material.certificate)], roots)

    def fetch() -> grpc.ServerCertificateConfiguration | None:
        material = watch.changed()
        return None if material is None else configuration(material)

    return grpc.dynamic_ssl_server_credentials(configuration(watch.material), fetch, mutual)  # type: ignore[arg-type]  # None keeps what is


async def follow_files(
    watch: TlsWatch, rotate: Callable[[TlsMaterial], None], *, every_seconds: float = _EVERY_SECONDS
) -> None:
    """Hand new material on whenever the files change, until cancelled: how a client learns of it."""
    while True:
        await asyncio.sleep(every_seconds)
        material = watch.changed()
        if material is not None:
            rotate(material)
