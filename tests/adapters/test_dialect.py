"""The gateway's side of a dialect: what is sent for a credential, and what an answer is taken for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.credential import Credential, by_card_number, by_electronic_sign_number, by_qr_text
from adapters.dialect import ManifestDialect
from adapters.errors import (
    AdapterError,
    BadUpstreamError,
    CardNotFoundError,
    MalformedFieldError,
    PlatformUnavailableError,
    UndecodableTextError,
    UnsupportedCredentialError,
)
from adapters.form import IdentityForm
from adapters.wire import Draft, HttpReply, HttpRequest
from tests.adapters.invented_region import manifest

NOW = 1_000_000.0
HOLDER = "500112190302110117"
BY_NUMBER = by_card_number("Z00000019", HOLDER)
COLUMNS = ["ssn", "name", "surname", "given", "sex", "sex_text", "born", "nation", "doc", "doc_type", "permit", "card"]
COLUMNS += ["chip", "issuer", "spec", "state", "off"]
LINE: dict[str, object] = {
    "platform.reply.record": "line",
    "platform.reply.record_at": "data.line",
    "platform.line_columns": COLUMNS,
}
ROWS: dict[str, object] = {"platform.reply.record": "rows", "platform.reply.record_at": "data.rows"}
XML: dict[str, object] = {"platform.reply.envelope": "xml", "platform.reply.record_at": ""}
VOUCHED: dict[str, object] = {"platform.reply.as_of_at": "data.time", "platform.reply.as_of_format": "%Y%m%d%H%M%S"}


def dialect(changes: dict[str, object] | None = None) -> ManifestDialect:
    """Make the invented dialect with changes."""
    told = manifest(changes)
    return ManifestDialect(told, IdentityForm(told))


def reply(body: Any) -> HttpReply:  # noqa: ANN401 - any JSON value goes
    """Make an answer of a JSON value or of bytes."""
    return HttpReply(200, {}, body if isinstance(body, bytes) else json.dumps(body).encode())


def ask(changes: dict[str, object], credential: Credential = BY_NUMBER) -> HttpRequest:
    """Encode a look-up, with one field that an authentication scheme adds."""
    speaker = dialect(changes)
    return speaker.encode(speaker.draft(credential), {"sign": "s"})


def bad(changes: dict[str, object] | None, body: Any) -> dict[str, str]:  # noqa: ANN401 - any JSON value goes
    """Decode a wrong answer; give the metadata of the refusal."""
    with pytest.raises(BadUpstreamError) as refused:
        dialect(changes).decode(reply(body), now=NOW)
    return refused.value.metadata


def test_draft_names_what_to_ask() -> None:
    """A draft has the credential's values by the region's names, and all constants."""
    speaker = dialect({"platform.lookup.constant": {"v": "1"}})
    record = {"card": "Z00000019", "ssn": HOLDER}
    assert speaker.draft(BY_NUMBER) == Draft("POST", "/ask", record, {"v": "1"}, repeatable=True)
    assert speaker.draft(by_qr_text("q")) == Draft(
        "POST", "/ask", {"qr": "q"}, {"v": "1", "kind": "qr"}, repeatable=False
    )


def test_credential_that_the_platform_does_not_know_is_refused() -> None:
    """A kind that the manifest does not list is refused by name."""
    with pytest.raises(UnsupportedCredentialError) as refused:
        dialect().draft(by_electronic_sign_number("SYN-1"))
    assert refused.value.metadata == {"region": "invented", "credential": "electronic_sign_number"}


def test_bar_in_a_qr_text_cannot_make_a_second_column() -> None:
    """Where a look-up is a line, an opaque text with a bar is refused; elsewhere it is sent."""
    line: dict[str, object] = {"platform.lookup.record": "line", "platform.lookup.record_at": "key"}
    with pytest.raises(MalformedFieldError) as refused:
        dialect(line).draft(by_qr_text("a|b"))
    assert refused.value.metadata == {"field": "credential.qr_text", "rule": "separator", "region": "invented"}
    assert dialect().draft(by_qr_text("a|b")).record == {"qr": "a|b"}


@pytest.mark.parametrize(
    ("changes", "body"),
    [
        ({}, b'{"sign":"s","card":"Z00000019","ssn":"500112190302110117"}'),
        ({"record_at": "in"}, b'{"sign":"s","in":{"card":"Z00000019","ssn":"500112190302110117"}}'),
        ({"record_at": "in", "record": "line"}, b'{"sign":"s","in":"Z00000019|500112190302110117"}'),
        (
            {"record_at": "in", "record": "rows"},
            (
                b'{"sign":"s","in":[{"aaa100":"CARD","aaa102":"Z00000019","aaa103":""},'
                b'{"aaa100":"SSN","aaa102":"500112190302110117","aaa103":""}]}'
            ),
        ),
        ({"envelope": "form"}, b"sign=s&card=Z00000019&ssn=500112190302110117"),
        ({"envelope": "form", "record": "line", "record_at": "in"}, b"sign=s&in=Z00000019%7C500112190302110117"),
        (
            {"envelope": "xml", "root": "Q"},
            (
                b'<?xml version="1.0" encoding="UTF-8"?>'
                b"<Q><sign>s</sign><card>Z00000019</card><ssn>500112190302110117</ssn></Q>"
            ),
        ),
    ],
)
def test_request_has_the_shape_of_the_envelope(changes: dict[str, object], body: bytes) -> None:
    """Each envelope is written as the manifest says, what authentication adds beside the record."""
    request = ask({f"platform.lookup.{name}": value for name, value in changes.items()})
    assert (request.method, request.path, request.body) == ("POST", "/ask", body)
    assert "content-type" in request.headers


def test_query_goes_into_the_path() -> None:
    """A query has no body, and its values are percent-encoded."""
    request = ask({"platform.lookup.method": "GET", "platform.lookup.envelope": "query"}, by_qr_text("a&b=?"))
    assert request == HttpRequest("GET", "/ask?kind=qr&sign=s&qr=a%26b%3D%3F")


def test_good_answer_is_a_record() -> None:
    """The record is read as text, with the time of the answer where the platform gives none."""
    told = dialect().decode(reply({"code": 0, "data": {"card": "Z00000019", "n": 7, "gone": None}}), now=NOW)
    assert told.fields == {"card": "Z00000019", "n": "7"}
    assert told.as_of == NOW


def test_time_that_the_platform_vouches_for_is_read_in_its_zone() -> None:
    """The time is local, never later than the answer, and no field of the card."""
    told = dialect(VOUCHED).decode(reply({"code": "0", "data": {"card": "X", "time": "19700112053640"}}), now=NOW)
    assert told.fields == {"card": "X"}
    assert told.as_of == 11 * 86_400 - 8 * 3600 + 5 * 3600 + 36 * 60 + 40
    later = dialect(VOUCHED).decode(reply({"code": "0", "data": {"time": "20990101000000"}}), now=NOW)
    assert later.as_of == NOW


def test_wrong_or_missing_time_is_a_bad_answer() -> None:
    """A time in another form, or none where one is due, is refused: the age of the data would be a guess."""
    assert bad(VOUCHED, {"code": "0", "data": {"time": "yesterday"}})["rule"] == "as_of"
    assert bad(VOUCHED, {"code": "0", "data": {}})["rule"] == "absent"


def test_line_and_rows_are_read() -> None:
    """A record may be one positional line, whose empty columns are absent, or keyed rows."""
    line = "|".join("Z00000019" if column == "card" else "" for column in COLUMNS)
    assert dialect(LINE).decode(reply({"code": "0", "data": {"line": line}}), now=NOW).fields == {"card": "Z00000019"}
    rows = [{"aaa100": "CARD", "aaa102": "Z00000019", "aaa103": ""}]
    assert dialect(ROWS).decode(reply({"code": "0", "data": {"rows": rows}}), now=NOW).fields == {"card": "Z00000019"}
    assert bad(LINE, {"code": "0", "data": {"line": ["a"]}})["rule"] == "line"
    assert bad(LINE, {"code": "0", "data": {"line": "a|b"}})["rule"] == "column_count"
    assert bad(ROWS, {"code": "0", "data": {"rows": "a"}})["rule"] == "shape"


def test_flat_answer_keeps_the_envelope_out_of_the_record() -> None:
    """Where record and envelope are one, code, message and time are no fields of the card."""
    flat: dict[str, object] = {**XML, "platform.reply.message_at": "msg", "platform.reply.as_of_at": "at"}
    flat["platform.reply.as_of_format"] = "%Y"
    body = b"<ALL><code>0</code><msg>well</msg><at>1970</at><card>Z00000019</card></ALL>"
    assert dialect(flat).decode(reply(body), now=NOW).fields == {"card": "Z00000019"}


@pytest.mark.parametrize(("code", "error"), [("1", CardNotFoundError), ("9", PlatformUnavailableError)])
def test_fault_code_is_its_error(code: str, error: type[AdapterError]) -> None:
    """A code of the fault table is an error of the region; an outage says that the platform reported it."""
    with pytest.raises(error) as refused:
        dialect().decode(reply({"code": code}), now=NOW)
    fault = {"fault": "platform"} if error is PlatformUnavailableError else {}
    assert refused.value.metadata == {"region": "invented", **fault}


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ({"code": "5", "data": {}}, "unknown_code"),
        ({"code": True, "data": {}}, "envelope"),
        ({"code": None, "data": {}}, "envelope"),
        ({"code": "0"}, "absent"),
        ({"data": {}}, "absent"),
        ({"code": "0", "data": []}, "shape"),
        ({"code": "0", "data": {"card": {}}}, "nested"),
        (b"<html></html>", "syntax"),
        (b'{"code":"0","code":"0"}', "duplicate_name"),
    ],
)
def test_answer_outside_the_dialect_is_bad(body: object, rule: str) -> None:
    """What the dialect does not allow is refused by rule, with the region and nothing of the answer."""
    assert bad(None, body) == {"region": "invented", "rule": rule}


def test_code_may_be_the_status() -> None:
    """Where the answer's code carries the status, a code outside the table too becomes a raw status."""
    changes: dict[str, object] = {"platform.reply.code_is_status": True, "platform.reply.ok": []}
    for code in ("A", "056"):
        told = dialect(changes).decode(reply({"code": code, "data": {"card": "X"}}), now=NOW)
        assert told.fields == {"card": "X", "state": code}
    with pytest.raises(CardNotFoundError):
        dialect(changes).decode(reply({"code": "1", "data": {}}), now=NOW)


@pytest.mark.parametrize("changes", [{}, LINE, ROWS, XML], ids=["json", "line", "rows", "xml"])
def test_record_survives_the_text_form(changes: dict[str, object]) -> None:
    """A record is written as the platform would send it, and read back."""
    speaker = dialect(changes)
    record = {"name": "𠮷 测试    ", "card": "Z00000019", "state": "A"}
    assert speaker.parse_text(speaker.write_text(record)) == record


@pytest.mark.parametrize("changes", [{}, LINE, ROWS, XML], ids=["json", "line", "rows", "xml"])
@pytest.mark.parametrize("text", ["", "Z00000019", "\ud800", "{}<", "a|b\x00"])
def test_text_of_another_form_is_undecodable(changes: dict[str, object], text: str) -> None:
    """A text that is not in the dialect's form is refused by one typed error that does not repeat it."""
    with pytest.raises(UndecodableTextError) as refused:
        dialect(changes).parse_text(text)
    assert refused.value.metadata.keys() == {"rule"}
