"""The registry: regions are found by their folders, and by nothing else."""

from __future__ import annotations

import tomllib

import pytest

from adapters.errors import UnknownRegionError
from adapters.registry import load_agreements, load_vectors
from tests.adapters.region_cases import ADAPTERS, FOLDER, REGISTRY


def test_regions_are_in_order_and_found_by_code() -> None:
    """The registry goes through its regions by code, counts them, and knows which it has."""
    assert list(REGISTRY.regions) == sorted(REGISTRY.regions)
    assert tuple(REGISTRY) == ADAPTERS
    assert len(REGISTRY) == len(ADAPTERS)
    for adapter in ADAPTERS:
        assert adapter.region in REGISTRY
        assert REGISTRY.get(adapter.region) is adapter
        assert adapter.catalog.region == adapter.region


@pytest.mark.parametrize("region", ["atlantis", "", "agreements", "../adapters", "Chongqing"])
def test_unknown_region_is_refused_without_an_echo(region: str) -> None:
    """What is no region is refused, and the refusal does not repeat it."""
    assert region not in REGISTRY
    with pytest.raises(UnknownRegionError) as refused:
        REGISTRY.get(region)
    assert refused.value.metadata == {}
    with pytest.raises(UnknownRegionError):
        load_vectors(region)


def test_taxonomy_is_the_one_of_the_catalogs() -> None:
    """The registry has the taxonomy that all catalogs refer to."""
    codes = {node.code for node in REGISTRY.taxonomy}
    used = {relation.item_type for adapter in ADAPTERS for item in adapter.catalog.items for relation in item.relations}
    assert used <= codes


def test_agreements_are_text_by_file_name() -> None:
    """The example agreements are read as TOML text and judged elsewhere."""
    told = load_agreements()
    assert sorted(told) == sorted(path.name for path in (FOLDER / "agreements").glob("*.toml"))
    assert all(tomllib.loads(text) for text in told.values())
