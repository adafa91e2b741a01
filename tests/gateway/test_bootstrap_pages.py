"""The composition root of the public catalog: what a node shows, and that it starts without the pages too."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import ClientSession

from gateway import bootstrap_pages
from gateway.bootstrap import build_node
from gateway.bootstrap_pages import LOOK_SECONDS, ShownState
from gateway.settings import load_settings
from tests.fakes.configuration import ANCHOR, FakeConfiguration
from tests.fakes.regions import AGREEMENTS, BOOK, REGISTRY
from tests.fakes.shown import TODAY, known, next_version
from trust.errors import AgreementNotSignedError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def configuration(tmp_path: Path) -> FakeConfiguration:
    """Lay out a good configuration: Chongqing at home, Sichuan as its peer."""
    return FakeConfiguration(tmp_path)


async def _read(configuration: FakeConfiguration, *paths: str) -> dict[str, tuple[int, str]]:
    """Run a node and read pages of it."""
    node = build_node(load_settings(configuration.path))
    await node.start()
    found = {}
    try:
        async with ClientSession() as session:
            for path in paths:
                async with session.get(f"http://{configuration.web}{path}") as reply:
                    found[path] = reply.status, await reply.text()
    finally:
        await node.stop()
    return found


async def test_a_node_shows_its_regions_and_peers(configuration: FakeConfiguration) -> None:
    """Chongqing and Sichuan, and no others; what it signs, and where programs reach it."""
    found = await _read(
        configuration, "/", "/en/", "/en/regions/sichuan", "/en/regions/macao", "/en/trust", "/en/api", "/en/status"
    )
    assert found["/"][0] == 200
    assert found["/en/regions/sichuan"][0] == 200
    assert found["/en/regions/macao"][0] == 404
    assert found["/en/"][1].count('<li class="card">') == 2
    assert ANCHOR in found["/en/trust"][1]
    assert "/regions/chongqing/jwks.json" in found["/en/trust"][1]
    assert configuration.grpc in found["/en/api"][1]
    assert "CatalogService" in found["/en/api"][1]
    assert "gateway.chongqing" in found["/en/status"][1]


async def test_a_node_says_where_programs_reach_it(configuration: FakeConfiguration) -> None:
    """The operator's address and options, where there are such."""
    text = configuration.path.read_text("utf-8")
    pages = '[pages]\ngrpc = "gateway.example:443"\ngrpcurl = "-cacert ca.pem"\n\n[trust]\n'
    configuration.path.write_text(text.replace("[trust]\n", pages, 1), "utf-8")
    found = await _read(configuration, "/en/api")
    assert "grpcurl -cacert ca.pem -d" in found["/en/api"][1]
    assert "gateway.example:443" in found["/en/api"][1]


@pytest.mark.parametrize("cause", ["missing", "not wanted"])
async def test_a_node_starts_without_the_pages(
    configuration: FakeConfiguration, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], cause: str
) -> None:
    """Without the extra, or where the operator does not want them; one event says so."""
    if cause == "missing":
        monkeypatch.setattr(bootstrap_pages, "MISSING", ("jinja2",))
    else:
        text = configuration.path.read_text("utf-8")
        configuration.path.write_text(text.replace("[trust]\n", "[pages]\nserve = false\n\n[trust]\n", 1), "utf-8")
    found = await _read(configuration, "/en/", "/livez")
    assert found["/en/"][0] == 404
    assert found["/livez"][0] == 200
    told = [line for line in capfd.readouterr().err.splitlines() if '"event":"pages_not_served"' in line]
    assert len(told) == 1
    assert ('"missing":"jinja2"' in told[0]) is (cause == "missing")


def test_nothing_of_the_extra_is_needed_to_load_the_node() -> None:
    """In a process that has none of its libraries the composition root loads all the same, and knows what it lacks."""
    program = (
        "import sys\n"
        "for name in ('babel', 'jinja2', 'pypinyin'): sys.modules[name] = None\n"
        "from importlib import util\n"
        "util.find_spec = lambda name, _found=util.find_spec: None if name in sys.modules and sys.modules[name] is None"
        " else _found(name)\n"
        "from gateway import bootstrap, bootstrap_pages\n"
        "print(','.join(bootstrap_pages.MISSING))\n"
    )
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (run.stdout.strip(), run.stderr) == ("babel,jinja2,pypinyin", "")


@dataclass(slots=True)
class FakeStanding:
    """How agreements stand; counts the looks."""

    unsigned: set[str] = field(default_factory=set)
    looks: int = 0

    def require(self, agreement: str) -> None:
        """Refuse those that are not signed."""
        self.looks += 1
        if agreement in self.unsigned:
            raise AgreementNotSignedError(agreement=agreement)


def test_what_is_shown_is_looked_at_from_time_to_time() -> None:
    """The same object as long as nothing has changed; a change is seen after a second."""
    standing, now = FakeStanding(), [100.0]
    trust = SimpleNamespace(agreements=AGREEMENTS, standing=standing)
    shared: Any = SimpleNamespace(registry=REGISTRY, catalogs=known(), book=BOOK, trust=trust)
    homes: Any = dict.fromkeys(("chongqing", "sichuan"))
    state = ShownState(shared, homes, clock=lambda: now[0])
    first = state()
    assert tuple(first.regions) == ("chongqing", "sichuan")
    assert set(first.standing.values()) == {"OK"}
    looks = standing.looks
    standing.unsigned.add("sichuan-chongqing")
    assert state() is first
    assert standing.looks == looks
    now[0] += LOOK_SECONDS
    second = state()
    assert second.standing["sichuan-chongqing"] == "AGREEMENT_NOT_SIGNED"
    now[0] += LOOK_SECONDS
    assert state() is second
    assert "sichuan-chongqing" in second.lists
    assert "greater-bay-area" not in second.lists
    next_version(shared.catalogs, "sichuan", effective_from=TODAY)
    now[0] += LOOK_SECONDS
    third = state()
    assert third.region("sichuan").own.head.sequence == 2
