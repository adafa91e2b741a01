"""Originals of counter-signed recognitions in files: added to, never changed, found again, this user's alone."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from gateway.errors import SettingsError
from gateway.federation.originals import FileOriginals
from tests.fakes.clock import FakeClock
from trust.countersign import Pair

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86_400


def test_a_pair_is_found_again_by_another_process(tmp_path: Path) -> None:
    """By the issuer and the identifier of the token; others are not taken for it."""
    folder = tmp_path / "deep" / "originals"
    FileOriginals(folder, clock=FakeClock()).keep("guangdong", "t-1", Pair("o", "c"))
    again = FileOriginals(folder, clock=FakeClock())
    assert again.find("guangdong", "t-1") == Pair("o", "c")
    assert again.find("guangdong", "t-2") is None
    assert again.find("chongqing", "t-1") is None


def test_each_day_has_a_file_that_only_its_owner_can_read(tmp_path: Path) -> None:
    """So that an operator can remove what is older than the law wants, and nobody else learns of it."""
    clock = FakeClock(0)
    originals = FileOriginals(tmp_path / "originals", clock=clock)
    for number in range(3):
        originals.keep("guangdong", f"t-{number}", Pair(f"o-{number}", f"c-{number}"))
        clock.advance(DAY - 1)
    files = sorted((tmp_path / "originals").iterdir())
    assert [(file.name, file.read_text("ascii").count("\n")) for file in files] == [
        ("1970-01-01.jsonl", 2),
        ("1970-01-02.jsonl", 1),
    ]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "originals").stat().st_mode) == 0o700
    files[1].unlink()
    assert [originals.find("guangdong", f"t-{number}") is None for number in range(3)] == [False, False, True]


def test_a_folder_that_cannot_be_used_is_told_by_its_name(tmp_path: Path) -> None:
    """Made or written, without the path to it and without what was to be kept."""
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    with pytest.raises(SettingsError, match=r"^The configuration is wrong\.\noriginals: cannot be made \(NotADirec"):
        FileOriginals(blocked / "originals", clock=FakeClock())
    originals = FileOriginals(tmp_path / "originals", clock=FakeClock(0))
    (tmp_path / "originals" / "1970-01-01.jsonl").mkdir()
    with pytest.raises(SettingsError, match=r"1970-01-01\.jsonl: cannot be written \(IsADirectoryError\)") as caught:
        originals.keep("guangdong", "t-1", Pair("canary", "canary"))
    assert "canary" not in str(caught.value)
