"""Recognitions and callers' tokens under SGD_SM3_SM2: the same signers and verifiers, the same strictness."""

from __future__ import annotations

import base64
import json
import traceback
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

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
    REQUEST_HASH,
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
    PRIVATE,
    PROVIDERS,
    PUBLIC,
    SM2_KEY,
    SM2_RING,
    D,
    N,
    R,
    S,
    X,
    Y,
    number,
    private_of,
    provider_of,
)
from trust import sm2_suite
from trust.encoding import encode_base64url
from trust.errors import (
    AlgorithmNotAllowedError,
    BadSignatureError,
    EmbeddedKeyError,
    KeyAlgorithmMismatchError,
    KeyMaterialError,
    MalformedTokenError,
    SuiteUnavailableError,
    TrustError,
    UnknownKeyError,
)
from trust.keys import KeyRing, SigningKey, VerificationKey, thumbprint
from trust.signer import RecognitionSigner
from trust.sm2 import Sm2PublicKey, signature_to_der, sm3
from trust.sm2_encoding import write_private_pem
from trust.sm2_suite import SgdSm3Sm2
from trust.suites import SUITES, write_coordinates
from trust.verifier import CallerVerifier, RecognitionVerifier

if TYPE_CHECKING:
    from collections.abc import Callable

VERIFIER = RecognitionVerifier(SM2_RING)
GOOD = issue(SM2_KEY)
INPUT, _, SIGNATURE = GOOD.rpartition(".")
RAW = base64.urlsafe_b64decode(SIGNATURE + "==")
RAW_R, RAW_S = (int.from_bytes(half, "big") for half in (RAW[:32], RAW[32:]))
JWK = SM2_KEY.public().to_jwk()
STRANGER = SigningKey.generate("SGD_SM3_SM2", issuer=HOME, kid=SM2_KEY.kid)


def believed(token: str, ring: KeyRing = SM2_RING) -> object:
    """Verify a recognition and give its claims."""
    verifier = RecognitionVerifier(ring)
    return verifier.verify(token, audience=VISITED, now=NOW, request_hash=REQUEST_HASH, issuer=HOME).claims


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


# Keys.


def test_a_key_survives_pem_and_jwk() -> None:
    """A key written and read again is the same key, under the same name."""
    again = SigningKey.from_pem(SM2_KEY.to_pem(), issuer=HOME)
    assert (again.kid, again.algorithm, again.public()) == (SM2_KEY.kid, "SGD_SM3_SM2", SM2_KEY.public())
    assert believed(issue(again)) == recognition()
    assert {name: JWK[name] for name in ("kty", "crv", "alg", "use")} == {
        "kty": "EC",
        "crv": "sm2p256v1",
        "alg": "SGD_SM3_SM2",
        "use": "sig",
    }
    assert VerificationKey.from_jwk(JWK, issuer=HOME) == SM2_KEY.public()
    ring = KeyRing.from_jwks(HOME, SM2_RING.jwks(HOME))
    assert believed(GOOD, ring) == recognition()


def test_the_default_kid_is_the_thumbprint() -> None:
    """RFC 7638 over crv, kty, x and y; the key of GB/T 32918.5 annex A."""
    members = {"crv": "sm2p256v1", "kty": "EC", "x": encode_base64url(X), "y": encode_base64url(Y)}
    assert write_coordinates(SUITES["SGD_SM3_SM2"], PUBLIC) == {"x": members["x"], "y": members["y"]}
    key = SigningKey.from_pem(write_private_pem(PRIVATE), issuer=HOME)
    assert key.kid == thumbprint(PUBLIC)
    assert len(key.kid) == 43


P256_JWK = HOME_KEY.public().to_jwk()


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"alg": "ES256"}, KeyMaterialError),
        ({"alg": "ES256", "crv": "P-256"}, KeyMaterialError),
        ({"alg": "EdDSA"}, KeyMaterialError),
        ({"alg": "SM2"}, AlgorithmNotAllowedError),
        ({"alg": "SM2SM3"}, AlgorithmNotAllowedError),
        ({"crv": "P-256"}, KeyMaterialError),
        ({"crv": "SM2"}, KeyMaterialError),
        ({"crv": "SM2-P-256"}, KeyMaterialError),
        ({"crv": "SM2P256V1"}, KeyMaterialError),
        ({"kty": "OKP"}, KeyMaterialError),
        ({"kty": "SM2"}, KeyMaterialError),
        ({"x": P256_JWK["x"], "y": P256_JWK["y"]}, KeyMaterialError),
        ({"x": JWK["y"], "y": JWK["x"]}, KeyMaterialError),
        ({"x": "A" * 43, "y": "A" * 43}, KeyMaterialError),
        ({"y": None}, KeyMaterialError),
        ({"d": encode_base64url(D)}, KeyMaterialError),
        ({"user_id": "1234567812345678"}, KeyMaterialError),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else value.__name__,
)
def test_a_jwk_that_is_not_plainly_good_is_refused(changes: dict[str, object], error: type[TrustError]) -> None:
    """Another curve, another name of the curve, a point off the curve, a private member."""
    with pytest.raises(error):
        VerificationKey.from_jwk({**JWK, **changes}, issuer=HOME)


def test_a_key_of_p256_is_none_of_sm2() -> None:
    """The two curves have numbers of one length; nothing takes one for the other."""
    with pytest.raises(KeyMaterialError):
        VerificationKey.from_jwk({**P256_JWK, "alg": "SGD_SM3_SM2", "crv": "sm2p256v1"}, issuer=HOME)
    for algorithm, key in (("ES256", SM2_KEY), ("SGD_SM3_SM2", HOME_KEY), ("EdDSA", SM2_KEY)):
        with pytest.raises(KeyMaterialError):
            VerificationKey(issuer=HOME, kid="k", algorithm=algorithm, public_key=key.public().public_key)


@pytest.mark.parametrize(("algorithm", "key"), [("SGD_SM3_SM2", HOME_KEY), ("ES256", SM2_KEY), ("EdDSA", SM2_KEY)])
def test_a_key_does_not_sign_for_another_suite(algorithm: str, key: SigningKey) -> None:
    """A signing key put together wrongly signs nothing."""
    with pytest.raises(TrustError):
        RecognitionSigner(replace(key, algorithm=algorithm)).issue(recognition())


def test_pyjwt_does_not_write_or_read_our_keys() -> None:
    """Key documents have one reader and one writer."""
    algorithm = SUITES["SGD_SM3_SM2"].algorithm
    for call in (algorithm.to_jwk, algorithm.from_jwk):
        with pytest.raises(NotImplementedError):
            call(JWK)


# The user id.


def test_the_user_id_is_the_keys() -> None:
    """A token is believed under the user id under which it was signed, and under no other."""
    key = SigningKey.generate("SGD_SM3_SM2", issuer=HOME, user_id="重庆市".encode())
    token = issue(key)
    assert believed(token, KeyRing([key.public()])) == recognition()
    document = KeyRing([key.public()]).jwks(HOME)
    assert believed(token, KeyRing.from_jwks(HOME, document, user_id="重庆市".encode())) == recognition()
    for ring in (KeyRing.from_jwks(HOME, document), KeyRing.from_jwks(HOME, document, user_id=b"another")):
        with pytest.raises(BadSignatureError):
            believed(token, ring)


def test_keys_of_other_suites_take_no_notice_of_a_user_id() -> None:
    """A user id agreed with a partner does not touch its other keys."""
    ring = KeyRing.from_jwks(HOME, SM2_RING.jwks(HOME), user_id=b"another")
    assert believed(issue(HOME_KEY), ring) == recognition()
    assert SigningKey.from_pem(HOME_KEY.to_pem(), issuer=HOME, user_id=b"another").kid == HOME_KEY.kid
    with pytest.raises(BadSignatureError):
        believed(GOOD, ring)


def test_a_user_id_of_no_use_refuses_the_key() -> None:
    """An empty user id is none."""
    with pytest.raises(KeyMaterialError):
        SigningKey.generate("SGD_SM3_SM2", issuer=HOME, user_id=b"")
    with pytest.raises(KeyMaterialError):
        SigningKey.from_pem(SM2_KEY.to_pem(), issuer=HOME, user_id=b"x" * 129)
    with pytest.raises(KeyMaterialError):
        KeyRing.from_jwks(HOME, SM2_RING.jwks(HOME), user_id=b"")


# No library.


def unavailable() -> NoReturn:
    """Stand for a machine without a library."""
    raise SuiteUnavailableError(suite="SGD_SM3_SM2", tried="nothing")


def test_without_a_library_no_key_is_made_or_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway with such a key of its own does not start; other suites are not touched."""
    pem, other = SM2_KEY.to_pem(), HOME_KEY.to_pem()
    monkeypatch.setattr(sm2_suite, "choose_provider", unavailable)
    with pytest.raises(SuiteUnavailableError):
        SigningKey.from_pem(pem, issuer=HOME)
    with pytest.raises(SuiteUnavailableError):
        SigningKey.generate("SGD_SM3_SM2", issuer=HOME)
    assert SigningKey.from_pem(other, issuer=HOME).algorithm == "ES256"


def test_without_a_library_nothing_is_signed_or_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No library is an error for the operator, never a yes."""
    monkeypatch.setattr(SUITES["SGD_SM3_SM2"].algorithm, "_provide", unavailable)
    with pytest.raises(SuiteUnavailableError):
        believed(GOOD)
    with pytest.raises(SuiteUnavailableError):
        issue(SM2_KEY)


# Forged tokens.


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


# Secrets.


def leaks() -> list[Callable[[], object]]:
    """Plant the secret number in every place that may fail."""
    text = D.hex()
    armored = "-----BEGIN {0}-----\n{1}\n-----END {0}-----\n"
    label = "PRIVATE KEY"
    return [
        lambda: SigningKey.from_pem(write_private_pem(PRIVATE)[:-30], issuer=HOME),
        lambda: SigningKey.from_pem(armored.format(label, base64.b64encode(D).decode()).encode(), issuer=HOME),
        lambda: SigningKey.from_pem(write_private_pem(PRIVATE), issuer=HOME, user_id=text.encode() * 3),
        lambda: SigningKey.from_pem(write_private_pem(PRIVATE), issuer=HOME, kid=text + "/"),
        lambda: SigningKey.from_pem(
            write_private_pem(replace(PRIVATE, public=private_of(SM2_KEY).public)), issuer=HOME
        ),
        lambda: replace(PRIVATE, secret=D + D),
        lambda: Sm2PublicKey(D + D),
        lambda: VerificationKey.from_jwk({**JWK, "d": encode_base64url(D)}, issuer=HOME),
        lambda: VerificationKey.from_jwk({**JWK, "x": encode_base64url(D)}, issuer=HOME),
        lambda: RecognitionSigner(SigningKey(issuer=HOME, kid="k", algorithm="ES256", private_key=PRIVATE)).issue(
            recognition()
        ),
        lambda: believed(issue(SM2_KEY, item="x" + text)[:-3] + "AAA"),
    ]


@pytest.mark.parametrize("leak", leaks())
def test_no_error_shows_a_secret(leak: Callable[[], object]) -> None:
    """PV1: the secret number is in no text, repr, metadata or printed cause of an error, however it is written."""
    with pytest.raises(TrustError) as caught:
        leak()
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + str(caught.value.metadata)
    writings = (D.hex(), repr(D), encode_base64url(D), base64.b64encode(D).decode(), str(int.from_bytes(D, "big")))
    assert not [writing for writing in writings if writing.lower() in shown.lower()]


def test_a_signing_key_does_not_show() -> None:
    """The repr of a signing key holds names only."""
    key = SigningKey.from_pem(write_private_pem(PRIVATE), issuer=HOME)
    assert repr(key) == f"SigningKey(issuer={HOME!r}, kid={key.kid!r}, algorithm='SGD_SM3_SM2')"
