"""Which one-time recognitions were used up: a hash of issuer and identifier, and until when it counts, Unix seconds."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Table

from gateway.store.schema import METADATA, Id

REPLAY: Final = Table(
    "replay",
    METADATA,
    Column("token", Id, primary_key=True),
    Column("until", BigInteger, nullable=False, index=True),
    sqlite_with_rowid=False,
)
