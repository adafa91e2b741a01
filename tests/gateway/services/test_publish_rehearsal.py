"""A dry run of publishing: it refuses what publishing refuses, tells what publishing tells, and keeps nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import CatalogEquivocationError, CatalogRollbackError, GatewayError, NotPublisherError
from gateway.services.catalog_book import CatalogBook
from tests.fakes.catalogs import LIFE, MemoryShelf, following, publisher, signature, written
from tests.fakes.clock import FakeClock
from tests.fakes.journal import FakeJournal
from tests.fakes.regions import REGISTRY
from trust.errors import TrustError

JOINT = "sichuan-chongqing"
SIGNERS = ("chongqing", "sichuan", "guizhou")


class Site:
    """A book with its publisher; of the joint list three versions are signed by all, and a fourth waits for Sichuan."""

    def __init__(self) -> None:
        """Publish them."""
        self.shelf = MemoryShelf()
        self.clock = FakeClock()
        self.journal = FakeJournal()
        self.book = CatalogBook(REGISTRY, clock=self.clock)
        self.use = publisher(self.book, self.clock, self.journal, self.shelf)
        self.second = following(self.book, JOINT)
        self.publish(self.second, "chongqing", "sichuan")
        self.third = following(self.book, JOINT)
        self.publish(self.third, "chongqing", "sichuan")
        self.fourth = following(self.book, JOINT)
        self.publish(self.fourth, "chongqing")

    def publish(self, plain: dict[str, Any], *signers: str) -> None:
        """Publish a version for Chongqing."""
        self.use.publish(self.use.check(written(plain)), [signature(one, plain) for one in signers], region="chongqing")

    def state(self) -> tuple[int, int, int]:
        """Give what a dry run must not change."""
        return self.book.revision, len(self.shelf.kept), len(self.journal.lines)


DOCUMENTS: dict[str, Any] = {
    "the_next": lambda site: site.fourth,
    "the_last": lambda site: site.third,
    "another_of_the_same_number": lambda site: {**site.third, "valid_until": LIFE + 1},
    "another_that_waits": lambda site: {**site.fourth, "valid_until": LIFE + 1},
    "the_one_after": lambda site: {**site.fourth, "sequence": 5},
    "astray": lambda site: {**site.fourth, "previous": "A" * 43},
    "with_another_party": lambda site: {**site.fourth, "regions": ["chongqing", "guizhou", "sichuan"]},
    "without_a_party": lambda site: {**site.fourth, "regions": ["chongqing", "guizhou"]},
    "older": lambda site: {**site.second, "valid_until": LIFE + 1},
    "with_a_fault": lambda site: {**site.fourth, "valid_until": 1},
    "of_one_region": lambda site: following(site.book, "chongqing"),
}


def told(use: Any, checked: Any, texts: list[str], region: str) -> tuple[Any, ...]:  # noqa: ANN401 - either method
    """Give what a method tells: the error with all it says, or who is missing and whether it was known."""
    try:
        done = use(checked, texts, region=region)
    except (GatewayError, TrustError) as error:
        return type(error), error.metadata, getattr(error, "violations", ())
    return done.missing, done.replayed


@given(
    st.sampled_from(sorted(DOCUMENTS)),
    st.lists(st.sampled_from(SIGNERS), min_size=1, unique=True),
    st.sampled_from(SIGNERS),
    st.sampled_from(("whole", "of_something_else", "broken")),
)
def test_a_dry_run_of_what_is_signed_tells_what_publishing_tells(
    name: str, signers: list[str], region: str, kind: str
) -> None:
    """The same errors with the same words, or the same missing parties; and nothing is changed by it."""
    site = Site()
    plain = DOCUMENTS[name](site)
    signed_plain = plain if kind != "of_something_else" else {**plain, "synthetic": not plain["synthetic"]}
    texts = [signature(one, signed_plain) for one in signers]
    if kind == "broken":
        texts[0] = texts[0][:-8] + "AAAAAAAA"
    checked, before = site.use.check(written(plain)), site.state()
    rehearsed = told(site.use.rehearse, checked, texts, region)
    assert site.state() == before
    assert rehearsed == told(site.use.publish, checked, texts, region)


@given(st.sampled_from(sorted(DOCUMENTS)), st.sampled_from(SIGNERS))
def test_a_dry_run_of_a_draft_refuses_what_no_signature_could_mend(name: str, region: str) -> None:
    """Without signatures it refuses just what publishing refuses once the caller's region has signed."""
    site = Site()
    plain = DOCUMENTS[name](site)
    checked, before = site.use.check(written(plain)), site.state()
    rehearsed = told(site.use.rehearse, checked, [], region)
    assert site.state() == before
    published = told(site.use.publish, checked, [signature(region, plain)], region)
    refused = isinstance(published[0], type)
    assert isinstance(rehearsed[0], type) == refused
    if refused:
        assert rehearsed == published


@pytest.mark.parametrize(
    ("name", "region", "error"),
    [
        ("the_next", "guizhou", NotPublisherError),
        ("without_a_party", "chongqing", NotPublisherError),
        ("another_of_the_same_number", "chongqing", CatalogEquivocationError),
        ("another_that_waits", "chongqing", CatalogEquivocationError),
        ("astray", "chongqing", CatalogRollbackError),
        ("older", "chongqing", CatalogRollbackError),
    ],
)
def test_a_draft_that_could_never_be_published_is_refused_before_it_is_signed(
    name: str, region: str, error: type[Exception]
) -> None:
    """Not the caller's list, another content for the same number, or no step forward."""
    site = Site()
    with pytest.raises(error):
        site.use.rehearse(site.use.check(written(DOCUMENTS[name](site))), [], region=region)


def test_a_draft_is_told_who_has_signed_it_already() -> None:
    """Of the fourth version Chongqing's signature is known; of one that nobody knows, nothing is said."""
    site = Site()
    known = site.use.rehearse(site.use.check(written(site.fourth)), [], region="sichuan")
    assert (known.signed_by, known.missing, known.replayed) == (("chongqing",), ("sichuan",), False)
    plain = following(site.book, "chongqing")
    fresh = site.use.rehearse(site.use.check(written(plain)), [], region="chongqing")
    assert (fresh.signed_by, fresh.missing, fresh.replayed) == ((), ("chongqing",), False)
