"""Forged and misused recognitions: group TF of the security contract. None is believed, each has its own reason."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from tests.trust import forged_contents, forged_headers
from tests.trust.forge import (
    CALLER,
    CALLER_KEY,
    GATEWAY,
    HOME,
    HOME_EDWARDS_KEY,
    HOME_KEY,
    NOW,
    REQUEST_HASH,
    RING,
    VISITED,
    forged,
    header,
    issue,
    with_signature,
)
from trust.errors import (
    AudienceError,
    BindingError,
    ExpiredError,
    NotYetValidError,
    PeerIssuerMismatchError,
    TrustError,
    UnknownKeyError,
)
from trust.verifier import RecognitionVerifier

if TYPE_CHECKING:
    from trust.keys import VerificationKey

N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
VERIFIER = RecognitionVerifier(RING)
GOOD = issue()
RAW = base64.urlsafe_b64decode(GOOD.rpartition(".")[2] + "==")
R, S = RAW[:32], RAW[32:]
EDWARDS = issue(HOME_EDWARDS_KEY)


FORGED = [
    *forged_headers.no_algorithm(),
    *forged_headers.public_key_as_secret(),
    *forged_headers.other_algorithm_of_the_key(),
    *forged_headers.embedded_keys(),
    *forged_headers.key_identifiers(),
    *forged_headers.header_members(),
    *forged_headers.types(),
    *forged_contents.signatures(),
    *forged_contents.encodings(),
    *forged_contents.documents(),
    *forged_contents.issuers(),
    *forged_contents.claims(),
]


@pytest.mark.parametrize(("token", "error"), [pytest.param(token, error, id=name) for name, token, error in FORGED])
def test_a_forged_token_is_refused_with_its_reason(token: str, error: type[TrustError]) -> None:
    """Each forged token meets exactly the error of its kind, and the error says nothing of the token."""
    with pytest.raises(TrustError) as caught:
        VERIFIER.verify(token, audience=VISITED, now=NOW)
    assert type(caught.value) is error
    assert caught.value.__context__ is None


def test_there_are_enough_forged_tokens() -> None:
    """The table holds at least 300 different forged tokens."""
    assert len({token for _, token, _ in FORGED}) >= 300


GOOD_TOKENS = {
    "ES256": GOOD,
    "EdDSA": EDWARDS,
    "nothing allowed": issue(classes={}),
    "nothing at home": issue(home_items=()),
    "for one use": issue(one_time=True),
}


@pytest.mark.parametrize("token", GOOD_TOKENS.values(), ids=GOOD_TOKENS)
def test_a_good_token_is_believed(token: str) -> None:
    """The positive twin: refusing everything is no answer."""
    verified = VERIFIER.verify(token, audience=VISITED, now=NOW, request_hash=REQUEST_HASH, issuer=HOME)
    assert verified.claims.iss == HOME
    assert verified.key in {HOME_KEY.public(), HOME_EDWARDS_KEY.public()}


def test_the_high_half_twin_has_the_same_identity() -> None:
    """TF9: the twin (r, n - s) verifies, as it must for other libraries' tokens, and has the same issuer and jti."""
    twin = with_signature(R + forged_contents.number(N - int.from_bytes(S, "big")), GOOD)
    assert twin != GOOD
    assert VERIFIER.verify(twin, audience=VISITED, now=NOW) == VERIFIER.verify(GOOD, audience=VISITED, now=NOW)


@pytest.mark.parametrize("ahead", [0, 1, 10])
def test_a_clock_ten_seconds_ahead_is_tolerated(ahead: int) -> None:
    """TF16's positive pair: iat and nbf up to 10 s in the future are accepted."""
    token = issue(iat=NOW + ahead, nbf=NOW + ahead)
    assert VERIFIER.verify(token, audience=VISITED, now=NOW).claims.iat == NOW + ahead


@pytest.mark.parametrize("ahead", [11, 61, 3600])
def test_a_clock_further_ahead_is_refused_with_the_skew(ahead: int) -> None:
    """PF5: beyond 10 s the refusal carries the measured difference."""
    with pytest.raises(NotYetValidError) as caught:
        VERIFIER.verify(issue(iat=NOW + ahead, nbf=NOW + ahead, exp=NOW + ahead + 60), audience=VISITED, now=NOW)
    assert caught.value.metadata == {"claim": "iat", "skew_seconds": str(ahead)}


def test_a_later_beginning_is_named() -> None:
    """A token that begins later than it was issued is refused until then."""
    with pytest.raises(NotYetValidError) as caught:
        VERIFIER.verify(issue(nbf=NOW + 60), audience=VISITED, now=NOW)
    assert caught.value.metadata == {"claim": "nbf", "skew_seconds": "60"}


@pytest.mark.parametrize(("late", "believed"), [(-1, True), (0, True), (9, True), (10, False), (61, False)])
def test_expiry_has_the_same_tolerance(late: int, *, believed: bool) -> None:
    """A token is believed until 10 s after its end and refused with the measured difference from then on."""
    now = NOW + 300 + late
    if believed:
        assert VERIFIER.verify(GOOD, audience=VISITED, now=now).replay_until > now
        return
    with pytest.raises(ExpiredError) as caught:
        VERIFIER.verify(GOOD, audience=VISITED, now=now)
    assert caught.value.metadata == {"claim": "exp", "skew_seconds": str(late)}


@pytest.mark.parametrize("audience", [HOME, VISITED + "/", VISITED.upper(), "", GATEWAY])
def test_another_audience_is_refused(audience: str) -> None:
    """RP7: a token for one region is worth nothing at another."""
    with pytest.raises(AudienceError):
        VERIFIER.verify(GOOD, audience=audience, now=NOW)


@pytest.mark.parametrize("request_hash", ["", REQUEST_HASH[:-1], REQUEST_HASH.swapcase(), "票"])
def test_an_answer_to_another_request_is_refused(request_hash: str) -> None:
    """RP7: a recognition is bound to the request that it answers."""
    with pytest.raises(BindingError):
        VERIFIER.verify(GOOD, audience=VISITED, now=NOW, request_hash=request_hash)


def test_a_token_brought_by_another_peer_is_refused() -> None:
    """AZ2: the certificate of region A with the token of region B."""
    with pytest.raises(PeerIssuerMismatchError) as caught:
        VERIFIER.verify(GOOD, audience=VISITED, now=NOW, issuer="https://guizhou.example")
    assert caught.value.metadata == {"issuer": HOME}


def test_the_cheap_checks_come_before_the_signature() -> None:
    """RX8: an unknown key, issuer, type or algorithm is refused before any look at the signature."""
    asked: list[tuple[str, str]] = []

    def find(issuer: str, kid: str) -> VerificationKey:
        asked.append((issuer, kid))
        raise UnknownKeyError

    verifier = RecognitionVerifier(find)
    for token in (forged(header(alg="none")), forged(header(typ="JWT")), forged(header(kid="/")), GOOD + "="):
        with pytest.raises(TrustError):
            verifier.verify(token, audience=VISITED, now=NOW)
    assert asked == []
    with pytest.raises(UnknownKeyError):
        verifier.verify(GOOD, audience=VISITED, now=NOW)
    assert asked == [(HOME, HOME_KEY.kid)]


@pytest.mark.parametrize("other", [HOME_EDWARDS_KEY.public(), RING.find(CALLER, CALLER_KEY.kid)])
def test_a_look_up_that_gives_another_key_is_not_trusted(other: VerificationKey) -> None:
    """TL9: the key must be the one of exactly this issuer and kid, whoever looked it up."""
    with pytest.raises(UnknownKeyError):
        RecognitionVerifier(lambda _issuer, _kid: other).verify(GOOD, audience=VISITED, now=NOW)
