"""Seals what is sensitive before it is stored: AES-256-GCM, or SM4-GCM (GB/T 32907, RFC 8998) by setting.

    1 byte   version
    8 bytes  id of the key
    12 bytes nonce: 8 random ones for each process and turn of the counter, 4 of the counter
    ...      what was sealed, and the tag of 16 bytes

The first 9 bytes and the `context`, which says what it is and whose, are authenticated with it: a sealed value that is
moved to another row, or put in the place of an older one under another key, does not open. No nonce comes twice
(NIST SP 800-38D section 8.2.1, with a fixed field that is random).
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import SM4

from gateway.errors import SettingsError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

VERSION: Final = b"\x01"
ID_BYTES: Final = 8
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
_COUNTER_BYTES: Final = 4
_HEAD: Final = len(VERSION) + ID_BYTES
OVERHEAD_BYTES: Final = _HEAD + NONCE_BYTES + TAG_BYTES


_UNKNOWN_KEY, _BROKEN, _NOT_SEALED = "sealed_with_unknown_key", "seal_broken", "not_sealed"
SEAL_FAULTS: Final = frozenset({_UNKNOWN_KEY, _BROKEN, _NOT_SEALED})
"""The `fault` of a StoreUnavailableError that says something of one sealed value, and not of the store."""


class CipherName(StrEnum):
    """How values are sealed."""

    AES = "AES-256-GCM"
    SM4 = "SM4-GCM"


KEY_BYTES: Final = {CipherName.AES: 32, CipherName.SM4: 16}


@dataclass(frozen=True, slots=True)
class SealingKey:
    """A key. Its `id` is a hash of it, so that no two have the same and a wrong file is noticed."""

    cipher: CipherName
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse a key of the wrong length (SettingsError)."""
        if len(self.secret) != KEY_BYTES[self.cipher]:
            raise SettingsError((f"store.keys: a key of {self.cipher} has {KEY_BYTES[self.cipher]} bytes",))

    @classmethod
    def new(cls, cipher: CipherName) -> SealingKey:
        """Make a key."""
        return cls(cipher, secrets.token_bytes(KEY_BYTES[cipher]))

    @property
    def id(self) -> bytes:
        """Eight bytes, which say nothing of the key."""
        return hashlib.sha256(b"onecard store key 1 " + self.cipher.encode() + self.secret).digest()[:ID_BYTES]


class _Sm4:
    """SM4-GCM in the form of `AESGCM`."""

    def __init__(self, secret: bytes) -> None:
        self._key = SM4(secret)

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes:
        encryptor = Cipher(self._key, modes.GCM(nonce)).encryptor()
        encryptor.authenticate_additional_data(associated_data)
        return encryptor.update(data) + encryptor.finalize() + encryptor.tag

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes:
        decryptor = Cipher(self._key, modes.GCM(nonce, data[-TAG_BYTES:])).decryptor()
        decryptor.authenticate_additional_data(associated_data)
        return decryptor.update(data[:-TAG_BYTES]) + decryptor.finalize()


def _cipher(key: SealingKey) -> AESGCM | _Sm4:
    """Give what encrypts with a key (SettingsError where the library underneath has no such cipher)."""
    if key.cipher is CipherName.AES:
        return AESGCM(key.secret)
    try:
        made = _Sm4(key.secret)
        made.encrypt(bytes(NONCE_BYTES), b"", b"")
    except UnsupportedAlgorithm as error:
        raise SettingsError((f"store.cipher: the OpenSSL of this machine has no {key.cipher}",)) from error
    return made


class Sealer:
    """Seals with the newest key and opens with any; safe to use from several threads.

    Args:
        keys: the newest first.
        more: gives the keys as they are now; asked when a value names a key that is not known, as after a rotation by
            another replica.
    """

    def __init__(self, keys: Sequence[SealingKey], *, more: Callable[[], Sequence[SealingKey]] | None = None) -> None:
        """Take the keys (SettingsError where there is none, or a cipher is not to be had)."""
        self._more = more
        self._turn()
        self.use(keys)

    def use(self, keys: Sequence[SealingKey]) -> None:
        """Take other keys, the newest first (SettingsError)."""
        if not keys:
            raise SettingsError(("store.keys: there is no key; make one (onecard keys new)",))
        self._held = (keys[0].id, {key.id: _cipher(key) for key in keys})

    @property
    def newest(self) -> bytes:
        """The id of the key that seals."""
        return self._held[0]

    def seal(self, plain: bytes, *, context: bytes) -> bytes:
        """Seal a value; only with the same context it opens again."""
        newest, ciphers = self._held
        head, nonce = VERSION + newest, self._nonce()
        return head + nonce + ciphers[newest].encrypt(nonce, plain, head + context)

    def open(self, sealed: bytes, *, context: bytes) -> bytes:
        """Open a value (StoreUnavailableError: no key for it, or it is not what was sealed)."""
        key = sealed_by(sealed)
        if key not in self._held[1] and self._more is not None:
            self.use(self._more())
        cipher = self._held[1].get(key)
        if cipher is None:
            raise StoreUnavailableError(fault=_UNKNOWN_KEY)
        nonce, body = sealed[_HEAD : _HEAD + NONCE_BYTES], sealed[_HEAD + NONCE_BYTES :]
        try:
            return cipher.decrypt(nonce, body, sealed[:_HEAD] + context)
        except InvalidTag as error:
            raise StoreUnavailableError(fault=_BROKEN) from error

    def _nonce(self) -> bytes:
        """Give what no other value of this process was or will be sealed with, in whatever thread."""
        fixed, numbers = self._series
        number = next(numbers)  # counts and gives in one step, which no other thread comes between
        if number >= 2 ** (8 * _COUNTER_BYTES):
            self._turn()
            return self._nonce()
        return fixed + number.to_bytes(_COUNTER_BYTES, "big")

    def _turn(self) -> None:
        """Begin to count anew, behind other random bytes."""
        self._series = (secrets.token_bytes(NONCE_BYTES - _COUNTER_BYTES), count())


def sealed_by(sealed: bytes) -> bytes:
    """Give the id of the key of a sealed value (StoreUnavailableError where it is none)."""
    if len(sealed) < OVERHEAD_BYTES or sealed[: len(VERSION)] != VERSION:
        raise StoreUnavailableError(fault=_NOT_SEALED)
    return sealed[len(VERSION) : _HEAD]
