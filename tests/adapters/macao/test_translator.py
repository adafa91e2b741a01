"""Macao's own rule: services have names in both official languages. And how its numbers are spelled."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest

from adapters.catalog import load_catalog
from adapters.form import IdentityForm
from adapters.item_form import ItemForm
from adapters.macao.translator import item_from_canonical
from adapters.manifest import parse_manifest
from adapters.taxonomy import Taxonomy

if TYPE_CHECKING:
    from adapters.canonical import ApplicationItem

PACKAGE = files("adapters")
FOLDER = PACKAGE.joinpath("macao")
MANIFEST = parse_manifest("macao", FOLDER.joinpath("manifest.toml").read_text("utf-8"))
TAXONOMY = Taxonomy.from_csv(PACKAGE.joinpath("taxonomy.csv").read_text("utf-8"))
ITEMS = load_catalog("macao", FOLDER.joinpath("catalog.csv").read_text("utf-8"), TAXONOMY).items
RECORDS = {t["id"]: t["record"] for t in json.loads(FOLDER.joinpath("vectors.json").read_text("utf-8"))["round_trips"]}


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.item)
def test_item_has_its_name_in_both_official_languages(item: ApplicationItem) -> None:
    """Each item is written with its Portuguese and its Chinese name, and the record still names it."""
    form = ItemForm(MANIFEST)
    written = item_from_canonical(form, item)
    assert written["designacao"] == item.name.pt
    assert written["designacaoChinesa"] == item.name.zh_hant
    assert form.read(written) == item.item
    assert {k: v for k, v in written.items() if k != "designacaoChinesa"} == form.write(item)


def test_resident_identity_card_of_the_old_spelling_is_written_in_the_new_one() -> None:
    """`1/234567/8` is read and becomes `1234567(8)`."""
    form = IdentityForm(MANIFEST)
    bir = RECORDS["active"]["bir"]
    old = {**RECORDS["active"], "bir": f"{bir[0]}/{bir[1:7]}/{bir[8]}"}
    assert form.write(form.read(old)).fields == RECORDS["active"]
