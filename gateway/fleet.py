"""Several gateways on one machine, each a process of its own, forked from one warm parent.

Loading the program is most of a gateway's start-up, so nine that load it one by one take nine times as long; forked
ones share what is loaded, in time and in memory. Beside each configuration the parent keeps `gateway.pid`, and writes
`gateway.exit` with the exit code when that gateway has ended. Any of them can be killed and started again by itself;
when the parent is killed, they end too.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from gateway.lifeline import end_with_parent, stop_signals
from gateway.processes import forked

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


def run_fleet(configs: Sequence[Path], logs: Path, *, serve: Serve) -> int:
    """Run a gateway for each configuration until all have ended; SIGTERM, SIGINT and SIGHUP make them stop.

    Args:
        configs: configuration files, each in a folder of its own.
        logs: folder for the logs, one file for each gateway, named after the folder of its configuration.
        serve: runs one gateway; what it needs is loaded already, which is the point of forking.

    Returns:
        0 where all ended with 0, otherwise the code of one that did not.
    """
    running: dict[int, Path] = {}

    def pass_on(_number: int, _frame: FrameType | None) -> None:
        for pid in tuple(running):
            os.kill(pid, signal.SIGTERM)

    ends = stop_signals()
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # until every child is known, so that none is left behind
    for config in configs:
        running[_fork(config, logs, serve)] = config
    for number in ends:
        signal.signal(number, pass_on)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ends)
    end_with_parent()  # after the last fork: a fork copies no thread but the one that forks
    worst = 0
    while running:
        pid, status = os.wait()
        code = os.waitstatus_to_exitcode(status)
        exit_file(running.pop(pid)).write_text(f"{code}\n", "ascii")
        worst = worst or abs(code)
    return worst


def _fork(config: Path, logs: Path, serve: Serve) -> int:
    """Start one gateway; its standard streams go to its log."""
    exit_file(config).unlink(missing_ok=True)

    def work() -> int | None:
        with (logs / f"{config.resolve().parent.name}.log").open("ab") as stream:
            os.dup2(stream.fileno(), 1)
            os.dup2(stream.fileno(), 2)
        return serve(config)

    pid = forked(work)
    pid_file(config).write_text(f"{pid}\n", "ascii")
    return pid
