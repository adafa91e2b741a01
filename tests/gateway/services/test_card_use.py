"""The citizen's question: the public answer is that of the gateway for an active card, for every pair and service."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.errors import UnknownItemError, UnknownRegionError
from adapters.taxonomy import code_matches
from adapters.words import ApplicationClass, Medium
from gateway.services.ask_card_use import AskCardUse
from gateway.services.card_use import CardUse, RegionAnswer, ServiceAnswer
from gateway.services.model import ClassVerdict, Decision
from tests.fakes.clock import FakeClock
from tests.fakes.platform import FakePlatform
from tests.fakes.regions import AGREEMENTS, CONSENT, REGISTRY, RULES, local_home, question, record
from tests.fakes.shown import SHOWN, known, next_version, shown
from trust.errors import TrustError

DAY = date(2026, 3, 1)
ASK = AskCardUse(SHOWN, RULES)


def asked(home: str = "chongqing", visited: str = "sichuan", **changes: object) -> RegionAnswer:
    """Ask, on `DAY` unless said."""
    return ASK(replace(CardUse(home=home, visited=visited, on=DAY), **changes))  # type: ignore[arg-type]


def service(answer: RegionAnswer, item: str) -> ServiceAnswer:
    """Find one service in an answer."""
    return next(one for one in (*answer.accepted, *answer.refused) if one.item.item == item)


async def _verdicts(home: str, visited: str, item: str, medium: Medium, clock: FakeClock) -> tuple[ClassVerdict, ...]:
    """Ask the home side itself about its active card; nothing where the agreement refuses the question."""
    side = local_home(home, FakePlatform(record(home), clock), clock=clock)
    try:
        answer = await side.answer(
            question(home, visited, visited_item=item, medium=medium, consent_reference=CONSENT), disclose=False
        )
    except TrustError:
        return ()
    return answer.verdict.classes


async def test_the_public_answer_is_that_of_the_gateway() -> None:
    """For every ordered pair of regions, every service and both forms: what the gateway allows, and no more."""
    clock = FakeClock()
    on = datetime.fromtimestamp(clock(), timezone(timedelta(hours=8))).date()
    compared = 0
    for home, visited in permutations(REGISTRY.regions, 2):
        answer = asked(home, visited, on=on)
        if not any(a.joins(home, visited) for a in AGREEMENTS.agreements):
            assert (answer.refusal, answer.accepted, answer.refused) == ("NO_AGREEMENT", (), ())
            continue
        for one, medium in product((*answer.accepted, *answer.refused), Medium):
            public = {v.application_class: v for v in dict(one.media)[medium] if v.usable}
            real = await _verdicts(home, visited, one.item.item, medium, clock)
            allowed = {v.application_class: v for v in real if v.usable}
            if any(relation.item_type for relation in one.item.relations) and real:
                assert public == allowed
                compared += 1
            else:
                assert public == {}
    assert compared > 50


def test_services_are_parted_by_whether_they_accept() -> None:
    """Each with what it is accepted for, in which forms, by which items of the home region, since when."""
    answer = asked()
    museum, pension, all_museums = (service(answer, code) for code in ("SC-15", "SC-04", "SC-16"))
    assert (museum.home_items, museum.since, museum.limited) == (("CQ-31",), date(2025, 1, 1), False)
    assert [(use.verdict.decision, use.media) for use in museum.uses] == [(Decision.ALLOWED, tuple(Medium))]
    assert [(use.verdict.application_class, use.media) for use in pension.uses] == [
        (ApplicationClass.DISBURSEMENT, (Medium.PHYSICAL,))
    ]
    assert all_museums.limited
    assert all_museums.uses[0].verdict.item_types == ("CUL.MUSEUM",)
    assert [one.item.item for one in answer.refused] == ["SC-17"]
    assert service(answer, "SC-17").reasons == ("NO_EQUIVALENT_ITEM",)
    assert service(answer, "SC-17").since is None


@pytest.mark.parametrize("code", ["CUL.TECHMUSEUM", "CUL.ARTMUSEUM"])
def test_a_service_accepted_for_other_things_is_not_accepted_for_this(code: str) -> None:
    """A house of museums that takes the card in its museum only does not take it in its science museum."""
    answer = asked(item_type=code)
    assert answer.accepted == ()
    (houses,) = answer.refused
    assert (houses.item.item, houses.since) == ("SC-16", None)
    assert houses.reasons == ("ITEM_COVERED_IN_PART",)
    assert houses.accepted_types == ("CUL.MUSEUM",)
    assert [one.item.item for one in asked(item_type="CUL.MUSEUM").accepted] == ["SC-15", "SC-16"]


def test_what_a_service_is_not_accepted_for_is_told() -> None:
    """Each type that no form and no class of it is accepted for; nothing of a service that is accepted whole."""
    answer = asked()
    assert service(answer, "SC-16").excluded_types == ("CUL.TECHMUSEUM", "CUL.ARTMUSEUM")
    assert service(answer, "SC-15").excluded_types == ()
    many = service(asked("sichuan", "chongqing", item_type="SI.PERSON.CERT"), "CQ-02")
    assert [use.verdict.application_class for use in many.uses] == [ApplicationClass.IDENTITY]
    assert many.excluded_types == ("SI.SUPERVISE",)


def test_since_counts_the_days_on_which_the_type_was_of_the_service() -> None:
    """A service that a later version widened to what was asked about has been accepted for it since that version."""
    began = date(2026, 1, 15)
    book = known()
    library = SHOWN.region("sichuan").catalog.get("SC-15")
    wider = replace(library, relations=(*library.relations, *SHOWN.region("sichuan").catalog.get("SC-07").relations))
    others = tuple(one for one in SHOWN.region("sichuan").catalog if one.item != "SC-15")
    next_version(book, "sichuan", (*others, wider), effective_from=began)
    (code,) = {r.item_type for r in wider.relations} - {"CUL.MUSEUM"}
    question = CardUse(home="sichuan", visited="sichuan", on=DAY, item="SC-15")
    ask = AskCardUse(shown(book), RULES)
    assert ask(replace(question, item_type=code)).accepted[0].since == began
    assert ask(question).accepted[0].since == date(2025, 1, 1)


PATTERNS = sorted({node.code for node in REGISTRY.taxonomy} | {f"{n.domain.upper()}.*" for n in REGISTRY.taxonomy})


@given(st.sampled_from(REGISTRY.regions), st.sampled_from(REGISTRY.regions), st.sampled_from(PATTERNS))
def test_what_is_accepted_for_a_type_is_accepted_for_that_type(home: str, visited: str, pattern: str) -> None:
    """What a narrowed question accepts, the whole one accepts alike, for a type asked about; nothing is left out."""
    narrow, whole = asked(home, visited, item_type=pattern), asked(home, visited)
    told = {(one.item.item, use) for one in whole.accepted for use in one.uses}
    types = {
        (item, use): use.verdict.item_types or [r.item_type for r in service(whole, item).item.relations]
        for item, use in told
    }
    fits = {pair for pair in told if any(code_matches(pattern, code) for code in types[pair])}
    assert {(one.item.item, use) for one in narrow.accepted for use in one.uses} == fits
    touching = {
        one.item.item
        for one in (*whole.accepted, *whole.refused)
        if any(code_matches(pattern, r.item_type) for r in one.item.relations)
    }
    assert {one.item.item for one in (*narrow.accepted, *narrow.refused)} == touching


def test_a_class_that_is_not_offered_is_a_reason_of_its_own() -> None:
    """Only where nothing else is to be said."""
    answer = asked(application_class=ApplicationClass.PAYMENT, item="SC-07")
    assert [one.item.item for one in answer.accepted] == ["SC-07"]
    nothing = service(asked("guangdong", "macao"), "MO-01")
    only = replace(
        nothing,
        media=(
            (Medium.PHYSICAL, (ClassVerdict(ApplicationClass.PAYMENT, Decision.NOT_OFFERED, "CLASS_NOT_OFFERED"),)),
        ),
    )
    assert only.reasons == ("CLASS_NOT_OFFERED",)


def test_an_agreement_out_of_force_is_named() -> None:
    """Before and after its days the refusal says which agreement it is."""
    before = asked(on=date(2024, 12, 31))
    after = asked(on=date(2028, 1, 1))
    for answer in (before, after):
        assert answer.refusal == "AGREEMENT_NOT_IN_FORCE"
        assert answer.agreement is not None
        assert answer.agreement.id == "sichuan-chongqing"


def test_an_agreement_that_does_not_stand_accepts_nothing() -> None:
    """For the reason that it does not stand."""
    stopped = shown(sichuan_chongqing="AGREEMENT_NOT_SIGNED")
    answer = AskCardUse(stopped, RULES)(CardUse(home="chongqing", visited="sichuan", on=DAY))
    assert (answer.refusal, answer.accepted, answer.refused) == ("AGREEMENT_NOT_SIGNED", (), ())


def test_at_home_everything_in_force_is_accepted() -> None:
    """Without any agreement, from the first day of each item; a draft is refused."""
    home, draft = asked("chongqing", "chongqing"), asked("guangxi", "guangxi")
    assert home.at_home
    assert home.agreement is None
    assert (len(home.accepted), len(home.refused)) == (44, 0)
    assert service(home, "CQ-30").since == date(2024, 9, 16)
    assert draft.accepted == ()
    assert {reason for one in draft.refused for reason in one.reasons} == {"DRAFT_NOT_IN_FORCE"}


def test_a_question_can_be_narrowed_to_nothing() -> None:
    """A form that no service of the class takes leaves refusals only."""
    answer = asked(application_class=ApplicationClass.DISBURSEMENT, medium=Medium.ELECTRONIC)
    assert answer.accepted == ()
    assert {one.item.item for one in answer.refused} == {"SC-04", "SC-05", "SC-06"}
    assert {reason for one in answer.refused for reason in one.reasons} == {"MEDIUM_NOT_ACCEPTED"}


def test_what_is_not_shown_is_refused() -> None:
    """Regions and items by their own errors."""
    with pytest.raises(UnknownRegionError):
        asked("atlantis")
    with pytest.raises(UnknownRegionError):
        asked("chongqing", "atlantis")
    with pytest.raises(UnknownItemError):
        asked(item="CQ-30")


def test_since_goes_back_to_the_last_change_that_made_it_so() -> None:
    """Where the home item ended and another began later, acceptance began with the other; without a break, before."""
    catalog = SHOWN.region("chongqing").catalog
    ended = date(2025, 6, 30)
    old = replace(catalog.get("CQ-31"), effective_to=ended)
    for gap, since in ((1, date(2025, 1, 1)), (2, date(2025, 7, 2))):
        new = replace(old, item="CQ-90", effective_from=ended + timedelta(days=gap), effective_to=None)
        others = tuple(one for one in catalog if one.item != "CQ-31")
        book = known()
        next_version(book, "chongqing", (*others, old, new), effective_from=date(2025, 1, 1))
        answer = AskCardUse(shown(book), RULES)(CardUse(home="chongqing", visited="sichuan", on=DAY, item="SC-15"))
        assert answer.accepted[0].since == since


def test_since_knows_earlier_versions() -> None:
    """A service that a later version brought was not accepted before that version."""
    began = date(2026, 1, 15)
    book = known()
    new = replace(SHOWN.region("sichuan").catalog.get("SC-15"), item="SC-90")
    next_version(book, "sichuan", (*SHOWN.region("sichuan").catalog, new), effective_from=began)
    ask = AskCardUse(shown(book), RULES)
    question = CardUse(home="chongqing", visited="sichuan", on=DAY)
    assert service(ask(question), "SC-90").since == began
    assert service(ask(question), "SC-15").since == date(2025, 1, 1)
    assert "SC-90" not in [one.item.item for one in ask(replace(question, on=date(2026, 1, 14))).accepted]


@pytest.mark.parametrize("stale", ["chongqing", "sichuan"])
def test_a_list_whose_life_is_over_accepts_nothing(stale: str) -> None:
    """Be it that of the services or that of the card."""
    clock = FakeClock()
    book = known(clock)
    next_version(book, stale, effective_from=date(2026, 1, 1), valid_until=int(clock()) + 10)
    clock.now += 11
    answer = AskCardUse(shown(book), RULES)(CardUse(home="chongqing", visited="sichuan", on=DAY))
    assert (answer.refusal, answer.accepted, answer.refused) == ("CATALOG_STALE", (), ())
