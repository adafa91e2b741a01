"""A run of the tests ends and names what failed, whatever happens to a worker."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.house.tree import ROOT
from tests.sandbox_fixture.hanging import HangWatch

if TYPE_CHECKING:
    from pathlib import Path

_CONFTEST = """
from tests.sandbox_fixture.groups import ByGroup

def pytest_xdist_make_scheduler(config, log):
    return ByGroup(config, log)
"""
_TESTS = """
import os
import pytest

@pytest.mark.parametrize("number", range(40))
def test_one(number):
    assert number != 30
    if number == 20:
        os._exit(1)
"""


@pytest.mark.slow
def test_a_run_whose_worker_was_lost_ends_and_has_tried_everything_once(tmp_path: Path) -> None:
    """The test by which it was lost has failed, and what the worker had before it goes to another."""
    (tmp_path / "conftest.py").write_text(_CONFTEST, "utf-8")
    (tmp_path / "test_lost.py").write_text(_TESTS, "utf-8")
    command = [sys.executable, "-m", "pytest", "-c", os.devnull, "--rootdir", ".", "-n", "2", "--dist", "loadgroup"]
    told = subprocess.run(
        [*command, "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=120,
    ).stdout
    assert re.search(r"\b2 failed, 38 passed\b", told), told
    assert sorted(re.findall(r"FAILED test_lost.py::test_one\[(\d+)\]", told)) == ["20", "30"]


async def test_a_test_that_hangs_is_told_with_what_its_tasks_wait_for(request: pytest.FixtureRequest) -> None:
    """Once, from another thread, while it goes on."""
    reading, writing = os.pipe()
    watch = HangWatch(writing, hangs_seconds=0.01, look_seconds=0.01)
    running = watch.pytest_runtest_protocol(request.node)
    next(running)
    waiting = asyncio.create_task(asyncio.Event().wait(), name="who waits")
    try:
        told = await asyncio.to_thread(os.read, reading, 65536)
    finally:
        waiting.cancel()
        with pytest.raises(StopIteration):
            next(running)
        watch.end()
        os.close(reading)
        os.close(writing)
    assert f"still runs after 0 s: {request.node.nodeid}\n" in told.decode()
    assert "who waits, asked to end 0 times" in told.decode()
