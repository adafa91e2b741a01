"""Keys of a running home region: every rotation is published before it signs, and what is broken is taken up later."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from gateway.federation.home_keys import HomeKeys, PartnerSuite
from gateway.key_shelf import KeyShelf, former_file, next_file, retire, stage, switch, write_key
from tests.fakes.clock import FakeClock
from tests.trust.forge import recognition
from trust.countersign import InMemoryOriginals, prove
from trust.entity import read_keys
from trust.errors import TrustError
from trust.keys import KeyRing, SigningKey
from trust.parser import parse_token
from trust.plain_json import thaw
from trust.roles import GATEWAY_ROLE, REGION_ROLE
from trust.statement import read_configuration
from trust.verifier import read_recognition

if TYPE_CHECKING:
    from pathlib import Path

    from trust.entity import EntityConfiguration
    from trust.keys import VerificationKey

pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
ENTITY = "https://chongqing.example"
ANCHOR = "https://bodies.example/west"
LOG = "gateway.chongqing"
KINDS = {"federation": ENTITY, "region": "chongqing", "caller": "gateway.chongqing"}
_NUMBERS = count(1)


@dataclass(slots=True)
class Files:
    """The keys of a home region in a folder."""

    folder: Path
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        """Make a key of each kind."""
        for kind, issuer in KINDS.items():
            write_key(self.path(kind), SigningKey.generate("ES256", issuer=issuer))
        write_key(self.path("evidence"), SigningKey.generate("EdDSA", issuer=LOG))

    def path(self, kind: str) -> Path:
        """Name the file of the key that signs."""
        return self.folder / f"{kind}.pem"

    def keys(self, partner: PartnerSuite | None = None) -> HomeKeys:
        """Start as a node does."""
        state = self.folder / "state"
        state.mkdir(exist_ok=True)
        federation, region, caller = (KeyShelf(self.path(kind), issuer=issuer) for kind, issuer in KINDS.items())
        return HomeKeys(
            ENTITY,
            federation=federation,
            region=region,
            caller=caller,
            evidence=KeyShelf(self.path("evidence"), issuer=LOG),
            superiors=[ANCHOR],
            folder=state,
            clock=self.clock,
            new_id=lambda: f"jti-{next(_NUMBERS)}",
            partner=partner,
        )

    def partner(self, originals: InMemoryOriginals) -> PartnerSuite:
        """Give a partner's key, made where it is not there."""
        path = self.folder / "partner.pem"
        if not path.exists():
            write_key(path, SigningKey.generate("EdDSA", issuer="chongqing"))
        shelf = KeyShelf(path, issuer="chongqing")
        return PartnerSuite(regions=("hongkong",), shelf=shelf, originals=originals)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """Make a key of each kind."""
    return Files(tmp_path)


def published(keys: HomeKeys) -> EntityConfiguration:
    """Read what the region publishes; it proves itself by its first key."""
    return read_configuration(keys.publisher.text())[0]


def listed(keys: HomeKeys, kind: str) -> list[str]:
    """Give the names of the keys that the region publishes for a kind."""
    if kind == "federation":
        return [key.kid for key in keys.publisher.keys]
    return [key.kid for key in role_keys(keys, {"region": REGION_ROLE, "caller": GATEWAY_ROLE}[kind])]


def role_keys(keys: HomeKeys, role: str) -> tuple[VerificationKey, ...]:
    """Read the keys that the region publishes for a role."""
    told: Any = thaw(published(keys).metadata[role])
    return read_keys(told["jwks"], issuer=told["issuer"])


def signs(keys: HomeKeys, kind: str) -> str:
    """Name the key with which something of a kind is signed now."""
    if kind == "federation":
        return parse_token(keys.publisher.text()).kid
    if kind == "region":
        return parse_token(keys.issue(recognition(iss="chongqing", aud="sichuan"))).kid
    now = 1_780_286_400
    return parse_token(keys.caller_tokens.issue(audience="gateway.sichuan", now=now, scopes=["card.verify"])).kid


@pytest.mark.parametrize("kind", KINDS)
def test_a_rotation_is_published_before_it_signs_and_after(files: Files, kind: str) -> None:
    """Staged, switched and retired on the disk, each step is taken up and told, and the version grows with each."""
    keys = files.keys()
    old = signs(keys, kind)
    coming = stage(files.path(kind), issuer=KINDS[kind]).kid
    seen = [published(keys).version]
    for step, signing, wanted in (
        (lambda _: None, old, {old, coming}),
        (switch, coming, {coming, old}),
        (retire, coming, {coming}),
    ):
        step(files.path(kind))
        assert keys.look()
        assert (signs(keys, kind), set(listed(keys, kind))) == (signing, wanted)
        seen.append(published(keys).version)
        assert not keys.look()
    assert seen == sorted(set(seen))


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_taken_up_is_there_after_a_restart(files: Files, kind: str) -> None:
    """Started again in the middle of a rotation, a node publishes and signs with the same keys."""
    keys = files.keys()
    stage(files.path(kind), issuer=KINDS[kind])
    switch(files.path(kind))
    keys.look()
    again = files.keys()
    assert (signs(again, kind), set(listed(again, kind))) == (signs(keys, kind), set(listed(keys, kind)))
    assert published(again).version >= published(keys).version


def test_a_federation_key_vouches_for_the_one_that_follows(files: Files) -> None:
    """Whoever knew the former key finds a configuration that it signed and that lists the next."""
    keys = files.keys()
    old = keys.publisher.key.kid
    coming = stage(files.path("federation"), issuer=ENTITY).kid
    keys.look()
    switch(files.path("federation"))
    keys.look()
    (link,) = keys.publisher.links
    told, key = read_configuration(link)
    assert key.kid == old
    assert {one.kid for one in told.keys} == {old, coming}


def test_a_retired_federation_key_is_in_the_history(files: Files) -> None:
    """And is never listed again."""
    keys = files.keys()
    old = files.path("federation").read_bytes()
    stage(files.path("federation"), issuer=ENTITY)
    switch(files.path("federation"))
    keys.look()
    retire(files.path("federation"))
    keys.look()
    write_key(former_file(files.path("federation")), SigningKey.from_pem(old, issuer=ENTITY))
    with pytest.raises(TrustError):
        keys.look()
    assert len(listed(keys, "federation")) == 1


@pytest.mark.parametrize("broken", KINDS)
def test_one_broken_file_does_not_hold_up_the_others(files: Files, broken: str) -> None:
    """The others' new keys are taken up at once, the broken one's as soon as it is mended."""
    keys = files.keys()
    next_file(files.path(broken)).write_bytes(b"no key")
    others = [kind for kind in KINDS if kind != broken]
    coming = {kind: stage(files.path(kind), issuer=KINDS[kind]).kid for kind in others}
    for _ in range(2):
        with pytest.raises(TrustError):
            keys.look()
        assert [coming[kind] in listed(keys, kind) for kind in others] == [True, True]
        assert len(listed(keys, broken)) == 1
    next_file(files.path(broken)).unlink()
    mended = stage(files.path(broken), issuer=KINDS[broken]).kid
    assert keys.look()
    assert mended in listed(keys, broken)


def test_an_old_recognition_is_believed_until_its_key_is_retired(files: Files) -> None:
    """By the ring of the node itself, as by whoever reads its configuration."""
    keys = files.keys()
    token = keys.issue(recognition(iss="chongqing", aud="sichuan"))
    stage(files.path("region"), issuer="chongqing")
    for step in (lambda _: None, switch):
        step(files.path("region"))
        keys.look()
        assert read_recognition(token, find=keys.ring.find)
        assert read_recognition(token, find=KeyRing(role_keys(keys, REGION_ROLE)).find)
    retire(files.path("region"))
    keys.look()
    with pytest.raises(TrustError):
        read_recognition(token, find=keys.ring.find)


def test_the_signer_of_a_region_goes_by_its_shelf(files: Files) -> None:
    """What else is signed for the region, its status lists, is signed by the same key."""
    keys = files.keys()
    signer = keys.signer
    stage(files.path("region"), issuer="chongqing")
    switch(files.path("region"))
    keys.look()
    assert signer.kid == signs(keys, "region")


def test_recognitions_for_a_partner_are_signed_twice(files: Files) -> None:
    """With a key of the suite that the partner reads; both can be proven from what is published, and it rotates too."""
    originals = InMemoryOriginals(10)
    keys = files.keys(files.partner(originals))
    shown = keys.issue(recognition(iss="chongqing", aud="hongkong", jti="t-1"))
    pair = originals.find("chongqing", "t-1")
    assert pair is not None
    assert pair.countersigned == shown
    proof = prove(pair.original, shown, find=keys.ring.find)
    assert (proof.original_key.algorithm, proof.counter_key.algorithm) == ("ES256", "EdDSA")
    assert len(listed(keys, "region")) == 2
    near = keys.issue(recognition(iss="chongqing", aud="sichuan", jti="t-2"))
    assert originals.find("chongqing", "t-2") is None
    assert read_recognition(near, find=keys.ring.find)[1].algorithm == "ES256"
    coming = stage(files.folder / "partner.pem", issuer="chongqing").kid
    switch(files.folder / "partner.pem")
    assert keys.look()
    assert parse_token(keys.issue(recognition(iss="chongqing", aud="hongkong", jti="t-3"))).kid == coming
    assert prove(pair.original, shown, find=keys.ring.find) == proof
