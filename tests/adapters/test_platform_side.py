"""The platform's side of a dialect: reads what the gateway wrote, and answers so that the gateway reads it back."""

from __future__ import annotations

import json

import pytest

from adapters.credential import by_card_number, by_qr_text
from adapters.dialect import ManifestDialect
from adapters.errors import UndecodableTextError
from adapters.form import IdentityForm
from adapters.platform_side import PlatformSide
from adapters.wire import HttpRequest
from tests.adapters.invented_region import manifest

HOLDER = "500112190302110117"
BY_NUMBER = by_card_number("Z00000019", HOLDER)


def both(changes: dict[str, object] | None = None) -> tuple[ManifestDialect, PlatformSide]:
    """Make both sides of the invented dialect with changes."""
    told = manifest(changes)
    form = IdentityForm(told)
    return ManifestDialect(told, form), PlatformSide(told, form)


def unread(request: HttpRequest, changes: dict[str, object] | None = None) -> str:
    """Read a wrong request; give the rule of the refusal."""
    with pytest.raises(UndecodableTextError) as refused:
        both(changes)[1].read_request(request)
    return refused.value.metadata["rule"]


ENVELOPES: dict[str, dict[str, object]] = {
    "json": {},
    "json_at": {"record_at": "in"},
    "json_line": {"record_at": "in", "record": "line"},
    "json_rows": {"record_at": "in", "record": "rows"},
    "form": {"envelope": "form"},
    "form_line": {"envelope": "form", "record_at": "in", "record": "line"},
    "query": {"envelope": "query", "method": "GET"},
    "xml": {"envelope": "xml"},
}


@pytest.mark.parametrize("name", ENVELOPES)
def test_lookup_is_read_as_it_was_written(name: str) -> None:
    """In every envelope the platform sees the record, the neutral fields, and what stands beside them."""
    changes = {f"platform.lookup.{key}": value for key, value in ENVELOPES[name].items()}
    gateway, platform = both({**changes, "platform.lookup.constant": {"v": "1"}})
    lookup = platform.read_request(gateway.encode(gateway.draft(BY_NUMBER), {"sign": "a=b&c"}))
    assert lookup.record == {"card": "Z00000019", "ssn": HOLDER}
    assert lookup.values == {"card.number": "Z00000019", "holder.social_security_number": HOLDER}
    assert lookup.envelope == {"v": "1", "sign": "a=b&c"}
    one_time = platform.read_request(gateway.encode(gateway.draft(by_qr_text("q+%&")), {}))
    assert one_time.values == {"qr.text": "q+%&"}
    assert one_time.envelope == {"v": "1", "kind": "qr"}


@pytest.mark.parametrize(
    ("request_", "rule"),
    [
        (HttpRequest("POST", "/other"), "path"),
        (HttpRequest("GET", "/ask"), "path"),
        (HttpRequest("POST", "/ask", {}, b"["), "syntax"),
        (HttpRequest("POST", "/ask", {}, b"[]"), "object"),
        (HttpRequest("POST", "/ask", {}, b"{}"), "credential"),
        (HttpRequest("POST", "/ask", {}, b'{"card":"Z00000019"}'), "credential"),
        (HttpRequest("POST", "/ask", {}, b'{"qr":"q","kind":"other"}'), "credential"),
    ],
)
def test_foreign_request_is_refused(request_: HttpRequest, rule: str) -> None:
    """Another path or method, another shape, and a look-up for no known credential are refused."""
    assert unread(request_) == rule


def test_form_that_is_no_utf8_is_refused() -> None:
    """Bytes that are no text are refused by a typed error."""
    assert unread(HttpRequest("POST", "/ask", {}, b"card=\xff"), {"platform.lookup.envelope": "form"}) == "charset"


def test_line_with_another_number_of_columns_is_refused() -> None:
    """A line asks for the credential whose number of columns it has, or for none."""
    line: dict[str, object] = {"platform.lookup.record": "line", "platform.lookup.record_at": "in"}
    assert unread(HttpRequest("POST", "/ask", {}, b'{"in":"a|b|c"}'), line) == "credential"


def test_answer_has_code_message_time_and_record() -> None:
    """A good answer says all that the manifest names, in local time."""
    _, platform = both(
        {
            "platform.reply.message_at": "msg",
            "platform.reply.text": {"0": "well"},
            "platform.reply.as_of_at": "data.time",
            "platform.reply.as_of_format": "%Y-%m-%d %H:%M",
        }
    )
    reply = platform.answer({"card": "Z00000019"}, as_of=0.0)
    told = {"code": "0", "msg": "well", "data": {"card": "Z00000019", "time": "1970-01-01 08:00"}}
    assert (reply.status, json.loads(reply.body)) == (200, told)


def test_flat_xml_answer_has_the_record_beside_the_code() -> None:
    """Without a place for the record its fields stand in the root."""
    _, platform = both({"platform.reply.envelope": "xml", "platform.reply.record_at": "", "platform.reply.root": "R"})
    reply = platform.answer({"card": "Z00000019"}, as_of=0.0)
    assert reply.body.endswith(b"<R><card>Z00000019</card><code>0</code></R>")
    assert reply.headers["content-type"].startswith("text/xml")


def test_answer_may_be_a_line_or_rows() -> None:
    """A record is written in the shape of the dialect: empty columns stay, rows are keyed."""
    keys = ("ssn", "name", "surname", "given", "sex", "sex_text", "born", "nation", "doc", "doc_type", "permit", "card")
    columns = [*keys, "chip", "issuer", "spec", "state", "off"]
    _, platform = both({"platform.reply.record": "line", "platform.line_columns": columns})
    told = json.loads(platform.answer({"card": "Z00000019", "state": "A"}, as_of=0.0).body)
    assert told["data"] == "|||||||||||Z00000019||||A|"
    _, platform = both({"platform.reply.record": "rows"})
    told = json.loads(platform.answer({"card": "Z00000019"}, as_of=0.0).body)
    assert told["data"] == [{"aaa100": "CARD", "aaa102": "Z00000019", "aaa103": ""}]


def test_code_that_is_the_status_leaves_the_record() -> None:
    """Where the code carries the status, the record does not repeat it."""
    _, platform = both({"platform.reply.code_is_status": True, "platform.reply.ok": []})
    reply = platform.answer({"card": "Z00000019", "state": "L"}, as_of=0.0)
    assert json.loads(reply.body) == {"code": "L", "data": {"card": "Z00000019"}}


def test_refusal_has_the_code_of_the_fault_and_its_http_status() -> None:
    """A fault is answered with its code; the code stands for the text where the manifest has none."""
    changes: dict[str, object] = {"platform.reply.message_at": "msg", "platform.reply.http_status": {"1": 404}}
    _, platform = both(changes)
    reply = platform.refuse("card_not_found")
    assert (reply.status, json.loads(reply.body)) == (404, {"code": "1", "msg": "1"})
    assert platform.refuse("unavailable").status == 200


def test_fault_without_a_code_is_answered_as_a_bad_request_or_the_first() -> None:
    """A dialect that has no code for a fault says the nearest thing it can."""
    _, platform = both()
    assert json.loads(platform.refuse("credential_used").body) == {"code": "1"}
    _, platform = both({"platform.reply.fault.7": "bad_request"})
    assert json.loads(platform.refuse("credential_used").body) == {"code": "7"}


def test_two_values_for_one_place_are_a_mistake_of_the_manifest() -> None:
    """A path that leads through a value is refused and does not overwrite it."""
    _, platform = both({"platform.reply.message_at": "code.text"})
    with pytest.raises(UndecodableTextError) as refused:
        platform.answer({"card": "Z00000019"}, as_of=0.0)
    assert refused.value.metadata == {"rule": "object"}
