"""Strictness and round trips of the texts that platforms exchange."""

from __future__ import annotations

import json
import traceback
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.codec import (
    JsonValue,
    decode_json,
    encode_json,
    flatten,
    join_line,
    pick,
    record_to_rows,
    rows_to_record,
    split_line,
)
from adapters.errors import UndecodableTextError

if TYPE_CHECKING:
    from collections.abc import Callable

CANARY = "测试金丝雀"

_TEXT = st.text(max_size=20)
_SCALARS = st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
_JSON = st.recursive(
    _SCALARS | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=15,
)
_PLAIN = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp"), exclude_characters="|\ufffe\uffff"), max_size=12
)
_ROW_NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)


def rule_of(call: Callable[[], object]) -> str:
    """Give the rule that a refusal names, after checking that it shows no content."""
    with pytest.raises(UndecodableTextError) as caught:
        call()
    shown = "".join(traceback.format_exception(caught.value))
    assert CANARY not in shown
    assert CANARY not in repr(caught.value.metadata)
    return caught.value.metadata["rule"]


@given(_JSON)
def test_json_round_trip(value: JsonValue) -> None:
    """Whatever is written as JSON is read back the same."""
    assert decode_json(encode_json(value)) == value


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (b"", "syntax"),
        (b"{", "syntax"),
        (b"{'a': 1}", "syntax"),
        (b'{"a": 1,}', "syntax"),
        (b'{"a": 1} x', "syntax"),
        (b'{"a": 1}{}', "syntax"),
        (b'{"a": "\n"}', "syntax"),
        (b"// x\n{}", "syntax"),
        (b"01", "syntax"),
        (b"<html><body>502 Bad Gateway</body></html>", "syntax"),
        (b"\xef\xbb\xbf{}", "byte_order_mark"),
        ('{"a": "b"}'.encode("utf-16"), "byte_order_mark"),
        ('{"a": "b"}'.encode("utf-16-le"), "syntax"),
        (f'{{"姓名": "{CANARY}"}}'.encode("gb18030"), "charset"),
        (f'{{"姓名": "{CANARY}"}}'.encode("gbk"), "charset"),
        (b'{"a": "\xed\xa0\x80"}', "charset"),
        (b'{"a": "\xc0\xaf"}', "charset"),
        (b'{"a": 1, "a": 1}', "duplicate_name"),
        (b'{"x": {"a": 1, "\\u0061": 2}}', "duplicate_name"),
        (b"NaN", "number"),
        (b"[Infinity]", "number"),
        (b"[-Infinity]", "number"),
        (b"1e400", "number"),
        (b"-1e400", "number"),
        (b"1" * 33, "number"),
        (b"9" * 10_000, "number"),
        (b"[" * 17 + b"]" * 17, "depth"),
        (b"[" * 100_000, "depth"),
        (b'{"a":' * 100_000, "depth"),
        (b"{" * 17 + b'"' + b'\\"' * 100_000, "depth"),  # a pattern that steps back would take hours over this
        (b'"\\ud800"', "surrogate"),
        (b'{"\\udc00x": 1}', "surrogate"),
    ],
)
def test_json_refusals(body: bytes, rule: str) -> None:
    """A document that is not strict JSON is refused with the rule it breaks."""
    assert rule_of(lambda: decode_json(body)) == rule


def test_json_errors_show_no_content() -> None:
    """The parser's own error, which quotes the document, does not come along."""
    assert rule_of(lambda: decode_json(f'{{"姓名": "{CANARY}"'.encode())) == "syntax"


def test_json_depth_counts_brackets_outside_strings() -> None:
    """Sixteen levels pass, and brackets in a string or side by side do not count."""
    assert decode_json(b"[" * 16 + b"]" * 16) is not None
    assert decode_json(json.dumps(["[{" * 40, '\\"[[[' * 40]).encode()) == ["[{" * 40, '\\"[[[' * 40]
    assert decode_json(b"[" + b",".join([b"[]"] * 40) + b"]") == [[]] * 40


def test_json_charset() -> None:
    """A dialect may say GB18030, and nothing that is not on the list."""
    assert decode_json('{"姓名": "𠮷甲"}'.encode("gb18030"), charset="GB18030") == {"姓名": "𠮷甲"}
    assert rule_of(lambda: decode_json(b"{}", charset="utf-7")) == "charset"


def test_json_reads_surrogate_pairs() -> None:
    """An escaped pair is one character."""
    assert decode_json(b'"\\ud842\\udfb7"') == "𠮷"


@pytest.mark.parametrize(
    ("value", "rule"), [(float("nan"), "number"), ({"a": float("inf")}, "number"), ("\ud800", "surrogate")]
)
def test_json_refuses_to_write(value: JsonValue, rule: str) -> None:
    """What no reader could take is not written."""
    assert rule_of(lambda: encode_json(value)) == rule


def test_json_is_compact_utf8() -> None:
    """Characters beyond ASCII are written as they are, without spaces."""
    assert encode_json({"姓名": "测试甲", "n": [1, None]}) == '{"姓名":"测试甲","n":[1,null]}'.encode()


@given(st.lists(st.tuples(_ROW_NAMES, _PLAIN), min_size=1, max_size=8, unique_by=lambda pair: pair[0]), st.booleans())
def test_line_round_trip(pairs: list[tuple[str, str]], trailing: bool) -> None:
    """Whatever is joined is split into the same, with or without a trailing pipe."""
    fields = dict(pairs)
    assert split_line(join_line(fields, list(fields)) + "|" * trailing, list(fields)) == fields


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("a", "column_count"),
        ("a|b|c", "column_count"),
        ("a|b||", "column_count"),
        ("", "column_count"),
        ("a|b\n", "control"),
    ],
)
def test_line_refusals(text: str, rule: str) -> None:
    """A line with another number of columns, or with control characters, is refused."""
    assert rule_of(lambda: split_line(text, ["x", "y"])) == rule


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"x": "1"}, "columns"),
        ({"x": "1", "y": "2", "z": "3"}, "columns"),
        ({"x": "1", "y": f"{CANARY}|2"}, "separator"),
        ({"x": "1", "y": "2\r"}, "control"),
    ],
)
def test_line_refuses_to_write(fields: dict[str, str], rule: str) -> None:
    """A value cannot add a column or a line."""
    assert rule_of(lambda: join_line(fields, ["x", "y"])) == rule


@given(st.dictionaries(_ROW_NAMES, _TEXT, max_size=6))
def test_rows_round_trip(record: dict[str, str]) -> None:
    """Whatever is written as keyed rows is read back the same."""
    rows = json.loads(json.dumps(record_to_rows(record, dict.fromkeys(record, "标签"))))
    assert rows_to_record(rows) == record


def test_rows_on_the_wire() -> None:
    """Names are upper case on the wire, and a missing label is empty."""
    rows = record_to_rows({"aac058": "01", "aac003": "测试甲"}, {"aac058": "居民身份证"})
    assert rows == [
        {"aaa100": "AAC058", "aaa102": "01", "aaa103": "居民身份证"},
        {"aaa100": "AAC003", "aaa102": "测试甲", "aaa103": ""},
    ]
    assert rows_to_record([{"aaa100": "AAC003", "aaa102": "x"}]) == {"aac003": "x"}
    assert rule_of(lambda: record_to_rows({"AAC003": "x"}, {})) == "row_name"


@pytest.mark.parametrize(
    ("rows", "rule"),
    [
        ({}, "shape"),
        ([None], "shape"),
        ([{"aaa100": "A"}], "shape"),
        ([{"aaa100": "A", "aaa102": "1", "aaa999": "x"}], "shape"),
        ([{"aaa100": "A", "aaa102": 1}], "shape"),
        ([{"aaa100": None, "aaa102": "1"}], "shape"),
        ([{"aaa100": "aac003", "aaa102": "1"}], "row_name"),
        ([{"aaa100": "A", "aaa102": "1"}, {"aaa100": "A", "aaa102": "1"}], "duplicate_name"),
    ],
)
def test_rows_refusals(rows: JsonValue, rule: str) -> None:
    """Rows of another shape, or two of one name, are refused."""
    assert rule_of(lambda: rows_to_record(rows)) == rule


def test_flatten() -> None:
    """Scalars become text, and null is left out."""
    assert flatten({"a": "x", "b": None, "c": 7, "d": True, "e": False}) == {
        "a": "x",
        "c": "7",
        "d": "true",
        "e": "false",
    }


@pytest.mark.parametrize(
    ("value", "rule"), [([], "shape"), ({"a": 1.5}, "number"), ({"a": []}, "nested"), ({"a": {}}, "nested")]
)
def test_flatten_refusals(value: JsonValue, rule: str) -> None:
    """What has no exact text is refused."""
    assert rule_of(lambda: flatten(value)) == rule


def test_pick() -> None:
    """A dotted path leads through objects, and an absent name is an error."""
    value: JsonValue = {"data": {"row": {"a": None}}, "list": [1]}
    assert pick(value, "") == value
    assert pick(value, "data.row") == {"a": None}
    assert pick(value, "data.row.a") is None
    for path in ("x", "data.x", "data.row.a.b", "list.0"):
        assert rule_of(lambda path=path: pick(value, path)) == "absent"  # type: ignore[misc]
