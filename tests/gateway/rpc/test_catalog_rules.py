"""CatalogRulesService: depth, the guard against duplicate cards, venues, and what a region's text says of the card."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from onecard.gateway.v1 import card_pb2, catalog_pb2
from onecard.gateway.v1 import catalog_rules_pb2 as told
from onecard.gateway.v1 import catalog_rules_service_pb2 as pb
from onecard.gateway.v1.catalog_rules_service_pb2_grpc import CatalogRulesServiceStub
from tests.fakes.callers import PLATFORM, bearer
from tests.fakes.catalogs import following, publisher, signature, written
from tests.fakes.node import FakeNode, channel_to
from tests.fakes.regions import REGISTRY
from tests.gateway.rpc.told import Told, refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

IDENTITY, PAYMENT = card_pb2.APPLICATION_CLASS_IDENTITY, card_pb2.APPLICATION_CLASS_PAYMENT


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
async def rules_client() -> AsyncIterator[Client]:
    """Start a node and give a client of its CatalogRulesService."""
    node = FakeNode()
    async with channel_to(node.server()) as channel:
        yield Client(CatalogRulesServiceStub(channel), node)


async def test_a_depth_is_computed_and_held_against_the_plan() -> None:
    """CQ-30 plans the second level of identity for 2024 and the third for 2025; 70 of 100 reach the second."""
    asked = pb.ComputeDepthRequest(
        application_class=IDENTITY,
        measure=told.DepthMeasure(share=told.Share(supported=70, total=100)),
        item="regions/chongqing/items/CQ-30",
        year=2024,
    )
    async with rules_client() as client:
        reached = await client(asked)
        asked.year = 2025
        short = await client(asked)
        asked.year = 2031
        unplanned = await client(asked)
    assert (reached.level, reached.deepest_level, reached.missing) == (2, 3, 20)
    assert (reached.planned_level, reached.plan_reached) == (2, True)
    assert (short.planned_level, short.plan_reached) == (3, False)
    assert (unplanned.planned_level, unplanned.plan_reached) == (0, False)
    assert [c.level for c in reached.criteria] == [1, 2, 3]
    assert "70%" in reached.criteria[1].text.pt
    assert reached.article == "附件说明五"


async def test_payment_is_measured_by_what_is_possible() -> None:
    """Two levels, and the printed third one of row 28 plans nothing that payment could reach."""
    asked = pb.ComputeDepthRequest(
        application_class=PAYMENT,
        measure=told.DepthMeasure(payment_reach=told.PAYMENT_REACH_BILL),
        item="regions/chongqing/items/CQ-28",
        year=2027,
    )
    async with rules_client() as client:
        answer = await client(asked)
    assert (answer.level, answer.deepest_level, answer.planned_level, answer.plan_reached) == (2, 2, 0, False)


@pytest.mark.parametrize(
    ("asked", "reason", "field"),
    [
        (pb.ComputeDepthRequest(), "INVALID_FIELD", "application_class"),
        (pb.ComputeDepthRequest(application_class=IDENTITY), "INVALID_FIELD", "measure"),
        (
            pb.ComputeDepthRequest(application_class=IDENTITY, measure=told.DepthMeasure(share=told.Share())),
            "INVALID_FIELD",
            "total",
        ),
        (
            pb.ComputeDepthRequest(
                application_class=PAYMENT,
                measure=told.DepthMeasure(payment_reach=9),  # type: ignore[arg-type]  # no such number
            ),
            "INVALID_FIELD",
            "measure.payment_reach",
        ),
        (
            pb.ComputeDepthRequest(
                application_class=PAYMENT, measure=told.DepthMeasure(share=told.Share(supported=1, total=1))
            ),
            "INVALID_FIELD",
            "measure",
        ),
        (
            pb.ComputeDepthRequest(
                application_class=PAYMENT,
                measure=told.DepthMeasure(payment_reach=told.PAYMENT_REACH_NONE),
                item="regions/chongqing",
            ),
            "INVALID_FIELD",
            "item",
        ),
        (pb.ListDepthsRequest(parent="x"), "INVALID_FIELD", "parent"),
        (pb.ListDepthsRequest(parent="regions/-", finding=9), "INVALID_FIELD", "finding"),  # type: ignore[arg-type]  # no such number
        (pb.CheckCardIssuanceRequest(parent="regions/-"), "INVALID_FIELD", "parent"),
        (pb.CheckCardIssuanceRequest(parent="regions/chongqing", as_of="soon"), "INVALID_FIELD", "as_of"),
        (
            pb.CheckCardIssuanceRequest(parent="regions/chongqing", kind=told.INSTRUMENT_KIND_CARD),
            "INVALID_FIELD",
            "item_types",
        ),
        (
            pb.CheckCardIssuanceRequest(
                parent="regions/chongqing", kind=told.INSTRUMENT_KIND_CARD, items=["regions/sichuan/items/SC-15"]
            ),
            "INVALID_FIELD",
            "items",
        ),
        (
            pb.CheckCardIssuanceRequest(
                parent="regions/chongqing", kind=told.INSTRUMENT_KIND_CARD, item_types=["X.Y"] * 101
            ),
            "INVALID_FIELD",
            "item_types",
        ),
        (pb.ListVenuesRequest(parent="regions/-", division_code="50"), "INVALID_FIELD", "division_code"),
        (pb.ListVenuesRequest(parent="regions/-", item_type="x"), "INVALID_FIELD", "item_type"),
        (pb.ListVenuesRequest(parent="regions/-", access=[99]), "INVALID_FIELD", "access"),  # type: ignore[list-item]  # no such number
        (pb.GetCardRulesRequest(name="regions/chongqing"), "INVALID_FIELD", "name"),
        (pb.GetCardRulesRequest(name="regions/chongqing/cardRules", as_of="20250101"), "INVALID_FIELD", "as_of"),
    ],
)
async def test_what_is_wrong_is_named_by_field(asked: Any, reason: str, field: str) -> None:  # noqa: ANN401 - any message
    """INVALID_ARGUMENT with the field, never with its value."""
    async with rules_client() as client:
        answer = await client.refused(asked)
    assert (answer.code, answer.reason) == ("INVALID_ARGUMENT", reason)
    assert field in {name for name, _ in answer.violations}


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (pb.ListVenuesRequest(parent="regions/atlantis"), "UNKNOWN_REGION"),
        (pb.ListVenuesRequest(parent="regions/-", item="regions/chongqing/items/CQ-99"), "UNKNOWN_ITEM"),
        (pb.GetCardRulesRequest(name="regions/atlantis/cardRules"), "UNKNOWN_REGION"),
        (
            pb.CheckCardIssuanceRequest(
                parent="regions/chongqing", kind=told.INSTRUMENT_KIND_CARD, item_types=["NO.SUCH"]
            ),
            "UNKNOWN_ITEM",
        ),
    ],
)
async def test_what_is_not_there_is_not_found(asked: Any, reason: str) -> None:  # noqa: ANN401 - any message
    """Regions, items and item types."""
    async with rules_client() as client:
        answer = await client.refused(asked)
    assert (answer.code, answer.reason) == ("NOT_FOUND", reason)


async def test_printed_depths_are_listed_with_what_the_legend_makes_of_them() -> None:
    """Where table and legend contradict each other, the print and the last level of the legend stand side by side."""
    async with rules_client() as client:
        beyond = await client(
            pb.ListDepthsRequest(
                parent="regions/-", finding=told.DEPTH_FINDING_BEYOND_LEGEND, year=2027, page_size=1000
            )
        )
        everything = await client(pb.ListDepthsRequest(parent="regions/chongqing", page_size=1000))
        first = await client(pb.ListDepthsRequest(parent="regions/chongqing", page_size=2, application_class=PAYMENT))
        second = await client(
            pb.ListDepthsRequest(
                parent="regions/chongqing", page_size=2, application_class=PAYMENT, page_token=first.next_page_token
            )
        )
    assert {depth.item.rpartition("/")[2] for depth in beyond.depths} == {
        *("CQ-01", "CQ-02", "CQ-03", "CQ-04", "CQ-06", "CQ-09", "CQ-16", "CQ-28", "CQ-29")
    }
    assert {(d.printed, d.level, d.named_level, d.deepest_level) for d in beyond.depths} == {("三级", 0, 3, 2)}
    catalog = REGISTRY.get("chongqing").catalog
    assert len(everything.depths) == sum(len(item.depths) for item in catalog)
    assert [d.year for d in (*first.depths, *second.depths)] == [2024, 2025, 2026, 2027]


async def test_a_duplicate_card_is_refused_with_its_article() -> None:
    """By the item that lists its function, in four languages."""
    asked = pb.CheckCardIssuanceRequest(
        parent="regions/chongqing", kind=told.INSTRUMENT_KIND_QR_CODE, items=["regions/chongqing/items/CQ-30"]
    )
    async with rules_client() as client:
        answer = await client(asked)
        asked.as_of = "2024-12-31"
        before = await client(asked)
        asked.as_of, asked.demanded_by = "", catalog_pb2.LAYER_NATIONAL
        demanded = await client(asked)
    assert (answer.verdict, answer.ground) == (told.GUARD_VERDICT_REFUSED, told.GUARD_GROUND_ARTICLE)
    assert (answer.legal_source, answer.article) == ("重庆市社会保障卡一卡通条例", "第七条第一款")
    assert [f.item_type for f in answer.functions] == ["CUL.LIBRARY.ENTRY", "CUL.LIBRARY.LOAN"]
    assert [list(f.items) for f in answer.functions] == [["regions/chongqing/items/CQ-30"]] * 2
    assert len({answer.sentence.zh_hans, answer.sentence.zh_hant, answer.sentence.en, answer.sentence.pt}) == 4
    assert before.ground == told.GUARD_GROUND_NOT_YET_IN_FORCE
    assert (demanded.verdict, demanded.article) == (told.GUARD_VERDICT_FUSE, "第七条第二款")


async def test_a_legacy_card_gets_its_plan() -> None:
    """Steps in order, with the items that take the functions over."""
    asked = pb.CheckCardIssuanceRequest(
        parent="regions/chongqing",
        kind=told.INSTRUMENT_KIND_CARD,
        item_types=["CUL.MUSEUM", "TRA.FERRY"],
        issued_before=True,
    )
    async with rules_client() as client:
        answer = await client(asked)
    assert answer.verdict == told.GUARD_VERDICT_FUSION_PLAN
    assert [step.step for step in answer.plan] == [
        told.FUSION_STEP_STOP_ISSUING,
        told.FUSION_STEP_LOAD,
        told.FUSION_STEP_PROPOSE,
        told.FUSION_STEP_ACCEPT_BOTH,
        told.FUSION_STEP_RETIRE,
    ]
    assert list(answer.plan[1].items) == ["regions/chongqing/items/CQ-31"]


async def test_venues_are_found_by_item_place_form_and_access() -> None:
    """Each filter alone and together, over one region and over all; pages make up the whole."""
    async with rules_client() as client:
        listed = await client(pb.ListVenuesRequest(parent="regions/-", page_size=1000))
        one = await client(pb.ListVenuesRequest(parent="regions/-", item="regions/chongqing/items/CQ-30"))
        typed = await client(pb.ListVenuesRequest(parent="regions/-", item_type="CUL.LIBRARY.*", page_size=1000))
        both = await client(
            pb.ListVenuesRequest(parent="regions/-", item="regions/chongqing/items/CQ-30", item_type="TRA.*")
        )
        near = await client(
            pb.ListVenuesRequest(
                parent="regions/chongqing",
                division_code="500103",
                medium=card_pb2.MEDIUM_PHYSICAL,
                access=[told.ACCESS_STEP_FREE],
            )
        )
        first = await client(pb.ListVenuesRequest(parent="regions/-", page_size=7))
        rest = await client(pb.ListVenuesRequest(parent="regions/-", page_size=1000, page_token=first.next_page_token))
    assert len(listed.venues) == sum(len(adapter.venues) for adapter in REGISTRY)
    assert [venue.name for venue in one.venues] == [
        "regions/chongqing/venues/CQ-V01",
        "regions/chongqing/venues/CQ-V02",
    ]
    assert {venue.region for venue in typed.venues} >= {"chongqing", "sichuan", "guangdong", "hongkong", "macao"}
    assert not both.venues
    assert [venue.name.rpartition("/")[2] for venue in near.venues] == ["CQ-V01", "CQ-V07"]
    assert [*first.venues, *rest.venues] == list(listed.venues)
    assert all(venue.synthetic for venue in listed.venues)


async def test_a_regions_rules_are_told_article_by_article() -> None:
    """What a text says, what it does not, and whether it binds on the day."""
    async with rules_client() as client:
        chongqing = (await client(pb.GetCardRulesRequest(name="regions/chongqing/cardRules"))).rules
        early = (await client(pb.GetCardRulesRequest(name="regions/chongqing/cardRules", as_of="2024-10-01"))).rules
        guangxi = (await client(pb.GetCardRulesRequest(name="regions/guangxi/cardRules"))).rules
        sichuan = (await client(pb.GetCardRulesRequest(name="regions/sichuan/cardRules"))).rules
        guangdong = (await client(pb.GetCardRulesRequest(name="regions/guangdong/cardRules"))).rules
    assert (chongqing.identity_article, chongqing.duplicate_reaches_similar, chongqing.binding) == (
        "第八条",
        True,
        True,
    )
    assert chongqing.effective_from == "2025-01-01"
    assert list(chongqing.electronic_only_items) == [f"regions/chongqing/items/CQ-{n}" for n in (10, 44)]
    assert "regions/chongqing/items/CQ-18" in chongqing.physical_only_items
    assert [channel.kind for channel in chongqing.complaint_channels] == [
        told.COMPLAINT_CHANNEL_KIND_TELEPHONE,
        told.COMPLAINT_CHANNEL_KIND_ONLINE,
    ]
    assert (early.binding, len(early.physical_only_items) > 0) == (False, True)
    assert (guangxi.legal_status, guangxi.binding) == (catalog_pb2.LEGAL_STATUS_DRAFT, False)
    assert (sichuan.legal_source, sichuan.duplicate_article, len(sichuan.complaint_channels)) == ("", "", 1)
    assert guangdong.media_equal_effect
    assert guangdong.identity_other_laws_prevail
    assert list(guangdong.list_layers) == [catalog_pb2.LAYER_PROVINCE, catalog_pb2.LAYER_CITY]


async def test_every_query_is_answered_by_the_list_of_a_day() -> None:
    """The last item is not in the next version any more: known on the day before its first day, unknown on that."""
    node = FakeNode()
    items = REGISTRY.get("chongqing").catalog.items
    last = items[-1].item
    plain = following(node.catalogs, "chongqing", items[:-1], effective_from=date(2027, 3, 1))
    use = publisher(node.catalogs, node.clock, node.journal)
    use.publish(use.check(written(plain)), [signature("chongqing", plain)], region="chongqing")
    name, region = f"regions/chongqing/items/{last}", "regions/chongqing"
    measure = told.DepthMeasure(share=told.Share(supported=1, total=1))
    asked: dict[str, dict[str, Any]] = {
        "ComputeDepth": {"application_class": IDENTITY, "measure": measure, "item": name, "year": 2025},
        "CheckCardIssuance": {"parent": region, "kind": told.INSTRUMENT_KIND_CARD, "items": [name]},
        "ListVenues": {"parent": region, "item": name},
    }
    async with channel_to(node.server()) as channel:
        client = Client(CatalogRulesServiceStub(channel), node)
        for method, fields in asked.items():
            make = getattr(pb, f"{method}Request")
            await client(make(**fields, as_of="2027-02-28"))
            assert (await client.refused(make(**fields, as_of="2027-03-01"))).reason == "UNKNOWN_ITEM", method
            assert (await client.refused(make(**fields, as_of="1.3.2027"))).fields == {"as_of"}, method
        listed = {
            day: {depth.item for depth in (await client(_depths(as_of=day))).depths}
            for day in ("2027-02-28", "2027-03-01")
        }
        assert listed["2027-02-28"] - listed["2027-03-01"] == {name}
        assert (await client.refused(_depths(as_of="1.3.2027"))).fields == {"as_of"}


def _depths(**changes: Any) -> pb.ListDepthsRequest:  # noqa: ANN401 - any field
    """Ask for all depths of Chongqing."""
    return pb.ListDepthsRequest(parent="regions/chongqing", page_size=1000, **changes)
