"""Forms of application items: an item by a region's field names, and back to its identifier."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.errors import MalformedFieldError
from adapters.item_form import ItemForm
from adapters.words import ApplicationClass, Medium
from tests.adapters.invented_region import manifest
from tests.adapters.region_cases import REGISTRY

FORM = ItemForm(manifest())
ITEM = replace(
    REGISTRY.get("chongqing").catalog.items[0],
    classes=(ApplicationClass.IDENTITY, ApplicationClass.PAYMENT),
    media=(Medium.ELECTRONIC,),
    unit="某局",
)


def test_item_is_written_by_the_regions_names_and_words() -> None:
    """Codes become the region's words, joined by its separator, the name is in its language."""
    assert FORM.write(ITEM) == {
        "id": ITEM.item,
        "title": ITEM.name.en,
        "uses": "id+in",
        "forms": "app",
        "by": "某局",
    }


@pytest.mark.parametrize("language", ["zh_hans", "zh_hant", "pt"])
def test_name_is_in_the_language_of_the_region(language: str) -> None:
    """Each of the four languages can be the region's."""
    form = ItemForm(manifest({"item.language": language}))
    assert form.write(ITEM)["title"] == getattr(ITEM.name, language)


def test_empty_attribute_is_left_out() -> None:
    """A field without a text is absent."""
    assert "by" not in FORM.write(replace(ITEM, unit=""))


def test_first_word_is_written_where_two_mean_the_same() -> None:
    """Of two words for one class the first is written."""
    form = ItemForm(manifest({"tables.application_class.ident": "identity", "item.separator": "/"}))
    assert form.write(ITEM)["uses"] == "id/in"


def test_item_is_found_by_its_identifier() -> None:
    """Reading looks at the identifier, blanks around it aside."""
    assert FORM.read(FORM.write(ITEM)) == ITEM.item
    assert FORM.read({"id": " CQ-30 "}) == "CQ-30"


@pytest.mark.parametrize("record", [{}, {"id": ""}, {"id": "  "}, {"title": "图书馆"}])
def test_record_without_identifier_is_refused(record: dict[str, str]) -> None:
    """A record that names no item is refused; a name is never searched for a near guess."""
    with pytest.raises(MalformedFieldError) as refused:
        FORM.read(record)
    assert refused.value.metadata == {"field": "fields[id]", "rule": "item_identifier", "region": "invented"}
