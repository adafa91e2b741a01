"""The walk over a whole log: the command that an auditor uses, beside the hashes alone that no walk can do without."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import time
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from bench.figures import Figure, Line
from bench.process import ROOT, BenchError, search_path

if TYPE_CHECKING:
    from pathlib import Path

_RECORD_BYTES: Final = 440
"""As long as a record of a submit is."""

_SEEN: Final = re.compile(r"records\W+(\d+)")


def walk(config: Path, *, least: int) -> tuple[Line, Line]:
    """Verify the log of a gateway, which may run; gives the seconds of wall time, and those of CPU.

    Args:
        config: of the gateway.
        least: how many records must be there.

    Raises:
        BenchError: the log is not sound, or shorter.
    """
    began, before = time.monotonic(), _cpu(resource.RUSAGE_CHILDREN)
    ended = subprocess.run(
        (sys.executable, "-m", "gateway", "evidence", "verify", "--config", str(config)),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": search_path(), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    took, busy = time.monotonic() - began, _cpu(resource.RUSAGE_CHILDREN) - before
    seen = _SEEN.search(ended.stdout)
    if ended.returncode or seen is None or int(seen[1]) < least:
        raise BenchError(f"the log was not verified: {ended.stdout}{ended.stderr}")
    name = f"{int(seen[1]):,} records verified (onecard evidence verify)"
    bare = _hashed(int(seen[1]))
    return (
        Line(name=name, figure=Figure.of([took]), unit="s"),
        Line(
            name="the same, CPU",
            figure=Figure.of([busy]),
            unit="s",
            beside="as many leaves and nodes hashed by hashlib alone, CPU",
            reference=Figure.of([bare]),
            ratio=Figure.of([busy / bare]),
        ),
    )


def _cpu(who: int) -> float:
    """Give the CPU seconds of this process, or of its children that have ended."""
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def _hashed(records: int) -> float:
    """Give the CPU seconds of as many SHA-256 as the tree has leaves and nodes."""
    record, node = bytes(_RECORD_BYTES), bytes(65)
    began = _cpu(resource.RUSAGE_SELF)
    for _ in range(records):
        sha256(record).digest()
        sha256(node).digest()
    return _cpu(resource.RUSAGE_SELF) - began
