"""The page on adding a region works as it is written: its blocks alone make a tenth region, with no file edited."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "add-a-region.md"
_BLOCK = re.compile(r"^\*\*`(?P<file>[^`]+)`\*\*\n\n```[a-z]+\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)

_TRANSLATE = """
import json, sys
from adapters.registry import load_registry, load_vectors
registry = load_registry()
told = []
for case in json.loads(load_vectors("chongqing"))["round_trips"]:
    home = registry.get("chongqing").identity_to_canonical(case["record"])
    abroad = registry.get("utopia").identity_from_canonical(home)
    read = registry.get("utopia").identity_to_canonical(abroad.fields)
    back = registry.get("chongqing").identity_from_canonical(read)
    told.append([case["id"], case["record"], dict(back.fields), {l.field: l.kind.value for l in abroad.losses}])
json.dump({"told": told, "from": sys.modules["adapters"].__path__[0]}, sys.stdout)
"""


def blocks() -> dict[str, str]:
    """Give the files that the page tells to write, by path."""
    return {match["file"]: match["text"] for match in _BLOCK.finditer(PAGE.read_text("utf-8"))}


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the copy, which comes before what is installed."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(folder / "protos")])}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the packages, add the blocks of the page, and run the program that makes the vectors."""
    folder = tmp_path_factory.mktemp("utopia")
    for package in ("adapters", "gateway", "trust", "protos"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    for file, text in blocks().items():
        place = folder / file
        assert not place.exists(), "the page adds files and edits none"
        place.parent.mkdir(exist_ok=True)
        place.write_text(text, "utf-8")
    made = run(folder, "make_vectors.py")
    assert made.returncode == 0, made.stderr
    return folder


def test_the_page_names_every_file_of_a_region() -> None:
    """The page has a block for each file, and the program that makes the vectors."""
    folder = "adapters/utopia"
    assert set(blocks()) == {
        f"{folder}/manifest.toml",
        f"{folder}/catalog.csv",
        f"{folder}/translator.py",
        "make_vectors.py",
    }


def test_the_check_passes(copy: Path) -> None:
    """The command that the page ends with finds nothing wrong."""
    checked = run(copy, "-m", "gateway", "adapter", "check", "utopia")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert re.search(r"^utopia: (\d+) of \1 checks passed$", checked.stdout, re.MULTILINE)
    assert "not checked" not in checked.stdout


def test_the_check_sees_a_fault(copy: Path) -> None:
    """A status that loses its vectors is named, so the success above says something."""
    file = copy / "adapters" / "utopia" / "manifest.toml"
    good = file.read_text("utf-8")
    file.write_text(good.replace('C = "cancelled"', 'C = "sealed"'), "utf-8")
    try:
        checked = run(copy, "-m", "gateway", "adapter", "check", "utopia")
    finally:
        file.write_text(good, "utf-8")
    assert checked.returncode == 1
    assert "utopia: statuses: sealed: no round trip has it" in checked.stdout


def test_cards_travel_to_utopia_and_back(copy: Path) -> None:
    """A Chongqing record comes back from Utopia as it was, less what was told as lost."""
    said = run(copy, "-c", _TRANSLATE)
    assert said.returncode == 0, said.stderr
    answer = json.loads(said.stdout)
    assert Path(answer["from"]) == copy / "adapters"
    keys = _chongqing_keys()
    assert len(answer["told"]) >= 20
    for name, record, back, losses in answer["told"]:
        lost = {key for field in losses for key in keys[field]}
        assert {k: v for k, v in record.items() if k not in lost} == {k: v for k, v in back.items() if k not in lost}, (
            name
        )


def test_an_item_translates(copy: Path) -> None:
    """The item of the page's last command has an answer in Utopia's catalog."""
    said = run(copy, "-m", "gateway", "catalog", "translate", "chongqing", "CQ-30", "utopia")
    assert said.returncode == 0, said.stderr
    assert "UT-02" in said.stdout


def _chongqing_keys() -> dict[str, tuple[str, ...]]:
    """Give the names of Chongqing's form by neutral field."""
    from adapters.registry import load_registry  # noqa: PLC0415 - the installed one; the copy runs in a process of its own

    return {spec.path: spec.keys for spec in load_registry().get("chongqing").manifest.identity.field}
