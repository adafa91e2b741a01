"""What a handler of the store works with: one transaction, shared by all that wait for the same commit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.engine import CursorResult
    from sqlalchemy.ext.asyncio import AsyncConnection
    from sqlalchemy.sql.base import Executable

    from gateway.errors import GatewayError

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Transaction:
    """A transaction under way: what is done in it is on disk as a whole, or not done, and perhaps done again."""

    __slots__ = ("_connection", "decisions", "notices")

    def __init__(self, connection: AsyncConnection) -> None:
        """Begin with nothing recorded and nothing to tell."""
        self._connection = connection
        self.decisions: list[Any] = []
        self.notices: dict[tuple[str, str], None] = {}

    @property
    def dialect(self) -> str:
        """Which engine it is: sqlite or postgresql."""
        return self._connection.dialect.name

    async def execute(
        self,
        statement: Executable,
        parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> CursorResult[Any]:
        """Run a statement, once for each of several parameters; its errors are the store's to judge."""
        return await self._connection.execute(statement, parameters)

    def record(self, decision: object) -> None:
        """Add a decision to the evidence, which is appended at the end of this transaction."""
        self.decisions.append(decision)

    def notify(self, channel: str, payload: str = "") -> None:
        """Tell who listens, on all replicas, once this is committed; the same is told once. Less than 8000 bytes."""
        self.notices[channel, payload] = None


Handler = Callable[[Transaction, Sequence[Item]], "Awaitable[Sequence[Answer | GatewayError]]"]
"""Does the work of several items in one transaction, and answers each by its place.

An answer that is a GatewayError is raised for that item only. A handler may be run again after a rollback, together
with other items or alone: it has no effect outside the transaction, and does not keep what it has read.
"""

Append = Callable[[Transaction, Sequence[Any]], Awaitable[None]]
"""Appends decisions to the evidence, at the end of a transaction."""
