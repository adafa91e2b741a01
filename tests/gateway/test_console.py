"""What the command prints: everything that the data has, in words as published, and nothing cut off."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len

from adapters.credential import CredentialKind
from adapters.errors import RegionDataError, UnknownItemError, UnknownRegionError
from adapters.registry import load_registry
from adapters.words import ApplicationClass, Layer, LegalStatus, Medium, Relation
from gateway import console
from gateway.adapter_vectors import read_region
from gateway.console import check_adapter, print_item, print_items, print_regions, print_translation
from gateway.reasons import Language
from gateway.wording import Wording, load_words

if TYPE_CHECKING:
    from gateway.adapter_vectors import RegionFolder

REGISTRY = load_registry()


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give tables all the width that they want, so that no cell is folded."""
    monkeypatch.setattr(console, "_WIDTH", 4000)
    monkeypatch.delenv("COLUMNS", raising=False)  # workers that run tests side by side have one


@pytest.mark.usefixtures("wide")
def test_regions_are_listed_with_catalog_and_agreements(capsys: pytest.CaptureFixture[str]) -> None:
    """Each region has a line with its names, its catalog and the agreements it is party to."""
    print_regions()
    rows = [row.split() for row in capsys.readouterr().out.split("├")]
    told = {region: " ".join(row) for row in rows for region in REGISTRY.regions if region in row}
    assert tuple(told) == REGISTRY.regions
    for words in ("重庆市", "Chongqing", "500000", "login_token", "44, in force │", "chongqing-guizhou", "QR text"):
        assert words in told["chongqing"]
    assert "20, draft │ none" in told["guangxi"]
    assert "in force, synthetic" in told["macao"]
    assert all("reader text" in words for words in told.values())


@pytest.mark.usefixtures("wide")
@pytest.mark.parametrize("region", ["", *REGISTRY.regions])
def test_items_are_listed_in_the_order_of_the_catalog(region: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One region's items, or those of all, each on a line with its names."""
    print_items(region)
    told = [line.split()[1] for line in capsys.readouterr().out.splitlines() if line.startswith("│")]
    lines = [word for word in told if word != "│"]
    chosen = [adapter for adapter in REGISTRY if region in ("", adapter.region)]
    assert lines == [item.item for adapter in chosen for item in adapter.catalog]


@pytest.mark.usefixtures("wide")
def test_an_item_is_shown_with_all_that_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    """Names in four languages, content, units, depths as printed, relations, source and note."""
    for item in REGISTRY.get("chongqing").catalog:
        print_item("chongqing", item.item)
        printed = capsys.readouterr().out
        told = (item.name.zh_hans, item.name.zh_hant, item.name.en, item.name.pt, item.content, item.unit)
        for text in (*told, item.co_units, item.residue, item.source, item.article, item.note, item.depth_note):
            assert text in printed
        for relation in item.relations:
            assert f"{relation.relation.value}: {relation.item_type}" in printed
        for depth in item.depths:
            assert f"{depth.year} {depth.application_class.value}: {depth.printed}" in printed


@pytest.mark.usefixtures("wide")
def test_standing_of_an_item_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Drafts, examples of ours, sensitive items and those whose recognition is good once are told as such."""
    print_item("guangxi", "GX-17")
    draft = capsys.readouterr().out
    assert "draft" in draft
    assert "in force from" not in draft
    assert "good once" in draft
    print_item("sichuan", "SC-13")
    example = capsys.readouterr().out
    assert "in force, synthetic" in example
    assert "good until it expires" in example
    assert "synthetic, made up by us" in example
    assert "as published" not in example
    assert "sensitive" not in example
    print_item("chongqing", "CQ-36")
    published = capsys.readouterr().out
    assert "sensitive" in published
    assert "as published" in published


@pytest.mark.parametrize("language", Language)
def test_eighty_columns_break_no_code(
    language: Language, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A terminal of 80 columns is not exceeded, and no code, scheme or agreement is broken in two."""
    monkeypatch.setenv("COLUMNS", "80")
    print_regions(language)
    print_items("", language)
    print_item("chongqing", "CQ-30", language)
    print_translation("chongqing", "CQ-30", "sichuan", language)
    printed = capsys.readouterr().out
    assert max(map(cell_len, printed.splitlines())) == 80
    items = [item for adapter in REGISTRY for item in adapter.catalog]
    codes = {relation.item_type for item in items for relation in item.relations} | {item.item for item in items}
    codes |= {adapter.manifest.platform.auth.scheme for adapter in REGISTRY} | {"greater-bay-area", "chongqing-guizhou"}
    assert {code for code in codes if code not in printed} == set()


@pytest.mark.parametrize(
    ("language", "heading", "word", "name"),
    [
        (Language.ZH_HANS, "应用等级", "身份识别", "图书馆入馆、借阅"),
        (Language.ZH_HANT, "應用等級", "身份識別", "圖書館入館、借閱"),
        (Language.PT, "nível", "identificação", "biblioteca"),
    ],
)
@pytest.mark.usefixtures("wide")
def test_tables_speak_the_language(
    language: Language, heading: str, word: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Headings and closed words are in the language asked for, and so is the name beside the published one."""
    print_item("chongqing", "CQ-30", language)
    shown = capsys.readouterr().out
    assert heading in shown
    assert word in shown
    print_items("chongqing", language)
    listed = capsys.readouterr().out
    assert name in listed
    assert word in listed
    print_regions(language)
    assert Wording(language)("reader_text") in capsys.readouterr().out


def test_every_closed_word_of_the_data_has_words() -> None:
    """No word of a closed list is printed as the program writes it, in any language."""
    closed = (ApplicationClass, Medium, Relation, Layer, LegalStatus, CredentialKind)
    assert {word.value for words in closed for word in words} - load_words().keys() == set()
    assert Wording(Language.PT)("SC-13") == "SC-13"


def test_faulty_words_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table of words with a gap is refused by file and row."""
    text = "word,zh_hans,zh_hant,en,pt\nyes,是,是,,sim\n"
    monkeypatch.setattr(
        "gateway.wording.files", lambda _package: SimpleNamespace(joinpath=lambda _file: StringPath(text))
    )
    load_words.cache_clear()
    with pytest.raises(RegionDataError) as refused:
        load_words()
    assert refused.value.metadata["file"] == "console.csv"
    assert refused.value.metadata["column"] == "en"


class StringPath:
    """A file that is only a text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def read_text(self, _encoding: str) -> str:
        """Give the text."""
        return self.text


def test_nothing_is_cut_off_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Output into a file folds long cells and never shortens them."""
    print_items("")
    assert "…" not in capsys.readouterr().out


@pytest.mark.usefixtures("wide")
@pytest.mark.parametrize(
    ("language", "words"),
    [
        (Language.EN, "together cover"),
        (Language.ZH_HANS, "图书馆入馆"),
        (Language.ZH_HANT, "圖書館"),
        (Language.PT, "abrangem em conjunto"),
    ],
)
def test_a_split_item_is_translated_in_each_language(
    language: Language, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sentence and the names are in the language asked for; the set is told."""
    print_translation("chongqing", "CQ-30", "sichuan", language)
    printed = capsys.readouterr().out
    assert words in printed
    assert f"{Wording(language)('complete_set')}: SC-13 + SC-14" in printed
    assert Wording(language)("not_covered") not in printed


@pytest.mark.usefixtures("wide")
def test_an_item_without_an_equal_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing corresponds there is no table, and what is not covered is named."""
    print_translation("guangdong", "GD-07", "chongqing", Language.EN)
    printed = capsys.readouterr().out
    assert "not covered: TRA.FERRY" in printed
    assert "│" not in printed
    assert "complete set" not in printed


def test_unknown_names_are_our_errors() -> None:
    """An unknown region is refused with those there are, an unknown item with its region; neither is repeated."""
    for ask in (
        lambda: print_items("atlantis"),
        lambda: print_item("atlantis", "CQ-01"),
        lambda: print_translation("atlantis", "CQ-01", "sichuan", Language.EN),
        lambda: print_translation("chongqing", "CQ-01", "atlantis", Language.EN),
        lambda: check_adapter("atlantis"),
    ):
        with pytest.raises(UnknownRegionError) as refused:
            ask()
        assert "sichuan" in str(refused.value)
        assert "atlantis" not in str(refused.value)
    for ask in (
        lambda: print_item("chongqing", "CQ-99"),
        lambda: print_translation("chongqing", "CQ-99", "sichuan", Language.EN),
    ):
        with pytest.raises(UnknownItemError) as unknown:
            ask()
        assert "CQ-99" not in str(unknown.value)


@pytest.mark.usefixtures("wide")
def test_a_sound_adapter_passes(capsys: pytest.CaptureFixture[str]) -> None:
    """Every clause is told with its counts, and the exit code is 0."""
    assert check_adapter("hongkong") == 0
    printed = capsys.readouterr().out
    assert "FAILED" not in printed
    assert "not checked" not in printed
    assert "hongkong: 164 of 164 checks passed" in printed


@pytest.mark.usefixtures("wide")
def test_a_faulty_adapter_fails_by_clause(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each fault is a line with region, clause, place and rule; what rests on it is told as not checked."""

    def spoiled(region: str) -> RegionFolder:
        folder = read_region(region)
        return replace(folder, catalog=folder.catalog.replace("HK-01", "HK-?"))

    monkeypatch.setattr(console, "read_region", spoiled)
    assert check_adapter("hongkong") == 1
    printed = capsys.readouterr().out
    assert "hongkong: catalog: row 2 item_id: item_identifier" in printed
    assert "FAILED" in printed
    assert "not checked" in printed
    assert "3 of 4 checks passed" in printed


def test_a_terminal_keeps_its_own_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal the table is as wide as the terminal."""
    monkeypatch.delenv("COLUMNS", raising=False)
    assert console.screen().width == console._WIDTH
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "97")
    assert console.screen().width == 97
    monkeypatch.delenv("FORCE_COLOR")
    assert console.screen().width == 97
