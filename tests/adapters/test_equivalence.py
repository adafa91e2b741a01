"""Equivalence between two regions' items: worked examples."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from adapters.canonical import LocalizedText
from adapters.equivalence import Equivalence, EquivalenceBook, FixedCatalogs, translate_item
from adapters.errors import UnknownItemError, UnknownItemTypeError, UnknownRegionError
from adapters.words import ApplicationClass, Medium, Relation
from tests.adapters.item_examples import REGIONS, TAXONOMY, TODAY, draft, item, source, translate

IDENTITY, DISBURSEMENT, PAYMENT = ApplicationClass
LIBRARY = "CUL.LIBRARY.ENTRY:broader;CUL.LIBRARY.LOAN:broader"


def shipped(region: str, item_id: str, target: str) -> Equivalence:
    """Translate an item of the shipped catalogs."""
    return translate_item(REGIONS[region].get(item_id), REGIONS[target], TAXONOMY, on=TODAY)


def test_an_exact_item_is_exact() -> None:
    """Nothing is lost, nothing is beyond."""
    answer = translate(source("TRA.BUS:exact"), item("TT-01", "TRA.BUS:exact"), item("TT-02", "TRA.METRO:exact"))
    assert (answer.relation, answer.complete_set, answer.uncovered_item_types) == (Relation.EXACT, (), ())
    (only,) = answer.items
    assert (only.item.item, only.relation, only.shared_item_types) == ("TT-01", Relation.EXACT, ("TRA.BUS",))
    assert (only.lost, only.beyond, only.in_force) == ((), (), True)
    assert answer.explanation == LocalizedText(
        "TT-01“TT-01简”与SR-01“SR-01简”的范围完全相同。",
        "TT-01「TT-01繁」與SR-01「SR-01繁」的範圍完全相同。",
        "TT-01 “TT-01 en” covers precisely the same as SR-01 “SR-01 en”.",
        "TT-01 “TT-01 pt” abrange exatamente o mesmo que SR-01 “SR-01 pt”.",
    )


def test_an_item_that_splits_is_answered_by_a_complete_set() -> None:
    """Library entry and borrowing in one item, two items on the other side: together exact."""
    answer = translate(
        source(LIBRARY), item("TT-02", "CUL.LIBRARY.LOAN:exact"), item("TT-01", "CUL.LIBRARY.ENTRY:exact")
    )
    assert (answer.relation, answer.complete_set) == (Relation.EXACT, ("TT-01", "TT-02"))
    assert [(e.item.item, e.relation, e.lost, e.beyond) for e in answer.items] == [
        ("TT-01", Relation.NARROWER, ("item_type:CUL.LIBRARY.LOAN",), ()),
        ("TT-02", Relation.NARROWER, ("item_type:CUL.LIBRARY.ENTRY",), ()),
    ]
    assert answer.uncovered_item_types == ()
    assert answer.explanation.en == (
        "TT-01 “TT-01 en” and TT-02 “TT-02 en” together cover precisely the same as SR-01 “SR-01 en”."
    )


def test_a_broader_item_covers_all_and_grants_nothing_beyond() -> None:
    """What it has beside is named, by type and by residue."""
    answer = translate(source("CUL.LIBRARY.ENTRY:exact"), item("TT-01", LIBRARY, residue="其他"))
    assert (answer.relation, answer.complete_set) == (Relation.BROADER, ())
    assert answer.items[0].beyond == ("item_type:CUL.LIBRARY.LOAN", "residue")
    assert answer.explanation.en == (
        "TT-01 “TT-01 en” covers all of SR-01 “SR-01 en” "
        "and also “Library borrowing” and matters outside every item type."
    )
    assert answer.explanation.zh_hant == (
        "TT-01「TT-01繁」涵蓋SR-01「SR-01繁」的全部，此外還包括「圖書借閱」、統一事項類型以外的內容。"
    )


def test_an_item_without_an_equal_has_no_near_guess() -> None:
    """Chongqing has buses and metro, and no ferry."""
    answer = translate(source("TRA.FERRY:exact"), item("TT-01", "TRA.BUS:broader;TRA.METRO:broader"))
    assert (answer.relation, answer.items, answer.complete_set) == (Relation.NONE, (), ())
    assert answer.uncovered_item_types == ("TRA.FERRY",)
    assert answer.explanation.en == (
        "No item in force in the target catalog is shown to correspond to SR-01 “SR-01 en”."
    )


def test_what_no_item_covers_is_named() -> None:
    """Bus, metro and ferry against bus and metro in two items: a part, and the ferry is missing."""
    answer = translate(
        source("TRA.BUS:broader;TRA.METRO:broader;TRA.FERRY:broader"),
        item("TT-01", "TRA.BUS:exact"),
        item("TT-02", "TRA.METRO:exact"),
    )
    assert (answer.relation, answer.complete_set) == (Relation.NARROWER, ())
    assert answer.uncovered_item_types == ("TRA.FERRY",)
    assert answer.explanation.en == (
        "TT-01 “TT-01 en” and TT-02 “TT-02 en” each cover a part of SR-01 “SR-01 en”; without a proven match: “Ferry”."
    )


def test_residue_of_the_source_is_never_covered() -> None:
    """Every type is covered, and still the source is not."""
    answer = translate(source("TRA.BUS:broader", residue="其他"), item("TT-01", "TRA.BUS:exact"))
    assert (answer.relation, answer.uncovered_item_types) == (Relation.NARROWER, ())
    assert answer.items[0].lost == ("residue",)
    both = translate(
        source(LIBRARY, residue="其他"),
        *(item(f"TT-0{n}", f"CUL.LIBRARY.{t}:exact") for n, t in ((1, "ENTRY"), (2, "LOAN"))),
    )
    assert (both.relation, both.complete_set) == (Relation.NARROWER, ())
    assert both.explanation.pt.endswith("; sem correspondência comprovada: matérias fora de todos os tipos de item.")


def test_residue_on_both_sides_is_never_taken_for_the_same() -> None:
    """Two items outside every type have nothing in common that could be proved."""
    assert translate(source("", residue="其他"), item("TT-01", "", residue="其他")).relation is Relation.NONE
    answer = translate(source("TRA.BUS:broader", residue="甲"), item("TT-01", "TRA.BUS:broader", residue="甲"))
    assert answer.relation is Relation.OVERLAPPING
    assert (answer.items[0].lost, answer.items[0].beyond) == (("residue",), ("residue",))


def test_two_parts_of_one_type_prove_nothing() -> None:
    """They may be different parts."""
    answer = translate(source("TRA.BUS:narrower"), item("TT-01", "TRA.BUS:narrower"))
    assert (answer.relation, answer.items, answer.uncovered_item_types) == (Relation.NONE, (), ("TRA.BUS",))


def test_a_whole_type_covers_a_part_of_it() -> None:
    """The rest of the type is beyond."""
    answer = translate(source("TRA.BUS:narrower"), item("TT-01", "TRA.BUS:exact"))
    assert (answer.relation, answer.items[0].beyond) == (Relation.BROADER, ("item_type:TRA.BUS",))
    assert answer.explanation.en.endswith("and also other parts of “City bus”.")


def test_overlapping_items_name_what_is_common_lost_and_beyond() -> None:
    """Parts are called parts."""
    answer = translate(
        source("TRA.BUS:broader;TRA.METRO:broader;TRA.FERRY:overlapping"),
        item("TT-01", "TRA.BUS:broader;TRA.METRO:overlapping;TRA.FERRY:overlapping;CUL.MUSEUM:overlapping"),
    )
    (only,) = answer.items
    assert (answer.relation, only.relation) == (Relation.OVERLAPPING, Relation.OVERLAPPING)
    assert only.shared_item_types == ("TRA.BUS", "TRA.METRO")
    assert only.lost == ("item_type:TRA.FERRY", "item_type:TRA.METRO")
    assert only.beyond == ("item_type:CUL.MUSEUM", "item_type:TRA.FERRY")
    assert answer.explanation.en == (
        "TT-01 “TT-01 en” shares a part with SR-01 “SR-01 en”; reaching beyond it to: a part of “Museum visit”; "
        "without a proven match: a part of “Ferry” and a part of “Metro and light rail”."
    )


def test_a_complete_set_that_reaches_beyond_is_broader() -> None:
    """Its members need not be narrower each."""
    answer = translate(
        source(LIBRARY),
        item("TT-01", "CUL.LIBRARY.ENTRY:broader;CUL.MUSEUM:broader"),
        item("TT-02", "CUL.LIBRARY.LOAN:broader", residue="其他"),
        item("TT-03", "CUL.LIBRARY.LOAN:broader;CUL.SPORT:broader"),
    )
    assert (answer.relation, answer.complete_set) == (Relation.BROADER, ("TT-01", "TT-02"))
    assert "together cover all of" in answer.explanation.en


def test_a_complete_set_prefers_members_that_do_not_reach_beyond() -> None:
    """Among sets of one size; so the union is exact wherever it can be."""
    answer = translate(
        source(LIBRARY),
        item("TT-01", "CUL.LIBRARY.ENTRY:broader;CUL.MUSEUM:broader"),
        item("TT-02", "CUL.LIBRARY.ENTRY:exact"),
        item("TT-03", "CUL.LIBRARY.LOAN:exact"),
    )
    assert (answer.relation, answer.complete_set) == (Relation.EXACT, ("TT-02", "TT-03"))


def test_a_single_covering_item_makes_a_set_needless() -> None:
    """Items come best first, then by identifier."""
    answer = translate(
        source(LIBRARY),
        item("TT-01", "CUL.LIBRARY.LOAN:broader;CUL.SPORT:broader"),
        item("TT-02", "CUL.LIBRARY.LOAN:exact"),
        item("TT-03", "CUL.LIBRARY.ENTRY:exact"),
        item("TT-04", LIBRARY, residue="其他"),
        item("TT-05", LIBRARY),
    )
    assert (answer.relation, answer.complete_set) == (Relation.EXACT, ())
    assert [e.item.item for e in answer.items] == ["TT-05", "TT-04", "TT-02", "TT-03", "TT-01"]


def test_lost_and_beyond_name_classes_and_media() -> None:
    """In the order of the closed lists, and in words in the sentence."""
    target = replace(item("TT-01", "TRA.BUS:exact"), classes=(IDENTITY, DISBURSEMENT), media=(Medium.PHYSICAL,))
    answer = translate(source("TRA.BUS:exact"), target)
    assert answer.relation is Relation.EXACT
    assert answer.items[0].lost == ("class:payment", "medium:electronic")
    assert answer.items[0].beyond == ("class:disbursement",)
    assert answer.explanation.zh_hans.endswith("；不提供：缴费支付；不接受：电子卡。")
    split = translate(
        source(LIBRARY),
        replace(target, relations=item("X", "CUL.LIBRARY.LOAN:exact").relations),
        item("TT-02", "CUL.LIBRARY.ENTRY:exact"),
    )
    assert split.explanation.en.endswith(
        "; not offered by every one of them: fee payment; not accepted by every one of them: electronic card."
    )


def test_a_draft_is_shown_and_counts_for_nothing() -> None:
    """Even where it alone would be exact."""
    answer = translate(source("TRA.BUS:exact"), draft(item("TT-01", "TRA.BUS:exact")))
    assert (answer.relation, answer.uncovered_item_types) == (Relation.NONE, ("TRA.BUS",))
    (only,) = answer.items
    assert (only.relation, only.lost, only.in_force) == (Relation.EXACT, ("legal_status:draft",), False)
    assert answer.explanation.en == (
        "No item in force in the target catalog is shown to correspond to SR-01 “SR-01 en”; "
        "draft that authorizes nothing: TT-01 “TT-01 en”."
    )


def test_drafts_come_last_and_complete_no_set() -> None:
    """After items in force that are worse."""
    answer = translate(
        source(LIBRARY), draft(item("TT-01", "CUL.LIBRARY.ENTRY:exact")), item("TT-02", "CUL.LIBRARY.LOAN:exact")
    )
    assert [e.item.item for e in answer.items] == ["TT-02", "TT-01"]
    assert (answer.relation, answer.complete_set) == (Relation.NARROWER, ())
    assert answer.uncovered_item_types == ("CUL.LIBRARY.ENTRY",)


@pytest.mark.parametrize(
    ("on", "counts"), [(date(2024, 12, 31), False), (date(2025, 1, 1), True), (date(2026, 6, 1), False)]
)
def test_an_item_counts_only_on_days_when_it_is_in_force(on: date, counts: bool) -> None:
    """Before and after, it says that it is not."""
    answer = translate(
        source("TRA.BUS:exact"), replace(item("TT-01", "TRA.BUS:exact"), effective_to=date(2025, 12, 31)), on=on
    )
    assert (answer.relation is Relation.EXACT) == counts
    assert answer.items[0].lost == (() if counts else ("not_in_force",))
    assert answer.explanation.en.endswith("not in force on the day asked about: TT-01 “TT-01 en”.") != counts


def test_a_type_that_the_taxonomy_lacks_is_refused() -> None:
    """A source from elsewhere may know more types than we do."""
    with pytest.raises(UnknownItemTypeError):
        translate(source("TRA.TRAM:exact"))


def test_the_stories_of_the_shipped_catalogs() -> None:
    """The ferry has no equal, the library splits, and drafts authorize nothing."""
    split = shipped("chongqing", "CQ-30", "sichuan")
    assert (split.relation, len(split.complete_set)) == (Relation.EXACT, 2)
    assert shipped("sichuan", split.complete_set[0], "chongqing").relation is Relation.BROADER
    ferries = REGIONS["guangdong"].by_type("TRA.FERRY")
    assert ferries
    for ferry in ferries:
        assert "TRA.FERRY" in shipped("guangdong", ferry.item, "chongqing").uncovered_item_types
    for asked in REGIONS["chongqing"]:
        answer = translate_item(asked, REGIONS["guangxi"], TAXONOMY, on=TODAY)
        assert answer.relation is Relation.NONE
        assert all(e.lost[-1] == "legal_status:draft" for e in answer.items)


def test_a_book_remembers_and_answers_the_same() -> None:
    """For each source, target and day."""
    book = EquivalenceBook(TAXONOMY, FixedCatalogs(REGIONS))
    first = book.translate("chongqing", "CQ-30", "sichuan", on=TODAY)
    assert first == shipped("chongqing", "CQ-30", "sichuan")
    assert book.translate("chongqing", "CQ-30", "sichuan", on=TODAY) is first
    assert book.translate("chongqing", "CQ-30", "sichuan", on=date(2020, 1, 1)).relation is Relation.NONE


def test_a_book_refuses_regions_and_items_it_does_not_hold() -> None:
    """With errors of our own, again and again."""
    book = EquivalenceBook(TAXONOMY, FixedCatalogs(REGIONS))
    for _ in range(2):
        with pytest.raises(UnknownRegionError):
            book.translate("atlantis", "CQ-30", "sichuan", on=TODAY)
        with pytest.raises(UnknownRegionError):
            book.translate("chongqing", "CQ-30", "atlantis", on=TODAY)
        with pytest.raises(UnknownItemError):
            book.translate("chongqing", "CQ-99", "sichuan", on=TODAY)
