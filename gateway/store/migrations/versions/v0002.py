"""Versions of catalogs that replicas share."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables of versions and of their signatures."""
    op.create_table(
        "catalog_versions",
        sa.Column("digest", sa.String(length=43), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_catalog_versions")),
    )
    op.create_table(
        "catalog_signatures",
        sa.Column("catalog", sa.String(length=48), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("region", sa.String(length=32), nullable=False),
        sa.Column("version", sa.String(length=43), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("catalog", "sequence", "region", name=op.f("pk_catalog_signatures")),
    )
