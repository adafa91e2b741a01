"""The states of very many cards in little memory, by their pseudonyms of 16 bytes, with digests to compare them.

Cards lie in buckets by linear hashing (W. Litwin, 1980): a bucket is two byte strings, and when the table has grown by
some cards one bucket is split, so nothing ever waits for the whole. The first string has, for each card, its key and
what its state means, which is all that a look-up reads; the second has the marks of `adapters.card_state`. A card with
two marks takes some 60 bytes; a dictionary of objects would take ten times as much.

The digest of a card is BLAKE2b (8 bytes) of its key and all of its marks, that of a set of cards the exclusive or of
theirs. Node `(depth, value)` of the tree is the set of cards whose key, read as a little-endian number, leaves `value`
modulo 16**depth; so node (0, 0) has all, and each node has sixteen below it.
"""

from __future__ import annotations

import hashlib
from array import array
from functools import reduce
from operator import xor
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from adapters.card_state import CardState, Mark
from adapters.words import CardFunction, CardStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY_BYTES: Final = 16
MOST_DEPTH: Final = 2 * KEY_BYTES
BRANCHES: Final = 16

_CARDS_IN_A_BUCKET: Final = 16
_LEAF_DEPTH: Final = 4
_LEAVES: Final = BRANCHES**_LEAF_DEPTH
_BITS: Final = 4
_STAMP_BYTES: Final = 13
_ENTRY: Final = Struct(f"<HB{_STAMP_BYTES}s")
_RECORD: Final = KEY_BYTES + 2
_STATUS_AT, _FUNCTIONS_AT = KEY_BYTES, KEY_BYTES + 1

_STATUSES: Final = tuple(CardStatus)
_STATUS_NUMBER: Final = {status: number for number, status in enumerate(_STATUSES)}
_FUNCTIONS: Final = tuple(CardFunction)


class Shown(NamedTuple):
    """What counts at a counter: the status, and the suspended functions."""

    status: CardStatus
    suspended: frozenset[CardFunction]


_SHOWN: Final = tuple(
    tuple(
        Shown(status, frozenset(f for n, f in enumerate(_FUNCTIONS) if bits >> n & 1))
        for bits in range(2 ** len(_FUNCTIONS))
    )
    for status in _STATUSES
)


def card_digest(key: bytes, state: CardState) -> int:
    """Give the digest of one card, a number of 64 bits."""
    parts = [key]
    for mark in state.marks:
        detail = mark.detail.encode()
        parts += (_ENTRY.pack(len(detail), mark.slot, mark.stamp.to_bytes(_STAMP_BYTES, "big")), detail)
    return int.from_bytes(hashlib.blake2b(b"".join(parts), digest_size=8).digest(), "big")


class CardTable:
    """States by key; who keeps a table for each pair of regions keeps their pseudonyms apart."""

    __slots__ = ("_bits", "_count", "_details", "_index", "_leaves", "_marks", "_split")

    def __init__(self) -> None:
        """Begin with one empty bucket."""
        self._bits = 0
        self._split = 0
        self._count = 0
        self._index = [bytearray()]
        self._marks = [bytearray()]
        self._details: dict[bytes, dict[int, str]] = {}
        self._leaves = array("Q", bytes(8 * _LEAVES))

    def __len__(self) -> int:
        """Count the cards."""
        return self._count

    def _bucket(self, key: bytes) -> int:
        """Give the bucket of a key; those before the split were split already and count one bit more."""
        number = int.from_bytes(key[:4], "little")
        bucket = number & (1 << self._bits) - 1
        return bucket if bucket >= self._split else number & (2 << self._bits) - 1

    def shown(self, key: bytes) -> Shown | None:
        """Give what a card's state means, or None for a card that is not there."""
        number = int.from_bytes(key[:4], "little")  # as in `_bucket`; a call would cost a quarter of the whole
        bucket = number & (1 << self._bits) - 1
        index = self._index[bucket if bucket >= self._split else number & (2 << self._bits) - 1]
        at = index.find(key)
        while at % _RECORD and at >= 0:
            at = index.find(key, at + 1)
        return None if at < 0 else _SHOWN[index[at + _STATUS_AT]][index[at + _FUNCTIONS_AT]]

    def state(self, key: bytes) -> CardState:
        """Give the whole state of a card; that of one that is not there has no marks."""
        bucket = self._bucket(key)
        number = _number(self._index[bucket], key)
        return CardState() if number < 0 else self._read(bucket, number, key)

    def _read(self, bucket: int, number: int, key: bytes) -> CardState:
        details = self._details.get(key, {})
        return CardState(
            tuple(
                sorted(
                    Mark(slot, int.from_bytes(stamp, "big"), details.get(slot, ""))
                    for owner, slot, stamp in _ENTRY.iter_unpack(self._marks[bucket])
                    if owner == number
                )
            )
        )

    def put(self, key: bytes, state: CardState) -> None:
        """Keep a state in place of the one that was there; it has at least one mark."""
        bucket = self._bucket(key)
        index, marks = self._index[bucket], self._marks[bucket]
        number = _number(index, key)
        leaf = _leaf(key)
        if number < 0:
            number = len(index) // _RECORD
            index += key + b"\0\0"
            self._count += 1
        else:
            before = self._read(bucket, number, key)
            self._leaves[leaf] ^= card_digest(key, before)
            _drop(marks, number)
        self._leaves[leaf] ^= card_digest(key, state)
        meaning = state.meaning
        index[number * _RECORD + _STATUS_AT] = _STATUS_NUMBER[meaning.status]
        index[number * _RECORD + _FUNCTIONS_AT] = sum(
            1 << n for n, f in enumerate(_FUNCTIONS) if f in meaning.suspended
        )
        for mark in state.marks:
            marks += _ENTRY.pack(number, mark.slot, mark.stamp.to_bytes(_STAMP_BYTES, "big"))
        details = {mark.slot: mark.detail for mark in state.marks if mark.detail}
        if details:
            self._details[key] = details
        if self._count > _CARDS_IN_A_BUCKET * len(self._index):
            self._grow()

    def _grow(self) -> None:
        """Split the next bucket in two."""
        old, new = self._split, len(self._index)
        index, marks = self._index[old], self._marks[old]
        self._index[old], self._marks[old] = bytearray(), bytearray()
        self._index.append(bytearray())
        self._marks.append(bytearray())
        self._split += 1
        if self._split == 1 << self._bits:
            self._bits, self._split = self._bits + 1, 0
        places: list[tuple[int, int]] = []
        for at in range(0, len(index), _RECORD):
            target = old if self._bucket(bytes(index[at : at + KEY_BYTES])) == old else new
            places.append((target, len(self._index[target]) // _RECORD))
            self._index[target] += index[at : at + _RECORD]
        for owner, slot, stamp in _ENTRY.iter_unpack(marks):
            target, number = places[owner]
            self._marks[target] += _ENTRY.pack(number, slot, stamp)

    def digest(self, depth: int, value: int) -> int:
        """Give the digest of a node."""
        if depth <= _LEAF_DEPTH:
            return reduce(xor, self._leaves[value :: BRANCHES**depth])
        return reduce(xor, (card_digest(key, self.state(key)) for key in self.keys(depth, value)), 0)

    def below(self, depth: int, value: int) -> tuple[int, ...]:
        """Give the digests of the sixteen nodes below a node."""
        if depth < _LEAF_DEPTH:
            return tuple(self.digest(depth + 1, value + branch * BRANCHES**depth) for branch in range(BRANCHES))
        digests = [0] * BRANCHES
        for key in self.keys(depth, value):
            digests[int.from_bytes(key, "little") >> _BITS * depth & BRANCHES - 1] ^= card_digest(key, self.state(key))
        return tuple(digests)

    def keys(self, depth: int = 0, value: int = 0) -> Iterator[bytes]:
        """Give the keys of a node, in no order."""
        step = 1 << min(_BITS * depth, self._bits)
        mask = BRANCHES**depth - 1
        for bucket in range(value % step, len(self._index), step):
            index = bytes(self._index[bucket])
            for at in range(0, len(index), _RECORD):
                key = index[at : at + KEY_BYTES]
                if int.from_bytes(key, "little") & mask == value:
                    yield key


def _leaf(key: bytes) -> int:
    """Give the number of the node at the depth whose digests are kept."""
    return int.from_bytes(key[:2], "little") % _LEAVES


def _number(index: bytearray, key: bytes) -> int:
    """Give which record of a bucket has a key, -1 for none; what looks like it across two records is none."""
    at = index.find(key)
    while at % _RECORD and at >= 0:
        at = index.find(key, at + 1)
    return at // _RECORD


def _drop(marks: bytearray, number: int) -> None:
    """Forget the marks of a record."""
    kept = b"".join(_ENTRY.pack(*entry) for entry in _ENTRY.iter_unpack(marks) if entry[0] != number)
    marks[:] = kept
