"""The signer emits what the verifier accepts, and nothing that it would refuse."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.forge import (
    CALLER_KEY,
    GATEWAY,
    HOME,
    HOME_EDWARDS_KEY,
    HOME_KEY,
    NOW,
    RING,
    VISITED,
    caller_token,
    issue,
    recognition,
)
from trust.claims import RecognitionClaims
from trust.encoding import decode_base64url
from trust.errors import ClaimInvalidError, MalformedTokenError, ScopeError, TrustError
from trust.keys import SigningKey
from trust.signer import CallerTokenSigner, RecognitionSigner, signer_of
from trust.verified import VerifiedCaller, VerifiedRecognition
from trust.verifier import RecognitionVerifier

HALF_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551 // 2


@pytest.mark.parametrize("key", [HOME_KEY, HOME_EDWARDS_KEY], ids=["ES256", "EdDSA"])
def test_what_is_signed_is_what_is_verified(key: SigningKey) -> None:
    """The claims come back equal, under a header of exactly alg, kid and typ."""
    token = issue(key)
    assert json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "==")) == {
        "alg": key.algorithm,
        "kid": key.kid,
        "typ": "onecard-recognition+jwt",
    }
    assert RecognitionVerifier(RING).verify(token, audience=VISITED, now=NOW).claims == recognition()


@given(jti=st.text("ABCabc019._-", min_size=1, max_size=64))
def test_es256_signatures_are_in_the_low_half(jti: str) -> None:
    """Our own tokens have one text only."""
    signature = decode_base64url(issue(jti=jti).rpartition(".")[2])
    assert signature is not None
    assert len(signature) == 64
    assert 0 < int.from_bytes(signature[32:], "big") <= HALF_ORDER


@pytest.mark.parametrize(
    ("changes", "claim"),
    [
        ({"iss": "https://guizhou.example"}, "iss"),
        ({"exp": NOW + 601}, "exp"),
        ({"exp": NOW}, "exp"),
        ({"classes": {"identity": ()}}, "classes"),
        ({"purpose": "marketing"}, "purpose"),
        ({"jti": ""}, "jti"),
        ({"sub": "510100190001010013"}, "sub"),
        ({"card_status_as_of": NOW + 11}, "card_status_as_of"),
    ],
)
def test_claims_against_their_rule_are_not_signed(changes: dict[str, object], claim: str) -> None:
    """The signer refuses what the verifier would refuse, and what it may not speak for."""
    with pytest.raises(ClaimInvalidError) as caught:
        RecognitionSigner(HOME_KEY).issue(recognition(**changes))
    assert caught.value.metadata["claim"] == claim


def test_a_token_that_no_verifier_would_read_is_not_signed() -> None:
    """Claims that are each in order but too long together are refused."""
    items = tuple(f"{position:02}{'x' * 126}" for position in range(16))
    with pytest.raises(MalformedTokenError) as caught:
        issue(home_items=items, classes={"identity": tuple("A" * 60 + f".B{position:02}" for position in range(16))})
    assert caught.value.metadata == {"rule": "size"}


@pytest.mark.parametrize(
    ("scopes", "lifetime_seconds", "new_id", "error"),
    [
        ((), 300, "c-1", ScopeError),
        (("*",), 300, "c-1", ScopeError),
        (("a b",), 300, "", ClaimInvalidError),
        (("identity.verify",), 601, "c-1", ClaimInvalidError),
        (("identity.verify",), 0, "c-1", ClaimInvalidError),
        (("identity.verify",), 300, "", ClaimInvalidError),
    ],
)
def test_caller_claims_against_their_rule_are_not_signed(
    scopes: tuple[str, ...], lifetime_seconds: int, new_id: str, error: type[TrustError]
) -> None:
    """A caller cannot sign an empty scope, a long life or an empty identifier by mistake."""
    signer = CallerTokenSigner(CALLER_KEY, new_id=lambda: new_id)
    with pytest.raises(error):
        signer.issue(audience=GATEWAY, now=NOW, scopes=scopes, lifetime_seconds=lifetime_seconds)


def test_each_caller_token_has_a_new_identifier() -> None:
    """The source of identifiers is asked once for each token."""
    numbers = iter("abc")
    signer = CallerTokenSigner(CALLER_KEY, new_id=lambda: next(numbers))
    tokens = {signer.issue(audience=GATEWAY, now=NOW, scopes=["catalog.read"]) for _ in range(3)}
    assert len(tokens) == 3
    assert next(numbers, None) is None


def test_a_private_key_that_cannot_sign_is_our_own_error() -> None:
    """What the libraries raise while signing leaves as an error of ours."""
    mixed = SigningKey(issuer=HOME, kid="mixed", algorithm="EdDSA", private_key=HOME_KEY.private_key)
    with pytest.raises(TrustError):
        RecognitionSigner(mixed).issue(recognition())


def test_nobody_but_the_verifier_makes_verified_claims() -> None:
    """Verified claims are a type that cannot be made from claims."""
    for kind in (VerifiedRecognition, VerifiedCaller):
        with pytest.raises(RuntimeError):
            kind(claims=recognition(), key=HOME_KEY.public(), seal=object())  # type: ignore[arg-type]


def test_pseudonym_and_identifier_do_not_show() -> None:
    """The repr of claims and tokens shows neither subject nor jti."""
    claims = recognition()
    verified = RecognitionVerifier(RING).verify(issue(), audience=VISITED, now=NOW)
    for text in (repr(claims), repr(verified), str(verified)):
        assert claims.sub not in text
        assert claims.jti not in text
    assert "scope" not in caller_token()


def test_a_payload_round_trips() -> None:
    """Claims written and read again are the same claims."""
    assert RecognitionClaims.from_payload(recognition().to_payload()) == recognition()


def test_a_key_in_memory_is_one_signer_among_others() -> None:
    """What signs has the names of the key and gives raw signatures; tokens do not tell where the key lies."""
    signer = signer_of(HOME_KEY)
    assert signer_of(signer) is signer
    assert (signer.issuer, signer.kid, signer.algorithm) == (HOME, HOME_KEY.kid, "ES256")
    assert signer.public() == HOME_KEY.public()
    token = RecognitionSigner(signer).issue(recognition())
    assert RecognitionVerifier(RING).verify(token, audience=VISITED, now=NOW).key == signer.public()
    signing_input, _, signature = token.rpartition(".")
    assert decode_base64url(signature) != signer.sign(signing_input.encode())
    assert len(signer.sign(b"")) == 64


def test_what_is_signed_was_held_against_the_rules() -> None:
    """The payload that passed is the one that is signed: claims never differ from what was checked."""
    body = decode_base64url(issue().split(".")[1])
    assert body is not None
    assert json.loads(body) == recognition().to_payload()
