"""How a configuration becomes ports, certificates, callers and peers."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from gateway import bootstrap_calls
from gateway.bootstrap_calls import (
    OwnCertificates,
    callers,
    certificate_rule,
    keep_certificates,
    listening,
    peer_homes,
    read_object,
)
from gateway.bootstrap_trust import build_trust
from gateway.certificates import fingerprint
from gateway.errors import PeerProtocolError, SettingsError
from gateway.key_shelf import stage, switch
from gateway.peers.certificates import TlsWatch, follow_files
from gateway.settings import load_settings
from gateway.trust_side import TrustSide
from tests.fakes.configuration import AUTHORITY, SERVER_NAME, FakeConfiguration
from tests.fakes.journal import FakeJournal
from tests.fakes.regions import BOOK
from trust.errors import BindingError, UnknownIssuerError
from trust.signer import CallerTokenSigner

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from gateway.peers.certificates import TlsMaterial
    from gateway.settings import Settings


@pytest.fixture
def configuration(tmp_path: Path) -> FakeConfiguration:
    """Lay out a good configuration."""
    return FakeConfiguration(tmp_path)


@pytest.fixture
def settings(configuration: FakeConfiguration) -> Settings:
    """Read it."""
    return load_settings(configuration.path)


@asynccontextmanager
async def trusting(settings: Settings) -> AsyncIterator[TrustSide]:
    """Put the trust of a configuration together; it asks nobody."""
    side = build_trust(settings, journal=FakeJournal())
    try:
        yield side
    finally:
        await side.close()


@pytest.mark.parametrize(
    ("data", "fault"),
    [(b"canary", "keys.json: is not JSON"), (b"\xff", "keys.json: is not JSON"), (b"[1]", "keys.json: is no JSON obj")],
)
def test_what_is_no_object_is_told_by_the_name_of_its_file(data: bytes, fault: str, tmp_path: Path) -> None:
    """Nothing of the file is repeated."""
    path = tmp_path / "keys.json"
    path.write_bytes(data)
    with pytest.raises(SettingsError, match=fault) as told:
        read_object(path)
    assert "canary" not in str(told.value)
    path.write_text('{"a": 1}', "utf-8")
    assert read_object(path) == {"a": 1}


async def test_a_gateway_listens_at_one_port_or_two(configuration: FakeConfiguration) -> None:
    """With certificates of others to believe there is a second port, which demands one; without TLS just loopback."""
    both = load_settings(configuration.path)
    assert [port.address for port in listening(both, FakeJournal())] == [configuration.grpc, configuration.mutual]
    assert all(port.credentials is not None for port in listening(both, FakeJournal()))
    configuration.change(f'mutual = "{configuration.mutual}"\n', "")
    one = load_settings(configuration.path)
    assert [port.address for port in listening(one, FakeJournal())] == [configuration.grpc]


async def test_without_tls_there_is_one_plain_port(configuration: FakeConfiguration) -> None:
    """It has no credentials, and nobody can show a certificate there."""
    configuration.without_tls()
    settings = load_settings(configuration.path)
    assert [(port.address, port.credentials) for port in listening(settings, FakeJournal())] == [
        (configuration.grpc, None)
    ]
    async with trusting(settings) as side:
        assert certificate_rule(settings, side) is None


async def test_news_of_certificates_is_written_by_the_loop() -> None:
    """A thread of gRPC tells of it, and it is written down all the same."""
    journal = FakeJournal()
    news = bootstrap_calls._CertificateNews(journal)
    await asyncio.to_thread(news, rotated=False, fault="tls.pem: cannot be read")
    await asyncio.sleep(0)
    (line,) = journal.lines
    assert (line["event"], line["rotated"], line["fault"]) == ("certificates", False, "tls.pem: cannot be read")


async def test_certificates_are_held_against_their_authority(settings: Settings) -> None:
    """Where certificates are demanded there is a rule; an authority that cannot be read is a fault."""
    async with trusting(settings) as side:
        assert certificate_rule(settings, side) is not None
        settings.peer[0].ca.write_bytes(b"no certificate")
        with pytest.raises(BindingError):
            certificate_rule(settings, side)


async def test_callers_are_platforms_with_keys_and_gateways_that_are_believed(
    configuration: FakeConfiguration, settings: Settings
) -> None:
    """A registered platform is known by its key; the peer's gateway only once its entity is believed."""
    now = int(time.time())
    async with trusting(settings) as side:
        known = callers(settings, side)
        platform = CallerTokenSigner(configuration.caller_key, new_id=lambda: "t-1")
        token = platform.issue(audience="gateway.chongqing", now=now, scopes=("card.verify",))
        caller = known.authenticate(token)
        assert (caller.id, caller.region, caller.kind) == ("platform.chongqing", "chongqing", "platform")
        key = side.homes["chongqing"].caller_tokens
        own = key.issue(audience="gateway.chongqing", now=now, scopes=("card.verify",))
        with pytest.raises(UnknownIssuerError):
            known.authenticate(own)


async def test_a_caller_with_keys_of_another_is_a_fault(configuration: FakeConfiguration) -> None:
    """The keys of a caller are read when the gateway starts."""
    configuration.write("caller.jwks.json", b"[]")
    settings = load_settings(configuration.path)
    async with trusting(settings) as side:
        with pytest.raises(SettingsError, match=r"caller\.jwks\.json: is no JSON object"):
            callers(settings, side)


async def test_each_peer_has_a_home_side(settings: Settings) -> None:
    """It shows our certificate; without [calls] it shows none."""
    async with trusting(settings) as side:
        homes = peer_homes(settings, side, BOOK)
        assert set(homes) == {"sichuan"}
        own = OwnCertificates(settings)
        assert homes["sichuan"].channel.certificates == own()
        bare = peer_homes(settings.model_copy(update={"calls": None}), side, BOOK)
        assert bare["sichuan"].channel.certificates == frozenset()
        assert OwnCertificates(settings.model_copy(update={"calls": None}))() == frozenset()


async def test_a_peer_that_is_not_believed_is_not_asked(settings: Settings) -> None:
    """What is asked holds card numbers: there is no token for whom nobody vouches for."""
    async with trusting(settings) as side:
        home = peer_homes(settings, side, BOOK)["sichuan"]
        with pytest.raises(PeerProtocolError) as refused:
            home.channel._metadata("chongqing", "card.verify")
        assert refused.value.metadata == {"region": "sichuan", "rule": "not_believed"}


async def test_a_token_of_a_key_that_was_rotated_away_is_not_sent_again(
    configuration: FakeConfiguration, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TL6: the token to a peer is the same until the key that signs is another one."""
    monkeypatch.setattr(TrustSide, "require_peer", lambda _side, _region: None)
    async with trusting(settings) as side:
        home = peer_homes(settings, side, BOOK)["sichuan"]
        first = home.channel._metadata("chongqing", "card.verify")
        assert home.channel._metadata("chongqing", "card.verify") == first
        path = configuration.folder / "gateway.pem"
        stage(path, issuer="gateway.chongqing")
        switch(path)
        assert side.homes["chongqing"].look()
        second = home.channel._metadata("chongqing", "card.verify")
        assert second != first
        assert home.channel._metadata("chongqing", "card.verify") == second


async def test_a_new_certificate_is_shown_to_peers(
    configuration: FakeConfiguration, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TR4: files that are replaced are taken up while the node runs, and what was shown before is remembered."""
    journal, own = FakeJournal(), OwnCertificates(settings)

    async def at_once(watch: TlsWatch, rotate: Callable[[TlsMaterial], None]) -> None:
        await follow_files(watch, rotate, every_seconds=0.01)

    monkeypatch.setattr(bootstrap_calls, "follow_files", at_once)
    async with trusting(settings) as side:
        homes = peer_homes(settings, side, BOOK)
        former = own()
        keeping = asyncio.create_task(keep_certificates(settings, homes, own, journal))
        await asyncio.sleep(0)
        certificate, private = AUTHORITY.issue(SERVER_NAME)
        for name, data in (("tls.key", private), ("tls.pem", certificate)):
            fresh = configuration.write(f"{name}.new", data)
            fresh.chmod(0o600)
            os.replace(fresh, configuration.folder / name)  # noqa: PTH105 - one step, as an operator's tool does it
        async with asyncio.timeout(20):
            while own() == former:
                await asyncio.sleep(0.01)
        assert own() == former | {fingerprint(certificate)}
        assert homes["sichuan"].channel.certificates == own()
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping
    assert any(line["event"] == "certificates" and line["rotated"] for line in journal.lines)


async def test_nothing_is_followed_where_no_certificate_is_shown(settings: Settings) -> None:
    """Without [calls] there is nothing to keep."""
    bare = settings.model_copy(update={"calls": None})
    await keep_certificates(bare, {}, OwnCertificates(bare), FakeJournal())
