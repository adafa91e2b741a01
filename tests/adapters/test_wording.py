"""Traditional Chinese wording: OpenCC s2hk, except for the replacements reviewed by hand in wording.csv."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import opencc
import pytest

ADAPTERS = Path(__file__).resolve().parents[2] / "adapters"
SOURCES = [ADAPTERS / "taxonomy.csv", *sorted(ADAPTERS.glob("*/catalog.csv")), *sorted(ADAPTERS.glob("*/venues.csv"))]
CONVERTER = opencc.OpenCC("s2hk")


def read(path: Path) -> list[dict[str, str]]:
    """Read a data file as one dictionary a row."""
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


WORDING = {row["zh_hans"]: row["zh_hant"] for row in read(ADAPTERS / "wording.csv")}
TERMS = re.compile("|".join(re.escape(term) for term in sorted(WORDING, key=len, reverse=True)))


def traditional(simplified: str) -> str:
    """Put the reviewed terms, longest first, and convert what is left between them by OpenCC."""
    parts: list[str] = []
    at = 0
    for term in TERMS.finditer(simplified):
        parts += [CONVERTER.convert(simplified[at : term.start()]), WORDING[term.group()]]
        at = term.end()
    return "".join([*parts, CONVERTER.convert(simplified[at:])])


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ADAPTERS)))
def test_traditional_names_follow_from_the_reviewed_wording(path: Path) -> None:
    """Every Traditional name is what the reviewed terms and OpenCC make of the Simplified one."""
    wrong = {
        row["name_zh_hans"]: (row["name_zh_hant"], traditional(row["name_zh_hans"]))
        for row in read(path)
        if row["name_zh_hant"] != traditional(row["name_zh_hans"])
    }
    assert not wrong


def test_wording_has_its_header_and_a_reason_for_each_term() -> None:
    """Each reviewed term stands once and says why it differs."""
    rows = read(ADAPTERS / "wording.csv")
    assert list(rows[0]) == ["zh_hans", "zh_hant", "reason"]
    assert all(all(row.values()) for row in rows)
    assert len(WORDING) == len(rows)


def test_each_reviewed_term_changes_some_name() -> None:
    """A term whose removal changes no name is dead data and is refused."""
    names = [row["name_zh_hans"] for path in SOURCES for row in read(path)]
    used = {term.group() for name in names for term in TERMS.finditer(name)}
    assert used == set(WORDING)
    changed = {
        term.group() for name in names if CONVERTER.convert(name) != traditional(name) for term in TERMS.finditer(name)
    }
    assert changed == set(WORDING)


def test_payments_of_funds_are_not_read_as_fair_hair() -> None:
    """The phrase 资金发放 keeps 發, which OpenCC alone turns into 髮."""
    assert CONVERTER.convert("资金发放") == "資金髮放"
    assert traditional("资金发放") == "資金發放"
