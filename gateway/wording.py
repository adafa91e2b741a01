"""The words of the `onecard` command itself, in four languages: headings, and the closed words of the data."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from adapters.canonical import LocalizedText
from adapters.tables import read_table, refuse, unique
from gateway.reasons import Language, text_in

FILE = "console.csv"
HEADER = ("word", "zh_hans", "zh_hant", "en", "pt")


class Wording:
    """Words in one language, by what they stand for; a word that is not in the table stays as it is."""

    __slots__ = ("_language", "_texts")

    def __init__(self, language: Language) -> None:
        """Choose the language."""
        self._language = language
        self._texts = load_words()

    def __call__(self, word: str) -> str:
        """Give the word."""
        text = self._texts.get(word)
        return text_in(text, self._language) if text else word

    def name(self, name: LocalizedText) -> str:
        """Give a published name and, in another language than its own, that language's below it."""
        told = text_in(name, self._language)
        return told if told == name.zh_hans else f"{name.zh_hans}\n{told}"


@cache
def load_words() -> dict[str, LocalizedText]:
    """Read the words that ship with the command (RegionDataError with file, row, column and rule)."""
    records, faults = read_table(FILE, files("gateway").joinpath(FILE).read_text("utf-8"), HEADER)
    unique(records, "word")
    words = {record.required("word"): LocalizedText(*map(record.required, HEADER[1:])) for record in records}
    if faults:
        raise refuse(faults)
    return words
