"""The chapter on exchange and evidence, as far as it goes without gateways: its place, its titles, a proof by hand."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sandbox.by_hand import NotProvenError
from gateway.sandbox.demo import chapters
from gateway.sandbox.log_by_hand import included
from gateway.sandbox.story_exchange import exchange_chapter
from gateway.sandbox.story_sending import done
from gateway.sandbox.titles import load_titles
from tests.trust.merkle_vectors import INCLUSION, LEAVES, ROOTS
from trust.checkpoint import Checkpoint, sign_checkpoint
from trust.keys import SigningKey
from trust.merkle import inclusion_ranges, leaf_hash, tree_root
from trust.note import NoteKey
from trust.signer import KeySigner

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.sandbox.story import Stage

LOG = SigningKey.generate("EdDSA", issuer="gateway.chongqing")
VERIFIER = NoteKey.of(LOG.public(), name=LOG.issuer).to_text()
OTHER = NoteKey.of(SigningKey.generate("EdDSA", issuer=LOG.issuer).public(), name=LOG.issuer).to_text()
pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")


def head(size: int, root: bytes) -> str:
    """Sign a checkpoint."""
    return sign_checkpoint(Checkpoint(LOG.issuer, size, root), signer=KeySigner(LOG)).to_text()


def test_the_chapter_comes_before_what_it_needs_is_stopped() -> None:
    """Its gateways are up, and the agreement of the two regions stands."""
    titles = [chapter.title for chapter in chapters()]
    assert titles.index("Errors") < titles.index("Exchange and evidence") < titles.index("A lost card")


def test_every_step_has_a_chinese_title() -> None:
    """The table of the demonstration is whole in both languages."""
    chapter = exchange_chapter()
    assert {chapter.title, *(step.title for step in chapter.steps)} <= load_titles().keys()
    assert len({step.title for step in chapter.steps}) == len(chapter.steps) == 10


def test_what_was_done_is_listed_in_order(tmp_path: Path) -> None:
    """The file of the simulated platform tells what was done, and that it was done twice; without it nothing was."""
    stage = cast("Stage", SimpleNamespace(layout=SimpleNamespace(folder=tmp_path)))
    assert done(stage) == []
    (tmp_path / "callers").mkdir()
    lines = [json.dumps({"request": name, "reply": {}}) for name in "bab"]
    (tmp_path / "callers" / "chongqing.deeds.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    assert done(stage) == ["b", "a", "b"]


@pytest.mark.parametrize(("index", "size", "path"), INCLUSION[1:])
def test_a_published_path_is_folded(index: int, size: int, path: tuple[str, ...]) -> None:
    """The proof by hand holds for the published paths, each by its place."""
    hashes = [bytes.fromhex(one) for one in path]
    found = included(LEAVES[index], index=index, path=hashes, note=head(size, ROOTS[size]), verifier=VERIFIER)
    assert found == size


@given(st.data())
def test_only_the_record_at_the_index_is_proved(data: st.DataObject) -> None:
    """In a log of any size each record is proved at its own place, no other is there, and no path is too long."""
    size = data.draw(st.integers(1, 40))
    records = [f"record {number}".encode() for number in range(size)]
    index = data.draw(st.integers(0, size - 1))
    leaves = [leaf_hash(one) for one in records]
    path = [tree_root(leaves[found.start : found.end]) for found in inclusion_ranges(index, size)]
    note = head(size, tree_root(leaves))
    assert included(records[index], index=index, path=path, note=note, verifier=VERIFIER) == size
    for wrong, hashes in ((b"other", path), (records[index], [*path, leaves[0]]), (records[index], path[:-1])):
        if hashes or wrong == b"other":
            with pytest.raises(NotProvenError, match="elsewhere"):
                included(wrong, index=index, path=hashes, note=note, verifier=VERIFIER)


@pytest.mark.parametrize(
    ("old", "new", "verifier", "told"),
    [
        ("\n8\n", "\n9\n", VERIFIER, "does not hold"),
        ("", "", OTHER, "another key"),
        ("\u2014 gateway.chongqing", "\u2014 gateway.sichuan", VERIFIER, "another key"),
        ("\u2014 ", "- ", VERIFIER, "another key"),
    ],
    ids=["another size", "another key", "another name", "another mark"],
)
def test_a_head_that_the_log_has_not_signed_proves_nothing(old: str, new: str, verifier: str, told: str) -> None:
    """Another size, another key, another name, another mark: each is refused."""
    _, _, path = INCLUSION[-1]
    note = head(8, ROOTS[8]).replace(old, new) if old else head(8, ROOTS[8])
    with pytest.raises(NotProvenError, match=told):
        included(LEAVES[0], index=0, path=[bytes.fromhex(one) for one in path], note=note, verifier=verifier)
