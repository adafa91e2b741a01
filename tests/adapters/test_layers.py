"""Layers: a lower one extends, may narrow what is only allowed, and may not drop what is demanded above."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from adapters.card_rules import CardRules, ListRule, MediaRule, RuleText
from adapters.layers import check_layers, effective_items
from adapters.registry import load_registry
from adapters.words import ApplicationClass, Layer, LegalStatus, Medium, Requirement, VenueSet
from tests.adapters.document_examples import BEGUN, around, city, demanded, joint, listed, province
from tests.adapters.item_examples import TODAY, draft

if TYPE_CHECKING:
    from adapters.canonical import ApplicationItem
    from adapters.catalog_document import CatalogDocument

REGISTRY = load_registry()
BOTH = "TRA.BUS:broader;TRA.METRO:broader"
ABOVE = province(
    demanded("AA-01", BOTH),
    listed("AA-02", "CUL.MUSEUM:exact"),
    demanded("AA-03", "CUL.SPORT:broader", residue="其他"),
)


def faults(document: CatalogDocument, *others: CatalogDocument, **rules: CardRules) -> list[tuple[int, str, str]]:
    """Check a document beside others."""
    return [(f.row, f.column, f.rule) for f in check_layers(document, around(document, *others, **rules))]


def below(*items: ApplicationItem, **changes: Any) -> list[tuple[int, str, str]]:  # noqa: ANN401 - any key of a head
    """Check a city's list below the province."""
    return faults(city(*items, **changes), ABOVE)


def test_every_catalog_that_is_shipped_keeps_the_rules() -> None:
    """Regions, cities and joint lists."""
    for document in REGISTRY.documents.values():
        assert check_layers(document, REGISTRY.surroundings) == []


def test_a_lower_layer_extends() -> None:
    """By items of its own, and by one in the place of an item above that covers more."""
    wider = demanded("BB-02", BOTH + ";TRA.FERRY:broader", overrides="AA-01")
    assert below(listed("BB-01", "EDU.CAMPUS:exact"), wider) == []


def test_what_is_only_allowed_may_be_narrowed_or_dropped() -> None:
    """AA-02 is not demanded."""
    assert below(listed("BB-01", "CUL.MUSEUM:narrower", overrides="AA-02", media=(Medium.PHYSICAL,))) == []
    assert below(listed("BB-01", "EDU.CAMPUS:exact"), drops=["AA-02"]) == []


@pytest.mark.parametrize(
    ("changes", "column", "rule"),
    [
        ({"relations": "TRA.BUS:exact"}, "relations", "narrows_what_is_required"),
        ({"relations": "TRA.BUS:broader;TRA.METRO:overlapping"}, "relations", "narrows_what_is_required"),
        ({"classes": (ApplicationClass.IDENTITY,)}, "classes", "narrows_what_is_required"),
        ({"media": (Medium.PHYSICAL,)}, "media", "narrows_what_is_required"),
        ({"effective_to": date(2030, 1, 1)}, "effective_to", "required_above"),
        ({"relations": "CUL.MUSEUM:exact"}, "overrides", "nothing_in_common"),
        ({"overrides": "ZZ-99"}, "overrides", "unknown_item"),
    ],
)
def test_what_is_demanded_above_may_not_be_narrowed(changes: dict[str, Any], column: str, rule: str) -> None:
    """Neither in scope, nor in class, form of the card or days."""
    relations = changes.pop("relations", BOTH)
    assert (2, column, rule) in below(demanded("BB-01", relations, **{"overrides": "AA-01", **changes}))


def test_what_is_demanded_above_stays_demanded_and_in_force() -> None:
    """It becomes neither an offer nor a draft."""
    loosened = listed("BB-01", BOTH, overrides="AA-01")
    assert below(loosened) == [(2, "requirement", "required_above")]
    assert (2, "legal_status", "required_above") in below(draft(demanded("BB-01", BOTH, overrides="AA-01")))


def test_several_items_together_may_stand_in_the_place_of_one() -> None:
    """A split covers all of it; each half alone does not."""
    bus = demanded("BB-01", "TRA.BUS:exact", overrides="AA-01")
    metro = demanded("BB-02", "TRA.METRO:exact", overrides="AA-01")
    assert below(bus, metro) == []
    assert below(bus) == [(2, "relations", "narrows_what_is_required")]
    electronic = replace(metro, media=(Medium.ELECTRONIC,))
    assert below(bus, electronic) == [(2, "media", "narrows_what_is_required")]


def test_each_class_is_kept_in_each_form() -> None:
    """One item for the one class and form and another for the others leave two of the four uses out."""
    identity = demanded(
        "BB-01", BOTH, overrides="AA-01", classes=(ApplicationClass.IDENTITY,), media=(Medium.PHYSICAL,)
    )
    payment = replace(identity, item="BB-02", classes=(ApplicationClass.PAYMENT,), media=(Medium.ELECTRONIC,))
    assert below(identity, payment) == [(2, "media", "narrows_what_is_required")]
    both = replace(payment, classes=identity.classes + payment.classes, media=tuple(Medium))
    assert below(identity, both) == []


@pytest.mark.parametrize(
    ("above", "kept", "narrowed"),
    [
        (VenueSet.ALL, {VenueSet.ALL}, {VenueSet.LISTED, VenueSet.SOME, VenueSet.PUBLIC, VenueSet.NEW}),
        (VenueSet.LISTED, {VenueSet.ALL, VenueSet.LISTED}, {VenueSet.SOME, VenueSet.UNSTATED}),
        (VenueSet.SOME, set(VenueSet) - {VenueSet.UNSTATED}, {VenueSet.UNSTATED}),
        (VenueSet.UNSTATED, set(VenueSet), set()),
    ],
)
def test_what_is_demanded_at_venues_stays_at_as_many(
    above: VenueSet, kept: set[VenueSet], narrowed: set[VenueSet]
) -> None:
    """All of a kind are neither a list nor some of them, and a list is not some of it; an offer may be narrowed."""
    for requirement in (Requirement.REQUIRED, Requirement.OPTIONAL):
        here = province(replace(demanded("AA-01", BOTH, venue_set=above), requirement=requirement))
        for lower in kept | narrowed:
            told = faults(city(demanded("BB-01", BOTH, overrides="AA-01", venue_set=lower)), here)
            wrong = lower in narrowed and requirement is Requirement.REQUIRED
            assert told == ([(2, "venue_set", "narrows_what_is_required")] if wrong else [])


def test_a_residue_is_kept_too() -> None:
    """What a demanded item has outside every type is named by the item in its place."""
    assert below(demanded("BB-01", "CUL.SPORT:exact", overrides="AA-03")) == [
        (2, "relations", "narrows_what_is_required")
    ]
    assert below(demanded("BB-01", "CUL.SPORT:broader", residue="其他", overrides="AA-03")) == []


def test_what_is_demanded_above_may_not_be_dropped() -> None:
    """And what is not there cannot be."""
    assert below(drops=["AA-01"]) == [(0, "drops", "required_above")]
    assert below(drops=["ZZ-01"]) == [(0, "drops", "unknown_item")]


@pytest.mark.parametrize(
    ("changes", "key", "rule"),
    [
        ({"regions": ["atlantis"]}, "regions", "unknown_region"),
        ({"division": "500100"}, "division", "below_the_region"),
        ({"division": "510000"}, "division", "below_the_region"),
        ({"extends": "nothing"}, "extends", "unknown_catalog"),
        ({"layer": "province", "division": "", "catalog": "here-two"}, "extends", "higher_layer"),
    ],
)
def test_a_document_knows_its_place(changes: dict[str, Any], key: str, rule: str) -> None:
    """Regions, division and the catalog it stands on."""
    assert (0, key, rule) in below(**changes)


def test_nothing_in_force_stands_on_a_draft() -> None:
    """Guangxi's cities wait for the region's regulation."""
    above = province(draft(listed("AA-01", "TRA.BUS:exact")), legal_status="draft", effective_from=None)
    item = listed("BB-01", "CUL.SPORT:exact")
    assert faults(city(item), above) == [(0, "legal_status", "stands_on_a_draft")]
    assert faults(city(draft(item), legal_status="draft", effective_from=None), above) == []


def test_a_region_says_which_layers_it_has() -> None:
    """Chongqing Art. 14 knows one list; Guangdong Art. 6 lets cities keep theirs."""
    text = RuleText(source="s", status=LegalStatus.IN_FORCE, in_force_from=BEGUN)
    one = CardRules(region="here", text=text, list=ListRule(article="a", layers=(Layer.PROVINCE,)))
    two = CardRules(region="here", text=text, list=ListRule(article="a", layers=(Layer.PROVINCE, Layer.CITY)))
    document = city(listed("BB-01", "EDU.CAMPUS:exact"))
    assert faults(document, ABOVE, here=one) == [(0, "layer", "not_allowed_by_the_region")]
    assert faults(document, ABOVE, here=two) == []


def test_both_forms_count_where_the_text_gives_them_the_same_effect() -> None:
    """An item of one form is a fault there, from the day the text binds."""
    text = RuleText(source="s", status=LegalStatus.IN_FORCE, in_force_from=BEGUN)
    rules = CardRules(region="here", text=text, media=MediaRule(article="a", equal_effect=True))
    one = listed("AA-01", "TRA.BUS:exact", media=(Medium.PHYSICAL,))
    assert faults(province(one), here=rules) == [(2, "media", "both_forms_have_equal_effect")]
    assert faults(province(one)) == []


def test_an_identifier_is_used_once() -> None:
    """Neither above nor by another list of the region."""
    assert below(listed("AA-02", "EDU.CAMPUS:exact")) == [(2, "item_id", "used_by_another_catalog")]
    other = city(listed("BB-01", "EDU.FEE:exact"), catalog="here-other", division="510300")
    assert faults(city(listed("BB-01", "EDU.CAMPUS:exact")), ABOVE, other) == [
        (2, "item_id", "used_by_another_catalog")
    ]


def test_items_keep_within_the_days_of_their_catalog() -> None:
    """They begin no earlier than the first version, and end no later than a version that ends."""
    early = listed("AA-01", "TRA.BUS:exact", effective_from=date(2024, 1, 1))
    assert faults(province(early)) == [(2, "effective_from", "before_its_catalog")]
    open_end = listed("AA-01", "TRA.BUS:exact")
    ending = date(2026, 12, 31)
    assert faults(province(open_end, effective_to=ending)) == [(2, "effective_to", "after_its_catalog")]
    assert faults(province(replace(open_end, effective_to=ending), effective_to=ending)) == []


def test_all_faults_are_told_at_once() -> None:
    """Head first, then row by row."""
    found = below(
        listed("BB-01", "TRA.BUS:exact", overrides="AA-01"),
        listed("AA-02", "EDU.CAMPUS:exact"),
        drops=["AA-03"],
        division="500100",
    )
    assert [row for row, _, _ in found] == sorted(row for row, _, _ in found)
    assert {(column, rule) for _, column, rule in found} >= {
        ("division", "below_the_region"),
        ("drops", "required_above"),
        ("item_id", "used_by_another_catalog"),
        ("relations", "narrows_what_is_required"),
        ("requirement", "required_above"),
    }


def test_a_circle_ends() -> None:
    """Two catalogs that stand on each other are faults of layer, and nothing loops."""
    one, two = city(catalog="a-one", extends="a-two"), city(catalog="a-two", extends="a-one")
    assert (0, "extends", "higher_layer") in faults(one, two)


def test_layers_are_put_one_on_the_other() -> None:
    """A city's item takes the place of the province's, a dropped one is gone, everything else is inherited."""
    lower = city(
        demanded("BB-01", BOTH + ";TRA.FERRY:broader", overrides="AA-01"),
        draft(listed("BB-02", "EDU.FEE:exact")),
        drops=["AA-02"],
    )
    found = {e.item.item: e for e in effective_items((ABOVE, lower), on=TODAY)}
    assert {name: (e.catalog, e.in_place_of) for name, e in found.items()} == {
        "AA-03": ("here", ()),
        "BB-01": ("here-city", ("AA-01",)),
    }
    deeper = replace(lower.items.get("BB-01"), item="CC-01", overrides="BB-01")
    third = city(deeper, catalog="here-more", layer="city", extends="here-city")
    chain = {e.item.item: e.in_place_of for e in effective_items((ABOVE, lower, third), on=TODAY)}
    assert chain["CC-01"] == ("AA-01", "BB-01")


def test_a_layer_counts_from_its_first_day_on() -> None:
    """Before it, what is above applies; a draft never changes anything."""
    later = city(demanded("BB-01", BOTH, overrides="AA-01"), effective_from=date(2026, 7, 1))
    before, after = (
        {e.item.item for e in effective_items((ABOVE, later), on=day)} for day in (date(2026, 6, 30), date(2026, 7, 1))
    )
    assert (before & {"AA-01", "BB-01"}, after & {"AA-01", "BB-01"}) == ({"AA-01"}, {"BB-01"})
    drafted = city(draft(listed("BB-01", BOTH, overrides="AA-01")), legal_status="draft", effective_from=None)
    assert "AA-01" in [e.item.item for e in effective_items((ABOVE, drafted), on=TODAY)]


def test_shenzhen_inherits_guangdongs_list() -> None:
    """The province's items less the two that the city's stand in the place of, and one more of its own."""
    documents = REGISTRY.documents
    stack = [documents[name] for name in ("national", "guangdong", "guangdong-shenzhen")]
    found = {e.item.item: e for e in effective_items(stack, on=date(2026, 1, 1))}
    assert "GD-08" not in found
    assert found["SZ-02"].in_place_of == ("GD-08",)
    assert {"CN-01", "GD-09", "SZ-01", "SZ-03"} <= set(found)


def test_joint_catalogs_stand_beside() -> None:
    """They extend nothing, and their items may be those of no party's list."""
    assert faults(joint(listed("JJ-01", "TRA.BUS:exact"))) == []
