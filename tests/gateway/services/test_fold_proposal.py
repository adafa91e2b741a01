"""Folding: what districts of the parties propose becomes the next version of the joint list, for all to sign."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from adapters.catalog_document import read_document
from adapters.catalog_rows import HEADER, write_row
from gateway.errors import NotPublisherError, UnknownCatalogError
from gateway.services.catalog_book import CatalogBook
from gateway.services.fold_proposal import Folded, FoldProposal
from tests.fakes.catalogs import LIFE, publisher, signature
from tests.fakes.clock import FakeClock
from tests.fakes.journal import FakeJournal
from tests.fakes.regions import REGISTRY

JOINT = "sichuan-chongqing"


def table(**changes: str) -> str:
    """Write one proposed item as a table."""
    row = write_row(REGISTRY.documents[JOINT].items.get("CY-01"))
    row |= {"item_id": "CY-07", "relations": "CUL.SPORT:exact", "note": "荣昌、泸州试点（示例）", **changes}
    out = io.StringIO()
    writer = csv.DictWriter(out, HEADER, lineterminator="\n")
    writer.writeheader()
    writer.writerow(row)
    return out.getvalue()


def fold(book: CatalogBook, catalog: str = JOINT, **changes: Any) -> Folded:  # noqa: ANN401 - any argument
    """Fold a good proposal, or one with changes."""
    told: dict[str, Any] = {
        "proposal": "rongchang-luzhou",
        "divisions": ("500153", "510500"),
        "table": table(),
        "valid_until": LIFE,
        "region": "chongqing",
        **changes,
    }
    return FoldProposal(book=book, registry=REGISTRY)(catalog, **told)


def book() -> CatalogBook:
    """Make a book of what ships."""
    return CatalogBook(REGISTRY, clock=FakeClock())


def test_a_folded_proposal_is_published_once_all_have_signed() -> None:
    """The item holds from then on, and not before."""
    found, clock = book(), FakeClock()
    folded = fold(found)
    assert folded.faults == ()
    plain = json.loads(folded.canonical)
    document, _ = read_document(plain, REGISTRY.taxonomy)
    assert document is not None
    assert "CY-07" in document.items
    use = publisher(found, clock, FakeJournal())
    use.publish(use.check(folded.canonical), [signature("chongqing", plain)], region="chongqing")
    assert "CY-07" not in found.current(JOINT, found.today()).items
    done = use.publish(use.check(folded.canonical), [signature("sichuan", plain)], region="sichuan")
    assert done.version.digest == folded.digest
    assert "CY-07" in found.current(JOINT, found.today()).items


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"proposal": "X"}, (0, "proposal", "string_pattern_mismatch")),
        ({"divisions": ("500153",)}, (0, "divisions", "too_short")),
        ({"divisions": ("500153", "440300")}, (0, "divisions", "districts_of_the_parties")),
        ({"table": "x"}, (1, "", "header")),
        ({"table": table(media="paper")}, (2, "media", "closed_word")),
        ({"table": table(item_id="CY-01")}, (2, "item_id", "unique")),
        ({"table": table(effective_to="2024-01-01")}, (2, "effective_to", "ends_before_it_starts")),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_folded(changes: dict[str, Any], fault: tuple[int, str, str]) -> None:
    """By row and column."""
    folded = fold(book(), **changes)
    assert fault in {(f.row, f.column, f.rule) for f in folded.faults}
    assert (folded.canonical, folded.digest) == (b"", "")


def test_a_fault_that_only_the_whole_shows_is_told_too() -> None:
    """An identifier that another list of a party has."""
    folded = fold(book(), table=table(item_id="CQ-31"))
    assert [(f.column, f.rule) for f in folded.faults] == [("item_id", "used_by_another_catalog")]


def test_only_a_party_folds_and_only_what_there_is() -> None:
    """Guizhou has no say in it."""
    with pytest.raises(NotPublisherError):
        fold(book(), region="guizhou")
    with pytest.raises(UnknownCatalogError):
        fold(book(), "atlantis")


def test_only_lists_with_an_article_take_innovations() -> None:
    """Chongqing and Guizhou have none."""
    folded = fold(book(), "chongqing-guizhou", divisions=("500153", "520300"))
    assert [f.rule for f in folded.faults] == ["no_article_lets_districts_add"]


def test_the_life_of_the_version_before_is_kept_unless_told() -> None:
    """Zero means that nothing is said."""
    found = book()
    plain = json.loads(fold(found, valid_until=0).canonical)
    assert plain["valid_until"] == 0
