"""`onecard exchange` and `onecard receipt`: what was laid aside is seen and put back, and receipts are verified."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from gateway.services.exchange_dead_letters import DeadLetters
from gateway.services.exchange_errands import DEATHS
from gateway.settings import load_settings
from tests.fakes.configuration import FakeConfiguration
from tests.fakes.exchange import client, exchange_node
from tests.fakes.store import opened
from tests.gateway.command import onecard, refused
from tests.trust.receipts import PINS, REPLY, recorded, written

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.services.exchange_dead_letters import DeadLetter

ANCHOR, *_ = PINS


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
    assert (told.exit_code, told.stdout) == (1, "1 of 2 put back\n")
    assert [one.place for one in letters(config)] == [second.place]
    told = onecard("exchange", "dead-letter", "requeue", "--config", config)
    assert (told.exit_code, told.stdout) == (0, "1 of 1 put back\n")
    told = onecard("exchange", "dead-letter", "list", "--config", config)
    assert (told.exit_code, told.stdout) == (0, "0 dead letters\n")


def test_a_receipt_is_verified_offline(tmp_path: Path) -> None:
    """A good receipt ends with 0 and says what it proves."""
    file = tmp_path / "receipt.json"
    file.write_bytes(recorded())
    told = onecard("receipt", "verify", file, "--fingerprint", ANCHOR)
    assert told.exit_code == 0
    lines = dict(line.split(None, 1) for line in told.stdout.splitlines()[:-1])
    assert lines["outcome"] == "completed"
    assert lines["anchor"] == "https://southwest.example"
    assert lines["recorded"] == "by  visited"
    assert lines["cosigned"] == "no log that the other party has seen: the gateway's own word"
    assert told.stdout.endswith("VALID\n")


def test_what_fails_first_is_named(tmp_path: Path) -> None:
    """A receipt of which a part was changed ends with 1, and the part is named."""
    file = tmp_path / "receipt.json"
    file.write_bytes(written(reply={**REPLY, "reply": {"changed": True}}))
    told = onecard("receipt", "verify", file, "--fingerprint", ANCHOR)
    assert told.exit_code == 1
    assert told.stdout.startswith("NOT VALID: reply rule=")


@pytest.mark.parametrize("raw", [b"junk", b"", b"[]", b"{}", b"\xff\x00"])
def test_what_is_no_receipt_is_told_in_words(tmp_path: Path, raw: bytes) -> None:
    """Whoever gave another file learns that it is one, and no name from within the program."""
    file = tmp_path / "receipt.json"
    file.write_bytes(raw)
    told = onecard("receipt", "verify", file, "--fingerprint", ANCHOR)
    assert told.exit_code == 1
    assert told.stdout.startswith("NOT VALID: format rule=")
    assert "The file is no receipt of this format" in told.stdout
    assert "Error" not in told.stdout


def test_a_receipt_is_believed_under_the_anchors_of_a_gateway(tmp_path: Path) -> None:
    """With a configuration its anchors are believed, and no other: this receipt stands under another."""
    config = FakeConfiguration(tmp_path).path
    file = tmp_path / "receipt.json"
    file.write_bytes(recorded())
    told = onecard("receipt", "verify", file, "--config", config)
    assert told.exit_code == 1
    said = "The chain of a region does not lead to an anchor that you believe. "
    first, second = told.stdout.splitlines()
    assert first.startswith("NOT VALID: chain region=")
    assert second.startswith(said)
    assert len(second) > len(said)
    assert "Error" not in told.stdout
    both = onecard("receipt", "verify", file, "--config", config, "--fingerprint", ANCHOR)
    assert both.exit_code == 0


@pytest.mark.parametrize("words", [(), ("--fingerprint", "no fingerprint")])
def test_somebody_must_be_believed(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Without a fingerprint, or with something that is none, nothing is verified."""
    file = tmp_path / "receipt.json"
    file.write_bytes(written())
    assert refused("receipt", "verify", file, *words).startswith("No anchor is believed.")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """The file is named, not where it would be."""
    said = refused("receipt", "verify", tmp_path / "nowhere.json", "--fingerprint", ANCHOR)
    assert "nowhere.json: cannot be read" in said


def test_a_receipt_of_a_gateway_that_proves_its_log(tmp_path: Path) -> None:
    """A proof of inclusion that does not hold is named with its region."""
    proof = {"record": json.dumps({"detail": "x"}), "index": 0, "path": [base64.b64encode(b"x").decode()]}
    file = tmp_path / "receipt.json"
    file.write_bytes(written(evidence={"home": {**proof, "checkpoint": ""}}))
    told = onecard("receipt", "verify", file, "--fingerprint", ANCHOR)
    assert (told.exit_code, told.stdout.split(" ")[:3]) == (1, ["NOT", "VALID:", "evidence"])
