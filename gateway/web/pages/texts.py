"""The words of the pages: texts are data (`texts.csv`, four languages), dates and numbers are Babel's."""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal

from adapters.canonical import LocalizedText
from adapters.tables import read_table, refuse, unique
from gateway.reasons import Language, load_reasons, text_in

if TYPE_CHECKING:
    from datetime import date

FILE: Final = "texts.csv"
HEADER: Final = ("text", "zh_hans", "zh_hant", "en", "pt")

_LOCALES: Final = {
    Language.ZH_HANS: Locale("zh", "CN", "Hans"),
    Language.ZH_HANT: Locale("zh", "HK", "Hant"),
    Language.EN: Locale("en", "GB"),
    Language.PT: Locale("pt", "PT"),
}
_OWN_NAMES: Final = {
    Language.ZH_HANS: "简体中文",
    Language.ZH_HANT: "繁體中文",
    Language.EN: "English",
    Language.PT: "Português",
}
_REMEDIES: Final = {"NO_AGREEMENT": "remedy_no_agreement"}
"""Remedies in words for holders, where those of the contract are for those who operate a gateway."""


class PageWords:
    """Everything that a page says in one language."""

    __slots__ = ("_locale", "_texts", "colon", "comma", "either", "language", "list_comma", "stop")

    def __init__(self, language: Language) -> None:
        """Choose the language."""
        self.language = language
        self._locale = _LOCALES[language]
        self._texts = load_texts()
        # Cells of the table have no blanks at their ends; Chinese punctuation needs none, Latin one behind it.
        gap = "" if language in {Language.ZH_HANS, Language.ZH_HANT} else " "
        self.colon, self.comma = self.t("colon") + gap, self.t("comma") + gap
        self.list_comma, self.stop = self.t("list_comma") + gap, self.t("stop")
        self.either = f"{gap}{self.t('or')}{gap}"

    @property
    def own_name(self) -> str:
        """The language's name for itself."""
        return _OWN_NAMES[self.language]

    @property
    def chinese(self) -> bool:
        """Whether the pages are in simplified Chinese, as published texts are."""
        return self.language is Language.ZH_HANS

    def t(self, key: str, /, **values: object) -> str:
        """Give a text with its values filled in (KeyError for one that nobody wrote)."""
        text = text_in(self._texts[key], self.language)
        return text.format(**values) if values else text

    def has(self, key: str) -> bool:
        """Tell whether there is such a text."""
        return key in self._texts

    def count(self, key: str, number: int, /, **values: object) -> str:
        """Give a text that counts something: `KEY_one` or `KEY_other`, as the language tells them apart."""
        form = "one" if self._locale.plural_form(number) == "one" else "other"
        return self.t(f"{key}_{form}", n=self.number(number), **values)

    def name(self, text: LocalizedText) -> str:
        """Give a text of the data."""
        return text_in(text, self.language)

    def reason(self, reason: str) -> str:
        """Say what a reason means."""
        return self.name(load_reasons().get(reason).message)

    def remedy(self, reason: str) -> str:
        """Say to a holder what is to be done about a reason."""
        if reason in _REMEDIES:
            return self.t(_REMEDIES[reason])
        return self.name(load_reasons().get(reason).remedy)

    def day(self, day: date) -> str:
        """Write a day out."""
        return _written(day, self.language)

    def number(self, number: int) -> str:
        """Write a number."""
        return format_decimal(number, locale=self._locale)


@lru_cache(maxsize=4096)
def _written(day: date, language: Language) -> str:
    """Write a day out; the same few stand on every page."""
    return format_date(day, "long", locale=_LOCALES[language])


@cache
def load_texts() -> dict[str, LocalizedText]:
    """Read the texts that ship with the pages (RegionDataError with file, row, column and rule)."""
    records, faults = read_table(FILE, files("gateway.web").joinpath(FILE).read_text("utf-8"), HEADER)
    unique(records, "text")
    texts = {record.required("text"): LocalizedText(*map(record.required, HEADER[1:])) for record in records}
    if faults:
        raise refuse(faults)
    return texts
