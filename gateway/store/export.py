"""Writes out all that the store holds, as it was at one moment: JSON lines, one for each row.

The first line tells the revision of the schema and the moment. Bytes are base64; what is sealed stays sealed.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from gateway.store.migrate import known_revision
from gateway.store.schema import now_micros
from gateway.store.snapshot import snapshot
from gateway.store.tables import METADATA

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.store.engine import StoreEngine

_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


async def export(engine: StoreEngine) -> AsyncIterator[str]:
    """Give the lines (StoreUnavailableError); a gateway may run and write meanwhile."""
    yield _encode({"schema": known_revision(), "time": now_micros()})
    async with snapshot(engine) as connection:
        for table in METADATA.sorted_tables:
            result = await connection.stream(select(table).order_by(*table.primary_key))
            async for row in result.mappings():
                yield _encode({"table": table.name, "row": {name: _value(row[name]) for name in row}})


def _value(value: object) -> object:
    """Give a value as JSON has it."""
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value
