"""Why a translation lost something, in the caller's language. The adapters say it in English; the rest is data."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from adapters.canonical import LocalizedText
from adapters.tables import read_table, refuse, unique
from gateway.reasons import Language, text_in

FILE = "losses.csv"
HEADER = ("en", "zh_hans", "zh_hant", "pt")


def loss_text(sentence: str, language: Language) -> str:
    """Give a sentence, of whichever language, in another; one that nobody translated stays as it is."""
    text = load_loss_words().get(sentence)
    return sentence if text is None else text_in(text, language)


@cache
def load_loss_words() -> dict[str, LocalizedText]:
    """Read the sentences by each of their four forms (RegionDataError with file, row, column and rule)."""
    records, faults = read_table(FILE, files("gateway").joinpath(FILE).read_text("utf-8"), HEADER)
    for column in HEADER:
        unique(records, column)
    texts = [LocalizedText(*(r.required(c) for c in ("zh_hans", "zh_hant", "en", "pt"))) for r in records]
    if faults:
        raise refuse(faults)
    return {form: text for text in texts for form in (text.zh_hans, text.zh_hant, text.en, text.pt)}
