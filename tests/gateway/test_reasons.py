"""Reasons: complete, well written in four languages, and given in the language that the caller asks for."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import astuple
from importlib.resources import files

import opencc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.canonical import LocalizedText
from adapters.errors import RegionDataError
from gateway.reasons import HEADER, HEADER_LIMIT, Actor, Language, Reason, Reasons, load_reasons, negotiate, text_in
from onecard.gateway.v1 import error_reason_pb2, verdict_pb2

PREFIX = "ERROR_REASON_"
REASONS = list(load_reasons())

# Hong Kong and Macao write these as they stand; OpenCC's own form differs.
KEPT_IN_TRADITIONAL = ("平台", "公布", "獲准")
# Words of the mainland that official writing in Hong Kong and Macao words otherwise.
MAINLAND_WORDS = re.compile("信息|服務器|字段|(?<!演)算法|掛失|解掛|激活|聯繫|支持|運營|默認")
# Spelling of 1990, which the administration of Macao has not taken over.
SPELLING_OF_1990 = re.compile(
    r"eletr|\b(?:des)?ativ|\bat(?:o\b|u)|objet|\bdire[çt]|corret|projet|prote[çt]|sele[çt]|exat", re.IGNORECASE
)
# Words of the house by language; where only Chinese has one word, only Chinese is looked at.
HOUSE = (
    ("网关", "網關"),
    ("平台", "平台", "platform", "plataforma"),
    ("应用事项", "應用事項"),
    ("应用类别", "應用類別"),
    ("合作协议", "合作協議"),
    ("协议", "協議", "agreement", "acordo"),
)
ROW = dict(zip(HEADER, ("OK", "none", "甲。", "乙。", "Fine.", "Bem.", "丙。", "丁。", "None.", "Nada."), strict=True))
# Values of accept-language by what they must give, apart by ` | `.
ASKED = {
    "zh-Hans": (
        " | zh | zh-CN | zh-SG | zh-Hans | zh-Hans-HK | zh-cmn-Hans-CN | fr | enm | en;q=0 | * | *;q=0 | fr, *;q=0.5"
        " | pt;q=0.4, *;q=0.5 | zh;q=0, en;q=0, pt;q=0, * | en;q=0.1234 | en;q=-1 | en;q=nan | en;q= | en;level=1"
        " | en;q=1;q=1 | en_US | en- | en pt | en\n | ｅｎ | en;q=\u0660"
    ),
    "zh-Hant": (
        "zh-Hant | ZH-HANT-cn | zh-HK | zh-mo | zh-TW | zh-yue-HK | en;q=0.8, zh-HK | en;q=0.8,zh-HK;q=0.81"
        " | zh-Hans;q=0, * | zh;q=0, zh-HK, *;q=0.5"
    ),
    "en": (
        "en | en-GB | en, pt | en;q=0.5,pt;q=0.500 | en-GB;q=0, en | en;q=0.1, pt;q=0.5, en;q=0.9 | zh;q=0, *"
        " | \ten \t;\tQ=1.000 , ,"
    ),
    "pt": (
        "pt | pt-MO | PT-br | pt-PT,pt;q=0.9,en;q=0.8 | pt, en | fr, de;q=0.9, pt;q=0.1 | en;q=0, pt;q=0.001 | *, pt"
        " | zh;q=0, en;q=0, *;q=0.3 | ,,pt | en;q=2, pt"
    ),
}


def table(*rows: dict[str, str]) -> str:
    """Write rows as CSV with the right header."""
    out = io.StringIO()
    writer = csv.DictWriter(out, HEADER, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def texts(reason: Reason) -> tuple[LocalizedText, LocalizedText]:
    """Give both texts of a reason."""
    return reason.message, reason.remedy


def value(reason: Reason) -> int:
    """Give the number of a reason on the wire."""
    return error_reason_pb2.ErrorReason.Value(PREFIX + reason.code)


def test_every_value_of_the_enum_has_a_row_in_the_same_order_and_no_row_is_over() -> None:
    """The table and the enum hold the same reasons."""
    values = [name.removeprefix(PREFIX) for name in error_reason_pb2.ErrorReason.keys()]  # noqa: SIM118 - a class of constants, not a mapping
    assert [reason.code for reason in REASONS] == values[1:]
    assert values[0] == "UNSPECIFIED"
    assert len(load_reasons()) == len(values) - 1


def test_actors_are_those_of_the_verdict() -> None:
    """Every actor can be said in a verdict, and every one of them is used."""
    wire = {name.removeprefix("ACTOR_").lower() for name in verdict_pb2.Actor.keys()}  # noqa: SIM118 - a class of constants, not a mapping
    assert {str(actor) for actor in Actor} == (wire - {"unspecified"}) | {"none"}
    assert {reason.actor for reason in REASONS} == set(Actor)


def test_whoever_shows_no_sound_token_must_act_himself() -> None:
    """All failures of a token are for the caller to mend."""
    first, last = error_reason_pb2.ERROR_REASON_UNAUTHENTICATED, error_reason_pb2.ERROR_REASON_BINDING
    of_tokens = [reason for reason in REASONS if first <= value(reason) <= last]
    assert {reason.actor for reason in of_tokens} == {Actor.CALLER}


def test_reasons_about_a_card_never_blame_the_caller() -> None:
    """What is known of the card and of the items is not for the caller to change."""
    first, last = error_reason_pb2.ERROR_REASON_CARD_NOT_ACTIVATED, error_reason_pb2.ERROR_REASON_STALE_STATUS
    of_cards = [reason for reason in REASONS if first <= value(reason) <= last]
    assert {reason.actor for reason in of_cards} <= {Actor.HOLDER, Actor.HOME_REGION, Actor.NONE}


@pytest.mark.parametrize("reason", REASONS, ids=lambda reason: reason.code)
def test_each_text_is_one_fixed_sentence_in_each_language(reason: Reason) -> None:
    """A text is there, differs from the other languages, ends as a sentence, and holds no value and no gap for one."""
    assert len({*astuple(reason.message), *astuple(reason.remedy)}) == 2 * len(Language)
    for text in texts(reason):
        for sentence, end in zip(astuple(text), "。。..", strict=True):
            assert sentence.endswith(end)
            assert sentence.count(end) == 1
            assert not re.search(r"[0-9{}<>%$]", sentence)


def test_no_two_reasons_say_the_same() -> None:
    """A message tells reasons apart in every language."""
    for language in Language:
        messages = [text_in(reason.message, language) for reason in REASONS]
        assert len(set(messages)) == len(messages)


@pytest.mark.parametrize("reason", REASONS, ids=lambda reason: reason.code)
def test_chinese_texts_keep_to_their_script(reason: Reason) -> None:
    """Simplified texts hold no traditional character, nor the other way round but for the words that are listed."""
    to_traditional, to_simplified = opencc.OpenCC("s2t"), opencc.OpenCC("t2s")
    for text in texts(reason):
        assert to_simplified.convert(text.zh_hans) == text.zh_hans
        bare = re.sub("|".join(KEPT_IN_TRADITIONAL), "", text.zh_hant)
        assert to_traditional.convert(bare) == bare


def test_each_listed_word_is_needed() -> None:
    """A listed exception that no text uses is refused."""
    assert all(any(word in t.zh_hant for reason in REASONS for t in texts(reason)) for word in KEPT_IN_TRADITIONAL)


@pytest.mark.parametrize("reason", REASONS, ids=lambda reason: reason.code)
def test_texts_speak_as_the_administrations_of_hong_kong_and_macao_do(reason: Reason) -> None:
    """No mainland word in the traditional text; no spelling of 1990 in the Portuguese one."""
    for text in texts(reason):
        assert not MAINLAND_WORDS.search(text.zh_hant)
        assert not SPELLING_OF_1990.search(text.pt)


@pytest.mark.parametrize("reason", REASONS, ids=lambda reason: reason.code)
def test_texts_keep_to_the_words_of_the_house(reason: Reason) -> None:
    """What is called by a word of the house in one language is called by that word in the others."""
    for text in texts(reason):
        for words in HOUSE:
            assert len({word in sentence.lower() for word, sentence in zip(words, astuple(text), strict=False)}) == 1
        assert not re.search(r"catalogue|recognis|authoris", text.en)


def test_remedies_name_the_steps_of_the_regulations() -> None:
    """The words holders know stand where they are needed."""
    reasons = load_reasons()
    assert "解挂" in reasons.get("CARD_LOST_TEMPORARY").remedy.zh_hans
    assert "補領" in reasons.get("CARD_LOST_FORMAL").remedy.zh_hant
    assert "人力资源和社会保障部门" in reasons.get("FUNCTION_SUSPENDED").remedy.zh_hans
    assert reasons.get("FUNCTION_SUSPENDED").actor is Actor.HOLDER
    assert reasons.get("CARD_STATUS_UNKNOWN").actor is Actor.HOME_REGION
    assert reasons.get("NO_AGREEMENT").actor is Actor.AGREEMENT_PARTIES
    assert "clock" in reasons.get("EXPIRED").remedy.en


def test_get_raises_key_error_for_a_code_that_is_none() -> None:
    """An unknown code is a bug of the program."""
    with pytest.raises(KeyError):
        load_reasons().get("UNSPECIFIED")


def test_shipped_file_is_the_one_that_is_loaded_and_only_once() -> None:
    """Every caller shares one table, which is the file's."""
    text = files("gateway").joinpath("reasons.csv").read_text("utf-8")
    assert list(Reasons.from_csv(text)) == REASONS
    assert load_reasons() is load_reasons()


def test_from_csv_reads_every_column() -> None:
    """A sound row becomes a reason."""
    message, remedy = LocalizedText("甲。", "乙。", "Fine.", "Bem."), LocalizedText("丙。", "丁。", "None.", "Nada.")
    assert list(Reasons.from_csv(table(ROW))) == [Reason("OK", Actor.NONE, message, remedy)]


@pytest.mark.parametrize(
    ("text", "column", "rule"),
    [
        ("", "", "empty"),
        ("reason,actor\nOK,none\n", "", "header"),
        (table(ROW | {"actor": "somebody"}), "actor", "closed_word"),
        (table(ROW | {"reason": "ok"}), "reason", "code"),
        (table(ROW | {"reason": "A" * 64}), "reason", "code"),
        (table(ROW, ROW), "reason", "unique"),
        *((table(ROW | {column: ""}), column, "required") for column in HEADER if column != "actor"),
    ],
)
def test_from_csv_names_the_fault(text: str, column: str, rule: str) -> None:
    """A wrong table is refused with file, column and rule."""
    with pytest.raises(RegionDataError) as caught:
        Reasons.from_csv(text)
    assert caught.value.metadata["file"] == "reasons.csv"
    assert (caught.value.metadata["column"], caught.value.metadata["rule"]) == (column, rule)


@pytest.mark.parametrize(
    ("header", "language"), [(header, tag) for tag, headers in ASKED.items() for header in headers.split(" | ")]
)
def test_negotiate_follows_the_weights(header: str, language: str) -> None:
    """The language asked for most is chosen, and simplified Chinese where nothing can be chosen."""
    assert negotiate(header) is Language(language)
    assert negotiate(None) is Language.ZH_HANS


def test_negotiate_looks_at_a_bounded_part_and_never_at_half_a_tag() -> None:
    """What lies beyond the bound, or across it, does not count; what ends at it does."""
    assert negotiate("fr," * HEADER_LIMIT + "pt") is Language.ZH_HANS
    assert negotiate("en;q=0.1," + "zh-Hant".rjust(HEADER_LIMIT - 9) + "x") is Language.EN
    assert negotiate("en;q=0.1," + "zh-Hant".rjust(HEADER_LIMIT - 9)) is Language.ZH_HANT
    assert negotiate("e" * (HEADER_LIMIT + 1)) is Language.ZH_HANS


@given(st.one_of(st.none(), st.text(), st.text("enptzhHKasqQ=;,.-*01 \t", max_size=300)))
def test_negotiate_never_raises(header: str | None) -> None:
    """Whatever is sent, there is a language, and always the same."""
    assert negotiate(header) in Language
    assert negotiate(header) is negotiate(header)


@given(st.permutations(list(Language)))
def test_negotiate_gives_the_heaviest_whatever_the_order(order: list[Language]) -> None:
    """The order of the members does not matter where the weights differ."""
    weights = {Language.ZH_HANS: "0.2", Language.ZH_HANT: "0.9", Language.EN: "0.5", Language.PT: "0.75"}
    assert negotiate(", ".join(f"{language};q={weights[language]}" for language in order)) is Language.ZH_HANT


@pytest.mark.parametrize("language", Language)
def test_text_in_gives_the_text_of_the_language(language: Language) -> None:
    """Each language has its own field."""
    text = LocalizedText("zh-Hans", "zh-Hant", "en", "pt")
    assert text_in(text, language) == language
