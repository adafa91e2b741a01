"""Two regions whose gateways are processes that are killed and started again: anchors, and a nursery."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.gateway.small_federation import found
from tests.sandbox_fixture.running import ROOT, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.sandbox.layout import Layout

SOURCE, TARGET = "sichuan", "chongqing"
_PATIENCE = 30.0
_PYTHON = (sys.executable, "-m")


@dataclass(slots=True, kw_only=True)
class Replica:
    """One process of a gateway: where it is, with what it is started, and what became of it."""

    region: str
    config: Path
    store: str
    grpc: str
    pid: int = 0
    kills: int = 0
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        """Name its log."""
        self.log = self.config.with_suffix(".log")


class Gateways:
    """A sandbox of two regions, whose platforms a test plays itself; as a context.

    `source` may have several replicas, where its store is a server.

    Args:
        folder: an empty folder.
        stores: the address of the store of each region.
        replicas: how many gateways with addresses of their own the source has.
        processes: how many processes each of these is.
    """

    def __init__(self, folder: Path, stores: dict[str, str], *, replicas: int = 1, processes: int = 1) -> None:
        """Lay it out; nothing runs yet."""
        self.layout: Layout = found(folder, SOURCE, TARGET)
        self._stores = stores
        self._open = ExitStack()
        self.source = [self._replica(SOURCE, number, processes) for number in range(replicas)]
        self.target = self._replica(TARGET, 0)

    def __enter__(self) -> Self:
        """Start everything, and wait until every gateway listens."""
        self._run("gateway", "anchor", "serve", "--config", str(self.layout.anchors_config))
        self._nursery = self._open.enter_context(
            subprocess.Popen(
                [*_PYTHON, "tests.gateway.crash.nursery"],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "protos")))},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        for one in self.all:
            self.start(one)
        for one in self.all:
            wait_until(lambda: self.listens(one), what="gateway listening")  # noqa: B023 - it is called at once
        return self

    def __exit__(self, *_error: object) -> None:
        """Kill everything."""
        for one in self.all:
            with suppress(ProcessLookupError):
                os.kill(one.pid, signal.SIGKILL)
        self._open.close()

    @property
    def all(self) -> list[Replica]:
        """All processes of gateways."""
        return [*self.source, self.target]

    def start(self, one: Replica, *, crash_at: str = "") -> None:
        """Start a gateway; it listens a little later."""
        order = {"config": str(one.config), "store": one.store, "crash_at": crash_at, "log": str(one.log)}
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        self._nursery.stdin.write(f"{json.dumps(order)}\n")
        self._nursery.stdin.flush()
        one.pid = int(self._nursery.stdout.readline())

    def listens(self, one: Replica) -> bool:
        """Tell whether a gateway takes connections; AssertionError with its log where it has ended by itself."""
        host, _, port = one.grpc.rpartition(":")
        with suppress(OSError), closing(socket.create_connection((host, int(port)), timeout=1)):
            return True
        assert runs(one.pid), one.log.read_text("utf-8")[-2000:]
        return False

    def kill(self, one: Replica) -> None:
        """Kill a gateway with all its processes, who started them first, and wait until they are gone."""
        family = [one.pid, *children(one.pid)]
        for pid in family:
            os.kill(pid, signal.SIGKILL)
        assert all(ended(pid, _PATIENCE) for pid in family)
        one.kills += 1

    def stop(self, one: Replica) -> None:
        """Tell a gateway to stop, and wait until it is gone; AssertionError where it did not end as it should."""
        os.kill(one.pid, signal.SIGTERM)
        assert ended(one.pid, _PATIENCE)
        told = one.log.read_text("utf-8")
        assert "Traceback" not in told, told[-2000:]
        assert json.loads(told.splitlines()[-1])["event"] == "stopped"

    @contextmanager
    def paused(self, one: Replica) -> Iterator[None]:
        """Let a gateway hang, as a machine does that is paused."""
        os.kill(one.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(one.pid, signal.SIGCONT)

    def _replica(self, region: str, number: int, processes: int = 1) -> Replica:
        """Give the first replica the addresses of the layout, and each further one its own."""
        site = next(site for site in self.layout.sites if site.region == region)
        config, grpc = self.layout.config(region), site.grpc
        if processes > 1:
            text = config.read_text("utf-8").replace(f'"{site.metrics}"', f'"{_beside(site.metrics, 1)}"')
            config.write_text(f"processes = {processes}\n{text}", "utf-8")
        if number:
            text = config.read_text("utf-8")
            for old in (site.grpc, site.web, site.mutual, site.metrics):
                text = text.replace(f'"{old}"', f'"{_beside(old, number)}"')
            grpc = _beside(site.grpc, number)
            text = text.replace('state = "trust"', f'state = "trust-{number}"')
            config = config.with_name(f"gateway-{number}.toml")
            config.write_text(text, "utf-8")
        return Replica(region=region, config=config, store=self._stores[region], grpc=grpc)

    def _run(self, *arguments: str) -> None:
        """Start a process that is not killed before the end."""
        process = subprocess.Popen(
            [*_PYTHON, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._open.callback(process.wait)
        self._open.callback(process.terminate)


def _beside(address: str, number: int) -> str:
    """Give a replica an address near the first one's: those that the system gives out may be gone while it is down."""
    host, _, port = address.rpartition(":")
    return f"{host}:{int(port) + 10 * number}"


def runs(pid: int) -> bool:
    """Tell whether a process, which need not be a child of ours, runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def children(pid: int) -> list[int]:
    """Give the processes that a process has started (proc(5))."""
    try:
        return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()))
    except FileNotFoundError:
        return []


def ended(pid: int, seconds: float) -> bool:
    """Wait until a process, which need not be a child of ours, has ended; tells whether it has (pidfd_open(2))."""
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([watched], [], [], seconds)[0])
    finally:
        os.close(watched)
