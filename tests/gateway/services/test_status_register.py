"""The issuer's side of the status list: places that nobody foresees and that are given once, by any replica."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import LimitError, StoreUnavailableError
from gateway.key_shelf import KeyShelf, ShelfSigner, stage, switch, write_key
from gateway.services.status_register import LEASE_SECONDS, StatusRegister
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.place_book import FakePlaceBook
from tests.fakes.regions import KEYS, RING
from trust.errors import RecognitionRevokedError
from trust.keys import KeyRing, SigningKey
from trust.status_list import StatusList, verify_status_list

if TYPE_CHECKING:
    from pathlib import Path

    from trust.claims import StatusReference

ADDRESS = "https://chongqing.example/regions/chongqing/status"
NUMBER = int(NOON)


def register(clock: FakeClock | None = None, **changes: Any) -> StatusRegister:  # noqa: ANN401 - any argument
    """Make a register of small lists."""
    arguments: dict[str, Any] = {"book": FakePlaceBook(), "places": 8, "max_lists": 1, "choose": lambda _n: 0}
    return StatusRegister(KEYS["chongqing"], address=ADDRESS, clock=clock or FakeClock(), **{**arguments, **changes})


async def take(
    statuses: StatusRegister, jti: str, subject: str = "s", *, expires_at: float = NOON + 600
) -> StatusReference:
    """Take a place."""
    reference = await statuses.allocate(jti=jti, subject=subject, expires_at=int(expires_at))
    assert reference is not None
    return reference


async def read(statuses: StatusRegister, clock: FakeClock | None = None, number: int = NUMBER) -> StatusList:
    """Read a list as a partner would."""
    text = await statuses.text(number)
    assert text is not None
    now = int((clock or FakeClock()).now)
    return verify_status_list(text.decode(), uri=f"{ADDRESS}/{number}", issuer="chongqing", find=RING.find, now=now)


async def revoked(statuses: StatusRegister, reference: StatusReference, clock: FakeClock | None = None) -> bool:
    """Tell whether a partner would refuse a token."""
    try:
        (await read(statuses, clock, int(reference.uri.rpartition("/")[2]))).demand_valid(reference)
    except RecognitionRevokedError:
        return True
    return False


async def test_a_recognition_is_valid_until_it_is_revoked() -> None:
    """Only the one that was named is struck, and readers learn it a second later."""
    clock = FakeClock()
    statuses = register(clock)
    one, other = await take(statuses, "1"), await take(statuses, "2")
    assert one != other
    assert one.uri == f"{ADDRESS}/{NUMBER}"
    assert not await revoked(statuses, one)
    assert await statuses.revoke("1")
    clock.advance(1)
    assert (await revoked(statuses, one, clock), await revoked(statuses, other, clock)) == (True, False)
    assert not await statuses.revoke("3")


async def test_a_pseudonym_is_revoked_whole() -> None:
    """A card that was reported lost loses every recognition that lives."""
    statuses = register()
    mine, theirs = [await take(statuses, str(i), "mine") for i in range(3)], await take(statuses, "t", "theirs")
    assert await statuses.revoke_subject("mine") == 3
    assert all([await revoked(statuses, reference) for reference in mine])
    assert not await revoked(statuses, theirs)
    assert await statuses.revoke_subject("nobody") == 0


async def test_any_replica_serves_and_revokes_what_another_issued() -> None:
    """Nor does a restart forget anything: another process with the same book is a replica."""
    book = FakePlaceBook()
    first, second = register(book=book), register(book=book)
    one, other = await take(first, "1"), await take(second, "2")
    assert one.uri != other.uri
    assert await second.revoke("1")
    assert await first.revoke_subject("s") == 2
    for reference in (one, other):
        assert await revoked(first, reference)
        assert await revoked(second, reference)


async def test_replicas_say_the_same_time_of_the_same_list() -> None:
    """A reader that asks one and then the other does not see it go back, whenever each was asked first."""
    clock, book = FakeClock(), FakePlaceBook()
    first, second = register(clock, book=book), register(clock, book=book)
    await take(first, "1")
    clock.advance(7)
    told = await read(first, clock)
    clock.advance(100)
    assert (await read(second, clock)).iat == told.iat
    await second.revoke("1")
    clock.advance(1)
    assert (await read(first, clock)).iat == (await read(second, clock)).iat == NOON + 107


async def test_a_place_is_given_once() -> None:
    """When all are taken a further list is opened, as long as not too many have living recognitions."""
    clock = FakeClock()
    statuses = register(clock, max_lists=2)
    references = [await take(statuses, str(i)) for i in range(16)]
    assert len(set(references)) == 16
    assert {reference.uri for reference in references} == {f"{ADDRESS}/{NUMBER}", f"{ADDRESS}/{NUMBER + 1}"}
    with pytest.raises(LimitError) as caught:
        await take(statuses, "16")
    assert caught.value.metadata == {"limit": "living_recognitions"}
    clock.now = NOON + 609
    with pytest.raises(LimitError):
        await take(statuses, "16")
    clock.now = NOON + 610
    assert (await take(statuses, "16", expires_at=clock.now + 600)).uri == f"{ADDRESS}/{NUMBER + 610}"
    assert await statuses.revoke("16")
    assert not await statuses.revoke("9")


async def test_many_at_once_open_one_list() -> None:
    """Those that come while a list is opened wait for it, and none gets the place of another."""
    book = FakePlaceBook()
    statuses = register(book=book, choose=random.Random(0).randrange, max_lists=3)
    references = await asyncio.gather(*(take(statuses, str(i)) for i in range(20)))
    assert len(set(references)) == len(book) == 20
    assert len(book.lists) == 3


async def test_a_list_is_served_as_long_as_a_reader_may_ask_for_it() -> None:
    """It is extended while recognitions are put on it; one that was over meanwhile is not filled any more."""
    clock, book = FakeClock(), FakePlaceBook()
    statuses = register(clock, book=book)
    await take(statuses, "1")
    assert book.lists == {("chongqing", NUMBER): NOON + 610 + 600 + LEASE_SECONDS}
    clock.advance(LEASE_SECONDS)
    await take(statuses, "2", expires_at=clock.now + 600)
    assert book.lists == {("chongqing", NUMBER): NOON + 610 + 600 + LEASE_SECONDS}
    clock.advance(1)
    await take(statuses, "3", expires_at=clock.now + 600)
    assert book.lists == {("chongqing", NUMBER): clock.now + 610 + 600 + LEASE_SECONDS}
    clock.advance(2 * LEASE_SECONDS)
    assert await statuses.text(NUMBER) is None
    book.lists.clear()
    reference = await take(statuses, "4", expires_at=clock.now + 600)
    assert reference.uri == f"{ADDRESS}/{int(clock.now)}"


@pytest.mark.parametrize("number", [NUMBER - 1, NUMBER + 1, 0, -1, 2**40])
async def test_a_list_that_nobody_began_is_none(number: int) -> None:
    """Neither before nor after those that are there."""
    statuses = register(max_lists=2)
    await take(statuses, "1")
    assert await statuses.text(number) is None


async def test_a_list_is_signed_when_it_has_to_be() -> None:
    """The same bytes until something changes, or half of its life has passed; never for a time to come."""
    clock, book = FakeClock(), FakePlaceBook()
    statuses = register(clock, book=book)
    await take(statuses, "1")
    first = await statuses.text(NUMBER)
    clock.advance(299)
    assert await statuses.text(NUMBER) is first
    clock.advance(1)
    second = await statuses.text(NUMBER)
    assert second != first
    assert ((await read(statuses, clock)).iat, (await read(statuses, clock)).exp) == (NOON + 300, NOON + 900)
    await take(statuses, "2")
    assert await statuses.text(NUMBER) is second
    await statuses.revoke("2")
    clock.advance(1)
    assert await statuses.text(NUMBER) != second
    clock.now = NOON - 50
    assert (await read(statuses, clock)).iat == NOON - 50
    assert (await read(statuses, clock)).ttl == statuses.ttl_seconds == 15


async def test_the_book_is_not_asked_for_every_reader() -> None:
    """What was read serves for a second; where it cannot be read after that, no list is served."""
    clock, book = FakeClock(), FakePlaceBook()
    statuses = register(clock, book=book)
    await take(statuses, "1")
    for _ in range(5):
        await statuses.text(NUMBER)
    assert book.looked == 1
    book.gone = True
    clock.advance(1)
    with pytest.raises(StoreUnavailableError):
        await statuses.text(NUMBER)
    with pytest.raises(StoreUnavailableError):
        await take(statuses, "2")


async def test_what_another_replica_revoked_is_seen_when_it_is_heard() -> None:
    """Not only a second later; and whoever listens to lists is told which one."""
    told: list[str] = []
    book = FakePlaceBook()
    mine, other = register(book=book, changed=told.append), register(book=book)
    reference = await take(mine, "1")
    assert not await revoked(mine, reference)
    await other.revoke("1")
    assert not await revoked(mine, reference)
    mine.heard(NUMBER)
    assert await revoked(mine, reference)
    assert told == [reference.uri]


async def test_what_is_read_of_lists_is_bounded() -> None:
    """However many lists there are, only so many texts are kept."""
    book = FakePlaceBook()
    statuses = register(book=book)
    for number in range(300):
        book.lists["chongqing", number] = NUMBER + 10_000
        assert await statuses.text(number)
    assert len(statuses._read) == 256


async def test_a_list_is_signed_by_the_key_that_signs_now(tmp_path: Path) -> None:
    """A list that lies ready is signed again when its key was rotated: soon nobody believes the former one."""
    path = tmp_path / "region.pem"
    write_key(path, SigningKey.generate("ES256", issuer="chongqing"))
    shelf = KeyShelf(path, issuer="chongqing")
    statuses = StatusRegister(ShelfSigner(shelf), book=FakePlaceBook(1), address=ADDRESS, clock=FakeClock())
    await take(statuses, "1")
    first = await statuses.text(1)
    assert await statuses.text(1) is first
    stage(path, issuer="chongqing")
    switch(path)
    shelf.look()
    second = await statuses.text(1)
    assert second is not None
    assert second != first
    ring = KeyRing([shelf.signing.public()])
    verify_status_list(second.decode(), uri=f"{ADDRESS}/1", issuer="chongqing", find=ring.find, now=int(NOON))


async def test_places_are_not_foreseen() -> None:
    """By default they come from the system's randomness: neither in order nor twice the same in two registers."""
    both = [
        StatusRegister(KEYS["chongqing"], book=FakePlaceBook(), address=ADDRESS, clock=FakeClock()) for _ in range(2)
    ]
    places = [[(await take(statuses, str(i))).index for i in range(32)] for statuses in both]
    assert places[0] != places[1]
    assert all(sorted(told) != told and len(set(told)) == 32 for told in places)


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32), steps=st.lists(st.integers(0, 400), min_size=1, max_size=60))
async def test_no_two_recognitions_share_a_place(seed: int, steps: list[int]) -> None:
    """Whatever is issued, revoked and expires, in any order, by either of two replicas."""
    clock, dice, book = FakeClock(), random.Random(seed), FakePlaceBook()
    replicas = [register(clock, book=book, max_lists=2, choose=dice.randrange) for _ in range(2)]
    given_out = set[tuple[str, int]]()
    for number, wait in enumerate(steps):
        clock.advance(wait)
        try:
            reference = await take(dice.choice(replicas), str(number), expires_at=clock.now + 600)
        except LimitError:
            continue
        assert (reference.uri, reference.index) not in given_out
        given_out.add((reference.uri, reference.index))
        assert not await revoked(dice.choice(replicas), reference, clock)
        if dice.random() < 0.3:
            await dice.choice(replicas).revoke(str(number))
            clock.advance(1)
            assert await revoked(dice.choice(replicas), reference, clock)
