"""The guard against duplicate cards: what each region's article forbids, and how legacy ones are fused."""

from __future__ import annotations

from dataclasses import astuple, replace
from datetime import date
from string import Formatter
from typing import Any

import pytest

from adapters.card_guard import FILE, Fit, Ground, Instrument, Step, Verdict, check_issuance, functions_of
from adapters.card_rules import InstrumentKind, no_rules
from adapters.catalog import Catalog
from adapters.errors import MalformedFieldError, UnknownItemTypeError
from adapters.phrases import HEADER, load_phrases
from adapters.registry import load_registry
from adapters.words import Layer
from tests.adapters.item_examples import TAXONOMY, TODAY, draft, item

REGISTRY = load_registry()
CARD, CERTIFICATE, QR_CODE = InstrumentKind


def ask(region: str, *functions: str, on: date = TODAY, kind: InstrumentKind = CARD, **changes: Any) -> Any:  # noqa: ANN401 - any field
    """Ask the guard of a region."""
    adapter = REGISTRY.get(region)
    instrument = Instrument(kind=kind, functions=functions, **changes)
    return check_issuance(instrument, adapter.rules, adapter.catalog, TAXONOMY, on=on)


@pytest.mark.parametrize(
    ("region", "article", "penalty"),
    [
        ("chongqing", "第七条第一款", ""),
        ("guangdong", "第六条第四款", "第十八条第一款第二项"),
        ("shiyan", "第七条第一款", "第十六条第一项"),
    ],
)
def test_a_new_card_for_a_listed_item_is_refused_with_its_article(region: str, article: str, penalty: str) -> None:
    """The article of the region's own text, and who answers for a breach where it says so."""
    answer = ask(region, "GOV.IDENTITY" if region == "shiyan" else "CUL.MUSEUM")
    assert (answer.verdict, answer.ground) == (Verdict.REFUSED, Ground.ARTICLE)
    assert (answer.article, answer.penalty_article) == (article, penalty)
    assert answer.source == REGISTRY.get(region).rules.source
    assert all(article in text and answer.source in text for text in astuple(answer.sentence))
    assert answer.plan == ()


@pytest.mark.parametrize("kind", InstrumentKind)
def test_chongqing_names_cards_certificates_and_codes(kind: InstrumentKind) -> None:
    """Art. 7: 卡、证、电子二维码."""
    assert ask("chongqing", "CUL.MUSEUM", kind=kind).verdict is Verdict.REFUSED


def test_shiyan_does_not_name_codes() -> None:
    """Its Art. 7 speaks of 卡证 only; what a text does not name is not shown to be forbidden."""
    assert ask("shiyan", "GOV.IDENTITY", kind=CERTIFICATE).verdict is Verdict.REFUSED
    answer = ask("shiyan", "GOV.IDENTITY", kind=QR_CODE)
    assert (answer.verdict, answer.ground) == (Verdict.NOT_FORBIDDEN, Ground.KIND_NOT_NAMED)


def test_what_is_similar_is_forbidden_where_the_text_says_so() -> None:
    """Chongqing forbids 重复或者类似: CQ-32 covers only some scenic areas, and a pass for all of them is similar.

    Guangdong forbids 重复 only, so a ticket for the railway, of which it lists a part, is not shown to be forbidden.
    """
    similar = ask("chongqing", "CUL.SCENIC")
    assert (similar.verdict, similar.ground) == (Verdict.REFUSED, Ground.SIMILAR)
    only = ask("guangdong", "TRA.RAIL")
    assert (only.verdict, only.ground) == (Verdict.NOT_FORBIDDEN, Ground.SIMILAR_ONLY)


@pytest.mark.parametrize(
    ("region", "function", "on", "ground"),
    [
        ("chongqing", "TRA.FERRY", TODAY, Ground.NOT_LISTED),
        ("sichuan", "CUL.MUSEUM", TODAY, Ground.NO_RULE),
        ("guangxi", "TRA.BUS", TODAY, Ground.NOT_LISTED),
        ("chongqing", "CUL.MUSEUM", date(2024, 12, 31), Ground.NOT_YET_IN_FORCE),
        ("chongqing", "CUL.MUSEUM", date(2024, 9, 15), Ground.NOT_LISTED),
    ],
)
def test_nothing_is_forbidden_without_an_article_in_force_and_an_item_in_force(
    region: str, function: str, on: date, ground: Ground
) -> None:
    """Neither a draft nor a text that begins tomorrow, nor a list that does not hold the function yet."""
    answer = ask(region, function, on=on)
    assert (answer.verdict, answer.ground) == (Verdict.NOT_FORBIDDEN, ground)
    assert answer.plan == ()


def test_the_day_a_text_takes_effect_counts() -> None:
    """Chongqing's regulation is in force from 2025-01-01, that day included."""
    assert ask("chongqing", "CUL.MUSEUM", on=date(2025, 1, 1)).verdict is Verdict.REFUSED


def test_a_draft_rule_is_shown_and_binds_nobody() -> None:
    """Guangxi's draft with an item in force beside it: the guard says what it would not allow."""
    catalog = Catalog("guangxi", (item("GX-90", "CUL.MUSEUM:exact", region="guangxi"),))
    answer = check_issuance(
        Instrument(kind=CARD, functions=("CUL.MUSEUM",)), REGISTRY.get("guangxi").rules, catalog, TAXONOMY, on=TODAY
    )
    assert (answer.verdict, answer.ground, answer.article) == (
        Verdict.NOT_FORBIDDEN,
        Ground.DRAFT_RULE,
        "第八条第一款",
    )
    assert "draft" in answer.sentence.en


@pytest.mark.parametrize(
    ("region", "layer", "verdict"),
    [
        ("chongqing", Layer.NATIONAL, Verdict.FUSE),
        ("chongqing", Layer.PROVINCE, Verdict.FUSE),
        ("chongqing", Layer.CITY, Verdict.REFUSED),
        ("guangdong", Layer.NATIONAL, Verdict.FUSE),
        ("guangdong", Layer.PROVINCE, Verdict.REFUSED),
        ("guangdong", Layer.CITY, Verdict.REFUSED),
    ],
)
def test_only_the_demand_that_a_text_names_counts(region: str, layer: Layer, verdict: Verdict) -> None:
    """Chongqing respects what the nation or the municipality demands, Guangdong the nation only."""
    answer = ask(region, "CUL.MUSEUM", demanded_by=layer)
    assert answer.verdict is verdict
    if verdict is Verdict.FUSE:
        assert [step.step for step in answer.plan] == [Step.LOAD, Step.ACCEPT_BOTH]
        assert answer.article == {"chongqing": "第七条第二款", "guangdong": "第六条第四款"}[region]


def test_a_legacy_card_gets_a_fusion_plan() -> None:
    """What items cover is moved, what they cover in part is widened, what they lack is proposed; then it is retired."""
    answer = ask("chongqing", "CUL.MUSEUM", "CUL.SCENIC", "TRA.FERRY", issued_before=True)
    assert (answer.verdict, answer.article) == (Verdict.FUSION_PLAN, "第七条第一款")
    assert [(fit.item_type, fit.fit, fit.items) for fit in answer.functions] == [
        ("CUL.MUSEUM", Fit.WHOLE, ("CQ-31",)),
        ("CUL.SCENIC", Fit.PART, ("CQ-32",)),
        ("TRA.FERRY", Fit.NONE, ()),
    ]
    assert [(step.step, step.item_types, step.items, step.article) for step in answer.plan] == [
        (Step.STOP_ISSUING, (), (), "第七条第一款"),
        (Step.LOAD, ("CUL.MUSEUM",), ("CQ-31",), "第七条第一款"),
        (Step.WIDEN, ("CUL.SCENIC",), ("CQ-32",), "第十四条"),
        (Step.PROPOSE, ("TRA.FERRY",), (), "第十四条"),
        (Step.ACCEPT_BOTH, (), (), "第七条第一款"),
        (Step.RETIRE, (), (), "第七条第一款"),
    ]
    assert "CQ-31" in answer.plan[1].sentence.pt


def test_a_text_that_is_silent_on_legacy_cards_gives_advice_without_an_article() -> None:
    """Guangdong forbids new ones; the plan for old ones rests on no article of it, and says so."""
    answer = ask("guangdong", "CUL.MUSEUM", issued_before=True)
    assert (answer.verdict, answer.ground, answer.article) == (Verdict.FUSION_PLAN, Ground.LEGACY_NOT_NAMED, "")
    assert [step.article for step in answer.plan] == ["第六条第四款", "", "", ""]


def test_an_instrument_serves_something_that_exists() -> None:
    """One without a function is refused by field, one with an unknown type as unknown."""
    with pytest.raises(MalformedFieldError):
        ask("chongqing")
    with pytest.raises(UnknownItemTypeError):
        ask("chongqing", "NO.SUCH")


def test_drafts_and_dormant_items_forbid_nothing() -> None:
    """Only an item in force on the day lists a function."""
    listed = item("CQ-90", "CUL.MUSEUM:exact")
    rules = REGISTRY.get("chongqing").rules
    for one, ground in (
        (draft(listed), Ground.NOT_LISTED),
        (replace(listed, effective_to=date(2025, 6, 30)), Ground.NOT_LISTED),
        (listed, Ground.ARTICLE),
    ):
        instrument = Instrument(kind=CARD, functions=functions_of((one,)))
        assert check_issuance(instrument, rules, Catalog("there", (one,)), TAXONOMY, on=TODAY).ground is ground


def test_a_region_without_rules_forbids_nothing() -> None:
    """Nothing is inferred from the rules of its neighbors."""
    catalog = REGISTRY.get("chongqing").catalog
    instrument = Instrument(kind=CARD, functions=("CUL.MUSEUM",))
    answer = check_issuance(instrument, no_rules("nowhere"), catalog, TAXONOMY, on=TODAY)
    assert (answer.verdict, answer.ground, answer.source) == (Verdict.NOT_FORBIDDEN, Ground.NO_RULE, "")


def test_every_phrase_says_the_same_in_every_language() -> None:
    """The same gaps in all four, and a phrase for each verdict, ground, step and kind."""
    phrases = load_phrases(FILE)
    keys = {*Verdict, *Ground, *Step, *InstrumentKind, "refused_similar"} - {"article", "similar", "not_forbidden"}
    for key in keys:
        gaps = [sorted(name for _, name, _, _ in Formatter().parse(text) if name) for text in phrases[key]]
        assert len(gaps) == len(HEADER) - 1
        assert all(one == gaps[0] for one in gaps)
