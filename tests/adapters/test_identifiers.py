"""The numbers: what each accepts and refuses, and what it tells.

All numbers are fictitious: worked examples with invented holders.
"""

from __future__ import annotations

import datetime
import doctest

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from stdnum.cn import ric, uscc
from stdnum.iso7064 import mod_11_2

import adapters.identifiers
from adapters.errors import MalformedNumberError
from adapters.identifiers import (
    CitizenNumber,
    HongKongIdentityCard,
    IdentificationCode,
    Identifier,
    PermanentResidentCard,
    PersonNumber,
    ResidencePermit,
    SocialSecurityNumber,
    UnifiedSocialCreditCode,
    person_check_character,
)
from tests.adapters.number_examples import BAD, GOOD

PERSON_KINDS: list[type[PersonNumber]] = [CitizenNumber, ResidencePermit, PermanentResidentCard, SocialSecurityNumber]

dates = st.dates(min_value=datetime.date(1, 1, 1)).map(lambda day: f"{day.year:04d}{day:%m%d}")
digits = st.text("0123456789", min_size=3, max_size=3)
divisions = st.from_regex(r"[1-7][0-9]{5}", fullmatch=True)
prefixes = st.one_of(
    divisions, st.sampled_from(["810000", "820000", "830000"]), st.from_regex(r"9[0-9]{5}", fullmatch=True)
)
bodies = st.builds("{}{}{}".format, prefixes, dates, digits)


@pytest.mark.parametrize(("kind", "text", "canonical"), GOOD)
def test_a_worked_example_is_read_in_its_canonical_spelling(kind: type[Identifier], text: str, canonical: str) -> None:
    """A good number reveals the canonical spelling, which is itself good and equal."""
    number = kind(text)
    assert number.reveal() == canonical
    assert kind(canonical) == number
    assert hash(kind(canonical)) == hash(number)


@pytest.mark.parametrize(("kind", "text", "rule"), BAD)
def test_a_bad_number_is_refused_by_the_rule_it_breaks(kind: type[Identifier], text: str, rule: str) -> None:
    """The error names field, type and rule, and neither it nor what it was raised from holds the value."""
    with pytest.raises(MalformedNumberError) as caught:
        kind(text, field="holder.number")
    assert caught.value.metadata == {"field": "holder.number", "type": kind.field_type, "rule": rule}
    assert caught.value.__context__ is None
    if text:
        assert text not in str(caught.value) + repr(caught.value)


@given(bodies)
def test_the_right_check_character_makes_a_number(body: str) -> None:
    """A body with its check character is good, and only as the kind of document that its prefix tells."""
    text = body + person_check_character(body)
    number = SocialSecurityNumber(text)
    assert mod_11_2.is_valid(text)
    for kind in (CitizenNumber, ResidencePermit, PermanentResidentCard):
        if kind.field_type == number.kind:
            assert kind(text).birth_date == number.birth_date
        else:
            with pytest.raises(MalformedNumberError, match="rule=prefix"):
                kind(text)


@given(bodies, st.sampled_from("0123456789X"))
def test_the_fast_sum_agrees_with_the_library(body: str, check: str) -> None:
    """A last character is accepted exactly if python-stdnum accepts it."""
    text = body + check
    try:
        SocialSecurityNumber(text)
    except MalformedNumberError as error:
        assert error.metadata["rule"] == "check_digit"  # noqa: PT017 - the other branch is as good
        assert not mod_11_2.is_valid(text)
    else:
        assert mod_11_2.is_valid(text)


@given(st.sampled_from(["110105", "500103", "420302"]), dates, digits)
def test_what_the_library_calls_a_citizen_number_is_one(division: str, date: str, sequence: str) -> None:
    """What python-stdnum accepts, with its narrower list of divisions, is accepted, with the same birth date."""
    body = f"{division}{date}{sequence}"
    text = body + person_check_character(body)
    assume(ric.is_valid(text))
    assert CitizenNumber(text).birth_date == ric.get_birth_date(text)


@given(bodies, st.integers(0, 17), st.sampled_from("0123456789X"))
def test_any_one_wrong_character_is_found(body: str, place: int, other: str) -> None:
    """MOD 11-2 finds every single error."""
    text = body + person_check_character(body)
    assume(text[place] != other)
    with pytest.raises(MalformedNumberError):
        SocialSecurityNumber(text[:place] + other + text[place + 1 :])


@given(bodies, st.integers(0, 16))
def test_any_two_neighbors_exchanged_are_found(body: str, place: int) -> None:
    """MOD 11-2 finds every exchange of two different neighbors."""
    text = body + person_check_character(body)
    assume(text[place] != text[place + 1])
    with pytest.raises(MalformedNumberError):
        SocialSecurityNumber(text[:place] + text[place + 1] + text[place] + text[place + 2 :])


@given(st.from_regex(r"[0-9A-HJ-NP-RTUWXY]{2}[0-9]{6}[0-9A-HJ-NP-RTUWXY]{9}", fullmatch=True))
def test_a_credit_code_may_begin_with_letters(body: str) -> None:
    """Exactly one of the last characters is right, also for bodies that begin with letters."""
    good = body + uscc.calc_check_digit(body)
    assert UnifiedSocialCreditCode(good).reveal() == good
    wrong = body + ("1" if good[-1] == "0" else "0")
    with pytest.raises(MalformedNumberError, match="rule=check_digit"):
        UnifiedSocialCreditCode(wrong)


@given(st.from_regex(r"[A-Z]{1,2}[0-9]{6}", fullmatch=True))
def test_a_hong_kong_card_has_one_check_character(body: str) -> None:
    """Of the eleven check characters exactly one is right."""
    accepted = []
    for check in "0123456789A":
        try:
            accepted.append(HongKongIdentityCard(f"{body}({check})"))
        except MalformedNumberError as error:
            assert error.metadata["rule"] == "check_digit"  # noqa: PT017 - ten of the eleven must come here
    assert len(accepted) == 1


def test_a_person_number_tells_birth_date_sex_and_division() -> None:
    """Birth date, sex and division of first registration are read from the number, an abolished division too."""
    man = CitizenNumber("500103199001014513")
    assert (man.birth_date, man.sex, man.division.value) == (datetime.date(1990, 1, 1), "male", "500103")
    assert CitizenNumber("11010519491231002X").sex == "female"
    abolished = "519999190101010"
    body = f"{abolished}01"
    assert CitizenNumber(body + person_check_character(body)).division.province == "51"
    assert IdentificationCode("639900D15600000500BF7C7A48FB4966").issuer.value == "639900"


@pytest.mark.parametrize("kind", PERSON_KINDS)
def test_a_birth_date_is_given_by_every_kind_of_person_number(kind: type[PersonNumber]) -> None:
    """Every 18-character kind gives the date that stands in its number."""
    text = next(text for other, text, _ in GOOD if other is kind)
    assert f"{kind(text).birth_date:%Y%m%d}" == text[6:14]


def test_the_examples_of_the_manual_hold() -> None:
    """The examples in the module's text run as printed."""
    assert doctest.testmod(adapters.identifiers).failed == 0
