"""What a reader read from the chip, and what the platform tells, are held against each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapters.credential import by_reader_text
from adapters.errors import (
    BadUpstreamError,
    HolderMismatchError,
)
from tests.fakes.platform import FakePlatform
from tests.fakes.regions import (
    identity,
    local_home,
    question,
    record,
)

if TYPE_CHECKING:
    from adapters.credential import Credential

READER = "500106|{ssn}|{number}|{code}|{name}|ATR|3.00|20210318|20310318|T01|D01|"


def reader(**changes: str) -> Credential:
    """Make what a card reader reads of Chongqing's active card, with a column changed."""
    told = identity("chongqing")
    assert told.holder.social_security_number
    assert told.holder.name
    assert told.card.number
    assert told.card.identification_code
    columns = {
        "ssn": told.holder.social_security_number.reveal(),
        "number": told.card.number.reveal(),
        "code": told.card.identification_code.reveal(),
        "name": told.holder.name.reveal().ljust(30),
        **changes,
    }
    return by_reader_text(READER.format(**columns))


async def test_what_the_reader_read_agrees_with_the_platform() -> None:
    """A reader's text with the name padded is the same holder."""
    answer = await local_home().answer(question(credential=reader()), disclose=True)
    assert answer.verdict.usable


@pytest.mark.parametrize(
    "changes",
    [
        {"aac003": "测试乙"},
        {"aaz501": "500106D156000001052E0A23070F3579"},
        {"aaz500": "A00000003"},
        {"aac002": "500101190710050222"},
    ],
)
async def test_a_card_that_is_not_what_the_reader_read_is_refused(changes: dict[str, str]) -> None:
    """Name, code and both numbers of the chip are held against the platform's record."""
    home = local_home(platform=FakePlatform(record("chongqing", **changes)))
    with pytest.raises(HolderMismatchError) as caught:
        await home.answer(question(credential=reader()), disclose=True)
    assert caught.value.metadata == {"region": "chongqing"}


async def test_what_the_platform_does_not_tell_is_not_held_against_the_reader() -> None:
    """A platform that keeps a field to itself contradicts nobody."""
    told = record("chongqing")
    del told["aaz501"]
    home = local_home(platform=FakePlatform(told))
    answer = await home.answer(question(credential=reader()), disclose=True)
    assert answer.verdict.usable


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"aac002": "500112190302110118"}, "aac002"), ({"aaz503": "yesterday"}, "aaz503"), ({"aaz508": "9"}, "aaz508")],
)
async def test_a_record_that_cannot_be_read_is_the_platforms_fault(changes: dict[str, str], field: str) -> None:
    """The platform's field is named, never what stood in it, and the caller is not blamed."""
    home = local_home(platform=FakePlatform(record("chongqing", **changes)))
    with pytest.raises(BadUpstreamError) as caught:
        await home.answer(question(), disclose=True)
    assert caught.value.metadata["region"] == "chongqing"
    assert caught.value.metadata["rule"] == "record"
    assert field in caught.value.metadata["field"]
    assert next(iter(changes.values())) not in str(caught.value.metadata)
