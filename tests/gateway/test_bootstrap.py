"""The composition root: a configuration becomes a node that runs, or one report of what is wrong with it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from aiohttp import ClientSession
from grpc_health.v1 import health_pb2, health_pb2_grpc

from gateway import bootstrap
from gateway.bootstrap import build_node, run
from gateway.bootstrap_trust import new_id
from gateway.callers import SCOPES
from gateway.errors import SettingsError
from gateway.sandbox.platforms import SimulatedPlatform
from gateway.settings import load_settings
from onecard.gateway.v1 import identity_service_pb2
from onecard.gateway.v1.identity_service_pb2_grpc import IdentityServiceStub
from onecard.gateway.v1.region_service_pb2 import GetRegionRequest
from onecard.gateway.v1.region_service_pb2_grpc import RegionServiceStub
from tests.fakes.configuration import ANCHOR, AUTHORITY, SECRETS, SERVER_NAME, FakeConfiguration, free_address
from tests.fakes.regions import REGISTRY
from tests.gateway.rpc.requests import verify
from tests.gateway.rpc.told import refused
from trust.signer import CallerTokenSigner

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from gateway.settings import Settings


LIFE = ("ready", "stopping", "stopped")


@pytest.fixture
def configuration(tmp_path: Path) -> FakeConfiguration:
    """Lay out a good configuration."""
    return FakeConfiguration(tmp_path)


@asynccontextmanager
async def running(configuration: FakeConfiguration) -> AsyncIterator[grpc.aio.Channel]:
    """Run a node, and give a channel to it over TLS."""
    node = build_node(load_settings(configuration.path))
    await node.start()
    trusted = grpc.ssl_channel_credentials(AUTHORITY.certificate)
    options = (("grpc.ssl_target_name_override", SERVER_NAME),)
    try:
        async with grpc.aio.secure_channel(configuration.grpc, trusted, options) as channel:
            yield channel
    finally:
        await node.stop()


async def when_tried(web: ClientSession, configuration: FakeConfiguration) -> object:
    """Wait until the node has tried to find out whom to believe, and give what it says of itself then."""
    while True:
        async with web.get(f"http://{configuration.web}/readyz") as ready:
            told = await ready.json()
        if told["parts"]["trust"]:
            return told
        await asyncio.sleep(0.02)


def bearer(configuration: FakeConfiguration) -> tuple[tuple[str, str], ...]:
    """Sign a token of the home region's own platform, by the real clock."""
    signer = CallerTokenSigner(configuration.caller_key, new_id=lambda: "t-1")
    token = signer.issue(audience="gateway.chongqing", now=int(time.time()), scopes=sorted(SCOPES))
    return (("authorization", f"Bearer {token}"),)


def fault(configuration: FakeConfiguration) -> str:
    """Build a node that must be refused, and give the one fault."""
    with pytest.raises(SettingsError) as caught:
        build_node(load_settings(configuration.path))
    (told,) = caught.value.faults
    assert str(configuration.folder) not in told
    assert "canary" not in told
    return told


async def test_a_node_serves_what_its_configuration_says(
    configuration: FakeConfiguration, capsys: pytest.CaptureFixture[str]
) -> None:
    """Cards of the home region before its platform, peers, health, reflection, keys on the web, and a clean end."""
    platform = SimulatedPlatform(REGISTRY.get("chongqing"), SECRETS)
    await platform.start(configuration.platform)
    async with running(configuration) as channel, ClientSession() as web:
        stub: Any = IdentityServiceStub(channel)
        asked = verify(visited_item="CQ-31")
        reply = await stub.VerifyCard(asked, metadata=bearer(configuration))
        assert reply.identity.holder.name == "测试甲"
        peers = verify(request_id="2", home_region="sichuan")
        told = await refused(stub.VerifyCard(peers, metadata=bearer(configuration)))
        assert told.reason == "UNKNOWN_ITEM"
        regions: Any = RegionServiceStub(channel)
        roles = {}
        for name in ("chongqing", "sichuan", "guizhou"):
            request = GetRegionRequest(name=f"regions/{name}")
            roles[name] = (await regions.GetRegion(request, metadata=bearer(configuration))).region.role
        assert roles == {"chongqing": 1, "sichuan": 2, "guizhou": 3}
        health: Any = health_pb2_grpc.HealthStub(channel)
        for service in ("", "onecard.gateway.v1.IdentityService", "onecard.gateway.v1.CatalogService"):
            assert (await health.Check(health_pb2.HealthCheckRequest(service=service))).status == 1
        assert await when_tried(web, configuration) == {
            "ready": True,
            "parts": {"chongqing": True, "trust": True, "store": True},
        }
        async with web.get(f"http://{configuration.web}/regions/chongqing/jwks.json") as keys:
            assert len((await keys.json(content_type=None))["keys"]) == 1
    await platform.stop()
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
    assert [line["event"] for line in lines if line["event"] in LIFE] == [*LIFE]
    assert {line["event"] for line in lines} - {"call", *LIFE} == {
        "card_feed_broken",
        "catalogs_not_followed",
        "store_open",
        "trust_unreachable",
        "trust_feed_broken",
    }
    assert {line["gateway"] for line in lines} == {"gateway.chongqing"}


async def test_a_node_shows_what_waits_in_the_exchange(configuration: FakeConfiguration) -> None:
    """Where metrics are served, each home and each peer has its lane there; nothing waits yet."""
    place = free_address()
    configuration.change('web = "127', f'metrics = "{place}"\nweb = "127')
    series = {
        f'onecard_exchange_{name}{{direction="{direction}",region="{region}"}} 0.0'
        for name in ("waiting", "oldest_seconds", "dead_letters")
        for direction, region in (("in", "chongqing"), ("out", "sichuan"))
    }
    async with running(configuration), ClientSession() as operator, asyncio.timeout(20):
        while True:
            async with operator.get(f"http://{place}/metrics") as answer:
                if series <= set((await answer.text()).splitlines()):
                    break
            await asyncio.sleep(0.05)


async def test_nobody_is_believed_whose_anchor_was_never_reached(configuration: FakeConfiguration) -> None:
    """An agreement that lies there signed by both does not stand while the other's key is not proven."""
    async with running(configuration) as channel, ClientSession() as web:
        await when_tried(web, configuration)
        stub: Any = IdentityServiceStub(channel)
        asked = verify(visited_item="CQ-31", home_region="sichuan")
        told = await refused(stub.VerifyCard(asked, metadata=bearer(configuration)))
        assert told.reason == "AGREEMENT_NOT_SIGNED"


async def test_an_agreement_stands_once(configuration: FakeConfiguration) -> None:
    """Two anchors for one agreement could differ on who is party to it."""
    text = configuration.path.read_text("utf-8")
    anchor = text[text.index("[[trust.anchor]]") : text.index("[[home]]")]
    other = anchor.replace(ANCHOR, f"{ANCHOR}-2")
    configuration.path.write_text(text.replace("[[home]]", f"{other}[[home]]"), "utf-8")
    assert "id: there twice" in fault(configuration)


async def test_a_platform_that_is_away_is_told_as_such(configuration: FakeConfiguration) -> None:
    """And after some failures the node says that it is not ready, by health and on the web."""
    configuration.change("base_url = ", "failures_to_open = 1\nbase_url = ")
    async with running(configuration) as channel, ClientSession() as web:
        stub: Any = IdentityServiceStub(channel)
        told = await refused(stub.VerifyCard(verify(visited_item="CQ-31"), metadata=bearer(configuration)))
        assert (told.code, told.reason) == ("UNAVAILABLE", "PLATFORM_UNAVAILABLE")
        async with web.get(f"http://{configuration.web}/readyz") as ready:
            parts = (await ready.json())["parts"]
            assert (ready.status, parts["chongqing"]) == (503, False)


async def test_a_node_without_tls_speaks_plaintext_on_loopback(configuration: FakeConfiguration) -> None:
    """For development behind a proxy."""
    configuration.without_tls()
    node = build_node(load_settings(configuration.path))
    await node.start()
    async with grpc.aio.insecure_channel(configuration.grpc) as channel:
        stub: Any = IdentityServiceStub(channel)
        told = await refused(stub.TranslateIdentity(identity_service_pb2.TranslateIdentityRequest()))
    assert told.reason == "UNAUTHENTICATED"
    await node.stop()


@pytest.mark.parametrize("side", ["grpc", "mutual", "web"])
async def test_an_address_that_is_taken_is_a_fault(configuration: FakeConfiguration, side: str) -> None:
    """Of any side, and the operator learns which in words."""
    address = getattr(configuration, side)
    host, _, port = address.rpartition(":")
    node = build_node(load_settings(configuration.path))
    with (
        socket.create_server((host, int(port))),
        pytest.raises(SettingsError, match=rf"listen\.{side}: {address} is taken or not ours"),
    ):
        await node.start()
    await node.stop()


async def test_a_node_runs_until_it_is_told_to_stop(
    configuration: FakeConfiguration, capsys: pytest.CaptureFixture[str]
) -> None:
    """SIGTERM and SIGINT both end it gracefully."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        node = build_node(load_settings(configuration.path))
        serving = asyncio.create_task(node.serve())
        told = ""
        while '"ready"' not in told:
            await asyncio.sleep(0.01)
            told += capsys.readouterr().err
        os.kill(os.getpid(), number)
        await serving
        assert '"stopped"' in capsys.readouterr().err
        for handled in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(handled)


WRONG_FILES: list[tuple[str, bytes, str]] = [
    ("pseudonym.key", b"p" * 31, "pseudonym_secret of chongqing: 32 bytes are needed"),
    ("platform.json", b"canary", "platform.json: is not JSON"),
    ("platform.json", b"\xff", "platform.json: is not JSON"),
    ("platform.json", b'["canary"]', "platform.json: is no JSON object"),
    ("platform.json", b"{}", "rule=missing_secret"),
    ("caller.jwks.json", b"canary", "caller.jwks.json: is not JSON"),
    ("caller.jwks.json", b"[]", "caller.jwks.json: is no JSON object"),
    ("caller.jwks.json", b'{"keys": []}', "rule=key set"),
    ("sichuan_chongqing.toml", b"canary", "sichuan_chongqing.toml: is not TOML"),
    ("sichuan_chongqing.toml", b"id = 'canary!'", "The agreement is written wrongly."),
    ("region.pem", b"canary", "The key material cannot be used."),
    ("gateway.pem", b"canary", "The key material cannot be used."),
    ("federation.pem", b"canary", "The key material cannot be used."),
    ("sichuan_chongqing.signatures", b"\xff", "sichuan_chongqing.signatures: cannot be read as text"),
    ("sichuan_chongqing.signatures", b"canary\n" * 65, "sichuan_chongqing.signatures: has more than 64 signatures"),
    ("tls.pem", b"canary", "rule=certificate"),
    ("ca.pem", b"canary", "rule=certificate"),
]


@pytest.mark.parametrize(("name", "data", "wanted"), WRONG_FILES, ids=[f"{n}-{w[:12]}" for n, _, w in WRONG_FILES])
async def test_a_file_with_something_wrong_is_told_by_name_or_rule(
    configuration: FakeConfiguration, name: str, data: bytes, wanted: str
) -> None:
    """Never by what stands in it."""
    configuration.write(name, data)
    assert wanted in fault(configuration)


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ('region = "chongqing"\nsigning', 'region = "atlantis"\nsigning', "No adapter is installed for this region."),
        ('region = "sichuan"', 'region = "atlantis"', "No adapter is installed for this region."),
        ("allow_private_addresses = true", "allow_private_addresses = false", "not one that a gateway may call"),
    ],
)
async def test_what_only_the_parts_can_judge_is_a_fault_too(
    configuration: FakeConfiguration, old: str, new: str, wanted: str
) -> None:
    """Regions, addresses and agreements are judged by adapters and trust; the operator gets the same kind of report."""
    configuration.change(old, new)
    assert wanted in fault(configuration)


def test_identifiers_are_never_the_same() -> None:
    """Each token, request and nonce gets one of its own."""
    assert len({new_id() for _ in range(1000)}) == 1000


@pytest.mark.parametrize("fast", [True, False])
def test_run_serves_in_a_loop_of_its_own(
    configuration: FakeConfiguration, monkeypatch: pytest.MonkeyPatch, *, fast: bool
) -> None:
    """The fast event loop where it is installed, the usual one elsewhere."""
    settings = load_settings(configuration.path)
    if not fast:
        monkeypatch.setattr(bootstrap, "find_spec", lambda _: None)
    seen: list[tuple[Settings, str]] = []

    class Served:
        def __init__(self, given: Settings, _siblings: object, _place: object) -> None:
            """Note the settings and the loop."""
            seen.append((given, type(asyncio.get_running_loop()).__module__.partition(".")[0]))

        async def serve(self) -> None:
            """Be done."""

    monkeypatch.setattr(bootstrap, "build_node", Served)
    run(settings)
    assert seen == [(settings, "uvloop" if fast else "asyncio")]
