"""RegionService: which regions a gateway knows, and how it reaches them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from adapters.credential import CredentialKind
from gateway.rpc import names
from gateway.rpc.convert import enum_numbers
from gateway.rpc.convert_catalog import text_message
from gateway.services.local_home import LocalHome, agreement_title
from onecard.gateway.v1 import region_pb2, region_service_pb2

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.adapter import ManifestAdapter
    from adapters.registry import Registry
    from gateway.rpc.boundary import Call
    from gateway.rpc.paging import Paging
    from gateway.services.ports import Home
    from trust.policy import AgreementBook

CREDENTIAL_KIND = enum_numbers(CredentialKind, region_pb2.CredentialKind, "CREDENTIAL_KIND")


class RegionServicer:
    """Serves RegionService."""

    SERVICE: ClassVar = region_service_pb2.DESCRIPTOR.services_by_name["RegionService"]
    SCOPES: ClassVar = dict.fromkeys((method.name for method in SERVICE.methods), "region.read")
    WAITS: ClassVar = frozenset[str]()
    DECIDES: ClassVar = frozenset[str]()

    def __init__(
        self, *, registry: Registry, homes: Mapping[str, Home], agreements: AgreementBook, paging: Paging
    ) -> None:
        """Take the installed regions, the home sides known here, and the agreements."""
        self._registry = registry
        self._homes = homes
        self._agreements = agreements
        self._paging = paging

    async def get_region(
        self, request: region_service_pb2.GetRegionRequest, _call: Call
    ) -> region_service_pb2.GetRegionResponse:
        """Get one region."""
        adapter = self._registry.get(names.read_region(request.name))
        return region_service_pb2.GetRegionResponse(region=self._message(adapter))

    async def list_regions(
        self, request: region_service_pb2.ListRegionsRequest, _call: Call
    ) -> region_service_pb2.ListRegionsResponse:
        """List the regions in the order of their codes."""
        adapters, token = self._paging.page(
            tuple(self._registry), size=request.page_size, token=request.page_token, arguments="regions"
        )
        return region_service_pb2.ListRegionsResponse(
            regions=[self._message(adapter) for adapter in adapters], next_page_token=token
        )

    def _message(self, adapter: ManifestAdapter) -> region_pb2.Region:
        manifest = adapter.manifest
        name = manifest.name
        home = self._homes.get(adapter.region)
        message = region_pb2.Region(
            name=f"regions/{adapter.region}",
            region=adapter.region,
            division_code=manifest.division_code,
            display_name=region_pb2.LocalizedText(zh_hans=name.zh_hans, zh_hant=name.zh_hant, en=name.en, pt=name.pt),
            role=_role(home),
            credential_kinds=_kinds(adapter),
            synthetic_dialect=manifest.synthetic_dialect,
            identity_fields=adapter.form.keys,
        )
        if home is not None:
            message.reachability = region_pb2.REACHABILITY_UP if home.reachable else region_pb2.REACHABILITY_DOWN
        for agreement in self._agreements.agreements:
            if adapter.region not in agreement.regions:
                continue
            message.agreements.add(
                agreement=agreement.id,
                title=text_message(agreement_title(agreement)),
                regions=sorted(agreement.regions),
                in_force_from=agreement.in_force_from.isoformat(),
                in_force_to=agreement.in_force_to.isoformat(),
                synthetic=agreement.synthetic,
            )
        return message


def _role(home: Home | None) -> region_pb2.RegionRole.ValueType:
    if home is None:
        return region_pb2.REGION_ROLE_ADAPTER_ONLY
    return region_pb2.REGION_ROLE_HOME if isinstance(home, LocalHome) else region_pb2.REGION_ROLE_PEER


def _kinds(adapter: ManifestAdapter) -> list[region_pb2.CredentialKind.ValueType]:
    """Give the kinds that the platform resolves; a reader's text is looked up as a card number."""
    kinds = [CredentialKind(name) for name in adapter.manifest.platform.lookup.credential]
    if CredentialKind.CARD_NUMBER in kinds:
        kinds.append(CredentialKind.READER_TEXT)
    return sorted(CREDENTIAL_KIND[kind] for kind in kinds)
