"""What a node shows the public: regions, agreements, depths; and when one state differs from another."""

from __future__ import annotations

from datetime import date

import pytest

from adapters.errors import UnknownItemError, UnknownItemTypeError, UnknownRegionError
from adapters.words import ApplicationClass, LegalStatus, Medium
from gateway.errors import CatalogStaleError, UnknownCatalogError
from gateway.services.public_catalog import ItemFilter, LevelCount, level_counts
from tests.fakes.clock import FakeClock
from tests.fakes.regions import REGISTRY, item
from tests.fakes.shown import SHOWN, TODAY, known, next_version, shown

DAY = TODAY


def test_what_is_shown_is_found_by_its_code() -> None:
    """Regions, items and agreements; what is not shown is refused by its own error."""
    assert SHOWN.region("chongqing").name.en == "Chongqing"
    assert SHOWN.item("chongqing", "CQ-30", on=DAY) is item("chongqing", "CQ-30")
    assert SHOWN.agreement("sichuan-chongqing") in SHOWN.agreements
    assert SHOWN.agreement("none") is None
    with pytest.raises(UnknownRegionError):
        SHOWN.region("atlantis")
    with pytest.raises(UnknownItemError):
        SHOWN.item("chongqing", "CQ-99", on=DAY)
    with pytest.raises(UnknownCatalogError):
        SHOWN.item("atlantis", "CQ-30", on=DAY)
    with pytest.raises(UnknownItemTypeError):
        SHOWN.touching("NO.SUCH")


def test_a_region_says_whether_all_of_it_is_a_draft_or_an_example() -> None:
    """Guangxi is a draft, Sichuan an example, Chongqing neither."""
    told = {code: (region.draft, region.synthetic) for code, region in SHOWN.regions.items()}
    assert (told["guangxi"], told["sichuan"], told["chongqing"]) == ((True, False), (False, True), (False, False))


def test_partners_are_those_with_an_agreement_on_the_day() -> None:
    """Whether it stands is another question; before its first day there is none."""
    assert SHOWN.partners("chongqing", on=DAY) == ("guizhou", "sichuan", "xizang")
    assert SHOWN.partners("chongqing", on=date(2024, 12, 31)) == ()
    assert SHOWN.partners("shiyan", on=DAY) == ()
    joined = SHOWN.joined("sichuan", "chongqing", on=DAY)
    assert joined is not None
    assert joined.id == "sichuan-chongqing"
    assert [a.id for a in SHOWN.agreements_of("guangdong")] == ["greater-bay-area"]


def test_the_revision_tells_one_state_from_another() -> None:
    """It depends on the catalogs, on who has signed what, and on how the agreements stand, and on nothing else."""
    book = known()
    same = shown(book).revision
    next_version(book, "sichuan-chongqing", signed_by=("sichuan",), effective_from=DAY)
    pending = shown(book).revision
    next_version(book, "macao", effective_from=DAY)
    published = shown(book).revision
    stopped, fewer = shown(sichuan_chongqing="AGREEMENT_STOPPED").revision, shown(regions=("macao",)).revision
    assert same == SHOWN.revision
    assert len({same, pending, published, stopped, fewer}) == 5


def test_lists_are_those_of_the_regions_and_what_stands_around_them() -> None:
    """Their own first, then cities and supplements, joint ones, the national one; no others."""
    names = tuple(SHOWN.lists)
    assert names[:9] == REGISTRY.regions
    assert set(names) == set(REGISTRY.documents)
    assert set(shown(regions=("macao",)).lists) == {"macao", "greater-bay-area", "national"}
    assert [one.head.catalog for one in SHOWN.lists_of("guangdong")] == [
        "guangdong",
        "greater-bay-area",
        "guangdong-shenzhen",
        "national",
    ]
    assert [one.head.catalog for one in SHOWN.joint_lists("hongkong", "macao")] == ["greater-bay-area"]
    assert SHOWN.joint_lists("chongqing", "macao") == ()


def test_a_list_holds_from_its_day_on() -> None:
    """The day that is asked about decides, and a version that not all have signed is not shown at all."""
    book = known()
    later = date(2026, 6, 1)
    next_version(book, "macao", effective_from=later)
    next_version(book, "greater-bay-area", signed_by=("macao",), effective_from=later)
    found = shown(book)
    assert found.version_on("macao", DAY).head.sequence == 1
    assert found.version_on("macao", later).head.sequence == 2
    assert found.version_on("greater-bay-area", later).head.sequence == 1
    assert shown(book, on=later).list("macao").head.sequence == 2


def test_a_list_whose_life_is_over_shows_nothing() -> None:
    """It is named, and marked, and has no items; whoever asks for them is refused."""
    clock = FakeClock()
    book = known(clock)
    next_version(book, "macao", effective_from=DAY, valid_until=int(clock()) + 10)
    assert not shown(book).list("macao").stale
    clock.now += 11
    found = shown(book)
    assert (found.list("macao").stale, len(found.region("macao").catalog)) == (True, 0)
    assert found.revision != shown(known()).revision
    with pytest.raises(CatalogStaleError):
        found.item("macao", "MO-01", on=DAY)


def test_a_filter_keeps_drafts_on_every_day() -> None:
    """They are visible and never in force; what is in force is shown from its first day on."""
    guangxi, chongqing = SHOWN.region("guangxi").catalog, SHOWN.region("chongqing").catalog
    early = ItemFilter(on=date(2020, 1, 1))
    assert len(early.of(guangxi)) == len(guangxi)
    assert early.of(chongqing) == ()
    assert len(ItemFilter(on=DAY).of(chongqing)) == len(chongqing)
    assert ItemFilter(legal_status=LegalStatus.DRAFT).of(chongqing) == ()
    narrow = ItemFilter(application_class=ApplicationClass.PAYMENT, medium=Medium.ELECTRONIC).of(chongqing)
    assert 0 < len(narrow) < len(chongqing)


def test_depths_are_counted_by_class_and_year() -> None:
    """Every printed cell of every item counts once for each of its classes."""
    items = SHOWN.region("chongqing").catalog.items
    counts = level_counts(items)
    assert sum(count.total for count in counts) == sum(len(one.depths) for one in items)
    assert counts[3] == LevelCount(2027, ApplicationClass.IDENTITY, (1, 2, 21), 4)
    assert [count.application_class for count in counts] == [c for c in ApplicationClass for _ in range(4)]
    assert level_counts(()) == ()


def test_touching_items_are_given_by_catalog() -> None:
    """Catalogs without such an item are left out."""
    touching = {one.head.catalog: items for one, items in SHOWN.touching("TRA.FERRY")}
    assert "chongqing" not in touching
    assert [one.item for one in touching["guangdong"]] == ["GD-07"]


def test_a_translation_needs_a_region_that_is_shown() -> None:
    """What the node does not show it does not compare with either."""
    assert SHOWN.translate("chongqing", "CQ-30", "sichuan", on=DAY).complete_set == ("SC-13", "SC-14")
    with pytest.raises(UnknownRegionError):
        shown(regions=("chongqing",)).translate("chongqing", "CQ-30", "sichuan", on=DAY)
