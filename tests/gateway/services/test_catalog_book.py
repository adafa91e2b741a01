"""The book of catalogs: which version holds on a day, what applies at a place, and what is too old to rest on."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from adapters.catalog_document import read_document
from adapters.equivalence import EquivalenceBook
from adapters.errors import UnknownRegionError
from adapters.registry import load_registry
from adapters.words import Layer, LegalStatus
from gateway.errors import CatalogStaleError, UnknownCatalogError
from gateway.services.catalog_book import CatalogBook
from gateway.services.catalog_version import Version, missing
from tests.fakes.catalogs import LIFE, MemoryVersion, following, written
from tests.fakes.clock import FakeClock
from tests.fakes.regions import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Iterable

TODAY = date(2026, 6, 1)


def book() -> CatalogBook:
    """Make a book of what ships."""
    return CatalogBook(REGISTRY, clock=FakeClock())


def version(plain: dict[str, Any], signed_by: Iterable[str] | None = None) -> Version:
    """Make a version of plain data, signed by all unless told otherwise."""
    document, faults = read_document(plain, REGISTRY.taxonomy)
    assert document is not None
    assert faults == []
    regions = document.head.regions if signed_by is None else signed_by
    return MemoryVersion(document, written(plain), (), frozenset(regions))


def test_a_list_is_followed_if_all_its_regions_are() -> None:
    """Before it is said whose publications are followed, all are; a list of no region is everybody's."""
    found = book()
    heads = {name: found.versions(name)[0].head for name in found.catalogs}
    assert {found.unfollowed(head) for head in heads.values()} == {()}
    before = found.revision
    found.follow_only(("guizhou", "chongqing"))
    assert found.revision > before
    assert {name: found.unfollowed(head) for name, head in heads.items()} == {
        name: tuple(region for region in head.regions if region not in {"guizhou", "chongqing"})
        for name, head in heads.items()
    }
    assert found.unfollowed(heads["national"]) == ()
    assert found.unfollowed(heads["sichuan-chongqing"]) == ("sichuan",)


def test_what_ships_is_there_at_once() -> None:
    """All layers and joint catalogs, each complete without a signature."""
    found = book()
    assert found.catalogs == tuple(sorted(REGISTRY.documents))
    for name in found.catalogs:
        (only,) = found.versions(name)
        assert only.shipped
        assert missing(only) == ()
        assert found.version(name, only.digest) is only
        assert only.canonical() == written(only.document().plain())
    assert list(found.all_versions()) == []


def test_what_is_not_known_is_refused() -> None:
    """Catalogs, versions and regions."""
    found = book()
    for ask in (
        lambda: found.versions("atlantis"),
        lambda: found.version("chongqing", "A" * 43),
        lambda: found.current("atlantis", TODAY),
    ):
        with pytest.raises(UnknownCatalogError):
            ask()
    with pytest.raises(UnknownRegionError):
        found.on("atlantis", TODAY)
    with pytest.raises(UnknownRegionError):
        found.stack("atlantis", "", TODAY)


def test_the_version_of_a_day_is_the_last_that_has_begun() -> None:
    """The old one until the day before, the new one from its first day on; the far future waits."""
    found = book()
    found.add(version(following(found, "sichuan", effective_from=date(2026, 7, 1))))
    found.add(version(following(found, "sichuan", effective_from=date(2027, 1, 1))))
    days = [date(2026, 6, 30), date(2026, 7, 1), date(2026, 12, 31), date(2027, 1, 1)]
    assert [found.current("sichuan", day).head.sequence for day in days] == [1, 2, 2, 3]
    before = found.current("sichuan", date(2020, 1, 1))
    assert before.head.sequence == 1
    assert not any(item.in_force(date(2020, 1, 1)) for item in before.items)


def test_a_draft_is_visible_and_holds_for_nobody() -> None:
    """Guangxi's list, until one in force begins."""
    found = book()
    shown = found.current("guangxi", TODAY)
    assert shown.head.legal_status is LegalStatus.DRAFT
    assert not found.holds(shown, TODAY)
    newer = following(found, "guangxi")
    found.add(version(newer))
    assert found.current("guangxi", TODAY).head.sequence == 2


def test_a_later_draft_does_not_displace_what_holds() -> None:
    """It is listed among the versions, and nowhere else."""
    found = book()
    drafted = [replace(one, legal_status=LegalStatus.DRAFT, effective_from=None) for one in found.on("sichuan", TODAY)]
    found.add(version(following(found, "sichuan", drafted, legal_status="draft", effective_from=None)))
    assert found.current("sichuan", TODAY).head.sequence == 1
    assert [v.head.sequence for v in found.versions("sichuan")] == [1, 2]


def test_a_version_whose_life_is_over_is_refused_and_no_older_one_comes_back() -> None:
    """The reader is told; that is not the same as not knowing the catalog."""
    clock = FakeClock()
    found = CatalogBook(REGISTRY, clock=clock)
    found.add(version(following(found, "sichuan", effective_from=date(2026, 1, 1))))
    assert found.on("sichuan", TODAY)
    clock.now = LIFE + 1.0
    for ask in (lambda: found.on("sichuan", TODAY), lambda: found.stack("sichuan", "", TODAY)):
        with pytest.raises(CatalogStaleError) as caught:
            ask()
        assert caught.value.metadata == {"catalog": "sichuan"}
    assert not found.holds(found.versions("sichuan")[1], TODAY)
    assert found.on("sichuan", date(2025, 12, 31))


def test_a_version_waits_for_its_signatures_and_is_joined_by_them() -> None:
    """The same content with one more signature takes the place of itself; older proposals are gone then."""
    found = book()
    first = following(found, "sichuan-chongqing")
    found.add(version(first, {"chongqing"}))
    found.add(version({**first, "sequence": 3}, {"sichuan"}))
    assert [missing(v) for v in found.versions("sichuan-chongqing")] == [(), ("sichuan",), ("chongqing",)]
    found.add(version({**first, "sequence": 3}))
    assert [(v.head.sequence, missing(v)) for v in found.versions("sichuan-chongqing")] == [(1, ()), (3, ())]


def test_proposals_are_bounded() -> None:
    """The oldest of too many is forgotten."""
    found = book()
    plain = following(found, "sichuan-chongqing")
    for number in range(40):
        found.add(version({**plain, "sequence": 2 + number}, {"sichuan"}))
    numbers = [v.head.sequence for v in found.versions("sichuan-chongqing") if not v.shipped]
    assert numbers == list(range(38, 42))


def test_listeners_hear_of_each_version_until_they_end() -> None:
    """And the revision counts."""
    found, heard = book(), list[Version]()
    end = found.on_change(heard.append)
    one, two = version(following(found, "sichuan")), version(following(found, "xizang"))
    found.add(one)
    end()
    found.add(two)
    assert heard == [one]
    assert found.revision == 2
    assert [v.head.catalog for v in found.all_versions()] == ["sichuan", "xizang"]


def test_the_state_is_the_same_however_one_came_to_it() -> None:
    """By parts or at once, in whatever order; another version or signature is another state."""
    one, other = book(), book()
    assert one.state == other.state
    joint, own = following(one, "sichuan-chongqing"), following(one, "sichuan")
    drafts = [version({**joint, "sequence": 3 + n}, {"sichuan"}) for n in range(3)]
    seen = [one.state]
    for part in (version(joint, {"sichuan"}), version(joint), version(own), *drafts):
        one.add(part)
        seen.append(one.state)
    for part in (*reversed(drafts), version(own), version(joint)):
        other.add(part)
    assert len(set(seen)) == len(seen)
    assert one.revision != other.revision
    assert one.state == other.state
    assert [v.digest for v in one.all_versions()] == [v.digest for v in other.all_versions()]


def test_layers_at_a_place() -> None:
    """Nation, province and, at a division of it, the city's list; elsewhere the province alone."""
    found = book()

    def names(region: str, division: str, on: date) -> list[str]:
        return [v.head.catalog for v in found.stack(region, division, on)]

    assert names("guangdong", "", TODAY) == ["national", "guangdong"]
    assert names("guangdong", "440300", TODAY) == ["national", "guangdong", "guangdong-shenzhen"]
    assert names("guangdong", "440305", TODAY) == ["national", "guangdong", "guangdong-shenzhen"]
    assert names("guangdong", "440100", TODAY) == ["national", "guangdong"]
    assert names("hongkong", "", TODAY) == ["hongkong"]
    assert names("guangxi", "450100", TODAY) == ["national", "guangxi", "guangxi-nanning"]
    ids = {e.item.item for e in found.effective("guangdong", "440300", TODAY)}
    assert {"SZ-02", "GD-09", "CN-01"} <= ids
    assert "GD-08" not in ids
    assert not {e.item.item for e in found.effective("guangxi", "450100", TODAY)} - {"CN-01", "CN-02", "CN-03"}


def test_a_stale_city_list_is_left_out() -> None:
    """The province is not refused for it."""
    clock = FakeClock()
    found = CatalogBook(REGISTRY, clock=clock)
    found.add(version(following(found, "guangdong-shenzhen", effective_from=date(2026, 1, 1))))
    clock.now = LIFE + 1.0
    assert [v.head.catalog for v in found.stack("guangdong", "440300", TODAY)] == ["national", "guangdong"]


def test_joint_catalogs_stand_beside() -> None:
    """Those in effect of which the region is a party."""
    found = book()
    assert [v.head.catalog for v in found.joint("chongqing", TODAY)] == [
        *("chongqing-guizhou", "chongqing-xizang", "sichuan-chongqing")
    ]
    assert [v.head.catalog for v in found.joint("chongqing", date(2024, 1, 1))] == []
    assert {v.head.layer for v in found.joint("macao", TODAY)} == {Layer.JOINT}


def test_adapters_and_answers_follow_the_book() -> None:
    """A published item is there for the registry and for translations of the same day, nothing remembered stands."""
    registry, clock = load_registry(), FakeClock()
    found = CatalogBook(registry, clock=clock)
    found.lead()
    answers = EquivalenceBook(registry.taxonomy, found)
    assert registry.get("sichuan").catalog is registry.documents["sichuan"].items
    old = answers.translate("chongqing", "CQ-31", "sichuan", on=TODAY)
    items = [one for one in found.on("sichuan", TODAY) if one.item != "SC-15"]
    found.add(version(following(found, "sichuan", items, effective_from=date(2026, 6, 1))))
    new = answers.translate("chongqing", "CQ-31", "sichuan", on=TODAY)
    assert "SC-15" in {e.item.item for e in old.items}
    assert "SC-15" not in {e.item.item for e in new.items}
    assert "SC-15" not in registry.get("sichuan").catalog
    yesterday = answers.translate("chongqing", "CQ-31", "sichuan", on=date(2026, 5, 31))
    assert "SC-15" in {e.item.item for e in yesterday.items}
    assert (
        answers.coverage("chongqing", "CQ-31", "sichuan", on=TODAY).kind
        is answers.coverage("chongqing", "CQ-31", "sichuan", on=date(2026, 5, 31)).kind
    )
