"""What replicas find in a store that anybody may have written to: row by row, and no row holds up another."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gateway.errors import LimitError
from gateway.federation.desk_memory import TrustMemoryError
from gateway.federation.replicas import Shared
from tests.fakes.clock import FakeClock
from tests.gateway.federation.publisher_cases import ANCHOR, NORTH
from tests.gateway.federation.replica_cases import FakeSharedTrust, Replica, publisher, until
from trust.errors import NotYetValidError, UnknownIssuerError
from trust.keys import SigningKey
from trust.statement import sign_statement

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.federation.publisher import EntityPublisher

NOW = 1_790_000_000
HISTORY = json.dumps({"links": [], "ended": []})


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands."""
    return FakeClock(NOW)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let replicas look often."""
    monkeypatch.setattr("gateway.federation.replicas.HEAR_SECONDS", 0.02)


def events(replica: Replica, name: str) -> list[tuple[str, int]]:
    """Give rule and count of the events of a name."""
    return [(line["error"], line.get("skipped", 1)) for line in replica.journal.lines if line["event"] == name]


def forged(one: EntityPublisher, version: int) -> str:
    """Sign what an entity says with a key of somebody else, who lists it."""
    key = SigningKey.generate("ES256", issuer=NORTH)
    return sign_statement(replace(one.current.claims, version=version, keys=(key.public(),)), key=key)


async def test_an_issuer_beyond_its_limit_stops_nobody(tmp_path: Path, clock: FakeClock) -> None:
    """What is refused for its own sake is told of, ever more seldom, and what stands behind it is believed."""
    shared = FakeSharedTrust()
    shared.revoked = [*(f"much-{n}" for n in range(5)), "before"]
    one = Replica(shared, tmp_path, clock, 1)
    one.desk.refuses = {text: LimitError(limit="revocations of an issuer") for text in (*shared.revoked[:5], "more")}
    async with one.running():
        assert one.desk.texts == ["before"]
        for text in ("more", "after"):
            await shared.revoke(text)
        await until(lambda: one.desk.texts == ["before", "after"])
    assert events(one, "replica_revocation_skipped") == [("LimitError", 1), ("LimitError", 2), ("LimitError", 4)]
    assert events(one, "replica_not_heard") == []


async def test_what_cannot_be_kept_holds_up_nothing_and_is_tried_again(tmp_path: Path, clock: FakeClock) -> None:
    """A full disk neither stops the start nor what stands behind; once there is room, it is kept."""
    shared = FakeSharedTrust()
    shared.revoked = ["before"]
    one = Replica(shared, tmp_path, clock, 1)
    one.desk.refuses = {"before": TrustMemoryError(file="revocations", fault="write")}
    async with one.running():
        await shared.revoke("after")
        await until(lambda: one.desk.texts == ["after"])
        one.desk.refuses = {}
        await until(lambda: one.desk.texts == ["after", "before"])
    assert set(events(one, "replica_not_heard")) == {("TrustMemoryError", 1)}


async def test_what_nobody_told_is_found(tmp_path: Path, clock: FakeClock) -> None:
    """A process that dies before it tells of what it has kept leaves a row that the others look for."""
    shared = FakeSharedTrust()
    async with Replica(shared, tmp_path, clock, 1).running() as one:
        await asyncio.sleep(0.05)
        shared.revoked.append("untold")
        theirs = publisher(tmp_path / "b", clock, 2, hints=(ANCHOR, "https://bodies.example/east"))
        shared.kept[NORTH] = Shared(entity=NORTH, version=2, text=theirs.text(), history=HISTORY)
        await until(lambda: one.desk.texts == ["untold"] and one.text == theirs.text())


async def test_a_revocation_of_whom_nobody_knows_yet_counts_once_somebody_does(
    tmp_path: Path, clock: FakeClock
) -> None:
    """It is judged again when somebody else is believed, and now and then though nobody is."""
    shared = FakeSharedTrust()
    shared.revoked = ["stranger", "early"]
    one = Replica(shared, tmp_path, clock, 1)
    one.desk.refuses = {"stranger": UnknownIssuerError(), "early": NotYetValidError(claim="iat", skew_seconds="90")}
    async with one.running():
        del one.desk.refuses["stranger"]
        one.desk.changes()
        await until(lambda: one.desk.texts == ["stranger"])
        del one.desk.refuses["early"]
        await until(lambda: one.desk.texts == ["stranger", "early"])


async def test_one_that_is_alone_judges_again_before_it_serves_and_until_nothing_is_left(
    tmp_path: Path, clock: FakeClock
) -> None:
    """After the first round of trust at once, later when somebody else is believed; then it looks no more."""
    shared = FakeSharedTrust()
    shared.revoked = ["late", "later"]
    one = Replica(shared, tmp_path, clock, 1)
    one.desk.refuses = dict.fromkeys(shared.revoked, UnknownIssuerError())
    await one.work.go_on()
    await one.work.catch_up()
    assert one.desk.texts == []
    del one.desk.refuses["late"]
    await one.work.settle()
    assert one.desk.texts == ["late"]
    looking = asyncio.create_task(one.work.again())
    del one.desk.refuses["later"]
    one.desk.changes()
    await asyncio.wait_for(looking, 10)
    assert one.desk.texts == ["late", "later"]
    shared.fails = True
    await one.work.settle()
    await one.work.again()
    assert events(one, "replica_not_heard") == []


async def test_a_store_that_is_away_does_not_end_the_second_look(tmp_path: Path, clock: FakeClock) -> None:
    """It is told of."""
    shared = FakeSharedTrust()
    shared.revoked = ["late"]
    one = Replica(shared, tmp_path, clock, 1)
    one.desk.refuses = {"late": UnknownIssuerError()}
    await one.work.catch_up()
    shared.fails = True
    await one.work.settle()
    assert events(one, "replica_not_heard") == [("StoreUnavailableError", 1)]
    shared.fails, one.desk.refuses = False, {}
    await asyncio.wait_for(one.work.again(), 10)
    assert one.desk.texts == ["late"]


@pytest.mark.parametrize(
    ("case", "error"),
    [
        ("junk", "MalformedTokenError"),
        ("forged", "UnknownKeyError"),
        ("last number", "UnknownKeyError"),
        ("replayed", "ClaimInvalidError"),
        ("{", "SettingsError"),
        ("[" * 100_000, "SettingsError"),
        ("null", "SettingsError"),
        ("{}", "SettingsError"),
        ('{"links": 3, "ended": []}', "SettingsError"),
    ],
)
async def test_a_publication_that_is_none_is_told_once_and_holds_up_nothing(
    tmp_path: Path, clock: FakeClock, case: str, error: str
) -> None:
    """Revocations are heard, our own keys stay published, and a replica that starts goes on from its own."""
    shared = FakeSharedTrust()
    async with Replica(shared, tmp_path, clock, 1).running() as one:
        before = one.text
        one.publisher.show_marks({"https://bodies.example/marks/joint-catalog": "x.y.z"})
        await until(lambda: shared.kept[NORTH].text == one.text)
        mine, version = one.text, one.publisher.current.claims.version
        texts = {
            "junk": "junk",
            "forged": forged(one.publisher, version + 10),
            "last number": forged(one.publisher, 2**31 - 1),
            "replayed": before,
        }
        later = publisher(tmp_path / "b", clock, 9, hints=(ANCHOR, "https://bodies.example/east"))
        later.adopt(mine, links=[], ended=[])
        later.name_superiors([ANCHOR])
        row = Shared(
            entity=NORTH,
            version=2**31 - 1,
            text=texts.get(case, later.text()),
            history=HISTORY if case in texts else case,
        )
        await shared.publish(row)
        await shared.revoke("now")
        await until(lambda: one.desk.texts == ["now"])
        await until(lambda: events(one, "replica_publication_skipped") == [(error, 1)])
        await asyncio.sleep(0.1)
        assert events(one, "replica_publication_skipped") == [(error, 1)]
        assert one.text == mine
    async with Replica(shared, tmp_path, clock, 1).running() as again:
        assert again.publisher.current.claims.keys == one.publisher.keys
        assert again.desk.texts == ["now"]


async def test_one_that_is_alone_goes_on_from_what_another_published(tmp_path: Path, clock: FakeClock) -> None:
    """Its own memory is behind where it hung while another published; a lesser number nobody would believe."""
    shared = FakeSharedTrust()
    behind = Replica(shared, tmp_path, clock, 1)
    async with Replica(shared, tmp_path, clock, 9).running() as other:
        other.publisher.show_marks({"https://bodies.example/marks/joint-catalog": "x.y.z"})
        await until(lambda: shared.kept[NORTH].text == other.text)
    await behind.work.go_on()
    said = behind.publisher.current.claims
    assert said.version > other.publisher.current.claims.version
    assert not said.trust_marks
    assert shared.kept[NORTH].text == other.text


async def test_what_was_said_alone_is_not_taken_back(tmp_path: Path, clock: FakeClock) -> None:
    """One that published without others does not go back to what the store has from before."""
    shared = FakeSharedTrust()
    async with Replica(shared, tmp_path, clock, 1).running() as one:
        before = shared.kept[NORTH]
        shared.fails = True
        one.publisher.show_marks({"https://bodies.example/marks/joint-catalog": "x.y.z"})
        one.publisher.show_marks({})
        said = one.publisher.current.claims.version
    shared.fails = False
    shared.kept[NORTH] = before
    async with Replica(shared, tmp_path, clock, 1).running() as again:
        assert again.publisher.current.claims.version > said
        assert shared.kept[NORTH].text == again.text
        assert again.journal.lines == []
