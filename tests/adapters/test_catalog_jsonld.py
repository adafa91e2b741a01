"""Catalogs as linked data: every list comes back as it went, and what has another form is told by row and column."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import pytest

from adapters.catalog_document import read_rows
from adapters.catalog_jsonld import BASE, CONTEXT, rows_of_jsonld, to_jsonld
from adapters.catalog_rows import write_row
from adapters.words import Relation
from tests.fakes.regions import REGISTRY

SCHEME, ITEM = 0, 1


def told(catalog: str = "chongqing") -> dict[str, Any]:
    """Write a list, and read it again as a program elsewhere would have it."""
    document = REGISTRY.documents[catalog]
    data: dict[str, Any] = json.loads(json.dumps(to_jsonld(document.head, document.items, REGISTRY.taxonomy)))
    return data


@pytest.mark.parametrize("catalog", REGISTRY.documents)
def test_every_list_comes_back_as_it_went(catalog: str) -> None:
    """Each cell of each row, in the order of the list; the rows are the list again."""
    document = REGISTRY.documents[catalog]
    rows, faults = rows_of_jsonld(told(catalog))
    assert faults == []
    assert rows == [write_row(item) for item in document.items]
    again, wrong = read_rows("again", document.head, rows, REGISTRY.taxonomy)
    assert wrong == []
    assert again == document


def test_items_are_concepts_and_services_of_one_scheme() -> None:
    """SKOS for what an item is, schema.org for the service and the law it is based on."""
    graph = told()["@graph"]
    scheme, first = graph[SCHEME], graph[ITEM]
    assert scheme["@type"] == "skos:ConceptScheme"
    assert scheme["onecard:region"] == ["chongqing"]
    assert first["@type"] == ["skos:Concept", "schema:GovernmentService"]
    assert first["inScheme"] == scheme["@id"] == f"{BASE}catalog:chongqing"
    assert first["prefLabel"]["zh-Hans"] == REGISTRY.get("chongqing").catalog.get("CQ-01").name.zh_hans
    assert set(first["prefLabel"]) == {"zh-Hans", "zh-Hant", "en", "pt"}
    assert first["schema:provider"]["@type"] == "schema:GovernmentOrganization"
    assert first["schema:isBasedOn"]["schema:legislationIdentifier"] == "附件第1行"
    used = {key for node in graph for key in node if not key.startswith("@")}
    assert {key.partition(":")[0] for key in used if ":" in key} <= set(CONTEXT)
    assert {key for key in used if ":" not in key} <= set(CONTEXT)


def test_mappings_point_the_way_of_skos() -> None:
    """The object of `broadMatch` is the broader concept, so an item that is narrower than a type has one."""
    mapped: dict[str, set[Relation]] = {}
    for catalog, document in REGISTRY.documents.items():
        nodes = {node["skos:notation"]: node for node in told(catalog)["@graph"][ITEM : ITEM + len(document.items)]}
        for item in document.items:
            for relation in item.relations:
                target = f"{BASE}type:{relation.item_type}"
                (match,) = (key for key in nodes[item.item] if target in _listed(nodes[item.item][key]))
                mapped.setdefault(match, set()).add(relation.relation)
    assert mapped == {
        "exactMatch": {Relation.EXACT},
        "broadMatch": {Relation.NARROWER},
        "narrowMatch": {Relation.BROADER},
        "relatedMatch": {Relation.OVERLAPPING},
    }


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def test_named_types_are_in_the_graph() -> None:
    """Whoever reads the graph alone knows what the mapped types are called."""
    data = told("xizang")
    items = REGISTRY.documents["xizang"].items
    types = {relation.item_type for item in items for relation in item.relations}
    nodes = {node["skos:notation"]: node for node in data["@graph"][ITEM + len(items) :]}
    assert set(nodes) == types
    assert all(node["prefLabel"]["zh-Hans"] for node in nodes.values())


@pytest.mark.parametrize("data", [None, [], {}, {"@graph": "x"}, {"@graph": {"@type": "schema:GovernmentService"}}])
def test_what_is_no_graph_is_told(data: object) -> None:
    """One fault, and no row."""
    rows, faults = rows_of_jsonld(data)
    assert rows == []
    assert [(fault.column, fault.rule) for fault in faults] == [("@graph", "list_of_nodes")]


def test_a_graph_without_services_is_empty() -> None:
    """Other nodes are passed over."""
    rows, faults = rows_of_jsonld({"@graph": [7, {"@type": "skos:Concept"}, {}]})
    assert rows == []
    assert [fault.rule for fault in faults] == ["empty"]


@pytest.mark.parametrize(
    ("key", "value", "column"),
    [
        ("skos:notation", 7, "item_id"),
        ("schema:description", ["a"], "content"),
        ("schema:validFrom", {"@value": "2024-09-16"}, "effective_from"),
        ("onecard:layer", None, "layer"),
        ("schema:provider", {"schema:name": 3}, "unit"),
        ("schema:isBasedOn", {"schema:name": [], "schema:legislationIdentifier": "x"}, "source"),
        ("prefLabel", {"en": {}}, "name_en"),
        ("onecard:depth", [{"onecard:year": 2024, "onecard:printed": 2}], "depth_2024"),
    ],
)
def test_another_form_is_a_fault_of_its_row_and_column(key: str, value: object, column: str) -> None:
    """The cell stays empty, the rest of the row is read."""
    data = told()
    data["@graph"][ITEM + 1][key] = value
    rows, faults = rows_of_jsonld(data)
    assert [(fault.row, fault.column, fault.rule) for fault in faults] == [(3, column, "form")]
    assert rows[1][column] == ""
    assert len(rows) == 44


def test_loose_forms_of_the_same_are_read() -> None:
    """One type alone, one class alone, one mapping alone; a strange flag and a strange year say nothing."""
    data = told()
    data["@graph"][ITEM] |= {
        "@type": "schema:GovernmentService",
        "onecard:applicationClass": "identity",
        "onecard:synthetic": "no",
        "onecard:depth": [3, {"onecard:year": 1999, "onecard:printed": "一级"}],
        "exactMatch": f"{BASE}type:library.borrow",
        "prefLabel": "x",
    }
    for key in ("broadMatch", "narrowMatch", "relatedMatch", "onecard:relationOrder"):
        data["@graph"][ITEM].pop(key, None)
    rows, faults = rows_of_jsonld(data)
    assert faults == []
    first = rows[0]
    assert (first["classes"], first["synthetic"], first["depth_2024"], first["name_en"]) == ("identity", "", "", "")
    assert first["relations"] == "library.borrow:exact"


def test_what_an_item_does_not_have_is_left_out() -> None:
    """An item without a unit, a depth or an article has no empty texts in the graph, and comes back without them."""
    document = REGISTRY.documents["chongqing"]
    item = replace(document.items.get("CQ-01"), unit="", depths=(), content="")
    data = to_jsonld(document.head, [item], REGISTRY.taxonomy)
    assert not {"schema:provider", "onecard:depth", "schema:description"} & set(data["@graph"][ITEM])
    assert rows_of_jsonld(data) == ([write_row(item)], [])


def test_an_order_that_names_other_types_is_passed_over() -> None:
    """Mappings are then read in the order of the vocabulary."""
    data = copy.deepcopy(told())
    node = next(one for one in data["@graph"] if "onecard:relationOrder" in one)
    place = data["@graph"].index(node) - ITEM
    before = rows_of_jsonld(data)[0][place]["relations"]
    node["onecard:relationOrder"] = ["something.else"]
    after = rows_of_jsonld(data)[0][place]["relations"]
    assert sorted(after.split(";")) == sorted(before.split(";"))
