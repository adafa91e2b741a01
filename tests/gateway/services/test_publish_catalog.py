"""Publishing: authorised, signed by all, in order; a rollback and a second content are refused, a repetition is not."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from gateway.errors import (
    CatalogEquivocationError,
    CatalogRollbackError,
    CatalogStaleError,
    InvalidFieldError,
    NotPublisherError,
)
from gateway.services.catalog_book import CatalogBook
from gateway.services.catalog_signatures import MOST_SIGNATURES
from gateway.services.catalog_text import LONGEST_DOCUMENT
from gateway.services.catalog_version import missing
from tests.fakes.catalogs import LIFE, MemoryShelf, following, publisher, signature, written
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.journal import FakeJournal
from tests.fakes.regions import REGISTRY
from trust.errors import BadSignatureError, UnknownKeyError

if TYPE_CHECKING:
    from gateway.services.publish_catalog import Publication

JOINT = "sichuan-chongqing"


class Site:
    """A book with its publisher."""

    def __init__(self) -> None:
        """Begin with what ships."""
        self.clock = FakeClock()
        self.journal = FakeJournal()
        self.shelf = MemoryShelf()
        self.book = CatalogBook(REGISTRY, clock=self.clock)
        self.use = publisher(self.book, self.clock, self.journal, self.shelf)

    def publish(self, plain: dict[str, Any], *signed: str, region: str = "chongqing") -> Publication:
        """Check and publish."""
        return self.use.publish(self.use.check(written(plain)), signed, region=region)


def test_a_region_publishes_its_own_list() -> None:
    """It holds from its first day on, for everybody who asks the book."""
    site = Site()
    items = [
        replace(one, note="新版") if one.item == "CQ-31" else one for one in site.book.on("chongqing", date(2026, 1, 1))
    ]
    plain = following(site.book, "chongqing", items, effective_from=date(2026, 5, 1))
    done = site.publish(plain, signature("chongqing", plain))
    assert (done.missing, done.replayed) == ((), False)
    assert site.book.on("chongqing", date(2026, 5, 1)).get("CQ-31").note == "新版"
    assert site.book.on("chongqing", date(2026, 4, 30)).get("CQ-31").note == ""
    assert [version.head.sequence for version in site.shelf.kept] == [2]
    assert site.journal.lines[-1]["event"] == "catalog_published"


def test_the_same_version_again_changes_nothing() -> None:
    """Neither on the shelf nor in the book."""
    site = Site()
    plain = following(site.book, "chongqing")
    signed = signature("chongqing", plain)
    first = site.publish(plain, signed)
    revision = site.book.revision
    again = site.publish(plain, signed, signature("chongqing", plain))
    assert again.replayed
    assert again.version is first.version
    assert (site.book.revision, len(site.shelf.kept)) == (revision, 1)


def test_a_joint_list_holds_when_every_party_has_signed_the_same_content() -> None:
    """One signature makes it visible; the second, at whichever gateway, makes it hold."""
    site = Site()
    plain = following(site.book, JOINT, effective_from=date(2026, 5, 1))
    half = site.publish(plain, signature("chongqing", plain))
    assert half.missing == ("sichuan",)
    today = date(2026, 6, 1)
    assert site.book.current(JOINT, today).head.sequence == 1
    assert not site.book.holds(half.version, today)
    whole = site.publish(plain, signature("sichuan", plain), region="sichuan")
    assert (whole.missing, whole.version.signed_by) == ((), frozenset({"chongqing", "sichuan"}))
    assert site.book.current(JOINT, today).digest == half.version.digest
    assert site.book.holds(whole.version, today)
    assert [version.shipped for version in site.book.versions(JOINT)] == [True, False]


@pytest.mark.parametrize(("region", "error"), [("guizhou", NotPublisherError), ("sichuan", InvalidFieldError)])
def test_only_those_whose_list_it_is_publish_it_and_with_their_own_signature(
    region: str, error: type[Exception]
) -> None:
    """Guizhou is no party; Sichuan is one, but has not signed."""
    site = Site()
    plain = following(site.book, JOINT)
    with pytest.raises(error):
        site.publish(plain, signature("chongqing", plain), region=region)
    assert site.shelf.kept == []


@pytest.mark.parametrize(
    ("catalog", "regions", "signed"),
    [
        ("chongqing", ["guizhou"], ["guizhou"]),
        ("hongkong", ["guizhou"], ["guizhou"]),
        (JOINT, ["chongqing", "guizhou"], ["chongqing", "guizhou"]),
        (JOINT, ["chongqing", "guizhou", "sichuan"], ["guizhou"]),
    ],
)
@pytest.mark.parametrize("from_peer", [False, True])
def test_nobody_takes_a_list_from_those_who_have_it(
    catalog: str, regions: list[str], signed: list[str], from_peer: bool
) -> None:
    """AZ5: what a new version says of itself is held against the one that holds, from platforms and from peers."""
    site = Site()
    before = site.book.newest(catalog)
    plain = {**following(site.book, catalog), "regions": regions}
    texts = [signature(one, plain) for one in signed]
    checked = site.use.check(written(plain))
    use = partial(site.use.accept, peer="guizhou") if from_peer else partial(site.use.publish, region="guizhou")
    with pytest.raises(NotPublisherError):
        use(checked, texts)
    assert (site.book.newest(catalog), site.shelf.kept) == (before, [])


def test_a_party_leaves_no_other_out_and_joins_with_all() -> None:
    """A list cannot lose a party; who joins waits until all have signed, and changes nothing until then."""
    site = Site()
    fewer = {**following(site.book, JOINT), "regions": ["chongqing", "guizhou"]}
    with pytest.raises(NotPublisherError):
        site.publish(fewer, signature("chongqing", fewer), signature("guizhou", fewer))
    more = {**following(site.book, JOINT), "regions": ["chongqing", "guizhou", "sichuan"]}
    done = site.publish(more, signature("chongqing", more), signature("guizhou", more))
    assert done.missing == ("sichuan",)
    assert site.publish(more, signature("sichuan", more), region="sichuan").missing == ()


def test_the_drafts_of_one_party_do_not_put_away_those_of_another() -> None:
    """However many a party publishes that nobody else signs, what the other has signed waits on."""
    site = Site()
    first = following(site.book, JOINT)
    kept = site.publish(first, signature("chongqing", first)).version
    for number in range(20):
        other = {**first, "sequence": first["sequence"] + 1 + number}
        site.publish(other, signature("sichuan", other), region="sichuan")
    assert kept in site.book.versions(JOINT)
    assert site.publish(first, signature("sichuan", first), region="sichuan").missing == ()


@pytest.mark.parametrize(
    ("signed", "error"),
    [
        (lambda plain: signature("chongqing", {**plain, "synthetic": not plain["synthetic"]}), InvalidFieldError),
        (lambda plain: signature("chongqing", plain, content="agreement"), InvalidFieldError),
        (lambda plain: signature("chongqing", plain, name="guizhou"), InvalidFieldError),
        (lambda plain: signature("guizhou", plain), InvalidFieldError),
        (lambda plain: signature("chongqing", plain)[:-8] + "AAAAAAAA", BadSignatureError),
        (lambda plain: signature("chongqing", plain, as_region="sichuan"), UnknownKeyError),
    ],
)
def test_a_signature_is_of_this_content_by_one_of_its_regions(signed: Any, error: type[Exception]) -> None:  # noqa: ANN401 - a function
    """What is for something else, of somebody else or forged keeps the version out."""
    site = Site()
    plain = following(site.book, "chongqing")
    with pytest.raises(error):
        site.publish(plain, signed(plain))
    assert site.shelf.kept == []


def test_there_are_no_more_signatures_than_parties_could_have() -> None:
    """A flood of them is not proven one by one."""
    site = Site()
    plain = following(site.book, "chongqing")
    with pytest.raises(InvalidFieldError):
        site.publish(plain, *[signature("chongqing", plain)] * (MOST_SIGNATURES + 1))


def test_a_step_back_is_refused() -> None:
    """An older number, a version that does not replace the last one, and a first version that says it is the second."""
    site = Site()
    older = following(site.book, "chongqing")
    second = {**following(site.book, "chongqing"), "valid_until": LIFE + 1}
    site.publish(second, signature("chongqing", second))
    with pytest.raises(CatalogEquivocationError):
        site.publish(older, signature("chongqing", older))
    third = following(site.book, "chongqing")
    site.publish(third, signature("chongqing", third))
    with pytest.raises(CatalogRollbackError) as caught:
        site.publish(older, signature("chongqing", older))
    assert caught.value.metadata == {"catalog": "chongqing", "rule": "newer_than_the_last"}
    astray = {**following(site.book, "chongqing"), "previous": "A" * 43}
    with pytest.raises(CatalogRollbackError) as caught:
        site.publish(astray, signature("chongqing", astray))
    assert caught.value.metadata["rule"] == "replaces_the_last"
    fresh = {**following(site.book, "guangdong-shenzhen"), "catalog": "guangdong-elsewhere", "division": "440100"}
    fresh["items"] = [
        dict(row, item_id=f"EL-{n:02}") for n, row in enumerate(fresh["items"], 1) if "overrides" not in row
    ]
    with pytest.raises(CatalogRollbackError) as caught:
        site.publish(fresh, signature("guangdong", fresh), region="guangdong")
    assert caught.value.metadata["rule"] == "first_version"


def test_a_region_signs_one_content_for_one_number() -> None:
    """A second proposal of the same number by the same party is refused; by the next number it may mend it."""
    site = Site()
    first = following(site.book, JOINT)
    site.publish(first, signature("chongqing", first))
    other = {**first, "valid_until": LIFE + 1}
    with pytest.raises(CatalogEquivocationError) as caught:
        site.publish(other, signature("chongqing", other))
    assert caught.value.metadata == {"catalog": JOINT, "region": "chongqing"}
    mended = {**other, "sequence": 3}
    assert site.publish(mended, signature("chongqing", mended)).missing == ("sichuan",)
    assert site.publish(mended, signature("sichuan", mended), region="sichuan").missing == ()
    assert [v.head.sequence for v in site.book.versions(JOINT)] == [1, 3]


def test_a_dry_run_tells_every_fault_and_keeps_nothing() -> None:
    """Of form, rows, layers, days and life, each with row and column."""
    site = Site()
    plain = following(site.book, "guangdong-shenzhen", valid_until=int(NOON), division="500100")
    plain["items"][1]["media"] = "physical"
    checked = site.use.check(written(plain))
    assert {(f.row, f.column, f.rule) for f in checked.faults} >= {
        (0, "division", "below_the_region"),
        (0, "valid_until", "states_a_life_that_is_not_over"),
        (3, "media", "narrows_what_is_required"),
        (3, "media", "both_forms_have_equal_effect"),
    }
    plain["items"][0]["relations"] = "NO.SUCH:exact"
    rows = site.use.check(written(plain)).faults
    assert [(f.row, f.column, f.rule) for f in rows] == [(2, "relations", "unknown_item_type")]
    with pytest.raises(InvalidFieldError) as caught:
        site.publish(plain, region="guangdong")
    assert caught.value.violations == (("document.items[2].relations", "unknown_item_type"),)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{",
        b'{"format":"onecard-catalog/1","format":"onecard-catalog/1","items":[]}',
        b"\xff",
        b"[" * 100_000,
        b" " * (LONGEST_DOCUMENT + 1),
    ],
)
def test_what_is_no_document_is_a_fault_and_no_exception(text: bytes) -> None:
    """Bytes of any kind."""
    checked = Site().use.check(text)
    assert [fault.rule for fault in checked.faults] == ["catalog_document"]
    assert checked.document is None


def test_what_was_signed_is_what_was_sent() -> None:
    """A document that is not in its normal form is refused, so that no two texts have one digest."""
    site = Site()
    plain = following(site.book, "chongqing")
    plain["extends"], plain["division"] = plain["extends"], ""
    assert [fault.rule for fault in site.use.check(json.dumps(plain).encode()).faults] == ["normal_form"]


def test_text_without_a_canonical_form_is_a_fault() -> None:
    """A lone surrogate has no UTF-8, wherever it stands."""
    site = Site()
    plain = following(site.book, "chongqing")
    plain["title"]["en"] = plain["items"][0]["note"] = "x\ud800"
    faults = site.use.check(json.dumps(plain).encode()).faults
    assert {(f.row, f.column) for f in faults} == {(0, "title.en"), (2, "note")}


def test_a_version_begins_no_earlier_than_the_one_it_replaces() -> None:
    """History is not written anew."""
    site = Site()
    early = following(site.book, "sichuan", effective_from=date(2024, 12, 31))
    assert "not_before_the_version_it_replaces" in {f.rule for f in site.use.check(written(early)).faults}


def test_a_version_is_taken_from_a_peer_for_its_own_lists_only() -> None:
    """With the signatures it brings; a list of others is not taken, whoever has signed it."""
    site = Site()
    plain = following(site.book, "sichuan")
    signed = (signature("sichuan", plain),)
    with pytest.raises(NotPublisherError):
        site.use.accept(site.use.check(written(plain)), signed, peer="guizhou")
    with pytest.raises(InvalidFieldError):
        site.use.accept(site.use.check(written(plain)), (), peer="sichuan")
    assert site.use.accept(site.use.check(written(plain)), signed, peer="sichuan").missing == ()
    assert site.use.accept(site.use.check(written(plain)), signed, peer="sichuan").replayed
    assert site.book.newest("sichuan").head.sequence == 2  # type: ignore[union-attr]  # there is one


def test_a_peers_version_need_not_replace_what_ships_here() -> None:
    """Another program may have shipped another first version; what was published before is held to, though."""
    site = Site()
    plain = {**following(site.book, "sichuan"), "previous": "A" * 43, "sequence": 5}
    assert not site.use.accept(site.use.check(written(plain)), (signature("sichuan", plain),), peer="sichuan").replayed
    later = {**plain, "previous": "B" * 43, "sequence": 6}
    with pytest.raises(CatalogRollbackError):
        site.use.accept(site.use.check(written(later)), (signature("sichuan", later),), peer="sichuan")


def test_a_version_is_taken_from_another_replica_for_whose_list_it_is() -> None:
    """Of whatever region, a joint list with one signature too; what takes a list away or lacks signatures is not."""
    site = Site()
    for catalog in ("chongqing", "guizhou", JOINT):
        plain = following(site.book, catalog)
        checked = site.use.check(written(plain))
        with pytest.raises(InvalidFieldError):
            site.use.take_up(checked, ())
        (first, *_) = plain["regions"]
        assert not site.use.take_up(checked, [signature(first, plain)]).replayed
        assert site.use.take_up(checked, [signature(first, plain)]).replayed
    for regions in (["guizhou"], []):
        other = {**following(site.book, "hongkong"), "regions": regions}
        with pytest.raises((NotPublisherError, InvalidFieldError)):
            site.use.take_up(site.use.check(written(other)), [signature("guizhou", other)])


def test_a_life_that_is_over_ends_at_every_replica() -> None:
    """What another replica has kept is taken up with it, and refused as stale; no other fault passes beside it."""
    site = Site()
    plain = following(site.book, "chongqing", effective_from=date(2026, 5, 1))
    site.clock.now = LIFE + 1
    checked = site.use.check(written(plain))
    with pytest.raises(InvalidFieldError):
        site.publish(plain, signature("chongqing", plain))
    site.use.take_up(checked, [signature("chongqing", plain)])
    with pytest.raises(CatalogStaleError):
        site.book.current("chongqing", date(2026, 8, 1))
    early = following(site.book, "chongqing", effective_from=date(2024, 1, 1))
    with pytest.raises(InvalidFieldError) as caught:
        site.use.take_up(site.use.check(written(early)), [signature("chongqing", early)])
    assert {rule for _, rule in caught.value.violations} == {"not_before_the_version_it_replaces"}


def test_signatures_are_kept_in_the_order_of_regions() -> None:
    """Whoever signs first."""
    site = Site()
    plain = following(site.book, JOINT)
    site.publish(plain, signature("sichuan", plain), region="sichuan")
    whole = site.publish(plain, signature("chongqing", plain)).version
    assert missing(whole) == ()
    assert [sorted(whole.signed_by).index(region) for region in ("chongqing", "sichuan")] == [0, 1]
    assert len(whole.signatures) == 2
