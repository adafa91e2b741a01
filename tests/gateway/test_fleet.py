"""How one gateway of several ends: with words where the operator has to act, with a trace where we have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway import fleet
from gateway.errors import SettingsError, StoreSchemaError, StoreUnavailableError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (SettingsError(("x: is wrong",)), fleet.CONFIGURATION_FAULT, "x: is wrong\n"),
        (StoreUnavailableError(fault="connection"), fleet.CONFIGURATION_FAULT, "just now. fault=connection\n"),
        (StoreSchemaError(fault="newer", found="0002", known="0001"), fleet.CONFIGURATION_FAULT, "known=0001\n"),
        (ZeroDivisionError(), fleet.PROGRAM_FAULT, "ZeroDivisionError\n"),
    ],
    ids=["settings", "store", "schema", "our own"],
)
def test_a_gateway_that_cannot_run_says_why(
    error: Exception, code: int, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A configuration or a store that cannot be used is one sentence and no trace."""

    def serve(_config: Path) -> None:
        raise error

    assert fleet._exit_code(tmp_path / "gateway.toml", serve) == code
    said = capsys.readouterr().err
    assert said.endswith(told)
    assert ("Traceback" in said) is (code == fleet.PROGRAM_FAULT)


def test_a_gateway_that_ends_as_told_is_well(tmp_path: Path) -> None:
    """Its code is 0, and it was given its own configuration."""
    seen: list[Path] = []
    assert fleet._exit_code(tmp_path, seen.append) == 0
    assert seen == [tmp_path]
