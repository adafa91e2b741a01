"""The folder of the store's keys."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from gateway.errors import SettingsError
from gateway.store.key_folder import key_files, new_key, read_keys, switch_keys
from gateway.store.sealing import CipherName

if TYPE_CHECKING:
    from pathlib import Path


def test_the_newest_key_comes_first(tmp_path: Path) -> None:
    """Each new key seals from then on, the others open; one to come opens only, until it is switched."""
    folder = tmp_path / "keys"
    assert read_keys(folder) == []
    first = new_key(folder, CipherName.AES)
    second = new_key(folder, CipherName.SM4, preamble=b"# said by the sandbox\n")
    assert (first.name, second.name) == ("0001.key", "0002.key")
    assert stat.S_IMODE(second.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    coming = new_key(folder, CipherName.AES, to_come=True)
    assert [path.name for path in key_files(folder)] == ["0002.key", "0001.key", "0003.next"]
    keys = read_keys(folder)
    assert [key.cipher for key in keys] == [CipherName.SM4, CipherName.AES, CipherName.AES]
    assert switch_keys(folder) == coming.with_suffix(".key")
    assert switch_keys(folder) is None
    assert read_keys(folder)[0] == keys[2]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"AES-256-GCM\n",
        b"AES-128-GCM c2VjcmV0LWNhbmFyeQ==\n",
        b"AES-256-GCM not*base64\n",
        b"AES-256-GCM c2VjcmV0LWNhbmFyeQ==\nAES-256-GCM c2VjcmV0LWNhbmFyeQ==\n",
        "AES-256-GCM 测试\n".encode(),
    ],
)
def test_what_is_no_key_is_refused(tmp_path: Path, text: bytes) -> None:
    """The file is named, nothing of it is repeated."""
    path = tmp_path / "0001.key"
    path.touch(mode=0o600)
    path.write_bytes(text)
    with pytest.raises(SettingsError, match=r"0001\.key") as refused:
        read_keys(tmp_path)
    assert "c2Vj" not in str(refused.value)


def test_a_key_of_the_wrong_length_is_refused(tmp_path: Path) -> None:
    """A key that is too short for its cipher is none."""
    path = tmp_path / "0001.key"
    path.touch(mode=0o600)
    path.write_text("AES-256-GCM c2VjcmV0LWNhbmFyeQ==\n")
    with pytest.raises(SettingsError, match="has 32 bytes"):
        read_keys(tmp_path)


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """Its mode must be 600."""
    new_key(tmp_path, CipherName.AES).chmod(0o640)
    with pytest.raises(SettingsError, match="mode 600"):
        read_keys(tmp_path)


def test_other_files_are_passed_over(tmp_path: Path) -> None:
    """What an editor or a person left there is no key."""
    new_key(tmp_path, CipherName.AES)
    for name in ("0002.key~", "README", "1.key"):
        (tmp_path / name).write_text("x")
    assert len(read_keys(tmp_path)) == 1
