"""Tables of catalogs that replicas share: the versions that were published, and who has signed them.

Rows are added and never changed, so that it does not matter which replica is first. All of it is public.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, LargeBinary, String, Table, Text

from gateway.store.schema import METADATA

_DIGEST_LETTERS: Final = 43

CATALOG_VERSIONS: Final = Table(
    "catalog_versions",
    METADATA,
    Column("digest", String(_DIGEST_LETTERS), primary_key=True),
    Column("document", LargeBinary, nullable=False),
)
"""`document` is the canonical form, `digest` its SHA-256 in base64url."""

CATALOG_SIGNATURES: Final = Table(
    "catalog_signatures",
    METADATA,
    Column("catalog", String(48), primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("region", String(32), primary_key=True),
    Column("version", String(_DIGEST_LETTERS), nullable=False),
    Column("text", Text, nullable=False),
)
"""`text` is the signature of a region, compact JWS, under the version with the digest `version`.

A region signs one content for one number: of two that replicas have taken at the same moment the first that is told
stays here."""
