"""The registry: regions are found by their folders, and by nothing else."""

from __future__ import annotations

import shutil
import tomllib
from typing import TYPE_CHECKING

import pytest

from adapters.errors import RegionDataError, UnknownRegionError
from adapters.registry import load_agreements, load_registry, load_vectors
from tests.adapters.region_cases import ADAPTERS, FOLDER, REGISTRY

if TYPE_CHECKING:
    from pathlib import Path


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


@pytest.mark.parametrize(
    ("file", "content", "rule"),
    [
        ("manifest.toml", b"\xff", "must be there, in UTF-8"),
        ("manifest.toml", b"= ?", "not TOML"),
        ("catalog.csv", None, "must be there, in UTF-8"),
        ("catalog.csv", b"nothing\n", "header"),
        ("translator.py", b"import nothing_of_that_name", "cannot be loaded: ModuleNotFoundError"),
    ],
)
def test_a_faulty_folder_is_named(
    file: str, content: bytes | None, rule: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is wrong with a region's folder, the one error tells the region, the file and the rule."""
    region = tmp_path / "atlantis"
    shutil.copytree(FOLDER / "chongqing", region)
    text = (region / "manifest.toml").read_text("utf-8").replace('region = "chongqing"', 'region = "atlantis"', 1)
    (region / "manifest.toml").write_text(text, "utf-8")
    (tmp_path / "taxonomy.csv").write_bytes((FOLDER / "taxonomy.csv").read_bytes())
    if content is None:
        (region / file).unlink()
    else:
        (region / file).write_bytes(content)
    monkeypatch.setattr("adapters.registry.files", lambda _package: tmp_path)
    monkeypatch.setattr("adapters.__path__", [str(tmp_path)])
    with pytest.raises(RegionDataError) as refused:
        load_registry()
    told = refused.value.metadata
    assert (told["region"], told["file"].removeprefix("atlantis/"), told["rule"]) == ("atlantis", file, rule)
