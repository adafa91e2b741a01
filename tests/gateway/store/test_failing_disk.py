"""A disk that says it could not synchronize: what was to be kept is refused, and the open file is given up."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.house.tree import ROOT

if TYPE_CHECKING:
    from pathlib import Path

CALL = re.compile(
    r"(?P<name>fdatasync|close)\((?P<file>[0-9]+)\)\s+= (?P<result>-?[0-9]+)|write\(1, \"kept (?P<item>[0-9]+)"
)
EVERY = 12
"""Not the first ones of a thread, with which a store is made or opened."""


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace makes the disk fail")
def test_a_file_that_failed_is_not_relied_on(tmp_path: Path, sqlite_url: str) -> None:
    """Where fdatasync gives EIO the item is refused; the file is closed before anything else is acknowledged, DU5."""
    trace = tmp_path / "trace"
    strace = ["strace", "-f", "-qq", "-o", str(trace), "-e", "trace=fdatasync,close,write", "-e"]
    done = subprocess.run(
        [
            *strace,
            f"inject=fdatasync:error=EIO:when={EVERY}+{EVERY}",
            sys.executable,
            "-m",
            "tests.gateway.store.failing_disk",
            sqlite_url,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if "PTRACE" in done.stderr or "ptrace" in done.stderr:
        pytest.skip("this machine lets nobody trace")
    said = [line.split() for line in done.stdout.splitlines()]
    acknowledged = {line[1] for line in said if line[0] == "kept"}
    refused = [line for line in said if line[0] == "refused"]
    assert refused, done.stderr
    assert {line[2] for line in refused} == {"disk"}
    assert acknowledged <= set(said[-1][1:])
    failed, calls = set[str](), 0
    for call in CALL.finditer(trace.read_text()):
        if call["item"] is not None:
            assert not failed, "acknowledged while a file is open that failed"
            assert calls, "acknowledged before anything was synchronized"
            calls = 0
        elif call["name"] == "close":
            failed.discard(call["file"])
        elif call["result"] == "0":
            calls += 1
        else:
            failed.add(call["file"])
