"""Why one item stands to another as it does: every facet that differs, and a sentence whose clauses name their facets.

The verdict of the reverse question is the mirror of this one, and so is each difference; that is a law, and it is
tested over all pairs of items of all regions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.explanation import PHRASES, clause, scope_parts, sentence
from adapters.facets import Difference, Effect, Facet, compare, levels, relation
from adapters.phrases import listed, load_phrases, same
from adapters.words import ApplicationClass, Relation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

    from adapters.canonical import ApplicationItem, LocalizedText
    from adapters.explanation import Clause
    from adapters.phrases import Quad
    from adapters.taxonomy import Taxonomy

FILE = "facets.csv"


@dataclass(frozen=True, slots=True)
class PairExplanation:
    """How a target item stands to a source item, in which facets they differ, and the same in words."""

    source: ApplicationItem
    target: ApplicationItem
    relation: Relation
    differences: tuple[Difference, ...]
    clauses: tuple[Clause, ...]

    @property
    def sentence(self) -> LocalizedText:
        """The clauses as one sentence in four languages."""
        return sentence(self.clauses)


def explain_pair(source: ApplicationItem, target: ApplicationItem, taxonomy: Taxonomy, *, on: date) -> PairExplanation:
    """Explain how a target item stands to a source item on a day (UnknownItemTypeError).

    Where nothing common is proved, the facets beside scope say nothing about the pair and are left out.
    """
    found = relation(source, target)
    differences = compare(source, target, on=on)
    parts = [(Facet.SCOPE, part) for part in scope_parts(source, target, found, taxonomy)]
    if found is not Relation.NONE:
        told = _Told(source, target, on)
        for difference in differences:
            parts += [(difference.facet, part) for part in told.of(difference)]
    else:
        differences = tuple(d for d in differences if d.facet is Facet.SCOPE)
    return PairExplanation(source, target, found, differences, tuple(clause(facet, part) for facet, part in parts))


class _Told:
    """Says differences in words."""

    def __init__(self, source: ApplicationItem, target: ApplicationItem, on: date) -> None:
        self._source = source
        self._target = target
        self._on = on
        self._phrases = load_phrases(FILE)

    def of(self, difference: Difference) -> Iterator[Quad]:
        """Say one difference; none where the items agree in the facet, or one does not say."""
        say: dict[Facet, Callable[[Difference], Iterator[Quad]]] = {
            Facet.SCOPE: self._nothing,
            Facet.CLASS: self._words,
            Facet.MEDIUM: self._words,
            Facet.DEPTH: self._depth,
            Facet.ASSURANCE: self._assurance,
            Facet.LEGAL_STATUS: self._legal_status,
            Facet.DATES: self._dates,
            Facet.VENUE_SET: self._venues,
        }
        return say[difference.facet](difference)

    def _nothing(self, _difference: Difference) -> Iterator[Quad]:
        """Scope is told by the clauses that begin the sentence."""
        return iter(())

    def _words(self, difference: Difference) -> Iterator[Quad]:
        """Say of classes, or of forms of the card, what is missing and what is there beside."""
        facet, asked, offered = difference.facet, difference.asked, difference.offered
        if difference.effect is Effect.CONFLICT:
            yield self._phrases.fill(
                f"{facet}_conflict", theirs=listed(PHRASES[w] for w in offered), mine=listed(PHRASES[w] for w in asked)
            )
            return
        yield from self._two_lists(
            facet,
            less=[PHRASES[word] for word in asked if word not in offered],
            more=[PHRASES[word] for word in offered if word not in asked],
        )

    def _two_lists(self, facet: Facet, *, less: list[Quad], more: list[Quad]) -> Iterator[Quad]:
        for key, parts in ((f"{facet}_less", less), (f"{facet}_more", more)):
            if parts:
                yield self._phrases.list_clause(key, parts)

    def _depth(self, difference: Difference) -> Iterator[Quad]:
        """Say the levels of the classes for which both plan one and that differ."""
        if difference.effect not in {Effect.LESS, Effect.MORE, Effect.DIFFERENT}:
            return
        mine, theirs = levels(self._source, self._on.year), levels(self._target, self._on.year)
        both = [c for c in ApplicationClass if c in mine and c in theirs and mine[c] != theirs[c]]
        yield self._phrases.fill(
            "depth",
            year=same(str(self._on.year)),
            theirs=listed(self._level(c, theirs[c]) for c in both),
            mine=listed(self._level(c, mine[c]) for c in both),
        )

    def _level(self, application_class: ApplicationClass, level: int) -> Quad:
        return self._phrases.fill("level", name=PHRASES[application_class], level=same(str(level)))

    def _assurance(self, difference: Difference) -> Iterator[Quad]:
        asked, offered = difference.asked, difference.offered
        yield from self._two_lists(
            Facet.ASSURANCE,
            less=[self._phrases[word] for word in asked if word not in offered],
            more=[self._phrases[word] for word in offered if word not in asked],
        )

    def _legal_status(self, difference: Difference) -> Iterator[Quad]:
        if difference.effect in {Effect.LESS, Effect.MORE}:
            yield self._phrases[f"legal_status_{difference.effect}"]

    def _dates(self, difference: Difference) -> Iterator[Quad]:
        """Say both spans where they differ, and that an item with days is not in force on the day."""
        if difference.effect is Effect.CONFLICT:
            yield self._spans("dates_conflict")
        elif difference.effect in {Effect.LESS, Effect.MORE, Effect.DIFFERENT}:
            yield self._spans("dates_different")
        if self._target.effective_from and not self._target.in_force(self._on):
            yield self._phrases["dates_dormant"]

    def _spans(self, key: str) -> Quad:
        return self._phrases.fill(key, theirs=self._span(self._target), mine=self._span(self._source))

    def _span(self, item: ApplicationItem) -> Quad:
        first, last = item.effective_from, item.effective_to
        if first is None:
            return self._phrases["never"]
        if last is None:
            return self._phrases.fill("from_on", first=same(first.isoformat()))
        return self._phrases.fill("from_to", first=same(first.isoformat()), last=same(last.isoformat()))

    def _venues(self, difference: Difference) -> Iterator[Quad]:
        keys = {Effect.LESS: "venue_set_less", Effect.MORE: "venue_set_more", Effect.DIFFERENT: "venue_set"}
        if difference.effect in keys:
            theirs, mine = self._target.venue_set, self._source.venue_set
            yield self._phrases.fill(
                keys[difference.effect],
                theirs=self._phrases[f"venue_set_{theirs}"],
                mine=self._phrases[f"venue_set_{mine}"],
            )
