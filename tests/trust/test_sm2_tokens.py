"""Recognitions and callers' tokens under SGD_SM3_SM2: the same signers and verifiers, the same strictness."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.trust.forge import (
    CALLER,
    CALLER_KEY,
    GATEWAY,
    HOME,
    HOME_EDWARDS_KEY,
    HOME_KEY,
    NOW,
    VISITED,
    caller_token,
    header,
    issue,
    payload,
    recognition,
    seal,
    sign,
    text_of,
    with_signature,
)
from tests.trust.sm2_cases import (
    PROVIDERS,
    SM2_KEY,
    SM2_RING,
    N,
    R,
    S,
    believed,
    number,
    private_of,
    provider_of,
)
from trust.errors import (
    AlgorithmNotAllowedError,
    BadSignatureError,
    EmbeddedKeyError,
    KeyAlgorithmMismatchError,
    MalformedTokenError,
    TrustError,
    UnknownKeyError,
)
from trust.keys import KeyRing, SigningKey
from trust.sm2 import signature_to_der, sm3
from trust.sm2_suite import SgdSm3Sm2
from trust.suites import SUITES
from trust.verifier import CallerVerifier, RecognitionVerifier

VERIFIER = RecognitionVerifier(SM2_RING)
GOOD = issue(SM2_KEY)
INPUT, _, SIGNATURE = GOOD.rpartition(".")
RAW = base64.urlsafe_b64decode(SIGNATURE + "==")
RAW_R, RAW_S = (int.from_bytes(half, "big") for half in (RAW[:32], RAW[32:]))
JWK = SM2_KEY.public().to_jwk()
STRANGER = SigningKey.generate("SGD_SM3_SM2", issuer=HOME, kid=SM2_KEY.kid)


def test_a_recognition_is_signed_and_verified() -> None:
    """The claims come back equal, under a header of exactly alg, kid and typ, with 64 raw bytes for a signature."""
    assert believed(GOOD) == recognition()
    assert json.loads(base64.urlsafe_b64decode(GOOD.split(".")[0] + "==")) == {
        "alg": "SGD_SM3_SM2",
        "kid": SM2_KEY.kid,
        "typ": "onecard-recognition+jwt",
    }
    assert len(RAW) == 64


def test_a_caller_proves_who_it_is() -> None:
    """Callers' tokens may be of this suite too."""
    key = SigningKey.generate("SGD_SM3_SM2", issuer=CALLER)
    token = caller_token("identity.verify", key=key)
    verified = CallerVerifier(KeyRing([key.public()])).verify(token, audience=GATEWAY, now=NOW, issuer=CALLER)
    assert verified.caller == CALLER


@PROVIDERS
def test_the_suite_works_over_each_library(library: str) -> None:
    """A token signed over one library is believed over another."""
    algorithm = SgdSm3Sm2(lambda: provider_of(library))
    signature = algorithm.sign(INPUT.encode(), private_of(SM2_KEY))
    assert believed(with_signature(signature, GOOD)) == recognition()
    assert algorithm.verify(INPUT.encode(), private_of(SM2_KEY).public, RAW)


def test_each_suite_of_one_issuer_is_believed() -> None:
    """During a change of suites an issuer has keys of several."""
    for key in (SM2_KEY, HOME_KEY, HOME_EDWARDS_KEY):
        assert believed(issue(key)) == recognition()


def named(algorithm: str, key: SigningKey, by: SigningKey) -> str:
    """Give a token that names an algorithm and a key, signed by another key in its own way."""
    return seal(text_of(header(key, alg=algorithm)), text_of(payload()), by)


def confusions() -> list[tuple[str, str, type[TrustError]]]:
    """TF3: each suite's name over each suite's key, signed by the one or the other."""
    keys = (SM2_KEY, HOME_KEY, HOME_EDWARDS_KEY)
    return [
        (
            f"{algorithm} names a key of {key.algorithm}, signed by {by.algorithm}",
            named(algorithm, key, by),
            KeyAlgorithmMismatchError if algorithm != key.algorithm else BadSignatureError,
        )
        for algorithm in SUITES
        for key in keys
        for by in keys
        if not algorithm == key.algorithm == by.algorithm
        if "SGD_SM3_SM2" in {algorithm, key.algorithm, by.algorithm}
    ]


def signatures() -> list[tuple[str, str, type[TrustError]]]:
    """TF8 and TF9: degenerate, badly written, somebody else's."""
    edges = (0, 1, N - 1, N, N + 1, 2**256 - 1)
    raw = {f"r={r:x} s={s:x}": number(r) + number(s) for r in edges for s in edges}
    raw |= {
        "r + s = n": number(RAW_R) + number(N - RAW_R),
        "halves swapped": RAW[32:] + RAW[:32],
        "r beyond n": number((RAW_R + N) % 2**256) + RAW[32:],
        "s negated": RAW[:32] + number(N - RAW_S),
        "both negated": number(N - RAW_R) + number(N - RAW_S),
        "DER": signature_to_der(RAW) or b"",
        "DER of zeros": bytes.fromhex("3006020100020100"),
        "over-long by a zero": b"\0" + RAW,
        "33 bytes each": b"\0" + RAW[:32] + b"\0" + RAW[32:],
        "a byte at the end": RAW + b"\0",
        "a byte short": RAW[:-1],
        "128 bytes": RAW + RAW,
        "hexadecimal": RAW.hex().encode(),
        "empty": b"",
        "one bit": RAW[:-1] + bytes([RAW[-1] ^ 1]),
        "the standard's example": R + S,
        "of a stranger": sign(INPUT, STRANGER),
        "over the payload alone": sign(INPUT.split(".")[1], SM2_KEY),
        "over a digest of the input": SUITES["SGD_SM3_SM2"].algorithm.sign(sm3(INPUT.encode()), SM2_KEY.private_key),
        "under another user id": sign(INPUT, replace(SM2_KEY, private_key=private_of(SM2_KEY).with_user_id(b"other"))),
        "of P-256": sign(INPUT, HOME_KEY),
        "of Ed25519": sign(INPUT, HOME_EDWARDS_KEY),
    }
    return [(name, with_signature(value, GOOD), BadSignatureError) for name, value in raw.items()]


def headers() -> list[tuple[str, str, type[TrustError]]]:
    """TF1, TF4, TF5 and TF6: other names of the suite, keys in the header, keys of others."""
    names = ("SM2", "SM2SM3", "SM3withSM2", "sgd_sm3_sm2", "SGD_SM3_SM2 ", "SGD_SM2_3", "SGD_SM3_HMAC", "none", "HS256")
    cases: list[tuple[str, str, type[TrustError]]] = [
        (f"alg {name!r}", named(name, SM2_KEY, SM2_KEY), AlgorithmNotAllowedError) for name in names
    ]
    own = {**header(SM2_KEY), "jwk": STRANGER.public().to_jwk()}
    cases.append(("a key in the header", seal(text_of(own), text_of(payload()), STRANGER), EmbeddedKeyError))
    user_id = {**header(SM2_KEY), "uid": "1234567812345678"}
    cases.append(("a user id in the header", seal(text_of(user_id), text_of(payload()), SM2_KEY), MalformedTokenError))
    other = seal(text_of(header(SM2_KEY, kid=CALLER_KEY.kid)), text_of(payload()), SM2_KEY)
    cases.append(("the kid of another issuer", other, UnknownKeyError))
    cases.append(("signed by a stranger under our kid", issue(STRANGER), BadSignatureError))
    return cases


FORGED = [*confusions(), *signatures(), *headers()]


@pytest.mark.parametrize(("token", "error"), [pytest.param(token, error, id=name) for name, token, error in FORGED])
def test_a_forged_token_is_refused_with_its_reason(token: str, error: type[TrustError]) -> None:
    """Each forged token meets exactly the error of its kind."""
    with pytest.raises(TrustError) as caught:
        believed(token)
    assert type(caught.value) is error
    assert caught.value.__context__ is None


def test_there_are_enough_forged_tokens() -> None:
    """The table is not empty by mistake."""
    assert len({token for _, token, _ in FORGED}) >= 80


@given(place=st.integers(0, len(GOOD) - 1), letter=st.sampled_from("Aa0-_Zz9=."))
def test_any_single_character_changed_is_refused(place: int, letter: str) -> None:
    """A token has one text: a signature of SM2 has no twin and no other spelling."""
    assume(GOOD[place] != letter)
    with pytest.raises(TrustError):
        VERIFIER.verify(GOOD[:place] + letter + GOOD[place + 1 :], audience=VISITED, now=NOW)


def test_a_plain_digest_is_not_what_is_signed() -> None:
    """A signature over SM3(message), without the user id and the key in it, does not hold."""
    provider = provider_of("gmssl-pyx")
    library = provider._library  # type: ignore[attr-defined]  # the one that signs digests
    der = library.sm2_sign_sm3_digest(private_of(SM2_KEY).secret, sm3(INPUT.encode()))
    assert library.sm2_verify_sm3_digest(private_of(SM2_KEY).public.point, sm3(INPUT.encode()), der)
    signature = b"".join(number(int.from_bytes(part, "big")) for part in halves(der))
    with pytest.raises(BadSignatureError):
        believed(with_signature(signature, GOOD))


def halves(der: bytes) -> list[bytes]:
    """Split a short DER signature by hand."""
    length = der[3]
    return [der[4 : 4 + length], der[6 + length :]]
