"""Ids and times of the schema."""

from __future__ import annotations

import time
import uuid

from gateway.store.schema import ID_BYTES, new_id, now_micros


def test_ids_are_in_the_order_in_which_they_were_made() -> None:
    """A later id is greater than one that was made a microsecond before; all are UUIDs of version 7."""
    ids = []
    for _ in range(200):
        ids.append(new_id())
        until = time.time_ns() + 1000
        while time.time_ns() < until:
            pass
    assert ids == sorted(ids)
    assert len(set(ids)) == 200
    read = uuid.UUID(bytes=ids[0])
    assert (read.version, read.variant, len(ids[0])) == (7, uuid.RFC_4122, ID_BYTES)
    assert abs((read.int >> 80) - now_micros() // 1000) < 60_000
