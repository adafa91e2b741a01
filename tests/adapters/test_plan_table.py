"""The work plan's table as printed: every repair is told, every doubt stops it, and the decisions make the catalog."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.catalog_rows import write_row
from adapters.plan_cells import aligned, despaced, is_head, is_media
from adapters.plan_import import Frame, catalog_rows
from adapters.plan_table import NOT_A_SERVICE, PlanTable, read_plan_table
from tests.adapters.item_examples import REGIONS
from tests.adapters.plan_kit import ANSWERS, FRAME, PRINTED

HEAD = ["序号", "类别", "责任单位", "配合单位", "服务事项", "具体内容", "用卡方式", "应用类别", "推进计划"]


def row(number: int | str, unit: str = "甲", co: str = "乙", name: str = "丙", **changes: str) -> list[str]:
    """Make a line that is as it should be, with changes by column."""
    cells = {
        "content": "丁。",
        "media": "实体卡 电子卡",
        "classes": "身份识别",
        "depths": "一级 一级 二级 三级",
        **changes,
    }
    depths = (cells["depths"].split(" ") + [""] * 4)[:4]
    return [str(number), "", unit, co, name, cells["content"], cells["media"], cells["classes"], *depths]


def read(*lines: list[str], **answers: str) -> PlanTable:
    """Read a table with its head; answers by `column_row`."""
    told = {(int(key.rpartition("_")[2]), key.rpartition("_")[0]): value for key, value in answers.items()}
    return read_plan_table([HEAD, *lines], told)


def rules(table: PlanTable) -> set[tuple[int, str, str]]:
    """Give the repairs."""
    return {(repair.row, repair.column, repair.rule) for repair in table.repairs}


def test_the_printed_table_gives_44_services_and_leaves_out_three_tasks() -> None:
    """Rows 45 to 47 are tasks of the administration."""
    table = read_plan_table(PRINTED)
    assert [one.number for one in table.rows] == list(range(1, 45))
    assert table.left_out == [45, 46, 47]


def test_every_repair_of_the_printed_table_is_told() -> None:
    """Cut pages, shifted cells, letters set apart, a number on the wrong line, merged cells, sentences over years."""
    told = rules(read_plan_table(PRINTED))
    assert told >= {
        (0, "", "head_repeated_on_each_page"),
        (4, "content", "cell_cut_by_a_page"),
        (5, "number", "number_on_the_line_before"),
        (7, "content", "letters_set_apart"),
        (11, "name", "letters_set_apart"),
        (11, "depths", "sentence_spans_the_years"),
        (21, "co_units", "cell_cut_by_a_page"),
        (29, "", "cells_shifted_to_the_left"),
        (29, "name", "cell_cut_by_a_page"),
        (29, "classes", "cell_cut_by_a_page"),
        (30, "unit", "unit_in_the_column_of_kinds"),
        (38, "", "empty_columns_at_the_end"),
        (40, "", "cells_shifted_to_the_right"),
        (41, "", "cells_shifted_to_the_right"),
        (45, "", "no_service"),
    }
    assert {number for number, column, rule in told if (column, rule) == ("unit", "merged_with_the_row_above")} == {
        *(2, 4, 5, 8, 9, 11, 12, 13, 14, 15, 17, 20, 22, 23, 24, 25, 27, 29, 31, 32, 34, 35, 36, 38, 39)
    }


def test_every_doubt_of_the_printed_table_is_told_with_what_suggests_itself() -> None:
    """Whether cooperating units are merged, and whether a level that is printed once holds for all years."""
    doubts = {(d.row, d.column): d for d in read_plan_table(PRINTED).doubts}
    assert {number for number, column in doubts if column == "depths"} == {1, 2, 3, 4, 14, 15}
    assert (8, "co_units") in doubts
    assert doubts[2, "depths"].suggestion == "三级"
    assert doubts[12, "co_units"].suggestion == "市人社局"
    assert {d.rule for d in doubts.values()} == {"merged_or_none", "merged_or_not_planned"}


def test_with_the_decisions_the_table_is_the_catalog_that_ships() -> None:
    """Every cell that the plan prints, of all 44 items."""
    table = read_plan_table(PRINTED, ANSWERS)
    assert table.doubts == []
    rows = catalog_rows(table.rows, FRAME, base=REGIONS["chongqing"])
    assert rows == [write_row(item) for item in REGIONS["chongqing"]]


def test_without_a_list_at_hand_the_other_cells_stay_empty() -> None:
    """Nothing is made up: translations and relations are for a person to fill in."""
    rows = catalog_rows(read_plan_table(PRINTED, ANSWERS).rows, FRAME)
    assert rows[30]["name_zh_hans"] == "博物馆"
    assert (rows[30]["name_en"], rows[30]["relations"], rows[30]["legal_status"]) == ("", "", "in_force")
    draft = catalog_rows(
        read_plan_table(PRINTED, ANSWERS).rows, Frame(prefix="XX", layer="", source="", article="", effective_from="")
    )
    assert {one["legal_status"] for one in draft} == {"draft"}


def test_a_tidy_table_needs_nothing() -> None:
    """No repair, no doubt."""
    table = read(row(1), row(2, unit="戊"))
    assert (table.repairs, table.doubts, len(table.rows)) == ([], [], 2)


@pytest.mark.parametrize(
    ("lines", "doubt"),
    [
        ([row(1), row(2, unit="", co="")], (2, "co_units", "merged_or_none")),
        ([row(1, depths="三级")], (1, "depths", "merged_or_not_planned")),
        ([row(1), row(2, depths="")], (2, "depths", "merged_or_not_planned")),
        ([row(1), row(2, depths="一级 二级")], (2, "depths", "merged_or_not_planned")),
        ([row(1), row(3)], (3, "number", "numbers_in_order")),
        ([row(2)], (2, "number", "numbers_in_order")),
        ([row(1), row(1)], (1, "number", "numbers_in_order")),
    ],
)
def test_what_has_two_readings_is_a_doubt(lines: list[list[str]], doubt: tuple[int, str, str]) -> None:
    """It is told and not decided."""
    table = read(*lines)
    assert doubt in {(d.row, d.column, d.rule) for d in table.doubts}


def test_a_decision_settles_a_doubt_and_is_told_as_a_repair() -> None:
    """For the cells that are empty, and for no other."""
    table = read(row(1), row(2, unit="", co="", depths="一级 二级"), co_units_2="乙", depths_2="三级")
    assert table.doubts == []
    assert (table.rows[1].co_units, table.rows[1].depths) == ("乙", ("一级", "二级", "三级", "三级"))
    assert (2, "co_units", "decided_by_an_answer") in rules(table)


def test_a_class_that_a_page_has_cut_in_two_is_joined() -> None:
    """As in row 29: 身份识别缴费 and, on the next page, 支付."""
    table = read(row(1, classes="身份识别缴费"), ["", "", "", "", "上", "", "", "支付", "", "", "", ""])
    assert table.rows[0].classes == ("身份识别", "缴费支付")
    assert table.rows[0].name == "丙上"


def test_a_class_that_nobody_knows_is_kept_for_the_check_to_find() -> None:
    """The catalog's own rules refuse it by row and column."""
    table = read(row(1, classes="身份识别 其他"))
    assert catalog_rows(table.rows, FRAME)[0]["classes"] == "identity+其他"


def test_prose_before_the_table_is_passed_over() -> None:
    """And so are empty lines and lines without cells."""
    table = read_plan_table([["第一条"], ["", ""], HEAD, [""], row(1), ["完"]])
    assert len(table.rows) == 1


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("宾 旅 馆 住 宿", "宾旅馆住宿"),
        ("市 人 力 社 保 局、 市 级", "市人力社保局、市级"),
        ("大学生 24365 就业", "大学生24365就业"),
        ("one two", "one two"),
        ("“渝快码” 与", "“渝快码”与"),
    ],
)
def test_letters_set_apart_are_put_together(text: str, plain: str) -> None:
    """Blanks beside Chinese letters are the printer's; those between Latin words are not."""
    assert despaced(text) == plain


def test_forms_of_the_card_are_told_from_prose_that_names_them() -> None:
    """Row 29 speaks of the physical card in its content."""
    assert is_media("实体卡 电子卡")
    assert is_media("实体卡电子卡")
    assert not is_media("探索实体卡加载公益卡")
    assert not is_media("")


def test_heads_are_known_by_their_words() -> None:
    """Both lines of them."""
    assert is_head(HEAD)
    assert is_head(["", "", "2024年底", "2025年底"])
    assert not is_head(["", ""])
    assert not is_head(row(1))


@given(st.lists(st.lists(st.text(max_size=8), max_size=16), max_size=8))
def test_no_table_breaks_the_reader(lines: list[list[str]]) -> None:
    """Whatever the cells are, there is a reading and no exception, and twelve cells a line."""
    read_plan_table([HEAD, *lines])
    for line in lines:
        if line:
            placed: Any = aligned(line)[0]
            assert len(placed) == 12


def test_units_that_go_on_below_a_task_are_read_whole() -> None:
    """A task of the administration is left out, and what its cell began counts for the service below it."""
    task = row(1, co="乙、")
    task[1] = NOT_A_SERVICE
    service = row(2, co="丙")
    service[1] = "事项类"
    table = read(task, service)
    assert table.left_out == [1]
    assert [one.co_units for one in table.rows] == ["乙、丙"]
