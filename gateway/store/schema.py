"""The one schema: its metadata, the form of its ids and times, and the table of what the store says of itself.

Each topic adds its tables on `METADATA` in a file of its own, `tables_<topic>.py`. Times are whole microseconds since
1970, UTC. Ids have 16 bytes and are ordered by the time at which they were made.
"""

from __future__ import annotations

import secrets
import time
from typing import Final

from sqlalchemy import BigInteger, Column, LargeBinary, MetaData, String, Table

METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""Every constraint has a name that follows from what it is on, so that a migration can name it on both engines."""

ID_BYTES: Final = 16
Id: Final = LargeBinary(ID_BYTES)
Micros: Final = BigInteger()

ABOUT: Final = Table(
    "about",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("value", String(200), nullable=False),
)
"""What the store says of itself; `alive` is written to learn whether it can be written."""

_RANDOM_BITS: Final = 62


def new_id() -> bytes:
    """Make an id of 16 bytes, later ones greater than earlier ones (RFC 9562 section 5.7, UUIDv7).

    The twelve bits behind the milliseconds are a fraction of one (section 6.2, method 3), so that ids made one after
    another by one process are in order too.
    """
    millis, rest = divmod(time.time_ns(), 1_000_000)
    fraction = rest * 4096 // 1_000_000
    head = (millis << 16) | 0x7000 | fraction
    tail = (0b10 << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS)
    return ((head << 64) | tail).to_bytes(ID_BYTES, "big")


def now_micros() -> int:
    """Give the time in microseconds."""
    return time.time_ns() // 1000
