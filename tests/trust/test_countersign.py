"""Counter-signing: the same statement under two suites, provable from either side, and from nothing else."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.trust.forge import HOME, HOME_EDWARDS_KEY, HOME_KEY, NOW, VISITED, issue, recognition, with_signature
from tests.trust.sm2_cases import SM2_KEY, SM2_RING
from tests.trust.test_sm2_command import knows_sm2, verifies
from trust.claims import OriginalToken, StatusReference
from trust.countersign import CounterSigner, InMemoryOriginals, Pair, countersign, prove
from trust.encoding import decode_base64url, hash_request
from trust.errors import (
    BadSignatureError,
    ClaimInvalidError,
    CounterSignatureError,
    MalformedTokenError,
    TrustError,
    UnknownKeyError,
)
from trust.keys import KeyRing, SigningKey
from trust.verifier import RecognitionVerifier

if TYPE_CHECKING:
    from pathlib import Path

VERIFIER = RecognitionVerifier(SM2_RING)
FULL = {
    "confirmation": hash_request(b"a certificate"),
    "status": StatusReference(uri=f"{HOME}/regions/chongqing/status/1", index=5),
    "one_time": True,
}
BOUND = frozenset({hash_request(b"a certificate")})
ORIGINAL = issue(SM2_KEY, **FULL)
PARTNER_KEYS = pytest.mark.parametrize("key", [HOME_KEY, HOME_EDWARDS_KEY], ids=["ES256", "EdDSA"])
pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")


def countersigned(key: SigningKey = HOME_KEY, original: str = ORIGINAL) -> str:
    """Counter-sign an original."""
    verified = VERIFIER.verify(original, audience=VISITED, now=NOW, certificates=BOUND)
    return countersign(original, verified, key=key)


def fault(original: str, token: str, ring: KeyRing = SM2_RING) -> TrustError:
    """Give the error with which a proof fails."""
    with pytest.raises(TrustError) as caught:
        prove(original, token, find=ring.find)
    return caught.value


@PARTNER_KEYS
def test_a_partner_believes_the_counter_signed_one_by_itself(key: SigningKey) -> None:
    """Every claim is the same, and one more tells of the original; another library verifies it."""
    token = countersigned(key)
    verified = VERIFIER.verify(token, audience=VISITED, now=NOW, issuer=HOME, certificates=BOUND)
    told = verified.claims.original
    assert told is not None
    assert (told.algorithm, verified.key.algorithm) == ("SGD_SM3_SM2", key.algorithm)
    assert replace(verified.claims, original=None) == recognition(**FULL)
    keys = KeySet.import_key_set(KeyRing([key.public()]).jwks(HOME))  # type: ignore[arg-type]  # a plain dictionary
    assert jwt.decode(token, keys, algorithms=[key.algorithm]).claims["original"] == {
        "alg": "SGD_SM3_SM2",
        "sha256": told.digest,
    }


@PARTNER_KEYS
def test_both_sides_can_prove_the_other(key: SigningKey) -> None:
    """With both texts and the public keys, years later."""
    proof = prove(ORIGINAL, countersigned(key), find=SM2_RING.find)
    assert proof.claims == recognition(**FULL)
    assert (proof.original_key.kid, proof.counter_key.kid) == (SM2_KEY.kid, key.kid)
    assert proof.digest == hash_request(ORIGINAL.encode())


@pytest.mark.skipif(not knows_sm2(), reason="NOT TESTED: no openssl command that knows SM2 is here")
def test_the_command_verifies_the_original(tmp_path: Path) -> None:
    """The mainland side needs the published key, the user id and the `openssl` command."""
    signing_input, _, signature = ORIGINAL.rpartition(".")
    raw = decode_base64url(signature)
    assert raw is not None
    assert verifies(tmp_path, SM2_KEY, signing_input.encode(), raw)


@pytest.mark.parametrize(
    ("original", "rule"),
    [
        (issue(SM2_KEY, **FULL), "digest of the original"),
        (issue(SM2_KEY, **{**FULL, "jti": "another"}), "digest of the original"),
        (issue(HOME_EDWARDS_KEY, **FULL), "digest of the original"),
        (countersigned(HOME_EDWARDS_KEY), "original is counter-signed itself"),
        (issue(HOME_KEY, **FULL), "another key of another suite"),
    ],
)
def test_another_original_is_refused(original: str, rule: str) -> None:
    """Also one of the very same claims, signed once more: the proof is about one text."""
    error = fault(original, countersigned())
    assert (type(error), error.metadata) == (CounterSignatureError, {"rule": rule})


@pytest.mark.parametrize("change", [{"jti": "another"}, {"one_time": False}, {"status": None}, {"confirmation": None}])
def test_other_claims_are_refused(change: dict[str, object]) -> None:
    """A counter-signature over more or less than the original said proves nothing."""
    told = OriginalToken(algorithm="SGD_SM3_SM2", digest=hash_request(ORIGINAL.encode()))
    error = fault(ORIGINAL, issue(HOME_KEY, **{**FULL, **change, "original": told}))
    assert (type(error), error.metadata) == (CounterSignatureError, {"rule": "same claims"})


def test_another_algorithm_than_told_is_refused() -> None:
    """The digest alone is not enough."""
    told = OriginalToken(algorithm="EdDSA", digest=hash_request(ORIGINAL.encode()))
    assert fault(ORIGINAL, issue(HOME_KEY, **FULL, original=told)).metadata == {"rule": "digest of the original"}


def test_what_is_not_counter_signed_is_refused() -> None:
    """Two recognitions of the same claims are two statements."""
    assert fault(ORIGINAL, issue(HOME_KEY, **FULL)).metadata == {"rule": "not counter-signed"}


def test_both_must_be_genuine() -> None:
    """A proof begins with both signatures."""
    token = countersigned()
    assert isinstance(fault(with_signature(bytes(64), ORIGINAL), token), BadSignatureError)
    assert isinstance(fault(ORIGINAL, with_signature(bytes(64), token)), BadSignatureError)
    assert isinstance(fault(ORIGINAL, token, KeyRing([SM2_KEY.public()])), UnknownKeyError)
    assert isinstance(fault("票", token), MalformedTokenError)


def test_only_the_believed_token_is_counter_signed() -> None:
    """The claims that were verified have to be those of the text at hand."""
    verified = VERIFIER.verify(ORIGINAL, audience=VISITED, now=NOW, certificates=BOUND)
    for other in (issue(SM2_KEY, **{**FULL, "jti": "another"}), issue(HOME_EDWARDS_KEY, **FULL)):
        with pytest.raises(CounterSignatureError) as caught:
            countersign(other, verified, key=HOME_KEY)
        assert caught.value.metadata == {"rule": "claims of the original"}


def test_a_counter_signature_that_adds_nothing_is_refused() -> None:
    """Not by the same key, not in the same suite, not once more on top, and not by another region."""
    same_suite = SigningKey.generate("SGD_SM3_SM2", issuer=HOME)
    same_name = SigningKey.generate("ES256", issuer=HOME, kid=SM2_KEY.kid)
    for key in (SM2_KEY, same_suite, same_name):
        with pytest.raises(CounterSignatureError):
            countersigned(key)
    with pytest.raises(CounterSignatureError):
        countersigned(HOME_EDWARDS_KEY, countersigned())
    with pytest.raises(ClaimInvalidError):
        countersigned(SigningKey.generate("ES256", issuer=VISITED))


def test_a_region_signs_twice_only_for_those_who_need_it() -> None:
    """The partner gets the counter-signed one and the region keeps both; the others get the original."""
    store = InMemoryOriginals(2)
    signer = CounterSigner(SM2_KEY, partners={VISITED: HOME_KEY}, verifier=VERIFIER, store=store)
    token = signer.issue(recognition(**FULL))
    assert VERIFIER.verify(token, audience=VISITED, now=NOW, certificates=BOUND).key.kid == HOME_KEY.kid
    pair = store.find(HOME, recognition().jti)
    assert pair is not None
    assert pair.countersigned == token
    assert prove(pair.original, token, find=SM2_RING.find).original_key.kid == SM2_KEY.kid
    plain = signer.issue(recognition(aud="https://guizhou.example", jti="2"))
    assert VERIFIER.verify(plain, audience="https://guizhou.example", now=NOW).key.kid == SM2_KEY.kid
    assert store.find(HOME, "2") is None
    unbound = signer.issue(recognition(jti="3", iat=NOW - 5, nbf=NOW + 60))
    kept = store.find(HOME, "3")
    assert kept is not None
    assert prove(kept.original, unbound, find=SM2_RING.find).claims.jti == "3"


def test_the_store_is_bounded() -> None:
    """The oldest pair makes room; the same name replaces; nothing shows."""
    store = InMemoryOriginals(2)
    for number in ("1", "2", "2", "3"):
        store.keep(HOME, number, Pair(f"o{number}", f"c{number}"))
    assert (len(store), store.find(HOME, "1"), store.find(VISITED, "3")) == (2, None, None)
    assert store.find(HOME, "3") == Pair("o3", "c3")
    assert "o3" not in repr(store.find(HOME, "3"))
    with pytest.raises(RuntimeError):
        InMemoryOriginals(0)


def test_a_token_that_would_be_too_long_is_not_signed() -> None:
    """The further claim counts like the others."""
    items = tuple(f"{position:02}{'x' * 126}" for position in range(16))
    signed = dict[int, str]()
    for length in range(1, 17):
        codes = tuple(f"{'A' * 30}.B{position:02}" for position in range(length))
        with suppress(MalformedTokenError):
            signed[length] = issue(SM2_KEY, **FULL, home_items=items, classes={"identity": codes})
    assert 1 < len(signed) < 16
    with pytest.raises(MalformedTokenError) as caught:
        countersigned(HOME_KEY, signed[max(signed)])
    assert caught.value.metadata == {"rule": "size"}
