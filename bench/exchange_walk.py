"""The walk over a whole log: the command that an auditor uses, beside the hashes alone that no walk can do without."""

from __future__ import annotations

import os
import re
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


def walk(config: Path, *, least: int) -> Line:
    """Verify the log of a gateway, which may run.

    Args:
        config: of the gateway.
        least: how many records must be there.

    Raises:
        BenchError: the log is not sound, or shorter.
    """
    began = time.monotonic()
    ended = subprocess.run(
        (sys.executable, "-m", "gateway", "evidence", "verify", "--config", str(config)),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": search_path(), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    took = time.monotonic() - began
    seen = _SEEN.search(ended.stdout)
    if ended.returncode or seen is None or int(seen[1]) < least:
        raise BenchError(f"the log was not verified: {ended.stdout}{ended.stderr}")
    bare = _hashed(int(seen[1]))
    return Line(
        name=f"{int(seen[1]):,} records verified (onecard evidence verify)",
        figure=Figure.of([took]),
        unit="s",
        beside="as many leaves and nodes hashed by hashlib alone",
        reference=Figure.of([bare]),
        ratio=Figure.of([took / bare]),
    )


def _hashed(records: int) -> float:
    """Give the seconds of as many SHA-256 as the tree has leaves and nodes."""
    record, node = bytes(_RECORD_BYTES), bytes(65)
    began = time.monotonic()
    for _ in range(records):
        sha256(record).digest()
        sha256(node).digest()
    return time.monotonic() - began
