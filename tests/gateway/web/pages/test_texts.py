"""The texts of the pages: all there, in all languages, with the same places for values, and none that nobody uses."""

from __future__ import annotations

import re
from dataclasses import astuple
from datetime import date
from pathlib import Path
from string import Formatter

import opencc
import pytest

from adapters.canonical import FIELD_PATHS
from adapters.card_rules import ChannelKind
from adapters.depth import Finding
from adapters.errors import RegionDataError
from adapters.facets import Effect, Facet
from adapters.venues import Access
from adapters.words import (
    SCOPE_RELATIONS,
    ApplicationClass,
    CardFunction,
    Layer,
    LegalStatus,
    Medium,
    Purpose,
    Relation,
    Requirement,
    VenueSet,
)
from gateway.reasons import Language
from gateway.web.pages import texts
from gateway.web.pages.render import FOOT, NAVIGATION
from gateway.web.pages.texts import PageWords, load_texts
from tests.fakes.regions import REGISTRY

WEB = Path(__file__).resolve().parents[4] / "gateway" / "web"
TEMPLATES = {path.name: path.read_text("utf-8") for path in sorted((WEB / "templates").glob("*.*ml"))}
CODE = "".join(path.read_text("utf-8") for path in sorted((WEB / "pages").glob("*.py")))

CLOSED = {
    "class_": ApplicationClass,
    "medium_": Medium,
    "form_": Medium,
    "status_": LegalStatus,
    "layer_": Layer,
    "relation_": Relation,
    "function_": CardFunction,
    "purpose_": Purpose,
    "channel_": ChannelKind,
    "access_": Access,
    "finding_": Finding,
    "field_": FIELD_PATHS,
    "nav_": (*NAVIGATION, *FOOT),
    "facet_": Facet,
    "effect_": Effect,
    "type_": tuple(SCOPE_RELATIONS),
    "demand_": ("one_time", "sensitive"),
    "requirement_": tuple(word for word in Requirement if word),
    "venue_set_": tuple(word for word in VenueSet if word),
    "level_": range(4),
    "domain_": tuple({node.domain for node in REGISTRY.taxonomy}),
}


@pytest.mark.parametrize("prefix", CLOSED)
def test_every_word_of_a_closed_list_has_a_text(prefix: str) -> None:
    """Whatever the data may hold, the pages have a word for it."""
    assert [word for word in CLOSED[prefix] if f"{prefix}{word}" not in load_texts()] == []


def test_every_text_that_a_page_asks_for_is_there() -> None:
    """No template names a text that nobody wrote."""
    whole = "".join(TEMPLATES.values())
    asked = set(re.findall(r"\bt\('([a-z_-]+)'[,)]", whole))
    counted = {f"{key}_{form}" for key in re.findall(r"\bcount\('([a-z_]+)'", whole) for form in ("one", "other")}
    assert asked
    assert (asked | counted) - load_texts().keys() == set()


def test_every_text_is_used() -> None:
    """A text that no page and no closed list asks for is dead."""
    whole = "".join(TEMPLATES.values()) + CODE
    prefixes = (*CLOSED, *re.findall(r"\bt\('([a-z_]+_)' ~", whole))
    dead = [
        key
        for key in load_texts()
        if f"'{key}'" not in whole
        and f'"{key}"' not in whole
        and f"'{key.rsplit('_', 1)[0]}'" not in whole
        and not key.startswith(prefixes)
    ]
    assert dead == []


def test_all_languages_fill_in_the_same_values() -> None:
    """What varies varies in every language."""
    for key, text in load_texts().items():
        places = [{name for _, name, _, _ in Formatter().parse(one) if name is not None} for one in astuple(text)]
        assert all(one == places[0] for one in places), key


def test_traditional_texts_are_traditional() -> None:
    """No character is left that only the simplified script has."""
    simple = opencc.OpenCC("s2t")
    kept = set("台布群床峰污涌秘裏里才升系扣于干后面松云只向回家千秋占斗冬征朱杯余佣卷")
    wrong = {
        key: found
        for key, text in load_texts().items()
        if (found := {c for c in text.zh_hant if simple.convert(c) != c and c not in kept})
    }
    assert wrong == {}


def test_words_are_counted_as_each_language_does() -> None:
    """One and many differ where the language tells them apart; numbers and days are written its way."""
    en, pt, hans = PageWords(Language.EN), PageWords(Language.PT), PageWords(Language.ZH_HANS)
    assert (en.count("services", 1), en.count("services", 1200)) == ("1 service", "1,200 services")
    assert (pt.count("services", 1), pt.count("services", 2)) == ("1 serviço", "2 serviços")
    assert (hans.count("services", 1), hans.count("services", 2)) == ("1 项服务", "2 项服务")
    day = date(2026, 1, 31)
    assert (en.day(day), pt.day(day), hans.day(day)) == ("31 January 2026", "31 de janeiro de 2026", "2026年1月31日")
    assert PageWords(Language.ZH_HANT).day(day) == "2026年1月31日"


def test_a_table_that_is_no_table_of_texts_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """By file, row, column and rule."""
    monkeypatch.setattr(texts, "FILE", "app.py")
    with pytest.raises(RegionDataError):
        load_texts.__wrapped__()


def test_a_text_that_nobody_wrote_is_a_fault_of_ours() -> None:
    """KeyError with its name, which a test meets before a reader does."""
    with pytest.raises(KeyError, match="no_such"):
        PageWords(Language.EN).t("no_such")
