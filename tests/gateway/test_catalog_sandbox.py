"""Catalogs between real gateways: a joint version is signed by both parties, published at one, and soon known to all.

The sandbox is their own, for what is published stays.
"""

from __future__ import annotations

import signal
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from adapters.catalog_rows import write_row
from gateway.catalog_files import write_csv
from gateway.catalog_versions import read_signed
from gateway.sandbox.layout import Layout
from gateway.services.local_home import china_day
from onecard.gateway.v1 import catalog_publication_service_pb2 as publication
from onecard.gateway.v1 import catalog_service_pb2 as catalogs
from tests.fakes.regions import REGISTRY
from tests.gateway.command import onecard
from tests.gateway.trust_calls import Platform, soon
from tests.sandbox_fixture.running import RunningSandbox, free_port_base

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from onecard.gateway.v1 import catalog_pb2
    from tests.sandbox_fixture.calls import Outcome

pytestmark = [pytest.mark.xdist_group("sandbox"), pytest.mark.slow]

JOINT = "sichuan-chongqing"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    """Run a sandbox whose catalogs these tests may change."""
    running = RunningSandbox(tmp_path_factory.mktemp("catalogs") / "sandbox", free_port_base())
    try:
        running.start()
        yield running
    finally:
        try:
            running.stop(signal.SIGINT)
        finally:
            running.sweep()


@pytest.fixture(scope="module")
def document(own: RunningSandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draft a version that takes effect tomorrow, with one note more, and have both parties sign it."""
    folder = tmp_path_factory.mktemp("joint")
    rows = [write_row(item) for item in REGISTRY.documents[JOINT].items]
    rows[0]["note"] = "试行至年底"
    table, file = folder / "list.csv", folder / "next.json"
    table.write_bytes(write_csv(rows))
    told = onecard("catalog", "draft", table, "--catalog", JOINT, "--from", tomorrow(), "--output", file)
    assert told.exit_code == 0, told.output
    for region in ("sichuan", "chongqing"):
        signed = onecard("catalog", "sign", file, "--config", Layout.load(own.folder).config(region))
        assert signed.exit_code == 0, signed.output
    return file


def tomorrow() -> str:
    """Give the day after today in China."""
    return (china_day(time.time()) + timedelta(days=1)).isoformat()


def published(own: RunningSandbox, file: Path, region: str) -> None:
    """Publish at a region's gateway, by the command."""
    with Platform(own, region) as client:
        address = own.endpoints[region]["grpc"]
        told = onecard(
            "catalog", "publish", file, "--gateway", address, "--ca", own.folder / "ca.pem", "--token", client.token
        )
    assert told.exit_code == 0, told.output


def signed_by(own: RunningSandbox, region: str, catalog: str) -> list[str] | None:
    """Give who has signed the second version of a catalog, as a gateway has it; None where it does not."""
    request = publication.ListCatalogVersionsRequest(parent=f"catalogs/{catalog}")
    with Platform(own, region) as client:
        versions = client.call("CatalogPublicationService/ListCatalogVersions", request).reply.versions
    return next((list(v.signed_by) for v in versions if v.sequence == 2), None)


def joint_at(own: RunningSandbox, region: str, **asked: str) -> Outcome:
    """Ask a gateway for the joint list."""
    with Platform(own, region) as client:
        return client.call("CatalogService/GetCatalog", catalogs.GetCatalogRequest(name=f"catalogs/{JOINT}", **asked))


def test_a_joint_version_is_soon_known_to_the_other_party(own: RunningSandbox, document: Path) -> None:
    """Published at Chongqing; Sichuan follows Chongqing's catalogs and proves both signatures itself."""
    published(own, document, "chongqing")
    soon(
        lambda: signed_by(own, "sichuan", JOINT) == ["chongqing", "sichuan"],
        what="the joint version is known in Sichuan",
    )


def test_a_gateway_says_whose_publications_it_does_not_follow(own: RunningSandbox) -> None:
    """Guizhou has no agreement with Sichuan, and cannot prove what it signs; the parties follow each other."""
    wanted = {"sichuan": [], "chongqing": [], "guizhou": ["sichuan"], "guangdong": ["sichuan"]}
    for region, regions in wanted.items():
        assert list(joint_at(own, region).reply.catalog.not_followed_regions) == regions


def test_a_change_is_soon_known_to_every_gateway_that_follows(own: RunningSandbox, tmp_path: Path) -> None:
    """Chongqing's own next list is with its three partners; the joint one, which two cannot prove, stops nobody."""
    rows = [write_row(item) for item in REGISTRY.documents["chongqing"].items]
    rows[0]["note"] = "已更新"
    table, file = tmp_path / "list.csv", tmp_path / "next.json"
    table.write_bytes(write_csv(rows))
    given = ("--catalog", "chongqing", "--from", tomorrow(), "--output", file)
    drafted = onecard("catalog", "draft", table, *given)
    assert drafted.exit_code == 0, drafted.output
    signed = onecard("catalog", "sign", file, "--config", Layout.load(own.folder).config("chongqing"))
    assert signed.exit_code == 0, signed.output
    document, signatures = read_signed(file)
    request = publication.PublishCatalogRequest(document=document, signatures=signatures)
    with Platform(own, "chongqing") as client:
        reply = client.call("CatalogPublicationService/PublishCatalog", request).reply
    assert list(reply.version.missing_signatures) == []
    partners = ("sichuan", "guizhou", "xizang")
    soon(
        lambda: all(signed_by(own, region, "chongqing") == ["chongqing"] for region in partners),
        what="a change is known to all three that follow, after it was published",
    )
    assert [signed_by(own, region, JOINT) for region in ("guizhou", "xizang")] == [None, None]


def test_it_holds_from_its_first_day_on(own: RunningSandbox, document: Path) -> None:
    """Asked as of today the former version answers, as of tomorrow the new one, at the other party's gateway."""
    assert document.exists()
    today, later = joint_at(own, "sichuan").reply, joint_at(own, "sichuan", as_of=tomorrow()).reply
    assert (today.catalog.holds, later.catalog.holds) == (True, True)
    assert today.catalog.published_version != later.catalog.published_version
    assert later.catalog.effective_from == tomorrow()

    def first_note(as_of: str) -> str:
        with Platform(own, "sichuan") as client:
            name = f"catalogs/{JOINT}/items/{REGISTRY.documents[JOINT].items.items[0].item}"
            request = catalogs.GetApplicationItemRequest(name=name, as_of=as_of)
            item: catalog_pb2.ApplicationItem = client.call("CatalogService/GetApplicationItem", request).reply.item
        return item.note

    assert first_note(tomorrow()) == "试行至年底"
    assert first_note(datetime.now(UTC).date().isoformat()) != "试行至年底"


def test_a_version_that_one_party_has_signed_waits(own: RunningSandbox, tmp_path: Path) -> None:
    """It is shown with the signature it lacks and holds for nobody; its gateway passes it on to the other party."""
    rows = [write_row(item) for item in REGISTRY.documents["chongqing-guizhou"].items]
    table, file = tmp_path / "list.csv", tmp_path / "next.json"
    table.write_bytes(write_csv(rows[:-1]))
    given = ("--catalog", "chongqing-guizhou", "--from", tomorrow(), "--output", file)
    assert onecard("catalog", "draft", table, *given).exit_code == 0
    config = Layout.load(own.folder).config("chongqing")
    assert onecard("catalog", "sign", file, "--config", config).exit_code == 0
    published(own, file, "chongqing")
    request = publication.ListCatalogVersionsRequest(parent="catalogs/chongqing-guizhou")

    def waiting() -> bool:
        with Platform(own, "guizhou") as client:
            versions = client.call("CatalogPublicationService/ListCatalogVersions", request).reply.versions
        return [(list(v.missing_signatures), v.holds) for v in versions if v.sequence == 2] == [(["guizhou"], False)]

    soon(waiting, what="the version that waits for Guizhou is known there")
