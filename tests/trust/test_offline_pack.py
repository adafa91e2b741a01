"""Making packs and updates of them: who may sign, what goes on from one to the next, how small it all is."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.forge import NOW
from tests.trust.gate_packs import (
    DAY,
    HOME,
    KEYS,
    OTHER,
    PINNED,
    SALTS,
    VISITED,
    card,
    content,
    home,
    name,
    packed,
    short,
    use,
)
from tests.trust.sm2_cases import SM2_KEY
from trust.errors import MalformedTokenError, OfflinePackError, TrustError
from trust.offline_delta import MAGIC, apply_update, make_update
from trust.offline_file import LENGTH, PackFile, split
from trust.offline_gate import OfflinePack, Verdict, section
from trust.offline_pack import make_pack, same_sets, unpack_chain
from trust.offline_set import FingerprintSet

if TYPE_CHECKING:
    from trust.keys import SigningKey

CARDS = st.sets(st.integers(0, 300), max_size=80)


def read(data: bytes) -> OfflinePack:
    """Read a pack as a gate does."""
    return OfflinePack.read(data, keys=PINNED)


@pytest.mark.parametrize("key", [KEYS[HOME], SM2_KEY], ids=["another region's", "of another suite"])
def test_only_the_visited_region_signs_and_in_a_suite_that_gates_have(key: SigningKey) -> None:
    """A pack that no gate could believe is not made."""
    with pytest.raises(OfflinePackError) as caught:
        make_pack(content(), key=key, salts=SALTS)
    assert caught.value.metadata == {"rule": "signing key"}


def test_keys_that_gates_cannot_use_are_left_out() -> None:
    """A region that signs in SM2 too is verified by its other keys, or online."""
    homes = {HOME: home(keys=(SM2_KEY.public(), KEYS[HOME].public()))}
    pack = read(make_pack(content(homes=homes), key=KEYS[VISITED], salts=SALTS))
    assert [key["alg"] for key in pack.statement.regions[HOME].keys] == ["ES256"]


def test_what_would_not_be_read_is_not_made() -> None:
    """A life that is too long, or more than a statement holds."""
    with pytest.raises(OfflinePackError):
        packed(exp=NOW + 400 * DAY)
    wide = home(life={"identity": DAY}, keys=tuple([KEYS[HOME].public()] * 17))
    with pytest.raises(OfflinePackError):
        packed(homes={HOME: wide})
    items = {f"SC-{n}": content().items["SC-02"] for n in range(4097)}
    with pytest.raises(OfflinePackError):
        packed(items=items)


def test_a_statement_that_is_too_long_is_not_signed() -> None:
    """A gate reads a megabyte of it."""
    types = tuple(f"A{n}.{'B' * 58}" for n in range(60))
    grants = {HOME: {"identity": types, "payment": types}}
    wide = type(content().items["SC-02"])(one_time=False, grants={"physical": grants, "electronic": grants})
    with pytest.raises(OfflinePackError) as caught:
        packed(items={f"SC-{n}": wide for n in range(200)})
    assert caught.value.metadata == {"rule": "statement"}


@given(CARDS, CARDS)
def test_an_update_gives_the_next_pack_to_the_byte(before: set[int], after: set[int]) -> None:
    """Whatever was reported or taken back in between."""
    base = packed([card(n) for n in before])
    new = packed([card(n) for n in after], read(base), serial=2, iat=NOW + 60)
    update = make_update(base, new, sets=same_sets(read(base), read(new)))
    assert apply_update(base, update) == new
    pack = read(new)
    for n in before | after:
        answer = pack.check_card(HOME, name(n), use=use())
        assert answer.verdict is (Verdict.ASK_ONLINE if n in after else Verdict.ALLOWED)


def test_an_update_is_small() -> None:
    """A few cards more cost some hundred bytes beside the new statement, and not another set."""
    base = packed([card(n) for n in range(5000)])
    new = packed([card(n) for n in range(3, 5007)], read(base), serial=2)
    update = make_update(base, new, sets=same_sets(read(base), read(new)))
    assert len(split(new)[0].statement) < len(update) < len(split(new)[0].statement) + 600 < len(new) / 2


def test_a_series_goes_on_while_its_fingerprints_are_good_enough() -> None:
    """With many more cards the next pack begins another one with other salts, and the update holds it whole."""
    base = packed([card(n) for n in range(10)])
    near = packed([card(n) for n in range(30)], read(base))
    assert read(near).statement.regions[HOME].salt == SALTS[HOME]
    salts = {region: bytes(16) for region in SALTS}
    far = make_pack(
        content([card(n) for n in range(3000)]), key=KEYS[VISITED], salts=salts, previous=read(base), one_in=2**24
    )
    assert read(far).statement.regions[HOME].salt == bytes(16)
    assert read(far).statement.regions[OTHER].salt == SALTS[OTHER]
    assert read(far).one_in(HOME) >= 2**24
    assert [new for new, _ in same_sets(read(base), read(far))] == [read(far).statement.regions[OTHER].set]
    assert apply_update(base, make_update(base, far, sets=same_sets(read(base), read(far)))) == far


def test_a_region_that_is_new_in_the_next_pack_comes_whole() -> None:
    """And one that is gone is gone."""
    base = packed(homes={HOME: home([card(1)])})
    new = packed([card(1)], read(base))
    update = make_update(base, new, sets=same_sets(read(base), read(new)))
    assert apply_update(base, update) == new
    back = make_update(new, base, sets=same_sets(read(new), read(base)))
    assert set(read(apply_update(new, back)).statement.regions) == {HOME}


BASE = packed([card(n) for n in range(20)])
NEXT = packed([card(n) for n in range(1, 21)], read(BASE), serial=2)
UPDATE = make_update(BASE, NEXT, sets=same_sets(read(BASE), read(NEXT)))


def replanned(**changes: object) -> bytes:
    """Change the plan of an update."""
    (length,) = LENGTH.unpack_from(UPDATE, 8)
    plan = {**json.loads(UPDATE[12 : 12 + length]), **changes}
    head = json.dumps(plan).encode()
    return MAGIC + LENGTH.pack(len(head)) + head + UPDATE[12 + length :]


@pytest.mark.parametrize(
    "update",
    [
        b"",
        b"1CARDPD2" + UPDATE[8:],
        UPDATE[:10],
        UPDATE[:40],
        UPDATE[:-1],
        UPDATE + b"\0",
        MAGIC + LENGTH.pack(1) + b"[",
        MAGIC + LENGTH.pack(2) + b"[]",
        replanned(base="0" * 64),
        replanned(statement=5),
        replanned(statement="é"),
        replanned(statement="a.b.c"),
        replanned(sections={}),
        replanned(sections=[]),
        replanned(sections=["copy"]),
        replanned(sections=[{"copy": 9}]),
        replanned(sections=[{"copy": -1}]),
        replanned(sections=[{"copy": 0, "new": 0}]),
        replanned(sections=[{"new": 2**40}]),
        replanned(sections=[{"set": 9, "added": 0, "removed": 0}]),
        replanned(sections=[{"set": 0, "added": 0, "removed": 0}]),
        replanned(sections=[{"set": 1, "added": 7, "removed": 7}]),
    ],
    ids=short,
)
def test_an_update_that_does_not_fit_is_refused(update: bytes) -> None:
    """It is for another file, or damaged, or hostile: nothing comes of it."""
    with pytest.raises((OfflinePackError, MalformedTokenError)):
        apply_update(BASE, update)


@given(st.integers(0, len(UPDATE) - 1), st.integers(1, 255))
def test_an_update_that_was_changed_gives_no_pack(position: int, by: int) -> None:
    """Wherever a byte was changed, the result is refused, unless it is the very pack."""
    changed = bytearray(UPDATE)
    changed[position] ^= by
    try:
        assert read(apply_update(BASE, bytes(changed))).statement == read(NEXT).statement
    except TrustError:
        return


def test_an_update_of_an_old_pack_to_an_older_one_is_seen_by_its_serial() -> None:
    """A gate keeps the serial it has; going back is its own to refuse."""
    back = make_update(NEXT, BASE, sets=same_sets(read(NEXT), read(BASE)))
    assert read(apply_update(NEXT, back)).statement.serial < read(NEXT).statement.serial


def test_sizes_stay_in_bounds() -> None:
    """A thousand reported cards, keys and chains of two regions take less than 64 KiB, at one in 16 million."""
    chain = tuple(hashlib.sha512(b"%d" % n).hexdigest() * 12 for n in range(5))
    data = packed(homes={HOME: home([card(n) for n in range(1000)], chain=chain), OTHER: home([card(900)])})
    pack = read(data)
    assert len(data) < 16 * 1024
    assert pack.one_in(HOME) >= 2**24
    assert len(section(pack.file, pack.statement.regions[HOME].set)) < 4096


@pytest.mark.parametrize("chain", [b"", b"no zlib", b"x\x9c\x03\x00\x00\x00\x00\x01"])
def test_a_chain_that_cannot_be_read_is_told(chain: bytes) -> None:
    """It is looked at by those who have the whole program, and by them only."""
    pack = read(BASE)
    sections = list(pack.file.sections)
    sections[pack.statement.regions[HOME].chain] = chain
    with pytest.raises(OfflinePackError):
        unpack_chain(OfflinePack(pack.statement, PackFile(pack.file.statement, tuple(sections))), HOME)


def test_the_set_of_a_pack_can_be_read_by_itself() -> None:
    """As the page on the format describes it."""
    pack = read(BASE)
    found = FingerprintSet.read(section(pack.file, pack.statement.regions[HOME].set))
    assert (found.count, found.bits) == (20, 31)
