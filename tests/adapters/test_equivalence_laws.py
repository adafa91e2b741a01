"""Laws that every equivalence keeps: for scopes of any shape, and for every item of every pair of shipped catalogs."""

from __future__ import annotations

from dataclasses import astuple, replace
from itertools import permutations
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.catalog import Catalog
from adapters.equivalence import CoverageKind, Equivalence, coverage, translate_item
from adapters.explanation import sentence as sentence_of
from adapters.facets import conflict
from adapters.scopes import MIRROR, Scope
from adapters.words import Medium, Relation
from tests.adapters.item_examples import REGIONS, TAXONOMY, TODAY, draft, item, translate

if TYPE_CHECKING:
    from adapters.canonical import ApplicationItem

TYPES = ("TRA.BUS", "TRA.METRO", "TRA.FERRY", "CUL.MUSEUM")

relation_words = st.sampled_from(["exact", "broader", "narrower", "overlapping"])
cells = st.dictionaries(st.sampled_from(TYPES), relation_words, max_size=4).map(
    lambda found: ";".join(f"{code}:{word}" for code, word in found.items())
)
shapes = st.tuples(
    cells, st.sampled_from(["", "其他"]), st.booleans(), st.sets(st.sampled_from(list(Medium)), min_size=1)
)


def made(item_id: str, shape: tuple[str, str, bool, set[Medium]], region: str) -> ApplicationItem:
    """Make an item of a drawn shape."""
    relations, residue, is_draft, media = shape
    plain = replace(
        item(item_id, relations, region=region, residue=residue), media=tuple(m for m in Medium if m in media)
    )
    return draft(plain) if is_draft else plain


def check_laws(answer: Equivalence) -> None:
    """Hold one answer against what every answer must be."""
    mine = Scope.of(answer.source)
    live = {e.item.item: e for e in answer.items if e.in_force}
    usable = {item_id: e for item_id, e in live.items() if e.relation is not Relation.CONFLICTING}
    ranks = [(not e.in_force, list(Relation).index(e.relation)) for e in answer.items]
    assert ranks == sorted(ranks)
    for e in answer.items:
        scope_lost = [facet for facet in e.lost if facet.startswith("item_type:") or facet == "residue"]
        of_scopes = MIRROR[mine.relation_to(Scope.of(e.item))]
        assert bool(scope_lost) == (of_scopes not in {Relation.EXACT, Relation.BROADER})
        assert e.relation is (Relation.CONFLICTING if conflict(answer.source, e.item) else of_scopes)
        assert e.shared_item_types
    single = [e.relation for e in usable.values() if e.relation in {Relation.EXACT, Relation.BROADER}]
    union = Scope(frozenset[str]().union(*(Scope.of(usable[i].item).whole for i in answer.complete_set)))
    if answer.complete_set:
        assert not single
        assert len(answer.complete_set) > 1
        assert mine.within(union)
    if answer.relation in {Relation.EXACT, Relation.BROADER}:
        assert answer.uncovered_item_types == ()
        assert single or answer.complete_set
    else:
        assert not mine.within(Scope(frozenset[str]().union(*(Scope.of(e.item).whole for e in usable.values()))))
    assert (answer.relation is Relation.NONE) == (not live)
    assert (answer.relation is Relation.CONFLICTING) == (bool(live) and not usable)
    assert answer.explanation == sentence_of(answer.clauses)
    for sentence, end in zip(astuple(answer.explanation), "。。..", strict=True):
        assert sentence.endswith(end)
        assert "{" not in sentence
        assert answer.source.item in sentence
        assert all(item_id in sentence for item_id in answer.complete_set)


@given(shapes, st.lists(shapes, max_size=5))
def test_every_answer_keeps_the_laws(
    asked: tuple[str, str, bool, set[Medium]], others: list[tuple[str, str, bool, set[Medium]]]
) -> None:
    """Whatever the scopes, even those that no catalog would accept."""
    targets = [made(f"TT-{n:02}", shape, "there") for n, shape in enumerate(others)]
    answer = translate(made("SR-01", asked, "here"), *targets)
    check_laws(answer)
    home = coverage(answer.source, Catalog("there", tuple(targets)), on=TODAY)
    if all(conflict(answer.source, target) is None for target in targets):
        assert home.missing == answer.uncovered_item_types
        assert (home.kind is CoverageKind.FULL) == (answer.relation in {Relation.EXACT, Relation.BROADER})


@pytest.mark.parametrize(("here", "there"), list(permutations(REGIONS, 2)))
def test_reverse_questions_mirror_for_all_shipped_items(here: str, there: str) -> None:
    """For every item of every ordered pair of regions, facets included."""
    back: dict[tuple[str, str], tuple[Relation, list[str]]] = {}
    for asked in REGIONS[there]:
        for e in translate_item(asked, REGIONS[here], TAXONOMY, on=TODAY).items:
            lost = [facet for facet in e.lost if facet not in {"legal_status:draft", "not_in_force"}]
            back[e.item.item, asked.item] = (e.relation, lost)
    for asked in REGIONS[here]:
        answer = translate_item(asked, REGIONS[there], TAXONOMY, on=TODAY)
        check_laws(answer)
        for e in answer.items:
            relation, lost = back.pop((asked.item, e.item.item))
            assert relation is MIRROR[e.relation]
            assert tuple(lost) == e.beyond
    assert back == {}
