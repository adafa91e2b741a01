"""The file of an offline pack: one signed statement and the sections that it names by their SHA-256.

Written form: 8 bytes `1CARDPK1`, the length of the statement (4 bytes, big-endian), the statement, then the sections
one after another. The statement is a compact JWS (RFC 7515) of typ `onecard-offline-pack+jwt`, ES256 or EdDSA, and says
how long each section is and what it digests to, so that its one signature covers the file. Beside the standard library
this needs `cryptography` only, so that a gate can have it; `docs/offline-pack.md` describes all of it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from trust.encoding import decode_base64url
from trust.errors import BadSignatureError, MalformedTokenError, OfflinePackError, UnknownKeyError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAGIC: Final = b"1CARDPK1"
PACK_TYPE: Final = "onecard-offline-pack+jwt"
MAX_STATEMENT_BYTES: Final = 1024 * 1024
MAX_SECTIONS: Final = 256
MAX_SECTION_BYTES: Final = 2**27
LENGTH: Final = Struct(">I")

_PARTS: Final = 3
_HALF: Final = 32
_HEADER: Final = frozenset({"alg", "kid", "typ"})
_MAX_DEPTH_BRACKETS: Final = 100_000
_MAX_DIGITS: Final = 17


@dataclass(frozen=True, slots=True)
class Jws:
    """A compact JWS that has the right form; nothing in it is proven."""

    algorithm: str
    kid: str
    kind: str
    payload: dict[str, Any] = field(repr=False)
    signed: bytes = field(repr=False)
    signature: bytes = field(repr=False)


def read_jws(text: str, *, max_brackets: int = _MAX_DEPTH_BRACKETS) -> Jws:
    """Read a compact JWS of exactly the header alg, kid, typ (MalformedTokenError)."""
    parts = text.split(".")
    decoded = [decode_base64url(part) for part in parts] if len(parts) == _PARTS and text.isascii() else []
    head, payload = (_object(raw, max_brackets) for raw in decoded[:2]) if decoded else (None, None)
    if head is None or payload is None or decoded[2] is None or head.keys() != _HEADER:
        raise MalformedTokenError(rule="compact JWS")
    if not all(isinstance(value, str) for value in head.values()):
        raise MalformedTokenError(rule="header")
    signed = f"{parts[0]}.{parts[1]}".encode("ascii")
    return Jws(head["alg"], head["kid"], head["typ"], payload, signed, decoded[2])


def _object(raw: bytes | None, max_brackets: int) -> dict[str, Any] | None:
    """Read a JSON object in which no name stands twice, and no number but whole ones of few digits."""
    if raw is None or raw.count(b"[") + raw.count(b"{") > max_brackets:
        return None
    try:
        found = _DECODER.decode(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError
    return dict(pairs)


def _whole(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise ValueError
    return int(text)


def _no_number(_text: str) -> object:
    raise ValueError


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_distinct, parse_int=_whole, parse_float=_no_number, parse_constant=_no_number
)


def prove(jws: Jws, keys: Sequence[Mapping[str, Any]]) -> None:
    """Verify a signature with the key of its kid among these (JWKs, RFC 7517).

    Raises:
        UnknownKeyError: none has this kid and this algorithm, which is ES256 or EdDSA.
        BadSignatureError: the signature does not hold.
    """
    key = next((key for key in keys if (key.get("kid"), key.get("alg")) == (jws.kid, jws.algorithm)), None)
    kind = None if key is None else (jws.algorithm, key.get("kty"), key.get("crv"))
    if key is None or kind not in {("ES256", "EC", "P-256"), ("EdDSA", "OKP", "Ed25519")}:
        raise UnknownKeyError
    try:
        if jws.algorithm == "ES256":
            _verify_es256(jws, _coordinate(key, "x"), _coordinate(key, "y"))
        else:
            Ed25519PublicKey.from_public_bytes(_coordinate(key, "x")).verify(jws.signature, jws.signed)
    except (InvalidSignature, ValueError):
        raise BadSignatureError(kid=jws.kid) from None


def _verify_es256(jws: Jws, x: bytes, y: bytes) -> None:
    """Verify r and s side by side, 64 bytes (RFC 7518 section 3.4); InvalidSignature or ValueError."""
    if len(jws.signature) != 2 * _HALF:
        raise InvalidSignature
    r, s = (int.from_bytes(half, "big") for half in (jws.signature[:_HALF], jws.signature[_HALF:]))
    point = EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), SECP256R1())
    point.public_key().verify(encode_dss_signature(r, s), jws.signed, ECDSA(SHA256()))


def _coordinate(key: Mapping[str, Any], name: str) -> bytes:
    """Read 32 bytes of a JWK (ValueError)."""
    text = key.get(name)
    data = decode_base64url(text) if isinstance(text, str) else None
    if data is None or len(data) != _HALF:
        raise ValueError
    return data


@dataclass(frozen=True, slots=True)
class PackFile:
    """A file that was cut into its parts."""

    statement: str = field(repr=False)
    sections: tuple[bytes, ...] = field(repr=False)

    def to_bytes(self) -> bytes:
        """Write the file."""
        head = self.statement.encode("ascii")
        return b"".join((MAGIC, LENGTH.pack(len(head)), head, *self.sections))


def split(data: bytes) -> tuple[PackFile, Jws]:
    """Cut a file into its parts and hold each section against its digest; the signature is not looked at.

    Raises:
        OfflinePackError: it is no pack, or a section is not the one that the statement names.
        MalformedTokenError: the statement is no compact JWS.
    """
    begin = len(MAGIC) + LENGTH.size
    if data[: len(MAGIC)] != MAGIC or len(data) < begin:
        raise OfflinePackError(rule="magic")
    (length,) = LENGTH.unpack_from(data, len(MAGIC))
    if length > MAX_STATEMENT_BYTES or len(data) < begin + length:
        raise OfflinePackError(rule="statement")
    text = data[begin : begin + length].decode("ascii", "replace")
    jws = read_jws(text)
    if jws.kind != PACK_TYPE:
        raise OfflinePackError(rule="typ")
    return PackFile(text, cut(data[begin + length :], jws)), jws


def cut(data: bytes, jws: Jws) -> tuple[bytes, ...]:
    """Cut sections as the statement says, and see that each digests to what it says (OfflinePackError)."""
    named = jws.payload.get("sections")
    if not isinstance(named, list) or len(named) > MAX_SECTIONS:
        raise OfflinePackError(rule="sections")
    found, at = [], 0
    for section in named:
        length = section.get("bytes") if isinstance(section, dict) else None
        if type(length) is not int or not 0 <= length <= MAX_SECTION_BYTES:
            raise OfflinePackError(rule="sections")
        part = data[at : at + length]
        if len(part) != length or hashlib.sha256(part).hexdigest() != section.get("sha256"):
            raise OfflinePackError(rule="section digest")
        found.append(part)
        at += length
    if at != len(data):
        raise OfflinePackError(rule="length")
    return tuple(found)


def name_sections(sections: Sequence[bytes]) -> list[dict[str, object]]:
    """Give what a statement says of its sections."""
    return [{"bytes": len(part), "sha256": hashlib.sha256(part).hexdigest()} for part in sections]
