"""Processes under measurement: starting and stopping them, and what the kernel says they used."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

ROOT = Path(__file__).resolve().parent.parent
_TICKS = os.sysconf("SC_CLK_TCK")
_STAT_UTIME, _STAT_PARENT = 11, 1  # counted behind the name in brackets, which may hold blanks
_STOP_SECONDS = 15.0
_MB_OF_KIB = 1024 / 1_000_000
_OFFSETS = (0, 50, 100, 200, 250)  # of gRPC, mutual gRPC, web, platforms and anchors, see gateway.sandbox.layout


class BenchError(RuntimeError):
    """Something under measurement did not start, or answered what it should not."""


def search_path() -> str:
    """Give the PYTHONPATH under which our own packages are found."""
    return os.pathsep.join((str(ROOT), str(ROOT / "protos"), os.environ.get("PYTHONPATH", "")))


class Child(AbstractContextManager["Child"]):
    """A Python process of ours, `python -m MODULE ARGUMENTS`, ended by SIGTERM when the context is left."""

    def __init__(self, *arguments: str, log: Path, pipes: bool = False) -> None:
        """Start it; standard error, and standard output unless `pipes`, go to the end of `log`."""
        pipe = subprocess.PIPE if pipes else None
        with log.open("ab") as stream:
            self._process = subprocess.Popen(
                (sys.executable, "-m", *arguments),
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": search_path(), "PYTHONUNBUFFERED": "1"},
                stdin=pipe or subprocess.DEVNULL,
                stdout=pipe or stream,
                stderr=stream,
                start_new_session=True,
                text=True,
            )
        self._log = log
        self._name = " ".join(arguments[:2])

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Tell whether it has not ended."""
        return self._process.poll() is None

    def tell(self, text: str) -> None:
        """Write to its standard input and close it."""
        assert self._process.stdin is not None
        self._process.stdin.write(text)
        self._process.stdin.close()

    def line(self) -> str:
        """Read one line of its standard output (BenchError with the end of its log where it ended instead)."""
        assert self._process.stdout is not None
        text = self._process.stdout.readline()
        if not text:
            raise self.failure("ended early")
        return text.strip()

    def failure(self, what: str) -> BenchError:
        """Make an error with the last lines of the log."""
        last = self._log.read_text("utf-8", errors="replace").splitlines()[-8:]
        return BenchError("\n".join((f"{self._name}: {what}", *last)))

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it, gracefully first."""
        with suppress(ProcessLookupError):
            self._process.send_signal(number)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self.stop()


def cpu_seconds(pids: Iterable[int]) -> float:
    """Sum user and system time of processes, all threads, from /proc/<pid>/stat; steps of one clock tick."""
    ticks = 0
    for pid in pids:
        fields = _stat(pid)
        ticks += int(fields[_STAT_UTIME]) + int(fields[_STAT_UTIME + 1])
    return ticks / _TICKS


def workers(pid: int) -> tuple[int, ...]:
    """Give the processes that a process has started, or itself where it has none."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    return tuple(map(int, children)) or (pid,)


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()


def resident_mb(pid: int) -> float:
    """Read VmRSS of a process in MB, 1,000,000 bytes each."""
    for line in Path(f"/proc/{pid}/status").read_text("utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * _MB_OF_KIB
    raise BenchError("no VmRSS in /proc")


def shared_fairly_mb(pid: int) -> float:
    """Read Pss of a process in MB: pages that several processes share count to each in part."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text("utf-8").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * _MB_OF_KIB
    raise BenchError("no Pss in /proc")


def descendants(pid: int) -> list[int]:
    """Find the processes that a process started, and those that they started."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                parents[int(entry.name)] = int(_stat(int(entry.name))[_STAT_PARENT])
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]


def free_port_base(width: int) -> int:
    """Find a base below the ephemeral range with `width` free ports above it and above each place of the sandbox's."""
    for base in range(21_000, 32_000, 400):
        with suppress(OSError):
            for port in (base + offset + n for offset in _OFFSETS for n in range(width)):
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", port))
            return base
    raise BenchError("no free ports")
