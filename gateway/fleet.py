"""Several gateways on one machine, each a process of its own, forked from one warm parent.

Loading the program is most of a gateway's start-up, so nine that load it one by one take nine times as long; forked
ones share what is loaded, in time and in memory. Beside each configuration the parent keeps `gateway.pid`, and writes
`gateway.exit` with the exit code when that gateway has ended. Any of them can be killed and started again by itself;
when the parent is killed, they end too, and nobody writes how.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.errors import WRONG_OPTION, SettingsError
from gateway.lifeline import end_with_parent, stop_signals
from gateway.processes import CONFIGURATION_FAULT, forked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import FrameType

    Serve = Callable[[Path], int | None]


def pid_file(config: Path) -> Path:
    """Name the file that holds a gateway's process id."""
    return config.with_name("gateway.pid")


def exit_file(config: Path) -> Path:
    """Name the file that holds the exit code of a gateway that has ended; a signal's number counts as negative."""
    return config.with_name("gateway.exit")


@dataclass(frozen=True, slots=True)
class _Gateway:
    """One gateway: its configuration, its log, and where in that its own lines begin."""

    config: Path
    log: Path
    begins: int

    @property
    def name(self) -> str:
        """Give the folder of its configuration, after which its log is named."""
        return self.log.stem

    def say_end(self, code: int) -> None:
        """Tell whoever has started all that it did not end well, and the faults that it could not begin with."""
        sys.stderr.write(f"{self.name} has ended with {code}; its log is {self.log}\n")
        if code == CONFIGURATION_FAULT:
            with self.log.open("rb") as stream:
                stream.seek(self.begins)
                lines = stream.read().decode("utf-8", "replace").splitlines()
            sys.stderr.writelines(f"  {line}\n" for line in lines if not line.startswith("{"))
        sys.stderr.flush()


def run_fleet(configs: Sequence[Path], logs: Path, *, serve: Serve) -> int:
    """Run a gateway for each configuration until all have ended; SIGTERM, SIGINT and SIGHUP make them stop.

    Args:
        configs: configuration files, each in a folder of its own.
        logs: folder for the logs, one file for each gateway, named after the folder of its configuration.
        serve: runs one gateway; what it needs is loaded already, which is the point of forking.

    Returns:
        0 where all ended with 0, otherwise the code of one that did not; standard error says which, and why.

    Raises:
        SettingsError: one of the folders is not there.
    """
    faults = [f"{folder}: is no folder" for folder in (logs, *(one.parent for one in configs)) if not folder.is_dir()]
    if faults:
        raise SettingsError(tuple(dict.fromkeys(faults)), heading=WRONG_OPTION)
    running: dict[int, _Gateway] = {}

    def pass_on(_number: int, _frame: FrameType | None) -> None:
        for pid in tuple(running):
            os.kill(pid, signal.SIGTERM)

    ends = stop_signals()
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # until every child is known, so that none is left behind
    for config in configs:
        pid, one = _fork(config, logs, serve)
        running[pid] = one
    for number in ends:
        signal.signal(number, pass_on)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ends)
    end_with_parent()  # after the last fork: a fork copies no thread but the one that forks
    worst = 0
    while running:
        pid, status = os.wait()
        if pid not in running:  # a child of who ran before us in this process, or an orphan that the system gave us
            continue
        one, code = running.pop(pid), os.waitstatus_to_exitcode(status)
        exit_file(one.config).write_text(f"{code}\n", "ascii")
        if code:
            one.say_end(code)
        worst = worst or abs(code)
    return worst


def _fork(config: Path, logs: Path, serve: Serve) -> tuple[int, _Gateway]:
    """Start one gateway; its standard streams go to its log."""
    exit_file(config).unlink(missing_ok=True)
    log = logs / f"{config.resolve().parent.name}.log"
    log.touch()
    one = _Gateway(config, log, log.stat().st_size)

    def work() -> int | None:
        with log.open("ab") as stream:
            os.dup2(stream.fileno(), 1)
            os.dup2(stream.fileno(), 2)
        return serve(config)

    pid = forked(work)
    pid_file(config).write_text(f"{pid}\n", "ascii")
    return pid, one
