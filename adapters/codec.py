"""Strict readers and writers of the texts that platforms exchange: JSON, flat XML, pipe-delimited lines, keyed rows.

Everything here is pure, and everything refuses with `UndecodableTextError`, whose metadata names the rule that was
broken and never the text that broke it. Parsers' own errors quote the document, so they are dropped, not chained.
What is read is only text by name; what the names mean is for the region's translator.

    >>> decode_json(b'{"aac003": "..."}')
    {'aac003': '...'}
    >>> split_line("510000|A00000000|", ["aab301", "aaz500"])
    {'aab301': '510000', 'aaz500': 'A00000000'}
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from adapters.codec_xml import decode_xml, encode_xml
from adapters.errors import UndecodableTextError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "MAX_DEPTH",
    "JsonValue",
    "decode_json",
    "decode_xml",
    "encode_json",
    "encode_xml",
    "flatten",
    "join_line",
    "pick",
    "record_to_rows",
    "rows_to_record",
    "split_line",
]

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"

MAX_DEPTH = 16
_MAX_INTEGER_DIGITS = 32
_CHARSETS = frozenset({"utf-8", "gb18030"})
_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xfe\xff", b"\xff\xfe")
# A string, whole or cut off, or a bracket. Possessive: a text of many quotes and no end costs one pass, not its square.
_JSON_NESTING = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\Z)|[\[\]{}]', re.DOTALL)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_ROW_NAME = re.compile(r"[A-Z][A-Z0-9_]*\Z")
_RECORD_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


def decode_json(body: bytes, *, charset: str = "utf-8") -> JsonValue:
    """Read one JSON text (RFC 8259), more strictly than the standard asks.

    Args:
        body: the document, without a byte order mark.
        charset: `utf-8`, or `gb18030` where the dialect says so.

    Raises:
        UndecodableTextError: rule is one of charset, byte_order_mark, depth, duplicate_name, number, surrogate, syntax.
    """
    text = _text(body, charset)
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _check_depth(text)
    try:
        value: JsonValue = _DECODER.decode(text)
    except json.JSONDecodeError:
        raise UndecodableTextError(rule="syntax") from None
    if "\\u" in text:  # only an escape can smuggle a lone surrogate into a text that was valid UTF-8
        encode_json(value)
    return value


def encode_json(value: JsonValue) -> bytes:
    """Write compact UTF-8 JSON, characters beyond ASCII as they are (UndecodableTextError: number, surrogate)."""
    try:
        return _ENCODER.encode(value).encode()
    except UnicodeEncodeError:
        raise UndecodableTextError(rule="surrogate") from None
    except ValueError:
        raise UndecodableTextError(rule="number") from None


def split_line(text: str, columns: Sequence[str]) -> dict[str, str]:
    """Read a positional line `a|b|c` or `a|b|c|`; values are kept as they are, spaces included.

    Raises:
        UndecodableTextError: rule is control or column_count.
    """
    if _CONTROL.search(text):
        raise UndecodableTextError(rule="control")
    values = text.split("|")
    if len(values) == len(columns) + 1 and not values[-1]:
        values.pop()
    if len(values) != len(columns):
        raise UndecodableTextError(rule="column_count")
    return dict(zip(columns, values, strict=True))


def join_line(fields: Mapping[str, str], columns: Sequence[str]) -> str:
    """Write a positional line without a trailing pipe; `fields` holds every column and nothing else.

    Raises:
        UndecodableTextError: rule is columns, separator or control.
    """
    if fields.keys() != set(columns):
        raise UndecodableTextError(rule="columns")
    values = [fields[column] for column in columns]
    if any("|" in value for value in values):
        raise UndecodableTextError(rule="separator")
    line = "|".join(values)
    if _CONTROL.search(line):
        raise UndecodableTextError(rule="control")
    return line


def rows_to_record(rows: JsonValue) -> dict[str, str]:
    """Read `[{"aaa100": "AAC003", "aaa102": "value", "aaa103": "label"}]` as `{"aac003": "value"}`; labels are dropped.

    Raises:
        UndecodableTextError: rule is shape, row_name or duplicate_name.
    """
    if not isinstance(rows, list):
        raise UndecodableTextError(rule="shape")
    record: dict[str, str] = {}
    for row in rows:
        name, value = _row(row)
        if name in record:
            raise UndecodableTextError(rule="duplicate_name")
        record[name] = value
    return record


def record_to_rows(record: Mapping[str, str], labels: Mapping[str, str]) -> list[dict[str, str]]:
    """Write keyed rows in the record's order; `labels` gives, by the record's names, the label shown beside a value.

    Raises:
        UndecodableTextError: rule is row_name, where a name could not be read back.
    """
    if not all(_RECORD_NAME.match(name) for name in record):
        raise UndecodableTextError(rule="row_name")
    return [{"aaa100": name.upper(), "aaa102": value, "aaa103": labels.get(name, "")} for name, value in record.items()]


def flatten(value: JsonValue) -> dict[str, str]:
    """Read a JSON object of scalars as text: null is left out, integers are decimal, booleans `true` and `false`.

    Raises:
        UndecodableTextError: rule is shape, nested, or number (a fraction has no exact text).
    """
    if not isinstance(value, dict):
        raise UndecodableTextError(rule="shape")
    return {name: item if isinstance(item, str) else _scalar(item) for name, item in value.items() if item is not None}


def pick(value: JsonValue, path: str) -> JsonValue:
    """Follow a dotted path of names through JSON objects; the empty path is the value itself.

    Raises:
        UndecodableTextError: rule is absent.
    """
    for name in path.split(".") if path else ():
        if not isinstance(value, dict) or name not in value:
            raise UndecodableTextError(rule="absent")
        value = value[name]
    return value


def _text(body: bytes, charset: str) -> str:
    """Decode the bytes, without guessing."""
    if body.startswith(_BYTE_ORDER_MARKS):
        raise UndecodableTextError(rule="byte_order_mark")
    if charset.lower() not in _CHARSETS:
        raise UndecodableTextError(rule="charset")
    try:
        return body.decode(charset)
    except UnicodeDecodeError:
        raise UndecodableTextError(rule="charset") from None


def _check_depth(text: str) -> None:
    """Count brackets outside strings before the parser recurses into them."""
    depth = 0
    for match in _JSON_NESTING.finditer(text):
        if match[0] in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise UndecodableTextError(rule="depth")
        elif match[0] in "]}":
            depth -= 1


def _object(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    """Refuse an object that says two things under one name."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise UndecodableTextError(rule="duplicate_name")
    return result


def _integer(digits: str) -> int:
    """Read an integer of a length that no field exceeds; longer ones cost more than linear time."""
    if len(digits) > _MAX_INTEGER_DIGITS:
        raise UndecodableTextError(rule="number")
    return int(digits)


def _finite(digits: str) -> float:
    """Refuse a number such as 1e400, which would become infinity."""
    number = float(digits)
    if not math.isfinite(number):
        raise UndecodableTextError(rule="number")
    return number


def _no_number(_name: str) -> NoReturn:
    """Refuse NaN and Infinity, which JSON does not have."""
    raise UndecodableTextError(rule="number")


def _row(row: JsonValue) -> tuple[str, str]:
    """Read one keyed row as its record name and value."""
    if not isinstance(row, dict) or not {"aaa100", "aaa102"} <= row.keys() <= {"aaa100", "aaa102", "aaa103"}:
        raise UndecodableTextError(rule="shape")
    name, value = row["aaa100"], row["aaa102"]
    if not isinstance(name, str) or not isinstance(value, str):
        raise UndecodableTextError(rule="shape")
    if not _ROW_NAME.match(name):
        raise UndecodableTextError(rule="row_name")
    return name.lower(), value


def _scalar(value: JsonValue) -> str:
    """Write one scalar as text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | str):
        return str(value)
    raise UndecodableTextError(rule="number" if isinstance(value, float) else "nested")


# Made once: with options of its own, each call of the library would make them again.
_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_finite, parse_constant=_no_number
)
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
