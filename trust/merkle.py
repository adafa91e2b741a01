"""Merkle trees over a growing list of records (RFC 6962 section 2.1, RFC 9162 section 2.1): hashes, heads and proofs.

A tree of `size` leaves falls into perfect subtrees, one for each bit of its size, largest first; a `Frontier` holds
their roots, is all that is needed to add leaves, and gives the root. A proof is a list of hashes of ranges of leaves.
Which ranges is said here (`inclusion_ranges`, `consistency_ranges`); whoever stores the tree gives their hashes. The
other direction, from a proof to a root that must be the one a log has signed, is `prove_inclusion` and
`prove_consistency`.

A subtree is named by its level (its leaves are 2 ** level) and its number from the left at that level.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple

from trust.errors import ProofError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()
"""The root of a tree without leaves."""

_LEAF: Final = b"\x00"
_NODE: Final = b"\x01"


class Range(NamedTuple):
    """Leaves from `start` up to, not including, `end`."""

    start: int
    end: int


class Subtree(NamedTuple):
    """A perfect subtree."""

    level: int
    number: int


def leaf_hash(record: bytes) -> bytes:
    """Hash a record, 32 bytes."""
    return sha256(_LEAF + record).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two neighboring subtrees, 32 bytes."""
    return sha256(_NODE + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """The roots of the perfect subtrees of a tree, largest first, 32 bytes each.

    Raises:
        ProofError: there are not as many as the size has bits.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what belongs to no tree."""
        if self.size < 0 or len(self.hashes) != self.size.bit_count() or any(len(h) != HASH_BYTES for h in self.hashes):
            raise ProofError(rule="frontier")

    @property
    def root(self) -> bytes:
        """The root of the tree."""
        return fold(self.hashes)

    def extended(self, leaves: Iterable[bytes]) -> Frontier:
        """Add leaf hashes."""
        size, stack = self.size, list(self.hashes)
        for leaf in leaves:
            top, rest = leaf, size
            while rest & 1:
                top = sha256(_NODE + stack.pop() + top).digest()
                rest >>= 1
            stack.append(top)
            size += 1
        return Frontier(size, tuple(stack))

    def to_bytes(self) -> bytes:
        """Write the hashes one after the other."""
        return b"".join(self.hashes)

    @classmethod
    def from_bytes(cls, size: int, hashes: bytes) -> Frontier:
        """Read what `to_bytes` has written (ProofError)."""
        return cls(size, tuple(split_hashes(hashes)))


def split_hashes(joined: bytes) -> list[bytes]:
    """Take hashes apart that stand one after the other (ProofError where the last is not whole)."""
    if len(joined) % HASH_BYTES:
        raise ProofError(rule="hash length")
    return [joined[at : at + HASH_BYTES] for at in range(0, len(joined), HASH_BYTES)]


def fold(hashes: Sequence[bytes]) -> bytes:
    """Give the root over perfect subtrees, largest first."""
    if not hashes:
        return EMPTY_ROOT
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


def tree_root(leaves: Sequence[bytes]) -> bytes:
    """Give the root over leaf hashes."""
    return Frontier().extended(leaves).root


def subtrees(leaves: Range) -> list[Subtree]:
    """Name the perfect subtrees that a range falls into, left to right; it starts where the largest of them may."""
    found = []
    at = leaves.start
    while at < leaves.end:
        level = (leaves.end - at).bit_length() - 1
        if at:
            level = min(level, (at & -at).bit_length() - 1)
        found.append(Subtree(level, at >> level))
        at += 1 << level
    return found


def split_at(size: int) -> int:
    """Give the largest power of two below a size of at least 2 (k of RFC 6962)."""
    return 1 << ((size - 1).bit_length() - 1)


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """Name the ranges whose hashes prove that a leaf is in a tree, from the leaf up (PATH of RFC 6962).

    Raises:
        ProofError: the tree has no such leaf.
    """
    if not 0 <= index < size:
        raise ProofError(rule="index below size")
    ranges, start, end = list[Range](), 0, size
    while end - start > 1:
        middle = start + split_at(end - start)
        if index < middle:
            ranges.append(Range(middle, end))
            end = middle
        else:
            ranges.append(Range(start, middle))
            start = middle
    return ranges[::-1]


def consistency_ranges(first: int, second: int) -> list[Range]:
    """Name the ranges whose hashes prove that one tree begins with another (PROOF of RFC 6962); none if they are equal.

    Raises:
        ProofError: the first is empty, or larger than the second.
    """
    if not 0 < first <= second:
        raise ProofError(rule="sizes")
    ranges, start, end, whole = list[Range](), 0, second, True
    while first != end:
        middle = start + split_at(end - start)
        if first <= middle:
            ranges.append(Range(middle, end))
            end = middle
        else:
            ranges.append(Range(start, middle))
            start, whole = middle, False
    return ([] if whole else [Range(start, end)]) + ranges[::-1]


def prove_inclusion(index: int, size: int, *, leaf: bytes, path: Sequence[bytes], root: bytes) -> None:
    """Demand that a leaf hash is at its place in the tree with this root (RFC 9162 section 2.1.3.2).

    Raises:
        ProofError: it does not follow from the path.
    """
    ranges = inclusion_ranges(index, size)
    _check_hashes(leaf, root, *path)
    if len(path) != len(ranges):
        raise ProofError(rule="length of the path")
    found = leaf
    for part, beside in zip(ranges, path, strict=True):
        found = node_hash(beside, found) if part.end <= index else node_hash(found, beside)
    if found != root:
        raise ProofError(rule="inclusion")


def prove_consistency(first: int, second: int, *, roots: tuple[bytes, bytes], path: Sequence[bytes]) -> None:
    """Demand that the second tree begins with all of the first (RFC 9162 section 2.1.4.2).

    Raises:
        ProofError: it does not follow from the path; or the first is empty, with which every tree begins.
    """
    if first == second == 0 and not path and roots == (EMPTY_ROOT, EMPTY_ROOT):
        return
    ranges = consistency_ranges(first, second)
    _check_hashes(*roots, *path)
    if len(path) != len(ranges):
        raise ProofError(rule="length of the path")
    if _both_roots(first, ranges, path, old=roots[0]) != roots:
        raise ProofError(rule="consistency")


def _check_hashes(*hashes: bytes) -> None:
    """Refuse what is no hash, so that a root is never taken apart in another place than it was put together."""
    if any(len(one) != HASH_BYTES for one in hashes):
        raise ProofError(rule="hash length")


def _both_roots(first: int, ranges: Sequence[Range], path: Sequence[bytes], *, old: bytes) -> tuple[bytes, bytes]:
    """Compute the two roots; where the first tree is itself a subtree of the second, its root is where both begin."""
    parts = list(zip(ranges, path, strict=True))
    if parts and parts[0][0].end == first:
        _, before = parts.pop(0)
    else:
        before = old
    after = before
    for part, beside in parts:
        if part.end <= first:
            before, after = node_hash(beside, before), node_hash(beside, after)
        else:
            after = node_hash(after, beside)
    return before, after
