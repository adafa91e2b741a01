"""Callers: registered, proven by their token, and allowed what both registration and token name."""

from __future__ import annotations

import pytest

from gateway.callers import SCOPES
from gateway.rpc.catalog import CatalogServicer
from gateway.rpc.identity import IdentityServicer
from gateway.rpc.recognition import RecognitionServicer
from gateway.rpc.region import RegionServicer
from tests.fakes.callers import PEER, PLATFORM, STRANGER, callers, token
from tests.fakes.clock import FakeClock
from trust.errors import AudienceError, ExpiredError, UnknownIssuerError

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
    """To the second, and saying by how much."""
    clock = FakeClock()
    known = callers(clock)
    caller = known.authenticate(token(PLATFORM, clock))
    clock.advance(300)
    known.recheck(caller)
    clock.advance(2)
    with pytest.raises(ExpiredError) as caught:
        known.recheck(caller)
    assert caught.value.metadata == {"skew_seconds": "2"}


def test_scopes_are_those_that_methods_ask_for() -> None:
    """No scope is without use, and no method asks for one that cannot be registered."""
    asked = {
        scope
        for servicer in (RegionServicer, CatalogServicer, IdentityServicer, RecognitionServicer)
        for scope in servicer.SCOPES.values()
    }
    assert asked == SCOPES
