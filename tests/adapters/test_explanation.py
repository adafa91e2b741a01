"""The words of explanations: the same clauses in four languages."""

from __future__ import annotations

from string import Formatter

import pytest

from adapters.explanation import PHRASES, explain, sentence
from adapters.words import ApplicationClass, Medium, Relation
from tests.adapters.item_examples import TAXONOMY, item, source


@pytest.mark.parametrize("key", sorted(PHRASES))
def test_a_phrase_says_the_same_in_every_language(key: str) -> None:
    """Four texts, none empty, with the same places to fill."""
    places = [sorted(name for _, name, _, _ in Formatter().parse(text) if name) for text in PHRASES[key]]
    assert len(places) == 4
    assert all(PHRASES[key])
    assert all(names == places[0] for names in places)


def test_every_relation_class_and_medium_has_words() -> None:
    """So no answer can lack a sentence."""
    assert all(word in PHRASES for word in (*ApplicationClass, *Medium))
    covering = [relation for relation in Relation if relation is not Relation.NONE]
    assert all(f"{relation}_{number}" in PHRASES for relation in covering for number in ("one", "many"))


def test_lists_read_as_each_language_writes_them() -> None:
    """Three names: commas, then the word for `and`."""
    codes = ("BUS", "METRO", "FERRY")
    targets = [item(f"TT-0{n}", f"TRA.{code}:exact") for n, code in enumerate(codes, start=1)]
    asked = source(";".join(f"TRA.{code}:broader" for code in codes))
    told = sentence(explain(asked, Relation.EXACT, targets, [], TAXONOMY))
    assert told.zh_hans == "TT-01“TT-01简”、TT-02“TT-02简”、TT-03“TT-03简”合起来与SR-01“SR-01简”的范围完全相同。"
    assert told.en.startswith("TT-01 “TT-01 en”, TT-02 “TT-02 en” and TT-03 “TT-03 en” together")
    assert told.pt.startswith("TT-01 “TT-01 pt”, TT-02 “TT-02 pt” e TT-03 “TT-03 pt” abrangem")


def test_a_part_that_is_lost_is_called_a_part() -> None:
    """The source has only a part of the type, and the target nothing of it."""
    asked = source("TRA.BUS:overlapping;TRA.METRO:broader")
    told = sentence(explain(asked, Relation.NARROWER, [item("TT-01", "TRA.METRO:exact")], [], TAXONOMY))
    assert told.en.endswith("; without a proven match: a part of “City bus”.")
    assert told.zh_hant.endswith("；以下部分沒有可證明的對應：「公共巴士」的一部分。")
