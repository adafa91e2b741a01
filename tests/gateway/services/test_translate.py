"""Translation of identities and items: pure, for the caller's own region, and without a guess."""

from __future__ import annotations

from datetime import date

import pytest

from adapters.errors import MalformedFieldError, MalformedNumberError, UnknownItemError, UnknownRegionError
from adapters.words import Relation
from gateway.errors import CallerRegionError, InvalidFieldError
from gateway.services.translate_identity import TranslateIdentity, Translation
from gateway.services.translate_item import TranslateItem
from tests.fakes.clock import FakeClock
from tests.fakes.regions import BOOK, REGISTRY, identity, record

TRANSLATE = TranslateIdentity(REGISTRY)
ITEMS = TranslateItem(registry=REGISTRY, book=BOOK, clock=FakeClock())


def translate(
    *,
    caller: str = "sichuan",
    source: str = "chongqing",
    target: str = "sichuan",
    fields: dict[str, str] | None = None,
    text: str = "",
    include_text: bool = False,
) -> Translation:
    """Translate Chongqing's active card into Sichuan's form, unless told otherwise."""
    if fields is None:
        fields = {} if text else record("chongqing")
    return TRANSLATE(
        caller_region=caller,
        source_region=source,
        fields=fields,
        text=text,
        target_region=target,
        include_text=include_text,
    )


@pytest.mark.parametrize("target", REGISTRY.regions)
@pytest.mark.parametrize("source", REGISTRY.regions)
def test_every_region_is_translated_into_every_other(source: str, target: str) -> None:
    """The neutral form in the middle is the source's, and the text says what the fields say."""
    given = translate(caller=source, source=source, target=target, fields=record(source), include_text=True)
    assert given.canonical == identity(source)
    assert given.regional == REGISTRY.get(target).identity_from_canonical(given.canonical)
    assert REGISTRY.get(target).parse_text(given.text) == given.regional.fields


def test_text_is_read_as_the_fields_it_holds() -> None:
    """Both ways of giving the source lead to the same translation."""
    text = REGISTRY.get("chongqing").write_text(record("chongqing"))
    assert translate(text=text) == translate()
    assert translate().text == ""


@pytest.mark.parametrize("fields", [{}, {"aac003": "测试甲"}])
def test_fields_and_text_are_given_exactly_once(fields: dict[str, str]) -> None:
    """Neither none nor both."""
    with pytest.raises(InvalidFieldError) as caught:
        translate(fields=fields, text="{}" if fields else "")
    assert caught.value.violations == (("source", "fields_or_text"),)


@pytest.mark.parametrize(
    ("text", "rule"), [("{", "syntax"), ('{"a":"1","a":"2"}', "duplicate_name"), ("\ud800", "charset")]
)
def test_text_that_cannot_be_read_is_named_with_its_rule(text: str, rule: str) -> None:
    """The caller learns the field and the rule, and the text is not repeated."""
    with pytest.raises(InvalidFieldError) as caught:
        translate(text=text)
    assert caught.value.violations == (("source.text", rule),)


@pytest.mark.parametrize(
    ("caller", "source", "target", "error"),
    [
        ("guizhou", "chongqing", "sichuan", CallerRegionError),
        ("sichuan", "atlantis", "sichuan", UnknownRegionError),
        ("chongqing", "chongqing", "atlantis", UnknownRegionError),
    ],
)
def test_only_the_two_regions_themselves_may_translate(
    caller: str, source: str, target: str, error: type[Exception]
) -> None:
    """A third region has no business with the identity."""
    with pytest.raises(error):
        translate(caller=caller, source=source, target=target)


@pytest.mark.parametrize(
    ("changes", "error"),
    [({"aac002": "500112190302110118"}, MalformedNumberError), ({"surplus": "x"}, MalformedFieldError)],
)
def test_a_wrong_field_is_the_callers(changes: dict[str, str], error: type[Exception]) -> None:
    """A caller's record is read strictly."""
    with pytest.raises(error):
        translate(fields=record("chongqing", **changes))


def test_an_item_is_translated_with_the_fields_that_the_target_would_write() -> None:
    """CQ-31 is SC-15 precisely."""
    translated = ITEMS(region="chongqing", item="CQ-31", target_region="sichuan")
    assert translated.equivalence.relation is Relation.EXACT
    assert translated.equivalence.items[0].item.item == "SC-15"
    assert translated.regional_fields == REGISTRY.get("sichuan").item_from_canonical(translated.equivalence.source)


def test_an_item_without_counterpart_is_not_guessed() -> None:
    """Guangdong's ferry has none in Chongqing."""
    translated = ITEMS(region="guangdong", item="GD-07", target_region="chongqing")
    assert translated.equivalence.relation is Relation.NONE
    assert translated.equivalence.items == ()


def test_an_item_is_translated_as_of_a_day() -> None:
    """Before the source's law the counterparts are not in force; today is the default."""
    early = ITEMS(region="chongqing", item="CQ-31", target_region="sichuan", on=date(1990, 1, 1))
    assert early.equivalence.relation is Relation.NONE
    today = ITEMS(region="chongqing", item="CQ-31", target_region="sichuan", on=date(2026, 6, 1))
    assert today == ITEMS(region="chongqing", item="CQ-31", target_region="sichuan")


@pytest.mark.parametrize(
    ("region", "item", "target", "error"),
    [
        ("atlantis", "CQ-31", "sichuan", UnknownRegionError),
        ("chongqing", "CQ-31", "atlantis", UnknownRegionError),
        ("chongqing", "CQ-99", "sichuan", UnknownItemError),
    ],
)
def test_unknown_regions_and_items_are_refused(region: str, item: str, target: str, error: type[Exception]) -> None:
    """Both sides must be installed, and the item must exist."""
    with pytest.raises(error):
        ITEMS(region=region, item=item, target_region=target)
