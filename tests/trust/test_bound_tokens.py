"""Tokens that are bound to a certificate, and the further claims that a recognition may have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import KeySet

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
from trust.cache import VerifiedTokenCache
from trust.claims import CallerClaims, OriginalToken, RecognitionClaims, StatusReference
from trust.encoding import hash_request
from trust.errors import BindingError, ClaimInvalidError
from trust.signer import CallerTokenSigner, RecognitionSigner
from trust.verifier import CallerVerifier, RecognitionVerifier

if TYPE_CHECKING:
    from trust.keys import SigningKey

MINE = hash_request(b"a certificate")
OTHER = hash_request(b"another certificate")
STATUS = StatusReference(uri="https://chongqing.example/regions/chongqing/status/1800000000", index=77)
FULL = {
    "confirmation": MINE,
    "status": STATUS,
    "card": "AAAAAAAAAAAAAAAAAAAAAA",
    "original": OriginalToken(algorithm="SGD_SM3_SM2", digest=OTHER),
}
VERIFIER = RecognitionVerifier(RING)
pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")


def bound_caller(confirmation: str | None = MINE) -> str:
    """Give a caller's token that is bound to a certificate."""
    signer = CallerTokenSigner(CALLER_KEY, new_id=lambda: "c-1")
    return signer.issue(audience=GATEWAY, now=NOW, scopes=["card.verify"], confirmation=confirmation)


@pytest.mark.parametrize("certificates", [frozenset(), frozenset({OTHER}), frozenset({MINE[:-1]}), frozenset({""})])
def test_a_bound_recognition_is_refused_over_another_certificate(certificates: frozenset[str]) -> None:
    """RP7: bound to certificate A and shown over B, or over none, it is refused by name."""
    with pytest.raises(BindingError) as caught:
        VERIFIER.verify(issue(confirmation=MINE), audience=VISITED, now=NOW, certificates=certificates)
    assert caught.value.metadata == {"rule": "certificate"}


@pytest.mark.parametrize("certificates", [frozenset({MINE}), frozenset({OTHER, MINE})])
def test_a_bound_recognition_is_believed_over_its_certificate(certificates: frozenset[str]) -> None:
    """The positive twin, also while two certificates are in use."""
    verified = VERIFIER.verify(issue(confirmation=MINE), audience=VISITED, now=NOW, certificates=certificates)
    assert verified.claims.confirmation == MINE


def test_an_unbound_token_is_believed_over_any_certificate() -> None:
    """Who shows a certificate may still bring a token that is bound to none."""
    assert VERIFIER.verify(issue(), audience=VISITED, now=NOW, certificates=frozenset({MINE})).claims == recognition()
    verified = CallerVerifier(RING).verify(caller_token(), audience=GATEWAY, now=NOW, certificates=frozenset({MINE}))
    assert verified.claims.confirmation is None


def test_a_bound_caller_token_needs_its_certificate() -> None:
    """RP7: the binding is asked for at every use, of a remembered token too."""
    verifier, token = CallerVerifier(RING, cache=VerifiedTokenCache(2)), bound_caller()
    for _ in range(2):
        with pytest.raises(BindingError):
            verifier.verify(token, audience=GATEWAY, now=NOW)
        verified = verifier.verify(token, audience=GATEWAY, now=NOW, certificates=frozenset({MINE}))
        assert verified.claims.confirmation == MINE
        with pytest.raises(BindingError):
            verifier.verify(token, audience=GATEWAY, now=NOW, certificates=frozenset({OTHER}))


@pytest.mark.parametrize("thumbprint", ["", "A", MINE + "=", MINE[:-1] + "B"])
def test_a_binding_to_nothing_is_not_signed(thumbprint: str) -> None:
    """The signer refuses what is no SHA-256."""
    with pytest.raises(ClaimInvalidError) as caught:
        bound_caller(thumbprint)
    assert caught.value.metadata["claim"] == "cnf"
    with pytest.raises(ClaimInvalidError):
        RecognitionSigner(HOME_KEY).issue(recognition(confirmation=thumbprint))


@pytest.mark.parametrize("key", [HOME_KEY, HOME_EDWARDS_KEY], ids=["ES256", "EdDSA"])
def test_the_further_claims_are_those_of_the_standards(key: SigningKey) -> None:
    """Another JOSE library reads `cnf` and `status` where RFC 8705 and the Token Status List put them."""
    keys = KeySet.import_key_set(RING.jwks(HOME))  # type: ignore[arg-type]  # a plain dictionary
    claims = jwt.decode(issue(key, **FULL), keys, algorithms=[key.algorithm]).claims
    assert claims["cnf"] == {"x5t#S256": MINE}
    assert claims["status"] == {"status_list": {"idx": 77, "uri": STATUS.uri}}
    assert claims["original"] == {"alg": "SGD_SM3_SM2", "sha256": OTHER}


@given(names=st.sets(st.sampled_from(sorted(FULL))))
def test_each_further_claim_stands_by_itself(names: set[str]) -> None:
    """Any of them may be missing; what is written is read as the same."""
    claims = recognition(**{name: FULL[name] for name in names})
    assert RecognitionClaims.from_payload(claims.to_payload()) == claims
    assert len(claims.to_payload()) == 19 + len(names)


def test_a_callers_claims_round_trip() -> None:
    """With and without a certificate."""
    for confirmation in (None, MINE):
        claims = CallerClaims(
            iss="a", aud="b", iat=NOW, exp=NOW + 1, jti="1", scope=("card.verify",), confirmation=confirmation
        )
        assert CallerClaims.from_payload(claims.to_payload()) == claims


def test_the_place_in_the_list_does_not_show() -> None:
    """It tells two uses of one token apart from others, so the repr leaves it out."""
    assert STATUS.uri not in repr(recognition(status=STATUS))
