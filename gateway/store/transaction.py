"""What a handler of the store works with: one transaction, shared by all that wait for the same commit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sqlalchemy import insert, select

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy import Column, Row, Table
    from sqlalchemy.engine import Connection, CursorResult
    from sqlalchemy.ext.asyncio import AsyncConnection
    from sqlalchemy.sql.base import Executable

    from gateway.errors import GatewayError

    Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None

Item = TypeVar("Item")
Answer = TypeVar("Answer")

_ROWS_TOGETHER: Final = 64


class Transaction(ABC):
    """A transaction under way: what is done in it is on disk as a whole, or not done, and perhaps done again.

    `dialect` names its engine: sqlite or postgresql.
    """

    __slots__ = ("decisions", "dialect", "notices")

    def __init__(self, dialect: str) -> None:
        """Begin with nothing recorded and nothing to tell."""
        self.dialect = dialect
        self.decisions: list[Any] = []
        self.notices: dict[tuple[str, str], None] = {}

    @abstractmethod
    async def execute(self, statement: Executable, parameters: Parameters = None) -> CursorResult[Any]:
        """Run a statement, once for each of several parameters; its errors are the store's to judge."""

    @abstractmethod
    async def find(self, column: Column[Any], values: Collection[object], *, lock: bool = False) -> Sequence[Row[Any]]:
        """Give the rows of a table of which a column has one of some values, in its order, as the driver gives them.

        With `lock` no other transaction changes them before the end of this one; they are locked in that order.
        """

    @abstractmethod
    async def add(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows, one at least, that all name the same columns with values as the driver takes them."""

    def record(self, decision: object) -> None:
        """Add a decision to the evidence, which is appended at the end of this transaction."""
        self.decisions.append(decision)

    def notify(self, channel: str, payload: str = "") -> None:
        """Tell who listens, on all replicas, once this is committed; the same is told once. Less than 8000 bytes."""
        self.notices[channel, payload] = None


class ServerTransaction(Transaction):
    """One whose statements wait for a server."""

    __slots__ = ("_connection",)

    def __init__(self, connection: AsyncConnection) -> None:
        """Take the connection."""
        super().__init__(connection.dialect.name)
        self._connection = connection

    async def execute(self, statement: Executable, parameters: Parameters = None) -> CursorResult[Any]:
        """Run a statement."""
        return await self._connection.execute(statement, parameters)

    async def find(self, column: Column[Any], values: Collection[object], *, lock: bool = False) -> Sequence[Row[Any]]:
        """Give rows."""
        statement = select(column.table).where(column.in_(values)).order_by(column)
        found = await self._connection.execute(statement.with_for_update() if lock else statement)
        return found.all()

    async def add(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows."""
        await self._connection.execute(insert(table), rows)


class FileTransaction(Transaction):
    """One in the thread that has the file; no statement is waited for."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        """Take the connection."""
        super().__init__(connection.dialect.name)
        self._connection = connection

    async def execute(self, statement: Executable, parameters: Parameters = None) -> CursorResult[Any]:
        """Run a statement."""
        return self._connection.execute(statement, parameters)

    async def find(self, column: Column[Any], values: Collection[object], *, lock: bool = False) -> Sequence[Row[Any]]:
        """Give rows; there is one writer, so that none can be changed meanwhile."""
        del lock
        text = _select_text(column.table.name, column.name, len(values))
        return self._connection.exec_driver_sql(text, tuple(values)).all()

    async def add(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows, many in one statement: at each statement the thread has to wait for the interpreter."""
        names = tuple(rows[0])
        for start in range(0, len(rows), _ROWS_TOGETHER):
            some = rows[start : start + _ROWS_TOGETHER]
            values = tuple([row[name] for row in some for name in names])
            self._connection.exec_driver_sql(_insert_text(table.name, names, len(some)), values)


@lru_cache(maxsize=512)
def _select_text(table: str, column: str, values: int) -> str:
    """Write the statement that finds rows by so many values of a column."""
    places = ", ".join("?" * values)
    return f'SELECT * FROM "{table}" WHERE "{column}" IN ({places}) ORDER BY "{column}"'  # noqa: S608 - words of the schema


@lru_cache(maxsize=256)
def _insert_text(table: str, names: tuple[str, ...], rows: int) -> str:
    """Write the statement that adds so many rows."""
    row = f"({', '.join('?' * len(names))})"
    columns = ", ".join(f'"{name}"' for name in names)
    return f'INSERT INTO "{table}" ({columns}) VALUES {", ".join([row] * rows)}'  # noqa: S608 - words of the schema


Handler = Callable[[Transaction, Sequence[Item]], "Awaitable[Sequence[Answer | GatewayError]]"]
"""Does the work of several items in one transaction, and answers each by its place.

An answer that is a GatewayError is raised for that item only. A handler may be run again after a rollback, together
with other items or alone: it has no effect outside the transaction, and does not keep what it has read. It waits for
nothing but the transaction. On SQLite it runs in a thread of the store: what it looks at besides its items never
changes, or is replaced as a whole.
"""

Append = Callable[[Transaction, Sequence[Any]], Awaitable[None]]
"""Appends decisions to the evidence, at the end of a transaction; in the same way as a handler."""
