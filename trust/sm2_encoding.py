"""How SM2 keys are written in files: PKCS #8 (RFC 5208, RFC 5915) and SubjectPublicKeyInfo (RFC 5480), DER and PEM.

One form is read: the curve by its object identifier 1.2.156.10197.1.301, the point uncompressed, as `openssl` writes
it. A private key must hold its public half, which cannot be computed from the secret without a library; `openssl pkey
-in KEY -out KEY2` puts it there. The user id is in no file.
"""

from __future__ import annotations

import base64
import re
from typing import Final

from trust.der import BIT_STRING, INTEGER, OCTET_STRING, SEQUENCE, DerReader, write_der
from trust.errors import KeyMaterialError
from trust.sm2 import Sm2PrivateKey, Sm2PublicKey

_CURVE: Final = bytes.fromhex("06082a811ccf5501822d")
_ALGORITHM: Final = write_der(SEQUENCE, bytes.fromhex("06072a8648ce3d0201"), _CURVE)
_VERSION_OF_PKCS8: Final = write_der(INTEGER, b"\x00")
_VERSION_OF_EC_KEY: Final = write_der(INTEGER, b"\x01")
_PARAMETERS: Final = 0xA0
_PUBLIC_HALF: Final = 0xA1
_UNCOMPRESSED: Final = b"\x00\x04"
"""No unused bits in the bit string, then the form of the point."""

_PRIVATE_LABEL: Final = b"PRIVATE KEY"
_PUBLIC_LABEL: Final = b"PUBLIC KEY"
_LINE: Final = 64


def is_sm2_pem(pem: bytes) -> bool:
    """Tell whether a PEM holds an unencrypted private key that names our curve, well formed or not."""
    der = _unarmor(_PRIVATE_LABEL, pem)
    return der is not None and _ALGORITHM in der


def write_private_der(key: Sm2PrivateKey) -> bytes:
    """Write the key as unencrypted PKCS #8 with its public half, 138 bytes; the caller guards them."""
    public = write_der(_PUBLIC_HALF, write_der(BIT_STRING, _UNCOMPRESSED, key.public.point))
    inner = write_der(SEQUENCE, _VERSION_OF_EC_KEY, write_der(OCTET_STRING, key.secret), public)
    return write_der(SEQUENCE, _VERSION_OF_PKCS8, _ALGORITHM, write_der(OCTET_STRING, inner))


def write_private_pem(key: Sm2PrivateKey) -> bytes:
    """Write the key as unencrypted PKCS #8 in PEM; the caller guards the bytes."""
    return _armor(_PRIVATE_LABEL, write_private_der(key))


def read_private_pem(pem: bytes) -> Sm2PrivateKey:
    """Read an unencrypted PKCS #8 in PEM, under the default user id.

    Raises:
        KeyMaterialError: it is anything else, or lacks the public half.
    """
    info = _open(_demand(_PRIVATE_LABEL, pem))
    info.expect(_VERSION_OF_PKCS8)
    info.expect(_ALGORITHM)
    key = info.take(OCTET_STRING)
    info.finish()
    return read_ec_private_key(key)


def read_ec_private_key(der: bytes) -> Sm2PrivateKey:
    """Read an ECPrivateKey (RFC 5915); the curve may be named once more.

    Raises:
        KeyMaterialError: it is anything else, or lacks the public half.
    """
    key = _open(der)
    key.expect(_VERSION_OF_EC_KEY)
    secret = key.take(OCTET_STRING)
    if key.begins(_PARAMETERS):
        key.expect(write_der(_PARAMETERS, _CURVE))
    if not key.begins(_PUBLIC_HALF):
        raise KeyMaterialError(rule="public half in the private key")
    point = _read_point(key.open(_PUBLIC_HALF))
    key.finish()
    return Sm2PrivateKey(secret, Sm2PublicKey(point))


def write_public_der(key: Sm2PublicKey) -> bytes:
    """Write the key as SubjectPublicKeyInfo, 91 bytes."""
    return write_der(SEQUENCE, _ALGORITHM, write_der(BIT_STRING, _UNCOMPRESSED, key.point))


def write_public_pem(key: Sm2PublicKey) -> bytes:
    """Write the key as SubjectPublicKeyInfo in PEM."""
    return _armor(_PUBLIC_LABEL, write_public_der(key))


def read_public_pem(pem: bytes) -> Sm2PublicKey:
    """Read a SubjectPublicKeyInfo in PEM, under the default user id.

    Raises:
        KeyMaterialError: it is anything else.
    """
    info = _open(_demand(_PUBLIC_LABEL, pem))
    info.expect(_ALGORITHM)
    return Sm2PublicKey(_read_point(info))


def _open(der: bytes) -> DerReader:
    """Give a reader of a sequence after which nothing comes."""
    outer = DerReader(der)
    inner = outer.open(SEQUENCE)
    outer.finish()
    return inner


def _read_point(reader: DerReader) -> bytes:
    """Read an uncompressed point in a bit string after which nothing comes."""
    bits = reader.take(BIT_STRING)
    reader.finish()
    if not bits.startswith(_UNCOMPRESSED):
        raise KeyMaterialError(rule="uncompressed point")
    return bits.removeprefix(_UNCOMPRESSED)


def _armor(label: bytes, der: bytes) -> bytes:
    """Write PEM (RFC 7468)."""
    text = base64.b64encode(der)
    lines = [text[place : place + _LINE] for place in range(0, len(text), _LINE)]
    return b"\n".join((b"-----BEGIN %b-----" % label, *lines, b"-----END %b-----" % label, b""))


_REMARKS: Final = rb"(?:#[^\r\n]*\r?\n)*"


def _unarmor(label: bytes, pem: bytes) -> bytes | None:
    """Give the bytes of the PEM block of this label; None when the file is not that block, in canonical base64."""
    # Remarks may stand before the block (RFC 7468 section 2), marked so that nothing else slips in.
    block = _REMARKS + rb"\s*-----BEGIN %b-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END %b-----\s*" % (label, label)
    found = re.fullmatch(block, pem)
    text = re.sub(rb"[\r\n]", b"", found[1]) if found else b""
    try:
        der = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return der if found and base64.b64encode(der) == text else None


def _demand(label: bytes, pem: bytes) -> bytes:
    """Give the bytes of the PEM block of this label, which must be there."""
    der = _unarmor(label, pem)
    if der is None:
        raise KeyMaterialError(rule="PEM")
    return der
