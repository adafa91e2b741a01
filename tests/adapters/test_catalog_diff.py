"""Differences between versions: added, removed, changed field by field, in words of four languages."""

from __future__ import annotations

from dataclasses import astuple, replace
from datetime import date

from adapters.canonical import LocalizedText
from adapters.catalog_diff import FILE, diff_catalogs
from adapters.catalog_rows import HEADER
from adapters.phrases import load_phrases
from adapters.words import Medium
from tests.adapters.document_examples import DIGEST, joint, listed, province

FIRST = province(listed("AA-01", "TRA.BUS:exact"), listed("AA-02", "TRA.METRO:exact"))


def test_nothing_differs_from_itself() -> None:
    """No change, no word."""
    same = diff_catalogs(FIRST, FIRST)
    assert (same.head, same.added, same.removed, same.changed, same.summary) == ((), (), (), (), ())


def test_items_come_and_go_and_change() -> None:
    """Each is told once, changes by field in the order of the columns."""
    changed = replace(
        FIRST.items.get("AA-01"), media=(Medium.PHYSICAL,), effective_to=date(2030, 1, 1), note="改", source="另"
    )
    after = FIRST.following(previous=DIGEST, items=[changed, listed("AA-03", "TRA.FERRY:exact")])
    found = diff_catalogs(FIRST, after)
    assert [item.item for item in found.added] == ["AA-03"]
    assert [item.item for item in found.removed] == ["AA-02"]
    ((item, fields),) = ((change.item, change.fields) for change in found.changed)
    assert item.item == "AA-01"
    assert [(f.field, f.before, f.after) for f in fields] == [
        ("media", "physical+electronic", "physical"),
        ("effective_to", "", "2030-01-01"),
        ("source", "示例", "另"),
        ("note", "", "改"),
    ]
    assert {change.field for change in found.head} == {"sequence", "previous"}
    assert "AA-03" in found.summary[0].en
    assert "removed" in found.summary[1].en


def test_each_change_is_said_in_four_languages() -> None:
    """With what stood there and what does now; set and cleared are said as such."""
    after = FIRST.following(
        previous=DIGEST, items=[replace(one, note="新") for one in FIRST.items], effective_to=date(2031, 1, 1)
    )
    (first, _) = diff_catalogs(FIRST, after).changed
    assert first.fields[0].sentence == LocalizedText(
        zh_hans="AA-01“AA-01简”新增备注“新”。",
        zh_hant="AA-01「AA-01繁」新增備註「新」。",
        en="AA-01 “AA-01 en”: remark “新” was added.",
        pt="AA-01 “AA-01 pt”: foi acrescentado observação “新”.",
    )
    back = diff_catalogs(after, FIRST)
    assert "was removed" in back.changed[0].fields[0].sentence.en
    ended = next(change for change in diff_catalogs(FIRST, after).head if change.field == "effective_to")
    assert "2031-01-01" in ended.sentence.pt
    sequence = next(change for change in diff_catalogs(FIRST, after).head if change.field == "sequence")
    assert all("1" in text and "2" in text for text in astuple(sequence.sentence))


def test_the_end_of_a_life_is_told_as_a_moment() -> None:
    """By the clock of China and not in seconds; what ships has none."""
    published = FIRST.following(previous=DIGEST, items=tuple(FIRST.items), valid_until=1_800_000_000)
    told = {change.field: (change.before, change.after) for change in diff_catalogs(FIRST, published).head}
    assert told["valid_until"] == ("", "2027-01-15 16:00+08:00")
    assert told["sequence"] == ("1", "2")


def test_parties_of_a_joint_list_are_told_as_a_list() -> None:
    """Lists and objects of a head are joined."""
    one = joint(listed("JJ-01", "TRA.BUS:exact"))
    two = joint(
        listed("JJ-01", "TRA.BUS:exact"),
        regions=["here", "there", "yonder"],
        innovation={"source": "法", "article": "第一条"},
    )
    found = {change.field: (change.before, change.after) for change in diff_catalogs(one, two).head}
    assert found["regions"] == ("here, there", "here, there, yonder")
    assert found["innovation"] == ("", "法 / 第一条")


def test_every_column_and_key_has_a_name() -> None:
    """A column that is added needs its four words."""
    phrases = load_phrases(FILE)
    assert all(column in phrases for column in HEADER if column != "item_id")
    assert all(key in phrases for key in joint().plain() if key not in {"format", "catalog", "items"})
