"""Venues: read strictly, held against the items they serve, found by item, division, form of the card and access."""

from __future__ import annotations

import csv
import io

import pytest

from adapters.errors import RegionDataError
from adapters.registry import load_registry
from adapters.venues import HEADER, Access, Venues, check_places, division_stem, load_venues, parse_venues
from adapters.words import Medium

REGISTRY = load_registry()
CATALOG = REGISTRY.get("chongqing").catalog
GOOD = {
    "venue_id": "CQ-V01",
    "name_zh_hans": "示例",
    "name_zh_hant": "示例",
    "name_en": "Example",
    "name_pt": "Exemplo",
    "division": "500103",
    "items": "CQ-30;CQ-31",
    "media": "physical+electronic",
    "has": "step_free",
    "lacks": "braille",
    "synthetic": "true",
    "note": "",
}


def table(*rows: dict[str, str]) -> str:
    """Write rows as CSV."""
    out = io.StringIO()
    writer = csv.DictWriter(out, HEADER, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def test_every_region_has_venues_that_say_they_are_synthetic() -> None:
    """No venue of ours is a real place, every one lies in its region, and every one serves items of its list."""
    for adapter in REGISTRY:
        assert len(adapter.venues) > 2
        assert all(venue.synthetic and "示例" in venue.name.zh_hans for venue in adapter.venues)
        check_places(adapter.venues, adapter.manifest.division_code)
        assert all(item in adapter.catalog for venue in adapter.venues for item in venue.items)


@pytest.mark.parametrize(
    ("cells", "column", "rule"),
    [
        ({"venue_id": "V01"}, "venue_id", "venue_identifier"),
        ({"division": "50010"}, "division", "division_code"),
        ({"items": ""}, "items", "required"),
        ({"items": "CQ-99"}, "items", "unknown_item"),
        ({"items": "CQ-30;CQ-30"}, "items", "repeated"),
        ({"items": "CQ-10", "media": "physical"}, "media", "no_terminal_for_an_item"),
        ({"media": ""}, "media", "closed_word"),
        ({"has": "lift"}, "has", "closed_word"),
        ({"lacks": "step_free"}, "lacks", "not_both"),
        ({"synthetic": "yes"}, "synthetic", "true_or_false"),
    ],
)
def test_a_fault_is_named_by_row_and_column(cells: dict[str, str], column: str, rule: str) -> None:
    """Each rule, on the second row."""
    venues, faults = parse_venues("chongqing", table(GOOD, {**GOOD, "venue_id": "CQ-V02", **cells}), CATALOG)
    assert (3, column, rule) in [(fault.row, fault.column, fault.rule) for fault in faults]
    assert len(venues) == 2


def test_a_table_with_faults_is_refused() -> None:
    """With the first fault and their number; an identifier that stands twice is one."""
    with pytest.raises(RegionDataError) as caught:
        load_venues("chongqing", table(GOOD, GOOD), CATALOG)
    assert caught.value.metadata["rule"] == "unique"


def test_a_venue_lies_in_its_region() -> None:
    """A venue of Chengdu is none of Chongqing."""
    venues = load_venues("chongqing", table({**GOOD, "division": "510100"}), CATALOG)
    with pytest.raises(RegionDataError):
        check_places(venues, "500000")


def test_filters_are_combined_by_and() -> None:
    """Item, division, form of the card and every fact of access; what is not known does not count as had."""
    venues = REGISTRY.get("chongqing").venues
    libraries = venues.filter(items=frozenset({"CQ-30"}))
    assert [venue.venue for venue in libraries] == ["CQ-V01", "CQ-V02"]
    assert [v.venue for v in venues.filter(items=frozenset({"CQ-30"}), division="500106")] == ["CQ-V02"]
    assert venues.filter(division="500000") == venues.filter(division="500100") == tuple(venues)
    assert not venues.filter(division="510000")
    assert {v.venue for v in venues.filter(medium=Medium.PHYSICAL)} == {v.venue for v in venues} - {"CQ-V16"}
    free = venues.filter(access=frozenset({Access.STEP_FREE, Access.BRAILLE}))
    assert free
    assert all({Access.STEP_FREE, Access.BRAILLE} <= set(v.has) for v in free)
    assert not Venues("nowhere").filter()


@pytest.mark.parametrize(("code", "stem"), [("500000", "50"), ("510100", "5101"), ("500103", "500103"), ("", "")])
def test_a_division_stands_for_all_below_it(code: str, stem: str) -> None:
    """By the zeros at its end."""
    assert division_stem(code) == stem
