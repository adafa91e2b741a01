"""The log: places without a gap, on both engines, by several replicas at once, and proofs of every record and head."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from gateway.errors import LimitError, UnknownRecordError
from gateway.services.evidence_bundle import BundleError, unpack
from gateway.services.evidence_log import EvidenceLog
from gateway.services.evidence_reader import EvidenceReader
from gateway.store.tables_evidence import BUNDLES, TILES
from tests.fakes.store import opened
from tests.gateway.services.evidence_lab import SECRET, decision, fill, kept, record, recording
from trust.errors import ProofError
from trust.merkle import EMPTY_ROOT, leaf_hash, prove_consistency, prove_inclusion, tree_root

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.services.evidence import Decision
    from gateway.store.transaction import Transaction


async def test_every_decision_has_one_record_at_one_place(store_url: str) -> None:
    """Records are as many as decisions, in their order, and their hashes are those of RFC 6962."""
    async with recording(store_url) as store:
        made = await fill(store, 600)
        found = await kept(store)
    assert [one.place for one in found] == list(range(600))
    assert all(each.id.hex().encode() in one.record for each, one in zip(made, found, strict=True))
    assert all(one.leaf == leaf_hash(one.record) for one in found)


async def test_replicas_write_one_log(store_url: str) -> None:
    """Two that append at the same time leave no gap and take no place twice, and the tree is that of all records."""
    async with recording(store_url) as one, recording(store_url) as other:
        made = [decision(number) for number in range(400)]
        halves = zip(made[::2], made[1::2], strict=True)
        await asyncio.gather(
            *(store.commit(record, [each]) for pair in halves for store, each in zip((one, other), pair, strict=True))
        )
        found = await kept(one)
        head = await EvidenceReader(other).head()
    assert [one.place for one in found] == list(range(400))
    assert sorted(each.id.hex() for each in made) == sorted(
        one.record.partition(b'"id":"')[2][:32].decode() for one in found
    )
    assert head.root == tree_root([one.leaf for one in found])


async def test_what_is_rolled_back_leaves_no_record(store_url: str) -> None:
    """A transaction that fails at its end takes its records with it, and the next ones follow what is there."""
    log, failures = (
        EvidenceLog(SECRET, dialect=store_url.partition(":")[0].partition("+")[0]),
        [LimitError(limit="lab")],
    )

    async def append(transaction: Transaction, decisions: Sequence[Decision]) -> None:
        await log.append(transaction, decisions)
        if len(decisions) == 2 and failures:
            raise failures.pop()

    async with opened(store_url, append=append) as store:
        await store.commit(record, [decision(0)])
        with pytest.raises(LimitError):
            await store.commit(record, [decision(1), decision(2)])
        await fill(store, 4, together=2)
        found = await kept(store)
    assert [one.place for one in found] == list(range(5))
    assert all(one.leaf == leaf_hash(one.record) for one in found)


async def test_a_large_transaction_is_cut_at_the_ends_of_tiles(store_url: str) -> None:
    """A thousand records at once are several bundles, none beyond a tile; whole tiles hold the hashes of theirs."""
    async with recording(store_url) as store:
        await store.commit(record, [decision()] * 10)
        await store.commit(record, [decision(number) for number in range(1000)])
        async with store.reading() as connection:
            rows = (await connection.execute(select(BUNDLES).order_by(BUNDLES.c.place))).all()
            tiles = (await connection.execute(select(TILES).order_by(TILES.c.number))).all()
        found = await kept(store)
    assert [(row.place, row.entries) for row in rows] == [(0, 10), (10, 246), (256, 256), (512, 256), (768, 242)]
    assert [tile.number for tile in tiles] == [0, 1, 2]
    for tile in tiles:
        part = found[tile.number * 256 : tile.number * 256 + 256]
        assert tile.hashes == b"".join(one.leaf for one in part)
        assert tile.root == tree_root([one.leaf for one in part])
        assert len(tile.subjects) == 4 * 256


async def test_any_record_is_proved_in_any_tree_that_has_it(store_url: str) -> None:
    """Contract DU7: the path of a record leads to the root of each later head."""
    async with recording(store_url) as store:
        await fill(store, 700, together=50)
        reader, leaves = EvidenceReader(store), [one.leaf for one in await kept(store)]
        for place in (0, 1, 255, 256, 300, 511, 512, 698, 699):
            for size in (place + 1, 513, 640, 700):
                if place >= size:
                    continue
                path = await reader.inclusion(place, size)
                prove_inclusion(place, size, leaf=leaves[place], path=path, root=tree_root(leaves[:size]))
        with pytest.raises(ProofError):
            await reader.inclusion(700, 700)


async def test_any_two_heads_are_proved_to_be_of_one_log(store_url: str) -> None:
    """Contract DU7: the path between two heads proves that the later one only added records."""
    async with recording(store_url) as store:
        await fill(store, 700, together=50)
        reader, leaves = EvidenceReader(store), [one.leaf for one in await kept(store)]
        for first in (1, 2, 255, 256, 257, 512, 699, 700):
            for second in (256, 513, 700):
                if first > second:
                    continue
                roots = (await reader.root(first), await reader.root(second))
                assert roots == (tree_root(leaves[:first]), tree_root(leaves[:second]))
                prove_consistency(first, second, roots=roots, path=await reader.consistency(first, second))
        assert await reader.root(0) == EMPTY_ROOT


async def test_tiles_of_tiles_are_made_and_read(sqlite_url: str) -> None:
    """A log of more than 65,536 records has a tile of tiles; proofs through it hold."""
    async with recording(sqlite_url) as store:
        for _ in range(33):
            await store.commit(record, [decision(number) for number in range(2000)])
        reader, leaves = EvidenceReader(store), [one.leaf for one in await kept(store)]
        async with store.reading() as connection:
            levels = set((await connection.execute(select(TILES.c.level))).scalars())
        assert levels == {0, 1}
        size = len(leaves)
        root = tree_root(leaves)
        assert (await reader.head()).root == root
        for place in (0, 65_535, 65_536, size - 1):
            path = await reader.inclusion(place, size)
            prove_inclusion(place, size, leaf=leaves[place], path=path, root=root)
        for first in (1, 65_536, 65_537):
            path = await reader.consistency(first, size)
            prove_consistency(first, size, roots=(tree_root(leaves[:first]), root), path=path)


async def test_a_record_is_found_by_its_place_and_by_its_id(store_url: str) -> None:
    """Each record is found both ways; what is not there is not known."""
    async with recording(store_url) as store:
        made = await fill(store, 30)
        reader = EvidenceReader(store)
        for place in (0, 13, 29):
            at = await reader.at(place)
            assert at.place == place
            assert await reader.find(made[place].id) == at
        for place in (30, -1):
            with pytest.raises(UnknownRecordError):
                await reader.at(place)
        with pytest.raises(UnknownRecordError):
            await reader.find(decision().id[:8] + secrets.token_bytes(8))


async def test_an_empty_log_has_an_empty_head(store_url: str) -> None:
    """Before the first decision there is a tree, of nothing."""
    async with recording(store_url) as store:
        reader = EvidenceReader(store)
        head = await reader.head()
        assert (head.size, head.root) == (0, EMPTY_ROOT)
        with pytest.raises(UnknownRecordError):
            await reader.at(0)


@pytest.mark.parametrize(
    ("column", "change", "place"),
    [
        ("records", lambda value: value[:-1], 2),
        ("records", lambda value: value + b"x", 3),
        ("records", lambda value: b"\xff\xff" + value[2:], 0),
        ("records", lambda _: b"", 0),
        ("leaves", lambda value: value[:-1], 2),
        ("leaves", lambda value: value + b"x", 3),
        ("personal", lambda value: value[:-1], 2),
        ("personal", lambda value: value + b"x", 3),
        ("records", lambda _: "text", 0),
        ("leaves", lambda _: 7, 0),
        ("personal", lambda _: "text", 0),
        ("entries", lambda _: "text", 0),
    ],
)
async def test_a_row_that_is_no_bundle_is_told_by_its_first_bad_place(
    sqlite_url: str, column: str, change: object, place: int
) -> None:
    """What is cut or lengthened is noticed at the first record that it touches."""
    async with recording(sqlite_url) as store:
        await fill(store, 3)
        async with store.reading() as connection:
            row = (await connection.execute(select(BUNDLES))).one()
    assert callable(change)
    altered = {**row._mapping, column: change(getattr(row, column))}
    with pytest.raises(BundleError) as caught:
        list(unpack(type("Row", (), altered)))
    assert caught.value.place == place
