"""Tables of trust that replicas share: what each home entity has published last, and the revocations that are believed.

Whom a replica believes it finds out by itself; these are what others would hear two versions of.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Identity, Integer, LargeBinary, String, Table, Text

from gateway.store.schema import METADATA

_DIGEST_BYTES: Final = 32

PUBLICATIONS: Final = Table(
    "publications",
    METADATA,
    Column("entity", String(512), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("text", Text, nullable=False),
    Column("history", Text, nullable=False),
)
"""`text` is the configuration of the greatest `version`, compact JWS; `history` a JSON object with its links and ended
keys. All of it is public."""

REVOCATIONS: Final = Table(
    "revocations",
    METADATA,
    Column(
        "place",
        BigInteger().with_variant(Integer(), "sqlite"),
        Identity(always=False),
        primary_key=True,
        autoincrement=True,
    ),
    Column("digest", LargeBinary(_DIGEST_BYTES), nullable=False, unique=True),
    Column("text", Text, nullable=False),
)
"""`text` is a compact JWS, `digest` its SHA-256."""
