"""The suite `SGD_SM3_SM2` (GM/T 0125): SM2 signatures with SM3, for legs on which national cryptography is demanded.

No standard that we know says how a JWS writes the signature; as RFC 7518 section 3.4 does for ECDSA, it is r and s side
by side, 64 bytes. Key type EC, curve `sm2p256v1`. The user id belongs to the key and is no part of token or JWK.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn, TypeVar, cast

from jwt.algorithms import Algorithm

from trust.errors import KeyMaterialError
from trust.sm2 import Sm2PrivateKey, Sm2PublicKey
from trust.sm2_choice import SUITE, choose_provider, signs_what_it_verifies
from trust.sm2_encoding import is_sm2_pem, read_private_pem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trust.sm2 import Sm2Provider

_COORDINATE_BYTES: Final = 32
_Key = TypeVar("_Key")


class SgdSm3Sm2(Algorithm):
    """SM2 with SM3 as PyJWT registers an algorithm.

    Args:
        provide: gives the library that does the arithmetic; asked at each use, never when the suite is made.
    """

    def __init__(self, provide: Callable[[], Sm2Provider] = choose_provider) -> None:
        """Keep the way to the library."""
        self._provide = provide

    def prepare_key(self, key: object) -> Sm2PrivateKey:
        """Give the private key back; TypeError when it is of another suite."""
        if not isinstance(key, Sm2PrivateKey):
            raise TypeError
        return key

    def sign(self, msg: bytes, key: Sm2PrivateKey) -> bytes:
        """Sign; 64 bytes r and s.

        Raises:
            SuiteUnavailableError: no library passes the self-test.
            KeyMaterialError: the library cannot.
        """
        return self._provide().sign(key, msg)

    def verify(self, msg: bytes, key: Sm2PublicKey, sig: bytes) -> bool:
        """Tell whether the signature is in its range and holds.

        Raises:
            SuiteUnavailableError: no library passes the self-test.
            KeyMaterialError: the library cannot use the key.
        """
        return self._provide().verify(key, msg, sig)

    @staticmethod
    def to_jwk(key_obj: object, as_dict: bool = False) -> NoReturn:  # noqa: FBT001, FBT002 - PyJWT's signature
        """Refuse: `trust.keys` writes key documents."""
        raise NotImplementedError

    @staticmethod
    def from_jwk(jwk: object) -> NoReturn:
        """Refuse: `trust.keys` reads key documents."""
        raise NotImplementedError


class Sm2Suite:
    """SM2 on sm2p256v1 with SM3: a `Suite` of `trust.suites`."""

    name: Final = SUITE
    key_type: Final = "EC"
    curve: Final = "sm2p256v1"
    coordinates: Final = ("x", "y")
    algorithm: Final = SgdSm3Sm2()

    def generate(self) -> Sm2PrivateKey:
        """Make a fresh private key under the default user id.

        Raises:
            SuiteUnavailableError: no library passes the self-test.
        """
        return choose_provider().generate()

    def owns(self, key: object) -> bool:
        """Tell whether a private or public key belongs to this suite."""
        return isinstance(key, Sm2PrivateKey | Sm2PublicKey)

    def write_public(self, key: Sm2PublicKey) -> Sequence[bytes]:
        """Give x and y, 32 bytes each."""
        return key.point[:_COORDINATE_BYTES], key.point[_COORDINATE_BYTES:]

    def read_public(self, coordinates: Sequence[bytes]) -> Sm2PublicKey:
        """Make a public key of x and y, under the default user id.

        Raises:
            KeyMaterialError: they are no point of the curve.
        """
        return Sm2PublicKey(b"".join(coordinates))


def read_sm2_private(pem: bytes) -> Sm2PrivateKey | None:
    """Read a private key whose halves belong together; None when the PEM is for another curve or no key at all.

    Raises:
        KeyMaterialError: it names our curve, and is badly written or not of one piece.
        SuiteUnavailableError: no library passes the self-test.
    """
    if not is_sm2_pem(pem):
        return None
    key = read_private_pem(pem)
    if not signs_what_it_verifies(choose_provider(), key):
        raise KeyMaterialError(rule="halves of the key")
    return key


def under_user_id(key: _Key, user_id: bytes) -> _Key:
    """Give a key of this suite the user id under which it signs; keys of others have none and stay as they are.

    Raises:
        KeyMaterialError: the key is of this suite, and the user id is not 1 to 128 bytes.
    """
    return cast("_Key", key.with_user_id(user_id)) if isinstance(key, Sm2PrivateKey | Sm2PublicKey) else key
