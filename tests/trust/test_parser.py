"""The strict parser: what it remembers of headers, and which names of an object are the same name."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.forge import CALLER_KEY, HOME_EDWARDS_KEY, HOME_KEY, NOW, RING, VISITED, header, issue, seal, text_of
from trust import parser
from trust.encoding import encode_base64url
from trust.errors import MalformedTokenError, TrustError, UnknownKeyError, WrongTypeError
from trust.parser import parse_token, strict_json
from trust.verifier import RecognitionVerifier


def remembered() -> int:
    """Count the headers that are remembered."""
    return parser._known_header.cache_info().currsize


def token(head: object) -> str:
    """Make a token that is well formed but for its header, and signed by nobody."""
    parts = (json.dumps(head), "{}", "")
    return ".".join(encode_base64url(part.encode()) for part in parts)


@pytest.fixture(autouse=True)
def _forgotten() -> None:
    """Begin each test without any memory of headers."""
    parser._known_header.cache_clear()


def test_a_remembered_header_says_what_it_said_before() -> None:
    """The second reading of a token gives what the first gave."""
    text = issue()
    assert parse_token(text) == parse_token(text)
    assert parser._known_header.cache_info().hits == 1


def test_headers_that_differ_are_not_confused() -> None:
    """Tokens of two keys, two suites and two kinds, in turns, are each read with their own header."""
    heads = [header(HOME_KEY), header(HOME_EDWARDS_KEY), header(CALLER_KEY), header(HOME_KEY, typ="another")]
    for head in heads * 3:
        parsed = parse_token(token(head))
        assert {"alg": parsed.algorithm, "kid": parsed.kid, "typ": parsed.type} == head


def test_two_texts_of_one_header_are_two_headers() -> None:
    """The memory goes by the exact text: what says the same in another order or with blanks is read by itself."""
    head = header()
    texts = [json.dumps(head), json.dumps(head, indent=1), json.dumps(dict(reversed(head.items())))]
    found = {parse_token(seal(text, "{}")).kid for text in texts}
    assert found == {HOME_KEY.kid}
    assert remembered() == len(texts)


def test_a_header_is_no_proof() -> None:
    """A forged token under a header that was believed a moment ago is refused by its signature."""
    verifier = RecognitionVerifier(RING)
    good = issue()
    verifier.verify(good, audience=VISITED, now=NOW)
    head, body, _ = good.split(".")
    other = issue(HOME_KEY, item="SC-03").split(".")
    for forged in (f"{head}.{other[1]}.{good.split('.')[2]}", f"{head}.{body}.{other[2]}", f"{head}.{body}."):
        with pytest.raises(TrustError):
            verifier.verify(forged, audience=VISITED, now=NOW)


@pytest.mark.parametrize(
    ("head", "error"),
    [
        (header(typ=7), WrongTypeError),
        (header(kid="a b"), UnknownKeyError),
        (header(cty="JWT"), MalformedTokenError),
        ([], MalformedTokenError),
    ],
)
def test_a_refused_header_is_not_remembered(head: object, error: type[TrustError]) -> None:
    """What is refused is refused anew each time, with the same error, and takes no place."""
    for _ in range(2):
        with pytest.raises(error):
            parse_token(token(head))
    assert remembered() == 0


def test_the_memory_of_headers_is_bounded() -> None:
    """Strangers can make any number of good headers; they take the places of one another, and no more."""
    most = parser._known_header.cache_info().maxsize
    assert most is not None
    for number in range(most + 50):
        assert parse_token(token(header(kid=f"k{number}"))).kid == f"k{number}"
    assert remembered() == most


def test_a_long_header_is_not_remembered() -> None:
    """A header of unusual length is read, and takes no memory."""
    assert parse_token(token(header(typ="t" * 300))).type == "t" * 300
    assert remembered() == 0


NAMES = st.lists(st.text("aAbBßſKkİi\u0307", max_size=3), max_size=4)


@given(names=NAMES)
def test_names_are_told_apart_by_their_folded_form(names: list[str]) -> None:
    """An object is read if and only if no two of its names are one when case is folded."""
    document = "{" + ",".join(f"{json.dumps(name)}:{place}" for place, name in enumerate(names)) + "}"
    if len({name.casefold() for name in names}) == len(names):
        assert strict_json(document.encode()) == {name: place for place, name in enumerate(names)}
    else:
        with pytest.raises(MalformedTokenError):
            strict_json(document.encode())


@given(number=st.integers(-(10**20), 10**20))
def test_a_number_beyond_53_bits_is_of_no_use(number: int) -> None:
    """Whole numbers are read exactly up to 53 bits, and as something that no claim accepts beyond."""
    read = strict_json(text_of({"n": number}).encode())["n"]
    assert read == (number if abs(number) < 2**53 else parser.UNUSABLE)
