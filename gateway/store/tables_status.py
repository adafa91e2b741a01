"""The status lists of recognitions: which lists there are, who has a place on them, and which places are revoked.

Times are Unix seconds. Of a recognition only hashes of its identifier and of the holder's pseudonym are kept, and what
the region itself calls the card (`trust.pseudonym.home_card`), for as long as it lives. Its rows stand in the order in
which they end, and have no other index: they are written with every answer and looked for only when something is
revoked.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Integer, String, Table

from gateway.store.schema import METADATA, Id

_REGION: Final = String(32)

STATUS_LISTS: Final = Table(
    "status_lists",
    METADATA,
    Column("region", _REGION, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("until", BigInteger, nullable=False),
)

PLACES: Final = Table(
    "status_places",
    METADATA,
    Column("until", BigInteger, primary_key=True, autoincrement=False),
    Column("region", _REGION, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("token", Id, nullable=False),
    Column("subject", Id, nullable=False),
    Column("card", Id),
    sqlite_with_rowid=False,
)

REVOKED: Final = Table(
    "revoked_places",
    METADATA,
    Column("region", _REGION, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False, index=True),
    sqlite_with_rowid=False,
)
