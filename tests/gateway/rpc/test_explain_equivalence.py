"""ExplainEquivalence: facets, clauses in four languages, minimal sets, and the verdict of the reverse question."""

from __future__ import annotations

from typing import Any

import pytest

from onecard.gateway.v1 import catalog_pb2, equivalence_pb2
from onecard.gateway.v1 import catalog_service_pb2 as pb
from onecard.gateway.v1.catalog_service_pb2_grpc import CatalogServiceStub
from tests.fakes.callers import PLATFORM, bearer
from tests.fakes.node import FakeNode, channel_to
from tests.gateway.rpc.told import refused


async def explain(**asked: str) -> equivalence_pb2.EquivalenceExplanation:
    """Ask, and give the explanation."""
    node = FakeNode()
    async with channel_to(node.server()) as channel:
        stub = CatalogServiceStub(channel)
        answer = await stub.ExplainEquivalence(
            pb.ExplainEquivalenceRequest(**asked), metadata=bearer(PLATFORM, node.clock)
        )
    return answer.explanation


def joined(clauses: Any, language: str, end: str) -> str:  # noqa: ANN401 - a repeated field
    """Put the clauses of one language together."""
    return "".join(getattr(clause.text, language) for clause in clauses) + end


async def test_guizhous_cultural_item_needs_two_items_of_chongqing() -> None:
    """For GZ-04 you need {CQ-30, CQ-31}; each pair says what it gives."""
    told = await explain(name="regions/guizhou/items/GZ-04", target_region="chongqing")
    assert told.relation == catalog_pb2.RELATION_EXACT
    assert [list(one.items) for one in told.minimal_sets] == [
        ["regions/chongqing/items/CQ-30", "regions/chongqing/items/CQ-31"]
    ]
    assert {pair.item.item: pair.relation for pair in told.pairs} == {
        "CQ-30": catalog_pb2.RELATION_NARROWER,
        "CQ-31": catalog_pb2.RELATION_NARROWER,
    }
    assert {pair.reverse_relation for pair in told.pairs} == {catalog_pb2.RELATION_BROADER}


async def test_each_clause_is_traceable_to_a_facet_in_four_languages() -> None:
    """The clauses are the sentence; each difference of effect has its clause."""
    told = await explain(name="regions/chongqing/items/CQ-29", target_item="regions/hongkong/items/HK-05")
    (pair,) = told.pairs
    for language, end in (("zh_hans", "。"), ("zh_hant", "。"), ("en", "."), ("pt", ".")):
        assert joined(pair.clauses, language, end) == getattr(pair.sentence, language)
        assert joined(told.clauses, language, end) == getattr(told.sentence, language)
    by_facet = {one.facet: one for one in pair.differences}
    assert set(by_facet) == set(equivalence_pb2.Facet.values()) - {0}
    quiet = {equivalence_pb2.FACET_EFFECT_SAME, equivalence_pb2.FACET_EFFECT_UNTOLD}
    loud = {facet for facet, one in by_facet.items() if one.effect not in quiet}
    assert {clause.facet for clause in pair.clauses} == loud
    classes = by_facet[equivalence_pb2.FACET_CLASS]
    assert (list(classes.source_values), list(classes.target_values)) == (["identity", "payment"], ["identity"])
    assert classes.effect == equivalence_pb2.FACET_EFFECT_LESS


async def test_the_reverse_question_is_answered_by_the_mirror() -> None:
    """Asked both ways through the wire."""
    forth = await explain(name="regions/chongqing/items/CQ-31", target_item="regions/sichuan/items/SC-16")
    back = await explain(name="regions/sichuan/items/SC-16", target_item="regions/chongqing/items/CQ-31")
    assert (forth.pairs[0].relation, forth.pairs[0].reverse_relation) == (
        catalog_pb2.RELATION_BROADER,
        catalog_pb2.RELATION_NARROWER,
    )
    assert back.pairs[0].relation == forth.pairs[0].reverse_relation


async def test_what_is_not_proved_is_none_with_its_reason() -> None:
    """The ferry of Guangdong in Chongqing, and a pair without anything in common."""
    ferry = await explain(name="regions/guangdong/items/GD-07", target_region="chongqing")
    assert (ferry.relation, len(ferry.pairs), len(ferry.minimal_sets)) == (catalog_pb2.RELATION_NONE, 0, 0)
    assert list(ferry.uncovered_item_types) == ["TRA.FERRY"]
    pair = await explain(name="regions/guangdong/items/GD-07", target_item="regions/chongqing/items/CQ-31")
    assert pair.pairs[0].relation == catalog_pb2.RELATION_NONE
    assert [one.facet for one in pair.pairs[0].differences] == [equivalence_pb2.FACET_SCOPE]


async def test_an_explanation_is_of_a_day() -> None:
    """Before Chongqing's plan its items stand last and authorise nothing."""
    told = await explain(name="regions/sichuan/items/SC-15", target_region="chongqing", as_of="2024-09-15")
    assert told.relation == catalog_pb2.RELATION_NONE
    assert not told.pairs[0].item.in_force
    assert "not in force on the day asked about" in told.sentence.en


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"name": "regions/chongqing/items/CQ-31"}, "INVALID_FIELD"),
        ({"name": "x", "target_region": "sichuan"}, "INVALID_FIELD"),
        (
            {
                "name": "regions/chongqing/items/CQ-31",
                "target_region": "macao",
                "target_item": "regions/sichuan/items/SC-15",
            },
            "INVALID_FIELD",
        ),
        ({"name": "regions/chongqing/items/CQ-31", "target_region": "sichuan", "as_of": "x"}, "INVALID_FIELD"),
        ({"name": "regions/chongqing/items/CQ-99", "target_region": "sichuan"}, "UNKNOWN_ITEM"),
        ({"name": "regions/chongqing/items/CQ-31", "target_region": "atlantis"}, "UNKNOWN_REGION"),
        ({"name": "catalogs/atlantis/items/AA-01", "target_region": "sichuan"}, "UNKNOWN_CATALOG"),
        ({"name": "regions/chongqing/items/CQ-31", "target_item": "regions/sichuan/items/SC-99"}, "UNKNOWN_ITEM"),
    ],
)
async def test_what_is_wrong_or_not_there_is_refused(asked: dict[str, str], reason: str) -> None:
    """By the table of errors."""
    node = FakeNode()
    async with channel_to(node.server()) as channel:
        stub = CatalogServiceStub(channel)
        call = stub.ExplainEquivalence(pb.ExplainEquivalenceRequest(**asked), metadata=bearer(PLATFORM, node.clock))
        assert (await refused(call)).reason == reason


async def test_a_translation_names_the_facets_in_which_items_differ() -> None:
    """For every item of Chongqing and every region: those of the explanation, but for what is the same or untold."""
    node = FakeNode()
    quiet = {equivalence_pb2.FACET_EFFECT_SAME, equivalence_pb2.FACET_EFFECT_UNTOLD}
    seen: set[equivalence_pb2.Facet.ValueType] = set()
    async with channel_to(node.server()) as channel:
        stub = CatalogServiceStub(channel)
        proof = bearer(PLATFORM, node.clock)
        for number in range(1, 45):
            for target in ("sichuan", "guangdong", "shiyan"):
                asked = {"name": f"regions/chongqing/items/CQ-{number:02}", "target_region": target}
                answer = await stub.TranslateApplicationItem(
                    pb.TranslateApplicationItemRequest(**asked), metadata=proof
                )
                told = await stub.ExplainEquivalence(pb.ExplainEquivalenceRequest(**asked), metadata=proof)
                wanted = [
                    (pair.item.name, [one for one in pair.differences if one.effect not in quiet])
                    for pair in told.explanation.pairs
                ]
                assert [(one.item, list(one.differences)) for one in answer.differences] == wanted
                seen |= {one.facet for item in answer.differences for one in item.differences}
    assert seen >= {
        equivalence_pb2.FACET_SCOPE,
        equivalence_pb2.FACET_CLASS,
        equivalence_pb2.FACET_DATES,
        equivalence_pb2.FACET_VENUE_SET,
    }
