"""Flat XML as some platforms write it: one root element whose children hold only text, with Chinese names among them.

    >>> decode_xml("<ALL><姓名>测试甲</姓名></ALL>".encode())
    {'姓名': '测试甲'}

What a careful reader of such a document would not expect is refused: a document type, entities, comments, processing
instructions, attributes, namespaces, deeper nesting, text between the fields, and a field that is given twice.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, XMLParser

from adapters.errors import UndecodableTextError

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROOT_DEPTH, _FIELD_DEPTH = 1, 2
_DECLARED_CHARSET = re.compile(rb"<\?xml\b[^>]*?\bencoding\s*=\s*[\"']([^\"'>]*)[\"']")
_NAME = re.compile(r"[A-Za-z_\u3007\u4e00-\u9fa5][A-Za-z0-9_.\-\u3007\u4e00-\u9fa5]*\Z")
_UNWRITABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def decode_xml(body: bytes) -> dict[str, str]:
    """Read the fields of a flat document, in its order; an empty element is an empty text.

    Raises:
        UndecodableTextError: rule is one of charset, byte_order_mark, document_type, attribute, comment, instruction,
            name, nested, loose_text, duplicate_name, syntax.
    """
    _check_charset(body)
    fields = _Fields()
    parser = XMLParser(target=fields, encoding="utf-8", forbid_dtd=True)
    try:
        parser.feed(body)
        parser.close()
    except ParseError:
        raise UndecodableTextError(rule="syntax") from None
    except DefusedXmlException:
        raise UndecodableTextError(rule="document_type") from None
    return fields.values


def encode_xml(root: str, fields: Mapping[str, str]) -> bytes:
    """Write a flat document in UTF-8.

    Raises:
        UndecodableTextError: rule is name (no XML name, or not one of ASCII and Chinese characters) or control.
    """
    if not all(_NAME.match(name) for name in (root, *fields)):
        raise UndecodableTextError(rule="name")
    if any(_UNWRITABLE.search(value) for value in fields.values()):
        raise UndecodableTextError(rule="control")
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
    return f'<?xml version="1.0" encoding="UTF-8"?><{root}>{inner}</{root}>'.encode()


def _check_charset(body: bytes) -> None:
    """Refuse bytes that are not UTF-8, or say that they are something else."""
    if body.startswith((b"\xef\xbb\xbf", b"\xfe\xff", b"\xff\xfe")):
        raise UndecodableTextError(rule="byte_order_mark")
    declared = _DECLARED_CHARSET.match(body)
    if declared and declared[1].lower() != b"utf-8":
        raise UndecodableTextError(rule="charset")
    try:
        body.decode()
    except UnicodeDecodeError:
        raise UndecodableTextError(rule="charset") from None


class _Fields:
    """Target of the parser: collects the fields and refuses everything else as soon as it is seen."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self._depth = 0
        self._text: list[str] = []

    def start(self, tag: str, attributes: dict[str, str], /) -> None:
        """Open the root or a field."""
        self._depth += 1
        if attributes:
            raise UndecodableTextError(rule="attribute")
        if not _NAME.match(tag):  # a namespace shows as `{...}tag`
            raise UndecodableTextError(rule="name")
        if self._depth > _FIELD_DEPTH:
            raise UndecodableTextError(rule="nested")
        if self._depth == _FIELD_DEPTH and tag in self.values:
            raise UndecodableTextError(rule="duplicate_name")

    def data(self, text: str, /) -> None:
        """Take a piece of a field's text; between fields only white space is allowed."""
        if self._depth == _FIELD_DEPTH:
            self._text.append(text)
        elif text.strip(" \t\r\n"):
            raise UndecodableTextError(rule="loose_text")

    def end(self, tag: str, /) -> None:
        """Close a field or the root."""
        if self._depth == _FIELD_DEPTH:
            self.values[tag] = "".join(self._text)
            self._text.clear()
        self._depth -= 1

    def comment(self, _text: str, /) -> None:
        """Refuse a comment: it can split one text into two readings."""
        raise UndecodableTextError(rule="comment")

    def pi(self, _target: str, _text: str, /) -> None:
        """Refuse a processing instruction."""
        raise UndecodableTextError(rule="instruction")

    def close(self) -> None:
        """End of the document."""
