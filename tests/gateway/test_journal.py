"""The journal: one event is one line of JSON, whatever stands in it, and never the words of an exception."""

from __future__ import annotations

import asyncio
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.journal import JsonJournal
from gateway.reasons import Language
from gateway.rpc.boundary import OpenCall
from gateway.rpc.status import CANCELLED
from tests.fakes.journal import FakeJournal

NAUGHTY = st.text(st.characters(), max_size=40) | st.sampled_from(
    ["a\nb", "\r\n", "\x00", "\x1b[2J", "\u2028\u2029", '"}\n{"event": "forged"}', "\ud800", "测试金丝雀", "{0}%s"]
)


def opened(caller: str = "platform.sichuan") -> OpenCall:
    """Make a call that has begun."""
    return OpenCall("IdentityService/VerifyCard", "trace-1", 0, Language.EN, "Bearer canary-token", caller)


def only_line(text: str) -> dict[str, Any]:
    """Read what must be one line of plain ASCII."""
    assert text.isascii()
    assert text.endswith("\n")
    assert text.count("\n") == 1
    assert len(text.splitlines()) == 1
    read: dict[str, Any] = json.loads(text)
    return read


@given(NAUGHTY, NAUGHTY, NAUGHTY, st.integers() | st.booleans())
def test_whatever_is_told_is_one_line(name: str, bound: str, text: str, number: float) -> None:
    """Control characters, line separators and lone surrogates are escaped, and come back as they were."""
    stream = io.StringIO()
    JsonJournal(stream, gateway=bound).event(name, text=text, number=number)
    line = only_line(stream.getvalue())
    assert (line["event"], line["gateway"], line["text"], line["number"]) == (name, bound, text, number)


@given(NAUGHTY)
def test_a_call_is_one_line_with_safe_fields_only(caller: str) -> None:
    """No token, no metadata, no request."""
    for row, code in ((None, "OK"), (CANCELLED, "CANCELLED")):
        journal = FakeJournal()
        journal.call(opened(caller), row)
        line = only_line(journal.text)
        assert line.keys() == {
            *("event", "timestamp", "method", "code", "reason", "who_failed", "caller", "trace_id", "micros")
        }
        assert (line["code"], line["caller"], line["trace_id"]) == (code, caller, "trace-1")
        assert "canary" not in journal.text


def _deep(depth: int, words: str) -> None:
    if depth:
        _deep(depth - 1, words)
    raise ValueError(words)


@given(words=NAUGHTY.filter(bool), depth=st.integers(0, 30))
def test_an_unforeseen_exception_is_told_by_type_and_place(words: str, depth: int) -> None:
    """At most the last twelve places, by file, line and function."""
    journal = FakeJournal()
    with pytest.raises(ValueError, match="canary") as caught:
        _deep(depth, f"canary{words}")
    journal.unforeseen(opened(), caught.value)
    line = only_line(journal.text)
    assert line["type"] == "ValueError"
    assert len(line["at"]) == min(depth + 2, 12)
    assert line["at"][-1].startswith("test_journal.py:")
    assert line["at"][-1].endswith(" _deep")
    assert "canary" not in journal.text
    assert "/" not in "".join(line["at"])


def test_lines_go_to_standard_error_unless_told_otherwise(capsys: pytest.CaptureFixture[str]) -> None:
    """So that a supervisor finds them."""
    JsonJournal(gateway="gateway.test").event("ready", homes=1)
    told = capsys.readouterr()
    assert told.out == ""
    assert only_line(told.err)["gateway"] == "gateway.test"


def test_an_open_call_never_shows_its_token() -> None:
    """Not even in a debugger."""
    assert "canary" not in repr(opened())


async def test_lines_about_calls_are_handed_over_together_and_all_others_at_once() -> None:
    """None is lost or overtaken: an event takes the calls before it along, and so does the five hundredth call."""
    stream = io.StringIO()
    journal = JsonJournal(stream)
    journal.call(opened("first"), None)
    journal.call(opened("second"), None)
    assert stream.getvalue() == ""
    journal.event("ready")
    assert [json.loads(line).get("caller", "") for line in stream.getvalue().splitlines()] == ["first", "second", ""]
    for number in range(499):
        journal.call(opened(str(number)), None)
    assert stream.getvalue().count("\n") == 3
    journal.call(opened("last"), None)
    assert stream.getvalue().count("\n") == 503
    journal.call(opened("late"), None)
    while stream.getvalue().count("\n") < 504:
        await asyncio.sleep(0.001)
    assert json.loads(stream.getvalue().splitlines()[-1])["caller"] == "late"
