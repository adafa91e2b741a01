"""A catalog as linked data: JSON-LD 1.1 with SKOS for what an item is, and schema.org for the service that it offers.

An item is a `skos:Concept` and a `schema:GovernmentService`; its relations to neutral item types are SKOS mappings, in
which the object of `broadMatch` is the broader one. What neither vocabulary has stands under our own prefix, so that a
catalog comes back from this form as it went.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adapters.catalog_rows import HEADER, YEARS, write_row
from adapters.tables import Fault
from adapters.taxonomy import NAME_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adapters.canonical import ApplicationItem
    from adapters.catalog_document import CatalogHead
    from adapters.taxonomy import Taxonomy

Row = dict[str, str]

BASE: Final = "urn:x-onecard:"
LANGUAGES: Final = ("zh-Hans", "zh-Hant", "en", "pt")
CONTEXT: Final[dict[str, object]] = {
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "schema": "https://schema.org/",
    "onecard": f"{BASE}terms:",
    "prefLabel": {"@id": "skos:prefLabel", "@container": "@language"},
    "exactMatch": {"@id": "skos:exactMatch", "@type": "@id"},
    "broadMatch": {"@id": "skos:broadMatch", "@type": "@id"},
    "narrowMatch": {"@id": "skos:narrowMatch", "@type": "@id"},
    "relatedMatch": {"@id": "skos:relatedMatch", "@type": "@id"},
    "inScheme": {"@id": "skos:inScheme", "@type": "@id"},
}
_MATCH: Final = {
    "exact": "exactMatch",
    "narrower": "broadMatch",
    "broader": "narrowMatch",
    "overlapping": "relatedMatch",
}
_RELATION: Final = {match: relation for relation, match in _MATCH.items()}
_PLAIN: Final = {
    "content": "schema:description",
    "residue": "skos:scopeNote",
    "note": "skos:editorialNote",
    "effective_from": "schema:validFrom",
    "effective_to": "schema:validThrough",
    "co_units": "onecard:cooperatingUnits",
    "depth_note": "onecard:depthNote",
    "layer": "onecard:layer",
    "legal_status": "onecard:legalStatus",
    "requirement": "onecard:requirement",
    "venue_set": "onecard:venueSet",
    "overrides": "onecard:overrides",
}
_LISTS: Final = {"classes": "onecard:applicationClass", "media": "onecard:medium"}
_FLAGS: Final = {"synthetic": "onecard:synthetic", "sensitive": "onecard:sensitive", "one_time": "onecard:oneTime"}


def to_jsonld(head: CatalogHead, items: Iterable[ApplicationItem], taxonomy: Taxonomy) -> dict[str, Any]:
    """Write a catalog as one graph: the list, its items, and the item types that they name."""
    told = list(items)
    types = {relation.item_type for item in told for relation in item.relations}
    name = head.name
    scheme = {
        "@id": f"{BASE}catalog:{head.catalog}",
        "@type": "skos:ConceptScheme",
        "prefLabel": dict(zip(LANGUAGES, (name.zh_hans, name.zh_hant, name.en, name.pt), strict=True)),
        "onecard:layer": head.layer.value,
        "onecard:region": list(head.regions),
    }
    concepts = [
        {
            "@id": f"{BASE}type:{node.code}",
            "@type": "skos:Concept",
            "skos:notation": node.code,
            "prefLabel": dict(
                zip(LANGUAGES, (node.name.zh_hans, node.name.zh_hant, node.name.en, node.name.pt), strict=True)
            ),
        }
        for node in taxonomy
        if node.code in types
    ]
    return {"@context": CONTEXT, "@graph": [scheme, *(_item(head, item) for item in told), *concepts]}


def _item(head: CatalogHead, item: ApplicationItem) -> dict[str, Any]:
    """Write one item; empty cells are left out."""
    row = write_row(item)
    node: dict[str, Any] = {
        "@id": f"{BASE}item:{head.catalog}:{row['item_id']}",
        "@type": ["skos:Concept", "schema:GovernmentService"],
        "inScheme": f"{BASE}catalog:{head.catalog}",
        "skos:notation": row["item_id"],
        "prefLabel": dict(zip(LANGUAGES, (row[column] for column in NAME_COLUMNS), strict=True)),
        "schema:isBasedOn": {
            "@type": "schema:Legislation",
            "schema:name": row["source"],
            "schema:legislationIdentifier": row["article"],
        },
    }
    if row["unit"]:
        node["schema:provider"] = {"@type": "schema:GovernmentOrganization", "schema:name": row["unit"]}
    node |= {term: row[column] for column, term in _PLAIN.items() if row[column]}
    node |= {term: row[column].split("+") for column, term in _LISTS.items()}
    node |= {term: row[column] == "true" for column, term in _FLAGS.items()}
    printed = [
        {"onecard:year": year, "onecard:printed": row[f"depth_{year}"]} for year in YEARS if row[f"depth_{year}"]
    ]
    if printed:
        node["onecard:depth"] = printed
    relations = [part.split(":") for part in row["relations"].split(";") if part]
    for code, relation in relations:
        node.setdefault(_MATCH[relation], []).append(f"{BASE}type:{code}")
    if len({relation for _, relation in relations}) > 1:
        # SKOS has no order across its mappings, and ours has one.
        node["onecard:relationOrder"] = [code for code, _ in relations]
    return node


def rows_of_jsonld(data: object) -> tuple[list[Row], list[Fault]]:
    """Read the rows of a catalog from the form that `to_jsonld` writes; a fault has the row that the item would have.

    What a row says is for the reader of tables to judge; here only the form is looked at.
    """
    graph = data.get("@graph") if isinstance(data, dict) else None
    if not isinstance(graph, list):
        return [], [Fault("json-ld", 0, "@graph", "list_of_nodes")]
    rows: list[Row] = []
    faults: list[Fault] = []
    for node in graph:
        if not isinstance(node, dict) or "schema:GovernmentService" not in _listed(node.get("@type")):
            continue
        row, wrong = _row(node)
        rows.append(row)
        faults += [Fault("json-ld", len(rows) + 1, column, "form") for column in wrong]
    if not rows and not faults:
        faults.append(Fault("json-ld", 0, "@graph", "empty"))
    return rows, faults


def _row(node: dict[str, Any]) -> tuple[Row, list[str]]:
    """Read one item; gives its cells, and the columns whose value has another form."""
    cells: dict[str, object] = {"item_id": node.get("skos:notation", "")}
    labels = _object(node.get("prefLabel"))
    cells |= {column: labels.get(language, "") for language, column in zip(LANGUAGES, NAME_COLUMNS, strict=True)}
    law = _object(node.get("schema:isBasedOn"))
    cells |= {"source": law.get("schema:name", ""), "article": law.get("schema:legislationIdentifier", "")}
    cells["unit"] = _object(node.get("schema:provider")).get("schema:name", "")
    cells |= {column: node.get(term, "") for column, term in _PLAIN.items()}
    cells |= {column: "+".join(map(str, _listed(node.get(term)))) for column, term in _LISTS.items()}
    cells |= {column: _flag(node.get(term)) for column, term in _FLAGS.items()}
    for depth in _listed(node.get("onecard:depth")):
        year = _object(depth).get("onecard:year")
        if year in YEARS:
            cells[f"depth_{year}"] = _object(depth).get("onecard:printed", "")
    cells["relations"] = _relations(node)
    wrong = [column for column in HEADER if not isinstance(cells.get(column, ""), str)]
    return {column: str(cells.get(column, "")) if column not in wrong else "" for column in HEADER}, wrong


def _relations(node: dict[str, Any]) -> str:
    """Read the mappings as a cell of relations, in the order that is told, or else that of the vocabulary."""
    found = {
        str(target).removeprefix(f"{BASE}type:"): relation
        for match, relation in _RELATION.items()
        for target in _listed(node.get(match))
    }
    told = [str(code) for code in _listed(node.get("onecard:relationOrder"))]
    order = told if sorted(told) == sorted(found) else list(found)
    return ";".join(f"{code}:{found[code]}" for code in order)


def _flag(value: object) -> str:
    """Write true and false as a cell has them; anything else as nothing."""
    return str(value).lower() if isinstance(value, bool) else ""


def _listed(value: object) -> list[Any]:
    """Give a value as a list; JSON-LD lets a list of one stand alone."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
