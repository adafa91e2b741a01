"""Numbers of the card and its holder as value types that cannot hold a wrong value.

    >>> CitizenNumber("11010519491231002X").birth_date
    datetime.date(1949, 12, 31)
    >>> SocialSecurityNumber("810000199408230021")
    SocialSecurityNumber(***)

Here are the numbers that mainland standards define; `adapters.document_numbers` has the travel and identity documents
of Hong Kong, Macao, Taiwan and abroad. All of them can be imported from this module.

No clock is read, so a birth date is only checked to be a day of the calendar; who has a clock refuses one that is
still to come. A number is never refused because its division is unknown or abolished: a citizen keeps the code of the
place of first registration for life.
"""

from __future__ import annotations

import datetime
import re
from typing import ClassVar, Literal

from stdnum.cn import uscc
from stdnum.iso7064 import mod_11_2

from adapters.divisions import DivisionCode
from adapters.document_numbers import (
    HomeReturnPermit,
    HongKongIdentityCard,
    MacaoIdentityCard,
    Passport,
    PermanentResidentCard2017,
    TaiwanPermit,
)
from adapters.masked_values import Identifier, Rule

__all__ = [
    "CardNumber",
    "CitizenNumber",
    "DivisionCode",
    "ElectronicSignNumber",
    "HolderKind",
    "HomeReturnPermit",
    "HongKongIdentityCard",
    "IdentificationCode",
    "Identifier",
    "IntegrityRecordReference",
    "MacaoIdentityCard",
    "Passport",
    "PermanentResidentCard",
    "PermanentResidentCard2017",
    "PersonNumber",
    "ResidencePermit",
    "Rule",
    "SocialSecurityNumber",
    "TaiwanPermit",
    "UnifiedSocialCreditCode",
    "person_check_character",
]

HolderKind = Literal["citizen_number", "residence_permit", "permanent_resident_card"]
"""The document whose number serves as a social-security number: the `field_type` of its class."""

_day = datetime.date.fromisoformat
_RESIDENCE_PERMIT_PREFIXES = frozenset({"810000", "820000", "830000"})


def person_check_character(body: str) -> str:
    """Compute the last character ("0".."9" or "X") for the first 17 digits of a GB 11643 number."""
    return mod_11_2.calc_check_digit(body)


class PersonNumber(Identifier):
    """The form of GB 11643-1999: 6 digits, birth date, 3-digit sequence, ISO 7064 MOD 11-2 check character."""

    __slots__ = ()
    _lengths = frozenset({18})
    _alphabet = re.compile(r"[0-9]{17}[0-9X]")

    @staticmethod
    def _fault(text: str) -> Rule | None:
        """Check the calendar date, then the check character."""
        try:
            _day(text[6:14])
        except ValueError:
            return "date"
        # A fast path, since each identity has several of these. Measured on CPython 3.11: stdnum's mod_11_2.checksum
        # 1.4 us, its cn.ric.validate 17 us (which also refuses 810000 and retired divisions), this sum 0.13 us.
        # Reading in base 13 is reading in base 2 modulo 11, because 13 leaves 2; the parser of int does it in C.
        return None if int(text.replace("X", "A"), 13) % 11 == 1 else "check_digit"

    @property
    def birth_date(self) -> datetime.date:
        """The date of birth; it may lie in the future."""
        return datetime.date.fromisoformat(self._value[6:14])

    @property
    def sex(self) -> Literal["male", "female"]:
        """Male if the sequence number is odd, female if it is even."""
        return "male" if int(self._value[16]) % 2 else "female"


class CitizenNumber(PersonNumber):
    """公民身份号码, GB 11643-1999, 18 characters; the 15 digits used before 1999 are refused."""

    __slots__ = ()
    field_type = "citizen_number"
    _form = re.compile(r"(?!8[123]0000)[1-8][0-9]{16}[0-9X]")

    @property
    def division(self) -> DivisionCode:
        """The division of first registration, which need not exist any more."""
        return DivisionCode(self._value[:6])


class ResidencePermit(PersonNumber):
    """港澳台居民居住证号码: a GB 11643 number under 810000 Hong Kong, 820000 Macao or 830000 Taiwan."""

    __slots__ = ()
    field_type = "residence_permit"
    _form = re.compile(r"8[123]0000[0-9]{11}[0-9X]")


class PermanentResidentCard(PersonNumber):
    """外国人永久居留身份证号码 since 2023: 9, province of issue, ISO 3166-1 numeric country, then as GB 11643.

    The layout and the meaning of the sequence's parity are from memory; the country is not looked up.
    """

    __slots__ = ()
    field_type = "permanent_resident_card"
    _form = re.compile(r"9[0-9]{16}[0-9X]")


class SocialSecurityNumber(PersonNumber):
    """社会保障号码 (AAC002): the holder's citizen number, residence permit or permanent resident card of 2023."""

    __slots__ = ()
    field_type = "social_security_number"
    _form = re.compile(r"[1-9][0-9]{16}[0-9X]")

    @property
    def kind(self) -> HolderKind:
        """The document whose number this is."""
        if self._value[0] == "9":
            return "permanent_resident_card"
        return "residence_permit" if self._value[:6] in _RESIDENCE_PERMIT_PREFIXES else "citizen_number"


class UnifiedSocialCreditCode(Identifier):
    """统一社会信用代码, GB 32100-2015: 2 characters, 6-digit division, 9 characters, MOD 31-3 check character.

    The inner check digit of the old organization code (GB 11714) is not examined.
    """

    __slots__ = ()
    field_type = "unified_social_credit_code"
    _lengths = frozenset({18})
    _form = re.compile(r"[0-9A-HJ-NP-RTUWXY]{2}[0-9]{6}[0-9A-HJ-NP-RTUWXY]{10}")

    @staticmethod
    def _fault(text: str) -> Rule | None:
        """Check the last character."""
        # Not uscc.validate: it folds case, drops blanks and hyphens, and wants digits where N1 or Y1 are lawful.
        return None if uscc.calc_check_digit(text[:17]) == text[17] else "check_digit"


class CardNumber(Identifier):
    """社会保障卡卡号 (AAZ500 in most platforms): one or two capital letters, then digits, nine characters in all.

    The rule is what public payloads show; it changes when the card is replaced, so it does not name a person.
    """

    __slots__ = ()
    field_type = "card_number"
    _lengths = frozenset({9})
    _alphabet = re.compile(r"[A-Z0-9]{9}")
    _form = re.compile(r"[A-Z][A-Z0-9][0-9]{7}")


class IdentificationCode(Identifier):
    """卡识别码 (AAZ501 in most platforms): 24 or 32 hexadecimal digits, the first six naming the issuer.

    Either case is read; the canonical spelling has capitals.
    """

    __slots__ = ()
    field_type = "identification_code"
    _lengths = frozenset({24, 32})
    _alphabet = re.compile(r"[0-9A-Fa-f]+")
    _form = re.compile(r"[1-9][0-9]{5}[0-9A-Fa-f]{18}(?:[0-9A-Fa-f]{8})?")

    @staticmethod
    def _canonical(text: str) -> str:
        """Put the hexadecimal digits in capitals."""
        return text.upper()

    @property
    def issuer(self) -> DivisionCode:
        """The issuing division, or a pseudo-code of an issuer such as 639900."""
        return DivisionCode(self._value[:6])


class ElectronicSignNumber(Identifier):
    """电子社保卡签发号 (signNo). Its form is not published: 1 to 64 letters, digits, "_" or "-" are let through."""

    __slots__ = ()
    field_type = "electronic_sign_number"
    _lengths: ClassVar[range] = range(1, 65)
    _form = re.compile(r"[A-Za-z0-9_-]{1,64}")


class IntegrityRecordReference(Identifier):
    """Reference of a record of misuse (诚信档案, Shiyan Art. 13). Its form is each region's own: 1 to 64 characters."""

    __slots__ = ()
    field_type = "integrity_record"
    _lengths: ClassVar[range] = range(1, 65)
    _form = re.compile(r"[A-Za-z0-9_-]{1,64}")
