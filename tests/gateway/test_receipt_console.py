"""`onecard receipt`: receipts are verified offline, and what fails first is named."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from tests.fakes.configuration import FakeConfiguration
from tests.gateway.command import onecard, refused
from tests.trust.receipts import PINS, REPLY, recorded, written

if TYPE_CHECKING:
    from pathlib import Path

ANCHOR, *_ = PINS


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
    assert lines["cosigned"] == "no log that anybody else is known to have seen: the gateway's own word"
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
    first, second = told.stdout.splitlines()
    assert first == "NOT VALID: chain region=visited rule=a pinned anchor"
    assert second == "The chain of a region does not lead to an anchor that you believe."
    both = onecard("receipt", "verify", file, "--config", config, "--fingerprint", ANCHOR)
    assert both.exit_code == 0


def test_somebody_must_be_believed(tmp_path: Path) -> None:
    """Without a fingerprint or a configuration nothing is verified."""
    file = tmp_path / "receipt.json"
    file.write_bytes(written())
    assert refused("receipt", "verify", file).startswith("No anchor is believed.")


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (("--fingerprint", "abc"), "--fingerprint"),
        (("--fingerprint", ANCHOR, "--fingerprint", "canary"), "--fingerprint"),
        (("--fingerprint", ANCHOR, "--witness", "canary"), "--witness"),
    ],
)
def test_an_option_that_is_no_key_is_told_as_one(tmp_path: Path, words: tuple[str, ...], option: str) -> None:
    """What is wrong is the option, which is named, and not a configuration; what was typed is not repeated."""
    file = tmp_path / "receipt.json"
    file.write_bytes(written())
    heading, told = refused("receipt", "verify", file, *words).splitlines()
    assert heading == "An option of the command is wrong."
    assert told.startswith(f"{option}: ")
    assert "canary" not in told


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
