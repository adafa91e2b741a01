"""The issuer's side of the status list: places that nobody foresees, are never given twice, and are freed in time."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import LimitError
from gateway.key_shelf import KeyShelf, ShelfSigner, stage, switch, write_key
from gateway.services.status_register import StatusRegister
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.regions import KEYS, RING
from trust.errors import RecognitionRevokedError
from trust.keys import KeyRing, SigningKey
from trust.status_list import StatusList, verify_status_list

if TYPE_CHECKING:
    from pathlib import Path

    from trust.claims import StatusReference

ADDRESS = "https://chongqing.example/regions/chongqing/status"
NUMBER = 1_780_286_000


def register(clock: FakeClock | None = None, **changes: Any) -> StatusRegister:  # noqa: ANN401 - any argument
    """Make a register of a small list."""
    arguments: dict[str, Any] = {"number": NUMBER, "places": 8, "max_lists": 1, "choose": lambda _n: 0, **changes}
    return StatusRegister(KEYS["chongqing"], address=ADDRESS, clock=clock or FakeClock(), **arguments)


def take(statuses: StatusRegister, jti: str, subject: str = "s", *, expires_at: float = NOON + 600) -> StatusReference:
    """Take a place."""
    return statuses.allocate(jti=jti, subject=subject, expires_at=int(expires_at))


def read(statuses: StatusRegister, clock: FakeClock | None = None, number: int = NUMBER) -> StatusList:
    """Read a list as a partner would."""
    text = statuses.text(number)
    assert text is not None
    now = int((clock or FakeClock()).now)
    return verify_status_list(text.decode(), uri=f"{ADDRESS}/{number}", issuer="chongqing", find=RING.find, now=now)


def revoked(statuses: StatusRegister, reference: StatusReference, clock: FakeClock | None = None) -> bool:
    """Tell whether a partner would refuse a token."""
    try:
        read(statuses, clock, int(reference.uri.rpartition("/")[2])).demand_valid(reference)
    except RecognitionRevokedError:
        return True
    return False


def test_a_recognition_is_valid_until_it_is_revoked() -> None:
    """Only the one that was named is struck, and at once."""
    statuses = register()
    one, other = take(statuses, "1"), take(statuses, "2")
    assert one != other
    assert one.uri == f"{ADDRESS}/{NUMBER}"
    assert not revoked(statuses, one)
    assert statuses.revoke("1")
    assert (revoked(statuses, one), revoked(statuses, other)) == (True, False)
    assert not statuses.revoke("3")


def test_a_pseudonym_is_revoked_whole() -> None:
    """A card that was reported lost loses every recognition that lives."""
    statuses = register()
    mine, theirs = [take(statuses, str(i), "mine") for i in range(3)], take(statuses, "t", "theirs")
    assert statuses.revoke_subject("mine") == 3
    assert all(revoked(statuses, reference) for reference in mine)
    assert not revoked(statuses, theirs)
    assert statuses.revoke_subject("nobody") == 0


def test_a_place_lives_as_long_as_its_recognition() -> None:
    """It is free once no verifier accepts the recognition any more, and not a second before."""
    clock = FakeClock()
    statuses = register(clock, places=8)
    first = [take(statuses, str(i)) for i in range(8)]
    assert len({reference.index for reference in first}) == len(statuses) == 8
    clock.now = NOON + 609
    with pytest.raises(LimitError) as caught:
        take(statuses, "late")
    assert caught.value.metadata == {"limit": "living_recognitions"}
    clock.now = NOON + 610
    assert take(statuses, "later", expires_at=NOON + 1200).index in range(8)
    assert len(statuses) == 1


def test_a_revoked_place_is_not_given_to_another_while_readers_remember() -> None:
    """A new recognition is never taken for one that was revoked on a list that somebody still holds."""
    clock = FakeClock()
    statuses = register(clock)
    old = take(statuses, "old")
    statuses.revoke("old")
    clock.now = NOON + 610
    assert not revoked(statuses, old, clock)
    places = {take(statuses, str(i), expires_at=clock.now + 600).index for i in range(7)}
    assert old.index not in places
    with pytest.raises(LimitError):
        take(statuses, "8")
    assert not statuses.revoke("")
    clock.now = NOON + 1210
    assert take(statuses, "9", expires_at=clock.now + 600).index == old.index


def test_further_lists_are_opened_when_one_is_full() -> None:
    """Each has its own number, and what is revoked on one says nothing on the other."""
    statuses = register(max_lists=2)
    references = [take(statuses, str(i)) for i in range(16)]
    assert len(set(references)) == 16
    assert {reference.uri for reference in references} == {f"{ADDRESS}/{NUMBER}", f"{ADDRESS}/{NUMBER + 1}"}
    with pytest.raises(LimitError):
        take(statuses, "16")
    assert statuses.revoke("9")
    assert [revoked(statuses, reference) for reference in references] == [i == 9 for i in range(16)]


@pytest.mark.parametrize("number", [NUMBER - 1, NUMBER + 1, 0, -1, 2**40])
def test_a_list_that_nobody_began_is_none(number: int) -> None:
    """Neither the lists of an earlier start nor those that are not opened yet."""
    assert register(max_lists=2).text(number) is None


def test_a_list_is_signed_when_it_has_to_be() -> None:
    """The same bytes until something changes, half of its life has passed, or the clock went back."""
    clock = FakeClock()
    statuses = register(clock)
    take(statuses, "1")
    first = statuses.text(NUMBER)
    clock.advance(299)
    assert statuses.text(NUMBER) is first
    clock.advance(1)
    second = statuses.text(NUMBER)
    assert second != first
    assert (read(statuses, clock).iat, read(statuses, clock).exp) == (NOON + 300, NOON + 900)
    take(statuses, "2")
    assert statuses.text(NUMBER) is second
    statuses.revoke("2")
    assert statuses.text(NUMBER) != second
    clock.now = NOON - 50
    assert read(statuses, clock).iat == NOON - 50
    assert read(statuses, clock).ttl == statuses.ttl_seconds == 15


def test_a_list_is_signed_by_the_key_that_signs_now(tmp_path: Path) -> None:
    """A list that lies ready is signed again when its key was rotated: soon nobody believes the former one."""
    path = tmp_path / "region.pem"
    write_key(path, SigningKey.generate("ES256", issuer="chongqing"))
    shelf = KeyShelf(path, issuer="chongqing")
    statuses = StatusRegister(ShelfSigner(shelf), address=ADDRESS, number=1, clock=FakeClock())
    first = statuses.text(1)
    assert statuses.text(1) is first
    stage(path, issuer="chongqing")
    switch(path)
    shelf.look()
    second = statuses.text(1)
    assert second is not None
    assert second != first
    ring = KeyRing([shelf.signing.public()])
    verify_status_list(second.decode(), uri=f"{ADDRESS}/1", issuer="chongqing", find=ring.find, now=int(NOON))


def test_places_are_not_foreseen() -> None:
    """By default they come from the system's randomness: neither in order nor twice the same in two registers."""
    both = [StatusRegister(KEYS["chongqing"], address=ADDRESS, number=1, clock=FakeClock()) for _ in range(2)]
    places = [[take(statuses, str(i)).index for i in range(32)] for statuses in both]
    assert places[0] != places[1]
    assert all(sorted(told) != told and len(set(told)) == 32 for told in places)


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32), steps=st.lists(st.integers(0, 400), min_size=1, max_size=60))
def test_no_two_living_recognitions_share_a_place(seed: int, steps: list[int]) -> None:
    """Whatever is issued, revoked and expires, in any order."""
    clock, dice = FakeClock(), random.Random(seed)
    statuses = register(clock, max_lists=2, choose=dice.randrange)
    living: dict[tuple[str, int], float] = {}
    for number, wait in enumerate(steps):
        clock.advance(wait)
        living = {place: until for place, until in living.items() if until > clock.now}
        try:
            reference = take(statuses, str(number), expires_at=clock.now + 600)
        except LimitError:
            assert len(statuses) == 16
            continue
        assert (reference.uri, reference.index) not in living
        assert not revoked(statuses, reference, clock)
        living[reference.uri, reference.index] = clock.now + 610
        if dice.random() < 0.3:
            statuses.revoke(str(number))
            assert revoked(statuses, reference, clock)
