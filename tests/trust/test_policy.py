"""What agreements allow: group AZ of the security contract, and laws of the book."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.test_agreement import terms
from trust.agreement import Agreement
from trust.errors import (
    AgreementDataError,
    AgreementNotInForceError,
    ClassNotAllowedError,
    ConsentMissingError,
    ItemNotInAgreementError,
    MediumNotAllowedError,
    NoAgreementError,
    PurposeNotAllowedError,
    TrustError,
)
from trust.policy import AgreementBook, Permission
from trust.vocabulary import CLASSES, MEDIA, PURPOSES

DAY = date(2026, 6, 1)
PAIR = Agreement.from_mapping(terms())
NEXT = Agreement.from_mapping(
    terms(
        id="chongqing-xizang", regions=["chongqing", "xizang"], item_types=["TRA.*"], legal_basis=terms()["legal_basis"]
    )
)
BAY = Agreement.from_mapping(
    terms(
        id="greater-bay-area",
        regions=["guangdong", "hongkong", "macao"],
        item_types=["GOV.IDENTITY", "SI.PERSON.*"],
        classes=["identity"],
        consent_required=True,
        cross_border=True,
        legal_basis=[{"region": "guangdong", "source": "广东省社会保障卡居民服务一卡通条例", "article": "第十七条"}],
    )
)
BOOK = AgreementBook([BAY, PAIR, NEXT])


def permit(book: AgreementBook = BOOK, /, **changes: object) -> Permission:
    """Ask for something that is allowed, with parts of the question changed."""
    question: dict[str, object] = {
        "home": "chongqing",
        "visited": "sichuan",
        "item_types": ["SI.PERSON.REG"],
        "purpose": "identity_check",
        "classes": ["identity"],
        "medium": "physical",
        "on": DAY,
        "consent_reference": None,
    }
    return book.permit(**{**question, **changes})  # type: ignore[arg-type]  # a test may ask anything


def test_what_is_listed_is_allowed() -> None:
    """The positive twin: the answer names agreement, classes, items, fields and age limits."""
    assert permit() == Permission(
        agreement="sichuan-chongqing",
        classes=("identity",),
        item_types=("SI.PERSON.REG",),
        fields=frozenset({"holder.name", "card.status"}),
        data_age_limit_seconds={"identity": 300},
    )


def test_the_answer_is_cut_down_to_what_is_listed() -> None:
    """Items and classes beyond the agreement fall away; what is asked twice is answered once."""
    permission = permit(
        item_types=["MED.VISIT", "SI.BENEFIT.PENSION", "SI.BENEFIT.PENSION"],
        classes=["payment", "disbursement", "identity", "payment"],
    )
    assert permission.item_types == ("SI.BENEFIT.PENSION",)
    assert permission.classes == ("payment", "identity")
    assert permission.data_age_limit_seconds == {"identity": 300, "payment": 0}


def test_enumerations_of_strings_are_strings() -> None:
    """The gateway's own enumerations may be asked with; the answer holds plain text."""

    class Class(StrEnum):
        IDENTITY = "identity"

    assert type(permit(classes=[Class.IDENTITY]).classes[0]) is str


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"visited": "macao"}, NoAgreementError),
        ({"visited": "xizang", "home": "sichuan"}, NoAgreementError),
        ({"visited": "chongqing"}, NoAgreementError),
        ({"visited": "Sichuan"}, NoAgreementError),
        ({"visited": ""}, NoAgreementError),
        ({"visited": "*"}, NoAgreementError),
        ({"on": date(2024, 12, 31)}, AgreementNotInForceError),
        ({"on": date(2028, 1, 1)}, AgreementNotInForceError),
        ({"purpose": "medical_care"}, PurposeNotAllowedError),
        ({"purpose": "Identity_Check"}, PurposeNotAllowedError),
        ({"purpose": ""}, PurposeNotAllowedError),
        ({"purpose": "*"}, PurposeNotAllowedError),
        ({"medium": "qr"}, MediumNotAllowedError),
        ({"medium": ""}, MediumNotAllowedError),
        ({"item_types": []}, ItemNotInAgreementError),
        ({"item_types": ["MED.VISIT"]}, ItemNotInAgreementError),
        ({"item_types": ["SI.*"]}, ItemNotInAgreementError),
        ({"classes": []}, ClassNotAllowedError),
        ({"classes": ["disbursement"]}, ClassNotAllowedError),
    ],
    ids=str,
)
def test_what_is_not_listed_is_refused(changes: dict[str, object], error: type[TrustError]) -> None:
    """AZ1: no agreement, no day, no purpose, no medium, no item, no class: each has its own refusal."""
    with pytest.raises(TrustError) as caught:
        permit(**changes)
    assert type(caught.value) is error


@pytest.mark.parametrize("day", [date(2025, 1, 1), date(2027, 12, 31)])
def test_the_first_and_the_last_day_count(day: date) -> None:
    """An agreement is in force on both of its days."""
    assert permit(on=day).agreement == "sichuan-chongqing"


def test_trust_is_not_transitive() -> None:
    """AZ3: Sichuan with Chongqing and Chongqing with Xizang says nothing of Sichuan and Xizang."""
    assert BOOK.between("sichuan", "chongqing", on=DAY) is PAIR
    assert BOOK.between("chongqing", "xizang", on=DAY) is NEXT
    with pytest.raises(NoAgreementError) as caught:
        BOOK.between("sichuan", "xizang", on=DAY)
    assert caught.value.metadata == {"regions": "sichuan,xizang"}


@pytest.mark.parametrize("reference", [None, "", " ", "\n"])
def test_data_that_crosses_the_border_needs_a_reference(reference: str | None) -> None:
    """AZ6: without a consent or contract reference nothing is allowed."""
    question = {"home": "guangdong", "visited": "hongkong", "consent_reference": reference}
    with pytest.raises(ConsentMissingError) as caught:
        permit(**question)
    assert caught.value.metadata == {"agreement": "greater-bay-area"}
    assert permit(**{**question, "consent_reference": "GBA-2026-1"}).agreement == "greater-bay-area"


@pytest.mark.parametrize(("consent", "border"), [(True, False), (False, True)])
def test_either_reason_demands_a_reference(*, consent: bool, border: bool) -> None:
    """A consent demanded by the agreement, and a border, each need a reference."""
    book = AgreementBook([Agreement.from_mapping(terms(consent_required=consent, cross_border=border))])
    with pytest.raises(ConsentMissingError):
        permit(book)


def test_a_later_agreement_may_follow_an_earlier_one() -> None:
    """Two agreements of the same regions are fine when they do not overlap in time; each rules its own days."""
    later = Agreement.from_mapping(terms(id="second", in_force_from=date(2028, 1, 1), in_force_to=date(2029, 1, 1)))
    book = AgreementBook([later, PAIR])
    assert book.between("sichuan", "chongqing", on=date(2028, 1, 1)) is later
    assert book.between("sichuan", "chongqing", on=DAY) is PAIR
    with pytest.raises(AgreementNotInForceError) as caught:
        book.between("sichuan", "chongqing", on=date(2030, 1, 1))
    assert caught.value.metadata == {"agreement": "sichuan-chongqing", "regions": "sichuan,chongqing"}


@pytest.mark.parametrize(
    "changes",
    [{}, {"id": "second"}, {"id": "second", "in_force_from": date(2027, 12, 31), "in_force_to": date(2028, 1, 1)}],
)
def test_two_agreements_for_one_day_make_no_book(changes: dict[str, object]) -> None:
    """Where nobody could say which applies, the operator must."""
    with pytest.raises(AgreementDataError):
        AgreementBook([PAIR, Agreement.from_mapping(terms(**changes))])


def test_an_empty_book_allows_nothing() -> None:
    """Empty means refuse."""
    with pytest.raises(NoAgreementError):
        permit(AgreementBook([]))


REGIONS = ("sichuan", "chongqing", "xizang", "guangdong", "hongkong", "macao", "guangxi")
ITEMS = ("SI.PERSON.REG", "SI.BENEFIT", "SIX.Y", "TRA.BUS", "GOV.IDENTITY", "MED.VISIT")


@given(
    home=st.sampled_from(REGIONS),
    visited=st.sampled_from(REGIONS),
    item_types=st.lists(st.sampled_from(ITEMS), max_size=4),
    classes=st.lists(st.sampled_from(sorted(CLASSES)), max_size=4),
    purpose=st.sampled_from(sorted(PURPOSES)),
    medium=st.sampled_from(sorted(MEDIA)),
    on=st.dates(date(2024, 1, 1), date(2029, 1, 1)),
    consent_reference=st.sampled_from((None, "C-1")),
)
def test_a_permission_is_symmetric_and_within_its_agreement(home: str, visited: str, **question: object) -> None:
    """Who is home makes no difference, and no permission goes beyond the question or the agreement."""
    answers: list[object] = []
    for one, other in ((home, visited), (visited, home)):
        try:
            answers.append(permit(home=one, visited=other, **question))
        except TrustError as error:
            answers.append(type(error))
    assert answers[0] == answers[1]
    permission = answers[0]
    if not isinstance(permission, Permission):
        return
    agreement = next(agreement for agreement in BOOK.agreements if agreement.id == permission.agreement)
    assert {home, visited} <= set(agreement.regions)
    assert home != visited
    assert agreement.in_force_from <= question["on"] <= agreement.in_force_to  # type: ignore[operator]
    assert question["purpose"] in agreement.purposes
    assert question["consent_reference"] or not agreement.cross_border
    assert set(permission.item_types) <= set(question["item_types"])  # type: ignore[call-overload]
    stems = tuple(pattern.removesuffix("*") for pattern in agreement.item_types)
    assert all(item_type.startswith(stems) for item_type in permission.item_types)
    assert set(permission.classes) <= set(question["classes"]) & set(agreement.classes)  # type: ignore[call-overload]
    assert permission.item_types
    assert permission.classes
    assert permission.fields == agreement.fields
