"""The composition root of trust: who is believed under which agreement, what is dead, and keys that change."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from gateway import anchor_console, bootstrap_trust, keys_console, trust_console
from gateway.bootstrap_trust import build_trust, keep_looking, new_id
from gateway.certificates import Certificate
from gateway.errors import SettingsError
from gateway.federation.memory import FileTrustMemory
from gateway.key_shelf import stage, switch
from gateway.settings import load_settings
from tests.fakes.configuration import ENTITIES, FakeConfiguration
from tests.fakes.journal import FakeJournal
from tests.gateway.small_federation import SmallFederation, found
from tests.sandbox_fixture.running import wait_until
from trust.errors import (
    AgreementNotSignedError,
    AgreementStoppedError,
    KeyRevokedError,
    PeerRevokedError,
    UnknownIssuerError,
    UnknownKeyError,
)
from trust.keys import KeyRing, SigningKey

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

JOINT = "sichuan-chongqing"
MARK = "A" * 43


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[SmallFederation]:
    """Run two regions and their anchor."""
    with SmallFederation(found(tmp_path / "two", "chongqing", "sichuan")) as running:
        running.start("chongqing", "sichuan")
        yield running


def key_at(federation: SmallFederation, region: str, name: str = "region.pem") -> SigningKey:
    """Read a key of a region."""
    return SigningKey.from_pem((federation.layout.home(region) / name).read_bytes(), issuer=region)


def test_identifiers_are_never_the_same() -> None:
    """Each token, request and nonce gets one of its own."""
    assert len({new_id() for _ in range(1000)}) == 1000


def test_keys_are_found_under_the_agreement(federation: SmallFederation) -> None:
    """Our own keys are always known, a peer's once it is believed, a stranger's never."""
    side = federation.sides["chongqing"]
    assert side.tried
    for region in ("chongqing", "sichuan"):
        kid = key_at(federation, region).kid
        assert side.region_key(region, kid).kid == kid
        with pytest.raises(UnknownKeyError):
            side.region_key(region, MARK)
    with pytest.raises(UnknownIssuerError):
        side.region_key("macao", MARK)
    side.require_peer("sichuan")
    with pytest.raises(UnknownIssuerError):
        side.require_peer("macao")
    caller = key_at(federation, "sichuan", "gateway.pem").kid
    assert side.caller_key("gateway.sichuan", caller, registered=KeyRing()).kid == caller
    platform = SigningKey.generate("ES256", issuer="platform.chongqing").public()
    assert side.caller_key("platform.chongqing", platform.kid, registered=KeyRing([platform])) == platform
    side.standing.require(JOINT)


def test_what_is_revoked_is_refused_at_once(federation: SmallFederation) -> None:
    """TL8, TR2: a certificate, a key and an agreement are dead at the other party as soon as it hears of it."""
    side, config = federation.sides["chongqing"], federation.config("sichuan")
    shown = Certificate(fingerprint=MARK, names=frozenset({"sichuan.onecard.test", "nobody.example"}), not_after=0)
    side.require_live(shown)
    trust_console.revoke(config, kind="certificate", target=MARK, reason="compromised", region="")
    wait_until(lambda: raises(PeerRevokedError, side.require_live, shown), what="a dead certificate")
    key = key_at(federation, "sichuan")
    trust_console.revoke(config, kind="key", target=key.kid, reason="compromised", region="")
    wait_until(lambda: raises(KeyRevokedError, side.region_key, "sichuan", key.kid), what="a dead key")
    trust_console.revoke(config, kind="entity", target="", reason="ceased", region="")
    wait_until(lambda: raises(PeerRevokedError, side.require_peer, "sichuan"), what="a dead peer")
    anchor_console.stop(federation.anchors, federation.anchor(), agreement=JOINT, reason="emergency")
    wait_until(lambda: raises(AgreementStoppedError, side.standing.require, JOINT), what="a stopped agreement")


def raises(error: type[Exception], call: Any, *arguments: object) -> bool:  # noqa: ANN401 - any function
    """Tell whether a call is refused in this way."""
    try:
        call(*arguments)
    except error:
        return True
    return False


def test_a_registered_certificate_belongs_to_its_region(federation: SmallFederation) -> None:
    """Names of peers and of callers with a certificate say to which region they belong."""
    config = federation.config("chongqing")
    text = config.read_text("utf-8").replace(
        'id = "platform.chongqing"', 'id = "platform.chongqing"\ncertificate = "Desk.Chongqing.Example"'
    )
    config.with_name("other.toml").write_text(text, "utf-8")
    side = build_trust(load_settings(config.with_name("other.toml")), journal=FakeJournal())
    assert side.regions_by_name == {"desk.chongqing.example": "chongqing", "sichuan.onecard.test": "sichuan"}
    federation.run(side.close())


def test_an_agreement_stays_proven_when_a_party_rotates_the_key_that_signed(federation: SmallFederation) -> None:
    """What was proven before anybody asked for it is not lost with the key; who begins afterwards needs a new one."""
    config, entity = federation.config("sichuan"), federation.entity("sichuan")
    mark = key_at(federation, "sichuan", "federation.pem").kid
    retire_key = partial(keys_console.retire_key, at_once=True)
    for act in (keys_console.stage_key, keys_console.switch_key, retire_key):
        act(config, use="federation", region="")
        federation.sides["sichuan"].homes["sichuan"].look()
        if act is keys_console.stage_key:
            anchor_console.admit(federation.anchors, federation.anchor(), entity=entity, fingerprint=mark, request=None)
    new = key_at(federation, "sichuan", "federation.pem").kid
    anchor_console.admit(federation.anchors, federation.anchor(), entity=entity, fingerprint=new, request=None)
    federation.run(federation.sides["chongqing"].desk.refresh_all())
    federation.sides["chongqing"].standing.require(JOINT)
    federation.stop("chongqing")
    federation.start("chongqing")
    federation.sides["chongqing"].standing.require(JOINT)
    federation.forget("chongqing")
    with pytest.raises(AgreementNotSignedError):
        federation.sides["chongqing"].standing.require(JOINT)
    trust_console.sign_agreement(config, JOINT, region="")
    federation.stop("chongqing")
    federation.start("chongqing")
    federation.sides["chongqing"].standing.require(JOINT)


def test_what_was_proven_and_cannot_be_kept_is_told_to_who_asks(
    federation: SmallFederation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk does not end the refresh of trust; the agreement is refused until it can be written down."""

    def full(*_args: object) -> None:
        raise SettingsError(("signed.json: cannot be written (OSError)",))

    with monkeypatch.context() as patched:
        patched.setattr("gateway.federation.agreements.write_whole", full)
        federation.forget("chongqing")
        side = federation.sides["chongqing"]
        assert side.desk.explain("sichuan")[0].believed is not None
        with pytest.raises(SettingsError):
            side.standing.require(JOINT)
    side.standing.require(JOINT)


async def test_a_region_with_partners_abroad_signs_twice(tmp_path: Path) -> None:
    """Guangdong publishes the key of its own suite and the one that its partners read; Macao has one key only."""
    layout = found(tmp_path / "bay", "guangdong", "hongkong", "macao")
    suites = {}
    for region in ("guangdong", "macao"):
        side = build_trust(load_settings(layout.config(region)), journal=FakeJournal())
        suites[region] = {key["alg"] for key in side.homes[region].ring.jwks(region)["keys"]}
        await side.close()
    assert suites == {"guangdong": {"SGD_SM3_SM2", "ES256"}, "macao": {"ES256"}}


async def test_a_node_waits_for_the_keys_of_a_region(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks the desk for them, and gives the tokens of each home."""
    side = build_trust(load_settings(FakeConfiguration(tmp_path).path), journal=FakeJournal())
    asked: list[str] = []

    async def renewed(region: str) -> None:
        asked.append(region)

    monkeypatch.setattr(side.desk, "renewed", renewed)
    await side.renewed("sichuan")
    assert asked == ["sichuan"]
    assert side.caller_tokens("chongqing") is side.homes["chongqing"].caller_tokens
    assert (side.homes["chongqing"].entity, side.tried) == (ENTITIES["chongqing"], False)
    assert side.regions_by_name == {"sichuan.onecard.test": "sichuan"}
    assert len(side.web_parts()) == 2
    with pytest.raises(AgreementNotSignedError):
        side.standing.require(JOINT)
    await side.close()


def test_another_memory_can_be_given(tmp_path: Path) -> None:
    """Where it is not given, beliefs are kept in the folder of the configuration."""
    settings = load_settings(FakeConfiguration(tmp_path).path)
    memory = FileTrustMemory(tmp_path / "elsewhere")
    side = build_trust(settings, journal=FakeJournal(), memory=memory)
    assert side.memory is memory
    asyncio.run(side.close())


@pytest.mark.parametrize("changed", ["region.pem", "federation.pem", "gateway.pem"])
async def test_keys_that_change_are_taken_up(changed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TL6: it is told once; what cannot be used is told once a change, and leaves what was there."""
    monkeypatch.setattr(bootstrap_trust, "LOOK_SECONDS", 0.01)
    configuration, journal = FakeConfiguration(tmp_path), FakeJournal()
    side = build_trust(load_settings(configuration.path), journal=journal)
    looking = asyncio.create_task(keep_looking(side.homes.values(), journal=journal))
    issuer = {"region.pem": "chongqing", "federation.pem": ENTITIES["chongqing"], "gateway.pem": "gateway.chongqing"}
    await asyncio.sleep(0.05)
    stage(tmp_path / changed, issuer=issuer[changed])
    await told(journal, "keys_changed", 1)
    switch(tmp_path / changed)
    await told(journal, "keys_changed", 2)
    (tmp_path / changed).write_bytes(b"canary")
    await told(journal, "keys_not_taken_up", 1)
    await asyncio.sleep(0.05)
    await told(journal, "keys_not_taken_up", 1)
    assert "canary" not in journal.text
    looking.cancel()
    with suppress(asyncio.CancelledError):
        await looking
    await side.close()


async def told(journal: FakeJournal, event: str, times: int) -> None:
    """Wait until an event was told so often, and no more often."""
    async with asyncio.timeout(20):
        while sum(line["event"] == event for line in journal.lines) < times:
            await asyncio.sleep(0.01)
    assert sum(line["event"] == event for line in journal.lines) == times
