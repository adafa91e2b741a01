"""The fixture `sandbox`: one federation of real processes for a whole session.

Tests that use it carry `@pytest.mark.xdist_group("sandbox")`, so that with several workers only one starts it.
So do those that start a federation of their own or kill gateways: nine at a time are as many as a small machine bears.
"""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.sandbox_fixture.running import RunningSandbox, free_port_base

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    """Run a sandbox for the session; it is always stopped."""
    if not Path("/proc/self/cmdline").is_file():
        pytest.skip("no process table at /proc on this machine")
    running = RunningSandbox(tmp_path_factory.mktemp("federation") / "sandbox", free_port_base())
    try:
        running.start()
        yield running
    finally:
        try:
            running.stop(signal.SIGINT)
        finally:
            running.sweep()
