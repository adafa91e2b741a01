"""Losses are told in the caller's language, every sentence that an installed form can say."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from adapters.errors import RegionDataError
from adapters.registry import load_registry, load_vectors
from gateway.loss_words import load_loss_words, loss_text
from gateway.reasons import Language

DROPPED = "The form of the region has no place for this field."


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (Language.EN, DROPPED),
        (Language.ZH_HANS, "该地区的格式没有此字段的位置。"),
        (Language.ZH_HANT, "該地區的格式沒有此欄位的位置。"),
        (Language.PT, "O formulário da região não tem lugar para este campo."),
    ],
)
def test_a_loss_is_told_in_each_language(language: Language, words: str) -> None:
    """From each language into each other one, so that a remembered answer can be told anew."""
    assert loss_text(DROPPED, language) == words
    for other in Language:
        assert loss_text(loss_text(DROPPED, other), language) == words


def test_a_sentence_that_nobody_translated_stays() -> None:
    """What a region's own translator says is not lost."""
    assert loss_text("Said by a translator.", Language.PT) == "Said by a translator."


def test_every_sentence_of_every_form_has_words() -> None:
    """Writing all examples of every region in every other region's form says no sentence that has no translation."""
    adapters = tuple(load_registry())
    said: set[str] = set()
    for source in adapters:
        for trip in json.loads(load_vectors(source.region))["round_trips"]:
            identity = source.identity_to_canonical(trip["record"])
            said |= {loss.detail for target in adapters for loss in target.identity_from_canonical(identity).losses}
    assert DROPPED in said
    assert said <= load_loss_words().keys()


def test_a_gap_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table with a gap is refused by file and column."""
    text = "en,zh_hans,zh_hant,pt\nA.,甲。,,A.\n"
    folder = SimpleNamespace(joinpath=lambda _file: SimpleNamespace(read_text=lambda _code: text))
    monkeypatch.setattr("gateway.loss_words.files", lambda _package: folder)
    load_loss_words.cache_clear()
    with pytest.raises(RegionDataError) as refused:
        load_loss_words()
    assert (refused.value.metadata["file"], refused.value.metadata["column"]) == ("losses.csv", "zh_hant")
    monkeypatch.undo()
    assert load_loss_words()
