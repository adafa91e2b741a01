"""SM2 (GB/T 32918): keys, signatures, and what whoever signs and verifies with them must offer.

The curve is sm2p256v1 of GB/T 32918.5. `cryptography` refuses it; key files are read by `trust.sm2_encoding`. No
arithmetic with secrets is done here; that is for a provider (`trust.sm2_openssl`, `trust.sm2_gmssl`).

A signature is 64 bytes, r and s side by side. It has no twin as one of ECDSA has: r stands in the equation twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SM3, Hash

from trust.edge import ForeignErrors
from trust.errors import KeyMaterialError

DEFAULT_USER_ID: Final = b"1234567812345678"
"""The user id where none is agreed (GM/T 0009 section 10)."""

ORDER: Final = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
"""The order n of the curve's group."""

_PRIME: Final = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
_A: Final = _PRIME - 3
_B: Final = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
_BASE: Final = bytes.fromhex(
    "32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7"
    "BC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0"
)
_HALF: Final = 32
_WHOLE: Final = 64
_MAX_USER_ID: Final = 128


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Sm2PublicKey:
    """A point of the curve, and the user id under which its holder signs.

    Args:
        point: x and y, 32 bytes each.
        user_id: 1 to 128 bytes; both sides must know it (GB/T 32918.2 section 5.5), and no JWK carries it.

    Raises:
        KeyMaterialError: no point of the curve, or no such user id.
    """

    point: bytes = field(repr=False)
    user_id: bytes = field(default=DEFAULT_USER_ID, repr=False)

    def __post_init__(self) -> None:
        """Refuse what is not on the curve; its group has no small subgroup, so nothing else need be looked at."""
        x, y = int.from_bytes(self.point[:_HALF], "big"), int.from_bytes(self.point[_HALF:], "big")
        if len(self.point) != _WHOLE or x >= _PRIME or y >= _PRIME or (y * y - x**3 - _A * x - _B) % _PRIME:
            raise KeyMaterialError(rule="point on the curve")
        if not 1 <= len(self.user_id) <= _MAX_USER_ID:
            raise KeyMaterialError(rule="user id")

    def with_user_id(self, user_id: bytes) -> Sm2PublicKey:
        """Give the same point under another user id."""
        return replace(self, user_id=user_id)

    def digest(self, message: bytes) -> bytes:
        """Give what is signed of a message: e = SM3(Z || M), 32 bytes (GB/T 32918.2 sections 5.5 and 6.1)."""
        length = (8 * len(self.user_id)).to_bytes(2, "big")
        curve = _A.to_bytes(_HALF, "big") + _B.to_bytes(_HALF, "big") + _BASE
        return sm3(sm3(length + self.user_id + curve + self.point) + message)


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Sm2PrivateKey:
    """A secret number d, 32 bytes, 1 <= d <= n - 2, and the public key that belongs to it.

    Whether the two belong together is not seen here; `trust.sm2_suite.read_sm2_private` tries it.

    Raises:
        KeyMaterialError: the number is out of its range.
    """

    secret: bytes = field(repr=False)
    public: Sm2PublicKey = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse a number out of its range."""
        if len(self.secret) != _HALF or not 0 < int.from_bytes(self.secret, "big") < ORDER - 1:
            raise KeyMaterialError(rule="private number")

    def public_key(self) -> Sm2PublicKey:
        """Give the public half, by the name that keys of `cryptography` have for it."""
        return self.public

    def with_user_id(self, user_id: bytes) -> Sm2PrivateKey:
        """Give the same key under another user id."""
        return replace(self, public=self.public.with_user_id(user_id))


class Sm2Provider(Protocol):
    """What does the arithmetic. The key says under which user id; errors of a library never leave a provider."""

    @property
    def name(self) -> str:
        """The library and its version."""

    def sign(self, private: Sm2PrivateKey, message: bytes) -> bytes:
        """Sign a message; 64 bytes r and s.

        Raises:
            KeyMaterialError: the library cannot.
        """

    def verify(self, public: Sm2PublicKey, message: bytes, signature: bytes) -> bool:
        """Tell whether a signature is 64 bytes, in its range, and holds; whatever its bytes are, it only answers.

        Raises:
            KeyMaterialError: the library cannot use the key.
        """

    def generate(self) -> Sm2PrivateKey:
        """Make a key of the library's own randomness, under the default user id.

        Raises:
            KeyMaterialError: the library cannot.
        """


def sm3(data: bytes) -> bytes:
    """Give the SM3 digest (GB/T 32905), 32 bytes."""
    digest = Hash(SM3())
    digest.update(data)
    return digest.finalize()


def signature_to_der(signature: bytes) -> bytes | None:
    """Write a raw signature as libraries read it; None when it is none (GB/T 32918.2 section 7.1, steps B1, B2, B5).

    That is: not 64 bytes, r or s out of 1 to n - 1, or r + s = n.
    """
    if len(signature) != _WHOLE:
        return None
    r, s = int.from_bytes(signature[:_HALF], "big"), int.from_bytes(signature[_HALF:], "big")
    return encode_dss_signature(r, s) if 0 < r < ORDER and 0 < s < ORDER and r + s != ORDER else None


def signature_from_der(der: bytes) -> bytes:
    """Give the raw form of a signature that a library made.

    Raises:
        KeyMaterialError: it is no signature.
    """
    with ForeignErrors(rule="signature of the library"):
        r, s = decode_dss_signature(der)
    return r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big")
