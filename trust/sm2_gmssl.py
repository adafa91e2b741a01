"""SM2 by gmssl-pyx, the extra `sm`: for machines whose OpenSSL is too old or was built without SM2.

It keeps the interpreter lock while it works, and writes a line to standard error for each signature that does not
hold (places in its own source, no values); where there is an OpenSSL, that is taken instead.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from trust.errors import KeyMaterialError
from trust.sm2 import Sm2PrivateKey, Sm2PublicKey, signature_from_der, signature_to_der

if TYPE_CHECKING:
    from types import ModuleType


class GmsslProvider:
    """An `Sm2Provider` over gmssl-pyx, which is given digests: its own hashing makes signing ten times slower.

    Args:
        library: the module `gmssl_pyx`.
    """

    __slots__ = ("_library",)

    def __init__(self, library: ModuleType) -> None:
        """Keep the library."""
        self._library: Any = library

    @property
    def name(self) -> str:
        """The library and its version, such as `gmssl-pyx 2.1.0`."""
        return f"gmssl-pyx {self._library.version}"

    def sign(self, private: Sm2PrivateKey, message: bytes) -> bytes:
        """Sign a message; 64 bytes r and s.

        Raises:
            KeyMaterialError: the library cannot.
        """
        try:
            der = self._library.sm2_sign_sm3_digest(private.secret, private.public.digest(message))
        except self._library.GmsslInnerError as error:
            raise KeyMaterialError(rule="SM2 in gmssl-pyx") from error
        return signature_from_der(der)

    def verify(self, public: Sm2PublicKey, message: bytes, signature: bytes) -> bool:
        """Tell whether a signature is 64 bytes, in its range, and holds; an error of the library is a no."""
        der = signature_to_der(signature)
        if der is None:
            return False
        try:
            return self._library.sm2_verify_sm3_digest(public.point, public.digest(message), der) is True
        except self._library.GmsslInnerError:
            return False

    def generate(self) -> Sm2PrivateKey:
        """Make a key of the library's own randomness, under the default user id.

        Raises:
            KeyMaterialError: the library cannot.
        """
        try:
            point, secret = self._library.sm2_key_generate()
        except self._library.GmsslInnerError as error:
            raise KeyMaterialError(rule="SM2 in gmssl-pyx") from error
        return Sm2PrivateKey(secret, Sm2PublicKey(point))


def load_gmssl() -> GmsslProvider | None:
    """Import gmssl-pyx; None where it is not installed or cannot be loaded."""
    try:
        return GmsslProvider(import_module("gmssl_pyx"))
    except ImportError:
        return None
