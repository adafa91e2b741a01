"""The commands about keys: what is missing is made and nothing is overwritten; a rotation goes step by step."""

from __future__ import annotations

import shutil
import stat
import time
from typing import TYPE_CHECKING

import pytest

from gateway import keys_console
from gateway.errors import SettingsError
from gateway.settings import SAMPLE, load_settings, read_settings
from tests.gateway.small_federation import found
from trust.claim_tables import MAX_LIFETIME_SECONDS
from trust.keys import SigningKey

if TYPE_CHECKING:
    from pathlib import Path

PRIVATE = (
    "region.pem",
    "federation.pem",
    "gateway.pem",
    "partner.pem",
    "pseudonym.key",
    "evidence.pem",
    "evidence.secret",
)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lay out Guangdong, which counter-signs for its partners abroad, in a wide terminal."""
    monkeypatch.setenv("COLUMNS", "300")
    return found(tmp_path / "bay", "guangdong", "hongkong", "macao").config("guangdong")


def test_what_is_missing_is_made(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every key and secret of the configuration is there afterwards, its owner's alone, and the gateway takes it."""
    for name in PRIVATE:
        (config.parent / name).unlink()
    keys_console.make_keys(config, algorithm="SGD_SM3_SM2")
    out = capsys.readouterr().out
    assert all(name in out for name in PRIVATE)
    assert {stat.S_IMODE((config.parent / name).stat().st_mode) for name in PRIVATE} == {0o600}
    load_settings(config)
    suites = {
        name: SigningKey.from_pem((config.parent / name).read_bytes(), issuer="guangdong").algorithm
        for name in ("region.pem", "partner.pem")
    }
    assert suites == {"region.pem": "SGD_SM3_SM2", "partner.pem": "ES256"}
    assert (config.parent / "region.pem").read_bytes().startswith(SAMPLE)


def test_the_store_gets_its_first_key(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One key where there was none; where there is one nothing is made."""
    folder = config.parent / "store-keys"
    shutil.rmtree(folder)
    with pytest.raises(SettingsError, match="store-keys: holds no key"):
        load_settings(config)
    for _ in range(2):
        keys_console.make_keys(config, algorithm="ES256")
    assert capsys.readouterr().out.count("store-keys/0001.key") == 1
    assert [path.name for path in folder.iterdir()] == ["0001.key"]
    assert (folder / "0001.key").read_bytes().startswith(SAMPLE)
    load_settings(config)


def test_nothing_is_overwritten(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Keys that are there stay, and are told as such."""
    before = {name: (config.parent / name).read_bytes() for name in PRIVATE}
    keys_console.make_keys(config, algorithm="ES256")
    assert {name: (config.parent / name).read_bytes() for name in PRIVATE} == before
    assert capsys.readouterr().out.count("(was there)") == 5


def test_a_key_outside_the_sandbox_is_no_sample(config: Path) -> None:
    """Where the configuration is no sandbox's, the key is not marked as one that nobody may use."""
    text = config.read_text("utf-8").replace("sandbox = true", "").replace("reflection = true", "")
    config.write_text(text.replace("allow_private_addresses = true", ""), "utf-8")
    (config.parent / "gateway.pem").unlink()
    keys_console.make_keys(config, algorithm="EdDSA")
    assert (config.parent / "gateway.pem").read_bytes().startswith(b"-----BEGIN")


@pytest.mark.parametrize(
    ("use", "name"),
    [
        ("region", "region.pem"),
        ("federation", "federation.pem"),
        ("caller", "gateway.pem"),
        ("partner", "partner.pem"),
    ],
)
def test_a_rotation_goes_step_by_step(use: str, name: str, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Stage, switch, retire: the next key is of the same suite, and each step out of its turn is refused."""
    path = config.parent / name
    before = SigningKey.from_pem(path.read_bytes(), issuer="anybody")
    with pytest.raises(SettingsError, match="stage a key first"):
        keys_console.switch_key(config, use=use, region="")
    with pytest.raises(SettingsError, match="is not there"):
        keys_console.retire_key(config, use=use, region="guangdong")
    keys_console.stage_key(config, use=use, region="")
    keys_console.switch_key(config, use=use, region="")
    with pytest.raises(SettingsError, match=rf"{path.stem}\.former\.pem: what it signed may live for \d+ s more"):
        keys_console.retire_key(config, use=use, region="")
    keys_console.retire_key(config, use=use, region="", clock=lambda: time.time() + MAX_LIFETIME_SECONDS)
    after = SigningKey.from_pem(path.read_bytes(), issuer="anybody")
    assert (after.algorithm, after.kid != before.kid) == (before.algorithm, True)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["staged", "switched", "retired"]
    assert all(after.kid in line for line in lines[:2])


def test_a_key_is_retired_at_once_where_that_is_meant(config: Path) -> None:
    """The key that was is there still after a refusal, as the key that signs is, and goes when told."""
    former = config.parent / "region.former.pem"
    keys_console.stage_key(config, use="region", region="")
    keys_console.switch_key(config, use="region", region="")
    for clock in (time.time, lambda: time.time() + MAX_LIFETIME_SECONDS - 60, lambda: time.time() - 3600):
        with pytest.raises(SettingsError, match="give --now to end it too"):
            keys_console.retire_key(config, use="region", region="", clock=clock)
        assert former.exists()
    keys_console.retire_key(config, use="region", region="", at_once=True)
    assert not former.exists()


@pytest.mark.parametrize(("use", "said"), [("federation", True), ("region", False)])
def test_who_retires_a_key_learns_what_of_it_stands(
    config: Path, capsys: pytest.CaptureFixture[str], use: str, said: bool
) -> None:
    """Catalogs that a federation key has signed stay proven; of the other keys nothing does."""
    keys_console.stage_key(config, use=use, region="")
    keys_console.switch_key(config, use=use, region="")
    keys_console.retire_key(config, use=use, region="", at_once=True)
    assert ("but for catalogs that it signed before" in capsys.readouterr().out) is said


def test_a_key_that_the_region_has_not_is_told(config: Path) -> None:
    """Hong Kong counter-signs nothing, and no home of this gateway is called Sichuan."""
    hongkong = config.parent.with_name("hongkong") / config.name
    with pytest.raises(SettingsError, match="hongkong has no partner key: it counter-signs nothing"):
        keys_console.stage_key(hongkong, use="partner", region="")
    with pytest.raises(SettingsError, match="--home: name one of hongkong"):
        keys_console.home_of(read_settings(hongkong), "sichuan")
