"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make all tables."""
    _about()
    _card_copies()
    _card_events()
    _card_feeds()
    _copied_cards()
    _evidence_alarms()
    _evidence_bundles()
    _evidence_checkpoints()
    _evidence_cosignatures()
    _evidence_peers()
    _evidence_tiles()
    _exchange_attachments()
    _exchange_chains()
    _exchange_chunks()
    _exchange_events()
    _exchange_queue()
    _exchange_requests()
    _exchange_waiting()
    _publications()
    _replay()
    _revocations()
    _revoked_places()
    _status_lists()
    _status_places()


def _about() -> None:
    op.create_table(
        "about",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_about")),
    )


def _card_copies() -> None:
    op.create_table(
        "card_copies",
        sa.Column("home", sa.String(length=32), nullable=False),
        sa.Column("visited", sa.String(length=32), nullable=False),
        sa.Column("feed", sa.String(length=64), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("home", "visited", name=op.f("pk_card_copies")),
        sqlite_with_rowid=False,
    )


def _card_events() -> None:
    op.create_table(
        "card_events",
        sa.Column("home", sa.String(length=32), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("card", sa.LargeBinary(length=16), nullable=False),
        sa.Column("slot", sa.SmallInteger(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.String(length=200), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("reported", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("home", "number", name=op.f("pk_card_events")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_card_events_home_card", "card_events", ["home", "card"], unique=False)


def _card_feeds() -> None:
    op.create_table(
        "card_feeds",
        sa.Column("home", sa.String(length=32), nullable=False),
        sa.Column("feed", sa.String(length=64), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("heard", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("home", name=op.f("pk_card_feeds")),
        sqlite_with_rowid=False,
    )


def _copied_cards() -> None:
    op.create_table(
        "copied_cards",
        sa.Column("home", sa.String(length=32), nullable=False),
        sa.Column("visited", sa.String(length=32), nullable=False),
        sa.Column("card", sa.LargeBinary(length=16), nullable=False),
        sa.Column("marks", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("home", "visited", "card", name=op.f("pk_copied_cards")),
        sqlite_with_rowid=False,
    )


def _evidence_alarms() -> None:
    op.create_table(
        "evidence_alarms",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("origin", sa.String(length=256), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("held", sa.Text(), nullable=False),
        sa.Column("offered", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence_alarms")),
    )


def _evidence_bundles() -> None:
    op.create_table(
        "evidence_bundles",
        sa.Column("place", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("records", sa.LargeBinary(), nullable=False),
        sa.Column("leaves", sa.LargeBinary(), nullable=False),
        sa.Column("personal", sa.LargeBinary(), nullable=True),
        sa.Column("frontier", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("place", name=op.f("pk_evidence_bundles")),
    )
    op.create_index(op.f("ix_evidence_bundles_time"), "evidence_bundles", ["time"], unique=False)


def _evidence_checkpoints() -> None:
    op.create_table(
        "evidence_checkpoints",
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_evidence_checkpoints")),
    )


def _evidence_cosignatures() -> None:
    op.create_table(
        "evidence_cosignatures",
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("size", "name", name=op.f("pk_evidence_cosignatures")),
    )


def _evidence_peers() -> None:
    op.create_table(
        "evidence_peers",
        sa.Column("origin", sa.String(length=256), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("origin", name=op.f("pk_evidence_peers")),
    )


def _evidence_tiles() -> None:
    op.create_table(
        "evidence_tiles",
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("subjects", sa.LargeBinary(), nullable=True),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "number", name=op.f("pk_evidence_tiles")),
    )


def _exchange_attachments() -> None:
    op.create_table(
        "exchange_attachments",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("owner", sa.String(length=32), nullable=False),
        sa.Column("caller", sa.String(length=128), nullable=False),
        sa.Column("upload", sa.LargeBinary(length=16), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("stored", sa.BigInteger(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("request", sa.LargeBinary(length=16), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_attachments")),
        sa.UniqueConstraint("upload", name=op.f("uq_exchange_attachments_upload")),
    )
    op.create_index(op.f("ix_exchange_attachments_changed_at"), "exchange_attachments", ["changed_at"], unique=False)
    op.create_index(op.f("ix_exchange_attachments_request"), "exchange_attachments", ["request"], unique=False)


def _exchange_chains() -> None:
    op.create_table(
        "exchange_chains",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("chain", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_exchange_chains")),
    )


def _exchange_chunks() -> None:
    op.create_table(
        "exchange_chunks",
        sa.Column("attachment", sa.LargeBinary(length=16), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("attachment", "start", name=op.f("pk_exchange_chunks")),
    )


def _exchange_events() -> None:
    op.create_table(
        "exchange_events",
        sa.Column("request", sa.LargeBinary(length=16), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("region", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=63), nullable=False),
        sa.PrimaryKeyConstraint("request", "revision", name=op.f("pk_exchange_events")),
        sqlite_with_rowid=False,
    )


def _exchange_queue() -> None:
    op.create_table(
        "exchange_queue",
        sa.Column("place", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("lane", sa.String(length=40), nullable=False),
        sa.Column("request", sa.LargeBinary(length=16), nullable=False),
        sa.Column("task", sa.String(length=16), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("order_key", sa.LargeBinary(length=16), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.Column("lease", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.SmallInteger(), nullable=False),
        sa.Column("dead", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=63), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("place", name=op.f("pk_exchange_queue")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_exchange_queue_lane", "exchange_queue", ["lane", "dead", "place"], unique=False)
    op.create_index("ix_exchange_queue_order", "exchange_queue", ["order_key", "place"], unique=False)
    op.create_index("ix_exchange_queue_request", "exchange_queue", ["request"], unique=False)


def _exchange_requests() -> None:
    op.create_table(
        "exchange_requests",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("held", sa.String(length=8), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("target", sa.String(length=32), nullable=False),
        sa.Column("caller", sa.String(length=128), nullable=False),
        sa.Column("idempotency", sa.LargeBinary(length=16), nullable=False),
        sa.Column("item", sa.String(length=64), nullable=False),
        sa.Column("item_type", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("medium", sa.String(length=16), nullable=False),
        sa.Column("consent", sa.Boolean(), nullable=False),
        sa.Column("agreement", sa.String(length=64), nullable=False),
        sa.Column("catalog_version", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("order_key", sa.LargeBinary(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("disputed", sa.String(length=8), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("heard", sa.Integer(), nullable=False),
        sa.Column("submitted_at", sa.BigInteger(), nullable=False),
        sa.Column("delivered_at", sa.BigInteger(), nullable=True),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.Column("deadline", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("reply", sa.LargeBinary(), nullable=True),
        sa.Column("reply_digest", sa.LargeBinary(length=32), nullable=True),
        sa.Column("disputes", sa.LargeBinary(), nullable=True),
        sa.Column("receipt", sa.Text(), nullable=True),
        sa.Column("chains", sa.LargeBinary(), nullable=True),
        sa.Column("record", sa.LargeBinary(length=16), nullable=True),
        sa.Column("card", sa.LargeBinary(length=16), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_requests")),
    )
    op.create_index("ix_exchange_requests_card", "exchange_requests", ["card"], unique=False)
    op.create_index(
        "ix_exchange_requests_deadline",
        "exchange_requests",
        ["deadline"],
        unique=False,
        postgresql_where=sa.text("open IS true"),
        sqlite_where=sa.text("open IS 1"),
    )
    op.create_index(
        "ix_exchange_requests_erasure",
        "exchange_requests",
        ["changed_at"],
        unique=False,
        postgresql_where=sa.text("open IS false AND content IS NOT NULL"),
        sqlite_where=sa.text("open IS 0 AND content IS NOT NULL"),
    )
    op.create_index("ix_exchange_requests_received", "exchange_requests", ["target", "state", "id"], unique=False)
    op.create_index("ix_exchange_requests_sent", "exchange_requests", ["caller", "state", "id"], unique=False)
    op.create_index("uq_exchange_requests_idempotency", "exchange_requests", ["idempotency"], unique=True)


def _exchange_waiting() -> None:
    op.create_table(
        "exchange_waiting",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_exchange_waiting")),
    )


def _publications() -> None:
    op.create_table(
        "publications",
        sa.Column("entity", sa.String(length=512), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("history", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("entity", name=op.f("pk_publications")),
    )


def _replay() -> None:
    op.create_table(
        "replay",
        sa.Column("token", sa.LargeBinary(length=16), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_replay")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_replay_until"), "replay", ["until"], unique=False)


def _revocations() -> None:
    op.create_table(
        "revocations",
        sa.Column(
            "place",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            sa.Identity(always=False),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("place", name=op.f("pk_revocations")),
        sa.UniqueConstraint("digest", name=op.f("uq_revocations_digest")),
    )


def _revoked_places() -> None:
    op.create_table(
        "revoked_places",
        sa.Column("region", sa.String(length=32), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("region", "number", "place", name=op.f("pk_revoked_places")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_revoked_places_until"), "revoked_places", ["until"], unique=False)


def _status_lists() -> None:
    op.create_table(
        "status_lists",
        sa.Column("region", sa.String(length=32), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("region", "number", name=op.f("pk_status_lists")),
    )


def _status_places() -> None:
    op.create_table(
        "status_places",
        sa.Column("until", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("region", sa.String(length=32), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("token", sa.LargeBinary(length=16), nullable=False),
        sa.Column("subject", sa.LargeBinary(length=16), nullable=False),
        sa.Column("card", sa.LargeBinary(length=16), nullable=True),
        sa.PrimaryKeyConstraint("until", "region", "number", "place", name=op.f("pk_status_places")),
        sqlite_with_rowid=False,
    )
