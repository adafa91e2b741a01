"""Which columns hold sealed values, and to what each value is bound: its table, its column and its row.

A column says so of itself: `Column("payload", LargeBinary, info=SEALED)`. Its table has a primary key of bytes, texts
and whole numbers, which never changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Column, MetaData, Table

    Key = bytes | str | int

SEALED: Final[dict[str, bool]] = {"sealed": True}


def context_of(column: Column[bytes], *key: Key) -> bytes:
    """Give the context under which the value of a column is sealed in the row of a primary key."""
    parts = [f"{column.table.name}.{column.name}".encode(), *map(_written, key)]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def sealed_columns(metadata: MetaData) -> Iterator[tuple[Table, Column[bytes]]]:
    """Give all columns that hold sealed values, with their tables."""
    for table in metadata.sorted_tables:
        for column in table.columns:
            if column.info.get("sealed"):
                yield table, column


def _written(part: Key) -> bytes:
    """Write a part of a key so that no two differ in type alone."""
    if isinstance(part, bytes):
        return b"b" + part
    return f"s{part}".encode() if isinstance(part, str) else f"i{part}".encode()
