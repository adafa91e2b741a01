"""References of consent that have ended: told by a file, taken up at once, refused at home before anybody is asked."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from gateway.consents import FileConsents
from gateway.errors import SettingsError
from onecard.gateway.v1 import recognition_service_pb2 as pb
from tests.fakes.clock import NOON, FakeClock
from tests.gateway.small_federation import found
from tests.gateway.whole_federation import WholeFederation
from tests.sandbox_fixture.cards import verify_request
from trust.errors import ConsentMissingError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.services.ports import Consents

HEAD = "reference,valid_until,withdrawn_at"
PAST, FUTURE = "2020-01-01T00:00:00+08:00", "2099-01-01T00:00:00Z"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Begin with an empty table."""
    path = tmp_path / "consents.csv"
    write(path)
    return path


def write(path: Path, *lines: str) -> None:
    """Write the table, closed to others, as a new file."""
    draft = path.with_suffix(".new")
    draft.touch(mode=0o600)
    draft.write_text("\n".join((HEAD, *lines)) + "\n", "utf-8")
    draft.replace(path)


def rule(consents: Consents, reference: str) -> str:
    """Give why a reference is refused, nothing where it is not."""
    try:
        consents.require(reference, agreement="bay")
    except ConsentMissingError as error:
        return error.metadata["rule"] if error.metadata["agreement"] == "bay" else "of another agreement"
    return ""


def test_what_has_ended_is_refused(file: Path) -> None:
    """By its own end or by a withdrawal, which tells more; what lives, or is not listed, counts."""
    write(file, f"A,{PAST},", f"B,,{PAST}", f"C,{PAST},{PAST}", f"D,{FUTURE},{FUTURE}", "E,,", f'"F, quoted",,{PAST}')
    consents = FileConsents(file, clock=FakeClock())
    told = {name: rule(consents, name) for name in ("A", "B", "C", "D", "E", "F, quoted", "G", "a")}
    ended = {"A": "expired", "B": "withdrawn", "C": "withdrawn", "F, quoted": "withdrawn"}
    assert told == dict.fromkeys("DEGa", "") | ended


def test_an_end_comes_with_its_time(file: Path) -> None:
    """At the very second, in whatever zone it is written."""
    write(file, "A,2026-06-01T12:00:00+08:00,", "B,,2026-06-01T04:00:00Z")
    clock = FakeClock()
    consents = FileConsents(file, clock=clock)
    clock.now = 1_780_286_399.9
    assert [rule(consents, name) for name in "AB"] == ["", ""]
    clock.now = 1_780_286_400
    assert [rule(consents, name) for name in "AB"] == ["expired", "withdrawn"]
    assert NOON > 0


def test_a_withdrawal_counts_from_the_next_question_on(file: Path) -> None:
    """The file is looked at again at each question, and read again only where it changed."""
    consents = FileConsents(file, clock=FakeClock())
    assert rule(consents, "A") == ""
    write(file, f"A,,{PAST}")
    assert rule(consents, "A") == "withdrawn"
    write(file)
    assert rule(consents, "A") == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "reference;valid_until;withdrawn_at\n",
        f"{HEAD}\nsecret-1,2026-06-01,\n",
        f"{HEAD}\nsecret-1,2026-06-01T12:00:00,\n",
        f"{HEAD}\nsecret-1,tomorrow,\n",
        f"{HEAD}\nsecret-1,\n",
        f"{HEAD}\nsecret-1,,,\n",
        f"{HEAD}\n,,\n",
        f"{HEAD}\n{'s' * 129},,\n",
        f"{HEAD}\nsecret-1,,\nsecret-1,,\n",
        f'{HEAD}\n"secret-1,,\n',
    ],
)
def test_a_table_that_cannot_be_read_refuses_all(file: Path, text: str) -> None:
    """At the start, and while the gateway runs; nothing of it is repeated."""
    consents = FileConsents(file, clock=FakeClock())
    file.write_text(text, "utf-8")
    for look in (lambda: FileConsents(file, clock=FakeClock()), lambda: rule(consents, "A")):
        with pytest.raises(SettingsError) as caught:
            look()
        assert "consents.csv: " in str(caught.value)
        assert "secret" not in str(caught.value)
        assert "sss" not in str(caught.value)


def test_a_file_that_is_gone_or_no_text_refuses_all(file: Path) -> None:
    """Nobody is taken for willing because a file was lost."""
    consents = FileConsents(file, clock=FakeClock())
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="UnicodeDecodeError"):
        rule(consents, "A")
    with file.open("r+b") as stream:
        os.truncate(stream.fileno(), 65 * 1024 * 1024)
    with pytest.raises(SettingsError, match="longer than"):
        rule(consents, "A")
    file.unlink()
    with pytest.raises(SettingsError, match="FileNotFoundError"):
        rule(consents, "A")


@pytest.fixture(scope="module")
def bay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeFederation]:
    """Run Guangdong, which keeps a register of consents, Hong Kong and Macao."""
    layout = found(tmp_path_factory.mktemp("bay") / "three", "guangdong", "hongkong", "macao")
    config = layout.config("guangdong")
    text = config.read_text("utf-8")
    secret = 'pseudonym_secret = "../guangdong/pseudonym.key"\n'
    assert text.count(secret) == 1
    config.write_text(text.replace(secret, f'{secret}consents = "consents.csv"\n'), "utf-8")
    write(config.with_name("consents.csv"))
    with WholeFederation(layout) as running:
        running.start("guangdong", "hongkong", "macao")
        yield running


@pytest.mark.parametrize(
    ("line", "why"), [("{},,2020-01-01T00:00:00Z", "withdrawn"), ("{},2020-01-01T00:00:00Z,", "expired")]
)
def test_no_card_crosses_the_border_on_a_consent_that_has_ended(bay: WholeFederation, line: str, why: str) -> None:
    """AZ6: Hong Kong asks with a reference that has ended meanwhile: Guangdong refuses before its platform is asked."""
    reference = f"GBA-SYN-{why}"

    def ask(number: int) -> str:
        request = verify_request(
            "guangdong", "HK-03", request_id=f"{why}-{number}", vector="hk_resident", consent=reference
        )
        outcome = bay.call("hongkong", "IdentityService/VerifyCard", request)
        told = f"{outcome.code.name} {outcome.reason} {outcome.info.metadata['rule']}"
        return "" if outcome.code.name == "OK" else told

    assert ask(1) == ""
    write(bay.config("guangdong").with_name("consents.csv"), line.format(reference))
    assert ask(2) == f"PERMISSION_DENIED CROSS_BORDER_BASIS_MISSING {why}"
    issued = bay.call("guangdong", "RecognitionService/IssueRecognition", of(reference, why))
    assert (issued.code.name, issued.reason) == ("PERMISSION_DENIED", "CROSS_BORDER_BASIS_MISSING")
    write(bay.config("guangdong").with_name("consents.csv"))
    assert ask(3) == ""


def of(reference: str, request_id: str) -> pb.IssueRecognitionRequest:
    """Ask Guangdong to issue what Hong Kong asks for."""
    same = verify_request("guangdong", "HK-03", request_id=request_id, vector="hk_resident", consent=reference)
    return pb.IssueRecognitionRequest(
        request_id=same.request_id,
        visited_region="hongkong",
        credential=same.credential,
        medium=same.medium,
        visited_item=same.visited_item,
        purpose=same.purpose,
        consent_reference=reference,
    )
