"""Arbitrary card identities for property tests: every field may be missing, every value is invented."""

from __future__ import annotations

from datetime import date

from hypothesis import strategies as st

from adapters.canonical import SPECIFICATIONS, Card, CardIdentity, Document, Holder, PersonName, RomanisedName
from adapters.identifiers import (
    CardNumber,
    DivisionCode,
    ElectronicSignNumber,
    IdentificationCode,
    IntegrityRecordReference,
    SocialSecurityNumber,
    person_check_character,
)
from adapters.words import CardFunction, CardStatus, DocumentType, Sex

DIGITS, CAPITALS, HEXADECIMAL = "0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789ABCDEF"
WORD = CAPITALS + CAPITALS.lower() + DIGITS + "_-"


def some(alphabet: str, least: int, most: int | None = None) -> st.SearchStrategy[str]:
    """Texts of an alphabet, of one length or between two."""
    return st.text(alphabet, min_size=least, max_size=most or least)


def digits(count: int) -> st.SearchStrategy[str]:
    """Texts of so many digits."""
    return some(DIGITS, count)


@st.composite
def person_numbers(draw: st.DrawFn, prefixes: st.SearchStrategy[str]) -> str:
    """Numbers of the form of GB 11643 under some prefix, born in 1900-1919."""
    day = draw(st.dates(date(1900, 1, 1), date(1919, 12, 31)))
    body = f"{draw(prefixes)}{day:%Y%m%d}{draw(digits(3))}"
    return body + person_check_character(body)


@st.composite
def hong_kong_cards(draw: st.DrawFn) -> str:
    """Identity cards of Hong Kong with the right check character, one letter or two."""
    letters, body = draw(some(CAPITALS, 1, 2)), draw(digits(6))
    values = [36 if letter == " " else ord(letter) - 55 for letter in letters.rjust(2)] + [int(digit) for digit in body]
    total = sum(weight * value for weight, value in zip(range(9, 1, -1), values, strict=True))
    return f"{letters}{body}({'0123456789A'[-total % 11]})"


CITIZENS = person_numbers(st.sampled_from(["110105", "500103", "510202", "512922", "639900", "820001"]))
PERMITS = person_numbers(st.sampled_from(["810000", "820000", "830000"]))
RESIDENTS = person_numbers(st.sampled_from(["911840", "950250"]))
DOCUMENT_TEXTS: dict[DocumentType, st.SearchStrategy[str]] = {
    DocumentType.CITIZEN_ID: CITIZENS,
    DocumentType.RESIDENCE_PERMIT: PERMITS,
    DocumentType.HOME_RETURN_PERMIT: st.builds(str.__add__, some("HM", 1), digits(8) | digits(10)),
    DocumentType.TAIWAN_PERMIT: digits(8) | st.builds("{}({})".format, digits(10), some(CAPITALS, 1)),
    DocumentType.PERMANENT_RESIDENT_CARD: RESIDENTS,
    DocumentType.PASSPORT: some(CAPITALS + DIGITS, 5, 20),
    DocumentType.HONGKONG_IDENTITY_CARD: hong_kong_cards(),
    DocumentType.MACAO_IDENTITY_CARD: st.builds("{}{}({})".format, some("157", 1), digits(6), digits(1)),
}

_NAME_CHARACTERS = (
    st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF)
    | st.characters(min_codepoint=0x20000, max_codepoint=0x2A6DF)
    | st.characters(min_codepoint=0xE000, max_codepoint=0xF8FF, categories=["Co"])
    | st.sampled_from("··••  ’'-.,&<>\"\\éñཀˑㄅ")
)
NAMES = (
    st.sampled_from(["测试甲", "扎西·测试样例", "𠮷测试", "测试 样例", "·"])
    | (st.text(_NAME_CHARACTERS, max_size=60) | st.text(_NAME_CHARACTERS, min_size=80, max_size=100))
    .map(str.strip)
    .filter(bool)
).map(PersonName)
LATIN = (
    st.text(CAPITALS + CAPITALS.lower() + " '-,", min_size=1, max_size=40).map(str.strip).filter(bool).map(PersonName)
)
DAYS = st.dates(date(1900, 1, 1), date(2039, 12, 31)) | st.dates()


def documents() -> st.SearchStrategy[tuple[Document, ...]]:
    """Up to three documents, of all kinds, in any order, alike or not."""
    one = st.sampled_from(DocumentType).flatmap(
        lambda kind: DOCUMENT_TEXTS[kind].map(lambda text: Document.parse(kind, text))
    )
    return st.lists(one, max_size=3).map(tuple)


def optional(values: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """A value, or none."""
    return st.none() | values


HOLDERS = st.builds(
    Holder,
    social_security_number=optional((CITIZENS | PERMITS | RESIDENTS).map(SocialSecurityNumber)),
    name=optional(NAMES),
    romanised_name=optional(st.builds(RomanisedName, LATIN, st.none() | LATIN)),
    sex=optional(st.sampled_from(Sex)),
    birth_date=optional(DAYS),
    nationality=optional(st.sampled_from(["CHN", "HKG", "MAC", "TWN", "PRT", "FRA", "XXA"])),
    documents=documents(),
    integrity_record=optional(some(WORD, 1, 64).map(IntegrityRecordReference)),
)
CARDS = st.builds(
    Card,
    number=optional(
        st.builds("{}{}{}".format, some(CAPITALS, 1), some(CAPITALS + DIGITS, 1), digits(7)).map(CardNumber)
    ),
    identification_code=optional(
        st.builds("5{}{}".format, digits(5), some(HEXADECIMAL, 18) | some(HEXADECIMAL, 26)).map(IdentificationCode)
    ),
    issuer_division=optional(st.builds("{}{}".format, some("123456789", 1), digits(5)).map(DivisionCode)),
    specification=optional(st.sampled_from(sorted(SPECIFICATIONS))),
    issued_on=optional(DAYS),
    expires_on=optional(DAYS),
    status=optional(st.sampled_from(CardStatus)),
    suspended_functions=st.frozensets(st.sampled_from(CardFunction)),
    electronic_sign_number=optional(some(WORD, 1, 64).map(ElectronicSignNumber)),
)
IDENTITIES = st.builds(CardIdentity, st.just("nowhere"), HOLDERS, CARDS)
