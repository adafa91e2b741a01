"""Why an item corresponds to what it does, and what the texts say of new cards: answers that name their reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.sandbox.story import CALL_SECONDS, Step
from onecard.gateway.v1 import catalog_pb2, catalog_rules_pb2, catalog_service_pb2, equivalence_pb2
from onecard.gateway.v1 import catalog_rules_service_pb2 as rules
from onecard.gateway.v1.catalog_rules_service_pb2_grpc import CatalogRulesServiceStub

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.sandbox.story import Stage
    from onecard.gateway.v1.region_pb2 import LocalizedText

_DAY = "2026-06-01"
"""The day of the answers that tell of dates and depths."""

_ONE = (
    "broader, reverse narrower; scope more, dates less; "
    "SC-16“文博场馆参观”涵盖CQ-31“博物馆”的全部，此外还包括“美术馆参观”、“科技馆参观”；"
    "施行期间不同：前者自2025-01-01起，后者自2024-09-16起。"
)
_SET = (
    "exact, for CQ-30 in sichuan {SC-13, SC-14}; SC-13 “Library entry” and SC-14 “Library borrowing” together cover "
    "precisely the same as CQ-30 “Library entry and borrowing”."
)


def explain_steps() -> Iterable[Step]:
    """Give the steps, each of which asks Chongqing's gateway."""
    yield Step(
        title="why 图书馆入馆、借阅 needs two items of Sichuan, in four languages",
        asks="chongqing",
        home="sichuan",
        expected=_SET,
        play=_explained_set,
    )
    yield Step(
        title="why 文博场馆参观 is no 博物馆, facet by facet, and the question the other way",
        asks="chongqing",
        home="sichuan",
        expected=_ONE,
        play=_explained_pair,
    )
    yield Step(
        title="a new library card is refused by the article that forbids it; a card that is out gets a plan",
        asks="chongqing",
        home="",
        expected="refused, 第七条第一款; fusion plan: stop issuing, load, accept both, retire",
        play=_cards,
    )


def told(text: LocalizedText) -> LocalizedText:
    """Give a text that is told in all four languages, and say in each of them where one is missing."""
    words = (text.zh_hans, text.zh_hant, text.en, text.pt)
    missing = "NOT TOLD IN FOUR LANGUAGES"
    return text if all(words) else type(text)(zh_hans=missing, zh_hant=missing, en=missing, pt=missing)


async def _explained_set(stage: Stage) -> str:
    found = await _explanation(stage, "CQ-30", target_region="sichuan")
    sets = " or ".join(f"{{{', '.join(map(_short, one.items))}}}" for one in found.minimal_sets)
    return (
        f"{_word(found.relation)}, for {found.source.item} in {found.target_region} {sets}; {told(found.sentence).en}"
    )


async def _explained_pair(stage: Stage) -> str:
    found = (await _explanation(stage, "CQ-31", target_item="regions/sichuan/items/SC-16")).pairs[0]
    same = {equivalence_pb2.FACET_EFFECT_SAME, equivalence_pb2.FACET_EFFECT_UNTOLD}
    apart = [
        f"{equivalence_pb2.Facet.Name(d.facet).removeprefix('FACET_').lower()} "
        f"{equivalence_pb2.FacetEffect.Name(d.effect).removeprefix('FACET_EFFECT_').lower()}"
        for d in found.differences
        if d.effect not in same
    ]
    relations = f"{_word(found.relation)}, reverse {_word(found.reverse_relation)}"
    return f"{relations}; {', '.join(apart)}; {told(found.sentence).zh_hans}"


async def _explanation(stage: Stage, item: str, **asked: str) -> equivalence_pb2.EquivalenceExplanation:
    request = catalog_service_pb2.ExplainEquivalenceRequest(name=f"regions/chongqing/items/{item}", as_of=_DAY, **asked)
    return (await stage.catalog("chongqing").ExplainEquivalence(request, timeout=CALL_SECONDS)).explanation


def _short(name: str) -> str:
    return name.rpartition("/")[2]


def _word(relation: catalog_pb2.Relation.ValueType) -> str:
    return catalog_pb2.Relation.Name(relation).removeprefix("RELATION_").lower()


async def _cards(stage: Stage) -> str:
    stub = CatalogRulesServiceStub(stage.channel("chongqing"))
    answers = []
    for issued_before in (False, True):
        answer = await stub.CheckCardIssuance(
            rules.CheckCardIssuanceRequest(
                parent="regions/chongqing",
                kind=catalog_rules_pb2.INSTRUMENT_KIND_CARD,
                items=["regions/chongqing/items/CQ-30"],
                issued_before=issued_before,
                as_of=_DAY,
            ),
            timeout=CALL_SECONDS,
        )
        answers.append(answer)
    new, old = answers
    steps = [catalog_rules_pb2.FusionStep.Name(s.step).removeprefix("FUSION_STEP_").lower() for s in old.plan]
    verdicts = [catalog_rules_pb2.GuardVerdict.Name(a.verdict).removeprefix("GUARD_VERDICT_").lower() for a in answers]
    plan = ", ".join(steps).replace("_", " ")
    sentence = "" if told(new.sentence) == new.sentence else f"; {told(new.sentence).en}"
    return f"{verdicts[0]}, {new.article}; {verdicts[1].replace('_', ' ')}: {plan}{sentence}"
