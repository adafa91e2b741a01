"""Who may know whom, where import-linter cannot see: it leaves out region folders, which are no packages."""

from __future__ import annotations

import ast
import re

import pytest

from tests.house.tree import Module, modules, regions

IO_FREE = ("adapters", "trust")
EDGE = "adapters/platform.py"
IO_MODULES = {
    *("aiohttp", "grpc", "http", "logging", "os", "pathlib", "random", "secrets", "shutil", "socket", "sqlite3", "ssl"),
    *("structlog", "subprocess", "tempfile", "time", "uuid"),
}
CLOCKS = {"now", "today", "utcnow"}
STORY = "gateway/sandbox/"
REGION_FILE = re.compile(r"adapters/(\w+)/.+")


def region_of(module: Module) -> str | None:
    """Give the region whose folder a module lies in."""
    match = REGION_FILE.fullmatch(module.path)
    return match[1] if match and match[1] in regions() else None


def roots(module: Module) -> set[str]:
    """Give the top-level packages that a module imports."""
    return {name.split(".")[0] for name in module.imports}


def regions_imported(module: Module) -> set[str]:
    """Give the regions whose folders a module imports from."""
    parts = [name.split(".") for name in module.imports]
    return {part[1] for part in parts if part[0] == "adapters" and len(part) > 1 and part[1] in regions()}


def outside_calls(module: Module) -> list[str]:
    """Name the calls that read a clock or open a file."""
    calls = [n.func for n in ast.walk(module.tree) if isinstance(n, ast.Call)]
    clocks = [f"{module.path}:{f.lineno} {f.attr}" for f in calls if isinstance(f, ast.Attribute) and f.attr in CLOCKS]
    opened = [f"{module.path}:{f.lineno} open" for f in calls if isinstance(f, ast.Name) and f.id == "open"]
    return clocks + opened


def test_regions_are_found() -> None:
    """The folders of the regions are found, so that the rules below speak of something."""
    assert len(regions()) >= 2
    assert "agreements" not in regions()


def test_no_region_knows_another() -> None:
    """A region imports neither another region nor anything above the adapters."""
    above = {"gateway", "trust", "onecard", "tests", "bench"}
    wrong = [
        f"{module.path}: {sorted(regions_imported(module) - {region}) or sorted(roots(module) & above)}"
        for module in modules("adapters")
        if (region := region_of(module))
        if regions_imported(module) - {region} or roots(module) & above
    ]
    assert wrong == []


def test_nobody_imports_a_region() -> None:
    """No module outside a region's folder imports it: the registry finds the folders."""
    everyone = modules("gateway", "adapters", "trust", "bench")
    assert [m.path for m in everyone if not region_of(m) and regions_imported(m)] == []


def test_nobody_names_a_region() -> None:
    """No code has a region's code as a string, but for the story that the sandbox plays."""
    wrong = [
        f"{module.path}: {sorted(module.strings & set(regions()))}"
        for module in modules("gateway", "adapters", "trust")
        if not module.path.startswith(STORY) and not region_of(module) and module.strings & set(regions())
    ]
    assert wrong == []


def test_region_folders_do_no_io() -> None:
    """What stands in a region's folder imports nothing that reaches a disk, a network or a clock."""
    wrong = [
        f"{m.path}: {sorted(roots(m) & IO_MODULES)}"
        for m in modules("adapters")
        if region_of(m) and roots(m) & IO_MODULES
    ]
    assert wrong == []


def test_time_is_an_argument() -> None:
    """Adapters and trust call no clock and open no file, but for the platform client."""
    assert [call for m in modules(*IO_FREE) if m.path != EDGE for call in outside_calls(m)] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import adapters.{0}.translator", {0}),
        ("from adapters.{0} import translator", {0}),
        ("from adapters import {0}, {1}", {0, 1}),
        ("from ..{1} import translator", {1}),
        ("from . import translator", {0}),
        ("from adapters import canonical\nimport {0}", set()),
    ],
)
def test_an_import_of_a_region_is_found(text: str, found: set[int]) -> None:
    """Every way of importing a region is seen, the relative one too."""
    here = f"adapters/{regions()[0]}/translator.py"
    assert regions_imported(Module.parse(here, text.format(*regions()))) == {regions()[index] for index in found}


def test_a_clock_is_found() -> None:
    """A call of a clock or of `open` is seen; a name that only looks like one is not."""
    text = "a = datetime.now(UTC)\nb = open('x')\nc = door.open()\nd = moment.now"
    assert outside_calls(Module.parse("a.py", text)) == ["a.py:1 now", "a.py:2 open"]
