"""Callers' tokens: what they prove, what they may be used for, and the memory of known ones."""

from __future__ import annotations

import pytest

from tests.trust.forge import (
    CALLER,
    CALLER_KEY,
    GATEWAY,
    HOME,
    NOW,
    RING,
    caller_header,
    caller_token,
    issue,
    seal,
    text_of,
)
from trust.cache import VerifiedTokenCache
from trust.claims import CallerClaims
from trust.errors import (
    AudienceError,
    BadSignatureError,
    ClaimInvalidError,
    ExpiredError,
    NotYetValidError,
    PeerIssuerMismatchError,
    ScopeError,
    TrustError,
    UnknownIssuerError,
    UnknownKeyError,
    WrongTypeError,
)
from trust.keys import KeyRing, SigningKey, VerificationKey
from trust.verifier import CallerVerifier

VERIFIER = CallerVerifier(RING)
PAYLOAD = CallerClaims(
    iss=CALLER, aud=GATEWAY, iat=NOW, exp=NOW + 300, jti="c-1", scope=("identity.verify",)
).to_payload()


def forged(**changes: object) -> str:
    """Sign a changed payload with the caller's real key; None takes a claim away."""
    body = {name: value for name, value in {**PAYLOAD, **changes}.items() if value is not None}
    return seal(text_of(caller_header()), text_of(body), CALLER_KEY)


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
def test_a_caller_proves_who_it_is(algorithm: str) -> None:
    """A good token names its caller, in both suites."""
    key = SigningKey.generate(algorithm, issuer=CALLER)
    token = caller_token("identity.verify", "catalog.read", key=key)
    verified = CallerVerifier(KeyRing([key.public()])).verify(token, audience=GATEWAY, now=NOW, issuer=CALLER)
    assert (verified.caller, verified.claims.sub, verified.claims.aud) == (CALLER, CALLER, GATEWAY)
    assert verified.replay_until == NOW + 310
    verified.require("identity.verify")
    verified.require("catalog.read")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"sub": "somebody-else"}, ClaimInvalidError),
        ({"sub": None}, ClaimInvalidError),
        ({"iss": "somebody-else", "sub": "somebody-else"}, UnknownIssuerError),
        ({"iss": HOME, "sub": HOME}, UnknownKeyError),
        ({"iss": None}, ClaimInvalidError),
        ({"aud": [GATEWAY]}, ClaimInvalidError),
        ({"aud": [GATEWAY, HOME]}, ClaimInvalidError),
        ({"aud": None}, ClaimInvalidError),
        ({"aud": HOME}, AudienceError),
        ({"iat": None}, ClaimInvalidError),
        ({"exp": None}, ClaimInvalidError),
        ({"exp": "1800000300"}, ClaimInvalidError),
        ({"exp": NOW + 601}, ClaimInvalidError),
        ({"exp": NOW}, ClaimInvalidError),
        ({"iat": NOW - 400, "exp": NOW - 100}, ExpiredError),
        ({"iat": NOW + 61}, NotYetValidError),
        ({"jti": None}, ClaimInvalidError),
        ({"jti": ""}, ClaimInvalidError),
        ({"nbf": NOW}, ClaimInvalidError),
        ({"cnf": {"x5t#S256": "A"}}, ClaimInvalidError),
        ({"scope": None}, ClaimInvalidError),
        ({"scope": ["identity.verify"]}, ClaimInvalidError),
        ({"scope": ""}, ScopeError),
        ({"scope": "*"}, ScopeError),
        ({"scope": "identity.*"}, ScopeError),
        ({"scope": "Identity.Verify"}, ScopeError),
        ({"scope": "identity.verify  catalog.read"}, ScopeError),
        ({"scope": "identity.verify identity.verify"}, ScopeError),
        ({"scope": " identity.verify"}, ScopeError),
        ({"scope": "identity.verify\n"}, ScopeError),
        ({"scope": " ".join(f"s{i}" for i in range(65))}, ScopeError),
    ],
    ids=str,
)
def test_a_misused_caller_token_is_refused(changes: dict[str, object], error: type[TrustError]) -> None:
    """AZ4 and TF16: each misuse under a good signature meets its own error."""
    with pytest.raises(TrustError) as caught:
        VERIFIER.verify(forged(**changes), audience=GATEWAY, now=NOW)
    assert type(caught.value) is error


def test_a_recognition_is_no_caller_token() -> None:
    """TF15: tokens of the two kinds never stand for each other."""
    with pytest.raises(WrongTypeError):
        VERIFIER.verify(issue(), audience=GATEWAY, now=NOW)


def test_a_stranger_under_a_known_name_is_refused() -> None:
    """A signature of another key under the caller's kid does not hold."""
    stranger = SigningKey.generate("ES256", issuer=CALLER, kid=CALLER_KEY.kid)
    with pytest.raises(BadSignatureError) as caught:
        VERIFIER.verify(caller_token(key=stranger), audience=GATEWAY, now=NOW)
    assert caught.value.metadata == {"issuer": CALLER, "kid": CALLER_KEY.kid}


def test_a_certificate_of_somebody_else_is_refused() -> None:
    """AZ2: a token is worth nothing over another caller's connection."""
    with pytest.raises(PeerIssuerMismatchError):
        VERIFIER.verify(caller_token(), audience=GATEWAY, now=NOW, issuer="another-window")


@pytest.mark.parametrize("scope", ["catalog.read", "identity", "identity.verify.all", "IDENTITY.VERIFY", "", "*"])
def test_no_scope_implies_another(scope: str) -> None:
    """AZ4: a token serves for exactly the scopes that it lists."""
    verified = VERIFIER.verify(caller_token("identity.verify"), audience=GATEWAY, now=NOW)
    with pytest.raises(ScopeError) as caught:
        verified.require(scope)
    assert caught.value.metadata == {"scope": scope}


def test_a_known_token_needs_no_second_signature_check() -> None:
    """A cached token gives the very same object again."""
    verifier = CallerVerifier(RING, cache=VerifiedTokenCache(2))
    token = caller_token()
    first = verifier.verify(token, audience=GATEWAY, now=NOW)
    assert verifier.verify(token, audience=GATEWAY, now=NOW + 5) is first
    assert VERIFIER.verify(token, audience=GATEWAY, now=NOW) is not first


@pytest.mark.parametrize(
    ("now", "audience", "issuer", "error"),
    [
        (NOW + 310, GATEWAY, None, ExpiredError),
        (NOW - 11, GATEWAY, None, NotYetValidError),
        (NOW, HOME, None, AudienceError),
        (NOW, GATEWAY, HOME, PeerIssuerMismatchError),
    ],
)
def test_a_known_token_is_still_judged(now: int, audience: str, issuer: str | None, error: type[TrustError]) -> None:
    """Times, audience and peer are looked at each time, cached or not."""
    verifier = CallerVerifier(RING, cache=VerifiedTokenCache(2))
    token = caller_token()
    verifier.verify(token, audience=GATEWAY, now=NOW)
    with pytest.raises(error):
        verifier.verify(token, audience=audience, now=now, issuer=issuer)


def test_a_key_that_is_taken_away_is_dead_at_once() -> None:
    """A cached token dies with its key, and does not revive under another key of the same name."""
    keys: dict[str, VerificationKey] = {CALLER_KEY.kid: CALLER_KEY.public()}

    def find(issuer: str, kid: str) -> VerificationKey:
        return KeyRing(keys.values()).find(issuer, kid)

    verifier = CallerVerifier(find, cache=VerifiedTokenCache(2))
    token = caller_token()
    first = verifier.verify(token, audience=GATEWAY, now=NOW)
    assert verifier.verify(token, audience=GATEWAY, now=NOW) is first
    keys[CALLER_KEY.kid] = SigningKey.generate("ES256", issuer=CALLER, kid=CALLER_KEY.kid).public()
    with pytest.raises(BadSignatureError):
        verifier.verify(token, audience=GATEWAY, now=NOW)
    keys.clear()
    with pytest.raises(UnknownIssuerError):
        verifier.verify(token, audience=GATEWAY, now=NOW)


def test_a_refused_token_is_not_remembered() -> None:
    """Only a token that was believed whole takes room."""
    cache = VerifiedTokenCache(2)
    with pytest.raises(AudienceError):
        CallerVerifier(RING, cache=cache).verify(caller_token(), audience=HOME, now=NOW)
    assert len(cache) == 0


def test_the_cache_is_bounded() -> None:
    """The oldest token makes room; one that is put again does not."""
    cache = VerifiedTokenCache(2)
    verified = VERIFIER.verify(caller_token(), audience=GATEWAY, now=NOW)
    for token in ("a", "b", "b", "a", "c"):
        cache.put(token, verified)
    assert len(cache) == 2
    assert [cache.get(token) is verified for token in "abc"] == [False, True, True]


def test_a_cache_without_room_is_a_mistake_in_the_program() -> None:
    """A capacity below one is refused when the cache is made."""
    with pytest.raises(RuntimeError):
        VerifiedTokenCache(0)
