"""A set of fingerprints in few bits, of which one can ask whether something may be in it; standard library only.

A fingerprint is the first `bits` bits of SHA-256(salt || member). The set is the sorted fingerprints, cut by their
leading bits into ranges of about 128, each range the Rice code (R. F. Rice, 1979) of the differences: a difference d is
d >> rice ones, a zero, and the low `rice` bits of d. So it takes about log2(2**bits / count) + 1.5 bits for each
member, and a question reads one range.

It has no false negatives: what was put in is found. What was not is found by chance once in 2**bits / count questions,
so whoever finds something only learns that it may be there, and has to ask elsewhere.

Written form: count (4 bytes), bits, rice, leading bits (1 byte each); for each range its count and its length in bytes
(2 bytes each); then the ranges, each filled up with zeros to whole bytes. Numbers are big-endian. The same members
give the same bytes.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import accumulate
from struct import Struct
from typing import TYPE_CHECKING, Final

from trust.errors import OfflinePackError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_BITS: Final = 56
MAX_COUNT: Final = 2**25
SALT_BYTES: Final = 16

_HEAD: Final = Struct(">IBBB")
_RANGE: Final = Struct(">HH")
_MEMBERS_OF_A_RANGE: Final = 128
_LARGEST_RANGE: Final = 2**16 - 1
_LN2_THOUSANDTHS: Final = 693
_BYTE: Final = 8


def fingerprint(member: bytes, *, salt: bytes, bits: int) -> int:
    """Give the fingerprint of a member, a number below 2**bits."""
    digest = hashlib.sha256(salt + member).digest()
    return int.from_bytes(digest[:_BYTE], "big") >> 8 * _BYTE - bits


def bits_for(count: int, *, one_in: int) -> int:
    """Give how many bits fingerprints need so that chance finds at most one question in `one_in` (a power of two)."""
    return min(MAX_BITS, one_in.bit_length() - 1 + max(count - 1, 1).bit_length())


def write_set(fingerprints: Iterable[int], *, bits: int) -> bytes:
    """Write a set of distinct fingerprints.

    Raises:
        OfflinePackError: too many, or one that has more bits.
    """
    members = sorted(set(fingerprints))
    lowest, highest = (members[0], members[-1]) if members else (0, 0)
    if not 0 < bits <= MAX_BITS or len(members) > MAX_COUNT or lowest < 0 or highest >= 2**bits:
        raise OfflinePackError(rule="set")
    leading = min(max((len(members) // _MEMBERS_OF_A_RANGE).bit_length() - 1, 0), bits)
    rice = _rice(len(members), bits)
    width = bits - leading
    heads, bodies, begin = bytearray(), bytearray(), 0
    for number in range(2**leading):
        first = number << width
        end = bisect_left(members, first + 2**width, begin)
        body = _write_range(members[begin:end], first, rice)
        if len(body) > _LARGEST_RANGE:
            raise OfflinePackError(rule="set")
        heads += _RANGE.pack(end - begin, len(body))
        bodies += body
        begin = end
    return _HEAD.pack(len(members), bits, rice, leading) + bytes(heads + bodies)


def _rice(count: int, bits: int) -> int:
    """Give the parameter that is best for differences of chance: about the mean times ln 2."""
    mean = ((1 << bits) * _LN2_THOUSANDTHS) // (1000 * max(count, 1))
    return max(mean.bit_length() - 1, 0)


def _write_range(members: Sequence[int], first: int, rice: int) -> bytes:
    """Write the differences of one range, the first from where it begins."""
    text, before = [], first
    for member in members:
        difference, before = member - before, member
        text.append("1" * (difference >> rice) + "0" + (f"{difference & (1 << rice) - 1:0{rice}b}" if rice else ""))
    bits = "".join(text)
    size = -(-len(bits) // _BYTE)
    return int(bits.ljust(size * _BYTE, "0") or "0", 2).to_bytes(size, "big")


@dataclass(frozen=True, slots=True)
class FingerprintSet:
    """A set that was read. `bits` and `count` say how good it is: see `one_in`."""

    data: bytes = field(repr=False)
    count: int
    bits: int
    _rice: int
    _leading: int
    _starts: tuple[int, ...] = field(repr=False)

    @classmethod
    def read(cls, data: bytes) -> FingerprintSet:
        """Read a set; what its ranges hold is read when it is asked for.

        Raises:
            OfflinePackError: the parts do not fit together.
        """
        if len(data) < _HEAD.size:
            raise OfflinePackError(rule="set")
        count, bits, rice, leading = _HEAD.unpack_from(data)
        ranges = 2**leading
        begin = _HEAD.size + ranges * _RANGE.size
        if not 0 < bits <= MAX_BITS or count > MAX_COUNT or rice > bits or leading > bits or len(data) < begin:
            raise OfflinePackError(rule="set")
        heads = tuple(_RANGE.iter_unpack(data[_HEAD.size : begin]))
        starts = tuple(accumulate((length for _, length in heads), initial=begin))
        if starts[-1] != len(data) or sum(members for members, _ in heads) != count:
            raise OfflinePackError(rule="set")
        return cls(data, count, bits, rice, leading, starts)

    @property
    def one_in(self) -> int:
        """Give how many questions about what is not in it are asked for each that chance finds."""
        return (1 << self.bits) // max(self.count, 1)

    def may_have(self, mark: int) -> bool:
        """Tell whether a fingerprint is in the set (OfflinePackError where a range cannot be read)."""
        number = mark >> self.bits - self._leading
        return mark in self._members(number)

    def fingerprints(self) -> tuple[int, ...]:
        """Give all of them, sorted (OfflinePackError)."""
        return tuple(mark for number in range(2**self._leading) for mark in self._members(number))

    def _members(self, number: int) -> list[int]:
        """Read one range."""
        members, _ = _RANGE.unpack_from(self.data, _HEAD.size + number * _RANGE.size)
        body = self.data[self._starts[number] : self._starts[number + 1]]
        bits = f"{int.from_bytes(body, 'big'):0{len(body) * _BYTE}b}" if body else ""
        mark, at, found = number << self.bits - self._leading, 0, []
        for _ in range(members):
            zero = bits.find("0", at)
            end = zero + 1 + self._rice
            if zero < 0 or end > len(bits):
                raise OfflinePackError(rule="set")
            mark += (zero - at << self._rice) + (int(bits[zero + 1 : end], 2) if self._rice else 0)
            at = end
            found.append(mark)
        return found
