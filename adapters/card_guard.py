"""The guard against duplicate cards: may a new card, certificate or code be issued for what the card does already?

The regulations forbid it for listed items (Chongqing Art. 7, Guangdong Art. 6, Guangxi draft Art. 8, Shiyan Art. 7),
each in its own words: who may demand another instrument all the same, whether what is similar counts, whether codes do.
The guard decides by those words and by what the catalog proves, and names the article. Instruments that were issued
before get a plan of how their functions move to the card.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from adapters.catalog import item_order
from adapters.errors import MalformedFieldError
from adapters.phrases import joined, listed, load_phrases, quad, same
from adapters.scopes import Scope

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from adapters.canonical import ApplicationItem, LocalizedText
    from adapters.card_rules import CardRules, InstrumentKind
    from adapters.catalog import Catalog
    from adapters.phrases import Quad
    from adapters.taxonomy import Taxonomy
    from adapters.words import Layer

FILE = "card_guard.csv"


class Verdict(StrEnum):
    """What the guard says."""

    REFUSED = "refused"
    FUSE = "fuse"
    FUSION_PLAN = "fusion_plan"
    NOT_FORBIDDEN = "not_forbidden"


class Ground(StrEnum):
    """Why: the article itself, or what keeps it from applying."""

    ARTICLE = "article"
    SIMILAR = "similar"
    LEGACY_NOT_NAMED = "legacy_not_named"
    NO_RULE = "no_rule"
    DRAFT_RULE = "draft_rule"
    NOT_YET_IN_FORCE = "not_yet_in_force"
    KIND_NOT_NAMED = "kind_not_named"
    NOT_LISTED = "not_listed"
    SIMILAR_ONLY = "similar_only"


class Fit(StrEnum):
    """How much of a function the items in force cover."""

    WHOLE = "whole"
    PART = "part"
    NONE = "none"


class Step(StrEnum):
    """A step of a fusion plan."""

    STOP_ISSUING = "stop_issuing"
    LOAD = "load"
    WIDEN = "widen"
    PROPOSE = "propose"
    ACCEPT_BOTH = "accept_both"
    RETIRE = "retire"


_KEYS = {Ground.SIMILAR: "refused_similar"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """What somebody would issue: its kind, the item types it serves, whether it is out already, and who demands it."""

    kind: InstrumentKind
    functions: tuple[str, ...]
    issued_before: bool = False
    demanded_by: Layer | None = None


@dataclass(frozen=True, slots=True)
class FunctionFit:
    """How the region's items in force stand to one function: those that cover it, or a part of it."""

    item_type: str
    fit: Fit
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One step: what it is about, on which article it rests (empty where none says so), and a sentence."""

    step: Step
    item_types: tuple[str, ...]
    items: tuple[str, ...]
    article: str
    sentence: LocalizedText


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardAnswer:
    """The decision with the article that it rests on, how each function fits, and the plan where there is one."""

    verdict: Verdict
    ground: Ground
    source: str
    article: str
    penalty_article: str
    functions: tuple[FunctionFit, ...]
    plan: tuple[PlanStep, ...]
    sentence: LocalizedText


def functions_of(items: Iterable[ApplicationItem]) -> tuple[str, ...]:
    """Give the item types that items touch, each once: what an instrument for these items would serve."""
    return tuple(dict.fromkeys(relation.item_type for item in items for relation in item.relations))


def check_issuance(
    instrument: Instrument, rules: CardRules, catalog: Catalog, taxonomy: Taxonomy, *, on: date
) -> GuardAnswer:
    """Decide on an instrument as of a day.

    Raises:
        MalformedFieldError: the instrument serves nothing.
        UnknownItemTypeError: it serves a type that the taxonomy does not have.
    """
    if not instrument.functions:
        raise MalformedFieldError(field="item_types", rule="at_least_one")
    fits = tuple(_fit(taxonomy.get(code).code, catalog, on) for code in dict.fromkeys(instrument.functions))
    verdict, ground = _decide(instrument, rules, fits, on)
    article = _article(rules, verdict, ground)
    phrases = load_phrases(FILE)
    duplicate = rules.duplicate
    planned = verdict in {Verdict.FUSE, Verdict.FUSION_PLAN}
    return GuardAnswer(
        verdict=verdict,
        ground=ground,
        source=rules.source,
        article=article,
        penalty_article=duplicate.penalty_article if duplicate and verdict is Verdict.REFUSED else "",
        functions=fits,
        plan=_plan(instrument, rules, fits, taxonomy, going_on=verdict is Verdict.FUSE) if planned else (),
        sentence=joined(
            (
                phrases.fill(
                    _KEYS.get(ground) or (verdict.value if ground is Ground.ARTICLE else ground.value),
                    source=same(rules.source),
                    article=same(article),
                    kind=phrases[instrument.kind],
                    functions=_names(_meant(fits, ground), taxonomy),
                ),
            )
        ),
    )


def _fit(code: str, catalog: Catalog, on: date) -> FunctionFit:
    """Find which items in force cover a type whole, or else a part of it."""
    touching = sorted((item for item in catalog.by_type(code) if item.in_force(on)), key=lambda i: item_order(i.item))
    whole = tuple(item.item for item in touching if code in Scope.of(item).whole)
    if whole:
        return FunctionFit(code, Fit.WHOLE, whole)
    return FunctionFit(code, Fit.PART if touching else Fit.NONE, tuple(item.item for item in touching))


def _decide(
    instrument: Instrument, rules: CardRules, fits: tuple[FunctionFit, ...], on: date
) -> tuple[Verdict, Ground]:
    """Go through what keeps the article from applying; what is left is forbidden, or to be fused."""
    obstacle = _obstacle(instrument.kind, rules, fits, on)
    if obstacle is not None:
        return Verdict.NOT_FORBIDDEN, obstacle
    duplicate = rules.duplicate
    if duplicate is None:  # told above; said again for the type checker
        return Verdict.NOT_FORBIDDEN, Ground.NO_RULE
    if instrument.issued_before:
        return Verdict.FUSION_PLAN, Ground.ARTICLE if duplicate.legacy_article else Ground.LEGACY_NOT_NAMED
    if instrument.demanded_by in duplicate.mandated_by:
        return Verdict.FUSE, Ground.ARTICLE
    if any(fit.fit is Fit.WHOLE for fit in fits):
        return Verdict.REFUSED, Ground.ARTICLE
    if duplicate.reach == "similar":
        return Verdict.REFUSED, Ground.SIMILAR
    return Verdict.NOT_FORBIDDEN, Ground.SIMILAR_ONLY


def _obstacle(kind: InstrumentKind, rules: CardRules, fits: tuple[FunctionFit, ...], on: date) -> Ground | None:
    """Name what keeps the article from applying, whatever is to be decided under it."""
    if all(fit.fit is Fit.NONE for fit in fits):
        return Ground.NOT_LISTED
    if rules.duplicate is None or rules.text is None:
        return Ground.NO_RULE
    if kind not in rules.duplicate.forbids:
        return Ground.KIND_NOT_NAMED
    if rules.text.binds(on):
        return None
    return Ground.DRAFT_RULE if rules.text.in_force_from is None else Ground.NOT_YET_IN_FORCE


def _article(rules: CardRules, verdict: Verdict, ground: Ground) -> str:
    """Give the article that a decision rests on; empty where the text says nothing."""
    if rules.duplicate is None or ground in {Ground.NOT_LISTED, Ground.LEGACY_NOT_NAMED}:
        return ""
    if verdict is Verdict.FUSE:
        return rules.duplicate.mandated_article
    return rules.duplicate.legacy_article if verdict is Verdict.FUSION_PLAN else rules.duplicate.article


def _meant(fits: tuple[FunctionFit, ...], ground: Ground) -> tuple[str, ...]:
    """Give the functions that a sentence names: those covered whole, or in part where similarity decides."""
    wanted = Fit.PART if ground in {Ground.SIMILAR, Ground.SIMILAR_ONLY} else Fit.WHOLE
    return tuple(fit.item_type for fit in fits if fit.fit is wanted)


def _names(codes: Iterable[str], taxonomy: Taxonomy) -> Quad:
    """Join the names of item types."""
    return listed(quad(taxonomy.get(code).name) for code in codes)


def _plan(
    instrument: Instrument, rules: CardRules, fits: tuple[FunctionFit, ...], taxonomy: Taxonomy, *, going_on: bool
) -> tuple[PlanStep, ...]:
    """Put the steps in order; an instrument that a higher rule demands goes on being issued and is never retired."""
    phrases, duplicate = load_phrases(FILE), rules.duplicate
    legacy = (duplicate.mandated_article if going_on else duplicate.legacy_article) if duplicate else ""
    to_list = rules.list.article if rules.list else ""

    def step(kind: Step, fit: Fit | None, article: str) -> PlanStep:
        about = [one for one in fits if one.fit is fit]
        codes = tuple(one.item_type for one in about)
        items = tuple(dict.fromkeys(item for one in about for item in one.items))
        parts = {"kind": phrases[instrument.kind], "functions": _names(codes, taxonomy)}
        sentence = phrases.fill(kind, **parts, items=listed(map(same, items)))
        return PlanStep(kind, codes, items, article, joined((sentence,)))

    steps = [] if going_on or duplicate is None else [step(Step.STOP_ISSUING, None, duplicate.article)]
    for kind, fit, article in (
        (Step.LOAD, Fit.WHOLE, legacy),
        (Step.WIDEN, Fit.PART, to_list),
        (Step.PROPOSE, Fit.NONE, to_list),
    ):
        if any(one.fit is fit for one in fits):
            steps.append(step(kind, fit, article))
    steps.append(step(Step.ACCEPT_BOTH, None, legacy))
    return tuple(steps if going_on else [*steps, step(Step.RETIRE, None, legacy)])
