"""Laws of base64url: each value has one text, and every other text is refused, whatever it is made of."""

from __future__ import annotations

import base64
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trust.encoding import decode_base64url, encode_base64url

ALPHABET = string.ascii_letters + string.digits + "-_"


def by_writing_again(text: str) -> bytes | None:
    """Say it the slow way: read leniently, write again, and compare."""
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return None
    return data if encode_base64url(data) == text else None


@given(text=st.one_of(st.text(ALPHABET, max_size=40), st.text(ALPHABET + "+/=. \n\x00", max_size=12), st.text()))
def test_exactly_the_text_that_would_be_written_is_read(text: str) -> None:
    """A text is read if and only if its bytes would be written as this text."""
    assert decode_base64url(text) == by_writing_again(text)


@pytest.mark.parametrize("length", range(1, 5))
def test_each_character_counts_at_each_place(length: int) -> None:
    """Every character of the first 512 is read or refused as it should be, first, last and between."""
    for place in range(length):
        for code in range(512):
            text = "A" * place + chr(code) + "A" * (length - place - 1)
            assert decode_base64url(text) == by_writing_again(text), text


@pytest.mark.parametrize("last", ALPHABET)
def test_no_bit_is_left_over(last: str) -> None:
    """The last character of an incomplete group says nothing beyond the bytes."""
    for head in ("A", "AA", "AAA", "AAAA"):
        assert decode_base64url(head + last) == by_writing_again(head + last)


@pytest.mark.parametrize("text", ["", "AA", "AAA", "AAAA", "-_-_", "__8"])
def test_canonical_texts_are_read(text: str) -> None:
    """What is canonical is read, the empty text too."""
    data = decode_base64url(text)
    assert data is not None
    assert encode_base64url(data) == text


@pytest.mark.parametrize("text", ["A", "AAAAA", "A=", "AA=", "AA==", "AAA=", "AAAA=", "AAAA====", "====", "\ud800AAA"])
def test_padding_and_loose_ends_are_refused(text: str) -> None:
    """No length has one character over, and padding is never written."""
    assert decode_base64url(text) is None
