"""Another JOSE library reads our tokens and key documents, and we read its."""

from __future__ import annotations

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OKPKey

from tests.trust.forge import (
    CALLER,
    CALLER_KEY,
    GATEWAY,
    HOME,
    HOME_EDWARDS_KEY,
    HOME_KEY,
    NOW,
    RING,
    VISITED,
    caller_header,
    caller_token,
    header,
    issue,
    payload,
    recognition,
)
from trust.claims import CallerClaims
from trust.keys import KeyRing, SigningKey
from trust.verifier import CallerVerifier, RecognitionVerifier

# RFC 9864 gives EdDSA on this curve a name of its own; partners' libraries and RFC 8037 still say EdDSA.
pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
KEYS = pytest.mark.parametrize("key", [HOME_KEY, HOME_EDWARDS_KEY], ids=["ES256", "EdDSA"])


def private_key(key: SigningKey) -> ECKey | OKPKey:
    """Give our key to the other library."""
    return (ECKey if key.algorithm == "ES256" else OKPKey).import_key(key.to_pem())


@KEYS
def test_the_other_library_verifies_our_recognition(key: SigningKey) -> None:
    """A partner needs our published keys and no code of ours."""
    keys = KeySet.import_key_set(RING.jwks(HOME))  # type: ignore[arg-type]
    token = jwt.decode(issue(key), keys, algorithms=[key.algorithm])
    assert token.claims == recognition().to_payload()
    assert token.header == header(key)


@KEYS
def test_we_verify_the_other_librarys_recognition(key: SigningKey) -> None:
    """A partner's gateway need not be ours; many tokens, as half of its ES256 signatures are in the high half."""
    verifier = RecognitionVerifier(RING)
    for _ in range(20):
        token = jwt.encode(header(key), payload(), private_key(key), algorithms=[key.algorithm])
        assert verifier.verify(token, audience=VISITED, now=NOW).claims == recognition()


def test_callers_may_use_the_other_library() -> None:
    """Callers' tokens go both ways too."""
    claims = CallerClaims(iss=CALLER, aud=GATEWAY, iat=NOW, exp=NOW + 60, jti="1", scope=("catalog.read",))
    theirs = jwt.encode(caller_header(), claims.to_payload(), private_key(CALLER_KEY), algorithms=["ES256"])
    assert CallerVerifier(RING).verify(theirs, audience=GATEWAY, now=NOW).claims == claims
    ours = jwt.decode(caller_token("catalog.read"), private_key(CALLER_KEY), algorithms=["ES256"])
    assert (ours.claims["sub"], ours.claims["scope"]) == (CALLER, "catalog.read")


def test_we_read_the_other_librarys_key_document() -> None:
    """A JWK Set with algorithm, use and kid is read whoever wrote it."""
    key = ECKey.generate_key("P-256", {"alg": "ES256", "use": "sig", "kid": "partner-1"})
    ring = KeyRing.from_jwks(HOME, KeySet([key]).as_dict(private=False))
    token = jwt.encode({**header(), "kid": "partner-1"}, payload(), key, algorithms=["ES256"])
    assert RecognitionVerifier(ring).verify(token, audience=VISITED, now=NOW).key.kid == "partner-1"
