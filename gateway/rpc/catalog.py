"""CatalogService: catalogs of all layers as of any day, and what an item of one corresponds to in another region."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from gateway.errors import CatalogStaleError, UnknownCatalogError
from gateway.rpc import names
from gateway.rpc.convert import CLASS_WORD, MEDIUM_WORD, Fields
from gateway.rpc.convert_catalog import LEGAL_STATUS_WORD, catalog_message, equivalence_message, item_message
from gateway.rpc.convert_equivalence import differences_messages, explanation_message
from onecard.gateway.v1 import catalog_pb2
from onecard.gateway.v1 import catalog_service_pb2 as pb

if TYPE_CHECKING:
    from datetime import date

    from google.protobuf.message import Message

    from adapters.canonical import ApplicationItem
    from adapters.catalog import Catalog
    from adapters.registry import Registry
    from gateway.rpc.boundary import Call
    from gateway.rpc.days import Days
    from gateway.rpc.paging import Paging
    from gateway.services.catalog_book import CatalogBook
    from gateway.services.catalog_version import Version
    from gateway.services.explain_equivalence import ExplainEquivalence
    from gateway.services.translate_item import TranslateItem

_LONGEST_TEXT = 100


class CatalogServicer:
    """Serves CatalogService."""

    SERVICE: ClassVar = pb.DESCRIPTOR.services_by_name["CatalogService"]
    SCOPES: ClassVar = dict.fromkeys((method.name for method in SERVICE.methods), "catalog.read")
    WAITS: ClassVar = frozenset[str]()
    DECIDES: ClassVar = frozenset[str]()

    def __init__(
        self,
        *,
        registry: Registry,
        book: CatalogBook,
        translate: TranslateItem,
        explain: ExplainEquivalence,
        paging: Paging,
        days: Days,
    ) -> None:
        """Take the regions, their catalogs, and the use cases."""
        self._registry = registry
        self._book = book
        self._translate = translate
        self._explain = explain
        self._paging = paging
        self._days = days

    async def list_catalogs(self, request: pb.ListCatalogsRequest, _call: Call) -> pb.ListCatalogsResponse:
        """List the catalogs of the regions in the order of their codes, and those of all layers behind them."""
        on = self._day(request.as_of)
        found = list(self._registry.regions)
        if request.all_layers:
            found += [name for name in self._book.catalogs if name not in self._registry]
        versions = [version for name in found if (version := self._shown(name, on)) is not None]
        page, token = self._paging.page(
            versions, size=request.page_size, token=request.page_token, arguments=self._bound("catalogs", request)
        )
        return pb.ListCatalogsResponse(catalogs=[self._catalog(one, on) for one in page], next_page_token=token)

    async def get_catalog(self, request: pb.GetCatalogRequest, _call: Call) -> pb.GetCatalogResponse:
        """Get one catalog."""
        on = self._day(request.as_of)
        return pb.GetCatalogResponse(catalog=self._catalog(self._version(names.read_list(request.name), on), on))

    async def list_application_items(
        self, request: pb.ListApplicationItemsRequest, _call: Call
    ) -> pb.ListApplicationItemsResponse:
        """List the items that meet every filter, by catalog and identifier."""
        on = self._day(request.as_of)
        items = self._filter(request, on)
        page, token = self._paging.page(
            items, size=request.page_size, token=request.page_token, arguments=self._bound("items", request)
        )
        return pb.ListApplicationItemsResponse(
            items=[item_message(item, on=on) for item in page], next_page_token=token
        )

    def _filter(self, request: pb.ListApplicationItemsRequest, on: date) -> tuple[ApplicationItem, ...]:
        catalogs = self._catalogs(request.parent, on)
        fields = Fields()
        application_class = (
            fields.word("application_class", request.application_class, CLASS_WORD, None)
            if request.application_class
            else None
        )
        medium = fields.word("medium", request.medium, MEDIUM_WORD, None) if request.medium else None
        status = (
            fields.word("legal_status", request.legal_status, LEGAL_STATUS_WORD, None) if request.legal_status else None
        )
        if len(request.text) > _LONGEST_TEXT:
            fields.add("text", f"at_most_{_LONGEST_TEXT}_characters")
        fields.finish()
        return tuple(
            item
            for catalog in catalogs
            for item in catalog.filter(
                application_class=application_class,
                medium=medium,
                item_type=request.item_type,
                legal_status=status,
                text=request.text,
            )
            if not request.in_force_only or item.in_force(on)
        )

    async def get_application_item(
        self, request: pb.GetApplicationItemRequest, _call: Call
    ) -> pb.GetApplicationItemResponse:
        """Get one item."""
        on = self._day(request.as_of)
        holder, item = names.read_listed_item(request.name)
        return pb.GetApplicationItemResponse(item=item_message(self._version(holder, on).items.get(item), on=on))

    async def list_effective_items(
        self, request: pb.ListEffectiveItemsRequest, _call: Call
    ) -> pb.ListEffectiveItemsResponse:
        """List what applies at a place, layer on layer, and name the layers."""
        region = names.read_one_parent(request.parent)
        fields = Fields()
        on = self._days.read(request.as_of, fields)
        division = fields.division("division_code", request.division_code)
        fields.finish()
        effective = self._book.effective(region, division, on)
        page, token = self._paging.page(
            effective, size=request.page_size, token=request.page_token, arguments=self._bound("effective", request)
        )
        return pb.ListEffectiveItemsResponse(
            items=[
                catalog_pb2.EffectiveItem(
                    item=item_message(one.item, on=on), catalog=f"catalogs/{one.catalog}", in_place_of=one.in_place_of
                )
                for one in page
            ],
            next_page_token=token,
            layers=[self._catalog(version, on) for version in self._book.stack(region, division, on)],
            joint=[self._catalog(version, on) for version in self._book.joint(region, on)],
        )

    async def translate_application_item(
        self, request: pb.TranslateApplicationItemRequest, _call: Call
    ) -> pb.TranslateApplicationItemResponse:
        """Say what an item corresponds to in another region on a day."""
        holder, item = names.read_listed_item(request.name)
        fields = Fields()
        if not request.target_region:
            fields.add("target_region", "required")
        on = self._days.read(request.as_of, fields)
        fields.finish()
        self._version(holder, on)
        translated = self._translate(region=holder.catalog, item=item, target_region=request.target_region, on=on)
        return pb.TranslateApplicationItemResponse(
            equivalence=equivalence_message(translated.equivalence, translated.regional_fields, on=on),
            differences=differences_messages(translated.equivalence, on=on),
        )

    async def explain_equivalence(
        self, request: pb.ExplainEquivalenceRequest, _call: Call
    ) -> pb.ExplainEquivalenceResponse:
        """Say why an item corresponds to what it does in another region on a day."""
        holder, item = names.read_listed_item(request.name)
        fields = Fields()
        named = names.read_item(request.target_item, field="target_item") if request.target_item else ("", "")
        region = request.target_region or named[0]
        if not region:
            fields.add("target_region", "required")
        elif named[0] not in {"", region}:
            fields.add("target_item", "of_the_target_region")
        on = self._days.read(request.as_of, fields)
        fields.finish()
        self._version(holder, on)
        explained = self._explain(catalog=holder.catalog, item=item, target_region=region, target_item=named[1], on=on)
        return pb.ExplainEquivalenceResponse(explanation=explanation_message(explained, on=on))

    def _day(self, text: str) -> date:
        """Read the day that a query is about (InvalidFieldError)."""
        fields = Fields()
        on = self._days.read(text, fields)
        fields.finish()
        return on

    def _version(self, holder: names.Holder, on: date) -> Version:
        """Find the version of a list that holds on a day.

        Raises:
            UnknownRegionError, UnknownCatalogError: there is none.
            CatalogStaleError: its life is over.
        """
        if holder.by_region:
            self._registry.get(holder.catalog)
        return self._book.current(holder.catalog, on)

    def _shown(self, catalog: str, on: date) -> Version | None:
        """Find the version of a catalog to list; None where nothing of it is complete, or its life is over."""
        try:
            return self._book.current(catalog, on)
        except (UnknownCatalogError, CatalogStaleError):
            return None

    def _catalogs(self, parent: str, on: date) -> list[Catalog]:
        """Give the lists of one parent, or of all regions."""
        holder = names.read_list_parent(parent)
        if holder.catalog == names.ALL_REGIONS:
            return [one.items for region in self._registry.regions if (one := self._shown(region, on)) is not None]
        return [self._version(holder, on).items]

    def _catalog(self, version: Version, on: date) -> catalog_pb2.Catalog:
        book = self._book
        return catalog_message(version, holds=book.holds(version, on), unfollowed=book.unfollowed(version.head))

    def _bound(self, kind: str, request: Message) -> str:
        """Give the arguments to which a page token is bound, and the state of the catalogs."""
        told = type(request)()
        told.CopyFrom(request)
        for field in ("page_size", "page_token"):
            told.ClearField(field)
        return f"{kind}\x1f{self._book.state}\x1f{told.SerializeToString(deterministic=True).hex()}"
