"""ES256 and EdDSA as PyJWT's algorithms: one way to write a signature, and the same verdict as PyJWT's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm

from tests.trust.forge import HOME_EDWARDS_KEY, HOME_KEY, HOME_SECRET
from trust.canonical_algorithms import CanonicalEd25519, CanonicalES256

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
OURS, PLAIN = CanonicalES256(), ECAlgorithm(ECAlgorithm.SHA256)
MESSAGE = b"a message"
SIGNATURE = OURS.sign(MESSAGE, HOME_SECRET)


def test_an_edwards_signature_given_as_text_is_refused() -> None:
    """PyJWT allows text where we allow bytes only."""
    assert not CanonicalEd25519().verify(b"m", HOME_EDWARDS_KEY.public().public_key, "s" * 64)  # type: ignore[arg-type]


def test_a_private_key_verifies_as_its_public_half() -> None:
    """Whoever holds the private key may verify with it, as PyJWT allows."""
    assert OURS.verify(MESSAGE, HOME_SECRET, SIGNATURE)
    assert OURS.verify(MESSAGE, HOME_SECRET.public_key(), SIGNATURE)
    assert not OURS.verify(MESSAGE + b"!", HOME_SECRET, SIGNATURE)


@pytest.mark.parametrize("r", [0, 1, ORDER - 1, ORDER, 2**256 - 1])
@pytest.mark.parametrize("s", [0, 1, ORDER - 1, ORDER, 2**256 - 1])
def test_no_signature_of_edge_numbers_holds(r: int, s: int) -> None:
    """Psychic signatures: numbers at and beyond the ends of the range prove nothing."""
    assert not OURS.verify(MESSAGE, HOME_SECRET, r.to_bytes(32, "big") + s.to_bytes(32, "big"))


@given(data=st.data(), size=st.sampled_from((0, 1, 63, 64, 65, 128)))
def test_what_pyjwt_refuses_is_refused(data: st.DataObject, size: int) -> None:
    """Bytes that are no signature are refused by ours as by PyJWT's own."""
    signature = data.draw(st.binary(min_size=size, max_size=size))
    assert OURS.verify(MESSAGE, HOME_SECRET, signature) == PLAIN.verify(MESSAGE, HOME_SECRET, signature)


@given(message=st.binary(max_size=80))
def test_what_pyjwt_signs_is_believed(message: bytes) -> None:
    """A signature of PyJWT holds, whichever half its s is in, and its twin holds too."""
    signature = PLAIN.sign(message, HOME_SECRET)
    twin = signature[:32] + (ORDER - int.from_bytes(signature[32:], "big")).to_bytes(32, "big")
    public = HOME_KEY.public().public_key
    assert OURS.verify(message, public, signature)  # type: ignore[arg-type]  # a key of this suite
    assert OURS.verify(message, public, twin)  # type: ignore[arg-type]  # a key of this suite
