"""Keys of SGD_SM3_SM2: read and written as all others, under a user id, never shown; and useless without a library."""

from __future__ import annotations

import base64
import traceback
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

import pytest

from tests.trust.forge import (
    HOME,
    HOME_KEY,
    issue,
    recognition,
)
from tests.trust.sm2_cases import (
    PRIVATE,
    PUBLIC,
    SM2_KEY,
    SM2_RING,
    D,
    X,
    Y,
    believed,
    private_of,
)
from trust import sm2_suite
from trust.encoding import encode_base64url
from trust.errors import (
    AlgorithmNotAllowedError,
    BadSignatureError,
    KeyMaterialError,
    SuiteUnavailableError,
    TrustError,
)
from trust.keys import KeyRing, SigningKey, VerificationKey, thumbprint
from trust.signer import RecognitionSigner
from trust.sm2 import Sm2PublicKey
from trust.sm2_encoding import write_private_pem
from trust.suites import SUITES, write_coordinates

if TYPE_CHECKING:
    from collections.abc import Callable


GOOD = issue(SM2_KEY)
JWK = SM2_KEY.public().to_jwk()


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
