"""Laws: no change of a good token is believed, whatever the change is."""

from __future__ import annotations

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.trust.forge import HOME_EDWARDS_KEY, HOME_KEY, NOW, RING, VISITED, issue, seal
from trust.encoding import decode_base64url, encode_base64url
from trust.errors import MalformedTokenError, TrustError
from trust.parser import parse_token, strict_json
from trust.verifier import RecognitionVerifier

TOKENS = (issue(HOME_KEY), issue(HOME_EDWARDS_KEY))
VERIFIER = RecognitionVerifier(RING)


@given(token=st.sampled_from(TOKENS), data=st.data(), replacement=st.characters())
def test_any_single_character_changed_is_refused(token: str, data: st.DataObject, replacement: str) -> None:
    """One character put in the place of another refuses the token."""
    place = data.draw(st.integers(0, len(token) - 1))
    assume(token[place] != replacement)
    with pytest.raises(TrustError):
        VERIFIER.verify(token[:place] + replacement + token[place + 1 :], audience=VISITED, now=NOW)


@given(token=st.sampled_from(TOKENS), data=st.data(), letter=st.sampled_from("Aa0-_Zz9="))
def test_any_single_base64_character_changed_is_refused(token: str, data: st.DataObject, letter: str) -> None:
    """The same within the alphabet, where a change can stay well formed."""
    place = data.draw(st.integers(0, len(token) - 1))
    assume(token[place] != letter)
    with pytest.raises(TrustError):
        VERIFIER.verify(token[:place] + letter + token[place + 1 :], audience=VISITED, now=NOW)


@given(token=st.sampled_from(TOKENS), data=st.data())
def test_any_character_taken_away_or_doubled_is_refused(token: str, data: st.DataObject) -> None:
    """A shorter or longer token is refused."""
    place = data.draw(st.integers(0, len(token) - 1))
    for changed in (token[:place] + token[place + 1 :], token[:place] + token[place] + token[place:]):
        assume(changed != token)
        with pytest.raises(TrustError):
            VERIFIER.verify(changed, audience=VISITED, now=NOW)


@given(text=st.one_of(st.text(), st.text("Aa0-_.=", max_size=60)))
def test_any_text_is_refused_with_an_error_of_ours(text: str) -> None:
    """No text makes the verifier raise anything but an error of ours."""
    with pytest.raises(TrustError):
        VERIFIER.verify(text, audience=VISITED, now=NOW)


@given(head=st.binary(max_size=80), body=st.binary(max_size=80))
def test_any_signed_bytes_are_refused_with_an_error_of_ours(head: bytes, body: bytes) -> None:
    """A good signature over rubbish is worth nothing."""
    with pytest.raises(TrustError):
        VERIFIER.verify(seal(head, body), audience=VISITED, now=NOW)


@given(data=st.binary(max_size=200))
def test_base64url_round_trips(data: bytes) -> None:
    """Bytes written in base64url are read back as they were."""
    assert decode_base64url(encode_base64url(data)) == data


@given(text=st.text("ABab01-_", max_size=12))
def test_base64url_has_one_text_for_each_value(text: str) -> None:
    """A text is read only if it is the one that its bytes have."""
    data = decode_base64url(text)
    assert data is None or encode_base64url(data) == text


JSON_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53) + 1, 2**53 - 1), st.text(max_size=5)),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=8,
)


@given(document=st.dictionaries(st.text("abc", max_size=3), JSON_VALUES, max_size=4))
def test_ordinary_documents_are_read_as_they_are(document: dict[str, object]) -> None:
    """The strict reader gives what was written, when each name is there once and numbers are whole."""
    text = json.dumps(document).encode()
    if text.count(b"[") + text.count(b"{") > 32:
        with pytest.raises(MalformedTokenError):
            strict_json(text)
    else:
        assert strict_json(text) == document


def test_a_parsed_token_shows_nothing() -> None:
    """The repr of a parsed token is not its content."""
    assert HOME_KEY.kid not in repr(parse_token(TOKENS[0]))
