"""TLS files in a folder, as an operator would lay them down and replace them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from gateway.peers.certificates import TlsFiles

if TYPE_CHECKING:
    from pathlib import Path

_NUMBERS = count(1)


@dataclass(frozen=True, slots=True)
class FakeTlsFolder:
    """Certificate, key and, where a test writes it, the authorities of others."""

    folder: Path

    @property
    def certificate(self) -> Path:
        """Where the certificate is."""
        return self.folder / "tls.pem"

    @property
    def key(self) -> Path:
        """Where the key is."""
        return self.folder / "tls.key"

    @property
    def authorities(self) -> Path:
        """Where the authorities are."""
        return self.folder / "clients.pem"

    def write(self, certificate: bytes, key: bytes, authorities: bytes | None = None) -> FakeTlsFolder:
        """Replace the files one after the other, each at once."""
        self.replace(self.certificate, certificate)
        self.replace(self.key, key)
        if authorities is not None:
            self.replace(self.authorities, authorities)
        return self

    def replace(self, path: Path, content: bytes, mode: int = 0o600) -> None:
        """Put another file in the place of this one."""
        fresh = self.folder / f"fresh-{next(_NUMBERS)}"
        fresh.write_bytes(content)
        fresh.chmod(mode)
        os.replace(fresh, path)  # noqa: PTH105 - one step, as an operator's tool does it

    def files(self, *, mutual: bool = False) -> TlsFiles:
        """Name the files."""
        return TlsFiles(certificate=self.certificate, key=self.key, authorities=(self.authorities,) if mutual else ())
