"""Shiyan's own shape: the reply code is a failure or the state of the card, and functions are suspended one by one."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest

from adapters.dialect import ManifestDialect
from adapters.errors import BadUpstreamError, CardNotFoundError, PlatformRefusedError
from adapters.form import IdentityForm
from adapters.manifest import parse_manifest
from adapters.platform_side import PlatformSide
from adapters.wire import HttpReply
from adapters.words import CardFunction, CardStatus

FOLDER = files("adapters").joinpath("shiyan")
MANIFEST = parse_manifest("shiyan", FOLDER.joinpath("manifest.toml").read_text("utf-8"))
FORM = IdentityForm(MANIFEST)
DIALECT = ManifestDialect(MANIFEST, FORM)
PLATFORM = PlatformSide(MANIFEST, FORM)
RECORDS = {t["id"]: t["record"] for t in json.loads(FOLDER.joinpath("vectors.json").read_text("utf-8"))["round_trips"]}
NOW = 1_900_000_000.0


def reply(document: object) -> HttpReply:
    """Make a reply of a document."""
    return HttpReply(200, {}, json.dumps(document, ensure_ascii=False).encode())


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("050", CardStatus.NOT_ACTIVATED),
        ("051", CardStatus.ACTIVE),
        ("052", CardStatus.LOST_FORMAL),
        ("053", CardStatus.LOCKED),
        ("054", CardStatus.CANCELLED),
        ("055", CardStatus.LOST_TEMPORARY),
        ("056", CardStatus.UNKNOWN),
    ],
)
def test_reply_code_is_the_state_of_the_card(code: str, status: CardStatus) -> None:
    """The state stands in the reply code and not in the record; 056 says only that something is wrong."""
    answer = PLATFORM.answer({**RECORDS["active"], "kzt": code}, as_of=NOW)
    document = json.loads(answer.body)
    assert document["code"] == code
    assert "kzt" not in document["data"]
    record = DIALECT.decode(answer, now=NOW)
    assert FORM.read(record.fields, strict=False).card.status is status


def test_state_in_the_record_does_not_outweigh_the_reply_code() -> None:
    """A record that claims a good state beside the code of a lost card is read as lost."""
    told = reply({"code": "052", "sjsj": "2025-01-01 08:00:00", "data": {**RECORDS["active"], "kzt": "051"}})
    assert FORM.read(DIALECT.decode(told, now=NOW).fields).card.status is CardStatus.LOST_FORMAL


@pytest.mark.parametrize(
    ("code", "error"), [("030", CardNotFoundError), ("021", PlatformRefusedError), ("022", BadUpstreamError)]
)
def test_failure_code_beside_a_record_is_a_failure(code: str, error: type[Exception]) -> None:
    """A code that stands for a failure is one, whatever else the reply holds."""
    told = reply({"code": code, "sjsj": "2025-01-01 08:00:00", "data": RECORDS["active"]})
    with pytest.raises(error):
        DIALECT.decode(told, now=NOW)


def test_unknown_code_without_a_record_is_no_answer() -> None:
    """A code that nobody knows, without a record, is not taken for a card in an unknown state."""
    with pytest.raises(BadUpstreamError):
        DIALECT.decode(reply({"code": "099", "msg": "?"}), now=NOW)


def test_suspended_functions_are_told_one_by_one() -> None:
    """Art. 17: the social-security function is suspended and the card stays active."""
    card = FORM.read(RECORDS["suspended_social_security"]).card
    assert card.status is CardStatus.ACTIVE
    assert card.suspended_functions == {CardFunction.SOCIAL_SECURITY}
    both = FORM.read(RECORDS["suspended_both"])
    assert both.card.suspended_functions == set(CardFunction)
    assert FORM.write(both).fields["zzgn"] == "01,02"
    assert FORM.read({**RECORDS["suspended_both"], "zzgn": "02,01"}) == both
