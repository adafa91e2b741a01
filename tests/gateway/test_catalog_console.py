"""Tables on the command line: repairs, doubts and faults are told, and nothing is written while one is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapters.catalog_rows import HEADER, write_row
from gateway.catalog_files import read_file, write_csv
from tests.adapters import plan_kit
from tests.fakes.regions import REGISTRY
from tests.gateway.command import onecard, refused

if TYPE_CHECKING:
    from pathlib import Path

PLAN = (
    "--prefix", "CQ", "--source", plan_kit.FRAME.source, "--article", plan_kit.FRAME.article, "--from", "2024-09-16",
)  # fmt: skip


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """Lay down the work plan's table as printed, cells parted by tabs."""
    file = tmp_path / "plan.txt"
    file.write_text("\n".join("\t".join(line) for line in plan_kit.PRINTED), "utf-8")
    return file


@pytest.mark.parametrize(
    ("catalog", "form"), [("chongqing", "xlsx"), ("sichuan-chongqing", "jsonld"), ("national", "csv")]
)
def test_what_is_exported_is_imported_as_it_was(tmp_path: Path, catalog: str, form: str) -> None:
    """Through every form, each cell."""
    out, again = tmp_path / f"list.{form}", tmp_path / "again.csv"
    items = REGISTRY.documents[catalog].items
    assert onecard("catalog", "export", catalog, out).exit_code == 0
    done = onecard("catalog", "import", out, "--output", again)
    assert done.exit_code == 0, done.output
    assert f"{len(items)} items, 0 faults, 0 doubts" in done.stdout
    assert again.read_bytes() == write_csv(items)


def test_the_printed_table_is_not_guessed_at(plan: Path, tmp_path: Path) -> None:
    """Every repair and doubt is told by row and column, nothing is written, and it ends with 1."""
    out = tmp_path / "out.csv"
    done = onecard("catalog", "import", plan, "--base", "chongqing", *PLAN, "--output", out)
    assert done.exit_code == 1
    assert "44 services" in done.stdout
    assert "3 rows left out" in done.stdout
    for told in ("head_repeated_on_each_page", "merged_or_not_planned", "merged_or_none"):
        assert told in done.stdout
    assert not out.exists()


def test_the_printed_table_with_decisions_is_the_list_that_ships(plan: Path, tmp_path: Path) -> None:
    """All 44 items, cell by cell, with article and row."""
    out = tmp_path / "out.csv"
    done = onecard(
        "catalog", "import", plan, "--base", "chongqing", *PLAN, "--answers", plan_kit.HERE / "plan_answers.toml",
        "--output", out,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "0 faults, 0 doubts" in done.stdout
    assert read_file(out).rows == [write_row(item) for item in REGISTRY.get("chongqing").catalog]


def test_what_a_plan_does_not_print_has_to_be_filled_in(plan: Path) -> None:
    """Without a list there are no names in other languages and no relations; each empty cell is a fault."""
    done = onecard("catalog", "import", plan, *PLAN, "--answers", plan_kit.HERE / "plan_answers.toml")
    assert done.exit_code == 1
    for column in ("name_en", "name_pt", "residue"):
        assert sum(f" {column} " in line for line in done.stdout.splitlines()) == 44, column


def test_all_faults_of_a_list_are_told_at_once(tmp_path: Path) -> None:
    """By row and column, and the list is not written."""
    rows = [write_row(item) for item in REGISTRY.get("xizang").catalog]
    rows[0]["classes"], rows[1]["effective_from"], rows[2]["item_id"] = "dancing", "yesterday", rows[1]["item_id"]
    file = tmp_path / "list.csv"
    file.write_bytes(write_csv(rows))
    done = onecard("catalog", "import", file, "--output", tmp_path / "out.csv")
    assert done.exit_code == 1
    assert "3 faults" in done.stdout
    told = [line.split()[1::2] for line in done.stdout.splitlines() if line.startswith("│")]
    assert [line[:2] for line in told] == [["2", "classes"], ["3", "effective_from"], ["4", "item_id"]]
    assert not (tmp_path / "out.csv").exists()


def test_a_version_is_checked_against_the_layers_above(tmp_path: Path) -> None:
    """As one that ships: a city's list may not drop what the province demands, which a table alone does not show."""
    rows = [write_row(item) for item in REGISTRY.documents["guangdong-shenzhen"].items]
    rows[0]["overrides"] = "GD-99"
    file = tmp_path / "list.csv"
    file.write_bytes(write_csv(rows))
    assert onecard("catalog", "import", file).exit_code == 0
    done = onecard("catalog", "import", file, "--base", "guangdong-shenzhen")
    assert done.exit_code == 1
    assert " overrides " in done.stdout


@pytest.mark.parametrize(
    ("status", "exit_code"),
    [("draft", 0), ("in_force", 1)],
)
def test_a_list_of_its_own_stands_as_its_rows_do(tmp_path: Path, status: str, exit_code: int) -> None:
    """A draft has no first day, and what is in force has one."""
    row = write_row(next(iter(REGISTRY.get("guangxi").catalog))) | {"legal_status": status, "effective_from": ""}
    file = tmp_path / "list.csv"
    file.write_bytes(write_csv([row]))
    assert onecard("catalog", "import", file).exit_code == exit_code


def test_an_empty_list_is_none(tmp_path: Path) -> None:
    """Nothing to write."""
    file = tmp_path / "list.csv"
    file.write_bytes(write_csv([]))
    done = onecard("catalog", "import", file, "--output", tmp_path / "out.csv")
    assert done.exit_code == 1
    assert "no row was found below the heading" in done.stdout
    assert not (tmp_path / "out.csv").exists()
    file.write_text("# Words\n\nand no table\n", "utf-8")
    assert "no heading was recognized" in onecard("catalog", "import", file).stdout


def test_what_cannot_be_used_is_told_in_words(plan: Path, tmp_path: Path) -> None:
    """Suffixes, answers, catalogs, regions, folders."""
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('[[answer]]\nrow = "x"\n', "utf-8")
    assert "out.pdf: the name ends in" in refused("catalog", "export", "chongqing", tmp_path / "out.pdf")
    assert "no such catalog" in refused("catalog", "export", "atlantis", tmp_path / "out.csv")
    assert "wrong.toml: no [[answer]]" in refused("catalog", "import", plan, "--answers", wrong)
    assert "none.toml: no [[answer]]" in refused("catalog", "import", plan, "--answers", tmp_path / "none.toml")
    assert "cannot be written" in refused("catalog", "export", "chongqing", tmp_path / "none" / "out.csv")
    assert "none.csv: cannot be read" in refused("catalog", "import", tmp_path / "none.csv")
    assert "no such catalog" in refused("catalog", "import", plan, "--base", "atlantis")


def test_the_header_is_the_one_of_the_lists_that_ship() -> None:
    """What is exported has every column, also those that a list may leave out."""
    assert write_csv([]).decode().strip().split(",") == list(HEADER)
