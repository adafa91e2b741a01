"""The command `onecard` as an operator of the sandbox uses it: a process of its own, beside the running gateways."""

from __future__ import annotations

import asyncio
import os
import sys
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.sandbox.story import Stage


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that has ended: its exit code, and what it printed."""

    code: int
    told: str

    @property
    def words(self) -> str:
        """All that it printed, in one line."""
        return " ".join(self.told.split())

    def after(self, begin: str) -> str:
        """Give the rest of the last line that begins so, spaces at either end aside; "NOTHING" where there is none."""
        lines = [line.strip() for line in self.told.splitlines()]
        found = [line.removeprefix(begin).strip() for line in lines if line.startswith(begin)]
        return found[-1] if found else "NOTHING"


async def onecard(*arguments: str | Path) -> Ended:
    """Run the command and wait for its end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", *map(str, arguments), stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip
    told, _ = await process.communicate()
    return Ended(process.returncode or 0, told.decode())


def anew(stage: Stage, region: str) -> Path:
    """Write the configuration of a region's gateway that remembers nothing; gives the file."""
    config = stage.layout.config(region)
    other = config.with_name("anew.toml")
    other.write_text(config.read_text("utf-8").replace('state = "trust"', 'state = "anew"'), "utf-8")
    return other


def pinned(stage: Stage, region: str, agreement: str) -> str:
    """Give what a region has beforehand: the fingerprint of the key of an agreement's anchor."""
    pins = tomllib.loads(stage.layout.config(region).read_text("utf-8"))["trust"]["anchor"]
    entity = stage.layout.anchor(agreement).entity
    (mark,) = (one["fingerprints"][0] for one in pins if one["entity"] == entity)
    return str(mark)
