"""Conversion between contract and program: total both ways, and what goes out comes back the same."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.canonical import Card, CardIdentity, Holder, Loss, PersonName, RegionalIdentity, RomanisedName
from adapters.credential import CredentialKind
from adapters.errors import AdapterError
from adapters.words import LossKind
from gateway.errors import InvalidFieldError
from gateway.peers.messages import identity_value
from gateway.reasons import Actor, Language
from gateway.rpc import convert, convert_catalog, convert_verdict, identity, region
from gateway.services.verify_card import View
from onecard.gateway.v1 import card_pb2, catalog_pb2, identity_service_pb2, region_pb2, verdict_pb2
from tests.adapters.identity_strategies import IDENTITIES
from tests.fakes.regions import credential as credential_of
from trust.vocabulary import CLASSES, MEDIA, PURPOSES

if TYPE_CHECKING:
    from enum import StrEnum


TABLES: list[tuple[dict[Any, int], Any]] = [
    (convert.STATUS, card_pb2.CardStatus),
    (convert.FUNCTION, card_pb2.CardFunction),
    (convert.MEDIUM, card_pb2.Medium),
    (convert.CLASS, card_pb2.ApplicationClass),
    (convert.PURPOSE, card_pb2.Purpose),
    (convert.SEX, card_pb2.Sex),
    (convert.DOCUMENT, card_pb2.DocumentType),
    (convert.LOSS, card_pb2.LossKind),
    (convert_catalog.RELATION, catalog_pb2.Relation),
    (convert_catalog.LAYER, catalog_pb2.Layer),
    (convert_catalog.LEGAL_STATUS, catalog_pb2.LegalStatus),
    (convert_verdict.DECISION, verdict_pb2.Decision),
    (region.CREDENTIAL_KIND, region_pb2.CredentialKind),
]


@pytest.mark.parametrize(("numbers", "wrapper"), TABLES, ids=[w.DESCRIPTOR.name for _, w in TABLES])
def test_every_enum_is_the_same_on_both_sides(numbers: dict[StrEnum, int], wrapper: Any) -> None:  # noqa: ANN401 - a wrapper
    """Each word has a number and each number but zero has a word; zero says that nothing was told."""
    assert set(numbers) == set(type(next(iter(numbers))))
    assert sorted([0, *numbers.values()]) == sorted(wrapper.values())
    assert wrapper.Name(0).endswith("_UNSPECIFIED")
    words = convert.reversed_numbers(numbers)
    assert {words[number]: number for number in words} == numbers


def test_actors_and_views_are_total_too() -> None:
    """NONE is written as unspecified; every view of the contract is known."""
    assert sorted(convert_verdict.ACTOR.values()) == sorted(verdict_pb2.Actor.values())
    assert set(convert_verdict.ACTOR) == set(Actor)
    views = {number: convert.Fields().view(number) for number in identity_service_pb2.IdentityView.values()}
    full = View()
    assert views == {
        identity_service_pb2.IDENTITY_VIEW_UNSPECIFIED: full,
        identity_service_pb2.IDENTITY_VIEW_FULL: full,
        identity_service_pb2.IDENTITY_VIEW_CANONICAL: View(canonical=True, regional=False),
        identity_service_pb2.IDENTITY_VIEW_REGIONAL: View(canonical=False, regional=True),
        identity_service_pb2.IDENTITY_VIEW_NONE: View(canonical=False, regional=False),
    }
    assert [view.any for view in (full, views[identity_service_pb2.IDENTITY_VIEW_NONE])] == [True, False]


def test_the_words_of_recognitions_are_those_of_the_contract() -> None:
    """A claim that the verifier lets pass can always be written as a message."""
    assert {word.value for word in convert.PURPOSE} == PURPOSES
    assert {word.value for word in convert.CLASS} == CLASSES
    assert {word.value for word in convert.MEDIUM} == MEDIA


def test_a_word_that_the_contract_lacks_is_found_at_start() -> None:
    """The pairing fails at import, not at the first call."""
    with pytest.raises(ValueError, match="SEX_PHYSICAL"):
        convert.enum_numbers(type(next(iter(convert.MEDIUM))), card_pb2.Sex, "SEX")


def written(identity_: CardIdentity) -> card_pb2.CardIdentity:
    """Write an identity."""
    message = card_pb2.CardIdentity()
    convert.identity_out(identity_, message)
    return message


@given(IDENTITIES)
def test_an_identity_goes_out_whole_and_comes_back_the_same(identity_: CardIdentity) -> None:
    """What a peer reads of our message is what we meant, through the bytes of the wire."""
    received = card_pb2.CardIdentity.FromString(written(identity_).SerializeToString())
    assert identity_value(received) == identity_


def test_what_is_not_told_stays_empty() -> None:
    """An empty holder is an empty message."""
    assert not written(CardIdentity("chongqing", Holder(), Card())).holder.ListFields()
    name = RomanisedName(PersonName("ONLY"))
    one = CardIdentity("chongqing", Holder(romanised_name=name, birth_date=date(999, 1, 2)), Card())
    assert written(one).holder.romanised_surname == "ONLY"
    assert written(one).holder.romanised_given_names == ""
    assert written(one).holder.birth_date == "0999-01-02"


def test_regional_forms_have_text_only_where_there_is_one() -> None:
    """Fields always, text if asked for, losses in their order."""
    regional = RegionalIdentity("sichuan", {"AAC003": "测试甲"}, (Loss("holder.sex", LossKind.UNMAPPABLE, "None."),))
    message = card_pb2.RegionalIdentity()
    convert.regional_out(regional, "", message)
    assert message == card_pb2.RegionalIdentity(region="sichuan", fields={"AAC003": "测试甲"})
    convert.regional_out(regional, "a|b|", message)
    assert message.text == "a|b|"
    response = identity_service_pb2.TranslateIdentityResponse()
    convert.losses_out(regional.losses, response.losses, Language.EN)
    assert response.losses[0] == card_pb2.Loss(field="holder.sex", kind=card_pb2.LOSS_KIND_UNMAPPABLE, detail="None.")


@given(st.floats(0, 4e9))
def test_timestamps_keep_the_microsecond_and_never_run_ahead(seconds: float) -> None:
    """A status is never told to be younger than it is."""
    stamp = convert.timestamp(seconds)
    told = stamp.seconds + stamp.nanos / 1e9
    assert 0 <= stamp.nanos < 1_000_000_000
    assert -1e-6 < told - seconds <= 1e-6


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("", "required"),
        ("a" * 65, "form"),
        ("with space", "form"),
        ("new\nline", "form"),
        ("end\n", "form"),
        ("测试", "form"),
        ("A-z0._-", ""),
        ("a" * 64, ""),
    ],
)
def test_request_ids_have_one_form(value: str, rule: str) -> None:
    """1 to 64 of A-Z a-z 0-9 . _ -."""
    fields = convert.Fields()
    assert fields.request_id(value) == value
    assert violations(fields) == ([("request_id", rule)] if rule else [])


def violations(fields: convert.Fields) -> list[tuple[str, str]]:
    """Finish, and give what was wrong."""
    try:
        fields.finish()
    except InvalidFieldError as error:
        return list(error.violations)
    return []


def test_all_that_is_wrong_is_told_at_once() -> None:
    """One refusal names every field once for each rule, in the order in which they were read."""
    fields = convert.Fields()
    fields.region("home_region", "CHONGQING")
    fields.item("visited_item", "../x")
    assert fields.reference("consent_reference", "") is None
    assert fields.reference("consent_reference", "SYN 1") == "SYN 1"
    assert fields.reference("consent_reference", "S" * 129)
    assert fields.word("medium", 0, convert.MEDIUM_WORD, "stand-in") == "stand-in"
    assert fields.word("medium", 99, convert.MEDIUM_WORD, "stand-in") == "stand-in"
    assert fields.view(99) == View()
    assert violations(fields) == [
        ("home_region", "form"),
        ("visited_item", "form"),
        ("consent_reference", "form"),
        ("medium", "required"),
        ("medium", "unknown_value"),
        ("view", "unknown_value"),
    ]


CHIP = "500106D156000001052E0A23070F3578"
READER = f"500106|500112190302110117|A00000001|{CHIP}|测试甲     |ATR|3.00|20210318|20310318|T|D|"
CREDENTIALS: list[tuple[dict[str, Any], CredentialKind]] = [
    (
        {"card_number": {"card_number": "A00000001", "social_security_number": "500112190302110117"}},
        CredentialKind.CARD_NUMBER,
    ),
    ({"identification_code": CHIP}, CredentialKind.IDENTIFICATION_CODE),
    ({"reader_text": READER}, CredentialKind.READER_TEXT),
    ({"electronic_sign_number": "SYN-CQ-00000001"}, CredentialKind.ELECTRONIC_SIGN_NUMBER),
    ({"qr_text": "SYN/QR&x=%20+<1>"}, CredentialKind.QR_TEXT),
]


@pytest.mark.parametrize(("given_", "kind"), CREDENTIALS, ids=[kind.value for _, kind in CREDENTIALS])
def test_every_kind_of_credential_is_read(given_: dict[str, Any], kind: CredentialKind) -> None:
    """Each branch of the oneof is one kind."""
    fields = convert.Fields()
    found = convert.credential_in(identity_service_pb2.Credential(**given_), fields)
    assert found is not None
    assert found.kind is kind
    assert violations(fields) == []


def test_every_branch_of_the_oneof_is_tried_above() -> None:
    """A kind that is added must be added here."""
    oneof = identity_service_pb2.Credential.DESCRIPTOR.oneofs_by_name["kind"]
    assert {field.name for field in oneof.fields} == {kind.value for _, kind in CREDENTIALS} == set(CredentialKind)


@pytest.mark.parametrize(
    ("given_", "missing"),
    [
        ({}, ["credential"]),
        (
            {"card_number": {}},
            ["credential.card_number.card_number", "credential.card_number.social_security_number"],
        ),
        ({"card_number": {"card_number": "A00000001"}}, ["credential.card_number.social_security_number"]),
    ],
)
def test_what_a_credential_lacks_is_named(given_: dict[str, Any], missing: list[str]) -> None:
    """All of it at once."""
    fields = convert.Fields()
    assert convert.credential_in(identity_service_pb2.Credential(**given_), fields) is None
    assert violations(fields) == [(name, "required") for name in missing]


@pytest.mark.parametrize("kind", [kind.value for kind in CredentialKind if kind is not CredentialKind.CARD_NUMBER])
@given(text=st.text(max_size=80))
def test_a_credential_is_good_or_refused_by_name_and_never_repeated(kind: str, text: str) -> None:
    """Whatever is typed, the error names the field, and holds no value."""
    fields = convert.Fields()
    message = identity_service_pb2.Credential(**{kind: text})  # type: ignore[arg-type]  # one of the text kinds
    caught: list[AdapterError] = []
    try:
        convert.credential_in(message, fields)
    except AdapterError as error:
        caught.append(error)
    assert all(error.metadata["field"].startswith(f"credential.{kind}") for error in caught)


def test_a_question_without_credential_is_never_made() -> None:
    """Even if the violations were lost, no question goes out without a credential."""

    class Forgiving(convert.Fields):
        def finish(self) -> None:
            """Let everything pass."""

    with pytest.raises(InvalidFieldError):
        identity.question_of(
            identity_service_pb2.VerifyCardRequest(),
            home_region="a",
            visited_region="b",
            asked_by="c",
            fields=Forgiving(),
        )
    assert credential_of("chongqing").kind is CredentialKind.CARD_NUMBER
