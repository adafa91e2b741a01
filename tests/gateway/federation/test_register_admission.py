"""Joining an anchor: what a request must show, who may follow whom, and the members on the disk."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from gateway.errors import SettingsError
from gateway.federation.register_members import Member, MemberFolder, Party
from tests.fakes.clock import NOON, FakeClock
from tests.gateway.federation.publisher_cases import (
    ANCHOR,
    KEYS,
    NORTH,
    PARTIES,
    ROLE_KEYS,
    SOUTH,
    STRANGER,
    anchor,
    joined,
    leaf,
    pinned,
    roles,
)
from trust.chain import verify_chain
from trust.errors import (
    ClaimInvalidError,
    EquivocationError,
    ExpiredError,
    ForeignKeyError,
    MetadataPolicyError,
    NotYetValidError,
    RollbackError,
    TrustError,
    UnknownKeyError,
)
from trust.jws import sign_jws
from trust.keys import SigningKey, thumbprint
from trust.statement import read_statement, sign_statement

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.federation.register_body import AnchorBody

pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")


def chain(body: AnchorBody, entity: str = NORTH) -> tuple[str, ...]:
    """Give the chain that the anchor would give."""
    return body.resolver.chain(entity)


def test_who_is_not_proven_or_does_not_ask_here_is_not_admitted(tmp_path: Path) -> None:
    """Foreign signature, statement about somebody else, no hint, wrong time, wrong fingerprint: nothing is kept."""
    clock = FakeClock()
    body = anchor(tmp_path / "anchor", clock)
    joined(body, tmp_path / "south", clock, SOUTH)
    good = leaf(tmp_path / "north", clock)
    foreign = SigningKey.generate("ES256", issuer=NORTH, kid=KEYS[NORTH].kid)
    forged = replace(good.current.claims, keys=(foreign.public(),))
    head, body_part, _ = good.text().split(".")
    signature = sign_statement(forged, key=foreign).split(".")[2]
    late, early = FakeClock(NOON - 90_000), FakeClock(NOON + 60)
    cases: tuple[tuple[str, type[TrustError]], ...] = (
        (f"{head}.{body_part}.{signature}", TrustError),
        (body.register.fetch(SOUTH), ClaimInvalidError),
        (leaf(tmp_path / "a", clock, hints=()).text(), ClaimInvalidError),
        (leaf(tmp_path / "b", clock, hints=("https://bodies.example/east",)).text(), ClaimInvalidError),
        (leaf(tmp_path / "c", late).text(), ExpiredError),
        (leaf(tmp_path / "d", early).text(), NotYetValidError),
        ("no token", TrustError),
    )
    for request, error in cases:
        with pytest.raises(error):
            body.admit(request)
    with pytest.raises(UnknownKeyError):
        body.admit(good.text(), fingerprint=thumbprint(KEYS[SOUTH].public().public_key))
    assert body.register.list() == (SOUTH,)
    assert body.admit(good.text(), fingerprint=thumbprint(KEYS[NORTH].public().public_key)).region == "north"


def test_nobody_takes_a_place_that_is_not_its_own(tmp_path: Path) -> None:
    """Names that the agreement does not list, in a pair that it does not list, laid down for or held by another."""
    clock = FakeClock()
    body = anchor(tmp_path / "anchor", clock)
    north, south = roles("north"), roles("south")
    joined(body, tmp_path / "north", clock)
    other = replace(
        north["onecard_region"], issuer="east", keys=(SigningKey.generate("ES256", issuer="east").public(),)
    )
    cases: dict[str, tuple[dict[str, Any], type[TrustError]]] = {
        "another region": ({**north, "onecard_region": other}, ForeignKeyError),
        "a pair of two": ({**north, "onecard_region": south["onecard_region"]}, ForeignKeyError),
        "held": (north, ForeignKeyError),
        "laid down": (south, ForeignKeyError),
        "one role": ({"onecard_region": north["onecard_region"]}, MetadataPolicyError),
        "none": ({}, MetadataPolicyError),
    }
    for name, (said, error) in cases.items():
        request = leaf(tmp_path / name, clock, STRANGER, roles=said).text()
        with pytest.raises(error):
            body.admit(request)
    assert body.register.list() == (NORTH,)


def test_half_a_place_is_taken_too(tmp_path: Path) -> None:
    """A second gateway for a region that a member holds is refused."""
    clock = FakeClock()
    parties = (*PARTIES, Party(region="north", gateway="gateway.south"))
    body = anchor(tmp_path / "anchor", clock, parties=parties)
    joined(body, tmp_path / "north", clock)
    mixed = {"onecard_region": roles("north")["onecard_region"], "onecard_gateway": roles("south")["onecard_gateway"]}
    with pytest.raises(ForeignKeyError):
        body.admit(leaf(tmp_path / "x", clock, STRANGER, roles=mixed).text())
    with pytest.raises(ForeignKeyError):
        body.admit(leaf(tmp_path / "north", clock, roles=mixed).text())


@pytest.mark.parametrize("owner", ["anchor", "federation", "role"])
def test_nobody_brings_the_key_of_another(tmp_path: Path, owner: str) -> None:
    """The anchor's, a member's federation key, a key of a member's role."""
    clock = FakeClock()
    body = anchor(tmp_path / "anchor", clock)
    joined(body, tmp_path / "north", clock)
    keys = {"anchor": KEYS[ANCHOR], "federation": KEYS[NORTH], "role": ROLE_KEYS["north"]}
    stolen = SigningKey.from_pem(keys[owner].to_pem(), issuer=SOUTH)
    with pytest.raises(ForeignKeyError):
        body.admit(leaf(tmp_path / "south", clock, SOUTH, keys=(KEYS[SOUTH], stolen)).text())


def test_a_role_that_a_reader_would_refuse_is_refused_at_the_door(tmp_path: Path) -> None:
    """A role without keys."""
    clock = FakeClock()
    body = anchor(tmp_path / "anchor", clock)
    said = roles("north")
    said["onecard_region"] = replace(said["onecard_region"], keys=())
    with pytest.raises(TrustError):
        body.admit(leaf(tmp_path / "north", clock, roles=said).text())


def test_the_old_key_introduces_the_new(tmp_path: Path) -> None:
    """A member's announced key is listed by the anchor, then it may sign; a key out of nowhere may not."""
    clock = FakeClock()
    body = anchor(tmp_path / "anchor", clock)
    publisher = joined(body, tmp_path / "north", clock)
    key, sudden = SigningKey.generate("ES256", issuer=NORTH), SigningKey.generate("ES256", issuer=NORTH)
    first = body.register.fetch(NORTH)
    publisher.announce(key)
    clock.advance(60)
    member = body.admit(publisher.text())
    assert {listed.kid for listed in member.keys} == {key.kid, KEYS[NORTH].kid}
    assert member.admitted_at == int(NOON)
    assert read_statement(body.register.fetch(NORTH)).claims.version == read_statement(first).claims.version + 1
    publisher.rotate(key)
    body.admit(publisher.text())
    assert verify_chain(chain(body), beliefs=pinned(), now=int(clock())).federation_keys == member.keys
    publisher.rotate(sudden)
    with pytest.raises(UnknownKeyError):
        body.admit(publisher.text())


def test_a_member_cannot_go_back_or_say_two_things(tmp_path: Path) -> None:
    """An older configuration, and another of the same number; the same again is no news."""
    clock = FakeClock()
    body = anchor(tmp_path / "anchor", clock)
    old = leaf(tmp_path / "north", clock).text()
    publisher = joined(body, tmp_path / "north", clock)
    known = body.register.member(NORTH)
    assert body.admit(publisher.text()) == known
    with pytest.raises(RollbackError):
        body.admit(old)
    other = replace(publisher.current.claims, authority_hints=(ANCHOR, SOUTH))
    with pytest.raises(EquivocationError):
        body.admit(sign_statement(other, key=KEYS[NORTH]))
    again = sign_statement(publisher.current.claims, key=KEYS[NORTH])
    assert again != publisher.text()
    assert body.admit(again).version == known.version


def test_a_member_that_signs_with_a_key_that_it_does_not_list_is_not_followed(tmp_path: Path) -> None:
    """Its chain would not hold any more."""
    clock = FakeClock()
    body = anchor(tmp_path / "anchor", clock)
    publisher = joined(body, tmp_path / "north", clock)
    other = SigningKey.generate("ES256", issuer=NORTH)
    claims = replace(publisher.current.claims, version=9, keys=(other.public(),))
    text = sign_jws(claims.to_payload(), key=KEYS[NORTH], kind="entity-statement+jwt")
    with pytest.raises(UnknownKeyError):
        body.admit(text)


def member(**changes: object) -> dict[str, object]:
    """Give a member's file, some of it changed or, with None, left out."""
    whole = Member(
        entity=NORTH,
        region="north",
        gateway="gateway.north",
        version=1,
        admitted_at=1,
        keys=(KEYS[NORTH].public(),),
        configuration="a.b.c",
    )
    assert Member.from_json(whole.to_json()) == whole
    return {name: value for name, value in {**whole.to_json(), **changes}.items() if value is not None}


@pytest.mark.parametrize(
    "document",
    [
        [],
        member(region=None),
        member(more=1),
        member(entity="north"),
        member(region=""),
        member(gateway=3),
        member(version=0),
        member(admitted_at=-1),
        member(jwks=[]),
        member(jwks={"keys": []}),
        member(configuration=1),
        member(entity=STRANGER),
    ],
)
def test_a_damaged_member_is_told(tmp_path: Path, document: object) -> None:
    """The operator is told, whatever is wrong with the file; its name must fit too."""
    folder = MemberFolder(tmp_path / "members")
    folder.save(Member.from_json(member()))
    (path,) = (tmp_path / "members").glob("*.json")
    path.write_text(json.dumps(document))
    with pytest.raises(SettingsError):
        folder.load()


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    """Something else in its place."""
    (tmp_path / "members").write_text("")
    with pytest.raises(SettingsError):
        MemberFolder(tmp_path / "members")
    folder = MemberFolder(tmp_path / "others")
    (tmp_path / "others" / "gone.json").symlink_to(tmp_path / "nowhere")
    assert folder.load() == {}
    folder._path(NORTH).mkdir()
    with pytest.raises(SettingsError):
        folder.remove(NORTH)
