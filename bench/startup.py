"""How long `onecard sandbox` takes until it is ready, and what its nine gateways hold and have used by then."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.process import Child, cpu_seconds, descendants, free_port_base, resident_mb, shared_fairly_mb
from gateway.fleet import pid_file
from gateway.sandbox.layout import Layout

if TYPE_CHECKING:
    from pathlib import Path

_REGIONS = 16
_SAID_WHEN_READY = "ready after"


@dataclass(frozen=True, slots=True)
class Startup:
    """One start of the whole sandbox.

    Wall seconds to ready, CPU seconds of all its processes, and by gateway its own CPU seconds, VmRSS and Pss in MB.
    """

    seconds: float
    cpu_seconds: float
    gateway_cpu_seconds: tuple[float, ...]
    resident: tuple[float, ...]
    shared_fairly: tuple[float, ...]


def start_sandbox(folder: Path) -> Startup:
    """Start the sandbox in an empty folder, wait until it says that it is ready, and end it (BenchError)."""
    log = folder / "sandbox.log"
    started = time.monotonic()
    port = str(free_port_base(_REGIONS))
    arguments = ("gateway", "sandbox", "--folder", str(folder / "sandbox"), "--port-base", port)
    with Child(*arguments, log=log, pipes=True) as sandbox:
        while _SAID_WHEN_READY not in sandbox.line():
            pass
        seconds = time.monotonic() - started
        layout = Layout.load(folder / "sandbox")
        gateways = [int(pid_file(layout.config(site.region)).read_text("ascii")) for site in layout.sites]
        result = Startup(
            seconds=seconds,
            cpu_seconds=cpu_seconds([sandbox.pid, *descendants(sandbox.pid)]),
            gateway_cpu_seconds=tuple(cpu_seconds([pid]) for pid in gateways),
            resident=tuple(resident_mb(pid) for pid in gateways),
            shared_fairly=tuple(shared_fairly_mb(pid) for pid in gateways),
        )
        sandbox.stop(signal.SIGINT)
    return result
