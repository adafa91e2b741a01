"""RegionService: every installed region, how this gateway reaches it, and what it is party to."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from gateway.errors import PeerUnavailableError
from gateway.rpc import region
from onecard.gateway.v1 import region_pb2
from onecard.gateway.v1.region_service_pb2 import GetRegionRequest, ListRegionsRequest
from onecard.gateway.v1.region_service_pb2_grpc import RegionServiceStub
from tests.fakes.callers import PLATFORM, bearer
from tests.fakes.home import FakeHome
from tests.fakes.node import FakeNode, channel_to
from tests.fakes.regions import REGISTRY
from tests.gateway.rpc.told import refused


async def regions(node: FakeNode) -> dict[str, region_pb2.Region]:
    """List all regions in pages of four, and see that each one can be got by its name."""
    found: list[region_pb2.Region] = []
    token = ""
    async with channel_to(node.server()) as channel:
        stub: Any = RegionServiceStub(channel)
        while True:
            asked = ListRegionsRequest(page_size=4, page_token=token)
            reply = await stub.ListRegions(asked, metadata=bearer(PLATFORM, node.clock, "region.read"))
            found += reply.regions
            token = reply.next_page_token
            if not token:
                break
        for listed in found:
            asked_one = GetRegionRequest(name=listed.name)
            one = await stub.GetRegion(asked_one, metadata=bearer(PLATFORM, node.clock, "region.read"))
            assert one.region == listed
    assert [listed.region for listed in found] == list(REGISTRY.regions)
    return {listed.region: listed for listed in found}


async def test_a_region_is_home_peer_or_adapter_only() -> None:
    """Reachability is told of what this gateway can reach, and of nothing else."""
    peer = FakeHome(PeerUnavailableError())
    told = await regions(FakeNode(homes={"sichuan": peer}))
    home, other, rest = told["chongqing"], told["sichuan"], told["guizhou"]
    assert (home.role, home.reachability) == (region_pb2.REGION_ROLE_HOME, region_pb2.REACHABILITY_UP)
    assert (other.role, other.reachability) == (region_pb2.REGION_ROLE_PEER, region_pb2.REACHABILITY_UP)
    assert rest.role == region_pb2.REGION_ROLE_ADAPTER_ONLY
    assert rest.reachability == region_pb2.REACHABILITY_UNSPECIFIED
    node = FakeNode(homes={"sichuan": peer})
    node.platform.reachable = peer.reachable = False
    told = await regions(node)
    assert {told[name].reachability for name in ("chongqing", "sichuan")} == {region_pb2.REACHABILITY_DOWN}


async def test_a_region_names_its_credentials_fields_and_agreements() -> None:
    """A reader's text is resolved wherever card numbers are."""
    told = await regions(FakeNode())
    assert list(told["chongqing"].credential_kinds) == [1, 2, 3, 4, 5]
    assert list(told["guizhou"].credential_kinds) == [1, 2, 3]
    assert [a.agreement for a in told["chongqing"].agreements] == [
        "chongqing-guizhou",
        "chongqing-xizang",
        "sichuan-chongqing",
    ]
    (bay,) = told["macao"].agreements
    assert (bay.agreement, list(bay.regions)) == ("greater-bay-area", ["guangdong", "hongkong", "macao"])
    assert (bay.in_force_from, bay.in_force_to, bay.synthetic) == ("2025-01-01", "2027-12-31", True)
    assert bay.title.pt
    assert not told["shiyan"].agreements
    for name, message in told.items():
        adapter = REGISTRY.get(name)
        assert message.division_code == adapter.manifest.division_code
        assert list(message.identity_fields) == list(adapter.form.keys)
        assert message.display_name.zh_hans == adapter.manifest.name.zh_hans
        assert message.synthetic_dialect


def test_a_region_without_card_numbers_resolves_no_readers_text() -> None:
    """A reader's text is looked up as a card number, and not otherwise."""
    platform = SimpleNamespace(lookup=SimpleNamespace(credential={"qr_text": ()}))
    adapter: Any = SimpleNamespace(manifest=SimpleNamespace(platform=platform))
    assert region._kinds(adapter) == [region_pb2.CREDENTIAL_KIND_QR_TEXT]


async def test_a_region_that_is_not_installed_is_not_found() -> None:
    """By a good name, and with no echo of it."""
    node = FakeNode()
    async with channel_to(node.server()) as channel:
        asked = GetRegionRequest(name="regions/atlantis")
        told = await refused(RegionServiceStub(channel).GetRegion(asked, metadata=bearer(PLATFORM, node.clock)))
    assert (told.code, told.reason) == ("NOT_FOUND", "UNKNOWN_REGION")
    assert "atlantis" not in repr(told)
