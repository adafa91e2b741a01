"""The libraries that do SM2: right on the standard's example, of one mind, tidy when something fails."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.sm2_cases import (
    MESSAGE,
    PRIVATE,
    PROVIDERS,
    PUBLIC,
    N,
    R,
    S,
    number,
    provider_of,
)
from trust.sm2 import signature_to_der
from trust.sm2_choice import passes_self_test

LIBRARIES = ("OpenSSL", "gmssl-pyx")


@PROVIDERS
def test_the_standards_signature_holds(library: str) -> None:
    """GB/T 32918.5 annex A: (r, s) of its message, key and user id."""
    provider = provider_of(library)
    assert provider.name.startswith(f"{library} ")
    assert provider.verify(PUBLIC, MESSAGE, R + S)
    assert passes_self_test(provider)


@PROVIDERS
@pytest.mark.parametrize("bit", range(0, 512, 7))
def test_no_flipped_bit_holds(library: str, bit: int) -> None:
    """The standard's signature with one bit changed is refused."""
    flipped = int.from_bytes(R + S, "big") ^ 1 << bit
    assert not provider_of(library).verify(PUBLIC, MESSAGE, flipped.to_bytes(64, "big"))


@PROVIDERS
@pytest.mark.parametrize(
    "signature",
    [
        b"",
        bytes(64),
        b"\xff" * 64,
        S + R,
        R + S[:-1],
        R + S + b"\0",
        number(1) + number(1),
        number(N - 1) + S,
        R + number(N - int.from_bytes(R, "big")),
        R + number(N - int.from_bytes(S, "big")),
        signature_to_der(R + S),
    ],
)
def test_what_is_no_signature_does_not_hold(library: str, signature: bytes) -> None:
    """Degenerate, swapped, negated, over-long and DER-written signatures are a no and nothing else."""
    assert provider_of(library).verify(PUBLIC, MESSAGE, signature) is False


@pytest.mark.parametrize("signer", LIBRARIES)
@pytest.mark.parametrize("verifier", LIBRARIES)
@pytest.mark.parametrize("user_id", [b"1234567812345678", b"x", b"a\0b", "重庆".encode(), b"x" * 128])
def test_one_library_believes_the_other(signer: str, verifier: str, user_id: bytes) -> None:
    """What one signs the other believes, under the same user id and under no other."""
    theirs, ours = provider_of(signer), provider_of(verifier)
    private = theirs.generate().with_user_id(user_id)
    for message in (b"", b"m", b"x" * 5000):
        signature = theirs.sign(private, message)
        assert len(signature) == 64
        assert ours.verify(private.public, message, signature)
        assert not ours.verify(private.public, message + b"\0", signature)
        assert not ours.verify(private.public.with_user_id(user_id[:-1] + b"?"), message, signature)
        assert not ours.verify(PUBLIC.with_user_id(user_id), message, signature)


@PROVIDERS
@given(message=st.binary(max_size=300))
def test_a_provider_believes_itself(library: str, message: bytes) -> None:
    """Any message survives the round trip; no two signatures are alike, as each has a random number of its own."""
    provider = provider_of(library)
    signatures = [provider.sign(PRIVATE, message) for _ in range(2)]
    assert signatures[0] != signatures[1]
    assert all(provider.verify(PUBLIC, message, signature) for signature in signatures)


@PROVIDERS
def test_each_made_key_is_another(library: str) -> None:
    """Made keys differ and are under the default user id."""
    keys = [provider_of(library).generate() for _ in range(5)]
    assert len({key.secret for key in keys}) == len({key.public for key in keys}) == 5
    assert {key.public.user_id for key in keys} == {PUBLIC.user_id}


@PROVIDERS
def test_several_threads_may_use_a_provider(library: str) -> None:
    """Keys that are made, used and dropped in four threads at once do not get in each other's way."""
    provider, wrong = provider_of(library), []

    def work() -> None:
        for count in range(20):
            private = provider.generate()
            message = str(count).encode()
            signature = provider.sign(private, message)
            if not provider.verify(private.public, message, signature) or provider.verify(PUBLIC, message, signature):
                wrong.append(count)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
