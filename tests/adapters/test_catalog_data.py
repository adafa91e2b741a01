"""Laws of the catalog data, checked over the CSV and TOML files themselves and not through the product's loader."""

from __future__ import annotations

import csv
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ADAPTERS = Path(__file__).resolve().parents[2] / "adapters"
LEGAL = {"chongqing": "CQ", "guangdong": "GD", "guangxi": "GX", "shiyan": "SY"}
SYNTHETIC = {"sichuan": "SC", "guizhou": "GZ", "xizang": "XZ", "hongkong": "HK", "macao": "MO"}
PREFIXES = LEGAL | SYNTHETIC
NAMES = ["name_zh_hans", "name_zh_hant", "name_en", "name_pt"]
DEPTHS = ["depth_2024", "depth_2025", "depth_2026", "depth_2027"]
HEADER = [
    *["item_id", *NAMES, "unit", "co_units", "content", "classes", "media", "relations", "residue", *DEPTHS],
    *["depth_note", "layer", "legal_status", "effective_from", "effective_to", "source", "article", "synthetic"],
    *["sensitive", "one_time", "note", "requirement", "venue_set", "overrides"],
]
LEVELS = {
    "1": "一级",
    "2": "二级",
    "3": "三级",
    "P": "采取试点方式，逐步推进。",
    "N": "涉及国家垂管系统，积极争取国家相关部委支持，逐步推动。",
    "M": "争取国家部委支持",
}
# Work plan 渝府办发〔2024〕73号, annex, rows 1-44: one letter for each of 2024-2027.
PRINTED = """
3333 3333 3333 3333 1123 1223 1233 1111 1223 1233 PPPP
1111 NNNN NNNN NNNN 1223 1223 1223 1223 1223 1223 1223
1223 1223 1223 1223 1223 1223 1223 2333 2333 1223 1223
1233 1233 1233 1233 1122 1233 3333 M112 1122 1122 1122
"""
# The same rows: media (P physical, E electronic) and classes (i identity, d disbursement, p payment).
USED = """
PE:idp PE:idp PE:idp PE:idp PE:id PE:ip PE:id PE:p PE:ip E:i PE:i
PE:i PE:i PE:i PE:i PE:ip PE:i P:d P:d P:d P:d P:d
P:d P:d P:d P:d P:d PE:p PE:ip PE:i PE:i PE:i PE:i
P:d PE:i PE:i PE:i PE:i PE:i PE:i PE:i PE:p PE:p E:dp
"""
INTERPRETED = {1, 2, 3, 4, 11, 13, 14, 15, 29, 40, 41}
FIELDS = {
    *(f"holder.{name}" for name in ("social_security_number", "name", "romanised_name", "sex", "birth_date")),
    *("holder.nationality", "holder.documents", "card.number", "card.identification_code", "card.issuer_division"),
    *(f"card.{name}" for name in ("specification", "issued_on", "expires_on", "status", "suspended_functions")),
    "card.electronic_sign_number",
    "holder.integrity_record",
}
PURPOSES = ["identity_check", "service_access", "benefit_disbursement", "fee_payment", "medical_care", "record_enquiry"]
CLASSES = ["identity", "disbursement", "payment"]
AGREEMENT_KEYS = {
    *("id", "regions", "in_force_from", "in_force_to", "synthetic", "item_types", "purposes", "classes", "media"),
    *("fields", "consent_required", "cross_border", "data_age_limit_seconds", "offline_life_seconds"),
    *("title", "legal_basis"),
}
AGREEMENTS = ["sichuan_chongqing", "chongqing_xizang", "chongqing_guizhou", "greater_bay_area"]

Row = dict[str, str]


def read(name: str) -> list[Row]:
    """Read a CSV file of the adapters folder, refusing a row that is too long or too short."""
    with (ADAPTERS / name).open(encoding="utf-8", newline="") as lines:
        header, *rows = csv.reader(lines, strict=True)
    return [dict(zip(header, row, strict=True)) for row in rows]


TYPES = {row["code"]: row for row in read("taxonomy.csv")}
CATALOGS = {region: read(f"{region}/catalog.csv") for region in PREFIXES}
ROWS = [pytest.param(region, row, id=row["item_id"]) for region, rows in CATALOGS.items() for row in rows]
every_row = pytest.mark.parametrize(("region", "row"), ROWS)
every_agreement = pytest.mark.parametrize("name", AGREEMENTS)


def relations(row: Row) -> dict[str, str]:
    """Parse `TYPE:relation;...`; a type that stands twice makes the lengths differ and fails the caller."""
    pairs = [part.split(":") for part in row["relations"].split(";")] if row["relations"] else []
    parsed = dict(pairs)
    assert len(parsed) == len(pairs)
    return parsed


def in_order(text: str, words: list[str]) -> bool:
    """Whether the text is one or more of the words, each once, in the given order, joined by +."""
    parts = text.split("+")
    return bool(text) and parts == [word for word in words if word in parts]


def agreement(name: str) -> dict[str, Any]:
    """Read one agreement file."""
    return tomllib.loads((ADAPTERS / "agreements" / f"{name}.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["taxonomy.csv", "wording.csv", *(f"{region}/catalog.csv" for region in PREFIXES)])
def test_files_are_plain_utf8_with_line_feeds(name: str) -> None:
    """A data file has no byte-order mark and no carriage return, and ends with one line feed."""
    data = (ADAPTERS / name).read_bytes()
    assert not data.startswith(b"\xef\xbb\xbf")
    assert b"\r" not in data
    assert data.endswith(b"\n")
    assert all(cell == cell.strip() for row in read(name) for cell in row.values())


def test_item_types_are_complete_and_unique() -> None:
    """Each item type has its domain, a known function and four names; no code and no name stands twice."""
    rows = list(TYPES.values())
    assert list(rows[0]) == ["code", "domain", "function", *NAMES]
    assert len(rows) == len(read("taxonomy.csv"))
    for row in rows:
        assert re.fullmatch(r"[A-Z]+(\.[A-Z]+){1,2}", row["code"])
        assert row["domain"] == row["code"].split(".")[0].lower()
        assert row["function"] in {"", "social_security", "financial"}
        assert all(row[name] for name in NAMES)
    for name in NAMES:
        assert len({row[name] for row in rows}) == len(rows)
    assert all(row["function"] == "social_security" for row in rows if row["domain"] == "si")


def test_every_item_type_is_reached_by_some_catalog() -> None:
    """No item type is dead data: each has at least one regional item."""
    assert {code for rows in CATALOGS.values() for row in rows for code in relations(row)} == set(TYPES)


@pytest.mark.parametrize("region", PREFIXES)
def test_items_are_numbered_from_one(region: str) -> None:
    """A catalog has the agreed header and its items are numbered without a gap."""
    rows = CATALOGS[region]
    assert list(rows[0]) == HEADER
    assert [row["item_id"] for row in rows] == [f"{PREFIXES[region]}-{n:02d}" for n in range(1, len(rows) + 1)]


@every_row
def test_item_is_filled_in(region: str, row: Row) -> None:
    """An item has four names, a unit, content, a source and an article, and known words in the closed columns."""
    assert all(row[column] for column in [*NAMES, "unit", "content", "source", "article"])
    assert in_order(row["classes"], CLASSES)
    assert in_order(row["media"], ["physical", "electronic"])
    assert all(row[flag] in {"true", "false"} for flag in ("synthetic", "sensitive", "one_time"))
    assert row["one_time"] == ("false" if row["classes"] == "identity" else "true"), "one use where money moves"
    assert row["layer"] == ("city" if region == "shiyan" else "province")
    assert row["effective_to"] == ""
    assert any(row[year] for year in DEPTHS) is (region == "chongqing")


@every_row
def test_relations_and_residue_agree(region: str, row: Row) -> None:
    """Exact and narrower stand alone without residue; with residue or other types it is broader or overlapping."""
    parsed, residue = relations(row), row["residue"]
    assert set(parsed) <= set(TYPES), region
    if not parsed:
        assert residue
    elif len(parsed) == 1:
        assert set(parsed.values()) <= ({"broader", "overlapping"} if residue else {"exact", "narrower"})
    else:
        assert set(parsed.values()) <= {"broader", "overlapping"}


@every_row
def test_only_the_draft_lacks_a_date_of_force(region: str, row: Row) -> None:
    """Guangxi's items are drafts without a date; every other item is in force from a real date."""
    assert row["legal_status"] == ("draft" if region == "guangxi" else "in_force")
    expected = {"chongqing": "2024-09-16", "guangdong": "2024-11-01", "shiyan": "2023-03-01", "guangxi": ""}
    assert row["effective_from"] == expected.get(region, "2025-01-01")


@every_row
def test_synthetic_items_say_so(region: str, row: Row) -> None:
    """An item of a list that nobody published is marked synthetic, and its source says that it is an example."""
    assert row["synthetic"] == ("true" if region in SYNTHETIC else "false")
    assert ("示例" in row["source"] and "示例" in row["article"]) is (region in SYNTHETIC)
    assert row["unit"].endswith("（示例）") is (region in SYNTHETIC)


def test_chongqing_has_the_plans_44_items_as_printed() -> None:
    """Depth, media and classes of rows 1-44 equal the work plan's table; each row is cited by its number."""
    rows = CATALOGS["chongqing"]
    assert len(rows) == 44
    letters = {"P": "physical", "E": "electronic", "i": "identity", "d": "disbursement", "p": "payment"}
    for n, (row, printed, used) in enumerate(zip(rows, PRINTED.split(), USED.split(), strict=True), start=1):
        media, classes = ("+".join(letters[letter] for letter in part) for part in used.split(":"))
        assert [row[year] for year in DEPTHS] == [LEVELS[letter] for letter in printed], n
        assert (row["media"], row["classes"]) == (media, classes), n
        assert row["article"] == f"附件第{n}行"
        assert "渝府办发〔2024〕73号" in row["source"]


def test_chongqing_notes_each_reading_and_contradiction() -> None:
    """Each repaired row and each third level on a row with payment, which has two levels only, carries a note."""
    for n, row in enumerate(CATALOGS["chongqing"], start=1):
        beyond = "payment" in row["classes"] and "三级" in [row[year] for year in DEPTHS]
        assert row["depth_note"] or not (beyond or n in INTERPRETED), n
        assert ("两级" in row["depth_note"]) is beyond, n


def test_items_of_the_demo_story_stand_as_told() -> None:
    """The ferry has no equal in Chongqing, the library item splits in Sichuan, and one venue item is broader."""
    items = {row["item_id"]: relations(row) for rows in CATALOGS.values() for row in rows}
    assert items["GD-07"] == {"TRA.FERRY": "exact"}
    assert not any("TRA.FERRY" in relations(row) for row in CATALOGS["chongqing"])
    assert set(items["CQ-30"]) == set(items["SC-13"]) | set(items["SC-14"])
    assert set(items["GZ-04"]) == set(items["CQ-30"]) | set(items["CQ-31"])
    assert set(items["SC-16"]) > set(items["CQ-31"])


@every_agreement
def test_agreement_keeps_to_the_closed_lists(name: str) -> None:
    """An agreement has exactly the known keys, and its lists hold known words, each once."""
    terms = agreement(name)
    assert set(terms) == AGREEMENT_KEYS
    assert terms["id"] == name.replace("_", "-")
    assert set(terms["regions"]) <= set(PREFIXES)
    assert set(terms["purposes"]) <= set(PURPOSES)
    assert set(terms["classes"]) <= set(CLASSES)
    assert terms["media"] == ["physical", "electronic"]
    assert set(terms["fields"]) <= FIELDS
    for key in ("regions", "purposes", "classes", "fields", "item_types"):
        assert len(set(terms[key])) == len(terms[key]) > 0
    assert terms["in_force_from"] < terms["in_force_to"]
    assert terms["data_age_limit_seconds"] == {"identity": 300, "disbursement": 0, "payment": 0}
    assert terms["offline_life_seconds"] == {"identity": 86_400}
    assert terms["synthetic"] is True


@every_agreement
def test_agreement_covers_known_types_and_names_its_law(name: str) -> None:
    """Each pattern reaches item types of the taxonomy; titles stand in four languages; each basis cites an article."""
    terms = agreement(name)
    for pattern in terms["item_types"]:
        prefix = pattern.removesuffix("*")
        assert prefix.endswith(".") if pattern.endswith("*") else pattern in TYPES
        assert any(code.startswith(prefix) for code in TYPES)
    assert set(terms["title"]) == {"zh-Hans", "zh-Hant", "en", "pt"}
    assert all(terms["title"].values())
    for basis in terms["legal_basis"]:
        assert set(basis) == {"region", "source", "article"}
        assert all(basis.values())
        assert basis["region"] in terms["regions"]


@every_agreement
def test_narrow_agreements_are_narrow(name: str) -> None:
    """The Greater Bay Area asks consent and passes no number; Xizang and Guizhou are for identity (work plan 2 (4))."""
    terms = agreement(name)
    bay = name == "greater_bay_area"
    assert terms["cross_border"] is terms["consent_required"] is bay
    assert not (bay and [field for field in terms["fields"] if re.search("number|code|documents", field)])
    assert (terms["classes"] == ["identity"]) is (name != "sichuan_chongqing")
    assert (terms["item_types"] == ["TRA.*", "CUL.*"]) is (name in {"chongqing_xizang", "chongqing_guizhou"})
