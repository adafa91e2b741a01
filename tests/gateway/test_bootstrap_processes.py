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
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from gateway.bootstrap_processes import serve
from gateway.cores import own_cores
from gateway.errors import SettingsError
from gateway.settings import load_settings
from tests.fakes.configuration import FakeConfiguration
from tests.gateway.crash.gateways import children, ended
from tests.sandbox_fixture.running import ROOT, SPARE_OFFSET, free_port_base, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
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
    assert all(cores_of(child) == {frozenset(os.sched_getaffinity(0))} for child in children(gateway.parent.pid))
    assert len({read(configuration.web, "/.well-known/openid-federation") for _ in range(20)}) == 1
    metrics = load_settings(configuration.path).listen.metrics
    assert metrics is not None
    assert all("onecard_" in read(address, "/metrics") for address in (metrics, beside(metrics)))
    state = load_settings(configuration.path).trust.state
    assert (state / "desk").is_dir()
    assert (state / "process-1" / "desk").is_dir()


def cores_of(pid: int) -> set[frozenset[int]]:
    """Give the cores that the threads of a process may use."""
    threads = (int(thread.name) for thread in Path(f"/proc/{pid}/task").iterdir())
    return {frozenset(os.sched_getaffinity(thread)) for thread in threads}


def test_processes_that_are_pinned_stay_on_their_cores(configuration: FakeConfiguration) -> None:
    """All threads of each keep to its share, also of one that was started again; without that all may use all."""
    text = configuration.path.read_text("utf-8")
    configuration.path.write_text(f"pin_processes = true\n{text}", "utf-8")
    allowed = os.sched_getaffinity(0)
    shares = [{own_cores(place, 2, allowed)} for place in (0, 1)]
    running = Gateway(configuration)
    try:
        running.wait_ready(2)
        assert cores_of(running.parent.pid) == {frozenset(allowed)}
        first, second = children(running.parent.pid)
        assert sorted(map(cores_of, (first, second)), key=str) == sorted(shares, key=str)
        lost = cores_of(first)
        os.kill(first, signal.SIGKILL)
        running.wait_ready(3)
        (again,) = set(children(running.parent.pid)) - {second}
        assert cores_of(again) == lost
    finally:
        running.kill()


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


def test_a_process_that_hangs_is_killed_and_started_again(configuration: FakeConfiguration, gateway: Gateway) -> None:
    """It would hold what all others wait for; its metrics count afterwards that one in its place has ended."""
    first = min(children(gateway.parent.pid))
    os.kill(first, signal.SIGSTOP)
    gateway.wait_ready(3)
    (killed,) = gateway.events("process_killed")
    (lost,) = gateway.events("process_ended")
    assert (killed["cause"], lost["exit_code"], lost["process"]) == ("silent", -9, killed["process"])
    metrics = load_settings(configuration.path).listen.metrics
    assert metrics is not None
    address = beside(metrics) if lost["process"] == "1" else metrics
    assert 'onecard_events_total{event="process_ended"} 1.0' in read(address, "/metrics")


def test_why_a_process_cannot_start_again_is_a_line_of_the_log(
    configuration: FakeConfiguration, gateway: Gateway
) -> None:
    """A key that cannot be read by then is told as an event with the place, and nothing but events is in the log."""
    key = configuration.folder / "region.pem"
    good = key.read_bytes()
    key.write_bytes(b"no key")
    os.kill(children(gateway.parent.pid)[0], signal.SIGKILL)
    wait_until(lambda: bool(gateway.events("process_failed")), what="the fault in the log")
    key.write_bytes(good)
    gateway.wait_ready(3)
    failed = gateway.events("process_failed")[0]
    assert failed["process"] == gateway.events("process_ended")[0]["process"]
    assert (failed["gateway"], failed["type"]) == (load_settings(configuration.path).gateway, "SettingsError")
    assert "The key material cannot be used" in failed["says"]
    assert all(line.startswith("{") for line in gateway.log.read_text("utf-8").splitlines())


def test_why_processes_cannot_start_is_said_once(configuration: FakeConfiguration) -> None:
    """Both have the same fault, and a person reads it in words, as of a gateway of one process."""
    (configuration.folder / "region.pem").write_bytes(b"no key")
    refused = subprocess.run(
        [sys.executable, "-m", "gateway", "serve", "--config", str(configuration.path)],
        cwd=ROOT,
        capture_output=True,
        check=False,
        text=True,
    )
    assert refused.returncode == 2
    assert refused.stderr.count("The configuration is wrong.\nThe key material cannot be used") == 1
    assert "Traceback" not in refused.stderr


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

    def run(settings: Settings, _siblings: object = None, _place: object = None, /) -> None:
        raise AssertionError(settings.gateway)

    host, _, port = configuration.grpc.rpartition(":")
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind((host, int(port)))
        taken.listen()
        with pytest.raises(SettingsError, match=rf"\nlisten\.grpc: {configuration.grpc} is taken"):
            serve(load_settings(configuration.path), run)
    with pytest.raises(URLError):
        read(configuration.web, "/livez")


def test_a_port_of_metrics_that_is_taken_is_named(configuration: FakeConfiguration) -> None:
    """Each process has one of its own, and only the first one's is in the configuration."""

    def run(settings: Settings, _siblings: object = None, _place: object = None, /) -> None:
        raise AssertionError(settings.gateway)

    settings = load_settings(configuration.path)
    taken = beside(str(settings.listen.metrics))
    host, _, port = taken.rpartition(":")
    with (
        socket.create_server((host, int(port))),
        pytest.raises(SettingsError, match=rf"\nlisten\.metrics, of process 1: {taken} is taken"),
    ):
        serve(settings, run)


def test_addresses_of_one_gateway_must_differ(configuration: FakeConfiguration) -> None:
    """A port of metrics that is another port of the same gateway is refused too."""

    def run(settings: Settings, _siblings: object = None, _place: object = None, /) -> None:
        raise AssertionError(settings.gateway)

    configuration.path.write_text(configuration.path.read_text("utf-8").replace(configuration.web, spare(0)), "utf-8")
    with pytest.raises(SettingsError, match=rf"\nlisten\.metrics, of process 0: {spare(0)} is taken"):
        serve(load_settings(configuration.path), run)


def test_a_place_changes_what_cannot_be_shared_and_nothing_else(configuration: FakeConfiguration) -> None:
    """The first process keeps folder and port; the others have their own."""
    settings = load_settings(configuration.path)
    assert settings.of_process(0) == settings
    second = settings.of_process(1)
    assert second.trust.state == settings.trust.state / "process-1"
    assert second.listen.metrics == beside(str(settings.listen.metrics))
    assert second.of_process(0).model_copy(update={"trust": settings.trust, "listen": settings.listen}) == settings
