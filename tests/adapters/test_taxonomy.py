"""The neutral taxonomy: disjoint item types, read strictly."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.canonical import LocalizedText
from adapters.errors import RegionDataError, UnknownItemTypeError
from adapters.tables import Fault
from adapters.taxonomy import HEADER, ItemType, Taxonomy, check_taxonomy, code_matches
from adapters.words import CardFunction

SHIPPED = Path(__file__).resolve().parents[2] / "adapters" / "taxonomy.csv"
BUS = "TRA.BUS,tra,,公交,巴士,Bus,Autocarro"
FERRY = "TRA.FERRY,tra,,轮渡,渡輪,Ferry,Ferry"
PENSION = "SI.BENEFIT.PENSION,si,social_security,养老,養老,Pension,Pensão"


def csv_of(*rows: str) -> str:
    """Put rows under the header."""
    return "\n".join([",".join(HEADER), *rows, ""])


@pytest.fixture
def taxonomy() -> Taxonomy:
    """Three types in two domains."""
    return Taxonomy.from_csv(csv_of(FERRY, PENSION, BUS))


def test_types_keep_the_order_of_the_file(taxonomy: Taxonomy) -> None:
    """Iteration, length and membership agree."""
    assert [node.code for node in taxonomy] == ["TRA.FERRY", "SI.BENEFIT.PENSION", "TRA.BUS"]
    assert len(taxonomy) == 3
    assert "TRA.BUS" in taxonomy
    assert "TRA" not in taxonomy


def test_a_type_holds_what_its_row_says(taxonomy: Taxonomy) -> None:
    """Function of the card included, where one is needed."""
    name = LocalizedText("养老", "養老", "Pension", "Pensão")
    assert taxonomy.get("SI.BENEFIT.PENSION") == ItemType(
        "SI.BENEFIT.PENSION", "si", CardFunction.SOCIAL_SECURITY, name
    )
    assert taxonomy.get("TRA.BUS").function is None


def test_an_unknown_code_is_refused_and_not_repeated(taxonomy: Taxonomy) -> None:
    """What was asked may be anything, so the error does not hold it."""
    with pytest.raises(UnknownItemTypeError) as caught:
        taxonomy.get("110101190001010017")
    assert "110101190001010017" not in f"{caught.value} {caught.value.args} {caught.value.metadata}"


@pytest.mark.parametrize(
    ("pattern", "codes"),
    [
        ("TRA.BUS", ["TRA.BUS"]),
        ("TRA.*", ["TRA.FERRY", "TRA.BUS"]),
        ("SI.BENEFIT.*", ["SI.BENEFIT.PENSION"]),
        ("TRA", []),
        ("TR.*", []),
        ("*", []),
        ("", []),
    ],
)
def test_patterns_stand_for_a_code_or_all_below(taxonomy: Taxonomy, pattern: str, codes: list[str]) -> None:
    """Only a closing `.*` is special, and it stands at the edge of a part."""
    assert [node.code for node in taxonomy.matches(pattern)] == codes
    assert [code_matches(pattern, node.code) for node in taxonomy] == [node.code in codes for node in taxonomy]


@pytest.mark.parametrize(
    ("row", "column", "rule"),
    [
        ("tra.bus,tra,,公交,巴士,Bus,Autocarro", "code", "code"),
        ("BUS,bus,,公交,巴士,Bus,Autocarro", "code", "code"),
        ("TRA.FERRY.NIGHT,tra,,公交,巴士,Bus,Autocarro", "code", "leaf"),
        ("TRA.FERRY,tra,,轮渡,渡輪,Ferry,Ferry", "code", "unique"),
        ("TRA.BUS,cul,,公交,巴士,Bus,Autocarro", "domain", "domain"),
        ("TRA.BUS,tra,health,公交,巴士,Bus,Autocarro", "function", "closed_word"),
        ("TRA.BUS,tra,,公交,,Bus,Autocarro", "name_zh_hant", "required"),
    ],
)
def test_each_fault_names_row_and_column(row: str, column: str, rule: str) -> None:
    """The report and the error agree."""
    text = csv_of(FERRY, row)
    assert check_taxonomy(text) == [Fault("taxonomy.csv", 3, column, rule)]
    with pytest.raises(RegionDataError) as caught:
        Taxonomy.from_csv(text)
    assert caught.value.metadata == {"file": "taxonomy.csv", "row": "3", "column": column, "rule": rule, "faults": "1"}


def test_all_faults_are_reported_at_once() -> None:
    """Rows after a faulty row are read too."""
    faults = check_taxonomy(csv_of("bus,tra,x,,巴士,Bus,Autocarro", "TRA.BUS,tra,,公交,巴士,,Autocarro"))
    assert [(fault.row, fault.column) for fault in faults] == [
        (2, "code"),
        (2, "domain"),
        (2, "function"),
        (2, "name_zh_hans"),
        (3, "name_en"),
    ]


def test_the_shipped_taxonomy_is_sound() -> None:
    """It has no fault and every domain has a type."""
    text = SHIPPED.read_text("utf-8")
    assert check_taxonomy(text) == []
    taxonomy = Taxonomy.from_csv(text)
    assert len({node.code for node in taxonomy}) == len(taxonomy) > 48
    assert len(taxonomy.matches("TRA.*")) >= 7
