"""Sets of fingerprints: what was put in is found, what is found by chance is as rare as said, the bytes are few."""

from __future__ import annotations

import random
from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trust.errors import OfflinePackError
from trust.offline_set import MAX_BITS, FingerprintSet, bits_for, fingerprint, write_set

SALT = b"\x07" * 16


@given(st.integers(1, MAX_BITS), st.data())
def test_a_set_is_read_as_it_was_written(bits: int, data: st.DataObject) -> None:
    """Any fingerprints, however they lie: all are found, nothing else is, and the bytes are always the same."""
    marks = data.draw(st.sets(st.integers(0, 2**bits - 1), max_size=40))
    written = write_set(marks, bits=bits)
    found = FingerprintSet.read(written)
    assert found.fingerprints() == tuple(sorted(marks))
    assert (found.count, found.bits) == (len(marks), bits)
    assert all(found.may_have(mark) for mark in marks)
    others = data.draw(st.lists(st.integers(0, 2**bits - 1), max_size=10))
    assert [found.may_have(mark) for mark in others] == [mark in marks for mark in others]
    assert write_set(sorted(marks, reverse=True), bits=bits) == written


@pytest.mark.parametrize(("count", "bits"), [(0, 12), (1, 24), (1000, 36), (20_000, 40), (5000, 16)])
def test_a_large_set_lies_in_ranges_of_its_own(count: int, bits: int) -> None:
    """Each range is read by itself; the size is near what theory has for differences of chance."""
    chance = random.Random(count)
    marks = set(chance.sample(range(2**bits), count))
    written = write_set(marks, bits=bits)
    found = FingerprintSet.read(written)
    assert found.fingerprints() == tuple(sorted(marks))
    assert all(found.may_have(mark) for mark in chance.sample(sorted(marks), min(count, 300)))
    assert not any(found.may_have(mark) for mark in chance.sample(range(2**bits), 300) if mark not in marks)
    if count:
        assert found.one_in == 2**bits // count
        assert len(written) * 8 / count < log2(2**bits / count) + 2.1 + 200 / count


def test_chance_finds_as_many_as_it_says() -> None:
    """Of 40,000 members that were not put in, about 40,000 / one_in are found; of those put in, all."""
    cards = [b"card %d" % number for number in range(41_000)]
    bits = bits_for(1000, one_in=2**6)
    found = FingerprintSet.read(write_set((fingerprint(c, salt=SALT, bits=bits) for c in cards[:1000]), bits=bits))
    assert 64 <= found.one_in <= 128
    assert all(found.may_have(fingerprint(c, salt=SALT, bits=bits)) for c in cards[:1000])
    by_chance = sum(found.may_have(fingerprint(c, salt=SALT, bits=bits)) for c in cards[1000:])
    assert 0.6 < by_chance / (40_000 / found.one_in) < 1.5


def test_another_salt_gives_other_fingerprints() -> None:
    """Who was unlucky in one pack is not in the next one of another salt."""
    assert fingerprint(b"a", salt=SALT, bits=40) != fingerprint(b"a", salt=b"\x08" * 16, bits=40)
    assert fingerprint(b"a", salt=SALT, bits=8) == fingerprint(b"a", salt=SALT, bits=40) >> 32


@pytest.mark.parametrize("marks", [{-1}, {16}])
@pytest.mark.parametrize("bits", [4])
def test_a_fingerprint_that_is_too_long_is_not_written(marks: set[int], bits: int) -> None:
    """Nor one below zero."""
    with pytest.raises(OfflinePackError):
        write_set(marks, bits=bits)


@pytest.mark.parametrize("bits", [0, MAX_BITS + 1])
def test_bits_are_within_bounds(bits: int) -> None:
    """A reader can hold a fingerprint in a machine word."""
    with pytest.raises(OfflinePackError):
        write_set((), bits=bits)


def test_a_range_that_would_be_too_long_is_not_written() -> None:
    """Members that lie all in one range are none of chance."""
    with pytest.raises(OfflinePackError):
        write_set(range(0, 60_000 * 16, 16), bits=MAX_BITS)


WRITTEN = write_set(range(0, 60_000, 61), bits=16)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        WRITTEN[:6],
        WRITTEN[:-1],
        WRITTEN + b"\0",
        b"\0\0\0\0\x39\x08\0" + bytes(4),
        b"\xff\xff\xff\xff" + WRITTEN[4:],
        WRITTEN[:5] + b"\x11" + WRITTEN[6:],
        WRITTEN[:6] + b"\x11" + WRITTEN[7:],
        b"\0\0\0\x01" + WRITTEN[4:],
    ],
)
def test_what_does_not_fit_together_is_no_set(data: bytes) -> None:
    """Lengths, counts and bounds are held against each other before anything is asked."""
    with pytest.raises(OfflinePackError):
        FingerprintSet.read(data)


def test_a_range_that_ends_early_is_seen_when_it_is_asked() -> None:
    """All ones, without an end: no member."""
    head, body = WRITTEN[:7], WRITTEN[7:]
    ranges = 2 ** WRITTEN[6]
    broken = head + body[: 4 * ranges] + b"\xff" * (len(body) - 4 * ranges)
    with pytest.raises(OfflinePackError):
        FingerprintSet.read(broken).fingerprints()


@given(st.binary(max_size=60))
def test_any_bytes_are_a_set_or_an_error_of_ours(data: bytes) -> None:
    """A hostile file raises nothing else."""
    try:
        found = FingerprintSet.read(WRITTEN[:7] + data)
        found.fingerprints()
    except OfflinePackError:
        return
    assert found.count == 984
