"""The cases of the security contract: each is held by tests that exist, or it is said why it is not yet.

`tests/contract_cases.csv` has a line for each case: its number, our own words for it, the tests that hold it (path
from `tests` and name, spaces between), and what of it is open. A case may have both.
"""

from __future__ import annotations

import ast
import csv
import re
from functools import cache

import pytest

from tests.house.tree import ROOT, modules

TABLE = ROOT / "tests" / "contract_cases.csv"
GROUPS = {"TF": 16, "TL": 10, "RP": 7, "AZ": 7, "TR": 7, "IN": 8, "PV": 7, "DU": 9, "PF": 7}
CASES = [f"{group}{number}" for group, most in GROUPS.items() for number in range(1, most + 1)] + ["RX6"]
LONGEST_WORDS = 80
NAMED = re.compile(rf"\b(?:{'|'.join((*GROUPS, 'RX'))})[1-9][0-9]?\b")


def rows() -> list[dict[str, str]]:
    """Read the table."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


ROWS = {row["case"]: row for row in rows()}


@cache
def known_tests() -> frozenset[str]:
    """Give every test function of ours, as the table names it."""
    return frozenset(
        f"{module.path.removeprefix('tests/')}::{function.name}"
        for module in modules("tests")
        for function in module.functions
        if function.name.startswith("test_")
    )


def test_every_case_of_the_contract_has_one_line() -> None:
    """None is left out, none is there twice, and they stand in the order of the contract."""
    assert [row["case"] for row in rows()] == CASES


@pytest.mark.parametrize("case", CASES)
def test_a_case_is_held_by_tests_or_open_for_a_reason(case: str) -> None:
    """A case that no test holds says why; each test that it names is there."""
    row = ROWS[case]
    named = row["tests"].split()
    assert named or row["open"], "neither a test nor a reason"
    assert len(set(named)) == len(named), "a test named twice"
    there = known_tests()
    assert [one for one in named if one not in there] == []


def test_each_line_is_ours_and_short() -> None:
    """The words are a few of our own; a reason is a phrase, not a shrug."""
    for row in rows():
        assert 0 < len(row["words"]) <= LONGEST_WORDS, row["case"]
        assert not row["open"] or len(row["open"].split()) > 3, row["case"]


def test_what_a_test_says_it_holds_is_in_the_table() -> None:
    """A test whose docstring names a case is among the tests of that case, so that the table does not fall behind."""
    missing = []
    for module in modules("tests"):
        for function in module.functions:
            name = f"{module.path.removeprefix('tests/')}::{function.name}"
            said = NAMED.findall(ast.get_docstring(function) or "") if function.name.startswith("test_") else ()
            missing += [f"{case}: {name}" for case in said if case in ROWS and name not in ROWS[case]["tests"].split()]
    assert missing == []
