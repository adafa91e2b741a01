"""The anchor's register: who joins, what is stated of members, what the statements are worth to a reader."""

from __future__ import annotations

import json
from dataclasses import replace
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from gateway.federation.register import WEEK_SECONDS
from gateway.federation.register_admission import Applicant
from tests.fakes.clock import NOON, FakeClock
from tests.gateway.federation.publisher_cases import (
    ANCHOR,
    KEYS,
    MARK,
    NORTH,
    PARTIES,
    ROLE_KEYS,
    SOUTH,
    anchor,
    joined,
    leaf,
    pinned,
    read_by_others,
)
from trust.chain import verify_chain
from trust.errors import (
    KeyRevokedError,
    PeerRevokedError,
    TrustExpiredError,
    UnknownIssuerError,
)
from trust.federation import Federation
from trust.keys import SigningKey, thumbprint
from trust.statement import read_statement, sign_statement
from trust.trust_mark import verify_mark

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.federation.register_body import AnchorBody
    from trust.revocation_set import RevocationSet

pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")


def chain(body: AnchorBody, entity: str = NORTH) -> tuple[str, ...]:
    """Give the chain that the anchor would give."""
    return body.resolver.chain(entity)


def test_what_is_published_makes_a_chain(tmp_path: Path) -> None:
    """Two members, each with both issuers under which the agreement lists it; a federation is built on them."""
    clock, federation = FakeClock(), Federation()
    body = anchor(tmp_path / "anchor", clock)
    for entity, region in ((NORTH, "north"), (SOUTH, "south")):
        joined(body, tmp_path / region, clock, entity)
        verified = verify_chain(chain(body, entity), beliefs=pinned(), now=int(NOON))
        federation = federation.with_entity(verified)
        for role, issuer in (("onecard_region", region), ("onecard_gateway", f"gateway.{region}")):
            key = ROLE_KEYS[issuer].public()
            assert federation.find(role, issuer, key.kid, anchor=ANCHOR, now=int(NOON)) == key
    assert body.register.list() == (NORTH, SOUTH)


def test_another_library_verifies_what_an_anchor_signs(tmp_path: Path) -> None:
    """The statement, the mark and the resolve response, each of its own type."""
    clock = FakeClock()
    body = anchor(tmp_path / "anchor", clock)
    joined(body, tmp_path / "north", clock)
    texts = {
        "entity-statement+jwt": body.register.fetch(NORTH),
        "trust-mark+jwt": body.register.mark(NORTH),
        "resolve-response+jwt": body.resolver.resolve(NORTH, now=int(NOON)),
    }
    for kind, text in texts.items():
        assert read_by_others(text, KEYS[ANCHOR].public())[0] == {"alg": "ES256", "kid": KEYS[ANCHOR].kid, "typ": kind}


def test_a_member_can_vouch_for_nobody_and_cannot_take_a_name(tmp_path: Path) -> None:
    """The statement has no room for subordinates and fixes both issuers; another issuer breaks the chain."""
    clock = FakeClock()
    body = anchor(tmp_path / "anchor", clock)
    publisher = joined(body, tmp_path / "north", clock)
    payload = read_statement(body.register.fetch(NORTH)).token.payload
    assert payload["constraints"] == {"max_path_length": 0}
    assert payload["metadata_policy"] == {
        "onecard_region": {"issuer": {"value": "north"}},
        "onecard_gateway": {"issuer": {"value": "gateway.north"}},
    }
    own = replace(publisher.current.claims, metadata=leaf(tmp_path / "x", clock, SOUTH).current.claims.metadata)
    verified = verify_chain((sign_statement(own, key=KEYS[NORTH]), *chain(body)[1:]), beliefs=pinned(), now=int(NOON))
    assert verified.keys["onecard_region"].issuers == ("north",)


def test_statements_are_renewed_and_numbered_over_restarts(tmp_path: Path) -> None:
    """The same text until half of its life is over; every new one has a higher number and a later date."""
    clock = FakeClock()
    body = anchor(tmp_path / "anchor", clock)
    joined(body, tmp_path / "north", clock)
    first = body.register.fetch(NORTH)
    clock.advance(WEEK_SECONDS // 2 - 1)
    assert body.register.fetch(NORTH) == first
    clock.advance(1)
    second = read_statement(body.register.fetch(NORTH)).claims
    third = read_statement(anchor(tmp_path / "anchor", clock).register.fetch(NORTH)).claims
    assert [second.version, third.version] == [2, 3]
    assert third.iat == second.iat + 1 == int(NOON) + WEEK_SECONDS // 2 + 1


def test_a_new_key_of_the_anchor_signs_all_anew(tmp_path: Path) -> None:
    """Statements and marks, so that none hangs on a key that is to be retired."""
    clock = FakeClock()
    body = anchor(tmp_path / "anchor", clock)
    joined(body, tmp_path / "north", clock)
    mark = body.register.mark(NORTH)
    assert body.register.mark(NORTH) == mark
    key = SigningKey.generate("ES256", issuer=ANCHOR)
    body.register.fetch(NORTH)
    body.publisher.rotate(key)
    assert read_statement(body.register.fetch(NORTH)).token.kid == key.kid
    assert read_by_others(body.register.mark(NORTH), key.public())[0]["kid"] == key.kid


def test_who_is_withdrawn_is_stated_no_more(tmp_path: Path) -> None:
    """Not listed, not fetched, not resolved; and free to join again, with a higher number."""
    clock = FakeClock()
    body = anchor(tmp_path / "anchor", clock)
    publisher = joined(body, tmp_path / "north", clock)
    body.register.fetch(NORTH)
    body.register.withdraw(NORTH)
    assert body.register.list() == ()
    for ask in (body.register.fetch, body.register.mark, body.register.withdraw, body.resolver.chain):
        with pytest.raises(UnknownIssuerError):
            ask(NORTH)
    body.admit(publisher.text())
    other = anchor(tmp_path / "anchor", clock)
    assert read_statement(other.register.fetch(NORTH)).claims.version == 2


def test_who_is_withdrawn_while_its_configuration_is_judged_stays_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever of node and command comes first, a withdrawal is the last word."""
    clock = FakeClock()
    node, command = anchor(tmp_path / "anchor", clock), anchor(tmp_path / "anchor", clock)
    publisher = joined(node, tmp_path / "north", clock)
    clock.advance(60)
    publisher.rotate(SigningKey.generate("ES256", issuer=NORTH))
    withdrawing = Thread(target=command.register.withdraw, args=(NORTH,))
    check = Applicant.check_life

    def slow_check(applicant: Applicant, issuer: str, *, revocations: RevocationSet, now: int) -> None:
        withdrawing.start()
        withdrawing.join(0.2)
        check(applicant, issuer, revocations=revocations, now=now)

    monkeypatch.setattr(Applicant, "check_life", slow_check)
    node.follow(publisher.links[-1])
    withdrawing.join()
    assert node.register.list() == command.register.list() == ()


def test_whom_the_agreement_lists_no_more_is_no_member(tmp_path: Path) -> None:
    """The configuration of the anchor decides, not the folder."""
    clock = FakeClock()
    joined(anchor(tmp_path / "anchor", clock), tmp_path / "north", clock)
    assert anchor(tmp_path / "anchor", clock, parties=PARTIES[1:]).register.list() == ()


def test_a_command_beside_the_node_admits_and_withdraws(tmp_path: Path) -> None:
    """Two of one folder see the same members at once."""
    clock = FakeClock()
    node, command = anchor(tmp_path / "anchor", clock), anchor(tmp_path / "anchor", clock)
    joined(command, tmp_path / "north", clock)
    assert node.register.list() == (NORTH,)
    node.register.withdraw(NORTH)
    assert command.register.list() == ()


def test_only_holders_have_the_mark(tmp_path: Path) -> None:
    """It proves itself, is shown in a configuration, and stands in the chain that a reader judges."""
    clock = FakeClock()
    body = anchor(tmp_path / "anchor", clock)
    publisher = joined(body, tmp_path / "north", clock)
    joined(body, tmp_path / "south", clock, SOUTH)
    mark = body.register.mark(NORTH)
    issuers, keys = {MARK: (ANCHOR,)}, {ANCHOR: body.publisher.keys}
    assert verify_mark(mark, subject=NORTH, issuers=issuers, keys=keys, now=int(NOON)).trust_mark_type == MARK
    with pytest.raises(UnknownIssuerError):
        body.register.mark(SOUTH)
    publisher.show_marks({MARK: mark})
    body.admit(publisher.text())
    assert verify_chain(chain(body), beliefs=pinned(), now=int(NOON)).marks == {MARK}
    assert body.register.list(marked=True) == body.register.list(mark_type=MARK) == (NORTH,)
    assert body.register.list(mark_type="https://bodies.example/other") == ()
    plain = anchor(tmp_path / "anchor", clock, mark_type=None)
    assert plain.register.list(marked=True) == ()
    with pytest.raises(UnknownIssuerError):
        plain.register.mark(NORTH)


def test_members_are_listed_by_entity_type(tmp_path: Path) -> None:
    """All the types that are asked for must be there."""
    clock = FakeClock()
    body = anchor(tmp_path / "anchor", clock)
    joined(body, tmp_path / "north", clock)
    assert body.register.list(types=("onecard_region", "federation_entity")) == (NORTH,)
    assert body.register.list(types=("onecard_region", "openid_provider")) == ()


def test_a_resolve_response_says_what_a_reader_would_find(tmp_path: Path) -> None:
    """Metadata after the policy, the chain, the marks that hold, and the earliest end of all."""
    clock = FakeClock()
    body = anchor(tmp_path / "anchor", clock, statement_seconds=3600)
    publisher = joined(body, tmp_path / "north", clock)
    publisher.show_marks({MARK: body.register.mark(NORTH), "https://bodies.example/other": body.register.mark(NORTH)})
    clock.advance(1000)
    body.admit(publisher.text())
    payload = json.loads(read_by_others(body.resolver.resolve(NORTH, now=int(clock())), KEYS[ANCHOR].public())[1])
    verified = verify_chain(payload["trust_chain"], beliefs=pinned(), now=int(clock()))
    assert (payload["iss"], payload["sub"], payload["iat"]) == (ANCHOR, NORTH, int(clock()))
    assert payload["exp"] == int(NOON) + 3600
    assert payload["exp"] <= verified.expires_at
    assert payload["metadata"]["onecard_gateway"]["issuer"] == "gateway.north"
    assert payload["metadata"].keys() == verified.metadata.keys()
    assert [shown["trust_mark_type"] for shown in payload["trust_marks"]] == [MARK]
    some = body.resolver.resolve(NORTH, now=int(clock()), types=("onecard_region", "unknown"))
    assert json.loads(read_by_others(some, KEYS[ANCHOR].public())[1])["metadata"].keys() == {"onecard_region"}


def test_the_anchor_resolves_itself(tmp_path: Path) -> None:
    """A chain of one."""
    body = anchor(tmp_path / "anchor", FakeClock())
    payload = json.loads(read_by_others(body.resolver.resolve(ANCHOR, now=int(NOON)), KEYS[ANCHOR].public())[1])
    assert payload["trust_chain"] == [body.publisher.text()]
    assert "trust_marks" not in payload


def test_a_member_that_was_not_heard_of_for_long_is_not_resolved(tmp_path: Path) -> None:
    """Its configuration has run out; a newer one that was fetched serves."""
    clock = FakeClock()
    body = anchor(tmp_path / "anchor", clock)
    publisher = joined(body, tmp_path / "north", clock)
    clock.advance(2 * 86_400)
    with pytest.raises(TrustExpiredError):
        body.resolver.resolve(NORTH, now=int(clock()))
    body.resolver._configuration_of = lambda _entity: publisher.text()
    assert body.resolver.resolve(NORTH, now=int(clock()))


def test_what_is_revoked_leaves_the_register(tmp_path: Path) -> None:
    """A dead key is not listed and not taken again, the last one takes the member with it, a dead member goes."""
    clock = FakeClock()
    body = anchor(tmp_path / "anchor", clock)
    publisher = joined(body, tmp_path / "north", clock)
    key, old = SigningKey.generate("ES256", issuer=NORTH), KEYS[NORTH].public()
    publisher.announce(key)
    body.admit(publisher.text())
    body.revoke("key", subject=NORTH, target=thumbprint(old.public_key), reason="compromised")
    assert body.register.member(NORTH).keys == (key.public(),)
    publisher.rotate(key)
    with pytest.raises(KeyRevokedError):
        body.admit(publisher.text())
    publisher.retire(old.kid)
    body.admit(publisher.text())
    body.revoke("key", subject=NORTH, target=thumbprint(key.public().public_key), reason="compromised")
    joined(body, tmp_path / "south", clock, SOUTH)
    assert body.register.list() == (SOUTH,)
    body.revoke("entity", subject=SOUTH, target=SOUTH, reason="ceased")
    assert body.register.list() == ()
    with pytest.raises(PeerRevokedError):
        body.admit(leaf(tmp_path / "south", clock, SOUTH).text())
