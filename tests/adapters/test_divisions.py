"""Division codes, the table of divisions and the rule for issuers' pseudo-codes."""

from __future__ import annotations

import csv
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.divisions import DivisionCode, DivisionTable
from adapters.errors import MalformedNumberError, RegionDataError

HEADER = "code,name_zh_hans,name_zh_hant,name_en,level,parent\n"
PROVINCE = "500000,重庆市,重慶市,Chongqing,1,\n"


@pytest.fixture(scope="module")
def table() -> DivisionTable:
    """Build the table that is shipped."""
    folder = files("adapters")
    divisions, issuers = (folder.joinpath(name).read_text("utf-8") for name in ("divisions.csv", "issuers.csv"))
    return DivisionTable.from_csv(divisions, issuers)


@given(st.from_regex(r"[1-9][0-9]{5}", fullmatch=True))
def test_six_digits_are_a_code(text: str) -> None:
    """Any six digits without a leading zero are a code, known or not, and print as they are."""
    code = DivisionCode.parse(text)
    assert code == DivisionCode(text)
    assert str(code) == code.value == text
    assert code.province == text[:2]


@pytest.mark.parametrize("text", ["500000", "639900", "133199", "449999", "810000", "820000"])
def test_issuers_and_special_regions_have_codes(text: str) -> None:
    """Pseudo-codes of issuers, Hong Kong and Macao are codes."""
    assert repr(DivisionCode(text)) == f"DivisionCode(value='{text}')"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "length"),
        ("50000", "length"),
        ("5000000", "length"),
        ("050000", "prefix"),
        ("５０００００", "alphabet"),
        ("50000a", "alphabet"),
        ("50000\n", "alphabet"),
        ("²³¹000", "alphabet"),
        (None, "alphabet"),
        (500000, "alphabet"),
    ],
)
def test_what_is_no_code_is_refused(text: object, rule: str) -> None:
    """The error names field and rule, whether the code is made or parsed."""
    with pytest.raises(MalformedNumberError) as made:
        DivisionCode(text)  # type: ignore[arg-type]
    assert made.value.metadata == {"field": "division_code", "type": "division_code", "rule": rule}
    with pytest.raises(MalformedNumberError) as parsed:
        DivisionCode.parse(text, field="card.issuer")  # type: ignore[arg-type]
    assert parsed.value.metadata == {"field": "card.issuer", "type": "division_code", "rule": rule}


@pytest.mark.parametrize(
    ("code", "language", "name"),
    [
        ("500101", "zh-Hans", "万州区"),
        ("500101", "zh-Hant", "萬州區"),
        ("500101", "en", "Wanzhou District"),
        ("500101", "pt", "Wanzhou District"),
        ("420300", "zh-hans", "十堰市"),
        ("820000", "zh-Hant", "澳門特別行政區"),
        ("639900", "zh-Hans", "青海省本级"),
        ("639900", "zh-Hant", "青海省本級"),
        ("639900", "en", "Qinghai (issuer)"),
        ("133199", "zh-Hans", "雄安本级"),
        ("509900", "zh-Hans", "重庆市本级"),
        ("440199", "zh-Hans", "广州市本级"),
        ("440199", "en", "Guangzhou (issuer)"),
    ],
)
def test_a_known_code_has_a_name(table: DivisionTable, code: str, language: str, name: str) -> None:
    """Divisions and issuers are named in three languages, any other being served in English."""
    assert table.name(DivisionCode(code), language) == name
    assert table.known(DivisionCode(code))


@pytest.mark.parametrize("text", ["500199", "639900", "133199", "509900"])
def test_issuers_are_told_from_divisions(table: DivisionTable, text: str) -> None:
    """An issuer's pseudo-code has no row among the divisions."""
    assert table.is_issuer_pseudo_code(DivisionCode(text))
    assert table.get(DivisionCode(text)) is None


@pytest.mark.parametrize("text", ["999900", "990199", "500102", "110101"])
def test_a_place_or_an_unknown_province_is_no_issuer(table: DivisionTable, text: str) -> None:
    """The rule for issuers needs its 99 and a province that exists."""
    assert not table.is_issuer_pseudo_code(DivisionCode(text))


def test_an_unknown_code_has_no_name(table: DivisionTable) -> None:
    """A code that the table lacks is not known and has no name."""
    assert not table.known(DivisionCode("110101"))
    assert table.name(DivisionCode("110101"), "en") is None


def test_a_listed_issuer_of_an_unknown_province_has_its_listed_name_only() -> None:
    """An issuer is known by its row even if its province is not in the table."""
    table = DivisionTable([], [{"code": "639900", "name_zh_hans": "青海省本级"}])
    assert table.known(DivisionCode("639900"))
    assert table.name(DivisionCode("639900"), "zh-Hans") == "青海省本级"
    assert table.name(DivisionCode("639900"), "en") is None


def test_the_shipped_table_holds_the_served_regions(table: DivisionTable) -> None:
    """All 34 divisions of provincial level are there, and the served regions have all their parts."""
    text = files("adapters").joinpath("divisions.csv").read_text("utf-8")
    rows = [table.get(DivisionCode(row["code"])) for row in csv.DictReader(text.splitlines())]
    parts = [str(row.parent) for row in rows if row is not None]
    # Chongqing: 38 districts and counties and the successor of two of them.
    counts = {"None": 34, "500000": 39, "510000": 21, "520000": 9, "540000": 7, "440000": 21, "450000": 14, "420300": 8}
    assert {parent: parts.count(parent) for parent in counts} == counts


@pytest.mark.parametrize(
    ("rows", "column", "rule"),
    [
        (PROVINCE + PROVINCE, "code", "unique"),
        ("500101,万州区,萬州區,Wanzhou,2,500000\n", "parent", "parent_before_child"),
        (PROVINCE + "500101,万州区,萬州區,Wanzhou,3,500000\n", "parent", "parent_before_child"),
        ("500101,万州区,萬州區,Wanzhou,2,\n", "parent", "parent_before_child"),
        (PROVINCE + "500101,万州区,萬州區,Wanzhou,2,5000\n", "parent", "division_code"),
        ("50000,重庆市,重慶市,Chongqing,1,\n", "code", "division_code"),
        ("500000,重庆市,重慶市,Chongqing,4,\n", "level", "level"),
        ("500000,重庆市,,Chongqing,1,\n", "name_zh_hant", "required"),
        ("500000,重庆市\n", "level", "required"),
    ],
)
def test_a_faulty_division_row_is_named(rows: str, column: str, rule: str) -> None:
    """The error names file, row, column and rule."""
    with pytest.raises(RegionDataError) as caught:
        DivisionTable.from_csv(HEADER + rows)
    expected = {"region": "", "file": "divisions.csv", "row": str(1 + rows.count("\n")), "column": column, "rule": rule}
    assert caught.value.metadata == expected


@pytest.mark.parametrize(
    ("rows", "column", "rule"),
    [
        ("639900,青海省本级,\n639900,青海省本级,\n", "code", "unique"),
        ("639900,,\n", "name_zh_hans", "required"),
        (",青海省本级,\n", "code", "required"),
    ],
)
def test_a_faulty_issuer_row_is_named(rows: str, column: str, rule: str) -> None:
    """The error names file, row, column and rule."""
    with pytest.raises(RegionDataError) as caught:
        DivisionTable.from_csv(HEADER + PROVINCE, "code,name_zh_hans,note\n" + rows)
    expected = {"region": "", "file": "issuers.csv", "row": str(1 + rows.count("\n")), "column": column, "rule": rule}
    assert caught.value.metadata == expected
