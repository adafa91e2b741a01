"""Hong Kong's own rule: services have names in both official languages. And how its numbers are spelled."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest

from adapters.catalog import load_catalog
from adapters.form import IdentityForm
from adapters.hongkong.translator import item_from_canonical
from adapters.item_form import ItemForm
from adapters.manifest import parse_manifest
from adapters.taxonomy import Taxonomy

if TYPE_CHECKING:
    from adapters.canonical import ApplicationItem

PACKAGE = files("adapters")
FOLDER = PACKAGE.joinpath("hongkong")
MANIFEST = parse_manifest("hongkong", FOLDER.joinpath("manifest.toml").read_text("utf-8"))
TAXONOMY = Taxonomy.from_csv(PACKAGE.joinpath("taxonomy.csv").read_text("utf-8"))
ITEMS = load_catalog("hongkong", FOLDER.joinpath("catalog.csv").read_text("utf-8"), TAXONOMY).items
RECORDS = {t["id"]: t["record"] for t in json.loads(FOLDER.joinpath("vectors.json").read_text("utf-8"))["round_trips"]}


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.item)
def test_item_has_its_name_in_both_official_languages(item: ApplicationItem) -> None:
    """Each item is written with its English and its Chinese name, and the record still names it."""
    form = ItemForm(MANIFEST)
    written = item_from_canonical(form, item)
    assert written["serviceNameEng"] == item.name.en
    assert written["serviceNameChi"] == item.name.zh_hant
    assert form.read(written) == item.item
    assert {k: v for k, v in written.items() if k != "serviceNameChi"} == form.write(item)


def test_identity_card_number_is_read_without_brackets_and_written_with_them() -> None:
    """The check character may stand without brackets; the canonical spelling has them."""
    form = IdentityForm(MANIFEST)
    plain = {**RECORDS["active"], "hkid": RECORDS["active"]["hkid"].replace("(", "").replace(")", "")}
    assert form.write(form.read(plain)).fields == RECORDS["active"]
