"""Finds the regions: every folder beside this file that holds a manifest is one. Nothing is registered by hand."""

from __future__ import annotations

import importlib
from importlib.resources import files
from typing import TYPE_CHECKING

from adapters.adapter import ManifestAdapter
from adapters.card_rules import FILE as RULES
from adapters.card_rules import parse_rules
from adapters.catalog import load_catalog
from adapters.errors import RegionDataError, UnknownRegionError
from adapters.manifest import parse_manifest
from adapters.taxonomy import Taxonomy
from adapters.venues import FILE as VENUES
from adapters.venues import check_places, load_venues

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from importlib.resources.abc import Traversable
    from types import ModuleType

PACKAGE = "adapters"
MANIFEST = "manifest.toml"
CATALOG = "catalog.csv"
TRANSLATOR = "translator"


class Registry:
    """The installed regions by code, in the order of their codes, with the taxonomy they map to."""

    def __init__(self, taxonomy: Taxonomy, adapters: Iterable[ManifestAdapter]) -> None:
        """Keep adapters by region code."""
        self.taxonomy = taxonomy
        self._adapters = {a.region: a for a in sorted(adapters, key=lambda a: a.region)}

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
    return Registry(taxonomy, [_load_region(folder, taxonomy) for folder in folders])


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
