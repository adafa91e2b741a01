"""What all numbers share: refusal of junk, no way to print or change them."""

from __future__ import annotations

import copy
import pickle
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.errors import MalformedNumberError
from adapters.identifiers import CitizenNumber, Identifier, SocialSecurityNumber
from tests.adapters.number_examples import GOOD, KINDS

JUNK: list[object] = [None, b"11010519491231002X", 110105194912310020, ["1"], "", "😀" * 18, "¹" * 18, "１" * 18]
JUNK += ["٣" * 9, "\ud800" * 8, "\x00", "１２３４５６７８", "0" * 1_000_000, "A.-" * 6, "{field}", "%s%s%s%s%s"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("junk", JUNK, ids=range(len(JUNK)))
def test_junk_raises_our_error_only(kind: type[Identifier], junk: object) -> None:
    """Whatever is no number at all raises the same error, and names the kind where no field is given."""
    with pytest.raises(MalformedNumberError) as caught:
        kind(junk)  # type: ignore[arg-type]
    assert caught.value.metadata["field"] == kind.field_type


@given(st.sampled_from(KINDS), st.text())
def test_no_text_raises_a_foreign_error(kind: type[Identifier], text: str) -> None:
    """Any text is either read or refused with our error."""
    try:
        number = kind(text)
    except MalformedNumberError:
        return
    assert number.reveal()


@pytest.mark.parametrize(("kind", "text", "canonical"), GOOD)
def test_a_number_never_shows_itself(kind: type[Identifier], text: str, canonical: str) -> None:
    """No way of printing a number shows it, nor can it be pickled; only `reveal` gives it."""
    number = kind(text)
    shown = [
        repr(number),
        str(number),
        f"{number}",
        f"{number!r:>40}",
        "%s" % number,  # noqa: UP031 - one more way to print
        repr([number]),
        repr({1: number}),
    ]
    assert all(f"{kind.__name__}(***)" in text for text in shown)
    assert not any(part in "".join(shown) for part in (text, canonical, *re.findall(r"\d{6,}", text)))
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="cannot be pickled") as caught:
            pickle.dumps(number, protocol)
        assert canonical not in str(caught.value)


def test_a_number_cannot_be_changed_or_ordered_but_copied() -> None:
    """A number keeps its value; a copy is the number itself; numbers of two kinds or a text are never equal to it."""
    number = SocialSecurityNumber("11010519491231002X")
    with pytest.raises(AttributeError):
        number._value = "x"
    with pytest.raises(AttributeError):
        del number._value
    with pytest.raises(AttributeError):
        number.note = "x"
    with pytest.raises(TypeError):
        assert number < number  # type: ignore[operator]  # noqa: PLR0124 - the law is about equals
    assert copy.copy(number) is number
    assert copy.deepcopy([number])[0] is number
    assert number != CitizenNumber("11010519491231002X")
    assert number != "11010519491231002X"
    assert number != SocialSecurityNumber("500103199001014513")
