"""A warm process that forks gateways when it is told to, `python -m tests.gateway.crash.nursery`.

A start then costs no loading, so that hundreds of them can be had.

It reads one JSON object a line, `config`, `store`, `crash_at` and `log`, and answers with the id of the new process.
It ends, and its gateways with it, when its standard input does.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from pathlib import Path

from gateway.bootstrap import run
from gateway.bootstrap_exchange import CRASH_AT
from gateway.bootstrap_processes import serve
from gateway.lifeline import end_with
from gateway.settings import load_settings, stored_at


def main() -> None:
    """Serve orders until there are no more."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them here: the kernel forgets who has ended
    for line in sys.stdin:
        sys.stdout.write(f"{born(json.loads(line))}\n")
        sys.stdout.flush()


def born(order: dict[str, str]) -> int:
    """Fork one gateway; gives its process id."""
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    end_with(parent)
    os.environ[CRASH_AT] = order["crash_at"]
    with Path(order["log"]).open("ab") as stream, Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    try:
        code = serve(stored_at(load_settings(Path(order["config"])), order["store"]), run)
    except BaseException:  # noqa: BLE001 - the last line of a process: its parent's code is not to run here too
        traceback.print_exc()
        os._exit(1)
    os._exit(code)


if __name__ == "__main__":
    main()
