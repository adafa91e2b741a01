"""`onecard serve`: what it runs, and that every fault of a configuration is told in words before anything listens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.settings import load_settings, stored_at
from tests.gateway.command import generated, onecard, refused

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateway.sandbox.layout import Layout
    from gateway.settings import Settings


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """Give a generated sandbox that does not run."""
    return generated(tmp_path / "sandbox")


def test_serve_runs_a_gateway_on_its_configuration(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """The configuration is read and given to the gateway."""
    ran: list[object] = []
    monkeypatch.setattr("gateway.bootstrap.run", ran.append)
    assert onecard("serve", "--config", layout.config("sichuan")).exit_code == 0
    assert ran == [load_settings(layout.config("sichuan"))]


def test_the_store_can_be_named_with_the_command(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the place of the configured one; several gateways do not share a store."""
    ran: list[Settings] = []
    monkeypatch.setattr("gateway.bootstrap.run", ran.append)
    config, url = layout.config("sichuan"), "postgresql+asyncpg://localhost/onecard"
    assert onecard("serve", "--config", config, "--store", url).exit_code == 0
    assert ran == [stored_at(load_settings(config), url)]
    assert (ran[0].store.folder, ran[0].store.address) == (None, url)
    told = refused("serve", "--config", config, "--config", config, "--logs", layout.folder, "--store", url)
    assert "--store is for one gateway" in told


def test_serve_runs_several_gateways_with_logs(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several configurations and a folder for logs go to the fleet, whose exit code is the command's."""
    given: list[object] = []

    def fleet(configs: list[Path], logs: Path, *, serve: Callable[[Path], None]) -> int:
        given.extend([configs, logs])
        serve(configs[1])
        return 3

    monkeypatch.setattr("gateway.bootstrap.run", given.append)
    monkeypatch.setattr("gateway.fleet.run_fleet", fleet)
    configs = [layout.config("sichuan"), layout.config("macao")]
    ended = onecard("serve", "--config", configs[0], "--config", configs[1], "--logs", layout.folder)
    assert ended.exit_code == 3
    assert given == [configs, layout.folder, load_settings(configs[1])]


def test_several_gateways_need_logs(layout: Layout) -> None:
    """Without a folder for logs several gateways are refused."""
    told = refused("serve", "--config", layout.config("sichuan"), "--config", layout.config("macao"))
    assert "--logs" in told


def test_all_faults_of_a_configuration_are_told(tmp_path: Path) -> None:
    """A bad configuration is refused with every fault on a line of its own: where it is and which rule it breaks."""
    config = tmp_path / "gateway.toml"
    config.write_text('gateway = "?"\nunknown = 1\nhome = []\n[listen]\ngrpc = "here"\n[trust]\nanchor = 1\n', "utf-8")
    told = refused("serve", "--config", config).splitlines()
    assert told[0] == "The configuration gateway.toml is wrong."
    places = [line.partition(":")[0] for line in told[1:]]
    listen, trust = ["listen.grpc", "listen.web"], ["trust.anchor", "trust.state"]
    assert sorted(places) == ["evidence", "gateway", "home", *listen, "store", *trust, "unknown"]
    assert "here" not in "".join(told[1:]).replace("where", "")


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"= ?", "cannot be read as TOML"), (b"\xff", "cannot be read as TOML"), (None, "cannot be read (")],
)
def test_a_configuration_that_cannot_be_read_is_told(content: bytes | None, told: str, tmp_path: Path) -> None:
    """No TOML, no UTF-8 or no file: one sentence that names the file."""
    config = tmp_path / "gateway.toml"
    if content is not None:
        config.write_bytes(content)
    assert f"gateway.toml: {told}" in refused("serve", "--config", config)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("ca.pem", None, "ca.pem: cannot be read"),
        ("sichuan/tls.pem", None, "tls.pem: cannot be read"),
        ("sichuan/platform.json", None, "platform.json: cannot be read"),
        ("sichuan/platform.jwks.json", "{", "platform.jwks.json: is not JSON"),
        ("sichuan/platform.jwks.json", "{}", "The key material cannot be used"),
        ("agreements/sichuan_chongqing.toml", "= ?", "sichuan_chongqing.toml: is not TOML"),
        ("agreements/sichuan_chongqing.toml", "id = 1", "The agreement"),
        ("sichuan/federation.pem", "no key", "The key material cannot be used"),
        ("sichuan/gateway.pem", "no key", "The key material cannot be used"),
        ("sichuan/region.pem", "no key", "The key material cannot be used"),
    ],
)
def test_files_of_a_configuration_are_told_by_name(layout: Layout, name: str, content: str | None, told: str) -> None:
    """A file that is missing or is not what it should be is told in words before anything listens."""
    file = layout.folder / name
    if content is None:
        file.unlink()
    else:
        file.write_text(content, "utf-8")
    assert told in refused("serve", "--config", layout.config("sichuan"))
