"""The neutral vocabulary: values that cannot be wrong, and that do not show themselves."""

from __future__ import annotations

import copy
import datetime
from dataclasses import FrozenInstanceError, astuple, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.canonical import (
    DOCUMENT_NUMBERS,
    FIELD_PATHS,
    Card,
    CardIdentity,
    Document,
    Holder,
    LocalizedText,
    PersonName,
    RegionalIdentity,
    RomanisedName,
)
from adapters.errors import MalformedFieldError, MalformedNumberError
from adapters.identifiers import CardNumber, Passport, SocialSecurityNumber
from adapters.words import CardStatus, DocumentType, LegalStatus
from tests.adapters.identity_strategies import IDENTITIES
from tests.adapters.region_cases import REGISTRY

ITEM = replace(
    REGISTRY.get("chongqing").catalog.items[0],
    legal_status=LegalStatus.IN_FORCE,
    effective_from=datetime.date(2024, 9, 16),
    effective_to=datetime.date(2027, 12, 31),
)


@pytest.mark.parametrize(
    "text", ["测试甲", "扎西·测试样例", "𠮷测试", "A", "样" * 100, "测试 样例", "O'Example-Sample", "\ue863测试"]
)
def test_name_is_kept_byte_for_byte(text: str) -> None:
    """A name is neither normalised nor trimmed, rare and private-use characters included."""
    assert PersonName(text).reveal() == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 测试",
        "测试 ",
        "\u3000测试",
        "样" * 101,
        "测\n试",
        "测|试",
        "测\u202e试",
        "测\u200b试",
        "测\ufffe试",
        "测\ud800",
    ],
)
def test_name_that_could_deceive_is_refused(text: str) -> None:
    """Blank ends, controls, invisible marks, halves of characters and separators are refused without an echo."""
    with pytest.raises(MalformedFieldError) as refused:
        PersonName(text)
    assert refused.value.metadata == {"field": "name", "rule": "name"}
    with pytest.raises(MalformedFieldError) as refused:
        PersonName(text, field="fields[xm]")
    assert refused.value.metadata["field"] == "fields[xm]"


def test_every_kind_of_document_has_its_number() -> None:
    """A document takes a number of its own kind and no other."""
    assert set(DOCUMENT_NUMBERS) == set(DocumentType)
    assert Document.parse(DocumentType.PASSPORT, "SYN0001").number == Passport("SYN0001")
    with pytest.raises(MalformedNumberError) as refused:
        Document.parse(DocumentType.PASSPORT, "x", field="fields[p]")
    assert refused.value.metadata["field"] == "fields[p]"
    with pytest.raises(TypeError, match="Passport"):
        Document(DocumentType.CITIZEN_ID, Passport("SYN0001"))


@pytest.mark.parametrize("text", ["", "CN", "chn", "CHNX", "156", "CHN\n"])
def test_nationality_has_three_capitals(text: str) -> None:
    """A nationality is an alpha-3 code by form."""
    assert Holder(nationality="CHN").nationality == "CHN"
    with pytest.raises(MalformedFieldError) as refused:
        Holder(nationality=text)
    assert refused.value.metadata == {"field": "holder.nationality", "rule": "iso_3166_alpha_3"}


@pytest.mark.parametrize("text", ["", "3", "3.0", "4.00"])
def test_specification_is_a_known_version(text: str) -> None:
    """A card has a version that was published."""
    assert Card(specification="3.00").specification == "3.00"
    with pytest.raises(MalformedFieldError) as refused:
        Card(specification=text)
    assert refused.value.metadata == {"field": "card.specification", "rule": "known_version"}


def test_masked_repr_names_what_is_told() -> None:
    """Printing an identity shows which fields it has and nothing that stands in them."""
    identity = CardIdentity(
        "invented",
        Holder(name=PersonName("测试甲"), social_security_number=SocialSecurityNumber("500112190302110117")),
        Card(number=CardNumber("Z00000019"), status=CardStatus.ACTIVE),
    )
    assert repr(identity) == (
        "CardIdentity(region='invented', holder=Holder(social_security_number, name), card=Card(number, status))"
    )
    assert repr(RegionalIdentity("invented", {"xm": "测试甲", "kh": "Z00000019"})) == (
        "RegionalIdentity(invented, ['kh', 'xm'])"
    )
    assert "TEST" not in repr(RomanisedName(PersonName("TEST"), PersonName("TEST")))


@given(identity=IDENTITIES)
def test_no_value_is_ever_printed(identity: CardIdentity) -> None:
    """Whatever an identity holds, its repr is made of field names only."""
    names = {path.partition(".")[2] for path in FIELD_PATHS}
    printed = repr(identity).replace("CardIdentity(region='nowhere', holder=Holder(", "").replace("), card=Card(", ", ")
    assert {name for name in printed.removesuffix("))").split(", ") if name} <= names


@given(identity=IDENTITIES, other=st.sampled_from(CardStatus))
def test_identity_cannot_be_changed(identity: CardIdentity, other: CardStatus) -> None:
    """Values are frozen; a change is a new value."""
    with pytest.raises(FrozenInstanceError):
        identity.card.status = other  # type: ignore[misc]
    assert replace(identity.card, status=other).status is other


@pytest.mark.parametrize(
    ("changes", "day", "expected"),
    [
        ({}, datetime.date(2024, 9, 15), False),
        ({}, datetime.date(2024, 9, 16), True),
        ({}, datetime.date(2027, 12, 31), True),
        ({}, datetime.date(2028, 1, 1), False),
        ({"effective_to": None}, datetime.date(2099, 1, 1), True),
        ({"effective_from": None}, datetime.date(2025, 1, 1), False),
        ({"legal_status": LegalStatus.DRAFT}, datetime.date(2025, 1, 1), False),
    ],
)
def test_item_authorises_within_its_dates_and_never_as_a_draft(
    changes: dict[str, object], day: datetime.date, *, expected: bool
) -> None:
    """The first and the last day count; a draft and an undated item authorise nothing."""
    item = replace(ITEM, **changes)  # type: ignore[arg-type]
    assert item.in_force(day) is expected


@given(st.tuples(*[st.text(alphabet=st.characters(exclude_categories=()), max_size=20)] * 4))
def test_a_text_in_four_languages_gives_back_what_it_was_made_of(texts: tuple[str, str, str, str]) -> None:
    """Whatever the four are, one by one, all at once, as fields, and as copies; equal texts are equal."""
    text = LocalizedText(*texts)
    assert text.texts == (text.zh_hans, text.zh_hant, text.en, text.pt) == texts
    assert astuple(text) == texts
    assert copy.deepcopy(text) == copy.copy(text) == LocalizedText(*texts) == text
    assert hash(LocalizedText(*texts)) == hash(text)
    assert replace(text, en="other").texts == (*texts[:2], "other", texts[3])
    assert text != LocalizedText(*texts[:3], texts[3] + "x")


def test_a_text_in_four_languages_does_not_change() -> None:
    """As any other value."""
    text = LocalizedText("一", "壹", "one", "um")
    with pytest.raises(FrozenInstanceError):
        text.en = "two"  # type: ignore[misc]  # as intended
    assert repr(text) == "LocalizedText(zh_hans='一', zh_hant='壹', en='one', pt='um')"
