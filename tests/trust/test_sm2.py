"""SM2 keys and signatures as values: the standard's example, the curve, the ranges."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.forge import HOME_KEY
from tests.trust.sm2_cases import MESSAGE, PRIVATE, PUBLIC, D, E, N, P, R, S, X, Y, number
from trust.errors import KeyMaterialError
from trust.sm2 import DEFAULT_USER_ID, ORDER, Sm2PrivateKey, Sm2PublicKey, signature_from_der, signature_to_der, sm3
from trust.suites import SUITES

B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93


def test_sm3_gives_the_standards_digest() -> None:
    """GB/T 32905 annex A.1: the digest of abc."""
    assert sm3(b"abc").hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"


def test_what_is_signed_is_the_standards_digest() -> None:
    """GB/T 32918.5 annex A: e of its message under its user id."""
    assert DEFAULT_USER_ID == b"1234567812345678"
    assert PUBLIC.digest(MESSAGE) == E
    assert PUBLIC.with_user_id(b"another").digest(MESSAGE) != E
    assert PUBLIC.with_user_id(b"another").with_user_id(DEFAULT_USER_ID) == PUBLIC


P256 = SUITES["ES256"].write_public(HOME_KEY.public().public_key)


@pytest.mark.parametrize(
    "point",
    [
        b"",
        bytes(64),
        X + Y[:-1],
        X + Y + b"\0",
        b"\x04" + X + Y,
        Y + X,
        X + bytes([*Y[:-1], Y[-1] ^ 1]),
        number(P) + number(0),
        number(P + 1) + Y,
        b"\xff" * 64,
        pytest.param(b"".join(P256), id="P-256"),
    ],
)
def test_what_is_no_point_of_the_curve_is_no_key(point: bytes) -> None:
    """Invalid-curve points, other lengths, numbers beyond the prime and keys of P-256 are refused."""
    with pytest.raises(KeyMaterialError) as caught:
        Sm2PublicKey(point)
    assert caught.value.metadata == {"rule": "point on the curve"}


def test_a_coordinate_beyond_the_prime_is_refused_though_it_names_the_same_point() -> None:
    """A point has one way to be written: x + p is not x."""
    root_of_b = pow(B, (P + 1) // 4, P)
    assert Sm2PublicKey(number(0) + number(root_of_b)).user_id == DEFAULT_USER_ID
    with pytest.raises(KeyMaterialError):
        Sm2PublicKey(number(P) + number(root_of_b))


@given(x=st.integers(0, 2**256 - 1), y=st.integers(0, 2**256 - 1))
def test_no_random_pair_is_a_point(x: int, y: int) -> None:
    """A pair of numbers is a point only if it fulfills the equation."""
    on_curve = x < P and y < P and (y * y - (x**3 - 3 * x + B)) % P == 0
    try:
        Sm2PublicKey(number(x) + number(y))
    except KeyMaterialError:
        assert not on_curve
    else:
        assert on_curve


@pytest.mark.parametrize("user_id", [b"", b"x" * 129])
def test_a_user_id_of_no_use_is_refused(user_id: bytes) -> None:
    """A user id has 1 to 128 bytes."""
    with pytest.raises(KeyMaterialError) as caught:
        PRIVATE.with_user_id(user_id)
    assert caught.value.metadata == {"rule": "user id"}


@pytest.mark.parametrize("secret", [b"", bytes(32), D[1:], b"\0" + D, number(N - 1), number(N), b"\xff" * 32])
def test_a_private_number_out_of_its_range_is_refused(secret: bytes) -> None:
    """GB/T 32918.1 section 6.1: 1 <= d <= n - 2."""
    with pytest.raises(KeyMaterialError) as caught:
        Sm2PrivateKey(secret, PUBLIC)
    assert caught.value.metadata == {"rule": "private number"}


@pytest.mark.parametrize("value", [1, N - 2])
def test_the_edges_of_the_private_range_are_allowed(value: int) -> None:
    """The positive twin."""
    assert Sm2PrivateKey(number(value), PUBLIC).public_key() is PUBLIC


def test_keys_do_not_show() -> None:
    """Neither secret nor user id is in the repr of a key."""
    key = PRIVATE.with_user_id(b"canary-secret")
    assert repr(key) == "Sm2PrivateKey()"
    assert repr(key.public_key()) == "Sm2PublicKey()"


EDGES = (0, 1, N - 1, N, N + 1, 2**256 - 1)


@pytest.mark.parametrize(
    "signature",
    [
        b"",
        bytes(64),
        R + S[:-1],
        R + S + b"\0",
        *[number(r) + number(s) for r in EDGES for s in EDGES if not (0 < r < N and 0 < s < N and r + s != N)],
        R + number(N - int.from_bytes(R, "big")),
        encode_dss_signature(int.from_bytes(R, "big"), int.from_bytes(S, "big")),
    ],
)
def test_what_is_no_signature_is_not_given_to_a_library(signature: bytes) -> None:
    """GB/T 32918.2 section 7.1: r and s within 1 to n - 1, and t = r + s not zero; nothing but 64 bytes."""
    assert ORDER == N
    assert signature_to_der(signature) is None


@given(r=st.integers(1, N - 1), s=st.integers(1, N - 1))
def test_a_signature_has_two_forms(r: int, s: int) -> None:
    """Raw and DER say the same, unless r + s = n."""
    raw = number(r) + number(s)
    der = signature_to_der(raw)
    assert (der is None) == (r + s == N)
    assert der is None or signature_from_der(der) == raw


@pytest.mark.parametrize(
    "der", [b"", b"0", bytes.fromhex("3006020101020101") + b"\0", bytes.fromhex("300702020001020101")]
)
def test_rubbish_of_a_library_is_our_own_error(der: bytes) -> None:
    """A library that writes no DER is not believed."""
    with pytest.raises(KeyMaterialError):
        signature_from_der(der)
