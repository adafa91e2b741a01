"""Guangxi's own rules: items say in words how they stand in law, and a card's state is its place in the life cycle."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files

import pytest

from adapters.catalog import load_catalog
from adapters.form import IdentityForm
from adapters.guangxi.translator import item_from_canonical
from adapters.item_form import ItemForm
from adapters.manifest import parse_manifest
from adapters.taxonomy import Taxonomy
from adapters.words import CardStatus, Layer, LegalStatus

PACKAGE = files("adapters")
FOLDER = PACKAGE.joinpath("guangxi")
MANIFEST = parse_manifest("guangxi", FOLDER.joinpath("manifest.toml").read_text("utf-8"))
TAXONOMY = Taxonomy.from_csv(PACKAGE.joinpath("taxonomy.csv").read_text("utf-8"))
ITEMS = load_catalog("guangxi", FOLDER.joinpath("catalog.csv").read_text("utf-8"), TAXONOMY).items
RECORDS = {t["id"]: t["record"] for t in json.loads(FOLDER.joinpath("vectors.json").read_text("utf-8"))["round_trips"]}


def test_every_item_of_the_region_says_that_its_rule_is_a_draft() -> None:
    """The regulation is a draft, so no item of the region is shown as in force."""
    form = ItemForm(MANIFEST)
    written = [item_from_canonical(form, item) for item in ITEMS]
    assert {record["flzt"] for record in written} == {"草案"}
    assert [form.read(record) for record in written] == [item.item for item in ITEMS]


@pytest.mark.parametrize("layer", Layer)
@pytest.mark.parametrize("status", LegalStatus)
def test_every_level_and_status_has_a_word(layer: Layer, status: LegalStatus) -> None:
    """Whatever level and legal status an item of any region has, the form says both, and the rest is the table's."""
    form = ItemForm(MANIFEST)
    item = replace(ITEMS[0], layer=layer, legal_status=status)
    written = item_from_canonical(form, item)
    assert written.pop("mlcc")
    assert written.pop("flzt") == ("草案" if status is LegalStatus.DRAFT else "施行")
    assert written == form.write(item)


def test_supplementary_catalog_of_a_city_is_told_from_the_region_s_own() -> None:
    """Art. 7 has two levels, which the form tells apart."""
    form = ItemForm(MANIFEST)
    words = {layer: item_from_canonical(form, replace(ITEMS[0], layer=layer))["mlcc"] for layer in Layer}
    assert len(set(words.values())) == len(Layer)
    assert words[Layer.SUPPLEMENTARY] == "市级补充目录"


@pytest.mark.parametrize(
    ("code", "status", "written"),
    [(f"{n:02d}", CardStatus.NOT_ACTIVATED, "03") for n in (*range(4), *range(10, 16))]
    + [
        ("04", CardStatus.ACTIVE, "04"),
        ("05", CardStatus.LOST_FORMAL, "05"),
        ("06", CardStatus.LOST_TEMPORARY, "06"),
        ("07", CardStatus.LOST_FORMAL, "05"),
        ("08", CardStatus.LOCKED, "08"),
        ("09", CardStatus.CANCELLED, "09"),
    ],
)
def test_life_cycle_code_means_one_status_and_a_status_is_written_as_one_code(
    code: str, status: CardStatus, written: str
) -> None:
    """All sixteen codes are read; of several with one meaning the agreed one is written."""
    form = IdentityForm(MANIFEST)
    identity = form.read({**RECORDS["active"], "kzt": code})
    assert identity.card.status is status
    assert form.write(identity).fields["kzt"] == written


@pytest.mark.parametrize("code", ["4", "004", "16", "正常"])
def test_code_outside_the_life_cycle_is_unknown(code: str) -> None:
    """A code that the table does not hold, even one that looks like another, is never taken for a good one."""
    assert IdentityForm(MANIFEST).read({**RECORDS["active"], "kzt": code}).card.status is CardStatus.UNKNOWN
