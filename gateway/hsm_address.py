"""Where a key lies in a hardware module, as an operator writes it: a `pkcs11:` address (RFC 7512).

    pkcs11:token=TOKEN;object=KEY?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=/etc/onecard/pin

Token and key are told by their labels, the module by the file of its library, the PIN by a file that holds it. A PIN
in the address itself would stand in the configuration, so it is refused, as is every attribute that is not known here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote

SCHEME: Final = "pkcs11:"
_PATH: Final = frozenset({"token", "object"})
_QUERY: Final = frozenset({"module-path", "pin-source"})
_LABEL: Final = re.compile(r"[^\x00-\x1f\x7f]{1,64}")


@dataclass(frozen=True, slots=True)
class HardwareAddress:
    """A key pair and its token, by their labels, the library of the module, and the file of the PIN."""

    module: Path
    token: str
    key: str
    pin_file: Path


def read_address(text: str) -> HardwareAddress:
    """Read an address (ValueError says what is wrong, and repeats nothing of it)."""
    path, _, query = text.removeprefix(SCHEME).partition("?")
    told = _attributes(path, ";", _PATH) | _attributes(query, "&", _QUERY)
    missing = sorted((_PATH | _QUERY) - told.keys())
    if missing:
        raise ValueError(f"a pkcs11: address needs {', '.join(missing)}")
    if not _LABEL.fullmatch(told["token"]) or not _LABEL.fullmatch(told["object"]):
        raise ValueError("labels of a pkcs11: address have 1 to 64 characters")
    return HardwareAddress(
        module=_file(told["module-path"]),
        token=told["token"],
        key=told["object"],
        pin_file=_file(told["pin-source"].removeprefix("file://").removeprefix("file:")),
    )


def _attributes(text: str, separator: str, known: frozenset[str]) -> dict[str, str]:
    """Read one part of an address: each attribute once, percent-encoded (RFC 7512 section 2.3)."""
    told: dict[str, str] = {}
    for part in text.split(separator) if text else ():
        name, equals, value = part.partition("=")
        if name not in known or not equals or name in told:
            raise ValueError(f"of a pkcs11: address {', '.join(sorted(known))} are known in this place, each once")
        told[name] = _decoded(value)
    return told


def _decoded(value: str) -> str:
    """Decode what is percent-encoded; the decoder's own error would repeat it."""
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError:
        raise ValueError("a pkcs11: address is percent-encoded UTF-8") from None


def _file(text: str) -> Path:
    """Read the name of a file; a command (`|...`) and a relative name are none."""
    if not text.startswith("/"):
        raise ValueError("files of a pkcs11: address are named from the root on")
    return Path(text)
