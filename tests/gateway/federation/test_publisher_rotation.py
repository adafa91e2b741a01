"""Rotations of a federation key: announced, signing, retired; and how those follow who slept meanwhile."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gateway.errors import SettingsError
from gateway.federation.publisher_history import MAX_LINKS
from tests.fakes.clock import NOON, FakeClock
from tests.gateway.federation.publisher_cases import KEYS, NORTH, SOUTH, leaf, read_by_others
from trust.anchor import TrustAnchor
from trust.errors import KeyMaterialError
from trust.historical_keys import verify_historical_keys
from trust.keys import SigningKey, thumbprint
from trust.revocation_set import RevocationSet
from trust.statement import read_configuration

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
FILES = ("versions.json", "ended_keys.json", "links.json")


def new_key(entity: str = NORTH) -> SigningKey:
    """Make a federation key."""
    return SigningKey.generate("ES256", issuer=entity)


def test_a_rotation_goes_step_by_step(tmp_path: Path) -> None:
    """Announced, the old key signs; rotated, the new one; retired, the old one is off the list and in the history."""
    clock, key, old = FakeClock(), new_key(), KEYS[NORTH]
    publisher = leaf(tmp_path, clock)
    publisher.announce(key)
    claims, signer = read_configuration(publisher.text())
    assert (signer.kid, {k.kid for k in claims.keys}) == (old.kid, {old.kid, key.kid})
    publisher.rotate(key)
    claims, signer = read_configuration(publisher.text())
    assert (signer.kid, {k.kid for k in claims.keys}) == (key.kid, {old.kid, key.kid})
    clock.advance(60)
    publisher.retire(old.kid)
    claims, signer = read_configuration(publisher.text())
    assert (signer.kid, {k.kid for k in claims.keys}) == (key.kid, {key.kid})
    text = publisher.historical_keys()
    (ended,) = verify_historical_keys(text, entity=NORTH, keys=publisher.keys, now=int(clock()))
    assert (ended.key.kid, ended.expires_at, ended.revoked_at) == (old.kid, int(clock()), None)
    assert read_by_others(text, key.public())[0]["typ"] == "jwk-set+jwt"
    assert publisher.historical_keys() is text


def test_who_slept_through_rotations_follows_the_links(tmp_path: Path) -> None:
    """From the first key to the last, one link after the other, and then the configuration itself."""
    publisher = leaf(tmp_path, FakeClock())
    for _ in range(3):
        former = publisher.key
        publisher.rotate(new_key())
        publisher.retire(former.kid)
    mark = thumbprint(KEYS[NORTH].public().public_key)
    pinned = TrustAnchor(entity=NORTH, fingerprints=frozenset({mark}))
    followed = pinned.follow((*publisher.links, publisher.text()), revocations=RevocationSet(), now=int(NOON))
    assert followed.fingerprints == {thumbprint(publisher.key.public().public_key)}
    publisher.rotate(publisher.key)
    assert len(publisher.links) == 3


def test_links_are_bounded(tmp_path: Path) -> None:
    """Only the last are kept."""
    publisher = leaf(tmp_path, FakeClock())
    for _ in range(MAX_LINKS + 2):
        former = publisher.key
        publisher.rotate(new_key())
        publisher.retire(former.kid)
    assert len(publisher.links) == MAX_LINKS


def test_a_retired_key_never_comes_back(tmp_path: Path) -> None:
    """Neither by announcing it, nor from a configuration that still names it; with it alone nothing starts."""
    clock, key, old = FakeClock(), new_key(), KEYS[NORTH]
    publisher = leaf(tmp_path, clock)
    publisher.rotate(key)
    publisher.retire(old.kid, reason="compromised")
    with pytest.raises(KeyMaterialError):
        publisher.announce(old)
    again = leaf(tmp_path, clock, keys=(key, old))
    assert [listed.kid for listed in again.keys] == [key.kid]
    (ended,) = verify_historical_keys(again.historical_keys(), entity=NORTH, keys=again.keys, now=int(clock()))
    assert (ended.revoked_at, ended.reason) == (int(clock()), "compromised")
    for keys in ((old,), (old, key), ()):
        with pytest.raises(SettingsError):
            leaf(tmp_path, clock, keys=keys)


def test_only_a_former_key_is_retired(tmp_path: Path) -> None:
    """Neither the one that signs nor one that nobody knows."""
    publisher = leaf(tmp_path, FakeClock())
    for kid in (publisher.key.kid, "other"):
        with pytest.raises(KeyMaterialError):
            publisher.retire(kid)


def test_one_kid_is_one_key(tmp_path: Path) -> None:
    """A second key under a kid in use is refused."""
    publisher = leaf(tmp_path, FakeClock())
    with pytest.raises(KeyMaterialError):
        publisher.announce(SigningKey.generate("ES256", issuer=NORTH, kid=publisher.key.kid))


def test_a_foreign_link_stops_the_start(tmp_path: Path) -> None:
    """Links are the entity's own configurations."""
    text = leaf(tmp_path / "south", FakeClock(), SOUTH).text()
    (tmp_path / "links.json").write_text(json.dumps([text]))
    with pytest.raises(SettingsError):
        leaf(tmp_path, FakeClock())


def test_a_step_that_was_taken_while_nothing_ran_leaves_a_link(tmp_path: Path) -> None:
    """What was published last by the former key lists the next one: that is the link, once, however often it starts."""
    key, later = new_key(), new_key()
    first = leaf(tmp_path, FakeClock())
    first.announce(key)
    assert leaf(tmp_path, FakeClock(NOON + 1), keys=(KEYS[NORTH], key)).links == ()
    announced = (tmp_path / "configuration.jwt").read_text("ascii")
    for second in (2, 3):
        switched = leaf(tmp_path, FakeClock(NOON + second), keys=(key, KEYS[NORTH]))
        assert switched.links == (announced,)
    back = leaf(tmp_path, FakeClock(NOON + 4), keys=(KEYS[NORTH], key))
    assert len(back.links) == 2
    again = leaf(tmp_path, FakeClock(NOON + 5), keys=(key, KEYS[NORTH]))
    assert len(again.links) == 2, "a key hands on once"
    assert leaf(tmp_path, FakeClock(NOON + 6), keys=(later,)).links == again.links, "nobody has listed it"


@pytest.mark.parametrize("data", [b"", b"a.b.c", b"\xff\xfe"])
def test_what_is_kept_and_no_configuration_leaves_no_link(tmp_path: Path, data: bytes) -> None:
    """It is overwritten with the next issue, and stops nothing."""
    leaf(tmp_path, FakeClock())
    (tmp_path / "configuration.jwt").write_bytes(data)
    publisher = leaf(tmp_path, FakeClock(NOON + 1), keys=(new_key(),))
    assert publisher.links == ()
    assert (tmp_path / "configuration.jwt").read_text("ascii") == publisher.text()
