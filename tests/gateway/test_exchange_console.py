"""`onecard exchange`: what was laid aside is seen and put back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from gateway.services.exchange_dead_letters import DeadLetters
from gateway.services.exchange_errands import DEATHS
from gateway.settings import load_settings
from tests.fakes.configuration import FakeConfiguration
from tests.fakes.exchange import client, exchange_node
from tests.fakes.store import opened
from tests.gateway.command import onecard

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.services.exchange_dead_letters import DeadLetter


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Lay out a gateway in whose store two requests were laid aside, and one was not."""
    path = FakeConfiguration(tmp_path).path
    asyncio.run(_fill(load_settings(path).store.address))
    return path


async def _fill(url: str) -> None:
    async with exchange_node(url, "sichuan") as node, client(node, "platform.sichuan") as source:
        for number in range(3):
            await source.submit(f"key-{number}")
        for _ in range(2 * (DEATHS + 1)):
            await node.errands.take("chongqing", most=1)
            node.clock.advance(10)


def letters(config: Path) -> list[DeadLetter]:
    """Read what is laid aside."""

    async def read() -> list[DeadLetter]:
        async with opened(load_settings(config).store.address) as store:
            return await DeadLetters(store).all()

    return asyncio.run(read())


def test_a_store_of_a_later_program_is_not_touched(config: Path) -> None:
    """Contract DU9: dead letters are neither listed nor put back where the schema is not known."""

    async def age() -> None:
        async with opened(load_settings(config).store.address) as store, store.engine.writing.begin() as connection:
            await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    asyncio.run(age())
    for words in (("list",), ("requeue", "1")):
        told = onecard("exchange", "dead-letter", *words, "--config", config)
        assert told.exit_code == 2
        assert "9999" in told.output


def test_what_was_laid_aside_is_listed(config: Path) -> None:
    """Each line names a request, where it was to go and why it did not, and nothing of what it says."""
    told = onecard("exchange", "dead-letter", "list", "--config", config)
    there = letters(config)
    assert (told.exit_code, len(there)) == (0, 2)
    for one in there:
        (line,) = (line for line in told.stdout.splitlines() if one.request in line)
        assert [cell.strip() for cell in line.split("│") if cell.strip()][:4] == [
            str(one.place),
            "out:chongqing",
            "submitted",
            "submitted",
        ]
        assert "DEADLINE" in line
    assert told.stdout.endswith("2 dead letters\n")
    assert "测试甲" not in told.stdout


def test_what_was_laid_aside_is_put_back(config: Path) -> None:
    """One by its number, then all; a number that is none is told by the exit code."""
    first, second = letters(config)
    told = onecard("exchange", "dead-letter", "requeue", "--config", config, str(first.place), "999")
    named = f"{first.place} out:chongqing submitted {first.request}: put back"
    assert (told.exit_code, told.stdout) == (1, f"{named}\n999: no dead letter\n1 of 2 dead letters put back\n")
    assert [one.place for one in letters(config)] == [second.place]
    told = onecard("exchange", "dead-letter", "list", "--config", config)
    assert told.stdout.endswith("\n1 dead letter\n")
    told = onecard("exchange", "dead-letter", "requeue", "--config", config)
    named = f"{second.place} out:chongqing submitted {second.request}: put back"
    assert (told.exit_code, told.stdout) == (0, f"{named}\n1 of 1 dead letter put back\n")
    told = onecard("exchange", "dead-letter", "list", "--config", config)
    assert (told.exit_code, told.stdout) == (0, "0 dead letters\n")
