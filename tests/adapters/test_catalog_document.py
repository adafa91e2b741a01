"""Catalogs as documents: head and items, there and back, with every fault at once."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from adapters.catalog_document import (
    MOST_ITEMS,
    CatalogDocument,
    is_catalog_id,
    make_document,
    parse_document,
    parse_head,
    read_document,
)
from adapters.catalog_rows import HEADER, write_row
from adapters.registry import load_registry
from adapters.words import Layer
from tests.adapters.document_examples import DIGEST, head, joint, listed, province
from tests.adapters.item_examples import TAXONOMY

REGISTRY = load_registry()
DOCUMENTS = list(REGISTRY.documents.values())


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: d.head.catalog)
def test_a_document_is_the_same_after_a_journey_as_plain_data(document: CatalogDocument) -> None:
    """Through JSON and back: head, items and their order."""
    plain = json.loads(json.dumps(document.plain(), ensure_ascii=False))
    again, faults = read_document(plain, TAXONOMY)
    assert faults == []
    assert again is not None
    assert (again.head, again.items) == (document.head, document.items)
    assert again.plain() == document.plain()


def test_every_layer_is_shipped_and_joint_catalogs_beside_them() -> None:
    """National, province, city and supplementary; Sichuan, Xizang, Guizhou and the Greater Bay Area."""
    assert {d.head.layer for d in DOCUMENTS} == set(Layer)
    assert {d.head.catalog for d in DOCUMENTS if d.head.layer is Layer.JOINT} == {
        *("sichuan-chongqing", "chongqing-xizang", "chongqing-guizhou", "greater-bay-area")
    }
    assert all(d.head.synthetic for d in DOCUMENTS if len(d.head.regions) != 1 or d.head.division)
    assert [d.head.catalog for d in DOCUMENTS if d.head.innovation] == ["sichuan-chongqing"]
    assert REGISTRY.documents["hongkong"].head.extends == ""
    assert REGISTRY.documents["chongqing"].head.extends == "national"


def test_items_give_their_region_or_their_joint_catalog() -> None:
    """A city's items are the region's, in another catalog; those of a joint list are nobody's alone."""
    city_items = REGISTRY.documents["guangdong-shenzhen"].items
    assert {(i.region, i.catalog) for i in city_items} == {("guangdong", "guangdong-shenzhen")}
    joint_items = REGISTRY.documents["sichuan-chongqing"].items
    assert {(i.region, i.catalog) for i in joint_items} == {("sichuan-chongqing", "sichuan-chongqing")}
    assert {(i.region, i.catalog) for i in REGISTRY.documents["chongqing"].items} == {("chongqing", "")}


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"layer": "national"}, "national"),
        ({"layer": "joint"}, "joint"),
        ({"regions": []}, "region"),
        ({"layer": "joint", "regions": ["here", "here"]}, "named once"),
        ({"division": "510100"}, "division"),
        ({"effective_from": None}, "draft"),
        ({"legal_status": "draft"}, "draft"),
        ({"effective_to": date(2024, 1, 1)}, "last day"),
        ({"sequence": 2}, "first version"),
        ({"previous": DIGEST}, "first version"),
        ({"layer": "joint", "regions": ["here", "there"], "extends": "national"}, "extend"),
        ({"innovation": {"source": "s", "article": "a"}}, "innovations"),
        ({"catalog": "Here"}, "catalog"),
        ({"drops": ["x"]}, "drops"),
        ({"valid_until": -1}, "valid_until"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_a_head_that_makes_no_sense_is_refused(changes: dict[str, Any], rule: str) -> None:
    """By its keys, and by rules of the whole."""
    with pytest.raises(ValidationError) as caught:
        head(**changes)
    assert rule in str(caught.value)


def test_faults_of_a_head_name_the_key_and_never_the_value() -> None:
    """Row 0, with our own words for rules of the whole."""
    found, faults = parse_head("x.toml", 'catalog = "SECRET"\nlayer = "province"\n')
    assert found is None
    assert {(fault.row, fault.column) for fault in faults} >= {(0, "catalog"), (0, "title")}
    assert "SECRET" not in repr(faults)
    assert parse_head("x.toml", "[") == (None, [type(faults[0])("x.toml", 0, "", "not_toml")])


def test_all_faults_of_a_document_are_told_at_once_by_row_and_column() -> None:
    """Of head and items together."""
    plain: dict[str, Any] = province(listed("AA-01", "TRA.BUS:exact"), listed("AA-02", "TRA.METRO:exact")).plain()
    plain["layer"] = "nowhere"
    plain["items"][0]["media"] = "paper"
    plain["items"][1]["relations"] = "NO.SUCH:exact"
    plain["items"].append({"item_id": 5})
    plain["items"].append("row")
    found, faults = read_document(plain, TAXONOMY)
    assert found is None
    assert {(f.row, f.column) for f in faults} >= {(0, "layer"), (4, ""), (5, "")}
    plain["layer"] = "province"
    _, faults = read_document(plain, TAXONOMY)
    assert [(f.row, f.column, f.rule) for f in faults] == [
        (2, "media", "closed_word"),
        (3, "relations", "unknown_item_type"),
        (4, "", "cells_by_column"),
        (5, "", "cells_by_column"),
    ]


@pytest.mark.parametrize(
    "plain",
    [None, [], {}, {"format": "onecard-catalog/1"}, {"format": "onecard-catalog/2", "items": []}, {"items": []}],
)
def test_what_is_no_document_is_refused(plain: object) -> None:
    """Another format, or none."""
    found, faults = read_document(plain, TAXONOMY)
    assert found is None
    assert [fault.rule for fault in faults] == ["catalog_document"]


def test_a_document_has_no_end_of_items() -> None:
    """More than a gateway takes are refused before they are read."""
    plain: dict[str, Any] = province(listed("AA-01", "TRA.BUS:exact")).plain()
    plain["items"] = [{}] * (MOST_ITEMS + 1)
    found, faults = read_document(plain, TAXONOMY)
    assert found is None
    assert faults[-1].rule == f"at_most_{MOST_ITEMS}"


def test_an_item_is_of_its_catalogs_layer_and_standing() -> None:
    """A province's row in a city's list, and an item in force in a draft, are faults."""
    row = write_row(listed("AA-01", "TRA.BUS:exact"))
    text = ",".join(HEADER) + "\n" + ",".join(f'"{row[column]}"' for column in HEADER) + "\n"
    wrong = head(catalog="here-city", layer="city", legal_status="draft", effective_from=None)
    _, faults = parse_document("x.csv", wrong, text, TAXONOMY)
    assert {(f.row, f.column, f.rule) for f in faults} == {
        (2, "layer", "layer_of_the_catalog"),
        (2, "legal_status", "draft_as_its_catalog"),
    }


def test_the_next_version_names_the_one_before() -> None:
    """Sequence and digest go on; the items are those given."""
    first = joint(listed("AA-01", "TRA.BUS:exact"))
    second = first.following(previous=DIGEST, items=[*first.items, listed("AA-02", "TRA.METRO:exact")])
    assert (second.head.sequence, second.head.previous, len(second.items)) == (2, DIGEST, 2)
    assert {one.region for one in second.items} == {"here-there"}


def test_a_document_is_in_effect_within_its_days() -> None:
    """Both days included; a draft never."""
    dated = head(effective_to=date(2025, 12, 31))
    days = [date(2024, 12, 31), date(2025, 1, 1), date(2025, 12, 31), date(2026, 1, 1)]
    assert [dated.in_effect(day) for day in days] == [False, True, True, False]
    assert not head(legal_status="draft", effective_from=None).in_effect(date(2025, 1, 1))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)
    )
)
def test_no_data_breaks_the_reader(data: Any) -> None:  # noqa: ANN401 - anything at all
    """Whatever stands where a document should, there is a report and no exception."""
    found, faults = read_document({"format": "onecard-catalog/1", "items": [data], "title": data}, TAXONOMY)
    assert found is None
    assert faults


def test_identifiers_of_catalogs_have_one_form() -> None:
    """Lower case with hyphens."""
    assert is_catalog_id("sichuan-chongqing")
    assert not any(map(is_catalog_id, ("", "A", "a b", "a/b", "1a", "x" * 60)))


def test_items_of_a_document_are_its_own() -> None:
    """Making one sets region and catalog, whatever they were."""
    made = make_document(head(catalog="here-city", layer="city", division="510100"), [listed("AA-01", "TRA.BUS:exact")])
    assert {(one.region, one.catalog) for one in made.items} == {("here", "here-city")}
