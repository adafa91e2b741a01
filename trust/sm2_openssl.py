"""SM2 by the operating system's OpenSSL: libcrypto 3 or later, through its EVP interface.

The library is looked for and loaded when `load_openssl` is called, never on import; that is all the outside world
that this module touches. Each signature, verification and key generation releases the interpreter lock once, for the
arithmetic; the small calls around it keep the lock, as taking it back costs more than they do.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from ctypes import (
    CDLL,
    POINTER,
    PyDLL,
    addressof,
    byref,
    c_char_p,
    c_int,
    c_long,
    c_size_t,
    c_void_p,
    create_string_buffer,
)
from ctypes.util import find_library
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary, finalize

from trust.errors import KeyMaterialError
from trust.sm2 import signature_from_der, signature_to_der
from trust.sm2_encoding import read_ec_private_key, write_private_der, write_public_der

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from trust.sm2 import Sm2PrivateKey, Sm2PublicKey

_REFERENCE: Final = POINTER(c_void_p)
_INIT: Final = (c_int, c_void_p, _REFERENCE, c_char_p, c_void_p, c_char_p, c_void_p, c_void_p)
# The result and the arguments of each function; some are there from OpenSSL 3.0 on only, so an older one does not bind.
_PROTOTYPES: Final[dict[str, tuple[Any, ...]]] = {
    "ERR_clear_error": (None,),
    "EVP_DigestSign": (c_int, c_void_p, c_char_p, POINTER(c_size_t), c_char_p, c_size_t),
    "EVP_DigestSignInit_ex": _INIT,
    "EVP_DigestVerify": (c_int, c_void_p, c_char_p, c_size_t, c_char_p, c_size_t),
    "EVP_DigestVerifyInit_ex": _INIT,
    "EVP_MD_CTX_free": (None, c_void_p),
    "EVP_MD_CTX_new": (c_void_p,),
    "EVP_PKEY_CTX_free": (None, c_void_p),
    "EVP_PKEY_CTX_new_from_name": (c_void_p, c_void_p, c_char_p, c_char_p),
    "EVP_PKEY_CTX_set1_id": (c_int, c_void_p, c_char_p, c_int),
    "EVP_PKEY_free": (None, c_void_p),
    "EVP_PKEY_generate": (c_int, c_void_p, _REFERENCE),
    "EVP_PKEY_keygen_init": (c_int, c_void_p),
    "OpenSSL_version": (c_char_p, c_int),
    "d2i_AutoPrivateKey": (c_void_p, _REFERENCE, POINTER(c_char_p), c_long),
    "d2i_PUBKEY": (c_void_p, _REFERENCE, POINTER(c_char_p), c_long),
    "i2d_PrivateKey": (c_int, c_void_p, _REFERENCE),
}
_ARITHMETIC: Final = frozenset({"EVP_DigestSign", "EVP_DigestVerify", "EVP_PKEY_generate"})
_RULE: Final = "SM2 in OpenSSL"
_NAMES: Final = ("libcrypto.so.3", "libcrypto.3.dylib")
_OPENSSL_VERSION_STRING: Final = 6
_MAX_SIGNATURE: Final = 72


class _Key:
    """A key of the library, freed with the last reference to it."""

    __slots__ = ("__weakref__", "pointer")

    def __init__(self, pointer: int, free: Callable[[int], None]) -> None:
        """Own the pointer."""
        self.pointer = pointer
        finalize(self, free, pointer).atexit = False


class OpensslProvider:
    """An `Sm2Provider` over libcrypto; safe to use from several threads.

    Args:
        library: the functions of libcrypto by name, as `bind` gives them.
    """

    __slots__ = ("_keys", "_library")

    def __init__(self, library: SimpleNamespace) -> None:
        """Keep the library, and what it made of each of our keys for as long as that key lives."""
        self._library = library
        self._keys: WeakKeyDictionary[Sm2PrivateKey | Sm2PublicKey, _Key] = WeakKeyDictionary()

    @property
    def name(self) -> str:
        """The library and its version, such as `OpenSSL 3.0.19`."""
        version: bytes = self._library.OpenSSL_version(_OPENSSL_VERSION_STRING)
        return f"OpenSSL {version.decode('ascii', 'replace')}"

    def sign(self, private: Sm2PrivateKey, message: bytes) -> bytes:
        """Sign a message; 64 bytes r and s.

        Raises:
            KeyMaterialError: the library cannot.
        """
        key = self._keys.get(private) or self._read_private(private)
        signature, size = create_string_buffer(_MAX_SIGNATURE), c_size_t(_MAX_SIGNATURE)
        with self._begun(self._library.EVP_DigestSignInit_ex, key, private.public.user_id) as context:
            self._demand(self._library.EVP_DigestSign(context, signature, byref(size), message, len(message)))
        return signature_from_der(signature.raw[: size.value])

    def verify(self, public: Sm2PublicKey, message: bytes, signature: bytes) -> bool:
        """Tell whether a signature is 64 bytes, in its range, and holds.

        Raises:
            KeyMaterialError: the library cannot use the key.
        """
        der = signature_to_der(signature)
        if der is None:
            return False
        key = self._keys.get(public) or self._read_public(public)
        with self._begun(self._library.EVP_DigestVerifyInit_ex, key, public.user_id) as context:
            holds: int = self._library.EVP_DigestVerify(context, der, len(der), message, len(message))
        return holds == 1

    def generate(self) -> Sm2PrivateKey:
        """Make a key of OpenSSL's own randomness, under the default user id.

        Raises:
            KeyMaterialError: the library cannot.
        """
        library, made = self._library, c_void_p()
        context = library.EVP_PKEY_CTX_new_from_name(None, b"SM2", None)
        try:
            self._demand(context and library.EVP_PKEY_keygen_init(context))
            self._demand(library.EVP_PKEY_generate(context, byref(made)))
            return self._export(made)
        finally:
            library.EVP_PKEY_free(made)
            library.EVP_PKEY_CTX_free(context)
            library.ERR_clear_error()

    def _export(self, key: c_void_p) -> Sm2PrivateKey:
        """Read a key out of the library."""
        size: int = self._library.i2d_PrivateKey(key, None)
        self._demand(size)
        buffer = create_string_buffer(size)
        self._library.i2d_PrivateKey(key, byref(c_void_p(addressof(buffer))))
        return read_ec_private_key(buffer.raw)

    @contextmanager
    def _begun(self, begin: Callable[..., int], key: _Key, user_id: bytes) -> Iterator[int]:
        """Give a context in which something is about to be signed or verified; free it, and leave no error behind.

        The errors of OpenSSL are kept by thread, where Python's own `ssl` would take them for its own.
        """
        library, inner = self._library, c_void_p()
        context = library.EVP_MD_CTX_new()
        try:
            self._demand(context and begin(context, byref(inner), b"SM3", None, None, key.pointer, None))
            self._demand(library.EVP_PKEY_CTX_set1_id(inner, user_id, len(user_id)))
            yield context
        finally:
            library.EVP_MD_CTX_free(context)
            library.ERR_clear_error()

    def _read_private(self, private: Sm2PrivateKey) -> _Key:
        """Give a private key to the library."""
        return self._read(private, self._library.d2i_AutoPrivateKey, write_private_der(private))

    def _read_public(self, public: Sm2PublicKey) -> _Key:
        """Give a public key to the library."""
        return self._read(public, self._library.d2i_PUBKEY, write_public_der(public))

    def _read(self, ours: Sm2PrivateKey | Sm2PublicKey, read: Callable[..., int | None], der: bytes) -> _Key:
        """Give a key to the library and keep what it made of it: to read costs a third of a verification."""
        pointer = read(None, byref(c_char_p(der)), len(der))
        self._library.ERR_clear_error()
        if not pointer:
            raise KeyMaterialError(rule=_RULE)
        key = self._keys[ours] = _Key(pointer, self._library.EVP_PKEY_free)
        return key

    @staticmethod
    def _demand(result: int | None) -> None:
        """Refuse to go on where the library did not succeed."""
        if result is None or result < 1:
            raise KeyMaterialError(rule=_RULE)


def load_openssl(names: Iterable[str] | None = None) -> OpensslProvider | None:
    """Load the first libcrypto that has what is needed; None when there is none.

    Args:
        names: of libraries to try; those that the system may have unless given.
    """
    for name in _candidates() if names is None else names:
        try:
            return OpensslProvider(bind(name))
        except (OSError, AttributeError):
            continue
    return None


def bind(name: str) -> SimpleNamespace:
    """Load a library and declare its functions.

    Raises:
        OSError: there is no such library.
        AttributeError: it is no OpenSSL of version 3 or later.
    """
    releasing, holding = CDLL(name), PyDLL(name)
    functions = {}
    for symbol, (result, *arguments) in _PROTOTYPES.items():
        function = getattr(releasing if symbol in _ARITHMETIC else holding, symbol)
        function.restype, function.argtypes = result, arguments
        functions[symbol] = function
    return SimpleNamespace(**functions)


def _candidates() -> Iterator[str]:
    """Give the names that a libcrypto may have, the likely ones first, for to search for one costs a process."""
    yield from _NAMES
    # macOS ends a process that loads the library of the system, which has no version in its name.
    found = None if sys.platform == "darwin" else find_library("crypto")
    if found is not None:
        yield found
