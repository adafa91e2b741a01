"""Tables of the exchange: requests and their histories, the queues in and out, attachments.

What is personal is sealed: `content`, `reply` and `disputes` of a request, and the chunks of attachments. Keys that a
caller chooses are kept as an HMAC of 16 bytes. The rest, digests of salted documents too, says nothing of a person.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, SmallInteger, String, Table, Text

from gateway.store.schema import METADATA, Id, Micros
from gateway.store.sealed_columns import SEALED

BLIND_BYTES: Final = 16
_Blind = LargeBinary(BLIND_BYTES)
_Hash = LargeBinary(32)
_Region = String(32)
_Sequence = BigInteger().with_variant(Integer(), "sqlite")

REQUESTS: Final = Table(
    "exchange_requests",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("held", String(8), nullable=False),
    Column("source", _Region, nullable=False),
    Column("target", _Region, nullable=False),
    Column("caller", String(128), nullable=False),
    Column("idempotency", _Blind, nullable=False),
    Column("item", String(64), nullable=False),
    Column("item_type", String(64), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("purpose", String(32), nullable=False),
    Column("medium", String(16), nullable=False),
    Column("consent", Boolean, nullable=False),
    Column("agreement", String(64), nullable=False),
    Column("catalog_version", String(16), nullable=False),
    Column("digest", _Hash, nullable=False),
    Column("order_key", _Blind, nullable=False),
    Column("state", String(16), nullable=False),
    Column("disputed", String(8), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("heard", Integer, nullable=False),
    Column("submitted_at", Micros, nullable=False),
    Column("delivered_at", Micros),
    Column("answered_at", Micros),
    Column("deadline", Micros, nullable=False),
    Column("changed_at", Micros, nullable=False),
    Column("open", Boolean, nullable=False),
    Column("content", LargeBinary, info=SEALED),
    Column("reply", LargeBinary, info=SEALED),
    Column("reply_digest", _Hash),
    Column("disputes", LargeBinary, info=SEALED),
    Column("receipt", Text),
    Column("chains", LargeBinary),
    Column("record", Id),
    Column("card", Id),
)
"""`heard` is the revision of the other gateway's history up to which it was followed; `record` the id of the evidence
of the reply. `chains` are the digests of the chains of the receipt, of source and target. `card` is what the target
region calls the card that must be in use before its platform gets the request, where one is named."""

Index("uq_exchange_requests_idempotency", REQUESTS.c.idempotency, unique=True)
Index("ix_exchange_requests_sent", REQUESTS.c.caller, REQUESTS.c.state, REQUESTS.c.id)
Index("ix_exchange_requests_received", REQUESTS.c.target, REQUESTS.c.state, REQUESTS.c.id)
# SQLite takes such an index only for a query that says the same to the letter: `is_(True)`, never the bare column.
Index(
    "ix_exchange_requests_deadline",
    REQUESTS.c.deadline,
    sqlite_where=REQUESTS.c.open.is_(True),
    postgresql_where=REQUESTS.c.open.is_(True),
)
Index(
    "ix_exchange_requests_erasure",
    REQUESTS.c.changed_at,
    sqlite_where=REQUESTS.c.open.is_(False) & REQUESTS.c.content.is_not(None),
    postgresql_where=REQUESTS.c.open.is_(False) & REQUESTS.c.content.is_not(None),
)

Index("ix_exchange_requests_card", REQUESTS.c.card)

EVENTS: Final = Table(
    "exchange_events",
    METADATA,
    Column("request", Id, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("event", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("time", Micros, nullable=False),
    Column("region", _Region, nullable=False),
    Column("reason", String(63), nullable=False),
    sqlite_with_rowid=False,
)

QUEUE: Final = Table(
    "exchange_queue",
    METADATA,
    Column("place", _Sequence, primary_key=True, autoincrement=True),
    Column("lane", String(40), nullable=False),
    Column("request", Id, nullable=False),
    Column("task", String(16), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("order_key", _Blind, nullable=False),
    Column("due", Micros, nullable=False),
    Column("lease", BigInteger, nullable=False),
    Column("failures", SmallInteger, nullable=False),
    Column("dead", Boolean, nullable=False),
    Column("reason", String(63), nullable=False),
    Column("added_at", Micros, nullable=False),
    sqlite_autoincrement=True,
)
"""What is to be handed on, lane by lane: `out:{region}` to a peer's gateway, `in:{region}` to the platform of a home.

`place` is the order of arrival. Whoever takes a row sets `due` to the end of its lease and counts `lease` up; what it
says later counts only if the number is still the same. A `dead` row was laid aside for the operator.
"""

Index("ix_exchange_queue_lane", QUEUE.c.lane, QUEUE.c.dead, QUEUE.c.place)
Index("ix_exchange_queue_order", QUEUE.c.order_key, QUEUE.c.place)
Index("ix_exchange_queue_request", QUEUE.c.request)

WAITING: Final = Table(
    "exchange_waiting",
    METADATA,
    Column("name", String(200), primary_key=True),
    Column("requests", Integer, nullable=False),
)
"""How many requests of a caller wait for a region, `{caller}>{region}`."""

CHAINS: Final = Table(
    "exchange_chains",
    METADATA,
    Column("digest", _Hash, primary_key=True),
    Column("chain", Text, nullable=False),
)
"""Trust chains of receipts, each once: JSON lists of statements, by the SHA-256 of the text."""

ATTACHMENTS: Final = Table(
    "exchange_attachments",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("owner", _Region, nullable=False),
    Column("caller", String(128), nullable=False),
    Column("upload", _Blind, nullable=False, unique=True),
    Column("digest", _Hash, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("media_type", String(100), nullable=False),
    Column("stored", BigInteger, nullable=False),
    Column("complete", Boolean, nullable=False),
    Column("changed_at", Micros, nullable=False),
    Column("request", Id),
    Index(None, "request"),
    Index(None, "changed_at"),
)

CHUNKS: Final = Table(
    "exchange_chunks",
    METADATA,
    Column("attachment", Id, primary_key=True),
    Column("start", BigInteger, primary_key=True),
    Column("data", LargeBinary, nullable=False, info=SEALED),
)
