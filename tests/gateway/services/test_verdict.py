"""Verdict rules: every state of a card, every class, and each reason that can refuse or narrow."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import product
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.canonical import ApplicationItem, Card, ItemTypeRelation
from adapters.equivalence import coverage
from adapters.words import ApplicationClass, CardFunction, CardStatus, LegalStatus, Medium, Relation
from gateway.services.model import ClassVerdict, Decision
from gateway.services.verdict import (
    LIVE_TOLERANCE_SECONDS,
    CardFacts,
    StatusRule,
    UseFacts,
    VerdictRules,
    load_status_rules,
)
from tests.fakes.regions import AGREEMENTS, REGISTRY, RULES, item

if TYPE_CHECKING:
    from trust.policy import Permission

TODAY = date(2026, 6, 1)
IDENTITY, DISBURSEMENT, PAYMENT = ApplicationClass
PERSON = ("SI.PERSON.CERT", "SI.PERSON.RECORD", "SI.PERSON.REG")
BENEFITS = ("SI.BENEFIT.INJURY", "SI.BENEFIT.PENSION", "SI.BENEFIT.UNEMP")
ARTICLE_17 = "十堰市社会保障卡一卡通服务管理条例 第十七条"

# The table of states, written out once more by hand: which state allows anything, and the reason of the others.
STATES = {
    CardStatus.NOT_ACTIVATED: "CARD_NOT_ACTIVATED",
    CardStatus.ACTIVE: "OK",
    CardStatus.LOST_TEMPORARY: "CARD_LOST_TEMPORARY",
    CardStatus.LOST_FORMAL: "CARD_LOST_FORMAL",
    CardStatus.LOCKED: "CARD_LOCKED",
    CardStatus.SEALED: "CARD_SEALED",
    CardStatus.VOID: "CARD_VOID",
    CardStatus.CANCELLED: "CARD_CANCELLED",
    CardStatus.UNKNOWN: "CARD_STATUS_UNKNOWN",
    CardStatus.REPLACED: "CARD_REPLACED",
}


def card(*suspended: CardFunction, age: float = 0.0, expires: date | None = None, **told: CardStatus) -> CardFacts:
    """Make the facts of an active card, with some of them changed."""
    state = Card(status=told.get("status", CardStatus.ACTIVE), suspended_functions=frozenset(suspended))
    return CardFacts(card=replace(state, expires_on=expires), age_seconds=age, today=TODAY, suspension_basis=ARTICLE_17)


def permission(visited: ApplicationItem, home: str, **changes: tuple[str, ...]) -> Permission:
    """Ask the real agreements, and narrow what they allow."""
    allowed = AGREEMENTS.permit(
        home=home,
        visited=visited.region,
        item_types=[relation.item_type for relation in visited.relations],
        purpose="service_access",
        classes=[c.value for c in visited.classes],
        medium="physical",
        on=TODAY,
        consent_reference="SYN-CONSENT",
    )
    return replace(allowed, **changes)  # type: ignore[arg-type]  # tuples of words only


def abroad(home: str, region: str, name: str, medium: Medium = Medium.PHYSICAL, **changes: tuple[str, ...]) -> UseFacts:
    """Use a card of one region for an item of another."""
    visited = item(region, name)
    return UseFacts(
        item=visited,
        medium=medium,
        permission=permission(visited, home, **changes),
        coverage=coverage(visited, REGISTRY.get(home).catalog, on=TODAY),
    )


def at_home(visited: ApplicationItem, medium: Medium = Medium.PHYSICAL) -> UseFacts:
    """Use a card in its own region."""
    return UseFacts(item=visited, medium=medium, permission=None, coverage=None)


def three(facts: CardFacts, use: UseFacts) -> tuple[ClassVerdict, ClassVerdict, ClassVerdict]:
    """Form the verdicts, and see that they stand in the order of the classes."""
    one, two, last = RULES.form(facts, use)
    assert [v.application_class for v in (one, two, last)] == list(ApplicationClass)
    return one, two, last


@pytest.mark.parametrize("status", CardStatus)
def test_every_state_has_one_rule_for_all_classes(status: CardStatus) -> None:
    """Only an active card may be used; every other state refuses every class with its own reason."""
    wanted = Decision.ALLOWED if status is CardStatus.ACTIVE else Decision.REFUSED
    for use in (at_home(item("chongqing", "CQ-02")), abroad("chongqing", "sichuan", "SC-15")):
        for verdict in three(card(status=status), use):
            if verdict.decision is Decision.NOT_OFFERED:
                assert verdict.application_class not in use.item.classes
                continue
            assert (verdict.decision, verdict.reason) == (wanted, STATES[status])
            assert verdict.usable is (status is CardStatus.ACTIVE)


def test_a_status_that_was_not_told_is_unknown_and_refused() -> None:
    """No status at all fails closed."""
    facts = CardFacts(card=Card(), age_seconds=0.0, today=TODAY)
    assert {v.reason for v in three(facts, at_home(item("chongqing", "CQ-02")))} == {"CARD_STATUS_UNKNOWN"}


def test_rules_demand_a_row_for_every_state() -> None:
    """A table that lacks a state is a fault found at start."""
    rules = load_status_rules()
    assert rules.keys() == set(CardStatus)
    del rules[CardStatus.SEALED]
    with pytest.raises(KeyError):
        VerdictRules(rules, REGISTRY.taxonomy)


def test_a_rule_may_allow_one_class_and_carries_its_legal_basis() -> None:
    """The table decides class by class, and its legal basis reaches the verdict."""
    rules = load_status_rules() | {CardStatus.LOCKED: StatusRule(frozenset({IDENTITY}), "CARD_LOCKED", "SYN Art. 1")}
    use = at_home(item("chongqing", "CQ-02"))
    one, two, last = VerdictRules(rules, REGISTRY.taxonomy).form(card(status=CardStatus.LOCKED), use)
    assert one.decision is Decision.ALLOWED
    assert (two.decision, two.legal_basis, last.reason) == (Decision.REFUSED, "SYN Art. 1", "CARD_LOCKED")


@pytest.mark.parametrize("days", [-1, 0, 1])
def test_a_card_is_good_on_its_last_day_and_not_after(days: int) -> None:
    """The last day of validity counts in full."""
    verdict = three(card(expires=TODAY + timedelta(days)), abroad("chongqing", "sichuan", "SC-15"))[0]
    assert (verdict.reason, verdict.usable) == (("CARD_EXPIRED", False) if days < 0 else ("OK", True))


def test_a_medium_that_the_item_does_not_accept_is_refused_with_its_article() -> None:
    """CQ-10 takes the electronic card only."""
    visited = item("chongqing", "CQ-10")
    refused = three(card(), at_home(visited))[0]
    assert (refused.decision, refused.reason) == (Decision.REFUSED, "MEDIUM_NOT_ACCEPTED")
    assert refused.legal_basis == f"{visited.source} {visited.article}"
    assert three(card(), at_home(visited, Medium.ELECTRONIC))[0].decision is Decision.ALLOWED


def test_drafts_authorize_nothing_and_say_so() -> None:
    """Every item of Guangxi's draft is refused, whatever the card."""
    for visited in REGISTRY.get("guangxi").catalog:
        for verdict in three(card(), at_home(visited, visited.media[0])):
            if verdict.application_class in visited.classes:
                assert (verdict.decision, verdict.reason) == (Decision.REFUSED, "DRAFT_NOT_IN_FORCE")
                assert verdict.legal_basis == f"{visited.source} {visited.article}"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"legal_status": LegalStatus.DRAFT}, "DRAFT_NOT_IN_FORCE"),
        ({"effective_from": None}, "DRAFT_NOT_IN_FORCE"),
        ({"effective_from": TODAY + timedelta(1)}, "DRAFT_NOT_IN_FORCE"),
        ({"effective_to": TODAY - timedelta(1)}, "DRAFT_NOT_IN_FORCE"),
        ({"effective_from": TODAY, "effective_to": TODAY}, "OK"),
    ],
)
def test_an_item_counts_only_between_its_days(changes: dict[str, object], reason: str) -> None:
    """What is not in force on the day authorizes nothing."""
    visited = replace(item("chongqing", "CQ-30"), **changes)  # type: ignore[arg-type]  # a test may give anything
    assert three(card(), at_home(visited))[0].reason == reason


def test_a_class_that_the_item_does_not_have_is_not_offered_before_anything_else() -> None:
    """Even a lost card is told that the class is not offered."""
    one, two, last = three(card(status=CardStatus.LOST_FORMAL), at_home(item("chongqing", "CQ-30")))
    assert one.reason == "CARD_LOST_FORMAL"
    assert {(v.decision, v.reason, v.usable) for v in (two, last)} == {
        (Decision.NOT_OFFERED, "CLASS_NOT_OFFERED", False)
    }


@pytest.mark.parametrize(
    ("suspended", "decisions"),
    [
        ((CardFunction.SOCIAL_SECURITY,), ("refused", "refused", "refused")),
        ((CardFunction.FINANCIAL,), ("allowed", "refused", "refused")),
        (tuple(CardFunction), ("refused", "refused", "refused")),
    ],
)
def test_suspended_functions_refuse_what_needs_them(suspended: tuple[CardFunction, ...], decisions: tuple[str]) -> None:
    """The financial function carries money; the social-security function carries social security (Shiyan Art. 17)."""
    verdicts = three(card(*suspended), at_home(item("chongqing", "CQ-02")))
    assert tuple(v.decision.value for v in verdicts) == decisions
    assert {(v.reason, v.legal_basis) for v in verdicts if not v.usable} == {("FUNCTION_SUSPENDED", ARTICLE_17)}


def test_an_item_that_needs_no_function_is_not_touched_by_a_suspension() -> None:
    """Entering a library needs neither function."""
    assert three(card(*CardFunction), at_home(item("chongqing", "CQ-30")))[0].decision is Decision.ALLOWED


def test_an_item_without_any_type_cannot_show_that_it_does_without_the_function() -> None:
    """Unknown fails closed: allowed while nothing is suspended, refused once anything is."""
    visited = item("chongqing", "CQ-06")
    assert visited.relations == ()
    medium = visited.media[0]
    allowed = [v for v in three(card(), at_home(visited, medium)) if v.application_class in visited.classes]
    assert {v.decision for v in allowed} == {Decision.ALLOWED}
    for function in CardFunction:
        refused = [v for v in three(card(function), at_home(visited, medium)) if v.application_class in visited.classes]
        assert {(v.decision, v.reason) for v in refused} == {(Decision.REFUSED, "FUNCTION_SUSPENDED")}


def mixed_item() -> ApplicationItem:
    """Make an item with a type that needs social security and one that needs nothing."""
    relations = (ItemTypeRelation("SI.PERSON.RECORD", Relation.EXACT), ItemTypeRelation("CUL.MUSEUM", Relation.EXACT))
    return replace(item("sichuan", "SC-15"), relations=relations)


def test_a_suspension_limits_an_item_to_the_types_that_do_not_need_the_function() -> None:
    """At home and abroad the rest of the item stays usable, with the article named."""
    visited = mixed_item()
    suspended = card(CardFunction.SOCIAL_SECURITY)
    home = three(suspended, at_home(visited))[0]
    covered = coverage(visited, REGISTRY.get("chongqing").catalog, on=TODAY)
    use = UseFacts(item=visited, medium=Medium.PHYSICAL, permission=permission(visited, "chongqing"), coverage=covered)
    for verdict in (home, three(suspended, use)[0]):
        assert (verdict.decision, verdict.reason) == (Decision.LIMITED, "FUNCTION_SUSPENDED")
        assert (verdict.item_types, verdict.legal_basis) == (("CUL.MUSEUM",), ARTICLE_17)
    assert three(card(), use)[0] == ClassVerdict(IDENTITY, Decision.ALLOWED, "OK")


def test_a_suspension_that_leaves_only_what_the_agreement_does_not_cover_refuses() -> None:
    """The suspension stays the reason where nothing is left after it."""
    visited = mixed_item()
    allowed = replace(permission(visited, "chongqing"), item_types=("SI.PERSON.RECORD",))
    covered = coverage(visited, REGISTRY.get("chongqing").catalog, on=TODAY)
    use = UseFacts(item=visited, medium=Medium.PHYSICAL, permission=allowed, coverage=covered)
    verdict = three(card(CardFunction.SOCIAL_SECURITY), use)[0]
    assert (verdict.decision, verdict.reason) == (Decision.REFUSED, "FUNCTION_SUSPENDED")
    assert verdict.legal_basis == ARTICLE_17


def test_knowledge_older_than_the_agreement_allows_is_refused_abroad_only() -> None:
    """Identity may be 300 s old and a little more for the clocks; money must be live; home has no limit."""
    use = abroad("sichuan", "chongqing", "CQ-02")
    limit = 300 + LIVE_TOLERANCE_SECONDS
    assert three(card(age=limit), use)[0].usable
    assert three(card(age=limit + 0.001), use)[0].reason == "STALE_STATUS"
    assert three(card(age=LIVE_TOLERANCE_SECONDS), use)[1].usable
    assert three(card(age=LIVE_TOLERANCE_SECONDS + 0.001), use)[1].reason == "STALE_STATUS"
    assert all(v.usable for v in three(card(age=1e9), at_home(item("chongqing", "CQ-02"))))


def test_a_class_outside_the_agreement_is_refused() -> None:
    """Guangdong gives money for items that the Greater Bay Area agreement opens for identity only."""
    use = abroad("sichuan", "chongqing", "CQ-02", classes=("identity",))
    one, two, last = three(card(), use)
    assert one.usable
    # The age of the knowledge comes first: a class without a limit in the agreement has the strictest one.
    assert (two.reason, last.reason) == ("CLASS_NOT_IN_AGREEMENT", "CLASS_NOT_IN_AGREEMENT")


def test_an_item_without_counterpart_at_home_is_refused() -> None:
    """Chongqing has no ferry."""
    use = abroad("chongqing", "sichuan", "SC-15")
    bare = replace(use, coverage=coverage(item("guangdong", "GD-07"), REGISTRY.get("chongqing").catalog, on=TODAY))
    assert three(card(), bare)[0].reason == "NO_EQUIVALENT_ITEM"


def test_coverage_in_part_limits_to_what_is_covered() -> None:
    """SC-16 is museums of three kinds, CQ-31 one of them."""
    verdict = three(card(), abroad("chongqing", "sichuan", "SC-16"))[0]
    assert (verdict.decision, verdict.reason) == (Decision.LIMITED, "ITEM_COVERED_IN_PART")
    assert verdict.item_types == ("CUL.MUSEUM",)


def test_coverage_by_several_items_together_is_full() -> None:
    """CQ-30 is SC-13 and SC-14 together."""
    assert three(card(), abroad("sichuan", "chongqing", "CQ-30"))[0] == ClassVerdict(IDENTITY, Decision.ALLOWED, "OK")


def test_each_class_is_limited_to_its_own_types() -> None:
    """What Sichuan gives for identity and what it pays are different parts of CQ-02; nobody there takes a fee."""
    one, two, last = three(card(), abroad("sichuan", "chongqing", "CQ-02"))
    assert (one.decision, one.item_types) == (Decision.LIMITED, PERSON)
    assert (two.decision, two.item_types) == (Decision.LIMITED, BENEFITS)
    assert (last.decision, last.reason) == (Decision.REFUSED, "CLASS_NOT_IN_HOME_ITEM")


def test_a_residue_outside_every_type_is_never_granted() -> None:
    """An item whose types are covered whole is still limited while a part of it has no type."""
    use = abroad("chongqing", "sichuan", "SC-15")
    verdict = three(card(), replace(use, item=replace(use.item, residue="其他")))[0]
    assert (verdict.decision, verdict.reason) == (Decision.LIMITED, "ITEM_COVERED_IN_PART")
    assert verdict.item_types == ("CUL.MUSEUM",)


def test_an_agreement_that_covers_none_of_the_covered_types_refuses() -> None:
    """The agreement narrows too."""
    verdict = three(card(), abroad("chongqing", "sichuan", "SC-16", item_types=("CUL.ARTMUSEUM",)))[0]
    assert (verdict.decision, verdict.reason) == (Decision.REFUSED, "ITEM_NOT_IN_AGREEMENT")


_ABROAD = [
    abroad(home, region, name)
    for home, region, name in (
        ("chongqing", "sichuan", "SC-15"),
        ("chongqing", "sichuan", "SC-16"),
        ("sichuan", "chongqing", "CQ-02"),
        ("sichuan", "chongqing", "CQ-30"),
    )
]


@given(
    use=st.sampled_from(_ABROAD),
    status=st.sampled_from(CardStatus),
    suspended=st.frozensets(st.sampled_from(CardFunction)),
    age=st.sampled_from([0.0, 200.0, 1e6]),
    classes=st.sets(st.sampled_from(["identity", "disbursement", "payment"])),
)
def test_no_fact_widens_what_another_left(
    use: UseFacts, status: CardStatus, suspended: frozenset[CardFunction], age: float, classes: set[str]
) -> None:
    """A worse card or a narrower agreement never allows what a better one refuses, nor a type that it leaves out."""
    assert use.permission is not None
    narrow = replace(use, permission=replace(use.permission, classes=tuple(sorted(classes))))
    best = RULES.form(card(), use)
    worse = RULES.form(card(*suspended, age=age, status=status), narrow)
    whole = tuple(sorted(relation.item_type for relation in use.item.relations))
    for good, bad in zip(best, worse, strict=True):
        assert good.usable or not bad.usable
        if bad.usable:
            assert set(bad.item_types or whole) <= set(good.item_types or whole)
            assert bad.application_class.value in classes


def test_every_reason_of_a_verdict_is_told_with_its_decision() -> None:
    """Over all items, states and forms of the card: OK exactly where allowed, types exactly where limited."""
    for adapter, status, medium in product(REGISTRY, CardStatus, Medium):
        for visited in adapter.catalog:
            for verdict in RULES.form(card(status=status), at_home(visited, medium)):
                assert (verdict.reason == "OK") is (verdict.decision is Decision.ALLOWED)
                assert bool(verdict.item_types) is (verdict.decision is Decision.LIMITED)


def test_the_rules_explain_every_verdict_of_their_own() -> None:
    """Over all items, states and forms of the card, at home and abroad; a swapped reason is not explained."""
    at_homes = (at_home(visited, medium) for adapter in REGISTRY for visited in adapter.catalog for medium in Medium)
    for use, status, age in product((*at_homes, *_ABROAD), CardStatus, (0.0, 1e9)):
        for verdict in RULES.form(card(status=status, age=age), use):
            assert RULES.explains(verdict)
            assert not RULES.explains(replace(verdict, reason="LIMIT"))
            assert not RULES.explains(replace(verdict, item_types=() if verdict.item_types else ("CUL.MUSEUM",)))


@pytest.mark.parametrize("status", CardStatus)
def test_what_a_state_means_can_be_asked(status: CardStatus) -> None:
    """The rule is the one by which verdicts are formed."""
    verdict = three(card(status=status), at_home(item("chongqing", "CQ-31")))[0]
    assert (verdict.reason, verdict.usable) == (RULES.of(status).reason, IDENTITY in RULES.of(status).allowed)
