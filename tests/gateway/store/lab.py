"""A table and handlers that only tests have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Column, Integer, MetaData, String, Table, insert, select
from sqlalchemy.schema import CreateTable

from gateway.errors import LimitError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.errors import GatewayError
    from gateway.store.store import Store, Transaction

SAYINGS = Table(
    "sayings",
    MetaData(),
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("words", String, nullable=False),
)
CHANNEL = "lab"


async def make_tables(store: Store) -> None:
    """Make the table."""
    await store.commit(_create, None)


async def _create(transaction: Transaction, items: Sequence[None]) -> Sequence[None]:
    await transaction.execute(CreateTable(SAYINGS))
    return items


class Sayer:
    """Adds rows, and notes how many came together."""

    def __init__(self) -> None:
        """Begin without any."""
        self.together: list[int] = []

    async def add(self, transaction: Transaction, items: Sequence[int]) -> Sequence[int | GatewayError]:
        """Add a row for each number; refuse those below zero, and tell the others."""
        self.together.append(len(items))
        good = [item for item in items if item >= 0]
        if good:
            await transaction.execute(insert(SAYINGS), [{"id": item, "words": "测试"} for item in good])
        for item in good:
            transaction.notify(CHANNEL, str(item))
        return [item if item >= 0 else LimitError(limit="lab") for item in items]


async def kept(store: Store) -> list[int]:
    """Read which rows are there."""
    async with store.reading() as connection:
        return list((await connection.execute(select(SAYINGS.c.id).order_by(SAYINGS.c.id))).scalars())
