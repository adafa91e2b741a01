"""Credentials: what a holder shows is checked for form, reduced to neutral fields, and never printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapters.credential import (
    Credential,
    CredentialKind,
    by_card_number,
    by_electronic_sign_number,
    by_identification_code,
    by_qr_text,
    by_reader_text,
)
from adapters.errors import AdapterError, MalformedFieldError, MalformedNumberError, MissingFieldError

if TYPE_CHECKING:
    from collections.abc import Callable

HOLDER, CARD, CODE = "500112190302110117", "A00000019", "500106D156000001052E0A23070F3578"
TAIL = "0081544C9786844D01500000|3.00|20210318|20310318|000000000001|SYN01"
READ = f"500106|{HOLDER}|{CARD}|{CODE}|测试甲{' ' * 20}|{TAIL}|"
VALUES = {"card.number": CARD, "holder.social_security_number": HOLDER}


def refused(make: Callable[[], Credential]) -> tuple[type[AdapterError], str, str]:
    """Make a wrong credential; give kind, field and rule of the refusal, which repeats nothing."""
    with pytest.raises(AdapterError) as error:
        make()
    assert not any(text in str(error.value) for text in (HOLDER[:-1], CARD, CODE, "测试甲"))
    return type(error.value), error.value.metadata["field"], error.value.metadata.get("rule", "")


def test_card_number_comes_with_its_holder() -> None:
    """A card number and a social-security number are looked up together and have to agree with the answer."""
    told = by_card_number(CARD, HOLDER)
    assert (told.kind, told.lookup_kind) == (CredentialKind.CARD_NUMBER, "card_number")
    assert told.values == told.checks == VALUES
    assert refused(lambda: by_card_number("A0000001", HOLDER)) == (
        MalformedNumberError,
        "credential.card_number",
        "length",
    )
    assert refused(lambda: by_card_number(CARD, f"{HOLDER[:-1]}8", field="entries[3]")) == (
        MalformedNumberError,
        "entries[3].social_security_number",
        "check_digit",
    )


def test_identification_code_is_put_in_capitals() -> None:
    """A chip's code is read in either case."""
    told = by_identification_code(CODE.lower())
    assert told.values == told.checks == {"card.identification_code": CODE}
    assert told.lookup_kind == "identification_code"
    with pytest.raises(MalformedNumberError):
        by_identification_code(CODE[:-1])


def test_sign_number_is_a_credential_of_its_own() -> None:
    """An electronic card is shown by its sign number."""
    told = by_electronic_sign_number("SYN-1")
    assert told.values == told.checks == {"card.electronic_sign_number": "SYN-1"}
    assert told.lookup_kind == "electronic_sign_number"
    with pytest.raises(MalformedNumberError):
        by_electronic_sign_number("SYN 1")


def test_qr_text_is_opaque() -> None:
    """A QR text is kept as it is and there is nothing to check the answer against."""
    told = by_qr_text("!~" * 256)
    assert told.values == {"qr.text": "!~" * 256}
    assert (told.checks, told.lookup_kind) == ({}, "qr_text")


@pytest.mark.parametrize("text", ["", " ", "a b", "x" * 513, "二维码", "a\n", "\x7f"])
def test_qr_text_of_other_characters_is_refused(text: str) -> None:
    """Blank, long, foreign and control characters are refused."""
    assert refused(lambda: by_qr_text(text)) == (
        MalformedFieldError,
        "credential.qr_text",
        "printable_ascii_1_to_512",
    )


@pytest.mark.parametrize("text", [READ, READ[:-1], f"1|{READ}", f"1|{READ[:-1]}"])
def test_reader_text_is_read_with_and_without_ornaments(text: str) -> None:
    """A trailing bar, a leading success mark and a padded name are all read the same."""
    told = by_reader_text(text)
    assert (told.kind, told.lookup_kind) == (CredentialKind.READER_TEXT, "card_number")
    assert told.values == VALUES
    assert told.checks == {**VALUES, "card.identification_code": CODE, "holder.name": "测试甲"}


@pytest.mark.parametrize(
    ("text", "error", "field", "rule"),
    [
        ("", MalformedFieldError, "credential.reader_text", "eleven_columns"),
        (READ + "x|", MalformedFieldError, "credential.reader_text", "eleven_columns"),
        (f"2|{READ}", MalformedFieldError, "credential.reader_text", "eleven_columns"),
        (f"0|{READ}", MalformedFieldError, "credential.reader_text", "reader_reports_failure"),
        (READ.replace("测试甲", ""), MissingFieldError, "credential.reader_text[name]", ""),
        (READ.replace(CARD, "a00000019"), MalformedNumberError, "credential.reader_text[card_number]", "alphabet"),
        (
            READ.replace(HOLDER, f"{HOLDER[:-1]}8"),
            MalformedNumberError,
            "credential.reader_text[social_security_number]",
            "check_digit",
        ),
        (READ.replace(CODE, CODE[1:]), MalformedNumberError, "credential.reader_text[identification_code]", "length"),
    ],
)
def test_reader_text_of_another_shape_is_refused(text: str, error: type[AdapterError], field: str, rule: str) -> None:
    """A wrong number of columns, a failed read, a missing name and a wrong number are refused by place and rule."""
    assert refused(lambda: by_reader_text(text)) == (error, field, rule)


def test_credential_prints_its_kind_only() -> None:
    """Neither number nor name can reach a log by way of a credential."""
    assert repr(by_reader_text(READ)) == "Credential(reader_text)"
