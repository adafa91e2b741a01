"""A sandbox of real processes: started by the real command, watched through the process table, always stopped."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]
ONECARD = Path(sys.executable).with_name("onecard")
REGIONS = ("chongqing", "guangdong", "guangxi", "guizhou", "hongkong", "macao", "shiyan", "sichuan", "xizang")
READY = "Ctrl-C stops everything."
SPARE_OFFSET = 20
"""Ports from here on, to both sides, are left by the sandbox; tests put gateways of their own there."""
SIDES = (0, 50, 100, 150, 200)
"""Where the ports of a gateway are: gRPC, mutual TLS, web, metrics, platform."""
_ANCHORS = 250
_SPARES = 12
_WORKERS = 4
_PATIENCE = 60.0
_POLL = 0.05


def free_port_base() -> int:
    """Find a base for which no port of a sandbox, nor any of the spares, is taken.

    Workers that run tests side by side choose among bases of their own, so that no two find the same one free.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _WORKERS
    bases = range(20_000 + 300 * worker, 32_000, 300 * _WORKERS)
    for base in random.SystemRandom().sample(bases, len(bases)):
        numbers = (*range(len(REGIONS)), *range(SPARE_OFFSET, SPARE_OFFSET + _SPARES))
        if _is_free(base + _ANCHORS) and all(_is_free(base + side + number) for side in SIDES for number in numbers):
            return base
    raise RuntimeError("no free ports for a sandbox")


def _is_free(port: int) -> bool:
    with ExitStack() as stack:
        probe = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do; a port that just ended is free
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def wait_until(done: Callable[[], bool], *, what: str) -> None:
    """Poll until something is so (AssertionError after a minute)."""
    deadline = time.monotonic() + _PATIENCE
    while not done():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain: {what}")
        time.sleep(_POLL)


def processes_of(folder: Path) -> dict[int, list[str]]:
    """Give the command lines of all running processes that name a folder, by process id."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (entry / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
            state = re.search(r"^State:\s+(\w)", (entry / "status").read_text("utf-8", "replace"), re.MULTILINE)
            if any(str(folder) in word for word in words) and state is not None and state[1] != "Z":
                found[int(entry.name)] = words
    return found


def onecard(*arguments: str, timeout: float = _PATIENCE) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [str(ONECARD), *arguments], cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False
    )


@dataclass(slots=True)
class _Log:
    """A log that grows: each line is read once, however often a test asks what happened."""

    path: Path
    _read: int = 0
    _events: list[dict[str, Any]] = field(default_factory=list)

    def events(self) -> list[dict[str, Any]]:
        """Give the events of all whole lines so far; lines that are not JSON are left out."""
        with self.path.open("rb") as stream:
            stream.seek(self._read)
            whole, end, _ = stream.read().rpartition(b"\n")
        self._read += len(whole) + len(end)
        self._events += [json.loads(line) for line in whole.splitlines() if line.startswith(b"{")]
        return self._events


@dataclass(slots=True)
class RunningSandbox:
    """One `onecard sandbox` with its folder and ports, and the gateways that a test started beside it."""

    folder: Path
    port_base: int
    options: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] = field(init=False)
    _beside: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict, repr=False)
    _followed: dict[Path, _Log] = field(default_factory=dict, repr=False)

    @property
    def output(self) -> Path:
        """File with all that the command printed."""
        return self.folder.with_name(f"{self.folder.name}.out")

    @property
    def endpoints(self) -> dict[str, dict[str, str]]:
        """Addresses by region, as the sandbox tells them."""
        table: dict[str, dict[str, str]] = json.loads((self.folder / "endpoints.json").read_text("utf-8"))
        return table

    def start(self) -> None:
        """Start the command and wait until it says that it is ready."""
        command = [str(ONECARD), "sandbox", "--folder", str(self.folder), "--port-base", str(self.port_base)]
        with self.output.open("wb") as stream:
            self.process = subprocess.Popen(
                [*command, *self.options], cwd=ROOT, stdout=stream, stderr=stream, start_new_session=True
            )
        wait_until(lambda: self.process.poll() is not None or READY in self.told(), what="sandbox ready")
        assert self.process.poll() is None, self.told()

    def told(self) -> str:
        """Give what the command printed so far."""
        return self.output.read_text("utf-8")

    def logs(self) -> str:
        """Give what all processes of the sandbox wrote into their logs."""
        return "".join(path.read_text("utf-8", "replace") for path in sorted((self.folder / "logs").iterdir()))

    def events(self, *names: str) -> list[dict[str, Any]]:
        """Give the events in the logs of some gateways, or of all; lines that are not JSON are left out."""
        paths = [self.folder / "logs" / f"{name}.log" for name in names] or sorted((self.folder / "logs").iterdir())
        return [event for path in paths for event in self._followed.setdefault(path, _Log(path)).events()]

    def pid(self, region: str) -> int | None:
        """Find the running process of a region's gateway."""
        beside = self._beside.get(region)
        if beside is not None:
            return beside.pid if beside.poll() is None else None
        pid = int((self.folder / region / "gateway.pid").read_text("ascii"))
        return pid if pid in processes_of(self.folder) else None

    def send(self, region: str, number: signal.Signals) -> None:
        """Send a signal to the process of a region's gateway."""
        pid = self.pid(region)
        assert pid is not None, f"no gateway of {region} runs"
        os.kill(pid, number)

    def platforms_pid(self) -> int:
        """Find the process of the simulated platforms."""
        return next(pid for pid, words in processes_of(self.folder).items() if "gateway.sandbox" in words)

    def serve(self, config: Path, *, web: str) -> subprocess.Popen[bytes]:
        """Start a gateway beside the others, as an operator would, and wait until it is ready."""
        log = self.folder / "logs" / f"{config.parent.name}.log"
        with log.open("ab") as stream:
            process = subprocess.Popen(
                [str(ONECARD), "serve", "--config", str(config)], cwd=ROOT, stdout=stream, stderr=stream,
                start_new_session=True,
            )  # fmt: skip
        self._beside[config.parent.name] = process
        wait_until(lambda: process.poll() is not None or is_ready(web), what="gateway ready")
        assert process.poll() is None, log.read_text("utf-8")
        return process

    def serve_again(self, region: str) -> subprocess.Popen[bytes]:
        """Replace the gateway of a region by one that the test itself started, and may wait for."""
        self.send(region, signal.SIGTERM)
        wait_until(lambda: self.pid(region) is None, what="end of a gateway")
        return self.restart(region)

    @contextmanager
    def paused(self, pid: int) -> Iterator[None]:
        """Hold a process; it goes on afterwards."""
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def waits_for_platform(self, region: str) -> bool:
        """Tell whether a connection to a platform holds bytes that it did not read yet (proc_pid_net_tcp(5))."""
        port = int(self.endpoints[region]["platform"].rpartition(":")[2])
        rows = [line.split() for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]]
        return any(row[1].endswith(f":{port:04X}") and int(row[4].partition(":")[2], 16) for row in rows)

    def restart(self, region: str) -> subprocess.Popen[bytes]:
        """Start the gateway of a region again."""
        return self.serve(self.folder / region / "gateway.toml", web=self.endpoints[region]["web"])

    def fault(self, region: str, mode: str) -> None:
        """Switch a fault of a simulated platform on, or off by `none`."""
        body = json.dumps({"mode": mode}).encode()
        url = f"{self.endpoints[region]['platform']}/-/fault"
        headers = {"content-type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=10) as reply:  # noqa: S310 - our own loopback address
            assert reply.status == 200

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Stop everything, gracefully first; gives the exit code of the command."""
        for process in self._beside.values():
            process.terminate()
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            for process in self._beside.values():
                process.wait(_PATIENCE / 2)
            return self.process.wait(_PATIENCE / 2)
        finally:
            for process in (self.process, *self._beside.values()):
                if process.poll() is None:
                    process.kill()
                    process.wait()

    def sweep(self) -> None:
        """Kill what is still there of this sandbox, whatever became of the test."""
        if self.process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                self.stop()
        for pid in processes_of(self.folder):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def is_ready(web: str) -> bool:
    """Ask a gateway whether it is ready."""
    try:
        with urllib.request.urlopen(f"{web}/readyz", timeout=5) as reply:  # noqa: S310 - our own loopback address
            return bool(reply.status == 200)
    except OSError:
        return False
