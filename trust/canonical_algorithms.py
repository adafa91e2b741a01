"""PyJWT's ES256 and EdDSA, with one way to write a signature: 64 bytes, each half within its range, nothing else.

The edge to PyJWT and cryptography is around them: what their libraries raise is mapped by `trust.edge`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from jwt.algorithms import ECAlgorithm, OKPAlgorithm

if TYPE_CHECKING:
    from jwt.algorithms import AllowedECKeys, AllowedOKPKeys

_HALF_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 64
_ECDSA: Final = ECDSA(SHA256())
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_ED25519_ORDER: Final = 2**252 + 27742317777372353535851937790883648493


class CanonicalES256(ECAlgorithm):
    """PyJWT's ES256 that writes the low half of s and reads only r and s within their range."""

    def __init__(self) -> None:
        """Fix hash and curve."""
        super().__init__(ECAlgorithm.SHA256, SECP256R1)

    def sign(self, msg: bytes, key: EllipticCurvePrivateKey) -> bytes:
        """Sign; 64 bytes r and s, s in the low half."""
        signature = super().sign(msg, key)
        s = int.from_bytes(signature[_HALF_BYTES:], "big")
        return signature[:_HALF_BYTES] + min(s, _P256_ORDER - s).to_bytes(_HALF_BYTES, "big")

    def verify(self, msg: bytes, key: AllowedECKeys, sig: bytes) -> bool:
        """Tell whether the signature is in its range and holds."""
        if len(sig) != _SIGNATURE_BYTES:
            return False
        r, s = int.from_bytes(sig[:_HALF_BYTES], "big"), int.from_bytes(sig[_HALF_BYTES:], "big")
        if not (0 < r < _P256_ORDER and 0 < s < _P256_ORDER):
            return False
        # What PyJWT would do from here on, without reading r and s a second time.
        public_key = key.public_key() if isinstance(key, EllipticCurvePrivateKey) else key
        try:
            public_key.verify(encode_dss_signature(r, s), msg, _ECDSA)
        except InvalidSignature:
            return False
        return True


class CanonicalEd25519(OKPAlgorithm):
    """PyJWT's EdDSA that reads only signatures of 64 bytes with S below the group order."""

    def verify(self, msg: str | bytes, key: AllowedOKPKeys, sig: str | bytes) -> bool:
        """Tell whether the signature is in its range and holds."""
        if not isinstance(sig, bytes) or len(sig) != _SIGNATURE_BYTES:
            return False
        return int.from_bytes(sig[_HALF_BYTES:], "little") < _ED25519_ORDER and super().verify(msg, key, sig)
