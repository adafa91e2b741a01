"""Parameters of an address: each has one rule, and what was read is written in one way only."""

from __future__ import annotations

from datetime import date

import pytest
from multidict import MultiDict

from adapters.words import Medium
from gateway.web.pages.query import BadQueryError, Query, address


def query(*pairs: tuple[str, str]) -> Query:
    """Take parameters as they come."""
    return Query(MultiDict(pairs))


def test_what_is_not_there_narrows_nothing() -> None:
    """An empty parameter is one that is not there."""
    for asked in (query(), query(("x", ""), ("n", " "))):
        assert (asked.name("x"), asked.names("x"), asked.word("x", Medium), asked.day("x")) == ("", (), None, None)
        assert (asked.number("n"), asked.words("x"), asked.canonical) == (1, "", ())


def test_what_is_there_is_read_by_its_rule() -> None:
    """And kept in the order of reading, several codes sorted and each once."""
    assert query(("d", "A" * 43)).digest("d") == "A" * 43
    asked = query(
        ("v", "b"), ("q", "  two \t words "), ("v", "a"), ("v", "b"), ("d", "2026-02-28"), ("m", "physical"), ("n", "7")
    )
    assert asked.names("v") == ("a", "b")
    assert asked.day("d") == date(2026, 2, 28)
    assert asked.word("m", Medium) is Medium.PHYSICAL
    assert asked.words("q") == "two words"
    assert asked.number("n") == 7
    told = (("v", "a"), ("v", "b"), ("d", "2026-02-28"), ("m", "physical"), ("q", "two words"), ("n", "7"))
    assert asked.canonical == told
    assert address("/en/ask", asked.canonical) == "/en/ask?v=a&v=b&d=2026-02-28&m=physical&q=two+words&n=7"
    assert address("/en/ask") == "/en/ask"


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        *(("name", text) for text in ("-a", "a b", "a/b", "a\nb", "é", "a" * 65, "<a>")),
        *(("names", text) for text in ("-", "a b", "\x00")),
        *(("day", text) for text in ("2026-1-1", "2026-02-29", "20260101", "2026-W01-1", "1999-12-31", "2100-01-01")),
        *(("number", text) for text in ("0", "01", "-1", "1.0", "١", "1000000", "x")),
        *(("digest", text) for text in ("A" * 42, "A" * 44, "+" * 43)),
        *(("words", text) for text in ("a" * 101, "a\x00b", "a\u202eb")),
    ],
)
def test_what_breaks_its_rule_is_refused_by_the_name_of_the_parameter(rule: str, text: str) -> None:
    """Never by what was sent."""
    with pytest.raises(BadQueryError) as refused:
        getattr(query(("p", text)), rule)("p")
    assert str(refused.value) == refused.value.parameter == "p"


def test_a_parameter_is_there_once() -> None:
    """Where one may be there once, two contradict each other."""
    for rule in ("name", "day", "number", "words"):
        with pytest.raises(BadQueryError):
            getattr(query(("p", "1"), ("p", "1")), rule)("p")


def test_a_word_is_of_its_list() -> None:
    """Another one is refused."""
    with pytest.raises(BadQueryError):
        query(("m", "paper")).word("m", Medium)


def test_not_too_many_regions_are_asked_about_at_once() -> None:
    """Twelve are, thirteen are refused."""
    pairs = [("v", f"r{n}") for n in range(13)]
    assert len(query(*pairs[:12]).names("v")) == 12
    with pytest.raises(BadQueryError):
        query(*pairs).names("v")
