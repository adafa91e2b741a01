"""What a layer demands stands, even where a lower one was published before: no list takes away of what is above it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from adapters.layer_demands import demands, flaws
from adapters.layers import effective_items, put_out_of_order
from adapters.registry import load_registry
from adapters.words import ApplicationClass, LegalStatus, Medium, Requirement, VenueSet
from tests.adapters.document_examples import around, city, demanded, listed, province
from tests.adapters.item_examples import TODAY, draft

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adapters.canonical import ApplicationItem
    from adapters.catalog_document import CatalogDocument

REGISTRY = load_registry()
BOTH = "TRA.BUS:broader;TRA.METRO:broader"
SCOPES = ("TRA.BUS:exact", "TRA.METRO:exact", "TRA.BUS:narrower", BOTH, BOTH + ";TRA.FERRY:broader")
OFFERED = province(listed("AA-01", BOTH), listed("AA-02", "CUL.MUSEUM:exact"))
REQUIRED = province(demanded("AA-01", BOTH), demanded("AA-02", "CUL.MUSEUM:exact"), sequence=2, previous="A" * 43)
LOWER = city(listed("BB-01", "TRA.BUS:exact", overrides="AA-01"), listed("BB-02", "EDU.CAMPUS:exact"), drops=["AA-02"])


def told(*stack: CatalogDocument) -> dict[str, tuple[str, ...]]:
    """Give what applies today, by identifier, with what it stands in the place of."""
    return {one.item.item: one.in_place_of for one in effective_items(stack, on=TODAY)}


def test_what_becomes_required_stands_whatever_a_lower_list_said_before() -> None:
    """As long as it was only offered, the city could narrow and drop it; from then on both have no effect."""
    assert told(OFFERED, LOWER) == {"BB-01": ("AA-01",), "BB-02": ()}
    assert told(REQUIRED, LOWER) == {"AA-01": (), "AA-02": (), "BB-01": (), "BB-02": ()}


def test_half_of_a_split_that_is_not_in_force_yet_takes_nothing_away() -> None:
    """Until the second half begins, the item above stands beside the first."""
    later = date(2026, 7, 1)
    bus = demanded("BB-01", "TRA.BUS:exact", overrides="AA-01")
    metro = demanded("BB-02", "TRA.METRO:exact", overrides="AA-01", effective_from=later)
    stack = (REQUIRED, city(bus, metro))
    before, after = ({e.item.item for e in effective_items(stack, on=day)} for day in (date(2026, 6, 30), later))
    assert (before, after) == ({"AA-01", "AA-02", "BB-01"}, {"AA-02", "BB-01", "BB-02"})


def test_an_identifier_of_what_is_required_is_taken_by_nothing_below() -> None:
    """A list above may begin to use what one below uses already."""
    above = province(demanded("BB-02", "CUL.MUSEUM:exact"))
    (only,) = effective_items((above, city(listed("BB-02", "EDU.CAMPUS:exact"))), on=TODAY)
    assert only.catalog == "here"


def test_a_new_version_above_tells_which_lists_below_it_puts_out_of_order() -> None:
    """Only those that stand on it, and only for what they keep to today."""
    other = city(listed("CC-01", "EDU.FEE:exact"), catalog="here-other", division="510300")
    documents = {one.head.catalog: one for one in (OFFERED, LOWER, other)}
    known = around(*documents.values())
    assert put_out_of_order(REQUIRED, known, documents.__getitem__) == ("here-city",)
    assert put_out_of_order(OFFERED, known, documents.__getitem__) == ()
    assert put_out_of_order(LOWER, known, documents.__getitem__) == ()
    wrong = {**documents, "here": REQUIRED}
    assert put_out_of_order(REQUIRED, around(*wrong.values()), wrong.__getitem__) == ()


def test_nothing_that_ships_puts_anything_out_of_order() -> None:
    """Each list as it is, published again."""
    for document in REGISTRY.documents.values():
        assert put_out_of_order(document, REGISTRY.surroundings, REGISTRY.documents.__getitem__) == ()


def some(choices: Iterable[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    """Choose one or more of the words of a closed list."""
    return st.lists(st.sampled_from(list(choices)), min_size=1, unique=True).map(tuple)


@st.composite
def items(draw: st.DrawFn, prefix: str, above: tuple[str, ...]) -> tuple[ApplicationItem, ...]:
    """Make up to three items of one layer, in the place of those above or beside them."""
    made = []
    for number in range(draw(st.integers(1, 3))):
        one = listed(f"{prefix}-0{number}", draw(st.sampled_from(SCOPES)))
        changed = replace(
            one,
            overrides=draw(st.sampled_from(("", *above))),
            requirement=draw(st.sampled_from((Requirement.REQUIRED, Requirement.REQUIRED, Requirement.OPTIONAL))),
            classes=draw(some(ApplicationClass)),
            media=draw(some(Medium)),
            venue_set=draw(st.sampled_from(list(VenueSet))),
            effective_to=draw(st.sampled_from((None, None, date(2030, 1, 1)))),
        )
        made.append(draft(changed) if draw(st.integers(0, 9)) == 0 else changed)
    return tuple(made)


@st.composite
def stacks(draw: st.DrawFn) -> tuple[CatalogDocument, ...]:
    """Make three layers, each perhaps wrong by what is above it."""
    names = {prefix: tuple(f"{prefix}-0{n}" for n in range(3)) for prefix in ("AA", "BB")}
    both = names["AA"] + names["BB"]
    return (
        province(*draw(items("AA", ()))),
        city(*draw(items("BB", names["AA"])), drops=draw(st.lists(st.sampled_from(names["AA"]), max_size=2))),
        city(*draw(items("CC", both)), catalog="here-more", drops=draw(st.lists(st.sampled_from(both), max_size=2))),
    )


@given(stacks())
def test_no_layer_takes_away_of_what_one_above_demands(stack: tuple[CatalogDocument, ...]) -> None:
    """Whatever was published when: what is demanded stands, or others that hold all of it stand in its place."""
    found = effective_items(stack, on=TODAY)
    standing = {one.item.item for one in found}
    for document in stack:
        for item in document.items:
            if demands(item) and item.legal_status is LegalStatus.IN_FORCE and item.item not in standing:
                instead = [one.item for one in found if item.item in one.in_place_of]
                assert instead
                assert flaws(item, instead) == []
