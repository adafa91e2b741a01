"""Tables in CSV: read strictly, faults named by place and rule, never by value."""

from __future__ import annotations

from datetime import date

import pytest

from adapters.tables import Fault, Record, read_table, refuse, unique
from adapters.words import Medium

HEADER = ("a", "b")


def test_columns_at_the_end_may_be_missing_where_they_are_optional() -> None:
    """They read as empty; any other header is refused, and a row is as wide as its own header."""
    header = ("a", "b", "c")
    records, faults = read_table("t.csv", "a,b\n1,2\n", header, optional=1)
    assert (records[0].text("c"), faults) == ("", [])
    assert [f.rule for f in read_table("t.csv", "a\n1\n", header, optional=1)[1]] == ["header"]
    assert [f.rule for f in read_table("t.csv", "a,b\n1,2,3\n", header, optional=1)[1]] == ["width"]
    assert [f.rule for f in read_table("t.csv", "a,b\n1,2\n", header)[1]] == ["header"]


def record(**cells: str) -> tuple[Record, list[Fault]]:
    """Make a record of row 7 and the list its faults go to."""
    faults: list[Fault] = []
    return Record("t.csv", 7, cells, faults), faults


def test_rows_of_the_right_width_are_read() -> None:
    """Quoting is undone, and rows are counted from the header on."""
    records, faults = read_table("t.csv", 'a,b\r\n1,"2,""x"""\r\n3,4\r\n', HEADER)
    assert [(r.row, r.text("a"), r.text("b")) for r in records] == [(2, "1", '2,"x"'), (3, "3", "4")]
    assert faults == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Fault("t.csv", 1, "", "empty")),
        ("a,b\n", Fault("t.csv", 1, "", "empty")),
        ("b,a\n1,2\n", Fault("t.csv", 1, "", "header")),
        ("\ufeffa,b\n1,2\n", Fault("t.csv", 1, "", "header")),
        ("a,b\n1,2\n1,2,3\n", Fault("t.csv", 3, "", "width")),
        ("a,b\n\n", Fault("t.csv", 2, "", "width")),
        ('a,b\n1,2\n1,"2\n', Fault("t.csv", 3, "", "csv")),
        ("a,b\n1,2\u202e\n", Fault("t.csv", 2, "b", "forbidden_character")),
        ('a,b\n"1\n",2\n', Fault("t.csv", 2, "a", "forbidden_character")),
        ("a,b\n1,2 \n", Fault("t.csv", 2, "b", "blank_ends")),
        ("a,b\n\u30001,2\n", Fault("t.csv", 2, "a", "blank_ends")),
    ],
)
def test_a_broken_table_is_reported_by_place_and_rule(text: str, expected: Fault) -> None:
    """The one fault names its row, its column where there is one, and the rule."""
    assert read_table("t.csv", text, HEADER)[1] == [expected]


def test_words_come_in_the_order_of_the_closed_list() -> None:
    """However the cell orders them."""
    row, faults = record(media="electronic+physical", one="physical")
    assert row.words("media", Medium) == (Medium.PHYSICAL, Medium.ELECTRONIC)
    assert row.word("one", Medium) is Medium.PHYSICAL
    assert row.sound
    assert faults == []


@pytest.mark.parametrize(
    ("cell", "rule"),
    [("", "closed_word"), ("paper", "closed_word"), ("physical+", "closed_word"), ("physical+physical", "repeated")],
)
def test_words_outside_the_closed_list_are_refused(cell: str, rule: str) -> None:
    """So are empty and repeated words."""
    row, faults = record(media=cell)
    row.words("media", Medium)
    assert not row.sound
    assert faults == [Fault("t.csv", 7, "media", rule)]


@pytest.mark.parametrize(
    "cell", ["2025-02-29", "20250101", "2025-1-1", "2025-W01-1", "2025-01-01T00:00", "soon", "٢٠٢٥-٠١-٠١"]
)
def test_days_have_one_form_only(cell: str) -> None:
    """Other forms of ISO 8601, and days that no calendar has, are refused."""
    row, faults = record(day=cell)
    assert row.day("day") is None
    assert faults == [Fault("t.csv", 7, "day", "iso_date")]


def test_a_day_may_be_missing() -> None:
    """An empty cell is no day and no fault."""
    row, faults = record(day="2025-01-01", none="")
    assert (row.day("day"), row.day("none")) == (date(2025, 1, 1), None)
    assert faults == []


def test_flags_are_true_or_false() -> None:
    """Nothing else stands for either."""
    row, faults = record(yes="true", no="false", other="True")
    assert (row.flag("yes"), row.flag("no"), row.flag("other")) == (True, False, False)
    assert faults == [Fault("t.csv", 7, "other", "true_or_false")]


def test_required_cells_are_filled() -> None:
    """An empty one is a fault."""
    row, faults = record(full="x", empty="")
    assert (row.required("full"), row.required("empty")) == ("x", "")
    assert faults == [Fault("t.csv", 7, "empty", "required")]


def test_the_second_of_two_equal_keys_is_at_fault() -> None:
    """The first keeps its row."""
    records, faults = read_table("t.csv", "a,b\n1,x\n2,x\n1,y\n", HEADER)
    unique(records, "a")
    assert faults == [Fault("t.csv", 4, "a", "unique")]


def test_the_error_names_the_first_fault_and_counts_all() -> None:
    """Metadata is text; more of it may be added."""
    error = refuse([Fault("t.csv", 2, "a", "unique"), Fault("t.csv", 3, "b", "width")], region="testland")
    assert error.metadata == {
        "region": "testland",
        "file": "t.csv",
        "row": "2",
        "column": "a",
        "rule": "unique",
        "faults": "2",
    }
