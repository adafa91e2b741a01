"""Key files of SM2: one form, strictly read; and the reader of DER underneath."""

from __future__ import annotations

import base64

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.trust.forge import HOME, HOME_KEY
from tests.trust.sm2_cases import PRIVATE, PUBLIC, SM2_KEY, D, X, Y, private_of
from trust.der import BIT_STRING, INTEGER, OCTET_STRING, SEQUENCE, DerReader, write_der
from trust.errors import KeyMaterialError
from trust.keys import SigningKey
from trust.sm2_encoding import (
    is_sm2_pem,
    read_ec_private_key,
    read_private_pem,
    read_public_pem,
    write_private_der,
    write_private_pem,
    write_public_der,
    write_public_pem,
)

KIND = bytes.fromhex("06072a8648ce3d0201")
CURVE = bytes.fromhex("06082a811ccf5501822d")
P256_CURVE = bytes.fromhex("06082a8648ce3d030107")
ALGORITHM = write_der(SEQUENCE, KIND, CURVE)
ZERO, ONE = write_der(INTEGER, b"\0"), write_der(INTEGER, b"\1")
SECRET = write_der(OCTET_STRING, D)
POINT = write_der(BIT_STRING, b"\0\4", X, Y)
HALF = write_der(0xA1, POINT)
EC_KEY = write_der(SEQUENCE, ONE, SECRET, HALF)
PEM = write_private_pem(PRIVATE)


def armored(der: bytes, label: str = "PRIVATE KEY", *, end: str = "\n") -> bytes:
    """Write PEM as another tool may."""
    return f"-----BEGIN {label}-----{end}{base64.b64encode(der).decode()}{end}-----END {label}-----{end}".encode()


def pkcs8(key: bytes, *more: bytes, version: bytes = ZERO, algorithm: bytes = ALGORITHM) -> bytes:
    """Write a PKCS #8 of parts that may be wrong."""
    return write_der(SEQUENCE, version, algorithm, write_der(OCTET_STRING, key), *more)


def spki(*parts: bytes) -> bytes:
    """Write a SubjectPublicKeyInfo of parts that may be wrong."""
    return armored(write_der(SEQUENCE, *parts), "PUBLIC KEY")


def test_a_private_key_is_written_as_pkcs8() -> None:
    """The bytes are those of RFC 5208 around RFC 5915, 138 of them, and are read back."""
    assert write_private_der(PRIVATE) == pkcs8(EC_KEY)
    assert len(write_private_der(PRIVATE)) == 138
    again = read_private_pem(PEM)
    assert (again.secret, again.public) == (D, PUBLIC)
    assert all(len(line) <= 64 for line in PEM.splitlines())


def test_a_public_key_is_written_as_spki() -> None:
    """The bytes are those of RFC 5480, 91 of them, and are read back."""
    assert write_public_der(PUBLIC) == write_der(SEQUENCE, ALGORITHM, POINT)
    assert len(write_public_der(PUBLIC)) == 91
    assert read_public_pem(write_public_pem(PUBLIC)) == PUBLIC


def test_no_file_holds_the_user_id() -> None:
    """A key under another user id is written the same; it is given again where the file is read."""
    assert write_private_pem(PRIVATE.with_user_id(b"another")) == PEM
    key = SigningKey.from_pem(PEM, issuer=HOME, user_id=b"another")
    assert private_of(key).public == PUBLIC.with_user_id(b"another")
    assert key.kid == SigningKey.from_pem(PEM, issuer=HOME).kid


@pytest.mark.parametrize(
    "pem",
    [
        PEM,
        b"\n" + PEM + b"\n\n",
        PEM.replace(b"\n", b"\r\n"),
        armored(write_private_der(PRIVATE)),
        armored(pkcs8(write_der(SEQUENCE, ONE, SECRET, write_der(0xA0, CURVE), HALF))),
    ],
    ids=["ours", "blank lines", "CR LF", "one line", "curve named twice"],
)
def test_a_good_file_is_read(pem: bytes) -> None:
    """The positive twins."""
    assert is_sm2_pem(pem)
    assert private_of(SigningKey.from_pem(pem, issuer=HOME)).secret == D


COMPRESSED = write_der(0xA1, write_der(BIT_STRING, b"\0", bytes([2 + Y[-1] % 2]), X))
BAD_KEYS = {
    "no key": b"",
    "not a sequence": SECRET,
    "version 0": write_der(SEQUENCE, ZERO, SECRET, HALF),
    "no secret": write_der(SEQUENCE, ONE, HALF),
    "short secret": write_der(SEQUENCE, ONE, write_der(OCTET_STRING, D[1:]), HALF),
    "long secret": write_der(SEQUENCE, ONE, write_der(OCTET_STRING, b"\0" + D), HALF),
    "zero": write_der(SEQUENCE, ONE, write_der(OCTET_STRING, bytes(32)), HALF),
    "no public half": write_der(SEQUENCE, ONE, SECRET),
    "curve and no public half": write_der(SEQUENCE, ONE, SECRET, write_der(0xA0, CURVE)),
    "another curve inside": write_der(SEQUENCE, ONE, SECRET, write_der(0xA0, P256_CURVE), HALF),
    "compressed": write_der(SEQUENCE, ONE, SECRET, COMPRESSED),
    "point off the curve": write_der(SEQUENCE, ONE, SECRET, write_der(0xA1, write_der(BIT_STRING, b"\0\4", Y, X))),
    "unused bits": write_der(SEQUENCE, ONE, SECRET, write_der(0xA1, write_der(BIT_STRING, b"\1\4", X, Y))),
    "two public halves": write_der(SEQUENCE, ONE, SECRET, HALF, HALF),
    "something after the point": write_der(SEQUENCE, ONE, SECRET, write_der(0xA1, POINT, ZERO)),
    "something after the key": EC_KEY + ZERO,
    "parts in another order": write_der(SEQUENCE, ONE, HALF, SECRET),
}


@pytest.mark.parametrize("key", BAD_KEYS.values(), ids=BAD_KEYS)
def test_a_key_in_another_form_is_refused(key: bytes) -> None:
    """RFC 5915 is read in one form."""
    with pytest.raises(KeyMaterialError):
        read_ec_private_key(key)
    with pytest.raises(KeyMaterialError):
        SigningKey.from_pem(armored(pkcs8(key)), issuer=HOME)


BAD_FILES = {
    "version 1": armored(pkcs8(EC_KEY, version=ONE)),
    "attributes": armored(pkcs8(EC_KEY, write_der(0xA0))),
    "another kind of key": armored(pkcs8(EC_KEY, algorithm=write_der(SEQUENCE, CURVE))),
    "P-256": armored(pkcs8(EC_KEY, algorithm=write_der(SEQUENCE, KIND, P256_CURVE))),
    "our curve in the wrong place": armored(pkcs8(EC_KEY, ALGORITHM, algorithm=write_der(SEQUENCE, KIND, P256_CURVE))),
    "a byte after it": armored(write_private_der(PRIVATE) + b"\0"),
    "a byte short": armored(write_private_der(PRIVATE)[:-1]),
    "a public key": write_public_pem(PUBLIC),
    "SEC 1": armored(EC_KEY, "EC PRIVATE KEY"),
    "encrypted by name": armored(write_private_der(PRIVATE), "ENCRYPTED PRIVATE KEY"),
    "two keys": PEM + PEM,
    "text before": b"a key\n" + PEM,
    "text after": PEM + b"a key",
    "DER": write_private_der(PRIVATE),
    "base64 with a blank": PEM.replace(b"M", b"M ", 1),
    "base64 with a wrong end": PEM.replace(b"\n-----END", b"=\n-----END"),
    "base64 cut off": PEM.replace(b"\n-----END", b"A\n-----END"),
    "base64 with bits to spare": armored(b"").replace(b"\n\n", b"\nAB==\n"),
    "nothing inside": armored(b""),
    "another label at the end": PEM.replace(b"END PRIVATE", b"END PUBLIC"),
}


@pytest.mark.parametrize("pem", BAD_FILES.values(), ids=BAD_FILES)
def test_a_file_in_another_form_is_refused(pem: bytes) -> None:
    """PKCS #8 is read in one form, in PEM and in nothing else."""
    with pytest.raises(KeyMaterialError) as caught:
        read_private_pem(pem)
    assert caught.value.__context__ is None
    with pytest.raises(KeyMaterialError):
        SigningKey.from_pem(pem, issuer=HOME)


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        PEM,
        spki(ALGORITHM),
        spki(POINT, ALGORITHM),
        spki(ALGORITHM, POINT, ZERO),
        spki(write_der(SEQUENCE, KIND, P256_CURVE), POINT),
        spki(ALGORITHM, write_der(BIT_STRING, b"\0", bytes([2 + Y[-1] % 2]), X)),
        spki(ALGORITHM, write_der(BIT_STRING, b"\0\6", X, Y)),
        spki(ALGORITHM, write_der(BIT_STRING, b"\0\4", X, X)),
        spki(ALGORITHM, write_der(BIT_STRING, b"\0\0")),
        spki(ALGORITHM, write_der(BIT_STRING)),
        armored(write_public_der(PUBLIC) + b"\0", "PUBLIC KEY"),
    ],
)
def test_a_public_key_in_another_form_is_refused(pem: bytes) -> None:
    """RFC 5480 is read in one form: named curve, uncompressed point."""
    with pytest.raises(KeyMaterialError):
        read_public_pem(pem)


def test_a_key_of_two_halves_is_refused() -> None:
    """A secret beside the public key of another secret signs nothing that anybody would believe."""
    other = write_der(0xA1, write_der(BIT_STRING, b"\0\4", private_of(SM2_KEY).public.point))
    with pytest.raises(KeyMaterialError) as caught:
        SigningKey.from_pem(armored(pkcs8(write_der(SEQUENCE, ONE, SECRET, other))), issuer=HOME)
    assert caught.value.metadata == {"rule": "halves of the key"}


@given(data=st.data())
def test_no_changed_byte_of_a_file_goes_unseen(data: st.DataObject) -> None:
    """Whatever byte of a key file is damaged, the key is refused."""
    der = bytearray(write_private_der(PRIVATE))
    place, value = data.draw(st.integers(0, len(der) - 1)), data.draw(st.integers(0, 255))
    assume(der[place] != value)
    der[place] = value
    with pytest.raises(KeyMaterialError):
        SigningKey.from_pem(armored(bytes(der)), issuer=HOME)


def test_keys_of_other_curves_are_left_to_the_others() -> None:
    """A file of P-256 is none of ours."""
    assert not is_sm2_pem(HOME_KEY.to_pem())
    assert not is_sm2_pem(b"")
    assert SigningKey.from_pem(HOME_KEY.to_pem(), issuer=HOME).algorithm == "ES256"


@given(content=st.binary(max_size=255), tag=st.integers(0, 255))
def test_what_is_written_is_read(content: bytes, tag: int) -> None:
    """An element is read back as it was written."""
    reader = DerReader(write_der(tag, content))
    assert reader.begins(tag)
    assert reader.take(tag) == content
    assert not reader.begins(tag)
    reader.finish()


def test_a_length_of_two_bytes_is_read() -> None:
    """An element may have up to 65,535 bytes."""
    assert DerReader(b"\x04\x82\x01\x00" + bytes(256)).take(OCTET_STRING) == bytes(256)
    assert DerReader(b"\x04\x82\xff\xff" + bytes(65535)).take(OCTET_STRING) == bytes(65535)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x04",
        b"\x02\x00",
        b"\x04\x01",
        b"\x04\x02\x00",
        b"\x04\x80\x00\x00",
        b"\x04\x81",
        b"\x04\x81\x01\x00",
        b"\x04\x81\x7f" + bytes(127),
        b"\x04\x81\x80" + bytes(127),
        b"\x04\x82\x00\x80" + bytes(128),
        b"\x04\x82\x01",
        b"\x04\x83\x01\x00\x00" + bytes(65536),
        b"\x04\x84\x7f\xff\xff\xff",
        b"\x04\xff" + b"\xff" * 127,
    ],
    ids=lambda data: data[:6].hex() or "nothing",
)
def test_what_is_not_der_is_refused(data: bytes) -> None:
    """Indefinite, over-long, cut off and enormous lengths are refused."""
    with pytest.raises(KeyMaterialError) as caught:
        DerReader(data).take(OCTET_STRING)
    assert caught.value.metadata == {"rule": "DER"}


@given(data=st.binary(max_size=40))
def test_any_bytes_are_read_or_refused_with_an_error_of_ours(data: bytes) -> None:
    """The reader gives part of its input or an error of ours, whatever it is given."""
    reader = DerReader(data)
    try:
        content = reader.open(data[0] if data else SEQUENCE)
    except KeyMaterialError:
        return
    try:
        content.finish()
        reader.finish()
    except KeyMaterialError:
        assert len(data) > 2
    else:
        assert data == bytes([data[0], 0])
