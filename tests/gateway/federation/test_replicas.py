"""Replicas of one gateway: one configuration goes round, whatever replica is asked, and revocations reach all."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.federation.publisher import FARTHEST
from gateway.federation.publisher_ledger import Numbering
from gateway.federation.replicas import Shared
from tests.fakes.clock import FakeClock
from tests.gateway.federation.publisher_cases import ANCHOR, KEYS, NORTH, SOUTH, leaf
from tests.gateway.federation.replica_cases import FakeSharedTrust, Replica, publisher, until
from trust.errors import ClaimInvalidError, TrustError, UnknownKeyError
from trust.historical_keys import HistoricalKey, sign_historical_keys, verify_historical_keys
from trust.keys import SigningKey
from trust.statement import sign_statement

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.federation.publisher import EntityPublisher

NOW = 1_790_000_000
OTHER_MARK = {"https://bodies.example/marks/joint-catalog": "x.y.z"}


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands."""
    return FakeClock(NOW)


async def test_replicas_serve_one_configuration(tmp_path: Path, clock: FakeClock) -> None:
    """The second takes up what the first has published, to the byte."""
    shared = FakeSharedTrust()
    async with (
        Replica(shared, tmp_path, clock, 1).running() as one,
        Replica(shared, tmp_path, clock, 2).running() as other,
    ):
        assert other.text == one.text
        one.publisher.show_marks(OTHER_MARK)
        await until(lambda: other.text == one.text)
        other.publisher.show_marks({})
        await until(lambda: other.text == one.text)
        assert one.publisher.current.claims.version == other.publisher.current.claims.version
    assert shared.kept[NORTH].text == one.text


async def test_no_number_is_used_for_two_contents(tmp_path: Path, clock: FakeClock) -> None:
    """Replicas that change at the same moment end with one text, and its number is one of theirs only."""
    shared = FakeSharedTrust()
    async with (
        Replica(shared, tmp_path, clock, 3).running() as one,
        Replica(shared, tmp_path, clock, 9).running() as other,
    ):
        for replica in (one, other):
            replica.publisher.show_marks(OTHER_MARK)
        assert one.publisher.current.claims.version != other.publisher.current.claims.version
        await until(lambda: one.text == other.text == shared.kept[NORTH].text)


async def test_a_replica_of_another_content_speaks_later(tmp_path: Path, clock: FakeClock) -> None:
    """One that starts with more to say than what was published says it under a greater number and a later date."""
    shared = FakeSharedTrust()
    async with Replica(shared, tmp_path, clock, 1).running() as one:
        before = one.publisher.current.claims
        later = Replica(shared, tmp_path, clock, 2, hints=(ANCHOR, "https://bodies.example/east"))
        async with later.running():
            said = later.publisher.current.claims
            assert said.authority_hints != before.authority_hints
            assert said.version > before.version
            assert said.iat > before.iat
            await until(lambda: one.text == later.text)


async def test_what_is_due_is_renewed_for_all(tmp_path: Path, clock: FakeClock) -> None:
    """At half of its life a configuration is said anew by somebody, and all serve that."""
    shared = FakeSharedTrust()
    async with (
        Replica(shared, tmp_path, clock, 1).running() as one,
        Replica(shared, tmp_path, clock, 2).running() as other,
    ):
        first = one.text
        clock.now += 13 * 3600
        await until(lambda: one.text == other.text == shared.kept[NORTH].text != first)
        starting = Replica(shared, tmp_path, clock, 4)
        clock.now += 13 * 3600
        async with starting.running():
            assert not starting.publisher.current.due(int(clock()))


async def test_rotations_leave_their_history_with_all(tmp_path: Path, clock: FakeClock) -> None:
    """Links and ended keys of one replica are served by the others, and by one that has none of its own."""
    shared = FakeSharedTrust()
    successor = SigningKey.generate("ES256", issuer=NORTH)
    late = Replica(shared, tmp_path, clock, 3, keys=(successor,))
    async with (
        Replica(shared, tmp_path, clock, 1).running() as one,
        Replica(shared, tmp_path, clock, 2).running() as other,
    ):
        for replica in (one, other):
            replica.publisher.announce(successor)
        one.publisher.rotate(successor)
        one.publisher.retire(KEYS[NORTH].kid)
        await until(lambda: other.text == one.text)
        async with late.running():
            assert late.text == one.text
        for replica in (other, late):
            assert replica.publisher.links == one.publisher.links != ()
            text, keys = replica.publisher.historical_keys(), replica.publisher.keys
            (ended,) = verify_historical_keys(text, entity=NORTH, keys=keys, now=NOW)
            assert ended.key == KEYS[NORTH].public()


async def test_revocations_reach_every_replica(tmp_path: Path, clock: FakeClock) -> None:
    """What one believes the others prove for themselves; what they do not believe they skip, once."""
    shared = FakeSharedTrust()
    shared.revoked = ["bad", "before"]
    async with (
        Replica(shared, tmp_path, clock, 1).running() as one,
        Replica(shared, tmp_path, clock, 2).running() as other,
    ):
        assert one.desk.texts == ["before"]
        one.desk.believe_revocation("now")
        await until(lambda: other.desk.texts == ["before", "now"])
        assert [line["error"] for line in other.journal.lines] == ["BadSignatureError"]
    assert shared.revoked == ["bad", "before", "now"]


async def test_a_store_that_is_away_is_waited_for(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Meanwhile each replica serves what it has, and says that it cannot tell or hear."""
    monkeypatch.setattr("gateway.federation.replicas._RETRY_SECONDS", 0.01)
    shared = FakeSharedTrust()
    one = Replica(shared, tmp_path, clock, 1)
    await one.work.start()
    shared.fails = True
    tasks = [asyncio.create_task(w()) for w in (one.work.tell, one.work.tell_revocations, one.work.hear)]
    one.publisher.show_marks(OTHER_MARK)
    one.desk.believe_revocation("now")
    await until(lambda: {line["event"] for line in one.journal.lines} == {"replica_not_told", "replica_not_heard"})
    await asyncio.sleep(0.1)
    assert len(one.journal.lines) == 2, "each is told once while it lasts"
    shared.fails = False
    await until(lambda: shared.kept[NORTH].text == one.text and shared.revoked == ["now"])
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_what_cannot_be_adopted_does_not_end_the_hearing(tmp_path: Path, clock: FakeClock) -> None:
    """A foreign text in the store is told of and passed over; the next good one is taken up."""
    shared = FakeSharedTrust()
    async with Replica(shared, tmp_path, clock, 1).running() as one:
        foreign = leaf(tmp_path / "b", clock, SOUTH).text()
        history = shared.kept[NORTH].history
        await shared.publish(Shared(entity=NORTH, version=10_000, text=foreign, history=history))
        await until(lambda: any(line["event"] == "replica_publication_skipped" for line in one.journal.lines))
        assert one.publisher.current.claims.sub == NORTH
        good = publisher(tmp_path / "c", clock, 2, hints=(ANCHOR, "https://bodies.example/east"))
        await shared.publish(Shared(entity=NORTH, version=10_001, text=good.text(), history=history))
        await until(lambda: one.text == good.text())


def test_what_another_entity_says_is_not_adopted(tmp_path: Path, clock: FakeClock) -> None:
    """The store is no authority: a text of somebody else is refused, and changes nothing."""
    mine, theirs = publisher(tmp_path / "a", clock, 1), leaf(tmp_path / "b", clock, SOUTH)
    before = mine.text()
    with pytest.raises(ClaimInvalidError):
        mine.adopt(theirs.text(), links=[], ended=[])
    assert mine.text() == before


def signed_by(key: SigningKey, one: EntityPublisher, version: int) -> str:
    """Say what an entity says under another number, with a key that is listed."""
    return sign_statement(replace(one.current.claims, version=version, keys=(key.public(),)), key=key)


def test_only_what_a_key_of_ours_has_signed_is_adopted(tmp_path: Path, clock: FakeClock) -> None:
    """A key counts that is listed, is next or has ended; not one that only the text lists, nor one that is revoked."""
    first, next_key, third = KEYS[NORTH], *(SigningKey.generate("ES256", issuer=NORTH) for _ in range(2))
    mine = publisher(tmp_path / "a", clock, 1)
    mine.announce(next_key)
    for version, key in enumerate((first, next_key), start=100):
        mine.adopt(signed_by(key, mine, version), links=[], ended=[])
    mine.rotate(next_key)
    mine.retire(first.kid)
    mine.adopt(signed_by(first, mine, 200), links=[], ended=[])
    again = publisher(tmp_path / "a", clock, 1, keys=(next_key,))
    again.adopt(signed_by(first, again, 300), links=[], ended=[])
    for stranger in (third, KEYS[SOUTH]):
        with pytest.raises(TrustError):
            again.adopt(signed_by(stranger, again, 400), links=[], ended=[])
    other = publisher(tmp_path / "b", clock, 1, keys=(next_key, first))
    other.retire(first.kid, reason="compromised")
    with pytest.raises(UnknownKeyError):
        other.adopt(signed_by(first, other, 400), links=[], ended=[])


def test_a_number_far_beyond_ours_is_not_adopted(tmp_path: Path, clock: FakeClock) -> None:
    """It would leave none for what is to come; the memory of our own numbers stays, and so the next start succeeds."""
    mine = publisher(tmp_path, clock, 1)
    for version in (2**31 - 1, mine.current.claims.version + FARTHEST + 1):
        with pytest.raises(ClaimInvalidError):
            mine.adopt(signed_by(KEYS[NORTH], mine, version), links=[], ended=[])
    assert publisher(tmp_path, clock, 1).current.claims.version == 17
    mine.adopt(signed_by(KEYS[NORTH], mine, mine.current.claims.version + FARTHEST), links=[], ended=[])


def test_ended_keys_are_taken_from_whom_we_know(tmp_path: Path, clock: FakeClock) -> None:
    """Neither a list that nobody signed, which would end our own key, nor a set that a stranger did."""
    mine, theirs = publisher(tmp_path / "a", clock, 1), publisher(tmp_path / "b", clock, 2)
    old, foreign = (SigningKey.generate("ES256", issuer=NORTH) for _ in range(2))
    ended = HistoricalKey(key=old.public(), expires_at=NOW)
    mine.adopt(theirs.text(), links=[], ended=[HistoricalKey(key=KEYS[NORTH].public(), expires_at=NOW).to_json()])
    publisher(tmp_path / "a", clock, 1)
    for signed in (sign_historical_keys([ended], key=foreign, now=NOW), "junk"):
        with pytest.raises(TrustError):
            mine.adopt(theirs.text(), links=[], ended=signed)
    assert verify_historical_keys(mine.historical_keys(), entity=NORTH, keys=mine.keys, now=NOW) == ()
    mine.adopt(theirs.text(), links=[], ended=sign_historical_keys([ended], key=KEYS[NORTH], now=NOW))
    assert verify_historical_keys(mine.historical_keys(), entity=NORTH, keys=mine.keys, now=NOW) == (ended,)


@given(st.integers(1, 4096), st.data())
def test_numbers_of_replicas_never_meet(stride: int, data: st.DataObject) -> None:
    """Each number after another is greater, within one stride, and of the replica's own remainder."""
    residue = data.draw(st.integers(0, stride - 1))
    last = data.draw(st.integers(0, 2**30))
    following = Numbering(stride, residue).after(last)
    assert last < following <= last + stride
    assert following % stride == residue
