"""CatalogService beyond the regions' own lists: other layers, any day, and the 44 items of Chongqing as printed."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from adapters.words import VenueSet
from gateway.rpc.convert import CLASS, MEDIUM
from onecard.gateway.v1 import catalog_pb2
from onecard.gateway.v1 import catalog_service_pb2 as pb
from onecard.gateway.v1.catalog_service_pb2_grpc import CatalogServiceStub
from tests.fakes.callers import PLATFORM, bearer
from tests.fakes.catalogs import following, publisher, signature, written
from tests.fakes.node import FakeNode, channel_to
from tests.fakes.regions import REGISTRY
from tests.gateway.rpc.told import refused

TABLE = Path(__file__).resolve().parents[3] / "adapters" / "chongqing" / "catalog.csv"
JOINT = "sichuan-chongqing"


async def ask(node: FakeNode, *requests: Any) -> list[Any]:  # noqa: ANN401 - messages of the service
    """Call one method after another."""
    async with channel_to(node.server()) as channel:
        stub: Any = CatalogServiceStub(channel)
        return [
            await getattr(stub, type(one).__name__.removesuffix("Request"))(one, metadata=bearer(PLATFORM, node.clock))
            for one in requests
        ]


async def test_all_44_items_of_chongqing_appear_as_printed() -> None:
    """Name, content, units, classes, forms of the card, depths to the letter, and the row of the annex."""
    with TABLE.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 44
    node = FakeNode()
    (listed,) = await ask(node, pb.ListApplicationItemsRequest(parent="regions/chongqing", page_size=1000))
    assert (
        [item.item for item in listed.items] == [row["item_id"] for row in rows] == [f"CQ-{n:02}" for n in range(1, 45)]
    )
    for number, (item, row) in enumerate(zip(listed.items, rows, strict=True), start=1):
        assert item.article == f"附件第{number}行"
        assert item.legal_source == "重庆市居民服务“一卡通”工作方案（渝府办发〔2024〕73号）"
        assert (item.display_name.zh_hans, item.content) == (row["name_zh_hans"], row["content"])
        assert (item.responsible_unit, item.cooperating_units) == (row["unit"], row["co_units"])
        assert [CLASS[c] for c in row["classes"].split("+")] == list(item.classes)
        assert [MEDIUM[m] for m in row["media"].split("+")] == list(item.media)
        printed = {year: row[f"depth_{year}"] for year in (2024, 2025, 2026, 2027)}
        assert {depth.year: depth.printed for depth in item.depths} == {y: p for y, p in printed.items() if p}
        assert len(item.depths) == len(item.classes) * sum(map(bool, printed.values()))
        assert item.item_types or item.residue
        assert item.in_force


async def test_every_ordered_pair_of_regions_can_be_asked() -> None:
    """All 72, through the wire; each answer says how the items stand."""
    pairs = [(one, other) for one in REGISTRY.regions for other in REGISTRY.regions if one != other]
    assert len(pairs) == 72
    requests = [
        pb.TranslateApplicationItemRequest(
            name=f"regions/{one}/items/{next(iter(REGISTRY.get(one).catalog)).item}", target_region=other
        )
        for one, other in pairs
    ]
    answers = await ask(FakeNode(), *requests)
    assert all(answer.equivalence.relation != catalog_pb2.RELATION_UNSPECIFIED for answer in answers)
    assert [answer.equivalence.target_region for answer in answers] == [other for _, other in pairs]


async def test_a_catalog_of_any_layer_is_listed_and_got() -> None:
    """The regions' own first, as ever; the others where they are wanted."""
    (own, everything, national, joint) = await ask(
        FakeNode(),
        pb.ListCatalogsRequest(page_size=1000),
        pb.ListCatalogsRequest(page_size=1000, all_layers=True),
        pb.GetCatalogRequest(name="catalogs/national"),
        pb.GetCatalogRequest(name=f"catalogs/{JOINT}"),
    )
    assert [c.region for c in own.catalogs] == list(REGISTRY.regions)
    assert list(everything.catalogs)[: len(own.catalogs)] == list(own.catalogs)
    assert {c.layer for c in everything.catalogs} == set(catalog_pb2.Layer.values()) - {0}
    assert (national.catalog.region, list(national.catalog.regions), national.catalog.layer) == (
        "",
        [],
        catalog_pb2.LAYER_NATIONAL,
    )
    assert list(joint.catalog.regions) == ["chongqing", "sichuan"]
    assert joint.catalog.holds
    chongqing = own.catalogs[0]
    assert (chongqing.name, chongqing.extends) == ("regions/chongqing/catalog", "catalogs/national")


async def test_items_of_other_layers_have_names_of_their_own() -> None:
    """And can be got, listed and translated by them."""
    (one, listed, translated) = await ask(
        FakeNode(),
        pb.GetApplicationItemRequest(name="catalogs/guangdong-shenzhen/items/SZ-02"),
        pb.ListApplicationItemsRequest(parent=f"catalogs/{JOINT}"),
        pb.TranslateApplicationItemRequest(name=f"catalogs/{JOINT}/items/CY-03", target_region="sichuan"),
    )
    assert (one.item.name, one.item.region) == ("catalogs/guangdong-shenzhen/items/SZ-02", "guangdong")
    assert (one.item.overrides, one.item.requirement) == ("GD-08", catalog_pb2.REQUIREMENT_REQUIRED)
    assert one.item.venue_set == catalog_pb2.VENUE_SET_LISTED
    assert [item.region for item in listed.items] == [""] * 6
    assert listed.items[0].name == f"catalogs/{JOINT}/items/CY-01"
    assert translated.equivalence.source.catalog == f"catalogs/{JOINT}"
    assert list(translated.equivalence.complete_set) == ["SC-13", "SC-14"]


async def test_every_query_is_answered_as_of_a_day() -> None:
    """Before its first day Chongqing's plan is shown and in force for nothing; a draft never is."""
    early = "2024-09-15"
    (item, listed, live, translated, later, draft) = await ask(
        FakeNode(),
        pb.GetApplicationItemRequest(name="regions/chongqing/items/CQ-31", as_of=early),
        pb.ListApplicationItemsRequest(parent="regions/chongqing", as_of=early, page_size=1000),
        pb.ListApplicationItemsRequest(parent="regions/chongqing", as_of=early, in_force_only=True),
        pb.TranslateApplicationItemRequest(name="regions/sichuan/items/SC-15", target_region="chongqing", as_of=early),
        pb.TranslateApplicationItemRequest(name="regions/sichuan/items/SC-15", target_region="chongqing"),
        pb.ListApplicationItemsRequest(parent="regions/guangxi", page_size=1000),
    )
    assert not item.item.in_force
    assert (len(listed.items), len(live.items)) == (44, 0)
    assert translated.equivalence.relation == catalog_pb2.RELATION_NONE
    assert later.equivalence.relation == catalog_pb2.RELATION_EXACT
    assert not any(one.in_force for one in draft.items)


async def test_a_published_version_is_shown_from_its_first_day_on() -> None:
    """As of two dates the same query has two answers."""
    node = FakeNode()
    old = node.catalogs.newest(JOINT)
    assert old is not None
    new = [*old.items, replace(old.items.get("CY-04"), item="CY-08")]
    plain = following(node.catalogs, JOINT, new, effective_from=date(2026, 7, 1))
    use = publisher(node.catalogs, node.clock, node.journal)
    signed = [signature(region, plain) for region in ("chongqing", "sichuan")]
    use.publish(use.check(written(plain)), signed, region="sichuan")
    (before, after, shown) = await ask(
        node,
        pb.ListApplicationItemsRequest(parent=f"catalogs/{JOINT}", as_of="2026-06-30"),
        pb.ListApplicationItemsRequest(parent=f"catalogs/{JOINT}", as_of="2026-07-01"),
        pb.GetCatalogRequest(name=f"catalogs/{JOINT}", as_of="2026-07-01"),
    )
    assert (len(before.items), len(after.items)) == (6, 7)
    assert (shown.catalog.item_count, shown.catalog.effective_from) == (7, "2026-07-01")


async def test_what_applies_at_a_place_is_put_together_layer_by_layer() -> None:
    """Shenzhen: national, provincial and city items, with what each stands in the place of; joint lists beside."""
    (place, province) = await ask(
        FakeNode(),
        pb.ListEffectiveItemsRequest(parent="regions/guangdong", division_code="440305", page_size=1000),
        pb.ListEffectiveItemsRequest(parent="regions/guangdong", page_size=1000),
    )
    assert [c.catalog for c in place.layers] == [
        "catalogs/national",
        "catalogs/guangdong",
        "catalogs/guangdong-shenzhen",
    ]
    assert [c.catalog for c in place.joint] == ["catalogs/greater-bay-area"]
    found = {one.item.item: one for one in place.items}
    assert list(found["SZ-02"].in_place_of) == ["GD-08"]
    assert "GD-08" not in found
    assert "GD-08" in {one.item.item for one in province.items}
    assert {one.catalog for one in province.items} == {"catalogs/national", "catalogs/guangdong"}


async def test_what_the_province_begins_to_demand_stands_in_the_city() -> None:
    """Shenzhen's libraries are those on a list: where Guangdong demands all of them, its item stands beside."""
    node = FakeNode()
    items = [
        replace(one, venue_set=VenueSet.ALL) if one.item == "GD-08" else one
        for one in node.catalogs.document("guangdong").items
    ]
    plain = following(node.catalogs, "guangdong", items, effective_from=date(2026, 1, 1))
    use = publisher(node.catalogs, node.clock, node.journal)
    checked = use.check(written(plain))
    assert (checked.faults, checked.out_of_order) == ((), ("guangdong-shenzhen",))
    use.publish(checked, [signature("guangdong", plain)], region="guangdong")
    (place,) = await ask(
        node, pb.ListEffectiveItemsRequest(parent="regions/guangdong", division_code="440305", page_size=1000)
    )
    found = {one.item.item: list(one.in_place_of) for one in place.items}
    assert (found["GD-08"], found["SZ-02"]) == ([], [])


async def test_a_page_token_ends_with_the_state_of_the_catalogs() -> None:
    """What was published in between would else be left out or told twice."""
    node = FakeNode()
    async with channel_to(node.server()) as channel:
        stub: Any = CatalogServiceStub(channel)
        metadata = bearer(PLATFORM, node.clock)
        first = await stub.ListApplicationItems(
            pb.ListApplicationItemsRequest(parent="regions/-", page_size=3), metadata=metadata
        )
        plain = following(node.catalogs, "chongqing")
        use = publisher(node.catalogs, node.clock, node.journal)
        use.publish(use.check(written(plain)), [signature("chongqing", plain)], region="chongqing")
        again = pb.ListApplicationItemsRequest(parent="regions/-", page_size=3, page_token=first.next_page_token)
        told = await refused(stub.ListApplicationItems(again, metadata=metadata))
    assert told.reason == "BAD_PAGE_TOKEN"


@pytest.mark.parametrize(
    ("request_", "code", "reason"),
    [
        (pb.GetCatalogRequest(name="catalogs/-"), "INVALID_ARGUMENT", "INVALID_FIELD"),
        (pb.GetCatalogRequest(name="catalogs/atlantis"), "NOT_FOUND", "UNKNOWN_CATALOG"),
        (pb.GetCatalogRequest(name="regions/national/catalog"), "NOT_FOUND", "UNKNOWN_REGION"),
        (pb.GetCatalogRequest(name="catalogs/national", as_of="2026-2-1"), "INVALID_ARGUMENT", "INVALID_FIELD"),
        (pb.ListApplicationItemsRequest(parent="catalogs/-"), "INVALID_ARGUMENT", "INVALID_FIELD"),
        (pb.GetApplicationItemRequest(name="catalogs/national/items/CN-99"), "NOT_FOUND", "UNKNOWN_ITEM"),
        (pb.ListEffectiveItemsRequest(parent="regions/atlantis"), "NOT_FOUND", "UNKNOWN_REGION"),
        (
            pb.ListEffectiveItemsRequest(parent="regions/guangdong", division_code="44"),
            "INVALID_ARGUMENT",
            "INVALID_FIELD",
        ),
        (
            pb.TranslateApplicationItemRequest(
                name="catalogs/atlantis/items/AA-01", target_region="sichuan", as_of="2026-01-01"
            ),
            "NOT_FOUND",
            "UNKNOWN_CATALOG",
        ),
    ],
)
async def test_what_is_wrong_or_not_there_is_refused(request_: Any, code: str, reason: str) -> None:  # noqa: ANN401 - any message
    """By the table of errors."""
    node = FakeNode()
    async with channel_to(node.server()) as channel:
        stub: Any = CatalogServiceStub(channel)
        method = getattr(stub, type(request_).__name__.removesuffix("Request"))
        told = await refused(method(request_, metadata=bearer(PLATFORM, node.clock)))
    assert (told.code, told.reason) == (code, reason)
