"""What the command prints: everything that the data has, in words as published, and nothing cut off."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from adapters.errors import UnknownItemError, UnknownRegionError
from adapters.registry import load_registry
from gateway import console
from gateway.adapter_vectors import read_region
from gateway.console import check_adapter, print_item, print_items, print_regions, print_translation
from gateway.reasons import Language

if TYPE_CHECKING:
    from gateway.adapter_vectors import RegionFolder

REGISTRY = load_registry()


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give tables all the width that they want, so that no cell is folded."""
    monkeypatch.setattr(console, "_WIDTH", 4000)


@pytest.mark.usefixtures("wide")
def test_regions_are_listed_with_catalog_and_agreements(capsys: pytest.CaptureFixture[str]) -> None:
    """Each region has a line with its names, its catalog and the agreements it is party to."""
    print_regions()
    lines = {line.split()[1]: line for line in capsys.readouterr().out.splitlines() if line.startswith("│")}
    assert tuple(lines) == REGISTRY.regions
    assert "重庆市 Chongqing" in lines["chongqing"]
    assert "44, in force " in lines["chongqing"]
    assert "chongqing-guizhou, chongqing-xizang, sichuan-chongqing" in lines["chongqing"]
    assert "20, draft " in lines["guangxi"]
    assert "none" in lines["guangxi"]
    assert "in force, synthetic" in lines["macao"]


@pytest.mark.usefixtures("wide")
@pytest.mark.parametrize("region", ["", *REGISTRY.regions])
def test_items_are_listed_in_the_order_of_the_catalog(region: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One region's items, or those of all, each on a line with its names."""
    print_items(region)
    lines = [line.split()[1] for line in capsys.readouterr().out.splitlines() if line.startswith("│")]
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
    assert "sensitive" not in example
    print_item("chongqing", "CQ-36")
    assert "sensitive" in capsys.readouterr().out


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
    assert "complete set: SC-13 + SC-14" in printed
    assert "not covered" not in printed


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
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "97")
    assert console.screen().width == 97
    monkeypatch.delenv("FORCE_COLOR")
    assert console.screen().width == console._WIDTH
