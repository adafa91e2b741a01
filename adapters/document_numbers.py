"""Numbers of identity and travel documents of Hong Kong, Macao, Taiwan and abroad.

Of these only the Hong Kong card has a check digit whose rule is generally known, and only that one is computed; of
the others the form is checked, as it is commonly known rather than as a standard states it.
"""

from __future__ import annotations

import datetime
import re
from typing import ClassVar

from adapters.masked_values import Identifier, Rule

_HONG_KONG_VALUES = {character: value for value, character in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ ")}
"""Value of each character; a blank, 36, stands before a single letter."""

_HONG_KONG_WEIGHTS = range(9, 0, -1)


class HongKongIdentityCard(Identifier):
    """Hong Kong identity card, `A123456(3)`: one or two letters, six digits, check character in brackets.

    `A1234563` is read too; the canonical spelling has brackets.
    """

    __slots__ = ()
    field_type = "hong_kong_identity_card"
    _lengths = range(8, 12)
    _form = re.compile(r"[A-Z]{1,2}[0-9]{6}(?:[0-9A]|\([0-9A]\))")

    @staticmethod
    def _fault(text: str) -> Rule | None:
        """Check that the weighted sum is a multiple of 11."""
        plain = text.replace("(", "").replace(")", "").rjust(9)
        total = sum(weight * _HONG_KONG_VALUES[c] for weight, c in zip(_HONG_KONG_WEIGHTS, plain, strict=True))
        return "check_digit" if total % 11 else None

    @staticmethod
    def _canonical(text: str) -> str:
        """Put the check character in brackets."""
        return text if text[-1] == ")" else f"{text[:-1]}({text[-1]})"


class MacaoIdentityCard(Identifier):
    """Macao resident identity card (BIR), `1234567(8)`; `1/234567/8` is read too.

    It begins with 1, 5 or 7. How the last digit is computed is not public, so it is not checked.
    """

    __slots__ = ()
    field_type = "macao_identity_card"
    _lengths = frozenset({10})
    _alphabet = re.compile(r"[0-9]{7}\([0-9]\)|[0-9]/[0-9]{6}/[0-9]")
    _form = re.compile(r"[157](?:[0-9]{6}\([0-9]\)|/[0-9]{6}/[0-9])")

    @staticmethod
    def _canonical(text: str) -> str:
        """Put the last digit in brackets."""
        return text if text[-1] == ")" else f"{text[0]}{text[2:8]}({text[9]})"


class HomeReturnPermit(Identifier):
    """港澳居民来往内地通行证: H or M and 8 digits; the older booklet adds 2 digits that count its reissues."""

    __slots__ = ()
    field_type = "home_return_permit"
    _lengths = frozenset({9, 11})
    _alphabet = re.compile(r"[A-Z0-9][0-9]+")
    _form = re.compile(r"[HM][0-9]{8}(?:[0-9]{2})?")


class TaiwanPermit(Identifier):
    """台湾居民来往大陆通行证: 8 digits; the older booklet has 10 digits and a capital letter in brackets."""

    __slots__ = ()
    field_type = "taiwan_permit"
    _lengths = frozenset({8, 13})
    _form = re.compile(r"[0-9]{8}|[0-9]{10}\([A-Z]\)")


class PermanentResidentCard2017(Identifier):
    """外国人永久居留身份证号码 of 2017: alpha-3 country, 4-digit division, birth date YYMMDD, 2 digits.

    The century of birth is not in the number, so no birth date is offered, and no rule for a check digit is known.
    """

    __slots__ = ()
    field_type = "permanent_resident_card_2017"
    _lengths = frozenset({15})
    _form = re.compile(r"[A-Z]{3}[0-9]{12}")

    @staticmethod
    def _fault(text: str) -> Rule | None:
        """Check that the date is a day of the calendar in some century."""
        # 2000 was a leap year and 1900 was not, so what is no date in the 2000s is none in the 1900s either.
        try:
            datetime.date.fromisoformat(f"20{text[7:13]}")
        except ValueError:
            return "date"
        return None


class Passport(Identifier):
    """Passport of any country: 5 to 20 capital letters and digits (ICAO Doc 9303 allows no others)."""

    __slots__ = ()
    field_type = "passport"
    _lengths: ClassVar[range] = range(5, 21)
    _form = re.compile(r"[A-Z0-9]{5,20}")
