"""Why one item stands to another: facets, conflicts, clauses, and the mirror of the reverse question."""

from __future__ import annotations

import re
from dataclasses import astuple, replace
from datetime import date
from itertools import permutations
from string import Formatter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.canonical import Depth
from adapters.explanation import sentence
from adapters.facets import MIRRORED, Effect, Facet, compare, conflict, relation
from adapters.pair_explanation import FILE, explain_pair
from adapters.phrases import HEADER, item_name, load_phrases
from adapters.scopes import MIRROR, Scope, smallest_cover, smallest_covers
from adapters.words import ApplicationClass, Medium, Relation, VenueSet
from tests.adapters.item_examples import REGIONS, TAXONOMY, TODAY, draft, item

if TYPE_CHECKING:
    from adapters.canonical import ApplicationItem

IDENTITY, DISBURSEMENT, PAYMENT = ApplicationClass
ASKED = item("SR-01", "TRA.BUS:exact", region="here")
OFFERED = item("TT-01", "TRA.BUS:exact")
VENUES = {Effect.LESS: "venue_set_less", Effect.MORE: "venue_set_more", Effect.DIFFERENT: "venue_set"}


def effects(asked: ApplicationItem, offered: ApplicationItem, on: date = TODAY) -> dict[Facet, Effect]:
    """Give the effect of each facet."""
    return {d.facet: d.effect for d in compare(asked, offered, on=on)}


def leveled(of: ApplicationItem, **levels: int) -> ApplicationItem:
    """Plan levels of depth for 2026, by class."""
    printed = ("", "一级", "二级", "三级")
    depths = tuple(Depth(2026, ApplicationClass(c), printed[level], level) for c, level in levels.items())
    return replace(of, depths=depths)


@pytest.mark.parametrize(
    ("changes", "facet", "effect"),
    [
        ({}, Facet.SCOPE, Effect.SAME),
        ({"classes": (IDENTITY,)}, Facet.CLASS, Effect.LESS),
        ({"classes": tuple(ApplicationClass)}, Facet.CLASS, Effect.MORE),
        ({"classes": (IDENTITY, DISBURSEMENT)}, Facet.CLASS, Effect.DIFFERENT),
        ({"classes": (DISBURSEMENT,)}, Facet.CLASS, Effect.CONFLICT),
        ({"media": (Medium.PHYSICAL,)}, Facet.MEDIUM, Effect.LESS),
        ({"one_time": True}, Facet.ASSURANCE, Effect.MORE),
        ({"sensitive": True}, Facet.ASSURANCE, Effect.MORE),
        ({"effective_to": date(2026, 12, 31)}, Facet.DATES, Effect.LESS),
        ({"effective_from": date(2024, 1, 1)}, Facet.DATES, Effect.MORE),
        ({"effective_from": date(2024, 1, 1), "effective_to": date(2026, 1, 1)}, Facet.DATES, Effect.DIFFERENT),
        ({"effective_from": date(2020, 1, 1), "effective_to": date(2024, 12, 31)}, Facet.DATES, Effect.CONFLICT),
        ({"venue_set": VenueSet.SOME}, Facet.VENUE_SET, Effect.UNTOLD),
    ],
)
def test_each_facet_has_its_own_rule(changes: dict[str, Any], facet: Facet, effect: Effect) -> None:
    """And its mirror in the other direction; all other facets stay the same or untold."""
    offered = replace(OFFERED, **changes)
    assert effects(ASKED, offered)[facet] is effect
    assert effects(offered, ASKED)[facet] is MIRRORED.get(effect, effect)
    rest = {f: e for f, e in effects(ASKED, offered).items() if f is not facet}
    assert set(rest.values()) <= {Effect.SAME, Effect.UNTOLD}


@pytest.mark.parametrize(
    ("asked", "offered", "effect"),
    [
        (VenueSet.ALL, VenueSet.SOME, Effect.LESS),
        (VenueSet.SOME, VenueSet.ALL, Effect.MORE),
        (VenueSet.ALL, VenueSet.ALL, Effect.SAME),
        (VenueSet.PUBLIC, VenueSet.PUBLIC, Effect.SAME),
        (VenueSet.SOME, VenueSet.SOME, Effect.UNTOLD),
        (VenueSet.LISTED, VenueSet.LISTED, Effect.UNTOLD),
        (VenueSet.PUBLIC, VenueSet.LISTED, Effect.DIFFERENT),
        (VenueSet.UNSTATED, VenueSet.ALL, Effect.UNTOLD),
    ],
)
def test_sets_of_venues_are_compared_as_far_as_their_words_go(
    asked: VenueSet, offered: VenueSet, effect: Effect
) -> None:
    """Two lists need not be the same list."""
    one, other = replace(ASKED, venue_set=asked), replace(OFFERED, venue_set=offered)
    assert effects(one, other)[Facet.VENUE_SET] is effect


@pytest.mark.parametrize(
    ("asked", "offered", "effect"),
    [
        ({}, {"identity": 1}, Effect.UNTOLD),
        ({"identity": 2}, {"identity": 1}, Effect.LESS),
        ({"identity": 2}, {"identity": 3, "payment": 1}, Effect.MORE),
        ({"identity": 2, "payment": 1}, {"identity": 1, "payment": 2}, Effect.DIFFERENT),
        ({"identity": 2}, {"identity": 2}, Effect.SAME),
        ({"identity": 2}, {"payment": 2}, Effect.UNTOLD),
    ],
)
def test_depth_is_compared_class_by_class_where_both_plan_one(
    asked: dict[str, int], offered: dict[str, int], effect: Effect
) -> None:
    """For the year of the day asked about, and for no other."""
    one, other = leveled(ASKED, **asked), leveled(OFFERED, **offered)
    assert effects(one, other)[Facet.DEPTH] is effect
    assert effects(one, other, date(2025, 6, 1))[Facet.DEPTH] is Effect.UNTOLD
    explained = explain_pair(one, other, TAXONOMY, on=TODAY)
    assert (Facet.DEPTH in {c.facet for c in explained.clauses}) is (effect not in {Effect.SAME, Effect.UNTOLD})


@pytest.mark.parametrize(
    ("changes", "facet"),
    [
        ({"classes": (DISBURSEMENT,)}, Facet.CLASS),
        ({"media": (Medium.ELECTRONIC,)}, Facet.MEDIUM),
        ({"effective_from": date(2030, 1, 1)}, Facet.DATES),
    ],
)
def test_items_that_allow_no_common_use_conflict(changes: dict[str, Any], facet: Facet) -> None:
    """Though their scopes are the same; the reverse question has the same verdict, and the sentence says why."""
    asked = replace(ASKED, media=(Medium.PHYSICAL,), effective_to=date(2029, 12, 31))
    offered = replace(OFFERED, **changes)
    assert relation(asked, offered) is relation(offered, asked) is Relation.CONFLICTING
    assert conflict(asked, offered) is facet
    explained = explain_pair(asked, offered, TAXONOMY, on=TODAY)
    assert explained.relation is Relation.CONFLICTING
    assert facet in {clause.facet for clause in explained.clauses}
    assert "no use is allowed by both" in explained.sentence.en


def test_without_a_common_scope_there_is_no_conflict_either() -> None:
    """What cannot be proved is NONE, whatever else differs."""
    offered = replace(item("TT-01", "TRA.METRO:exact"), classes=(DISBURSEMENT,))
    explained = explain_pair(ASKED, offered, TAXONOMY, on=TODAY)
    assert explained.relation is Relation.NONE
    assert [d.facet for d in explained.differences] == [Facet.SCOPE]
    assert [clause.facet for clause in explained.clauses] == [Facet.SCOPE]


def test_every_difference_is_said_in_a_clause_of_its_facet() -> None:
    """And nothing is said of what is the same or untold; the clauses are the sentence."""
    offered = replace(
        leveled(OFFERED, identity=1),
        classes=(IDENTITY, DISBURSEMENT),
        media=(Medium.ELECTRONIC,),
        one_time=True,
        effective_from=date(2025, 6, 1),
        effective_to=date(2025, 12, 31),
        venue_set=VenueSet.SOME,
    )
    asked = replace(leveled(ASKED, identity=3), venue_set=VenueSet.ALL, sensitive=True)
    explained = explain_pair(asked, offered, TAXONOMY, on=TODAY)
    told = {clause.facet for clause in explained.clauses}
    differing = {d.facet for d in explained.differences if d.effect not in {Effect.SAME, Effect.UNTOLD}}
    assert told == differing | {Facet.SCOPE}
    assert explained.sentence == sentence(explained.clauses)
    assert "; not in force on the day asked about" in explained.sentence.en
    for text in astuple(explained.sentence):
        assert "{" not in text
    parts = ("2025-06-01", "2025-12-31", "SR-01", "TT-01")
    assert all(part in text for part in parts for text in astuple(explained.sentence))


def test_a_draft_is_said_of_the_side_that_is_one() -> None:
    """And of none where both are; its missing days are no difference by themselves."""
    one = explain_pair(ASKED, draft(OFFERED), TAXONOMY, on=TODAY)
    other = explain_pair(draft(ASKED), OFFERED, TAXONOMY, on=TODAY)
    both = explain_pair(draft(ASKED), draft(OFFERED), TAXONOMY, on=TODAY)
    assert "is a draft that authorizes nothing" in one.sentence.en
    assert "the item asked about is a draft" in other.sentence.en
    assert {clause.facet for clause in both.clauses} == {Facet.SCOPE}


@pytest.mark.parametrize(("here", "there"), list(permutations(REGIONS, 2)))
def test_the_reverse_question_mirrors_every_facet_for_all_shipped_items(here: str, there: str) -> None:
    """All pairs of items of all 72 ordered pairs of regions: verdict and every difference."""
    for asked in REGIONS[here]:
        for offered in REGIONS[there]:
            verdict = relation(asked, offered)
            assert relation(offered, asked) is MIRROR[verdict]
            forth, back = compare(asked, offered, on=TODAY), compare(offered, asked, on=TODAY)
            for one, other in zip(forth, back, strict=True):
                assert one.facet is other.facet
                assert (one.asked, one.offered) == (other.offered, other.asked)
                assert other.effect is MIRRORED.get(one.effect, one.effect)
            if verdict is not Relation.NONE:
                explained = explain_pair(asked, offered, TAXONOMY, on=TODAY)
                assert explained.sentence == sentence(explained.clauses)
                assert {clause.facet for clause in explained.clauses} <= {d.facet for d in explained.differences}


def test_every_phrase_says_the_same_in_every_language() -> None:
    """The same gaps in all four."""
    phrases = load_phrases(FILE)
    for word in VenueSet:
        assert f"venue_set_{word}" in phrases
    for key in phrases._table:
        gaps = [sorted(name for _, name, _, _ in Formatter().parse(text) if name) for text in phrases[key]]
        assert len(gaps) == len(HEADER) - 1
        assert all(one == gaps[0] for one in gaps)


def test_the_cultural_item_of_guizhou_needs_two_of_chongqing() -> None:
    """GZ-04, library and museum, is covered by CQ-30 and CQ-31 together, and by no other pair."""
    source = Scope.of(REGIONS["guizhou"].get("GZ-04"))
    items = list(REGIONS["chongqing"])
    covers = smallest_covers(source.touched, [Scope.of(one).whole for one in items])
    assert [tuple(items[n].item for n in cover) for cover in covers] == [("CQ-30", "CQ-31")]


@given(st.lists(st.frozensets(st.sampled_from("abcd"), max_size=3), max_size=7))
def test_the_smallest_covers_are_all_of_one_size_and_include_the_best(offers: list[frozenset[str]]) -> None:
    """Each covers everything, no two are the same, and none is larger than it need be."""
    wanted = frozenset("abcd")
    covers = smallest_covers(wanted, offers, most=100)
    best = smallest_cover(wanted, [(types, False) for types in offers])
    assert bool(covers) == bool(best)
    assert len(set(covers)) == len(covers)
    for cover in covers:
        assert wanted <= frozenset[str]().union(*(offers[n] for n in cover))
        assert len(cover) == len(best)


def test_the_clause_on_venues_says_what_the_table_says() -> None:
    """More where the effect is more, less where it is less, and another set only where neither holds the other."""
    begins = {effect: load_phrases(FILE)[key] for effect, key in VENUES.items()}
    seen = set()
    for one, other in permutations([word for word in VenueSet if word], 2):
        pair = explain_pair(replace(ASKED, venue_set=one), replace(OFFERED, venue_set=other), TAXONOMY, on=TODAY)
        (effect,) = (d.effect for d in pair.differences if d.facet is Facet.VENUE_SET)
        (clause,) = (c for c in pair.clauses if c.facet is Facet.VENUE_SET)
        for text, phrase in zip(clause.text.texts, begins[effect], strict=True):
            assert text.startswith(phrase.partition("{")[0])
        seen.add(effect)
    assert seen == set(VENUES)


def test_quotation_marks_inside_others_are_the_inner_ones() -> None:
    """Whatever a name has in marks of its own, in each language, of every item of every region."""
    nested = re.compile("“[^”]*“|「[^」]*「")
    items = [one for catalog in REGIONS.values() for one in catalog]
    assert any(mark in one.name.zh_hans for one in items for mark in "“")
    for one in items:
        for text in item_name(one):
            assert not nested.search(text)
    assert item_name(REGIONS["chongqing"].get("CQ-06"))[:2] == ("CQ-06“区域‘一卡通’”", "CQ-06「區域『一卡通』」")
