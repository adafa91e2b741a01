"""Replicas of one gateway: one configuration goes round, whatever replica is asked, and revocations reach all."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import StoreUnavailableError
from gateway.federation.publisher import EntityPublisher
from gateway.federation.publisher_content import EntityContent, leaf_endpoints
from gateway.federation.publisher_ledger import Numbering
from gateway.federation.replicas import Replicas, Shared
from tests.fakes.clock import FakeClock
from tests.fakes.journal import FakeJournal
from tests.gateway.federation.publisher_cases import ANCHOR, KEYS, NORTH, SOUTH, leaf, roles
from trust.errors import ClaimInvalidError, UnknownIssuerError
from trust.keys import SigningKey

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
    from pathlib import Path

NOW = 1_790_000_000
OTHER_MARK = {"https://bodies.example/marks/joint-catalog": "x.y.z"}


class FakeSharedTrust:
    """What replicas share, in memory; `fails` makes it unavailable."""

    def __init__(self) -> None:
        """Begin empty."""
        self.kept: dict[str, Shared] = {}
        self.revoked: list[str] = []
        self.fails = False
        self._words: list[asyncio.Queue[str]] = []

    async def publication(self, entity: str) -> Shared | None:
        """Give what was published last."""
        self._require()
        return self.kept.get(entity)

    async def publish(self, shared: Shared) -> bool:
        """Keep what is newer."""
        self._require()
        last = self.kept.get(shared.entity)
        if last is not None and last.version >= shared.version:
            return False
        self.kept[shared.entity] = shared
        self._tell()
        return True

    async def revocations(self, after: int) -> Sequence[tuple[int, str]]:
        """Give what came after a place."""
        self._require()
        return list(enumerate(self.revoked, start=1))[after:]

    async def revoke(self, text: str) -> None:
        """Keep a revocation."""
        self._require()
        if text not in self.revoked:
            self.revoked.append(text)
            self._tell()

    async def listen(self) -> AsyncGenerator[str]:
        """Give a word whenever something was kept."""
        self._require()
        words: asyncio.Queue[str] = asyncio.Queue()
        self._words.append(words)
        yield ""
        while True:
            yield await words.get()

    def _require(self) -> None:
        if self.fails:
            raise StoreUnavailableError(fault="not_ready")

    def _tell(self) -> None:
        for words in self._words:
            words.put_nowait("")


class FakeRevocationDesk:
    """Believes what does not begin with `bad`, in the order in which it comes."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.texts: list[str] = []
        self._news: dict[int, asyncio.Event] = defaultdict(asyncio.Event)

    def believe_revocation(self, text: str) -> bool:
        """Believe a revocation."""
        if text.startswith("bad"):
            raise UnknownIssuerError
        if text in self.texts:
            return False
        self.texts.append(text)
        self._news.pop(len(self.texts) - 1, asyncio.Event()).set()
        return True

    def feed(self, after: int) -> tuple[Sequence[tuple[int, str]], int]:
        """Give what came after a cursor."""
        return list(enumerate(self.texts, start=1))[after:], len(self.texts)

    async def changed(self, after: int) -> None:
        """Wait for more."""
        if len(self.texts) <= after:
            await self._news[after].wait()


def publisher(folder: Path, clock: Callable[[], float], residue: int, **changes: object) -> EntityPublisher:
    """Publish as one of several replicas."""
    folder.mkdir(parents=True, exist_ok=True)
    values = {
        "entity": NORTH,
        "keys": (KEYS[NORTH],),
        "roles": roles("north"),
        "hints": (ANCHOR,),
        "endpoints": leaf_endpoints(NORTH),
    }
    content = EntityContent(**{**values, **changes})  # type: ignore[arg-type]  # a test may give anything
    return EntityPublisher(content, folder=folder, clock=clock, numbering=Numbering(16, residue))


class Replica:
    """One replica with a folder of its own."""

    def __init__(
        self, shared: FakeSharedTrust, folder: Path, clock: FakeClock, residue: int, **changes: object
    ) -> None:
        """Make its parts."""
        self.publisher = publisher(folder / str(residue), clock, residue, **changes)
        self.desk = FakeRevocationDesk()
        self.journal = FakeJournal()
        self.work = Replicas(shared, publishers=[self.publisher], desk=self.desk, journal=self.journal)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Replica]:
        """Let it tell and hear."""
        await self.work.start()
        await self.work.catch_up()
        tasks = [asyncio.create_task(w()) for w in (self.work.tell, self.work.tell_revocations, self.work.hear)]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def text(self) -> str:
        """What it serves."""
        return self.publisher.text()


async def until(true: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.01)


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
    """Links and ended keys of one replica are served by the others."""
    shared = FakeSharedTrust()
    successor = SigningKey.generate("ES256", issuer=NORTH)
    async with (
        Replica(shared, tmp_path, clock, 1).running() as one,
        Replica(shared, tmp_path, clock, 2).running() as other,
    ):
        one.publisher.announce(successor)
        one.publisher.rotate(successor)
        one.publisher.retire(KEYS[NORTH].kid)
        await until(lambda: other.publisher.links == one.publisher.links != ())
        assert other.publisher.history() == one.publisher.history()
        assert other.text == one.text


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
        assert [line["error"] for line in other.journal.lines] == ["UnknownIssuerError"]
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
    shared.fails = False
    await until(lambda: shared.kept[NORTH].text == one.text and shared.revoked == ["now"])
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_what_cannot_be_adopted_does_not_end_the_hearing(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A foreign text in the store is told of and passed over; the next good one is taken up."""
    monkeypatch.setattr("gateway.federation.replicas._RETRY_SECONDS", 0.01)
    shared = FakeSharedTrust()
    async with Replica(shared, tmp_path, clock, 1).running() as one:
        foreign = leaf(tmp_path / "b", clock, SOUTH).text()
        history = shared.kept[NORTH].history
        await shared.publish(Shared(entity=NORTH, version=10_000, text=foreign, history=history))
        await until(lambda: any(line["event"] == "replica_not_heard" for line in one.journal.lines))
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


@given(st.integers(1, 4096), st.data())
def test_numbers_of_replicas_never_meet(stride: int, data: st.DataObject) -> None:
    """Each number after another is greater, within one stride, and of the replica's own remainder."""
    residue = data.draw(st.integers(0, stride - 1))
    last = data.draw(st.integers(0, 2**30))
    following = Numbering(stride, residue).after(last)
    assert last < following <= last + stride
    assert following % stride == residue
