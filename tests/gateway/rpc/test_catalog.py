"""CatalogService: catalogs, items, filters, pages, and what an item corresponds to."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from adapters.words import ApplicationClass, LegalStatus, Medium
from gateway.rpc import convert, convert_catalog
from onecard.gateway.v1 import card_pb2, catalog_pb2
from onecard.gateway.v1 import catalog_service_pb2 as pb
from onecard.gateway.v1.catalog_service_pb2_grpc import CatalogServiceStub
from tests.fakes.callers import PLATFORM, bearer
from tests.fakes.node import FakeNode, channel_to
from tests.fakes.regions import REGISTRY, item
from tests.gateway.rpc.told import Told, refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from adapters.canonical import ApplicationItem

ALL = [one for adapter in REGISTRY for one in adapter.catalog]


class Client:
    """Calls one method after another with good metadata."""

    def __init__(self, stub: Any, node: FakeNode) -> None:  # noqa: ANN401 - a generated stub
        """Keep stub and node."""
        self._stub = stub
        self._node = node

    async def __call__(self, request: Any) -> Any:  # noqa: ANN401 - any message of the service
        """Call the method that takes this request."""
        method = getattr(self._stub, type(request).__name__.removesuffix("Request"))
        return await method(request, metadata=bearer(PLATFORM, self._node.clock, "catalog.read"))

    async def refused(self, request: Any) -> Told:  # noqa: ANN401 - any message of the service
        """Call, and read the error."""
        return await refused(self(request))


@asynccontextmanager
async def catalog_client() -> AsyncIterator[Client]:
    """Start a node and give a client of its CatalogService."""
    node = FakeNode()
    async with channel_to(node.server()) as channel:
        yield Client(CatalogServiceStub(channel), node)


async def every(client: Client, size: int = 1000, **filters: Any) -> list[tuple[str, str]]:  # noqa: ANN401 - any filter
    """Give region and item of all pages."""
    found: list[tuple[str, str]] = []
    token = ""
    while True:
        reply = await client(
            pb.ListApplicationItemsRequest(**{"parent": "regions/-", **filters}, page_size=size, page_token=token)
        )
        found += [(one.region, one.item) for one in reply.items]
        token = reply.next_page_token
        if not token:
            return found


async def test_catalogs_are_listed_in_the_order_of_their_regions_and_got_one_by_one() -> None:
    """Paging and the single method show the same catalogs."""
    async with catalog_client() as client:
        one = await client(pb.ListCatalogsRequest(page_size=4))
        two = await client(pb.ListCatalogsRequest(page_size=5, page_token=one.next_page_token))
        assert two.next_page_token == ""
        listed = [*one.catalogs, *two.catalogs]
        assert [catalog.region for catalog in listed] == list(REGISTRY.regions)
        for catalog in listed:
            assert (await client(pb.GetCatalogRequest(name=catalog.name))).catalog == catalog
            known = REGISTRY.get(catalog.region).catalog
            assert (catalog.item_count, catalog.version) == (len(known), known.version)
            assert list(catalog.legal_sources) == list(known.sources)
        assert {c.region for c in listed if c.legal_status == catalog_pb2.LEGAL_STATUS_DRAFT} == {"guangxi"}


FILTERS: list[tuple[dict[str, Any], Callable[[ApplicationItem], bool]]] = [
    ({}, lambda _: True),
    ({"parent": "regions/sichuan"}, lambda i: i.region == "sichuan"),
    (
        {"application_class": card_pb2.APPLICATION_CLASS_DISBURSEMENT},
        lambda i: ApplicationClass.DISBURSEMENT in i.classes,
    ),
    ({"medium": card_pb2.MEDIUM_PHYSICAL}, lambda i: Medium.PHYSICAL in i.media),
    ({"legal_status": catalog_pb2.LEGAL_STATUS_DRAFT}, lambda i: i.legal_status is LegalStatus.DRAFT),
    ({"item_type": "CUL.MUSEUM"}, lambda i: any(r.item_type == "CUL.MUSEUM" for r in i.relations)),
    ({"item_type": "TRA.*"}, lambda i: any(r.item_type.startswith("TRA.") for r in i.relations)),
    ({"item_type": "no.such"}, lambda _: False),
    ({"text": "MUSEUM"}, lambda i: "museum" in f"{i.item} {i.name.en} {i.name.pt}".casefold()),
    ({"text": "cq-3"}, lambda i: i.item.casefold().startswith("cq-3")),
    (
        {"parent": "regions/chongqing", "medium": card_pb2.MEDIUM_ELECTRONIC, "text": "馆"},
        lambda i: i.region == "chongqing" and Medium.ELECTRONIC in i.media and "馆" in i.name.zh_hans,
    ),
]


@pytest.mark.parametrize(("filters", "wanted"), FILTERS, ids=[str(list(f)) for f, _ in FILTERS])
async def test_filters_are_combined_by_and(filters: dict[str, Any], wanted: Callable[[ApplicationItem], bool]) -> None:
    """Precisely the items that meet every filter, by region and identifier."""
    expected = [(i.region, i.item) for i in ALL if wanted(i)]
    async with catalog_client() as client:
        assert await every(client, **filters) == expected
        assert bool(expected) is ("no.such" not in filters.values())


async def test_pages_of_any_size_make_up_the_whole() -> None:
    """Through the wire, with tokens of the server."""
    async with catalog_client() as client:
        whole = await every(client)
        assert len(whole) == len(ALL)
        assert await every(client, size=7) == whole
        assert await every(client, size=0) == whole


async def test_a_token_belongs_to_its_arguments() -> None:
    """Each other argument makes the token foreign; the page size may change."""
    async with catalog_client() as client:
        first = await client(pb.ListApplicationItemsRequest(parent="regions/-", page_size=3))
        token = first.next_page_token
        others: list[dict[str, Any]] = [
            {"parent": "regions/sichuan"},
            {"application_class": 1},
            {"medium": 1},
            {"item_type": "CUL.*"},
            {"legal_status": 1},
            {"text": "a"},
        ]
        for other in others:
            asked = pb.ListApplicationItemsRequest(**{"parent": "regions/-", "page_token": token, **other})
            told = await client.refused(asked)
            assert (told.code, told.reason) == ("INVALID_ARGUMENT", "BAD_PAGE_TOKEN")
        assert (await client.refused(pb.ListCatalogsRequest(page_token=token))).reason == "BAD_PAGE_TOKEN"
        more = await client(pb.ListApplicationItemsRequest(parent="regions/-", page_size=1, page_token=token))
        assert [one.item for one in more.items] == [ALL[3].item]


@pytest.mark.parametrize(
    ("changes", "violations"),
    [
        ({"parent": "chongqing"}, (("parent", "regions/{region}, regions/- or catalogs/{catalog}"),)),
        ({"page_size": -1}, (("page_size", "not_negative"),)),
        (
            {"application_class": 9, "medium": 9, "legal_status": 9, "text": "x" * 101},
            (
                ("application_class", "unknown_value"),
                ("medium", "unknown_value"),
                ("legal_status", "unknown_value"),
                ("text", "at_most_100_characters"),
            ),
        ),
    ],
)
async def test_wrong_filters_are_named(changes: dict[str, Any], violations: tuple[tuple[str, str], ...]) -> None:
    """All of them at once."""
    async with catalog_client() as client:
        told = await client.refused(pb.ListApplicationItemsRequest(**{"parent": "regions/-", **changes}))
    assert (told.code, told.reason, told.violations) == ("INVALID_ARGUMENT", "INVALID_FIELD", violations)


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (pb.ListApplicationItemsRequest(parent="regions/atlantis"), "UNKNOWN_REGION"),
        (pb.GetCatalogRequest(name="regions/atlantis/catalog"), "UNKNOWN_REGION"),
        (pb.GetApplicationItemRequest(name="regions/chongqing/items/CQ-99"), "UNKNOWN_ITEM"),
        (
            pb.TranslateApplicationItemRequest(name="regions/chongqing/items/CQ-31", target_region="atlantis"),
            "UNKNOWN_REGION",
        ),
    ],
)
async def test_what_is_not_there_is_not_found(request_: Any, reason: str) -> None:  # noqa: ANN401 - any message
    """And what was asked for is not repeated."""
    async with catalog_client() as client:
        told = await client.refused(request_)
    assert (told.code, told.reason) == ("NOT_FOUND", reason)
    assert "atlantis" not in repr(told)


async def test_an_item_says_everything_that_is_known_of_it() -> None:
    """Every column of the catalog reaches the wire, for every item."""
    async with catalog_client() as client:
        for known in ALL[::5]:
            name = f"regions/{known.region}/items/{known.item}"
            told = (await client(pb.GetApplicationItemRequest(name=name))).item
            assert told.name == name
            assert told.display_name.zh_hans == known.name.zh_hans
            assert told.display_name.pt == known.name.pt
            assert [convert.CLASS_WORD[c] for c in told.classes] == list(known.classes)
            assert [convert.MEDIUM_WORD[m] for m in told.media] == list(known.media)
            assert [(r.item_type, r.relation) for r in told.item_types] == [
                (r.item_type, convert_catalog.RELATION[r.relation]) for r in known.relations
            ]
            assert [(d.year, d.printed, d.level) for d in told.depths] == [
                (d.year, d.printed, d.level or 0) for d in known.depths
            ]
            assert told.effective_from == (known.effective_from.isoformat() if known.effective_from else "")
            assert told.effective_to == (known.effective_to.isoformat() if known.effective_to else "")
            for name_ in ("content", "residue", "article", "synthetic", "sensitive", "one_time", "note", "depth_note"):
                assert getattr(told, name_) == getattr(known, name_)
            assert (told.responsible_unit, told.cooperating_units) == (known.unit, known.co_units)
            assert told.legal_source == known.source


async def test_an_item_is_translated_with_what_is_lost() -> None:
    """A split: CQ-30 is SC-13 and SC-14 together, and one of them alone is not enough."""
    async with catalog_client() as client:
        asked = pb.TranslateApplicationItemRequest(name="regions/chongqing/items/CQ-30", target_region="sichuan")
        told = (await client(asked)).equivalence
        ferry = pb.TranslateApplicationItemRequest(name="regions/guangdong/items/GD-07", target_region="chongqing")
        none = (await client(ferry)).equivalence
    assert told.relation == catalog_pb2.RELATION_EXACT
    assert list(told.complete_set) == ["SC-13", "SC-14"]
    assert {found.item.item: found.relation for found in told.items}["SC-13"] == catalog_pb2.RELATION_NARROWER
    assert "item_type:CUL.LIBRARY.LOAN" in next(f for f in told.items if f.item.item == "SC-13").lost
    assert len({told.explanation.zh_hans, told.explanation.zh_hant, told.explanation.en, told.explanation.pt}) == 4
    assert dict(told.regional_fields) == REGISTRY.get("sichuan").item_from_canonical(item("chongqing", "CQ-30"))
    assert (none.relation, len(none.items)) == (catalog_pb2.RELATION_NONE, 0)
    assert list(none.uncovered_item_types) == ["TRA.FERRY"]
