"""Innovations of districts: folded into the joint list where an article says so, by districts of every party."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from adapters.catalog import Catalog
from adapters.joint import Proposal, ProposalHead, check_proposal, fold, read_proposal_head
from adapters.words import Layer
from tests.adapters.document_examples import DIGEST, DIVISIONS, joint, listed

if TYPE_CHECKING:
    from adapters.canonical import ApplicationItem

ARTICLE = {"source": "重庆市社会保障卡一卡通条例", "article": "第十八条第三款"}
NEWEST = joint(listed("JJ-01", "TRA.BUS:exact"), innovation=ARTICLE)
NEW = listed("JJ-02", "CUL.SPORT:exact", layer=Layer.JOINT)


def proposal(*items: ApplicationItem, **changes: Any) -> Proposal:  # noqa: ANN401 - any key of a head
    """Make a proposal of a district on each side."""
    told = {
        "proposal": "two-districts",
        "catalog": "here-there",
        "previous": DIGEST,
        "divisions": ["500153", "510500"],
        **changes,
    }
    return Proposal(ProposalHead.model_validate(told), Catalog("here-there", items or (NEW,)))


def faults(one: Proposal, joint_list: Any = NEWEST) -> list[tuple[int, str, str]]:  # noqa: ANN401 - a document
    """Check a proposal."""
    return [(f.row, f.column, f.rule) for f in check_proposal(one, joint_list, digest=DIGEST, divisions=DIVISIONS)]


def test_districts_of_both_sides_fold_their_items_into_the_joint_list() -> None:
    """The next version has them, names the one before, and keeps all that was there."""
    good = proposal()
    assert faults(good) == []
    folded = fold(good, NEWEST, digest=DIGEST)
    assert [one.item for one in folded.items] == ["JJ-01", "JJ-02"]
    assert (folded.head.sequence, folded.head.previous) == (2, DIGEST)
    assert folded.head.innovation == NEWEST.head.innovation


@pytest.mark.parametrize(
    ("changes", "key", "rule"),
    [
        ({"divisions": ["500153", "500152"]}, "divisions", "one_of_each_party"),
        ({"divisions": ["500153", "440300"]}, "divisions", "districts_of_the_parties"),
        ({"divisions": ["500000", "510500"]}, "divisions", "districts_of_the_parties"),
        ({"divisions": ["500153", "510500", "510500"]}, "divisions", "repeated"),
        ({"previous": "B" * 43}, "previous", "newest_version"),
        ({"catalog": "elsewhere"}, "catalog", "joint_catalog"),
    ],
)
def test_a_proposal_is_of_districts_of_the_parties_for_the_newest_version(
    changes: dict[str, Any], key: str, rule: str
) -> None:
    """Not of one side alone, not of strangers, not of a province itself, not for an old version."""
    assert (0, key, rule) in faults(proposal(**changes))


def test_without_an_article_nothing_is_folded() -> None:
    """Only Chongqing and Sichuan have one."""
    plain = joint(listed("JJ-01", "TRA.BUS:exact"))
    assert faults(proposal(), plain) == [(0, "catalog", "no_article_lets_districts_add")]


def test_proposed_items_are_new_and_name_what_they_are() -> None:
    """Each fault by its row."""
    wrong = proposal(
        listed("JJ-01", "TRA.METRO:exact", layer=Layer.JOINT),
        listed("JJ-03", "", residue="其他", layer=Layer.JOINT),
        listed("JJ-04", "CUL.SPORT:exact"),
    )
    assert faults(wrong) == [
        (2, "item_id", "unique"),
        (3, "relations", "names_an_item_type"),
        (4, "layer", "layer_of_the_catalog"),
    ]


def test_a_head_is_read_with_all_its_faults() -> None:
    """Row 0, by key."""
    good, none = read_proposal_head("x", dict(proposal().head))
    assert (good, none) == (proposal().head, [])
    bad, found = read_proposal_head("x", {"proposal": "X", "divisions": []})
    assert bad is None
    assert {fault.column for fault in found} == {"proposal", "catalog", "previous", "divisions"}
