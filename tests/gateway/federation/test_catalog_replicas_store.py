"""What somebody writes into the store of several replicas, loses there or puts back takes no catalog away from them."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from gateway.federation import catalog_replicas as module
from gateway.services.catalog_text import LONGEST_DOCUMENT
from gateway.store.shared_catalogs import StoredCatalogs
from tests.fakes.catalogs import LIFE, signature, written
from tests.fakes.store import opened
from tests.gateway.federation.catalog_replica import Replica, until
from trust.errors import UnknownKeyError
from trust.party_signature import canonical_digest, digest_of_bytes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look soon."""
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.05)


@dataclass
class Lab:
    """A store in a file, and the file as somebody else writes to it."""

    file: Path
    shared: StoredCatalogs

    def write(self, statement: str, *values: object) -> None:
        """Run a statement on the file."""
        with closing(sqlite3.connect(self.file, isolation_level=None)) as connection:
            connection.execute(statement, values)

    def put(self, plain: dict[str, Any], text: object, **row: object) -> None:
        """Put a version there with a text as the signature of the region that its catalog is named after."""
        digest = row.pop("version", canonical_digest(plain))
        place = {"catalog": plain["catalog"], "sequence": plain["sequence"], "region": plain["catalog"], **row}
        document = place.pop("document", written(plain))
        self.write("INSERT OR REPLACE INTO catalog_versions VALUES (?, ?)", digest, document)
        self.write(
            "INSERT INTO catalog_signatures (catalog, sequence, region, version, text) VALUES (?, ?, ?, ?, ?)",
            *(place["catalog"], place["sequence"], place["region"], digest, text),
        )

    def good(self, catalog: str = "chongqing") -> dict[str, Any]:
        """Put the next version of a catalog there, as it should be."""
        plain = Replica(self.shared).following(catalog)
        self.put(plain, signature(catalog, plain))
        return plain


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    """Give a store in a file."""
    async with opened(f"sqlite:///{tmp_path}/s.sqlite") as store:
        yield Lab(tmp_path / "s.sqlite", StoredCatalogs(store))


def events(replica: Replica, name: str) -> list[dict[str, Any]]:
    """Give the events of a name."""
    return [line for line in replica.journal.lines if line["event"] == name]


async def test_a_signature_that_does_not_hold_takes_no_other_away(lab: Lab) -> None:
    """Under the same version, or under its digest in the place of another catalog."""
    plain = lab.good()
    for row in ({"region": "guizhou"}, {"catalog": "aaa"}, {"catalog": "aaa", "region": "guizhou"}):
        lab.put(plain, "junk", **row)
    foreign = signature("guizhou", plain)
    lab.put(plain, foreign, region="sichuan")
    one = Replica(lab.shared)
    async with one.running():
        await until(lambda: len(events(one, "replica_catalog_skipped")) == 2)
        await asyncio.sleep(0.2)
    assert one.numbers("chongqing") == [1, 2]
    assert set(one.skipped) == {("chongqing", "MalformedTokenError"), ("aaa", "MalformedTokenError")}


async def test_a_sound_signature_of_a_stranger_takes_no_other_away(lab: Lab) -> None:
    """A region signs a list that is not its own: the list counts, and that is told."""
    plain = lab.good()
    lab.put(plain, signature("guizhou", plain), region="guizhou")
    one = Replica(lab.shared)
    await one.begin()
    assert one.numbers("chongqing") == [1, 2]
    assert one.skipped == [("chongqing", "InvalidFieldError")]


@pytest.mark.parametrize("version", [f"'{'A' * 43}'", "CAST(x'ff' AS TEXT)", "7"])
async def test_a_place_that_is_taken_is_told_by_name_and_filled_once_it_is_free(lab: Lab, version: str) -> None:
    """Who publishes says what the others will not know of; they do as soon as the row is gone."""
    lab.write(
        "INSERT INTO catalog_signatures (catalog, sequence, region, version, text) "  # noqa: S608 - words of the test
        f"VALUES ('chongqing', 2, 'chongqing', {version}, 'junk')"
    )
    async with Replica(lab.shared).running() as one, Replica(lab.shared).running() as other:
        one.publish(one.following("chongqing"), "chongqing")
        await until(lambda: bool(events(one, "replica_catalog_passed_over")))
        await asyncio.sleep(0.2)
        (event,) = events(one, "replica_catalog_passed_over")
        assert (event["catalog"], event["sequence"], event["regions"]) == ("chongqing", 2, "chongqing")
        assert other.numbers("chongqing") == [1]
        assert other.skipped == [("chongqing", "MalformedTokenError")]
        lab.write("DELETE FROM catalog_signatures WHERE text = 'junk'")
        await until(lambda: other.numbers("chongqing") == [1, 2])


@pytest.mark.parametrize("lost", [("catalog_signatures", "catalog_versions"), ("catalog_versions",)])
async def test_what_was_lost_in_the_store_is_told_again(lab: Lab, lost: tuple[str, ...]) -> None:
    """Rows are gone, or a backup was put back: who begins then answers as those that run."""
    async with Replica(lab.shared).running() as one:
        one.publish(one.following("chongqing"), "chongqing")
        await until(lambda: bool(one.work._stored))
        for table in lost:
            lab.write(f"DELETE FROM {table}")  # noqa: S608 - words of the test

        async def begins_with_it() -> bool:
            late = Replica(lab.shared)
            await late.begin()
            return late.numbers("chongqing") == [1, 2]

        async with asyncio.timeout(10):
            while not await begins_with_it():
                await asyncio.sleep(0.05)


async def test_a_word_that_was_lost_holds_nothing_up(lab: Lab) -> None:
    """Who has written died before it told anybody."""
    async with Replica(lab.shared).running() as one:
        await asyncio.sleep(0.1)
        lab.good()
        await until(lambda: one.numbers("chongqing") == [1, 2])


async def test_what_was_refused_costs_nothing_again(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signatures are looked at once, and before documents, until something else is there or known."""
    base, checked, proved = Replica(lab.shared).following("guizhou"), [], []
    for number in range(20):
        lab.put({**base, "sequence": 2 + number, "valid_until": LIFE + number}, "x.y.z")
    wrong = {**base, "regions": ["sichuan"], "sequence": 30}
    lab.put(wrong, signature("sichuan", wrong), region="sichuan")
    one = Replica(lab.shared)
    check, sound = one.use.check, one.use.sound_signatures
    monkeypatch.setattr(one.use, "check", lambda text: checked.append(text) or check(text))  # type: ignore[func-returns-value]  # to count
    monkeypatch.setattr(one.use, "sound_signatures", lambda *said: proved.append(said) or sound(*said))  # type: ignore[func-returns-value]  # to count
    await one.begin()
    assert (len(checked), len(proved)) == (1, 21)
    for _ in range(3):
        await one.work.settle()
    assert (len(checked), len(proved)) == (1, 21)
    lab.good()
    await one.work.settle()
    assert one.numbers("chongqing") == [1, 2]


async def test_a_document_that_is_too_long_is_not_read(lab: Lab) -> None:
    """The longest that may be published is the longest that is read."""
    plain = Replica(lab.shared).following("chongqing")
    for length in (LONGEST_DOCUMENT, LONGEST_DOCUMENT + 1):
        document = b"x" * length
        lab.put(plain, "junk", document=document, version=digest_of_bytes(document), sequence=length)
        found = await lab.shared.document(digest_of_bytes(document))
        assert len(found) == (length if length == LONGEST_DOCUMENT else 0)


ROWS: dict[str, dict[str, object]] = {
    "text_as_document": {"document": "a text, not a blob"},
    "number_as_document": {"document": 5},
    "fraction_as_document": {"document": 1.5},
    "blob_as_text": {"text": b"\xff\x00"},
    "number_as_text": {"text": 7},
    "long_text": {"text": "a" * 3_000_000},
    "blob_as_region": {"region": b"\xff"},
    "blob_as_catalog": {"catalog": b"\xff"},
    "text_as_sequence": {"sequence": "abc"},
    "blob_as_version": {"version": b"\xff\xfe"},
    "number_as_version": {"version": 9},
}


@pytest.mark.parametrize("name", ROWS)
async def test_a_value_of_another_type_is_passed_over(lab: Lab, name: str) -> None:
    """A file of SQLite takes any value in any column; the task goes on, and says so."""
    plain = Replica(lab.shared).following("guizhou")
    row = {"text": signature("guizhou", plain), **ROWS[name]}
    lab.put(plain, row.pop("text"), **row)
    lab.good()
    one = Replica(lab.shared)
    await one.begin()
    assert one.numbers("chongqing") == [1, 2]
    assert len(one.skipped) == (0 if name == "text_as_sequence" else 1)


@pytest.mark.parametrize("column", ["catalog", "region", "version", "text"])
async def test_bytes_that_are_no_text_are_passed_over(lab: Lab, column: str) -> None:
    """A file of SQLite takes them as a text too."""
    plain = Replica(lab.shared).following("guizhou")
    lab.put(plain, signature("guizhou", plain))
    lab.write(f"UPDATE catalog_signatures SET {column} = CAST(x'ff00fe' AS TEXT)")  # noqa: S608 - words of the test
    lab.good()
    one = Replica(lab.shared)
    await one.begin()
    assert one.numbers("chongqing") == [1, 2]
    assert len(one.skipped) == 1


async def test_a_key_that_has_ended_proves_what_it_signed_before(lab: Lab) -> None:
    """A replica that begins once a federation key was retired answers as those that know the version since."""
    lab.good()
    late = Replica(lab.shared)
    late.retire("chongqing")
    await late.begin()
    assert late.numbers("chongqing") == [1, 2]
    assert late.skipped == []


@pytest.mark.parametrize(
    "changes",
    [{"expires_at": 1}, {"revoked_at": 1, "reason": "compromised"}, {"issued_at": LIFE, "expires_at": LIFE + 1}],
)
async def test_a_key_that_has_ended_proves_nothing_else(lab: Lab, changes: dict[str, Any]) -> None:
    """Nothing that says of itself that it was signed later, and nothing where the key was revoked."""
    lab.good()
    late = Replica(lab.shared)
    late.retire("chongqing", **changes)
    await late.begin()
    assert late.numbers("chongqing") == [1]
    assert late.skipped == [("chongqing", "UnknownKeyError")]


async def test_a_key_that_has_ended_publishes_nothing(lab: Lab) -> None:
    """It counts for what replicas have shared or a peer hands on, and not for a caller."""
    one = Replica(lab.shared)
    one.retire("chongqing")
    plain = one.following("chongqing")
    checked, texts = one.use.check(written(plain)), [signature("chongqing", plain)]
    with pytest.raises(UnknownKeyError):
        one.use.publish(checked, texts, region="chongqing")
    one.use.accept(checked, texts, peer="chongqing")
    assert one.numbers("chongqing") == [1, 2]
