"""A region's folder as it is read: what is missing or broken is a finding, and nothing outside is ever read."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from adapters.errors import UnknownRegionError
from adapters.registry import load_registry
from gateway import adapter_vectors
from gateway.adapter_check import check_region
from gateway.adapter_vectors import neutral_fields, read_region, read_taxonomy

if TYPE_CHECKING:
    from pathlib import Path

REGISTRY = load_registry()
TAXONOMY = read_taxonomy()


def test_neutral_fields_are_those_of_the_vectors() -> None:
    """A whole identity in the words of the vectors, romanised names and several documents included."""
    for region in ("guangdong", "macao", "shiyan"):
        adapter = REGISTRY.get(region)
        for case in json.loads(read_region(region).vectors)["round_trips"]:
            told = neutral_fields(adapter.identity_to_canonical(case["record"]))
            flat = {f"{part}.{name}": v for part, inner in case["canonical"].items() for name, v in inner.items()}
            assert told.keys() == flat.keys()


def test_an_unknown_region_is_refused_with_those_there_are() -> None:
    """The name that was asked for is not repeated; the known ones are told, and no path leads outside."""
    for asked in ("atlantis", "../adapters", "", "agreements"):
        with pytest.raises(UnknownRegionError) as refused:
            read_region(asked)
        assert refused.value.metadata["known"] == ", ".join(REGISTRY.regions)


@pytest.fixture
def own_region(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder of regions with one region `mine`, which has a manifest only."""
    manifest = read_region("guizhou").manifest
    monkeypatch.setattr(adapter_vectors, "files", lambda _package: tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "manifest.toml").write_text(manifest, "utf-8")
    return tmp_path / "mine"


def test_missing_and_unreadable_files_are_findings(own_region: Path) -> None:
    """A file that is not there, or is no UTF-8, is named with the rest of the folder's faults."""
    (own_region / "catalog.csv").write_bytes(b"\xff\xfe")
    folder = read_region("mine")
    assert folder.faults == (
        ("catalog.csv", "cannot be read as UTF-8 text (UnicodeDecodeError)"),
        ("vectors.json", "cannot be read as UTF-8 text (FileNotFoundError)"),
    )
    found = [one for one in check_region(folder, TAXONOMY) if not one.ok]
    assert [one.name for one in found if one.clause == "files"] == ["catalog.csv", "vectors.json"]
    assert {one.clause for one in found} == {"files", "manifest", "catalog", "vectors"}


@pytest.mark.parametrize(
    ("raised", "fault"),
    [(SyntaxError("x"), "cannot be loaded (SyntaxError)"), (ImportError("x"), "cannot be loaded (ImportError)")],
)
def test_a_translator_that_cannot_be_loaded_is_a_finding(
    own_region: Path, monkeypatch: pytest.MonkeyPatch, raised: Exception, fault: str
) -> None:
    """Code that does not load is the region's fault, named by the type of the error."""

    def load(_name: str) -> object:
        raise raised

    (own_region / "translator.py").touch()
    monkeypatch.setattr("gateway.adapter_vectors.importlib.import_module", load)
    assert ("translator.py", fault) in read_region("mine").faults


def test_a_translator_without_a_verb_is_a_finding(own_region: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that defines none of the verbs is most likely a misspelling."""
    (own_region / "translator.py").touch()
    monkeypatch.setattr("gateway.adapter_vectors.importlib.import_module", lambda _name: SimpleNamespace())
    (fault,) = (fault for name, fault in read_region("mine").faults if name == "translator.py")
    assert fault.startswith("defines none of identity_to_canonical")
