"""Merkle trees: the published vectors of RFC 6962, the example of RFC 9162, and laws that hold of every tree."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.merkle_vectors import CONSISTENCY, INCLUSION, LEAVES, ROOTS
from trust.errors import ProofError
from trust.merkle import (
    EMPTY_ROOT,
    Frontier,
    Range,
    Subtree,
    consistency_ranges,
    fold,
    inclusion_ranges,
    leaf_hash,
    node_hash,
    prove_consistency,
    prove_inclusion,
    split_hashes,
    subtrees,
    tree_root,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

HASHES = tuple(map(leaf_hash, LEAVES))
SIZES = st.integers(1, 300)


def recursive_root(leaves: Sequence[bytes]) -> bytes:
    """Compute a root by the words of RFC 6962 section 2.1, as an oracle."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256(b"").digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + recursive_root(leaves[:split]) + recursive_root(leaves[split:])).digest()


def numbered(count: int) -> list[bytes]:
    """Make leaf hashes that are all different."""
    return [leaf_hash(number.to_bytes(4, "big")) for number in range(count)]


def hashes_of(leaves: Sequence[bytes], ranges: Sequence[Range]) -> list[bytes]:
    """Give what a store would give for ranges."""
    return [recursive_root(leaves[one.start : one.end]) for one in ranges]


@pytest.mark.parametrize("size", range(len(ROOTS)))
def test_the_published_heads_are_ours(size: int) -> None:
    """The first leaves of the published tree have the published head."""
    assert tree_root(HASHES[:size]) == ROOTS[size]


@pytest.mark.parametrize(("index", "size", "path"), INCLUSION)
def test_the_published_inclusion_proofs_are_ours(index: int, size: int, path: tuple[str, ...]) -> None:
    """The ranges that we name have the published hashes, and these prove that the leaf is there."""
    proof = hashes_of(HASHES, inclusion_ranges(index, size))
    assert [one.hex() for one in proof] == list(path)
    prove_inclusion(index, size, leaf=HASHES[index], path=proof, root=ROOTS[size])


@pytest.mark.parametrize(("first", "second", "path"), CONSISTENCY)
def test_the_published_consistency_proofs_are_ours(first: int, second: int, path: tuple[str, ...]) -> None:
    """The ranges that we name have the published hashes, and these prove that the tree only grew."""
    proof = hashes_of(HASHES, consistency_ranges(first, second))
    assert [one.hex() for one in proof] == list(path)
    prove_consistency(first, second, roots=(ROOTS[first], ROOTS[second]), path=proof)


def test_the_example_of_the_standard_is_ours() -> None:
    """The proofs over seven leaves are those that RFC 9162 section 2.1.5 works out."""
    a, b, c, d, e, f, j = (Range(n, n + 1) for n in range(7))
    g, h, i, k, hash3 = Range(0, 2), Range(2, 4), Range(4, 6), Range(0, 4), Range(4, 7)
    assert inclusion_ranges(0, 7) == [b, h, hash3]
    assert inclusion_ranges(3, 7) == [c, g, hash3]
    assert inclusion_ranges(4, 7) == [f, j, k]
    assert inclusion_ranges(6, 7) == [i, k]
    assert consistency_ranges(3, 7) == [c, d, g, hash3]
    assert consistency_ranges(4, 7) == [hash3]
    assert consistency_ranges(6, 7) == [i, j, k]
    assert (a, e) == (Range(0, 1), Range(4, 5))


@given(st.integers(0, 300), st.data())
def test_a_frontier_has_the_root_however_it_grew(size: int, data: st.DataObject) -> None:
    """Leaves that come in any portions give the root by the words of the standard."""
    leaves, cut = numbered(size), data.draw(st.integers(0, size))
    frontier = Frontier().extended(leaves[:cut])
    grown = Frontier.from_bytes(cut, frontier.to_bytes()).extended(leaves[cut:])
    assert grown.size == size
    assert grown.root == recursive_root(leaves)


@given(SIZES, st.data())
def test_every_leaf_is_proved_and_no_other(size: int, data: st.DataObject) -> None:
    """A path proves its own leaf at its own place, and nothing else."""
    leaves, index = numbered(size), data.draw(st.integers(0, size - 1))
    path, root = hashes_of(leaves, inclusion_ranges(index, size)), recursive_root(leaves)
    prove_inclusion(index, size, leaf=leaves[index], path=path, root=root)
    with pytest.raises(ProofError):
        prove_inclusion(index, size, leaf=leaf_hash(b"another"), path=path, root=root)
    other = data.draw(st.integers(0, size - 1).filter(lambda at: at != index) if size > 1 else st.just(size))
    with pytest.raises(ProofError):
        prove_inclusion(other, size, leaf=leaves[index], path=path, root=root)


@given(SIZES, st.data())
def test_any_two_heads_are_consistent_and_no_forgery_is(second: int, data: st.DataObject) -> None:
    """A path proves that the larger tree goes on from the smaller one; one altered hash or root proves nothing."""
    leaves, first = numbered(second), data.draw(st.integers(1, second))
    path = hashes_of(leaves, consistency_ranges(first, second))
    roots = (recursive_root(leaves[:first]), recursive_root(leaves))
    prove_consistency(first, second, roots=roots, path=path)
    forged = leaf_hash(b"forged")
    for swapped in ((forged, roots[1]), (roots[0], forged)):
        with pytest.raises(ProofError):
            prove_consistency(first, second, roots=swapped, path=path)
    if path:
        place = data.draw(st.integers(0, len(path) - 1))
        with pytest.raises(ProofError):
            prove_consistency(first, second, roots=roots, path=[*path[:place], forged, *path[place + 1 :]])
    with pytest.raises(ProofError):
        prove_consistency(first, second, roots=roots, path=[*path, forged])


@given(SIZES, st.data())
def test_a_rewritten_leaf_is_never_consistent(second: int, data: st.DataObject) -> None:
    """Whoever changes a leaf that was under a head finds no honest path from that head."""
    leaves, first = numbered(second), data.draw(st.integers(1, second))
    rewritten = list(leaves)
    rewritten[data.draw(st.integers(0, first - 1))] = leaf_hash(b"rewritten")
    path = hashes_of(rewritten, consistency_ranges(first, second))
    with pytest.raises(ProofError):
        prove_consistency(first, second, roots=(recursive_root(leaves[:first]), recursive_root(rewritten)), path=path)


@given(st.integers(0, 5000))
def test_a_tree_falls_into_the_subtrees_of_its_bits(size: int) -> None:
    """The perfect subtrees of a tree are as many as its size has bits, and cover it without a gap."""
    parts = subtrees(Range(0, size))
    assert len(parts) == size.bit_count()
    at = 0
    for part in parts:
        assert part.number << part.level == at
        at += 1 << part.level
    assert at == size


def test_a_range_in_the_middle_falls_into_subtrees_too() -> None:
    """A range that starts where a subtree may start is cut at the borders of subtrees."""
    assert subtrees(Range(4, 7)) == [Subtree(1, 2), Subtree(0, 6)]
    assert subtrees(Range(6, 8)) == [Subtree(1, 3)]


def test_leaves_and_nodes_are_never_taken_for_each_other() -> None:
    """A record that is two hashes side by side has another hash than their node."""
    left, right = leaf_hash(b"left"), leaf_hash(b"right")
    assert leaf_hash(left + right) != node_hash(left, right)


def test_the_empty_tree_begins_no_proof_but_its_own() -> None:
    """Nothing is proved by starting from nothing, but that nothing is nothing."""
    prove_consistency(0, 0, roots=(EMPTY_ROOT, EMPTY_ROOT), path=[])
    assert fold(()) == EMPTY_ROOT
    for first, second, roots in (
        (0, 1, (EMPTY_ROOT, ROOTS[1])),
        (0, 0, (EMPTY_ROOT, ROOTS[1])),
        (2, 1, (ROOTS[2], ROOTS[1])),
    ):
        with pytest.raises(ProofError):
            prove_consistency(first, second, roots=roots, path=[])


@pytest.mark.parametrize(("index", "size"), [(-1, 1), (0, 0), (1, 1), (8, 8)])
def test_a_leaf_outside_the_tree_has_no_path(index: int, size: int) -> None:
    """No ranges are named for a leaf that is not there."""
    with pytest.raises(ProofError):
        inclusion_ranges(index, size)


@pytest.mark.parametrize("hashes", [(b"x" * 31,), (), (ROOTS[1], ROOTS[1])])
def test_a_frontier_that_belongs_to_no_tree_is_refused(hashes: tuple[bytes, ...]) -> None:
    """There is a hash of 32 bytes for each bit of the size, or no frontier."""
    with pytest.raises(ProofError):
        Frontier(1, hashes)


def test_hashes_are_whole_or_refused() -> None:
    """Half a hash is none, in a list of them as in a proof."""
    assert split_hashes(b"a" * 32 + b"b" * 32) == [b"a" * 32, b"b" * 32]
    with pytest.raises(ProofError):
        split_hashes(b"a" * 33)
    with pytest.raises(ProofError):
        prove_inclusion(0, 1, leaf=b"", path=[], root=b"")
    with pytest.raises(ProofError):
        prove_inclusion(0, 2, leaf=HASHES[0], path=[], root=ROOTS[2])
