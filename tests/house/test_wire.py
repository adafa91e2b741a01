"""The wire contract is commented, and passes the linter; that it breaks nobody is for `make check`."""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

from onecard.gateway.v1 import error_reason_pb2
from tests.house.tree import ROOT

REASONS = ROOT / "protos" / "onecard" / "gateway" / "v1" / "error_reason.proto"
VALUE = re.compile(r"  (ERROR_REASON_\w+) = \d+( \[.+\])?;")
LONGEST_REASON = 63


def commented() -> dict[str, bool]:
    """Tell of each value of ErrorReason whether a comment stands above it."""
    lines = REASONS.read_text("utf-8").splitlines()
    return {match[1]: above.startswith("  // ") for above, line in pairwise(lines) if (match := VALUE.fullmatch(line))}


def test_every_reason_is_explained() -> None:
    """Every value of ErrorReason has a comment above it, and the generated code knows the same values."""
    told = commented()
    assert [name for name, has_comment in told.items() if not has_comment] == []
    assert list(told) == error_reason_pb2.ErrorReason.keys()


def test_reasons_fit_error_info() -> None:
    """Every reason without its prefix is what google.rpc.ErrorInfo allows: upper snake case, at most 63 characters."""
    reasons = [name.removeprefix("ERROR_REASON_") for name in commented()]
    assert [r for r in reasons if len(r) > LONGEST_REASON or not re.fullmatch(r"[A-Z][A-Z0-9_]*[A-Z0-9]", r)] == []


def test_the_linter_is_content() -> None:
    """`buf lint` finds nothing: names, shapes and comments are as buf.yaml asks."""
    buf = Path(sys.executable).with_name("buf")
    done = subprocess.run([buf, "lint"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout + done.stderr, done.returncode) == ("", 0)
