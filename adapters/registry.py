"""Finds the regions: every folder beside this file that holds a manifest is one. Nothing is registered by hand."""

from __future__ import annotations

import importlib
from importlib.resources import files
from typing import TYPE_CHECKING

from adapters.adapter import ManifestAdapter
from adapters.card_rules import FILE as RULES
from adapters.card_rules import parse_rules
from adapters.catalog import load_catalog
from adapters.catalog_document import CatalogDocument, CatalogHead, parse_document, parse_head
from adapters.errors import RegionDataError, UnknownRegionError
from adapters.layers import Surroundings, check_layers
from adapters.manifest import Words, parse_manifest
from adapters.payload_kinds import FILE as PAYLOAD_KINDS
from adapters.payload_kinds import PayloadKinds
from adapters.tables import refuse
from adapters.taxonomy import Taxonomy
from adapters.venues import FILE as VENUES
from adapters.venues import check_places, division_stem, load_venues
from adapters.words import LegalStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from importlib.resources.abc import Traversable
    from types import ModuleType

PACKAGE = "adapters"
MANIFEST = "manifest.toml"
CATALOG = "catalog.csv"
TRANSLATOR = "translator"
SHIPPED = "catalogs"
NATIONAL = "national"
_OWN_SYSTEM = ("81", "82")
"""GB/T 2260 codes of the special administrative regions begin with these."""


class Registry:
    """The installed regions by code, in the order of their codes, with the taxonomy they map to."""

    def __init__(
        self, taxonomy: Taxonomy, adapters: Iterable[ManifestAdapter], shipped: Iterable[CatalogDocument] = ()
    ) -> None:
        """Keep adapters by region code, and the catalogs that are shipped beside those of the regions.

        Raises:
            RegionDataError: a catalog is against the layers above it.
        """
        self.taxonomy = taxonomy
        self._adapters = {a.region: a for a in sorted(adapters, key=lambda a: a.region)}
        beside = {d.head.catalog: d for d in shipped}
        above = NATIONAL if NATIONAL in beside else ""
        regional = (region_document(one, self._adapters.values(), above=above) for one in self._adapters.values())
        self.documents: dict[str, CatalogDocument] = {d.head.catalog: d for d in regional} | beside
        for document in self.documents.values():
            if faults := check_layers(document, self.surroundings):
                raise refuse(faults)

    @property
    def surroundings(self) -> Surroundings:
        """What a catalog is checked against."""
        return Surroundings(
            catalogs=self.documents,
            divisions={a.region: a.manifest.division_code for a in self},
            rules={a.region: a.rules for a in self},
        )

    def __iter__(self) -> Iterator[ManifestAdapter]:
        """Give the adapters in the order of their region codes."""
        return iter(self._adapters.values())

    def __len__(self) -> int:
        """Count the regions."""
        return len(self._adapters)

    def __contains__(self, region: object) -> bool:
        """Tell whether an adapter is installed for a region."""
        return region in self._adapters

    @property
    def regions(self) -> tuple[str, ...]:
        """The region codes, sorted."""
        return tuple(self._adapters)

    def get(self, region: str) -> ManifestAdapter:
        """Find the adapter of a region (UnknownRegionError, which does not repeat what was asked)."""
        adapter = self._adapters.get(region)
        if adapter is None:
            raise UnknownRegionError
        return adapter


def load_registry() -> Registry:
    """Load every region folder (RegionDataError names the first one that is wrong, with all its faults)."""
    base = files(PACKAGE)
    taxonomy = Taxonomy.from_csv(base.joinpath("taxonomy.csv").read_text("utf-8"))
    folders = (f for f in base.iterdir() if f.joinpath(MANIFEST).is_file())
    adapters = [_load_region(folder, taxonomy) for folder in folders]
    return Registry(taxonomy, adapters, _load_shipped(base.joinpath(SHIPPED), taxonomy))


def _load_shipped(folder: Traversable, taxonomy: Taxonomy) -> list[CatalogDocument]:
    """Load the catalogs that no region's folder holds: a head in TOML and items in CSV, of one name."""
    found = []
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if not file.name.endswith(".toml"):
            continue
        head, faults = parse_head(file.name, file.read_text("utf-8"))
        if head is None:
            raise refuse(faults)
        table = f"{head.catalog}.csv"
        document, faults = parse_document(table, head, folder.joinpath(table).read_text("utf-8"), taxonomy)
        if faults:
            raise refuse(faults)
        found.append(document)
    return found


def region_document(adapter: ManifestAdapter, others: Iterable[ManifestAdapter], *, above: str) -> CatalogDocument:
    """Make the document of a region's own list: on the layer of its items, and on the list of the province around it.

    Where no province around it is installed it stands on the catalog `above`; the special administrative regions stand
    on none.
    """
    manifest, catalog, name = adapter.manifest, adapter.catalog, adapter.manifest.name
    layer = next(iter(catalog)).layer
    around = (
        other.region
        for other in others
        if other is not adapter and manifest.division_code.startswith(division_stem(other.manifest.division_code))
    )
    begun = [item.effective_from for item in catalog if item.effective_from]
    head = CatalogHead(
        catalog=adapter.region,
        title=Words.model_validate(
            {
                "zh-Hans": f"{name.zh_hans}社会保障卡一卡通应用目录",
                "zh-Hant": f"{name.zh_hant}社會保障卡一卡通應用目錄",
                "en": f"{name.en}: items of the social security card",
                "pt": f"{name.pt}: itens do cartão de segurança social",
            }
        ),
        layer=layer,
        regions=(adapter.region,),
        extends=next(around, "" if manifest.division_code.startswith(_OWN_SYSTEM) else above),
        legal_status=LegalStatus.IN_FORCE if begun else LegalStatus.DRAFT,
        effective_from=min(begun) if begun else None,
        synthetic=catalog.synthetic,
    )
    return CatalogDocument(head, catalog, {item.item: row for row, item in enumerate(catalog, start=2)})


def load_payload_kinds(taxonomy: Taxonomy) -> PayloadKinds:
    """Load which payloads the item types may carry (RegionDataError names the first fault)."""
    return PayloadKinds.from_csv(files(PACKAGE).joinpath(PAYLOAD_KINDS).read_text("utf-8"), taxonomy)


def load_agreements() -> dict[str, str]:
    """Read the example agreements as TOML text by file name; which of them bind is for the operator to say."""
    base = files(PACKAGE).joinpath("agreements")
    return {f.name: f.read_text("utf-8") for f in base.iterdir() if f.name.endswith(".toml")}


def load_vectors(region: str) -> str:
    """Read a region's synthetic round trips and refusals, JSON text (UnknownRegionError)."""
    file = files(PACKAGE).joinpath(region, "vectors.json")
    if not file.is_file():
        raise UnknownRegionError
    return file.read_text("utf-8")


def _load_region(folder: Traversable, taxonomy: Taxonomy) -> ManifestAdapter:
    """Load one region: its manifest, its catalog, and its rules, venues and translator where it has them."""
    manifest = parse_manifest(folder.name, _text(folder, MANIFEST))
    catalog = load_catalog(folder.name, _text(folder, CATALOG), taxonomy)
    rules = parse_rules(folder.name, _text(folder, RULES)) if folder.joinpath(RULES).is_file() else None
    venues = None
    if folder.joinpath(VENUES).is_file():
        venues = load_venues(folder.name, _text(folder, VENUES), catalog)
        check_places(venues, manifest.division_code)
    return ManifestAdapter(manifest, catalog, _translator(folder), rules=rules, venues=venues)


def _text(folder: Traversable, name: str) -> str:
    try:
        return folder.joinpath(name).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RegionDataError(region=folder.name, file=name, rule="must be there, in UTF-8") from error


def _translator(folder: Traversable) -> ModuleType | None:
    if not folder.joinpath(f"{TRANSLATOR}.py").is_file():
        return None
    try:
        return importlib.import_module(f"{PACKAGE}.{folder.name}.{TRANSLATOR}")
    except (ImportError, SyntaxError, NameError, AttributeError, LookupError, TypeError, ValueError) as error:
        kind = type(error).__name__
        raise RegionDataError(region=folder.name, file=f"{TRANSLATOR}.py", rule=f"cannot be loaded: {kind}") from error
