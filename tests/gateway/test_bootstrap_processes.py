"""A gateway of two processes on one file of SQLite: outside they are one, and each can be lost."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from gateway.bootstrap_processes import serve
from gateway.errors import SettingsError
from gateway.settings import load_settings
from tests.fakes.configuration import FakeConfiguration
from tests.gateway.crash.gateways import children, ended
from tests.sandbox_fixture.running import ROOT, SPARE_OFFSET, free_port_base, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from gateway.settings import Settings

_PATIENCE = 30.0
_base = cache(free_port_base)


def spare(number: int) -> str:
    """Give an address whose port, and the next one, the system gives to nobody else."""
    return f"127.0.0.1:{_base() + SPARE_OFFSET + 2 * number}"


@pytest.fixture
def configuration(tmp_path: Path) -> FakeConfiguration:
    """Lay out a good configuration of two processes."""
    made = FakeConfiguration(tmp_path)
    metrics = f'[listen]\nmetrics = "{spare(0)}"\n'
    text = made.path.read_text("utf-8").replace("[listen]\n", metrics)
    made.path.write_text(f"processes = 2\n{text}", "utf-8")
    return made


class Gateway:
    """A gateway of two processes that runs."""

    def __init__(self, configuration: FakeConfiguration) -> None:
        """Start it."""
        self.log = configuration.folder / "gateway.log"
        with self.log.open("ab") as stream:
            self.parent = subprocess.Popen(
                [sys.executable, "-m", "gateway", "serve", "--config", str(configuration.path)],
                cwd=ROOT,
                stderr=stream,
                stdout=stream,
            )

    def events(self, name: str) -> list[dict[str, Any]]:
        """Give the events of a name."""
        lines = self.log.read_text("utf-8").splitlines()
        return [event for line in lines if line.startswith("{") and (event := json.loads(line))["event"] == name]

    def wait_ready(self, times: int) -> None:
        """Wait until processes have got ready so many times."""
        wait_until(lambda: len(self.events("ready")) >= times, what="processes that are ready")

    def kill(self) -> None:
        """End what is left."""
        for pid in (self.parent.pid, *children(self.parent.pid)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.parent.wait()


@pytest.fixture
def gateway(configuration: FakeConfiguration) -> Iterator[Gateway]:
    """Run a gateway of two processes."""
    running = Gateway(configuration)
    try:
        running.wait_ready(2)
        yield running
    finally:
        running.kill()


def read(address: str, path: str) -> str:
    """Fetch a page."""
    with urlopen(f"http://{address}{path}", timeout=_PATIENCE) as reply:
        return str(reply.read().decode())


def beside(address: str) -> str:
    """Give the next port."""
    host, _, port = address.rpartition(":")
    return f"{host}:{int(port) + 1}"


def test_two_processes_are_one_outside(configuration: FakeConfiguration, gateway: Gateway) -> None:
    """Both listen at one address and serve one configuration; each has a place, metrics and a state of its own."""
    assert {event["process"] for event in gateway.events("ready")} == {"0", "1"}
    assert len({read(configuration.web, "/.well-known/openid-federation") for _ in range(20)}) == 1
    metrics = load_settings(configuration.path).listen.metrics
    assert metrics is not None
    assert all("onecard_" in read(address, "/metrics") for address in (metrics, beside(metrics)))
    state = load_settings(configuration.path).trust.state
    assert (state / "desk").is_dir()
    assert (state / "process-1" / "desk").is_dir()


def test_a_process_that_is_lost_is_started_again(gateway: Gateway) -> None:
    """The other one goes on, what was lost is told, and a stop ends all of them well."""
    lost, kept = children(gateway.parent.pid)
    os.kill(lost, signal.SIGKILL)
    gateway.wait_ready(3)
    assert [(event["exit_code"]) for event in gateway.events("process_ended")] == [-9]
    assert kept in children(gateway.parent.pid)
    gateway.parent.terminate()
    assert gateway.parent.wait(_PATIENCE) == 0
    assert len(gateway.events("stopped")) == 2


@pytest.mark.usefixtures("gateway")
def test_no_other_gateway_gets_the_file(configuration: FakeConfiguration) -> None:
    """Neither one of one process nor one of several, even while nobody but the processes holds it."""
    moved = configuration.path.read_text("utf-8")
    metrics = load_settings(configuration.path).listen.metrics
    assert metrics is not None
    for number, address in enumerate((configuration.grpc, configuration.mutual, configuration.web, metrics), 1):
        moved = moved.replace(address, spare(number))
    other = configuration.path.with_name("other.toml")
    for text in (moved, moved.removeprefix("processes = 2\n")):
        other.write_text(text, "utf-8")
        refused = subprocess.run(
            [sys.executable, "-m", "gateway", "serve", "--config", str(other)],
            cwd=ROOT,
            capture_output=True,
            check=False,
            text=True,
        )
        assert "another gateway has the file" in refused.stderr
        assert refused.returncode == 2


def test_all_end_with_the_one_that_started_them(configuration: FakeConfiguration, gateway: Gateway) -> None:
    """When that is killed, the others stop, and a new gateway takes their place."""
    family = children(gateway.parent.pid)
    gateway.parent.kill()
    assert all(ended(pid, _PATIENCE) for pid in family)
    again = Gateway(configuration)
    try:
        gateway.wait_ready(4)
    finally:
        again.kill()


def test_an_address_that_is_taken_is_refused(configuration: FakeConfiguration) -> None:
    """Two gateways would share calls by chance; nothing is started."""

    def run(settings: Settings, _siblings: object = None, /) -> None:
        raise AssertionError(settings.gateway)

    host, _, port = configuration.grpc.rpartition(":")
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind((host, int(port)))
        taken.listen()
        with pytest.raises(SettingsError, match=f"{configuration.grpc} is taken"):
            serve(load_settings(configuration.path), run)
    with pytest.raises(URLError):
        read(configuration.web, "/livez")


def test_a_place_changes_what_cannot_be_shared_and_nothing_else(configuration: FakeConfiguration) -> None:
    """The first process keeps folder and port; the others have their own."""
    settings = load_settings(configuration.path)
    assert settings.of_process(0) == settings
    second = settings.of_process(1)
    assert second.trust.state == settings.trust.state / "process-1"
    assert second.listen.metrics == beside(str(settings.listen.metrics))
    assert second.of_process(0).model_copy(update={"trust": settings.trust, "listen": settings.listen}) == settings
