"""Callers: registered, proven by their token, and allowed what both registration and token name."""

from __future__ import annotations

import pytest

from gateway import callers as module
from gateway.callers import SCOPES, Registration
from gateway.certificates import Certificate
from gateway.rpc.card_status import CardStatusServicer
from gateway.rpc.catalog import CatalogServicer
from gateway.rpc.catalog_publication import CatalogPublicationServicer
from gateway.rpc.catalog_rules import CatalogRulesServicer
from gateway.rpc.evidence import EvidenceServicer
from gateway.rpc.exchange import ExchangeServicer
from gateway.rpc.identity import IdentityServicer
from gateway.rpc.offline import OfflineServicer
from gateway.rpc.recognition import RecognitionServicer
from gateway.rpc.region import RegionServicer
from tests.fakes.callers import PEER, PLATFORM, STRANGER, FakeKeys, callers, token
from tests.fakes.clock import FakeClock
from trust.errors import (
    AudienceError,
    BindingError,
    ExpiredError,
    KeyRevokedError,
    PeerIssuerMismatchError,
    TrustError,
    UnknownIssuerError,
)

CLOCK = FakeClock()


def test_a_caller_is_who_its_registration_says() -> None:
    """Region and kind are the operator's word, not the token's."""
    for name, region, kind in ((PLATFORM, "sichuan", "platform"), (PEER, "sichuan", "gateway")):
        caller = callers(CLOCK).authenticate(token(name, CLOCK))
        assert (caller.id, caller.region, caller.kind) == (name, region, kind)
        assert caller.expires_at == int(CLOCK()) + 300


def test_a_caller_may_do_what_both_registration_and_token_name() -> None:
    """A token can narrow what was registered, and never widen it."""
    known = callers(CLOCK)
    assert known.authenticate(token(PLATFORM, CLOCK)).scopes == SCOPES
    assert known.authenticate(token(PLATFORM, CLOCK, "card.verify")).scopes == {"card.verify"}
    assert known.authenticate(token("reader", CLOCK)).scopes == {"catalog.read"}
    assert known.authenticate(token("reader", CLOCK, "card.verify")).scopes == frozenset()
    assert known.authenticate(token(PLATFORM, CLOCK, "card.verify.all")).scopes == frozenset()


def test_a_key_without_registration_is_unknown() -> None:
    """Even where its key is known."""
    with pytest.raises(UnknownIssuerError):
        callers(CLOCK).authenticate(token(STRANGER, CLOCK))


def test_a_token_is_for_this_gateway() -> None:
    """A token for another gateway cannot be carried here."""
    with pytest.raises(AudienceError):
        callers(CLOCK, audience="gateway.other").authenticate(token(PLATFORM, CLOCK))


def test_a_token_that_ran_out_is_found_in_a_running_stream() -> None:
    """With the same 10 s of skew as at the beginning of a call, and saying by how much."""
    clock = FakeClock()
    known = callers(clock)
    shown = token(PLATFORM, clock)
    known.authenticate(shown)
    clock.advance(309)
    known.recheck(shown)
    clock.advance(1)
    with pytest.raises(ExpiredError) as caught:
        known.recheck(shown)
    assert caught.value.metadata == {"claim": "exp", "skew_seconds": "10"}


def test_a_key_that_was_revoked_is_found_in_a_running_stream() -> None:
    """TL7: a key is dead for the streams that it opened; those of others go on."""
    keys = FakeKeys()
    known = callers(CLOCK, keys=keys)
    lost, kept = token(PLATFORM, CLOCK), token(PEER, CLOCK)
    for shown in (lost, kept):
        known.authenticate(shown)
        known.recheck(shown)
    keys.revoked.add(PLATFORM)
    known.recheck(kept)
    with pytest.raises(KeyRevokedError):
        known.recheck(lost)


OWN = Certificate("o" * 42 + "A", frozenset({"sichuan.onecard.test"}), 2**40)
OTHER = Certificate("p" * 42 + "A", frozenset({"macao.onecard.test", "unused.onecard.test"}), 2**40)
FOREIGN = Certificate("q" * 42 + "A", frozenset({"nobody.onecard.test"}), 2**40)
NAMELESS = Certificate("r" * 42 + "A", frozenset(), 2**40)
BOTH = Certificate("s" * 42 + "A", OWN.names | OTHER.names, 2**40)
NAMED = (
    Registration(PEER, "sichuan", "gateway", SCOPES, "Sichuan.onecard.test"),
    Registration("platform.macao", "macao", "platform", SCOPES, "macao.onecard.test"),
    Registration(PLATFORM, "sichuan", "platform", SCOPES),
)


@pytest.mark.parametrize(
    ("caller", "certificate", "error"),
    [
        (PEER, OWN, None),
        (PEER, BOTH, None),
        (PEER, None, BindingError),
        (PEER, NAMELESS, BindingError),
        (PEER, FOREIGN, BindingError),
        (PEER, OTHER, PeerIssuerMismatchError),
        ("platform.macao", OTHER, None),
        ("platform.macao", OWN, PeerIssuerMismatchError),
        (PLATFORM, None, None),
        (PLATFORM, FOREIGN, None),
        (PLATFORM, NAMELESS, None),
        (PLATFORM, OWN, PeerIssuerMismatchError),
    ],
)
def test_token_and_certificate_belong_to_one_caller(
    caller: str, certificate: Certificate | None, error: type[TrustError] | None
) -> None:
    """AZ2, RP7: who registered a certificate comes with it, and nobody comes with another caller's."""
    known, shown = callers(CLOCK, registrations=NAMED), token(caller, CLOCK)
    for ask in (known.authenticate, known.authenticate, known.recheck):
        if error is None:
            proven = ask(shown, certificate)
            if proven is not None:
                assert (proven.id, proven.certificate) == (caller, certificate and certificate.fingerprint)
        else:
            with pytest.raises(error):
                ask(shown, certificate)


def test_a_token_known_from_one_connection_is_held_against_the_next() -> None:
    """What is remembered of a token over its own certificate says nothing about another one, nor about none."""
    known, shown = callers(CLOCK, registrations=NAMED), token(PEER, CLOCK)
    own = known.authenticate(shown, OWN)
    for certificate, error in ((None, BindingError), (OTHER, PeerIssuerMismatchError)):
        with pytest.raises(error):
            known.authenticate(shown, certificate)
    assert known.authenticate(shown, OWN) is own
    assert known.authenticate(shown, BOTH) is not own


def test_what_is_remembered_of_callers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is forgotten is proven once more."""
    monkeypatch.setattr(module, "_MOST_KNOWN", 2)
    known, shown = callers(CLOCK), [token(PLATFORM, CLOCK) for _ in range(3)]
    first = known.authenticate(shown[0])
    assert known.authenticate(shown[0]) is first
    for one in shown[1:]:
        known.authenticate(one)
    again = known.authenticate(shown[0])
    assert again is not first
    assert again == first
    assert len(known._known) == 2


def test_a_token_that_names_its_certificate_is_good_over_no_other() -> None:
    """RP7: `cnf` binds whoever it is, registered with a certificate or not."""
    known = callers(CLOCK, registrations=NAMED)
    for caller, certificate in ((PEER, OWN), (PLATFORM, FOREIGN)):
        shown = token(caller, CLOCK, confirmation=certificate.fingerprint)
        assert known.authenticate(shown, certificate).certificate == certificate.fingerprint
        for other in (None, NAMELESS, BOTH, OTHER):
            with pytest.raises(BindingError):
                known.authenticate(shown, other)


SERVICERS = (
    RegionServicer,
    CatalogServicer,
    CatalogRulesServicer,
    CatalogPublicationServicer,
    IdentityServicer,
    RecognitionServicer,
    EvidenceServicer,
    ExchangeServicer,
    CardStatusServicer,
    OfflineServicer,
)


def test_scopes_are_those_that_methods_ask_for() -> None:
    """No scope is without use, and no method asks for one that cannot be registered."""
    asked = {scope for servicer in SERVICERS for scope in servicer.SCOPES.values()}
    assert asked == SCOPES
