"""The closed table of signature suites: a name, one key type, one curve, one way to write a signature.

A suite is the only place that knows a curve; another joins by a further `Suite` in `SUITES`. A signature has one way
to be written: 64 bytes, r and s (or R and S) side by side (RFC 7518 section 3.4, RFC 8037), each within its range;
DER, padding and over-long forms are refused.

- ES256: 1 <= r < n and 1 <= s < n. Our signer writes the low half, s <= n / 2. The verifier takes both halves: the
  common JOSE libraries do not choose, so refusing the high one would refuse every second token of an honest partner.
  The twin (r, n - s) of a good signature is therefore good too, and a token has two texts; whatever counts uses does
  so by (iss, jti), never by the text.
- EdDSA: Ed25519 only, S < L (RFC 8032 section 5.1.7).
- SGD_SM3_SM2: 1 <= r < n, 1 <= s < n, r + s != n (`trust.sm2_suite`). Its key has a user id beside its point.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    EllipticCurvePublicNumbers,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from jwt import PyJWS

from trust.canonical_algorithms import CanonicalEd25519, CanonicalES256
from trust.edge import ForeignErrors
from trust.encoding import decode_base64url, encode_base64url
from trust.errors import AlgorithmNotAllowedError, KeyMaterialError
from trust.sm2 import Sm2PrivateKey, Sm2PublicKey
from trust.sm2_encoding import write_private_pem
from trust.sm2_suite import Sm2Suite, read_sm2_private

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jwt.algorithms import Algorithm

PrivateKey = EllipticCurvePrivateKey | Ed25519PrivateKey | Sm2PrivateKey
PublicKey = EllipticCurvePublicKey | Ed25519PublicKey | Sm2PublicKey

_COORDINATE_BYTES: Final = 32


class Suite(Protocol):
    """What the rest of the package needs to know of a suite."""

    @property
    def name(self) -> str:
        """The `alg` of RFC 7518, RFC 8037 or GM/T 0125."""

    @property
    def key_type(self) -> str:
        """The `kty` of a JWK."""

    @property
    def curve(self) -> str:
        """The `crv` of a JWK."""

    @property
    def coordinates(self) -> Sequence[str]:
        """The members of a JWK that hold the public key, each 32 bytes in base64url."""

    @property
    def algorithm(self) -> Algorithm:
        """What signs and verifies, as PyJWT registers it."""

    def generate(self) -> PrivateKey:
        """Make a fresh private key."""

    def owns(self, key: object) -> bool:
        """Tell whether a private or public key belongs to this suite."""

    def write_public(self, key: Any) -> Sequence[bytes]:  # noqa: ANN401 - each suite has a key class of its own
        """Give the coordinates of a public key, 32 bytes each."""

    def read_public(self, coordinates: Sequence[bytes]) -> PublicKey:
        """Make a public key of its coordinates; ValueError when they are no point of the curve."""


class _ES256:
    """ECDSA on P-256 with SHA-256."""

    name: Final = "ES256"
    key_type: Final = "EC"
    curve: Final = "P-256"
    coordinates: Final = ("x", "y")
    algorithm: Final = CanonicalES256()

    def generate(self) -> EllipticCurvePrivateKey:
        return generate_private_key(SECP256R1())

    def owns(self, key: object) -> bool:
        return isinstance(key, EllipticCurvePrivateKey | EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1)

    def write_public(self, key: EllipticCurvePublicKey) -> Sequence[bytes]:
        numbers = key.public_numbers()
        return numbers.x.to_bytes(_COORDINATE_BYTES, "big"), numbers.y.to_bytes(_COORDINATE_BYTES, "big")

    def read_public(self, coordinates: Sequence[bytes]) -> EllipticCurvePublicKey:
        x, y = (int.from_bytes(part, "big") for part in coordinates)
        return EllipticCurvePublicNumbers(x, y, SECP256R1()).public_key()


class _EdDSA:
    """Ed25519."""

    name: Final = "EdDSA"
    key_type: Final = "OKP"
    curve: Final = "Ed25519"
    coordinates: Final = ("x",)
    algorithm: Final = CanonicalEd25519()

    def generate(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.generate()

    def owns(self, key: object) -> bool:
        return isinstance(key, Ed25519PrivateKey | Ed25519PublicKey)

    def write_public(self, key: Ed25519PublicKey) -> Sequence[bytes]:
        return (key.public_bytes(Encoding.Raw, PublicFormat.Raw),)

    def read_public(self, coordinates: Sequence[bytes]) -> Ed25519PublicKey:
        return Ed25519PublicKey.from_public_bytes(coordinates[0])


SUITES: Final[Mapping[str, Suite]] = MappingProxyType({suite.name: suite for suite in (_ES256(), _EdDSA(), Sm2Suite())})


def suite_named(name: object) -> Suite:
    """Find a suite by the exact name of its algorithm.

    Raises:
        AlgorithmNotAllowedError: the table has no such suite.
    """
    suite = SUITES.get(name) if isinstance(name, str) else None
    if suite is None:
        raise AlgorithmNotAllowedError
    return suite


def suite_of(key: object) -> Suite:
    """Find the suite that a key belongs to.

    Raises:
        KeyMaterialError: it belongs to none (another curve, RSA).
    """
    for suite in SUITES.values():
        if suite.owns(key):
            return suite
    raise KeyMaterialError(rule="key type")


def read_private(pem: bytes) -> PrivateKey:
    """Read an unencrypted private key in PEM.

    Raises:
        KeyMaterialError: it is no such key, or one of another kind than the suites use.
        SuiteUnavailableError: it is one of SM2, and no library for that passes its self-test.
    """
    sm2 = read_sm2_private(pem)
    if sm2 is not None:
        return sm2
    with ForeignErrors(rule="private key in PEM"):
        key = load_pem_private_key(pem, password=None)
    suite_of(key)
    return cast("PrivateKey", key)


def write_private(key: PrivateKey) -> bytes:
    """Write a private key as unencrypted PKCS #8 in PEM."""
    if isinstance(key, Sm2PrivateKey):
        return write_private_pem(key)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def read_coordinates(suite: Suite, members: Mapping[str, object]) -> PublicKey:
    """Read the public key of a JWK whose type and curve are already known to be the suite's.

    Raises:
        KeyMaterialError: a coordinate is missing, not canonical, of the wrong length, or off the curve.
    """
    parts = [decode_base64url(text) for name in suite.coordinates if isinstance(text := members.get(name), str)]
    points = [part for part in parts if part is not None and len(part) == _COORDINATE_BYTES]
    if len(points) != len(suite.coordinates):
        raise KeyMaterialError(rule="coordinates")
    with ForeignErrors(rule="point on the curve"):
        return suite.read_public(points)


def write_coordinates(suite: Suite, key: PublicKey) -> dict[str, str]:
    """Give the members of a JWK that hold the public key."""
    return dict(zip(suite.coordinates, map(encode_base64url, suite.write_public(key)), strict=True))


def signing_registry() -> PyJWS:
    """Make a PyJWT signer that knows our suites and nothing else."""
    registry = PyJWS(algorithms=[])
    for suite in SUITES.values():
        registry.register_algorithm(suite.name, suite.algorithm)
    return registry
