"""Resource names: each form is read as it is written, and anything else names its field."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import InvalidFieldError
from gateway.rpc import names
from tests.fakes.regions import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Callable

READERS: list[Callable[[str], object]] = [
    names.read_region,
    names.read_catalog,
    names.read_card_rules,
    names.read_item,
    names.read_parent,
    names.read_one_parent,
]


def test_every_name_that_is_given_out_is_read() -> None:
    """All regions, catalogs and items of the installed data."""
    assert names.read_parent("regions/-") == names.ALL_REGIONS
    for adapter in REGISTRY:
        region = adapter.region
        assert names.read_region(f"regions/{region}") == region
        assert names.read_parent(f"regions/{region}") == region
        assert names.read_catalog(f"regions/{region}/catalog") == region
        for item in adapter.catalog:
            assert names.read_item(f"regions/{region}/items/{item.item}") == (region, item.item)


@pytest.mark.parametrize("reader", READERS)
def test_a_missing_name_is_required(reader: Callable[[str], object]) -> None:
    """The field is named."""
    with pytest.raises(InvalidFieldError) as caught:
        reader("")
    ((field, rule),) = caught.value.violations
    assert field == ("parent" if reader in {names.read_parent, names.read_one_parent} else "name")
    assert rule == "required"


@pytest.mark.parametrize("reader", READERS)
@given(st.text(max_size=40).filter(lambda text: not text.startswith("regions/")))
def test_anything_else_is_refused_without_being_repeated(reader: Callable[[str], object], text: str) -> None:
    """The rule is the form, never what was sent."""
    with pytest.raises(InvalidFieldError) as caught:
        reader(text)
    rule = caught.value.violations[0][1]
    assert rule == "required" or rule.startswith("regions/{region}")


@pytest.mark.parametrize(
    "name",
    [
        "regions/",
        "regions/Chongqing",
        "regions/chongqing\n",
        "regions/chongqing/",
        "regions/../chongqing",
        "regions/chongqing/catalog/x",
        "regions/chongqing/items/",
        "regions/chongqing/items/CQ-30\n",
        "regions/chongqing/items/../CQ-30",
        "regions/chongqing/items/" + "x" * 65,
        "regions/" + "x" * 33,
    ],
)
def test_near_misses_are_refused_by_every_reader(name: str) -> None:
    """No reader lets a line end, an empty part or a longer path pass."""
    for reader in READERS:
        with pytest.raises(InvalidFieldError):
            reader(name)


def test_only_a_parent_may_be_all_regions() -> None:
    """A dash names no single region."""
    for reader in READERS:
        if reader is not names.read_parent:
            with pytest.raises(InvalidFieldError):
                reader("regions/-")
