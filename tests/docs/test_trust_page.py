"""The page on trust: what a partner does by hand works as it stands there, against the real sandbox."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.sandbox.by_hand import fingerprint
from tests.docs.command_lines import PageCommand, commands
from tests.docs.test_grpcurl_lines import desk, paste  # the fixture is used by its name

if TYPE_CHECKING:
    from tests.sandbox_fixture.running import RunningSandbox

__all__ = ["desk"]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "trust.md"
CODE = re.compile(r"^```python\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
pytestmark = [pytest.mark.xdist_group("sandbox"), pytest.mark.slow]


def by_hand(sandbox: RunningSandbox, place: Path, mark: str) -> subprocess.CompletedProcess[str]:
    """Run the block of the page, its ports moved to those of the sandbox of the tests."""
    (block,) = CODE.findall(PAGE.read_text("utf-8"))
    (place / "by_hand.py").write_text(PageCommand(0, block).on_ports(sandbox.port_base).text, "utf-8")
    return subprocess.run(
        [sys.executable, "by_hand.py", mark], cwd=place, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_recognition_is_verified_by_hand(sandbox: RunningSandbox, desk: Path) -> None:
    """The lines of the page, one after the other, end with what Chongqing says; another pin proves nothing."""
    asked, members = (one.on_ports(sandbox.port_base) for one in commands(PAGE.read_text("utf-8"))[:2])
    assert paste(asked, desk).returncode == 0
    told = paste(members, desk).stdout
    (mark,) = re.findall(r"^ *https://anchors\.onecard\.test/sichuan-chongqing +(\S{43})$", told, re.MULTILINE)
    good = by_hand(sandbox, desk, mark)
    assert good.stdout.startswith("chongqing to sichuan SC-13 {'identity': "), good.stderr
    assert by_hand(sandbox, desk, fingerprint({"kty": "EC", "crv": "P-256", "x": "A", "y": "A"})).returncode != 0
