"""The search: what people type is found, however it is written, and the best comes first."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.services import catalog_search
from gateway.services.catalog_search import CatalogSearch, Hit, Kind, SearchIndex, fold
from tests.fakes.shown import SHOWN, known, next_version, shown


def spelled(name: str) -> tuple[str, ...]:
    """Romanize as a test needs it."""
    return {"图书馆入馆": ("tushuguanruguan", "tsgrg")}.get(name, ("", ""))


INDEX = CatalogSearch(spelled).index(SHOWN)
MUSEUM = Hit(Kind.ITEM, "sichuan", "SC-15")


def test_everything_has_an_entry() -> None:
    """Regions, item types and items."""
    items = sum(len(one.items) for one in SHOWN.lists.values())
    assert len(INDEX) == len(SHOWN.regions) + len(SHOWN.taxonomy) + items


@pytest.mark.parametrize(
    "question", ["博物馆参观", "博物館參觀", "Museum visit", "museum   VISIT", "visita museus", "sc-15"]
)
def test_a_name_is_found_in_any_language(question: str) -> None:
    """Letter case, marks and the number of blanks do not count; words may stand in any order."""
    assert MUSEUM in INDEX.find(question).hits


def test_marks_and_forms_do_not_count() -> None:
    """`ó` is `o`, a full-width letter is a letter."""
    assert fold("Ｐensão Ó") == "pensao o"
    assert INDEX.find("prestacao").hits == INDEX.find("PRESTAÇÃO").hits


def test_romanized_names_are_found() -> None:
    """Whole and by initials."""
    for question in ("tushuguan", "tsgrg"):
        assert Hit(Kind.ITEM, "sichuan", "SC-13") in INDEX.find(question).hits


def test_the_best_comes_first() -> None:
    """A whole field before its beginning, before anything that holds it."""
    hits = INDEX.find("chongqing").hits
    assert hits[0] == Hit(Kind.REGION, "chongqing", "chongqing")
    assert INDEX.find("CUL.MUSEUM").hits[0] == Hit(Kind.ITEM_TYPE, "", "CUL.MUSEUM")


@pytest.mark.parametrize("question", ["", "  ", "xyzzy", "\x1f", "\n"])
def test_nothing_is_found_where_nothing_is_asked(question: str) -> None:
    """No words, or none that anything holds."""
    assert INDEX.find(question).hits == ()


def test_a_wide_question_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """And says so."""
    monkeypatch.setattr(catalog_search, "MOST_HITS", 3)
    found = INDEX.find("a")
    assert (len(found.hits), found.cut) == (3, True)
    assert not INDEX.find("xyzzy").cut


def test_only_what_has_changed_is_read_again() -> None:
    """Names of a catalog that stays the same are not romanized anew."""
    asked: list[str] = []

    def note(name: str) -> tuple[str, ...]:
        asked.append(name)
        return ()

    search = CatalogSearch(note)
    search.index(SHOWN)
    first = len(asked)
    asked.clear()
    book = known()
    fewer = SHOWN.region("macao").catalog.items[1:]
    next_version(book, "macao", fewer, effective_from=date(2026, 2, 1))
    index = search.index(shown(book))
    assert len(asked) == len(SHOWN.regions) + len(SHOWN.taxonomy) + len(fewer) < first
    assert Hit(Kind.ITEM, "macao", SHOWN.region("macao").catalog.items[0].item) not in index.find("MO-").hits


@given(
    st.lists(st.text("abcé 图书\x00", min_size=1, max_size=6), min_size=1, max_size=8),
    st.text("abcé 图书", max_size=4),
)
def test_the_walk_finds_what_a_plain_look_finds(names: list[str], question: str) -> None:
    """Every entry all of whose words are there, and no other."""
    hits = tuple(Hit(Kind.ITEM, "r", str(number)) for number in range(len(names)))
    lines = tuple(f"\x1f{fold(name)}\x1f".encode() for name in names)
    found = SearchIndex([(hits, lines)]).find(question)
    words = fold(question).split()
    plain = {h for h, name in zip(hits, names, strict=True) if words and all(w in fold(name) for w in words)}
    assert set(found.hits) == plain
    assert len(found.hits) == len(plain)
