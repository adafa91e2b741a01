"""Explanations of equivalences as messages of the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.facets import Effect, Facet, compare
from adapters.scopes import MIRROR
from gateway.rpc.convert import enum_numbers
from gateway.rpc.convert_catalog import RELATION, item_message, text_message
from onecard.gateway.v1 import equivalence_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date

    from adapters.equivalence import Equivalence
    from adapters.explanation import Clause
    from adapters.facets import Difference
    from adapters.pair_explanation import PairExplanation
    from gateway.services.explain_equivalence import Explanation

FACET = enum_numbers(Facet, equivalence_pb2.Facet, "FACET")
EFFECT = enum_numbers(Effect, equivalence_pb2.FacetEffect, "FACET_EFFECT")
_NO_DIFFERENCE = {Effect.SAME, Effect.UNTOLD}


def explanation_message(explained: Explanation, *, on: date) -> equivalence_pb2.EquivalenceExplanation:
    """Make the reasons of a correspondence on a day."""
    found = explained.equivalence
    message = equivalence_pb2.EquivalenceExplanation(
        source=item_message(found.source, on=on),
        target_region=found.target_region,
        relation=RELATION[found.relation],
        clauses=_clauses(found.clauses),
        sentence=text_message(found.explanation),
        pairs=[_pair(pair, on) for pair in explained.pairs],
        uncovered_item_types=found.uncovered_item_types,
    )
    for items in explained.minimal_sets:
        message.minimal_sets.add(items=[f"regions/{found.target_region}/items/{item}" for item in items])
    return message


def _pair(pair: PairExplanation, on: date) -> equivalence_pb2.PairExplanation:
    message = equivalence_pb2.PairExplanation(
        item=item_message(pair.target, on=on),
        relation=RELATION[pair.relation],
        reverse_relation=RELATION[MIRROR[pair.relation]],
        clauses=_clauses(pair.clauses),
        sentence=text_message(pair.sentence),
    )
    message.differences.extend(map(_difference, pair.differences))
    return message


def differences_messages(found: Equivalence, *, on: date) -> Iterator[equivalence_pb2.ItemDifferences]:
    """Make, for each item of a correspondence, the facets in which it differs from the source on a day."""
    for one in found.items:
        told = (d for d in compare(found.source, one.item, on=on) if d.effect not in _NO_DIFFERENCE)
        yield equivalence_pb2.ItemDifferences(
            item=f"regions/{found.target_region}/items/{one.item.item}", differences=map(_difference, told)
        )


def _difference(one: Difference) -> equivalence_pb2.FacetDifference:
    return equivalence_pb2.FacetDifference(
        facet=FACET[one.facet], effect=EFFECT[one.effect], source_values=one.asked, target_values=one.offered
    )


def _clauses(clauses: Iterable[Clause]) -> list[equivalence_pb2.ExplanationClause]:
    return [equivalence_pb2.ExplanationClause(facet=FACET[one.facet], text=text_message(one.text)) for one in clauses]
