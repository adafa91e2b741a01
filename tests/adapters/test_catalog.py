"""Catalogs: strict reading, a version by content, filters and the index by item type."""

from __future__ import annotations

import csv
import io
import random
from datetime import date
from pathlib import Path

import pytest

from adapters.canonical import Depth, ItemTypeRelation, LocalizedText
from adapters.catalog import Catalog, check_catalog, item_order, load_catalog, parse_catalog
from adapters.catalog_rows import HEADER
from adapters.errors import RegionDataError, UnknownItemError
from adapters.tables import Fault
from adapters.taxonomy import Taxonomy
from adapters.words import ApplicationClass, Layer, LegalStatus, Medium, Relation

ADAPTERS = Path(__file__).resolve().parents[2] / "adapters"
TAXONOMY = Taxonomy.from_csv((ADAPTERS / "taxonomy.csv").read_text("utf-8"))
SHIPPED = sorted(path.parent.name for path in ADAPTERS.glob("*/catalog.csv"))
PLAIN = {
    "item_id": "TT-01",
    "name_zh_hans": "图书馆入馆、借阅",
    "name_zh_hant": "圖書館入館、借閱",
    "name_en": "Library entry and borrowing",
    "name_pt": "Entrada e empréstimo",
    "unit": "示例单位",
    "content": "示例",
    "classes": "identity+payment",
    "media": "physical+electronic",
    "relations": "CUL.LIBRARY.ENTRY:broader;CUL.LIBRARY.LOAN:broader",
    "layer": "province",
    "legal_status": "in_force",
    "effective_from": "2025-01-01",
    "source": "示例清单",
    "article": "第1项",
    "synthetic": "true",
    "sensitive": "false",
    "one_time": "false",
}


def row(**cells: str) -> dict[str, str]:
    """Fill one row; cells not told are those of PLAIN, or empty."""
    return {column: (PLAIN | cells).get(column, "") for column in HEADER}


def csv_of(*rows: dict[str, str], quoting: int = csv.QUOTE_MINIMAL) -> str:
    """Write rows under the header."""
    out = io.StringIO()
    writer = csv.DictWriter(out, HEADER, quoting=quoting)  # type: ignore[arg-type]
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def load(*rows: dict[str, str]) -> Catalog:
    """Load rows as the catalog of a made-up region."""
    return load_catalog("testland", csv_of(*rows), TAXONOMY)


def faults(**cells: str) -> list[Fault]:
    """Give the faults of one row."""
    return check_catalog("testland", csv_of(row(**cells)), TAXONOMY)


def test_a_row_becomes_an_item() -> None:
    """Each column arrives where it belongs."""
    cells = {"co_units": "协办", "depth_2024": "一级", "depth_note": "注", "effective_to": "2026-12-31", "note": "备注"}
    item = load(row(**cells)).get("TT-01")
    assert (item.region, item.item, item.unit, item.co_units) == ("testland", "TT-01", "示例单位", "协办")
    assert item.name == LocalizedText(*(PLAIN[key] for key in HEADER[1:5]))
    assert item.classes == (ApplicationClass.IDENTITY, ApplicationClass.PAYMENT)
    assert item.media == (Medium.PHYSICAL, Medium.ELECTRONIC)
    assert item.relations == (
        ItemTypeRelation("CUL.LIBRARY.ENTRY", Relation.BROADER),
        ItemTypeRelation("CUL.LIBRARY.LOAN", Relation.BROADER),
    )
    assert (item.layer, item.legal_status) == (Layer.PROVINCE, LegalStatus.IN_FORCE)
    assert (item.effective_from, item.effective_to) == (date(2025, 1, 1), date(2026, 12, 31))
    assert (item.content, item.source, item.article) == ("示例", "示例清单", "第1项")
    assert (item.synthetic, item.sensitive, item.one_time) == (True, False, False)
    assert (item.residue, item.depth_note, item.note) == ("", "注", "备注")


def test_depth_is_kept_as_printed_and_read_per_class() -> None:
    """Payment has two levels, free text has none, and an empty cell prints nothing."""
    item = load(row(depth_2024="二级", depth_2025="三级", depth_2026="采取试点方式，逐步推进。")).get("TT-01")
    identity, payment = ApplicationClass.IDENTITY, ApplicationClass.PAYMENT
    assert item.depths == (
        Depth(2024, identity, "二级", 2),
        Depth(2024, payment, "二级", 2),
        Depth(2025, identity, "三级", 3),
        Depth(2025, payment, "三级", None),
        Depth(2026, identity, "采取试点方式，逐步推进。", None),
        Depth(2026, payment, "采取试点方式，逐步推进。", None),
    )


@pytest.mark.parametrize(
    ("cells", "column", "rule"),
    [
        ({"item_id": "T-01"}, "item_id", "item_identifier"),
        ({"item_id": "TT-1"}, "item_id", "item_identifier"),
        ({"item_id": "TT-٠١"}, "item_id", "item_identifier"),
        ({"name_zh_hans": ""}, "name_zh_hans", "required"),
        ({"name_pt": ""}, "name_pt", "required"),
        ({"unit": " x"}, "unit", "blank_ends"),
        ({"content": "a\u202eb"}, "content", "forbidden_character"),
        ({"classes": ""}, "classes", "closed_word"),
        ({"classes": "identity,payment"}, "classes", "closed_word"),
        ({"media": "physical+physical"}, "media", "repeated"),
        ({"relations": "TRA.BUS"}, "relations", "relation"),
        ({"relations": "TRA.BUS:none"}, "relations", "relation"),
        ({"relations": "TRA.TRAM:exact"}, "relations", "unknown_item_type"),
        ({"relations": "TRA.BUS:broader;TRA.BUS:broader"}, "relations", "item_type_repeated"),
        ({"relations": "TRA.BUS:exact;"}, "relations", "relation"),
        ({"relations": "TRA.BUS:exact", "residue": "其他"}, "relations", "exact_stands_alone"),
        ({"relations": "TRA.BUS:broader;TRA.METRO:exact"}, "relations", "exact_stands_alone"),
        ({"relations": "TRA.BUS:narrower", "residue": "其他"}, "relations", "narrower_stands_alone"),
        ({"relations": "TRA.BUS:broader"}, "relations", "broader_needs_more"),
        ({"relations": "TRA.BUS:overlapping"}, "relations", "overlapping_needs_more"),
        ({"relations": ""}, "residue", "item_type_or_residue"),
        ({"layer": "county"}, "layer", "closed_word"),
        ({"legal_status": "repealed"}, "legal_status", "closed_word"),
        ({"effective_from": ""}, "effective_from", "in_force_has_a_date"),
        ({"effective_from": "2025/01/01"}, "effective_from", "iso_date"),
        ({"legal_status": "draft"}, "effective_from", "draft_has_no_date"),
        (
            {"legal_status": "draft", "effective_from": "", "effective_to": "2026-01-01"},
            "effective_to",
            "draft_has_no_date",
        ),
        ({"effective_to": "2024-12-31"}, "effective_to", "ends_before_it_starts"),
        ({"source": ""}, "source", "required"),
        ({"synthetic": "yes"}, "synthetic", "true_or_false"),
        ({"sensitive": ""}, "sensitive", "true_or_false"),
        ({"one_time": "1"}, "one_time", "true_or_false"),
    ],
)
def test_each_fault_names_row_and_column(cells: dict[str, str], column: str, rule: str) -> None:
    """One wrong cell gives one fault; the error says the same."""
    assert faults(**cells) == [Fault("testland/catalog.csv", 2, column, rule)]
    with pytest.raises(RegionDataError) as caught:
        load(row(**cells))
    assert caught.value.metadata["region"] == "testland"
    assert (caught.value.metadata["row"], caught.value.metadata["column"]) == ("2", column)
    assert (caught.value.metadata["rule"], caught.value.metadata["faults"]) == (rule, "1")


@pytest.mark.parametrize(
    "cells",
    [
        {"relations": "TRA.BUS:exact"},
        {"relations": "TRA.BUS:narrower"},
        {"relations": "TRA.BUS:broader", "residue": "其他"},
        {"relations": "TRA.BUS:overlapping", "residue": "其他"},
        {"relations": "TRA.BUS:overlapping;TRA.METRO:broader"},
        {"relations": "", "residue": "其他"},
        {"legal_status": "draft", "effective_from": ""},
        {"effective_to": "2025-01-01"},
    ],
)
def test_consistent_rows_are_accepted(cells: dict[str, str]) -> None:
    """The rules on relations, residue and dates refuse nothing else."""
    assert faults(**cells) == []


def test_all_faults_of_all_rows_are_reported() -> None:
    """No catalog comes with faults, and each row is looked at."""
    text = csv_of(row(media="paper", source=""), row(), row(), row(item_id="TT-02", layer="x"))
    catalog, found = parse_catalog("testland", text, TAXONOMY)
    assert catalog is None
    assert [fault.row for fault in found] == [2, 2, 3, 4, 5]
    assert sorted((fault.row, fault.column, fault.rule) for fault in found) == [
        (2, "media", "closed_word"),
        (2, "source", "required"),
        (3, "item_id", "unique"),
        (4, "item_id", "unique"),
        (5, "layer", "closed_word"),
    ]


def test_no_value_of_a_faulty_cell_is_repeated() -> None:
    """Error and report name places and rules only."""
    with pytest.raises(RegionDataError) as caught:
        load(row(layer="secret", relations="secret:secret"))
    assert (
        "secret"
        not in f"{caught.value} {caught.value.args} {check_catalog('testland', csv_of(row(layer='secret')), TAXONOMY)}"
    )


def test_items_are_ordered_as_people_count() -> None:
    """The hundredth item follows the ninety-ninth."""
    catalog = load(*(row(item_id=f"TT-{n}") for n in ("100", "99", "05")))
    assert [item.item for item in catalog] == ["TT-05", "TT-99", "TT-100"]
    assert sorted(["TU-01", "TT-100", "TT-99"], key=item_order) == ["TT-99", "TT-100", "TU-01"]
    assert len(catalog) == 3


def test_an_item_is_found_by_its_identifier() -> None:
    """An unknown one is refused, and the error does not repeat it."""
    catalog = load(row())
    assert "TT-01" in catalog
    assert catalog.get("TT-01").region == "testland"
    with pytest.raises(UnknownItemError) as caught:
        catalog.get("TT-99")
    assert caught.value.metadata == {"region": "testland"}


def test_two_items_with_one_identifier_make_no_catalog() -> None:
    """Also where the items do not come from CSV."""
    item = load(row()).get("TT-01")
    with pytest.raises(RegionDataError) as caught:
        Catalog("testland", (item, item))
    assert caught.value.metadata["rule"] == "unique"


def test_version_depends_on_content_alone() -> None:
    """Quoting and the order of rows do not change it, one letter does."""
    rows = [row(item_id=f"TT-0{n}") for n in range(1, 10)]
    version = load(*rows).version
    shuffled = random.Random(1).sample(rows, len(rows))
    quoted = load_catalog("testland", csv_of(*shuffled, quoting=csv.QUOTE_ALL), TAXONOMY)
    assert quoted.version == version
    assert quoted == load(*rows)
    assert len(version) == 16
    assert int(version, 16) >= 0
    assert load(*rows[:-1], row(item_id="TT-09", note="x")).version != version
    assert load(*rows[:-1]).version != version
    assert load_catalog("elsewhere", csv_of(*rows), TAXONOMY).version != version


def test_items_are_indexed_by_type() -> None:
    """In order, and none for a type that nothing touches."""
    catalog = load(row(item_id="TT-02"), row(item_id="TT-01"), row(item_id="TT-03", relations="TRA.BUS:exact"))
    assert [item.item for item in catalog.by_type("CUL.LIBRARY.LOAN")] == ["TT-01", "TT-02"]
    assert catalog.by_type("TRA.FERRY") == ()


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, ["TT-01", "TT-02", "TT-03"]),
        ({"application_class": ApplicationClass.PAYMENT}, ["TT-01"]),
        ({"medium": Medium.ELECTRONIC}, ["TT-01", "TT-03"]),
        ({"item_type": "TRA.BUS"}, ["TT-02", "TT-03"]),
        ({"item_type": "CUL.*"}, ["TT-01"]),
        ({"item_type": "TRA"}, []),
        ({"legal_status": LegalStatus.DRAFT}, ["TT-03"]),
        ({"text": "LIBRARY"}, ["TT-01"]),
        ({"text": "圖書館"}, ["TT-01"]),
        ({"text": "empréstimo"}, ["TT-01"]),
        ({"text": "tt-02"}, ["TT-02"]),
        ({"text": "no such"}, []),
        ({"text": "bus", "medium": Medium.PHYSICAL}, ["TT-02"]),
    ],
)
def test_filters_narrow_the_items(wanted: dict[str, str], found: list[str]) -> None:
    """Every condition told must hold."""
    bus = {"relations": "TRA.BUS:exact", "classes": "identity"}
    names = {"name_zh_hans": "公交", "name_zh_hant": "巴士", "name_en": "Bus", "name_pt": "Autocarro"}
    catalog = load(
        row(),
        row(item_id="TT-02", media="physical", **bus, **names),
        row(item_id="TT-03", media="electronic", legal_status="draft", effective_from="", **bus, **names),
    )
    assert [item.item for item in catalog.filter(**wanted)] == found  # type: ignore[arg-type]


def test_a_catalog_is_a_draft_only_where_all_is_draft() -> None:
    """And synthetic only where all is synthetic; each source is named once."""
    draft = row(legal_status="draft", effective_from="", source="草案")
    mixed = load(row(item_id="TT-02", synthetic="false"), row(item_id="TT-03"), draft)
    assert mixed.legal_status is LegalStatus.IN_FORCE
    assert not mixed.synthetic
    assert mixed.sources == ("草案", "示例清单")
    assert load(draft).legal_status is LegalStatus.DRAFT
    assert load(draft).synthetic


def test_a_catalog_of_a_thousand_items_is_read_whole() -> None:
    """Its representation stays short."""
    catalog = load(*(row(item_id=f"TT-{n:03}") for n in range(1000)))
    assert len(catalog) == 1000
    assert len(catalog.by_type("CUL.LIBRARY.ENTRY")) == 1000
    assert len(repr(catalog)) < 100


@pytest.mark.parametrize("region", SHIPPED)
def test_shipped_catalogs_are_sound(region: str) -> None:
    """None has a fault, and each finds all its items by their types."""
    catalog, found = parse_catalog(region, (ADAPTERS / region / "catalog.csv").read_text("utf-8"), TAXONOMY)
    assert found == []
    assert catalog is not None
    for item in catalog:
        assert all(item in catalog.by_type(relation.item_type) for relation in item.relations)


def test_guangxi_is_the_only_draft_and_chongqing_has_44_items() -> None:
    """As the published texts say."""
    catalogs = {r: load_catalog(r, (ADAPTERS / r / "catalog.csv").read_text("utf-8"), TAXONOMY) for r in SHIPPED}
    assert [r for r, c in catalogs.items() if c.legal_status is LegalStatus.DRAFT] == ["guangxi"]
    assert len(catalogs["chongqing"]) == 44
    fine = catalogs["chongqing"].get("CQ-28").depths[-1]
    assert (fine.printed, fine.level) == ("三级", None)
