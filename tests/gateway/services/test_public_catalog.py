"""What a node shows the public: regions, agreements, depths; and when one state differs from another."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from adapters.errors import UnknownItemError, UnknownItemTypeError, UnknownRegionError
from adapters.words import ApplicationClass, LegalStatus, Medium
from gateway.services.public_catalog import ItemFilter, LevelCount, PublicCatalog, ShownRegion, level_counts
from tests.fakes.regions import AGREEMENTS, BOOK, REGISTRY, item

SHOWN = PublicCatalog(
    regions={adapter.region: ShownRegion.of(adapter) for adapter in REGISTRY},
    taxonomy=REGISTRY.taxonomy,
    agreements=AGREEMENTS.agreements,
    standing={agreement.id: "OK" for agreement in AGREEMENTS.agreements},
    book=BOOK,
)
DAY = date(2026, 3, 1)


def test_what_is_shown_is_found_by_its_code() -> None:
    """Regions, items and agreements; what is not shown is refused by its own error."""
    assert SHOWN.region("chongqing").name.en == "Chongqing"
    assert SHOWN.item("chongqing", "CQ-30") is item("chongqing", "CQ-30")
    assert SHOWN.agreement("sichuan-chongqing") in SHOWN.agreements
    assert SHOWN.agreement("none") is None
    with pytest.raises(UnknownRegionError):
        SHOWN.region("atlantis")
    with pytest.raises(UnknownItemError):
        SHOWN.item("chongqing", "CQ-99")
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
    """It depends on the catalogs and on how the agreements stand, and on nothing else."""
    stopped = replace(SHOWN, standing={**SHOWN.standing, "sichuan-chongqing": "AGREEMENT_STOPPED"})
    fewer = replace(SHOWN, regions={code: r for code, r in SHOWN.regions.items() if code != "macao"})
    assert replace(SHOWN).revision == SHOWN.revision
    assert len({SHOWN.revision, stopped.revision, fewer.revision}) == 3


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


def test_touching_items_are_given_by_region() -> None:
    """Regions without such an item are left out."""
    touching = dict(SHOWN.touching("TRA.FERRY"))
    assert "chongqing" not in touching
    assert [one.item for one in touching["guangdong"]] == ["GD-07"]


def test_a_translation_needs_a_region_that_is_shown() -> None:
    """What the node does not show it does not compare with either."""
    fewer = replace(SHOWN, regions={"chongqing": SHOWN.region("chongqing")})
    source = SHOWN.item("chongqing", "CQ-30")
    assert SHOWN.translate(source, "sichuan", on=DAY).complete_set == ("SC-13", "SC-14")
    with pytest.raises(UnknownRegionError):
        fewer.translate(source, "sichuan", on=DAY)
