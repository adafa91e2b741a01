"""How small the set of reported cards can be written: four ways, each made and measured, for sets of three sizes.

All are about the cards of a region of ten million, of which some are reported. The cards are invented: the bytes of a
seeded generator, as pseudonyms are.

- Rice: what the packs have (`trust.offline_set`), fingerprints of chance 1 in 2**24, and of 1 in 2**12 beside them;
  it knows nothing of good cards.
- list: the same fingerprints in whole bytes one after another, packed by zlib.
- cascade: Bloom filters in levels, each of what the one above found by mistake (CRLite, Larisch et al. 2017); exact
  for every card that was known when it was made, and without meaning for any other.
- clubcard: the two parts of Clubcards (Schanck 2025), computed and not made: a ribbon filter of what is reported, so
  loose that it mistakes about as many good cards as there are reported ones, and one of one bit that sets those right.

For the two that are exact the good cards have to be gone through; here as many of them as `SAMPLED`, and the sizes of
what follows are computed for ten million from the share that was found.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
import sys
import time
import zlib
from typing import TYPE_CHECKING

from trust.offline_set import FingerprintSet, bits_for, fingerprint, write_set

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CARDS = 10_000_000
SIZES = (1_000, 100_000, 1_000_000)
SAMPLED = 1_000_000
ONE_IN, LOOSE = 2**24, 2**12
_SALT = b"\x06" * 16
_LOOKUPS = 20_000


def pseudonyms(count: int, seed: int) -> list[bytes]:
    """Make pseudonyms of cards."""
    chance = random.Random(seed)
    return [chance.randbytes(16) for _ in range(count)]


class Bloom:
    """A Bloom filter of one level of a cascade."""

    def __init__(self, members: Sequence[bytes], rate: float, level: int) -> None:
        """Take the best number of bits and hashes for a rate of mistakes."""
        self._bits = max(8, math.ceil(len(members) * math.log2(1 / rate) / math.log(2)))
        self._hashes = max(1, round(self._bits / max(len(members), 1) * math.log(2)))
        self._level = bytes((level,))
        self._data = bytearray(-(-self._bits // 8))
        for member in members:
            for place in self._places(member):
                self._data[place >> 3] |= 1 << (place & 7)

    def _places(self, member: bytes) -> Iterable[int]:
        digest = hashlib.blake2b(member, digest_size=16, salt=self._level).digest()
        first, step = int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:], "big") | 1
        return ((first + n * step) % self._bits for n in range(self._hashes))

    def __contains__(self, member: bytes) -> bool:
        """Tell whether it may be in it."""
        return all(self._data[place >> 3] >> (place & 7) & 1 for place in self._places(member))

    def __len__(self) -> int:
        """Give the bytes."""
        return len(self._data)


def cascade_bytes(reported: Sequence[bytes], good: Sequence[bytes]) -> float:
    """Make a cascade of some of the good cards as of all of them, and give what it would take for all.

    The first level takes what CRLite found best, sqrt(0.5) * reported / good, all further ones one half. Further levels
    hold the mistakes of those above: as many times more of them as there are good cards that were not gone through.
    """
    whole = CARDS - len(reported)
    share = whole / len(good)
    size, level, rate = 0.0, 0, math.sqrt(0.5) * len(reported) / whole
    inside, outside, weight_in, weight_out = reported, good, 1.0, share
    while inside:
        bloom = Bloom(inside, min(rate, 0.5), level)
        size += len(bloom) * weight_in
        mistakes = [member for member in outside if member in bloom]
        inside, outside, weight_in, weight_out = mistakes, inside, weight_out, weight_in
        level, rate = level + 1, 0.5
    return size


def clubcard_bytes(count: int) -> float:
    """Compute both parts of a clubcard in its best case, without the spare room that ribbon filters need."""
    whole = CARDS - count
    columns = max(0, math.floor(math.log2(whole / count)))
    mistakes = whole * 2.0**-columns
    return (count * columns + count + mistakes) / 8


def measure(count: int, good: Sequence[bytes]) -> dict[str, float]:
    """Measure all four for so many reported cards; sizes in bytes, times in microseconds."""
    reported = pseudonyms(count, seed=count)
    bits = bits_for(count, one_in=ONE_IN)
    marks = sorted({fingerprint(card, salt=_SALT, bits=bits) for card in reported})
    written = write_set(marks, bits=bits)
    found = FingerprintSet.read(written)
    few = bits_for(count, one_in=LOOSE)
    loose = write_set({mark >> bits - few for mark in marks}, bits=few)
    width = -(-bits // 8)
    plain = zlib.compress(b"".join(mark.to_bytes(width, "big") for mark in marks), 9)
    asked = good[:_LOOKUPS]
    begun = time.thread_time()
    by_chance = sum(found.may_have(fingerprint(card, salt=_SALT, bits=bits)) for card in asked)
    looked_up = (time.thread_time() - begun) / len(asked) * 1_000_000
    assert all(found.may_have(mark) for mark in marks[:: max(1, count // 1000)])
    return {
        "reported": count,
        "bits": bits,
        "one_in": found.one_in,
        "rice": len(written),
        "rice_loose": len(loose),
        "list": len(plain),
        "cascade": cascade_bytes(reported, good),
        "clubcard": clubcard_bytes(count),
        "look_up": looked_up,
        "by_chance": by_chance,
    }


if __name__ == "__main__":
    cards = pseudonyms(SAMPLED, seed=1)
    for size in SIZES:
        print(json.dumps(measure(size, cards)), flush=True)
        print(f"{size} measured", file=sys.stderr)
