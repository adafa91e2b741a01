"""Strictness and round trips of flat XML."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.codec import decode_xml, encode_xml
from adapters.errors import UndecodableTextError

if TYPE_CHECKING:
    from collections.abc import Callable

CANARY = "测试金丝雀"

_PLAIN = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp"), exclude_characters="|\ufffe\uffff"), max_size=12
)
_TAGS = st.sampled_from(["姓名", "社会保障号码", "AAZ500", "ERR", "卡状态", "aac003", "A.b-c_1", "〇"])


def rule_of(call: Callable[[], object]) -> str:
    """Give the rule that a refusal names, after checking that it shows no content."""
    with pytest.raises(UndecodableTextError) as caught:
        call()
    shown = "".join(traceback.format_exception(caught.value))
    assert CANARY not in shown
    assert CANARY not in repr(caught.value.metadata)
    return caught.value.metadata["rule"]


@given(st.dictionaries(_TAGS, _PLAIN))
def test_xml_round_trip(fields: dict[str, str]) -> None:
    """Whatever is written as flat XML is read back the same, in its order."""
    assert list(decode_xml(encode_xml("ALL", fields)).items()) == list(fields.items())


def test_xml_reads_what_platforms_write() -> None:
    """A declaration, white space between fields, references and empty elements are fine."""
    fields = "<姓名> 测试&#x7532;&amp; </姓名>\r\n <ERR/><b><![CDATA[<]]></b>"
    body = f'<?xml version="1.0" encoding="utf-8"?>\n<ALL>\n {fields}\n</ALL>\n'
    assert decode_xml(body.encode()) == {"姓名": " 测试甲& ", "ERR": "", "b": "<"}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "syntax"),
        ("<a>", "syntax"),
        ("<a/><b/>", "syntax"),
        ("<a><b>&nbsp;</b></a>", "syntax"),
        ("<a><b>&#x0;</b></a>", "syntax"),
        (f"<a><b>{CANARY}</c></a>", "syntax"),
        ("<!DOCTYPE a><a/>", "document_type"),
        ('<!DOCTYPE a [<!ENTITY x "y">]><a><b>&x;</b></a>', "document_type"),
        ('<!DOCTYPE a SYSTEM "file:///etc/hostname"><a/>', "document_type"),
        ("<a><b>o<!-- -->k</b></a>", "comment"),
        ("<a><?x y?></a>", "instruction"),
        ('<a><b k="1">x</b></a>', "attribute"),
        ('<a k="1"/>', "attribute"),
        ('<a xmlns="u"/>', "name"),
        ('<a xmlns:n="u"><n:b/></a>', "name"),
        ("<a><é/></a>", "name"),
        ("<a><b><c>x</c></b></a>", "nested"),
        (f"<a>{CANARY}<b/></a>", "loose_text"),
        ("<a><b>1</b><b>2</b></a>", "duplicate_name"),
        ('<?xml version="1.0" encoding="GBK"?><a/>', "charset"),
        ("<?xml version='1.0' encoding = 'utf-16'?><a/>", "charset"),
        ("\ufeff<a/>", "byte_order_mark"),
    ],
)
def test_xml_refusals(text: str, rule: str) -> None:
    """A document that is not flat and plain is refused with the rule it breaks."""
    assert rule_of(lambda: decode_xml(text.encode())) == rule


def test_xml_refuses_other_charsets() -> None:
    """Bytes that are not UTF-8 are refused even when nothing says what they are."""
    assert rule_of(lambda: decode_xml("<a><b>测试</b></a>".encode("gb18030"))) == "charset"


@pytest.mark.parametrize(
    ("root", "fields", "rule"),
    [
        ("a b", {}, "name"),
        ("a", {"1": "x"}, "name"),
        ("a", {"b>": "x"}, "name"),
        ("a", {"b": "x\n"}, "control"),
        ("a", {"b": "\ud800"}, "control"),
    ],
)
def test_xml_refuses_to_write(root: str, fields: dict[str, str], rule: str) -> None:
    """What would be read back differently, or as markup, is not written."""
    assert rule_of(lambda: encode_xml(root, fields)) == rule
