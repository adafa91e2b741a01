"""The `onecard` command as tests run it: in this process, in a wide terminal, on a sandbox that does not run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typer.testing import CliRunner

from adapters.registry import load_registry
from gateway import cli
from gateway.sandbox.generate import generate
from gateway.sandbox.layout import Layout

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result


def onecard(*arguments: str | Path) -> Result:
    """Run the command."""
    return CliRunner().invoke(cli.app, [str(one) for one in arguments], env={"COLUMNS": "300"})


def refused(*arguments: str | Path) -> str:
    """Run the command, which has to end with 2 and say why in words only."""
    ended = onecard(*arguments)
    assert ended.exit_code == 2, ended.output
    assert isinstance(ended.exception, SystemExit)
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    return ended.stderr


def generated(folder: Path) -> Layout:
    """Make a sandbox that does not run."""
    registry = load_registry()
    made = Layout.of(folder, registry.regions, 20_000)
    generate(made, registry)
    return made
