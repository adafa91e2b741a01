"""Several gateways of one parent: what it says of those that have ended."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from gateway.errors import SettingsError
from gateway.fleet import exit_file, pid_file, run_fleet
from tests.sandbox_fixture.running import ROOT

if TYPE_CHECKING:
    from pathlib import Path

_PROGRAM = """\
import os, sys
from pathlib import Path
from gateway.errors import SettingsError
from gateway.fleet import run_fleet

def serve(config):
    if config.parent.name == "bad":
        os.write(2, b'{{"event":"x"}}' + bytes([10]))
        raise SettingsError(("x: is wrong", "y: is wrong"))
    return {code}

if not os.fork():
    os.execvp("true", ["true"])
configs = [Path(word) for word in sys.argv[2:]]
sys.exit(run_fleet(configs, Path(sys.argv[1]), serve=serve))
"""


@pytest.fixture
def configs(tmp_path: Path) -> dict[str, Path]:
    """Lay out two configurations, each in a folder of its own."""
    made = {name: tmp_path / name / "gateway.toml" for name in ("good", "bad")}
    for config in made.values():
        config.parent.mkdir()
    return made


def run(logs: Path, *configs: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run gateways to their end; the good ones end with a code."""
    arguments = [sys.executable, "-c", _PROGRAM.format(code=code), str(logs), *map(str, configs)]
    return subprocess.run(arguments, cwd=ROOT, capture_output=True, check=False, text=True)


def test_a_gateway_that_cannot_begin_is_named_with_its_faults(configs: dict[str, Path], tmp_path: Path) -> None:
    """The faults of this run stand on the terminal too, and in the log; events stand in the log only."""
    log = tmp_path / "bad.log"
    log.write_text("older: is wrong\n", "utf-8")
    ended = run(tmp_path, *configs.values())
    faults = str(SettingsError(("x: is wrong", "y: is wrong"))).splitlines()
    assert ended.returncode == 2
    assert ended.stderr.splitlines() == [f"bad has ended with 2; its log is {log}", *(f"  {line}" for line in faults)]
    assert log.read_text("utf-8").splitlines() == ["older: is wrong", '{"event":"x"}', *faults]
    assert [exit_file(config).read_text("ascii") for config in configs.values()] == ["0\n", "2\n"]
    assert all(pid_file(config).is_file() for config in configs.values())


def test_gateways_that_end_well_are_not_spoken_of(configs: dict[str, Path], tmp_path: Path) -> None:
    """A child of somebody else, which ends meanwhile, is passed over."""
    ended = run(tmp_path, configs["good"])
    assert (ended.returncode, ended.stderr) == (0, "")


def test_any_other_end_is_said_with_its_log(configs: dict[str, Path], tmp_path: Path) -> None:
    """What stands there is for whoever looks for the fault."""
    ended = run(tmp_path, configs["good"], code=3)
    assert (ended.returncode, ended.stderr) == (3, f"good has ended with 3; its log is {tmp_path / 'good.log'}\n")


def test_folders_have_to_be_there(configs: dict[str, Path], tmp_path: Path) -> None:
    """All that are not are named before anything is started."""
    configs["bad"].parent.rmdir()
    with pytest.raises(SettingsError) as caught:
        run_fleet(list(configs.values()), tmp_path / "logs", serve=lambda _: 0)
    assert caught.value.faults == (f"{tmp_path / 'logs'}: is no folder", f"{tmp_path / 'bad'}: is no folder")
