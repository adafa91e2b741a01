"""CatalogPublicationService: versions, signatures, differences, and the stream of what is published."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from gateway.errors import LimitError
from gateway.rpc import catalog_publication
from onecard.gateway.v1 import catalog_pb2
from onecard.gateway.v1 import catalog_publication_pb2 as told
from onecard.gateway.v1 import catalog_publication_service_pb2 as pb
from onecard.gateway.v1.catalog_publication_service_pb2_grpc import CatalogPublicationServiceStub
from tests.fakes.callers import HOME_PLATFORM, PLATFORM, bearer
from tests.fakes.catalogs import LIFE, following, publisher, signature, written
from tests.fakes.node import FakeNode, channel_to
from tests.gateway.rpc.told import Told, refused
from tests.gateway.services.test_fold_proposal import table
from trust.party_signature import canonical_digest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

JOINT = "sichuan-chongqing"


class Client:
    """Calls one method after another with good metadata."""

    def __init__(self, stub: Any, node: FakeNode) -> None:  # noqa: ANN401 - a generated stub
        """Keep stub and node."""
        self.stub = stub
        self.node = node

    async def __call__(self, request: Any, caller: str = HOME_PLATFORM) -> Any:  # noqa: ANN401 - any message of the service
        """Call the method that takes this request."""
        method = getattr(self.stub, type(request).__name__.removesuffix("Request"))
        return await method(request, metadata=bearer(caller, self.node.clock))

    async def refused(self, request: Any, caller: str = HOME_PLATFORM) -> Told:  # noqa: ANN401 - any message of the service
        """Call, and read the error."""
        return await refused(self(request, caller))

    def next_version(self, catalog: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any key of the head
        """Make the next version of a catalog."""
        return following(self.node.catalogs, catalog, **changes)

    async def publish(self, plain: dict[str, Any], *regions: str, caller: str = HOME_PLATFORM) -> Any:  # noqa: ANN401 - the response
        """Publish a version that some regions have signed."""
        signed = [signature(region, plain) for region in regions]
        return await self(pb.PublishCatalogRequest(document=written(plain), signatures=signed), caller)

    def watch(self, request: pb.WatchCatalogsRequest) -> Any:  # noqa: ANN401 - a call of grpc
        """Begin to watch."""
        return self.stub.WatchCatalogs(request, metadata=bearer(PLATFORM, self.node.clock))


@asynccontextmanager
async def client_of_a_node() -> AsyncIterator[Client]:
    """Start a node and give a client of its CatalogPublicationService."""
    node = FakeNode()
    async with channel_to(node.server()) as channel:
        yield Client(CatalogPublicationServiceStub(channel), node)


async def test_a_joint_catalog_is_published_signed_by_both_and_told_as_of_two_dates() -> None:
    """Pending with one signature, holding with two from its first day on, the former version before."""
    async with client_of_a_node() as client:
        plain = client.next_version(JOINT, effective_from=date(2026, 6, 1))
        half = await client.publish(plain, "chongqing")
        assert (list(half.version.signed_by), list(half.version.missing_signatures)) == (["chongqing"], ["sichuan"])
        assert not half.version.holds
        whole = await client.publish(plain, "sichuan", caller=PLATFORM)
        assert (list(whole.version.signed_by), whole.version.holds) == (["chongqing", "sichuan"], True)
        again = await client.publish(plain, "sichuan", caller=PLATFORM)
        assert (again.replayed, again.version) == (True, whole.version)
        now = (await client(pb.GetSignedCatalogRequest(name=f"catalogs/{JOINT}"))).catalog
        then = (await client(pb.GetSignedCatalogRequest(name=f"catalogs/{JOINT}", as_of="2026-05-31"))).catalog
        assert (now.version.sequence, then.version.sequence) == (2, 1)
        assert (now.version.holds, then.version.holds, then.version.shipped) == (True, True, True)
        assert now.document == written(plain)
        assert canonical_digest(json.loads(now.document)) == now.version.digest
        assert len(now.signatures) == 2
        assert now.version.previous_digest == then.version.digest
        one = (await client(pb.GetSignedCatalogRequest(name=then.version.name))).catalog
        assert one.document == then.document


async def test_versions_are_listed_with_what_they_say_of_themselves() -> None:
    """Of one catalog or of all, in pages; pending ones last."""
    async with client_of_a_node() as client:
        plain = client.next_version(JOINT)
        await client.publish(plain, "chongqing")
        listed = await client(pb.ListCatalogVersionsRequest(parent=f"catalogs/{JOINT}"))
        assert [(v.sequence, v.shipped, v.holds) for v in listed.versions] == [(1, True, True), (2, False, False)]
        assert listed.versions[1].valid_until.seconds == LIFE
        assert not listed.versions[0].HasField("valid_until")
        everything = await client(pb.ListCatalogVersionsRequest(parent="catalogs/-", page_size=1000))
        assert len(everything.versions) == len(client.node.catalogs.catalogs) + 1
        first = await client(pb.ListCatalogVersionsRequest(parent="catalogs/-", page_size=3))
        rest = await client(
            pb.ListCatalogVersionsRequest(parent="catalogs/-", page_size=1000, page_token=first.next_page_token)
        )
        assert [*first.versions, *rest.versions] == list(everything.versions)
        by_name = {v.catalog: v for v in everything.versions}
        shenzhen = by_name["guangdong-shenzhen"]
        assert (shenzhen.layer, shenzhen.division_code, shenzhen.extends) == (
            catalog_pb2.LAYER_CITY,
            "440300",
            "guangdong",
        )
        assert (by_name["guangxi"].legal_status, by_name["guangxi"].holds) == (catalog_pb2.LEGAL_STATUS_DRAFT, False)


async def test_a_dry_run_tells_every_fault_with_row_and_column() -> None:
    """Nothing is kept, and a sound document gets its digest."""
    async with client_of_a_node() as client:
        plain = client.next_version("chongqing")
        dry = await client(pb.PublishCatalogRequest(document=written(plain), dry_run=True))
        assert (dry.version.digest, list(dry.faults)) == (canonical_digest(plain), [])
        assert list(dry.version.missing_signatures) == ["chongqing"]
        plain["items"][0]["media"] = "paper"
        plain["items"][2]["relations"] = "NO.SUCH:exact"
        wrong = await client(pb.PublishCatalogRequest(document=written(plain), dry_run=True))
        assert [(f.row, f.column, f.rule) for f in wrong.faults] == [
            (2, "media", "closed_word"),
            (4, "relations", "unknown_item_type"),
        ]
        told_ = await client.refused(pb.PublishCatalogRequest(document=written(plain)))
        assert (told_.reason, told_.fields) == (
            "INVALID_FIELD",
            {"document.items[2].media", "document.items[4].relations"},
        )
        assert len(client.node.catalogs.versions("chongqing")) == 1


@pytest.mark.parametrize(
    ("request_", "code", "reason"),
    [
        (pb.ListCatalogVersionsRequest(parent="x"), "INVALID_ARGUMENT", "INVALID_FIELD"),
        (pb.ListCatalogVersionsRequest(parent="catalogs/-", as_of="x"), "INVALID_ARGUMENT", "INVALID_FIELD"),
        (pb.ListCatalogVersionsRequest(parent="catalogs/atlantis"), "NOT_FOUND", "UNKNOWN_CATALOG"),
        (pb.GetSignedCatalogRequest(name="catalogs/-"), "NOT_FOUND", "UNKNOWN_CATALOG"),
        (
            pb.GetSignedCatalogRequest(name="catalogs/chongqing/versions/" + "A" * 43),
            "NOT_FOUND",
            "UNKNOWN_CATALOG",
        ),
        (pb.GetSignedCatalogRequest(name="catalogs/chongqing/versions/x"), "INVALID_ARGUMENT", "INVALID_FIELD"),
        (pb.PublishCatalogRequest(), "INVALID_ARGUMENT", "INVALID_FIELD"),
        (pb.FoldProposalRequest(), "INVALID_ARGUMENT", "INVALID_FIELD"),
        (pb.DiffCatalogsRequest(), "INVALID_ARGUMENT", "INVALID_FIELD"),
        (
            pb.DiffCatalogsRequest(before="catalogs/a/versions/x", after="catalogs/a/versions/x"),
            "INVALID_ARGUMENT",
            "INVALID_FIELD",
        ),
    ],
)
async def test_what_is_wrong_is_refused(request_: Any, code: str, reason: str) -> None:  # noqa: ANN401 - any message
    """By the table of errors."""
    async with client_of_a_node() as client:
        answer = await client.refused(request_)
    assert (answer.code, answer.reason) == (code, reason)


async def test_a_dry_run_refuses_what_publishing_refuses() -> None:
    """Whose list it is, a foreign or forged signature, a second content; and it tells who has signed."""
    async with client_of_a_node() as client:

        def dry(plain: dict[str, Any], *signed: str) -> pb.PublishCatalogRequest:
            return pb.PublishCatalogRequest(document=written(plain), signatures=signed, dry_run=True)

        foreign, ours = client.next_version("guizhou"), client.next_version("chongqing")
        assert (await client.refused(dry(foreign))).reason == "NOT_A_PUBLISHER"
        assert (await client.refused(dry(ours, signature("chongqing", foreign)))).reason == "INVALID_FIELD"
        forged = signature("chongqing", ours)[:-8] + "AAAAAAAA"
        assert (await client.refused(dry(ours, forged))).reason == "BAD_SIGNATURE"
        good = await client(dry(ours, signature("chongqing", ours)))
        assert (list(good.version.signed_by), list(good.version.missing_signatures), good.version.holds) == (
            ["chongqing"],
            [],
            False,
        )
        await client.publish(ours, "chongqing")
        assert (await client(dry(ours, signature("chongqing", ours)))).replayed
        second = {**ours, "valid_until": LIFE + 1}
        assert (await client.refused(dry(second))).reason == "EQUIVOCATION"
        assert len(client.node.catalogs.versions("chongqing")) == 2


async def test_who_may_publish_is_told_by_reason() -> None:
    """Another region, a step back, a second content, and a life that is over."""
    async with client_of_a_node() as client:
        foreign = client.next_version("guizhou")
        told_ = await client.refused(
            pb.PublishCatalogRequest(document=written(foreign), signatures=[signature("guizhou", foreign)])
        )
        assert (told_.code, told_.reason) == ("PERMISSION_DENIED", "NOT_A_PUBLISHER")
        old = client.next_version("chongqing")
        newer = {**old, "valid_until": LIFE + 1}
        await client.publish(newer, "chongqing")
        twice = await client.refused(
            pb.PublishCatalogRequest(document=written(old), signatures=[signature("chongqing", old)])
        )
        assert (twice.code, twice.reason) == ("FAILED_PRECONDITION", "EQUIVOCATION")
        third = client.next_version("chongqing")
        await client.publish(third, "chongqing")
        back = await client.refused(
            pb.PublishCatalogRequest(document=written(old), signatures=[signature("chongqing", old)])
        )
        assert (back.code, back.reason) == ("FAILED_PRECONDITION", "ROLLBACK")
        client.node.clock.now = LIFE + 1.0
        stale = await client.refused(pb.GetSignedCatalogRequest(name="catalogs/chongqing"))
        assert (stale.code, stale.reason) == ("FAILED_PRECONDITION", "CATALOG_STALE")


async def test_differences_are_told_field_by_field_in_words() -> None:
    """Added, removed and changed, in four languages."""
    async with client_of_a_node() as client:
        before = client.node.catalogs.newest(JOINT)
        assert before is not None
        items = [replace(one, note="新") if one.item == "CY-01" else one for one in before.items if one.item != "CY-02"]
        plain = following(client.node.catalogs, JOINT, [*items, replace(items[0], item="CY-09")])
        await client.publish(plain, "chongqing")
        after = f"catalogs/{JOINT}/versions/{canonical_digest(plain)}"
        asked = pb.DiffCatalogsRequest(before=f"catalogs/{JOINT}/versions/{before.digest}", after=after)
        diff = (await client(asked)).diff
    assert ([i.item for i in diff.added], [i.item for i in diff.removed]) == (["CY-09"], ["CY-02"])
    ((item, fields),) = ((change.item.item, change.fields) for change in diff.changed)
    assert (item, [(f.field, f.before, f.after) for f in fields]) == ("CY-01", [("note", "", "新")])
    assert len({fields[0].sentence.zh_hans, fields[0].sentence.zh_hant, fields[0].sentence.pt}) == 3
    assert {change.field for change in diff.head} == {"sequence", "previous", "valid_until"}
    assert len(diff.summary) == 2
    assert (diff.before.sequence, diff.after.sequence) == (1, 2)


async def test_a_proposal_of_districts_becomes_a_document_to_sign() -> None:
    """Or a list of what is wrong with it."""
    async with client_of_a_node() as client:
        asked = pb.FoldProposalRequest(
            name=f"catalogs/{JOINT}",
            proposal="rongchang-luzhou",
            division_codes=["500153", "510500"],
            items=table(),
            valid_until=LIFE,
        )
        folded = await client(asked)
        assert canonical_digest(json.loads(folded.document)) == folded.digest
        signed = [signature(region, json.loads(folded.document)) for region in ("chongqing", "sichuan")]
        done = await client(pb.PublishCatalogRequest(document=folded.document, signatures=signed))
        assert not done.version.missing_signatures
        asked.division_codes[:] = ["500153", "500152"]
        wrong = await client(asked)
        assert (wrong.document, wrong.digest) == (b"", "")
        assert {(f.row, f.column, f.rule) for f in wrong.faults} == {
            (0, "divisions", "one_of_each_party"),
            (2, "item_id", "unique"),
        }
        foreign = await client.refused(
            pb.FoldProposalRequest(name="catalogs/greater-bay-area", proposal="x", division_codes=["440100"], items="x")
        )
        assert foreign.reason == "NOT_A_PUBLISHER"


async def test_watchers_hear_of_each_version_at_once() -> None:
    """First what is there and not known, then what comes; documents only where they are asked for."""
    async with client_of_a_node() as client:
        old = client.next_version("guizhou")
        known = client.next_version("xizang")
        use = publisher(client.node.catalogs, client.node.clock, client.node.journal)
        for plain, region in ((old, "guizhou"), (known, "xizang")):
            use.accept(use.check(written(plain)), [signature(region, plain)], peer=region)
        watch = client.watch(pb.WatchCatalogsRequest(known_digests=[canonical_digest(known)], documents=True))
        first = await asyncio.wait_for(watch.read(), 5)
        assert (first.kind, first.catalog.version.catalog) == (told.CATALOG_EVENT_KIND_KNOWN, "guizhou")
        assert first.catalog.document == written(old)
        plain = client.next_version(JOINT)
        await client.publish(plain, "chongqing")
        pending = await asyncio.wait_for(watch.read(), 5)
        assert pending.kind == told.CATALOG_EVENT_KIND_PENDING
        await client.publish(plain, "sichuan", caller=PLATFORM)
        complete = await asyncio.wait_for(watch.read(), 5)
        assert (complete.kind, len(complete.catalog.signatures)) == (told.CATALOG_EVENT_KIND_COMPLETE, 2)
        watch.cancel()
        only = client.watch(pb.WatchCatalogsRequest(names=["catalogs/xizang"]))
        alone = await asyncio.wait_for(only.read(), 5)
        assert (alone.catalog.version.catalog, alone.catalog.document) == ("xizang", b"")
        only.cancel()


async def test_a_watcher_that_falls_behind_is_let_go() -> None:
    """It is told so, and others are not held up; what it did not ask for does not count."""
    book = FakeNode().catalogs
    news = catalog_publication._News(book, frozenset({"xizang"}))
    version, other = book.newest("xizang"), book.newest("guizhou")
    assert version is not None
    assert other is not None
    for _ in range(catalog_publication._MOST_UNREAD):
        book.add(version)
        book.add(other)
    assert await news.next() is version
    book.add(version)
    book.add(version)
    with pytest.raises(LimitError):
        await news.next()
    news.close()


async def test_too_many_known_versions_and_wrong_names_are_refused() -> None:
    """Before anything is told."""
    async with client_of_a_node() as client:
        for request in (
            pb.WatchCatalogsRequest(names=["x"]),
            pb.WatchCatalogsRequest(known_digests=["x"] * 10_001),
            pb.WatchCatalogsRequest(known_digests=["x" * 43, "junk"]),
        ):
            told_ = await refused(client.watch(request).read())
            assert told_.reason == "INVALID_FIELD"
