"""CatalogRulesService: depth, the guard against duplicate cards, venues, and what a region's text says of the card."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from adapters.card_guard import Instrument, check_issuance, functions_of
from adapters.card_rules import InstrumentKind
from adapters.depth import PaymentReach, Share, compute_depth, legend, planned_level, printed_depths
from adapters.venues import Access
from adapters.words import ApplicationClass
from gateway.errors import InvalidFieldError
from gateway.rpc import names
from gateway.rpc.convert import CLASS_WORD, MEDIUM_WORD, Fields
from gateway.rpc.convert_catalog import LAYER_WORD
from gateway.rpc.convert_rules import (
    ACCESS_WORD,
    FINDING_WORD,
    KIND_WORD,
    REACH_WORD,
    criterion_messages,
    guard_message,
    printed_depth_message,
    rules_message,
    venue_message,
)
from onecard.gateway.v1 import catalog_rules_service_pb2 as pb

if TYPE_CHECKING:
    from datetime import date

    from adapters.canonical import ApplicationItem
    from adapters.catalog import Catalog
    from adapters.depth import Measure, PrintedDepth
    from adapters.equivalence import Catalogs
    from adapters.registry import Registry
    from adapters.venues import Venue
    from gateway.rpc.boundary import Call
    from gateway.rpc.days import Days
    from gateway.rpc.paging import Paging
    from onecard.gateway.v1.catalog_rules_pb2 import DepthMeasure

_ITEM_TYPE = re.compile(r"[A-Z][A-Z0-9.]{0,60}(\.\*)?\Z")
_MOST_FUNCTIONS = 100


class CatalogRulesServicer:
    """Serves CatalogRulesService."""

    SERVICE: ClassVar = pb.DESCRIPTOR.services_by_name["CatalogRulesService"]
    SCOPES: ClassVar = dict.fromkeys((method.name for method in SERVICE.methods), "catalog.read")
    WAITS: ClassVar = frozenset[str]()
    DECIDES: ClassVar = frozenset[str]()

    def __init__(self, *, registry: Registry, book: Catalogs, paging: Paging, days: Days) -> None:
        """Take the regions with their rules, their catalogs as of any day, and what reads days."""
        self._registry = registry
        self._book = book
        self._paging = paging
        self._days = days

    async def compute_depth(self, request: pb.ComputeDepthRequest, _call: Call) -> pb.ComputeDepthResponse:
        """Compute a level from a measurement, and compare it with an item's plan where one is named."""
        fields = Fields()
        chosen = fields.word("application_class", request.application_class, CLASS_WORD, ApplicationClass.IDENTITY)
        measure = _measure(request.measure, fields)
        on = self._days.read(request.as_of, fields)
        fields.finish()
        computed = compute_depth(chosen, measure)
        planned = 0
        if request.item:
            region, item = names.read_item(request.item, field="item")
            planned = planned_level(self._book.on(region, on).get(item), chosen, request.year) or 0
        return pb.ComputeDepthResponse(
            level=computed.level,
            deepest_level=computed.deepest,
            missing=computed.missing,
            planned_level=planned,
            plan_reached=0 < planned <= computed.level,
            criteria=criterion_messages(chosen),
            legal_source=legend().source,
            article=legend().article,
        )

    async def list_depths(self, request: pb.ListDepthsRequest, _call: Call) -> pb.ListDepthsResponse:
        """List the printed depths of one region or of all."""
        found = self._depths(request)
        narrowed = (request.parent, request.year, request.application_class, request.finding, request.as_of)
        arguments = "\x1f".join(("depths", *map(str, narrowed)))
        page, token = self._paging.page(found, size=request.page_size, token=request.page_token, arguments=arguments)
        return pb.ListDepthsResponse(
            depths=[printed_depth_message(item, depth) for item, depth in page], next_page_token=token
        )

    def _depths(self, request: pb.ListDepthsRequest) -> list[tuple[ApplicationItem, PrintedDepth]]:
        fields = Fields()
        on = self._days.read(request.as_of, fields)
        chosen = (
            fields.word("application_class", request.application_class, CLASS_WORD, None)
            if request.application_class
            else None
        )
        finding = fields.word("finding", request.finding, FINDING_WORD, None) if request.finding else None
        fields.finish()
        return [
            (item, depth)
            for catalog in self._catalogs(request.parent, on)
            for item in catalog
            for depth in printed_depths(item)
            if request.year in {0, depth.year}
            and chosen in {None, depth.application_class}
            and finding in {None, depth.finding}
        ]

    async def check_card_issuance(
        self, request: pb.CheckCardIssuanceRequest, _call: Call
    ) -> pb.CheckCardIssuanceResponse:
        """Decide on an instrument beside the card."""
        fields = Fields()
        region = names.note(fields, names.read_one_parent, request.parent)
        kind = fields.word("kind", request.kind, KIND_WORD, InstrumentKind.CARD)
        demanded_by = fields.word("demanded_by", request.demanded_by, LAYER_WORD, None) if request.demanded_by else None
        on = self._days.read(request.as_of, fields)
        if len(request.items) + len(request.item_types) > _MOST_FUNCTIONS:
            fields.add("item_types", f"at_most_{_MOST_FUNCTIONS}")
        fields.finish()
        adapter, catalog = self._registry.get(region), self._book.on(region, on)
        instrument = Instrument(
            kind=kind,
            functions=(*self._functions(request, catalog), *request.item_types),
            issued_before=request.issued_before,
            demanded_by=demanded_by,
        )
        answer = check_issuance(instrument, adapter.rules, catalog, self._registry.taxonomy, on=on)
        return guard_message(adapter.region, answer)

    def _functions(self, request: pb.CheckCardIssuanceRequest, catalog: Catalog) -> tuple[str, ...]:
        """Give the item types of the items named, which are all of the region asked about."""
        found = []
        for name in request.items:
            region, item = names.read_item(name, field="items")
            if region != catalog.region:
                raise InvalidFieldError(("items", "of_the_region"))
            found.append(catalog.get(item))
        return functions_of(found)

    async def list_venues(self, request: pb.ListVenuesRequest, _call: Call) -> pb.ListVenuesResponse:
        """List the places where items can be used."""
        found = self._venues(request)
        arguments = "\x1f".join(
            (
                "venues",
                request.parent,
                request.item,
                request.item_type,
                request.division_code,
                str(request.medium),
                str(sorted(request.access)),
                request.as_of,
            )
        )
        page, token = self._paging.page(found, size=request.page_size, token=request.page_token, arguments=arguments)
        return pb.ListVenuesResponse(venues=[venue_message(venue) for venue in page], next_page_token=token)

    def _venues(self, request: pb.ListVenuesRequest) -> list[Venue]:
        fields = Fields()
        on = self._days.read(request.as_of, fields)
        division = fields.division("division_code", request.division_code)
        item_type = fields.text("item_type", request.item_type, _ITEM_TYPE, required=False)
        medium = fields.word("medium", request.medium, MEDIUM_WORD, None) if request.medium else None
        access = frozenset(fields.word("access", fact, ACCESS_WORD, Access.STEP_FREE) for fact in request.access)
        fields.finish()
        asked = names.read_item(request.item, field="item") if request.item else None
        if asked is not None:
            self._book.on(asked[0], on).get(asked[1])
        return [
            venue
            for catalog in self._catalogs(request.parent, on)
            for venue in self._registry.get(catalog.region).venues.filter(
                items=_wanted(catalog, asked, item_type), division=division, medium=medium, access=access
            )
        ]

    async def get_card_rules(self, request: pb.GetCardRulesRequest, _call: Call) -> pb.GetCardRulesResponse:
        """Get what a region's text says of the card."""
        adapter = self._registry.get(names.read_card_rules(request.name))
        fields = Fields()
        on = self._days.read(request.as_of, fields)
        fields.finish()
        return pb.GetCardRulesResponse(rules=rules_message(adapter.rules, self._book.on(adapter.region, on), on=on))

    def _catalogs(self, parent: str, on: date) -> list[Catalog]:
        """Give the catalogs of one region on a day, or of all."""
        region = names.read_parent(parent)
        regions = self._registry.regions if region == names.ALL_REGIONS else (self._registry.get(region).region,)
        return [self._book.on(one, on) for one in regions]


def _measure(message: DepthMeasure, fields: Fields) -> Measure:
    """Read the measurement (MalformedFieldError where a share cannot be counted)."""
    match message.WhichOneof("kind"):
        case "share":
            return Share(message.share.supported, message.share.total)
        case "payment_reach":
            number = message.payment_reach
            reach: PaymentReach = fields.word("measure.payment_reach", number, REACH_WORD, PaymentReach.NONE)
            return reach
        case _:
            fields.add("measure", "required")
            return PaymentReach.NONE


def _wanted(catalog: Catalog, asked: tuple[str, str] | None, item_type: str) -> frozenset[str] | None:
    """Give the items of a region that venues must serve, None where any will do."""
    if asked is None and not item_type:
        return None
    of_type = {item.item for item in catalog.filter(item_type=item_type)}
    if asked is None:
        return frozenset(of_type)
    return frozenset({asked[1]} & of_type) if asked[0] == catalog.region else frozenset()
