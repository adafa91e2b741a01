"""Tables of the evidence: records, the tree over them, its head, checkpoints, and what peers have said and signed.

A record is stored as the bytes that are hashed. What of it is personal stands in a column of its own, of which the
record holds the hash only: it can be erased, and the record still verifies. A tile is 256 neighboring hashes, whole or
not there (C2SP tlog-tiles): of records at level 0, of whole tiles of the level below at the others. `root` of a tile is
what the next level holds of it.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, SmallInteger, String, Table, Text

from gateway.store.schema import METADATA, Id, Micros
from trust.merkle import HASH_BYTES

TILE_WIDTH: Final = 256
_Place = BigInteger().with_variant(Integer(), "sqlite")  # SQLite stores a table by its INTEGER key, and by no other
_Hash = LargeBinary(HASH_BYTES)
_Origin = String(256)

BUNDLES: Final = Table(
    "evidence_bundles",
    METADATA,
    Column("place", _Place, primary_key=True, autoincrement=False),
    Column("entries", Integer, nullable=False),
    Column("time", Micros, nullable=False, index=True),
    Column("records", LargeBinary, nullable=False),
    Column("leaves", LargeBinary, nullable=False),
    Column("personal", LargeBinary),
    Column("frontier", LargeBinary, nullable=False),
)
"""Records that one transaction has appended, `gateway.services.evidence_bundle` says how. `place` is that of the first;
places count from 0 without a gap. No bundle goes beyond the end of a tile. `time` is that of the latest decision.
`frontier` is that of the tree with this bundle (`trust.merkle`): the head of the log is that of its last bundle."""

TILES: Final = Table(
    "evidence_tiles",
    METADATA,
    Column("level", SmallInteger, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("root", _Hash, nullable=False),
    Column("subjects", LargeBinary),
    Column("hashes", LargeBinary, nullable=False),
)
"""`subjects` of a tile of records has the first bytes of the HMAC of whom each is about, zeros where nobody: what a
search looks through, so that no index has to be kept up with every record."""

CHECKPOINTS: Final = Table(
    "evidence_checkpoints",
    METADATA,
    Column("size", BigInteger, primary_key=True),
    Column("time", Micros, nullable=False),
    Column("note", Text, nullable=False),
)

COSIGNATURES: Final = Table(
    "evidence_cosignatures",
    METADATA,
    Column("size", BigInteger, primary_key=True),
    Column("name", _Origin, primary_key=True),
    Column("time", Micros, nullable=False),
    Column("key", Text, nullable=False),
    Column("line", Text, nullable=False),
)
"""Lines of peers below a checkpoint of ours, by its size, each with the verifier key under which it held."""

PEERS: Final = Table(
    "evidence_peers",
    METADATA,
    Column("origin", _Origin, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("time", Micros, nullable=False),
    Column("note", Text, nullable=False),
)
"""The largest checkpoint of each peer that was seen to go on from all that were seen before."""

ALARMS: Final = Table(
    "evidence_alarms",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("origin", _Origin, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("held", Text, nullable=False),
    Column("offered", Text, nullable=False),
)
"""Checkpoints of one log that contradict each other, both signed by it: the proof, kept for good."""
