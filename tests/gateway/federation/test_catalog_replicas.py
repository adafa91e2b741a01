"""Replicas of one gateway and their catalogs: what one publishes all answer with, and nobody believes the store."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from gateway.errors import SettingsError, StoreUnavailableError
from gateway.federation import catalog_replicas as module
from tests.fakes.catalogs import LIFE, signature
from tests.fakes.clock import FakeClock
from tests.fakes.shared_catalogs import FakeSharedCatalogs
from tests.gateway.federation.catalog_replica import Replica, until
from trust.party_signature import canonical_digest

JOINT = "sichuan-chongqing"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Come back soon."""
    monkeypatch.setattr(module, "_RETRY_SECONDS", 0.01)
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.01)


async def test_what_one_publishes_all_answer_with() -> None:
    """Those that run, one that begins later, and each in the other direction; nothing is written twice."""
    shared = FakeSharedCatalogs()
    async with Replica(shared).running() as one, Replica(shared).running() as other:
        one.publish(one.following("chongqing"), "chongqing")
        await until(lambda: other.numbers("chongqing") == [1, 2])
        other.publish(other.following("chongqing", valid_until=LIFE + 1), "chongqing")
        await until(lambda: one.numbers("chongqing") == [1, 2, 3])
        late = Replica(shared)
        await late.begin()
        assert late.numbers("chongqing") == [1, 2, 3]
        assert [version.head.sequence for version in late.shelf.kept] == [2, 3]
        async with late.running():
            assert late.book.newest("chongqing").digest == one.book.newest("chongqing").digest  # type: ignore[union-attr]  # there is one
        assert [len(replica.shelf.kept) for replica in (one, other, late)] == [2, 2, 2]
    assert shared.writes == 2
    assert not [*one.skipped, *other.skipped, *late.skipped]


async def test_watchers_at_every_replica_are_told() -> None:
    """Who listens to the book of another replica hears of the version."""
    shared = FakeSharedCatalogs()
    async with Replica(shared).running() as one, Replica(shared).running() as other:
        heard: list[str] = []
        other.book.on_change(lambda version: heard.append(version.digest))
        plain = one.following("chongqing")
        one.publish(plain, "chongqing")
        await until(lambda: heard == [canonical_digest(plain)])


async def test_parties_sign_at_different_replicas() -> None:
    """A list that lacks a signature is shared too, and holds everywhere once the last one has come to any replica."""
    shared = FakeSharedCatalogs()
    async with Replica(shared).running() as one, Replica(shared).running() as other:
        plain = one.following(JOINT)
        one.publish(plain, "chongqing")
        await until(lambda: other.numbers(JOINT) == [1, 2])
        other.publish(plain, "sichuan")
        await until(lambda: all(r.book.newest(JOINT).head.sequence == 2 for r in (one, other)))  # type: ignore[union-attr]  # there is one
        assert set(shared.kept[canonical_digest(plain)][0].signatures) == {"chongqing", "sichuan"}


async def test_parties_sign_at_the_same_time() -> None:
    """Each replica has one signature of its own, and both end with both."""
    shared = FakeSharedCatalogs()
    one, other = Replica(shared), Replica(shared)
    plain = one.following(JOINT)
    one.publish(plain, "chongqing")
    other.publish(plain, "sichuan")
    async with one.running(), other.running():
        await until(lambda: all(r.book.newest(JOINT).head.sequence == 2 for r in (one, other)))  # type: ignore[union-attr]  # there is one
    assert not [*one.skipped, *other.skipped]


async def test_what_was_proven_once_need_not_be_proven_again() -> None:
    """A party that signs later completes a list, though the key of the first is not believed any more."""
    shared = FakeSharedCatalogs()
    one = Replica(shared)
    plain = one.following(JOINT)
    one.publish(plain, "chongqing")
    async with one.running():
        await until(lambda: len(shared.kept) == 1)
        one.believes = {"sichuan"}
        shared.put(plain, "chongqing", "sichuan")
        await until(lambda: one.book.newest(JOINT).head.sequence == 2)  # type: ignore[union-attr]  # there is one
    assert one.skipped == []


async def test_of_two_contents_for_one_number_the_first_counts() -> None:
    """Who has taken the other at the same moment is told so, and begins without it as all the others."""
    shared = FakeSharedCatalogs()
    one, other = Replica(shared), Replica(shared)
    plain = one.following("chongqing")
    one.publish(plain, "chongqing")
    other.publish({**plain, "valid_until": LIFE + 1}, "chongqing")
    async with one.running():
        await until(lambda: len(shared.kept) == 1)
        async with other.running():
            await until(lambda: other.skipped == [("chongqing", "CatalogEquivocationError")])
            third = one.following("chongqing")
            one.publish(third, "chongqing")
            await until(lambda: ("chongqing", "CatalogRollbackError") in other.skipped)
            late = Replica(shared)
            await late.begin()
    assert [version.digest for version in late.book.versions("chongqing")] == [
        version.digest for version in one.book.versions("chongqing")
    ]
    assert (one.skipped, late.skipped) == ([], [])


async def test_what_lay_on_the_shelf_is_told() -> None:
    """A replica that has published before others were there tells them when it starts again."""
    shared = FakeSharedCatalogs()
    one, other = Replica(shared), Replica(shared)
    for end in (LIFE, LIFE + 1):
        one.publish(one.following("chongqing", valid_until=end), "chongqing")
    async with other.running(), one.running():
        await until(lambda: other.numbers("chongqing") == [1, 2, 3])


@pytest.mark.parametrize("order", [*itertools.permutations((2, 3, 4))])
async def test_several_versions_are_taken_by_sequence(order: tuple[int, ...]) -> None:
    """In whatever order the others have told them, and beside other catalogs."""
    shared, source = FakeSharedCatalogs(), Replica(FakeSharedCatalogs())
    made = {}
    for number in (2, 3, 4):
        made[number] = source.following("chongqing", valid_until=LIFE + number)
        source.publish(made[number], "chongqing")
    for number in order:
        shared.put(made[number], "chongqing")
    shared.put(source.following("guizhou"), "guizhou")
    late = Replica(shared)
    await late.begin()
    assert (late.numbers("chongqing"), late.numbers("guizhou")) == ([1, 2, 3, 4], [1, 2])
    assert late.skipped == []


async def test_a_list_whose_life_is_over_is_stale_everywhere() -> None:
    """A replica that begins then does not go back to what ships while the others refuse."""
    shared = FakeSharedCatalogs()
    source = Replica(FakeSharedCatalogs())
    shared.put(source.following("chongqing"), "chongqing")
    late = Replica(shared, clock=FakeClock(LIFE + 10))
    await late.begin()
    assert late.numbers("chongqing") == [1, 2]


async def test_the_store_is_not_believed() -> None:
    """What is forged, of others, out of order, or not what it says is told once and skipped; the good one is taken."""
    shared, source = FakeSharedCatalogs(), Replica(FakeSharedCatalogs())
    good = source.following("chongqing")
    shared.put(source.following("sichuan"), sequence=1, signatures={"sichuan": signature("guizhou", good)})
    taken_away = {**source.following(JOINT), "regions": ["chongqing", "guizhou"]}
    shared.put(taken_away, "chongqing", "guizhou")
    forged = {**good, "valid_until": LIFE + 5}
    shared.put(forged, signatures={"chongqing": signature("chongqing", good)})
    shared.put({**good, "valid_until": LIFE + 6}, "chongqing", digest="A" * 43)
    shared.put(good, signatures={}, digest="B" * 43, document=b"{")
    shared.put(source.following("guizhou"), "guizhou", document=b"")
    nothing = {**good, "valid_until": LIFE + 7}
    shared.put(nothing, signatures={"chongqing": ""})
    async with Replica(shared).running() as one:
        shared.put(good, "chongqing")
        await until(lambda: one.numbers("chongqing") == [1, 2])
        equivocal = {**good, "valid_until": LIFE + 8}
        shared.put(equivocal, "chongqing")
        await until(lambda: ("chongqing", "CatalogEquivocationError") in one.skipped)
        third = one.following("chongqing")
        one.publish(third, "chongqing")
        await until(lambda: canonical_digest(third) in shared.kept)
    assert {version.head.catalog for version in one.shelf.kept} == {"chongqing"}
    errors = {error for _, error in one.skipped}
    assert errors >= {"InvalidFieldError", "NotPublisherError", "DigestMismatchError", "CatalogEquivocationError"}


async def test_a_fault_is_told_once() -> None:
    """However often words come."""
    shared, source = FakeSharedCatalogs(), Replica(FakeSharedCatalogs())
    shared.put({**source.following(JOINT), "regions": ["chongqing", "guizhou"]}, "chongqing", "guizhou")
    async with Replica(shared).running() as one:
        for name in ("chongqing", "guizhou", "sichuan"):
            shared.put(source.following(name), name)
            await until(lambda: one.numbers(name) == [1, 2])  # noqa: B023 - waited for at once
    assert one.skipped == [(JOINT, "NotPublisherError")]


async def test_what_is_not_believed_yet_is_taken_later() -> None:
    """As soon as trust has had its first round, or later; what follows it waits for it, other catalogs do not."""
    shared, source = FakeSharedCatalogs(), Replica(FakeSharedCatalogs())
    for end in (LIFE, LIFE + 1):
        plain = source.following("sichuan", valid_until=end)
        source.publish(plain, "sichuan")
        shared.put(plain, "sichuan")
    shared.put(source.following("chongqing"), "chongqing")
    shared.put(source.following("guizhou"), "guizhou")
    one = Replica(shared, believes={"chongqing"})
    await one.begin()
    assert [one.numbers(name) for name in ("chongqing", "sichuan", "guizhou")] == [[1, 2], [1], [1]]
    one.believes.add("sichuan")
    await one.work.settle()
    assert one.numbers("sichuan") == [1, 2, 3]
    task = asyncio.create_task(one.work.again())
    one.believes.add("guizhou")
    await until(lambda: one.numbers("guizhou") == [1, 2])
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert set(one.skipped) == {("sichuan", "UnknownKeyError"), ("guizhou", "UnknownKeyError")}


async def test_a_store_that_is_away_is_waited_for() -> None:
    """Meanwhile each replica serves what it has, and says that it cannot tell or hear."""
    shared = FakeSharedCatalogs()
    one = Replica(shared, believes=set())
    shared.put(one.following("sichuan"), "sichuan")
    await one.begin()
    one.believes.add("chongqing")
    shared.fails = True
    await one.work.settle()
    tasks = [asyncio.create_task(w()) for w in (one.work.tell, one.work.hear, one.work.again)]
    one.publish(one.following("chongqing"), "chongqing")
    told = {"replica_not_told", "replica_not_heard"}
    await until(lambda: told <= {line["event"] for line in one.journal.lines})
    shared.fails = False
    one.believes.add("sichuan")
    await until(lambda: len(shared.kept) == 2 and one.numbers("sichuan") == [1, 2])
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_store_that_is_away_at_the_start_is_told() -> None:
    """A replica does not begin to answer without knowing what the others have published."""
    shared = FakeSharedCatalogs()
    shared.fails = True
    with pytest.raises(StoreUnavailableError):
        await Replica(shared).begin()


async def test_a_version_that_cannot_be_read_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told of, and those behind it are told to the others."""
    shared = FakeSharedCatalogs()
    one = Replica(shared)
    broken, good = one.following("chongqing"), one.following("guizhou")
    one.publish(broken, "chongqing")

    def unreadable() -> bytes:
        raise SettingsError(("a.catalog: is not the version that was kept",))

    kept = one.shelf.kept[0]
    monkeypatch.setattr(type(kept), "canonical", lambda self: unreadable() if self is kept else self.text)
    async with one.running():
        one.publish(good, "guizhou")
        await until(lambda: list(shared.kept) == [canonical_digest(good)])
    assert [line["catalog"] for line in one.journal.lines if line["event"] == "catalog_unreadable"] == ["chongqing"]
