"""Depth of application: the levels of the legend, their boundaries, and what it makes of the printed table."""

from __future__ import annotations

from fractions import Fraction
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.depth import (
    Finding,
    PaymentReach,
    Share,
    compute_depth,
    legend,
    parse_legend,
    planned_level,
    printed_depths,
)
from adapters.errors import MalformedFieldError, RegionDataError
from adapters.words import ApplicationClass
from tests.adapters.item_examples import REGIONS

IDENTITY, DISBURSEMENT, PAYMENT = ApplicationClass
TEXT = files("adapters").joinpath("depth.toml").read_text("utf-8")
MIXED_ROWS = {"CQ-01", "CQ-02", "CQ-03", "CQ-04", "CQ-06", "CQ-09", "CQ-16", "CQ-29"}


@pytest.mark.parametrize("counted", [IDENTITY, DISBURSEMENT])
@pytest.mark.parametrize(
    ("supported", "total", "level", "missing"),
    [
        (0, 1, 0, 1),
        (0, 100, 0, 50),
        (49, 100, 0, 1),
        (50, 100, 1, 20),
        (69, 100, 1, 1),
        (70, 100, 2, 20),
        (89, 100, 2, 1),
        (90, 100, 3, 0),
        (100, 100, 3, 0),
        (499_999_999, 1_000_000_000, 0, 1),
        (500_000_000, 1_000_000_000, 1, 200_000_000),
        (1, 3, 0, 1),
        (2, 3, 1, 1),
        (1, 1, 3, 0),
        (7, 10, 2, 2),
    ],
)
def test_a_share_reaches_a_level_at_its_percentage(
    counted: ApplicationClass, supported: int, total: int, level: int, missing: int
) -> None:
    """50, 70 and 90 % include themselves, in whole numbers, and what is missing is what the next level takes."""
    computed = compute_depth(counted, Share(supported, total))
    assert (computed.level, computed.missing, computed.deepest) == (level, missing, 3)


@given(st.integers(1, 10**12).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_a_level_is_the_share_compared_exactly(counts: tuple[int, int]) -> None:
    """As fractions say; adding what is missing reaches the next level, and one less does not."""
    supported, total = counts
    found = compute_depth(IDENTITY, Share(supported, total))
    assert found.level == sum(Fraction(supported, total) >= Fraction(least, 100) for least in (50, 70, 90))
    if found.missing:
        assert compute_depth(IDENTITY, Share(supported + found.missing, total)).level > found.level
        assert compute_depth(IDENTITY, Share(supported + found.missing - 1, total)).level == found.level


def test_payment_has_two_levels() -> None:
    """From the account of the card, and by the bill that the electronic card brings up."""
    found = {reach: compute_depth(PAYMENT, reach) for reach in PaymentReach}
    assert {reach: one.level for reach, one in found.items()} == {
        PaymentReach.NONE: 0,
        PaymentReach.ACCOUNT: 1,
        PaymentReach.BILL: 2,
    }
    assert {(one.deepest, one.missing) for one in found.values()} == {(2, 0)}


@pytest.mark.parametrize(
    ("supported", "total", "field"), [(1, 0, "total"), (-1, 5, "supported"), (6, 5, "supported"), (0, -5, "total")]
)
def test_what_cannot_be_counted_is_refused(supported: int, total: int, field: str) -> None:
    """The field is named, its value is not."""
    with pytest.raises(MalformedFieldError) as caught:
        Share(supported, total)
    assert caught.value.metadata["field"] == field


def test_each_class_has_its_own_measure() -> None:
    """A share is no measure of payment, and what is possible is none of identity."""
    for chosen, measure in ((PAYMENT, Share(1, 1)), (IDENTITY, PaymentReach.BILL), (DISBURSEMENT, PaymentReach.NONE)):
        with pytest.raises(MalformedFieldError) as caught:
            compute_depth(chosen, measure)
        assert caught.value.metadata["field"] == "measure"


def test_the_legend_says_what_each_level_demands() -> None:
    """Three criteria for identity and disbursement, two for payment, each in four languages."""
    known = legend()
    assert [known.deepest(c) for c in ApplicationClass] == [3, 3, 2]
    assert [len(known.criteria(c)) for c in ApplicationClass] == [3, 3, 2]
    assert "70%" in known.criteria(DISBURSEMENT)[1].en
    assert [known.read("三级", c) for c in ApplicationClass] == [3, 3, None]
    assert (known.named("四级"), known.named("采取试点方式，逐步推进。")) == (None, None)


def test_where_the_table_contradicts_its_own_legend_both_are_shown() -> None:
    """Eight mixed rows and row 28, which is payment alone, print a third level of payment; no other row does."""
    beyond = {
        (item.item, depth.application_class)
        for item in REGIONS["chongqing"]
        for depth in printed_depths(item)
        if depth.finding is Finding.BEYOND_LEGEND
    }
    assert beyond == {(row, PAYMENT) for row in MIXED_ROWS | {"CQ-28"}}
    shown = [d for d in printed_depths(REGIONS["chongqing"].get("CQ-28")) if d.year == 2027]
    assert [(d.printed, d.level, d.named, d.deepest) for d in shown] == [("三级", None, 3, 2)]


def test_a_mixed_row_is_read_class_by_class() -> None:
    """Row 29, identity and payment, in 2027: the third level holds for identity only."""
    found = {d.application_class: d for d in printed_depths(REGIONS["chongqing"].get("CQ-29")) if d.year == 2027}
    assert {c: (d.level, d.finding) for c, d in found.items()} == {
        IDENTITY: (3, Finding.DEFINED),
        PAYMENT: (None, Finding.BEYOND_LEGEND),
    }


def test_a_sentence_is_no_level() -> None:
    """Row 41 prints a sentence for 2024 and levels from 2025 on."""
    row = REGIONS["chongqing"].get("CQ-41")
    assert [(d.finding, d.level) for d in printed_depths(row)] == [
        (Finding.WORDS, None),
        (Finding.DEFINED, 1),
        (Finding.DEFINED, 1),
        (Finding.DEFINED, 2),
    ]
    assert [planned_level(row, IDENTITY, year) for year in (2023, 2024, 2025, 2027)] == [None, None, 1, 2]


def test_readings_agree_with_the_catalog() -> None:
    """The level that a catalog keeps is the one that the legend makes of the print, everywhere."""
    for catalog in REGIONS.values():
        for item in catalog:
            assert [d.level for d in printed_depths(item)] == [d.level for d in item.depths]


@pytest.mark.parametrize(
    ("change", "into", "rule"),
    [
        ('source = "', 'source = ""\nother = "', "source"),
        ("identity = [50, 70, 90]", "identity = [50, 70]", "least percentage"),
        ("level = 2", "level = 3", "in order"),
        ("[share]", "[share", "not TOML"),
    ],
)
def test_a_wrong_legend_is_refused(change: str, into: str, rule: str) -> None:
    """The fault is named by its place and rule."""
    with pytest.raises(RegionDataError) as caught:
        parse_legend(TEXT.replace(change, into, 1))
    assert rule in str(caught.value)
