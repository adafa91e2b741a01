"""CatalogService: the catalogs of all regions, and what an item of one corresponds to in another."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from gateway.errors import InvalidFieldError
from gateway.rpc import names
from gateway.rpc.convert import CLASS_WORD, MEDIUM_WORD, Fields
from gateway.rpc.convert_catalog import LEGAL_STATUS_WORD, catalog_message, equivalence_message, item_message
from onecard.gateway.v1 import catalog_service_pb2 as pb

if TYPE_CHECKING:
    from adapters.canonical import ApplicationItem
    from adapters.registry import Registry
    from gateway.rpc.boundary import Call
    from gateway.rpc.paging import Paging
    from gateway.services.translate_item import TranslateItem

_LONGEST_TEXT = 100


class CatalogServicer:
    """Serves CatalogService."""

    SERVICE: ClassVar = pb.DESCRIPTOR.services_by_name["CatalogService"]
    SCOPES: ClassVar = dict.fromkeys((method.name for method in SERVICE.methods), "catalog.read")
    WAITS: ClassVar = frozenset[str]()
    DECIDES: ClassVar = frozenset[str]()

    def __init__(self, *, registry: Registry, translate: TranslateItem, paging: Paging) -> None:
        """Take the catalogs and the use case."""
        self._registry = registry
        self._translate = translate
        self._paging = paging

    async def list_catalogs(self, request: pb.ListCatalogsRequest, _call: Call) -> pb.ListCatalogsResponse:
        """List the catalogs in the order of their regions."""
        adapters, token = self._paging.page(
            tuple(self._registry), size=request.page_size, token=request.page_token, arguments="catalogs"
        )
        return pb.ListCatalogsResponse(catalogs=[catalog_message(a.catalog) for a in adapters], next_page_token=token)

    async def get_catalog(self, request: pb.GetCatalogRequest, _call: Call) -> pb.GetCatalogResponse:
        """Get one catalog."""
        region = names.read_catalog(request.name)
        return pb.GetCatalogResponse(catalog=catalog_message(self._registry.get(region).catalog))

    async def list_application_items(
        self, request: pb.ListApplicationItemsRequest, _call: Call
    ) -> pb.ListApplicationItemsResponse:
        """List the items that meet every filter, by region and identifier."""
        items = self._filter(request)
        arguments = "\x1f".join(
            (
                request.parent,
                str(request.application_class),
                str(request.medium),
                request.item_type,
                str(request.legal_status),
                request.text,
            )
        )
        page, token = self._paging.page(items, size=request.page_size, token=request.page_token, arguments=arguments)
        return pb.ListApplicationItemsResponse(items=[item_message(item) for item in page], next_page_token=token)

    def _filter(self, request: pb.ListApplicationItemsRequest) -> tuple[ApplicationItem, ...]:
        parent = names.read_parent(request.parent)
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
        adapters = tuple(self._registry) if parent == names.ALL_REGIONS else (self._registry.get(parent),)
        return tuple(
            item
            for adapter in adapters
            for item in adapter.catalog.filter(
                application_class=application_class,
                medium=medium,
                item_type=request.item_type,
                legal_status=status,
                text=request.text,
            )
        )

    async def get_application_item(
        self, request: pb.GetApplicationItemRequest, _call: Call
    ) -> pb.GetApplicationItemResponse:
        """Get one item."""
        region, item = names.read_item(request.name)
        return pb.GetApplicationItemResponse(item=item_message(self._registry.get(region).catalog.get(item)))

    async def translate_application_item(
        self, request: pb.TranslateApplicationItemRequest, _call: Call
    ) -> pb.TranslateApplicationItemResponse:
        """Say what an item corresponds to in another region."""
        region, item = names.read_item(request.name)
        if not request.target_region:
            raise InvalidFieldError(("target_region", "required"))
        translated = self._translate(region=region, item=item, target_region=request.target_region)
        return pb.TranslateApplicationItemResponse(
            equivalence=equivalence_message(translated.equivalence, translated.regional_fields)
        )
